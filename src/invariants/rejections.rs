//! A rejection names a rule that failed on the server at that instant.
//!
//! Several ops may be decided in one step, and verdicts are seen after all of its writes: a figure is right if the
//! quantity had it at any time within that step. Conflicts are judged in [`super::conflicts`].

use super::history::canonical;
use super::loss::entity_of;
use super::peers::needs_server;
use super::questions::plain;
use super::{Breach, History, Invariant, Log, Moment, OpRecord, wants};
use crate::model::{Class, Domain, Effect, Entity, Key, Row};
use crate::sim::{NodeId, OpId, clock};
use crate::system::{Facts, Rule, Verdict};

/// A rejection names a rule that failed on the server at that instant.
#[derive(Default)]
pub struct RejectionsJustified;

const DAY: i64 = 86_400_000_000;

/// The rows that a rejection may be about, with the field that holds the quantity.
fn candidates<'a>(history: &'a History<'_>, about: Key) -> Vec<(&'a Row, u8)> {
    let mut found = Vec::new();
    for (entity, spec) in history.domain.entity_specs() {
        let fields = spec.fields.iter().enumerate().filter(|(_, field)| field.class == Class::Quantity);
        for (field, _) in fields {
            let server = history.server();
            let row = server.rows.get(&(entity, about)).or_else(|| history.find(NodeId::SERVER, entity, plain(about)));
            found.extend(row.map(|row| (row, field as u8)));
        }
    }
    found
}

/// Whether a row's quantity was `figure` within the current step, or what can be sold of it was.
fn held(history: &History<'_>, row: &Row, field: u8, figure: i64) -> bool {
    let commits = history.commits.get(&(row.entity, canonical(row), field)).unwrap_or_default();
    let earlier = commits.iter().rposition(|commit| commit.at < history.now || !commit.op.is_some()).unwrap_or(0);
    if commits[earlier.min(commits.len())..].iter().any(|commit| commit.value.or_zero() == figure) {
        return true;
    }
    let whole = row.get(field).or_zero();
    history.domain.parts.iter().filter(|law| law.whole == (row.entity, field)).any(|law| {
        let all = (law.part.0, Key::NONE)..=(law.part.0, Key(u64::MAX));
        let server = history.server();
        let parts = || {
            let rows = server.rows.range(all.clone()).map(|(_, part)| part);
            rows.filter(|part| !part.deleted && part.get(law.reference).as_key() == Some(row.key))
        };
        let moved = |part: &Row| {
            let list = history.commits.get(&(part.entity, canonical(part), law.part.1));
            list.and_then(|list| list.last()).is_some_and(|last| last.at == history.now)
        };
        if parts().any(moved) || history.server().clock_bent {
            return true;
        }
        let today = (clock::MORNING + history.now.0 as i64).div_euclid(DAY);
        let expiry = history.domain.expiry.filter(|one| one.batch == law.part.0);
        let expires = |part: &Row| expiry.map_or(i64::MAX, |one| part.get(one.expires).or_zero());
        let sum = |keep: &dyn Fn(i64) -> bool| -> i64 {
            parts().filter(|part| keep(expires(part))).map(|part| part.get(law.part.1).or_zero()).sum()
        };
        let loose = whole - sum(&|_| true);
        let fresh = [sum(&|day| day > today), sum(&|day| day >= today)];
        fresh.iter().any(|fresh| *fresh == figure || fresh + loose == figure) || (loose == whole && whole == figure)
    })
}

impl RejectionsJustified {
    fn quantity(history: &History<'_>, log: &mut Log, op: OpId, about: Key, available: i64, requested: i64) {
        let rows = candidates(history, about);
        let record = history.op(op);
        let entity = match &rows[..] {
            [(row, _), ..] => row.entity,
            [] => record.map_or(Entity(0), |record| entity_of(history, record)),
        };
        let kind = if available >= requested {
            "not-short"
        } else if !rows.is_empty() && !rows.iter().any(|(row, field)| held(history, row, *field, available)) {
            "wrong-figure"
        } else {
            return;
        };
        let breach = Breach { kind, entity, node: NodeId::SERVER, ops: &[op], at: None };
        log.broke(history.domain, breach, || {
            let name = history.scenario.op_name(op);
            let holds = rows.first().map(|(row, field)| row.get(*field).to_string());
            match (kind, holds) {
                ("wrong-figure", Some(holds)) => {
                    format!("{name} was rejected because only {available} were left, but the server held {holds}")
                }
                _ => format!("{name} was rejected for want of stock, though it asked for {requested} of {available}"),
            }
        });
    }

    fn missing(history: &History<'_>, log: &mut Log, record: &OpRecord, about: Key) {
        let mut rows = history.referred(record);
        let names_rows = record.op.target != Key::NONE || record.op.lines().iter().any(|line| line.key != Key::NONE);
        if rows.is_empty() && names_rows {
            return;
        }
        if rows.iter().any(|(_, key)| *key == plain(about)) {
            rows.retain(|(_, key)| *key == plain(about));
        }
        let there = |(entity, key): &(Entity, Key)| {
            let live = history.find(NodeId::SERVER, *entity, *key).is_some_and(|row| !row.deleted);
            let first = history.commits.get(&(*entity, *key, 0)).and_then(|list| list.first());
            live && first.is_none_or(|first| first.at < history.now || !first.op.is_some())
        };
        if !rows.iter().all(there) {
            return;
        }
        let entity = rows.first().map_or_else(|| entity_of(history, record), |(entity, _)| *entity);
        let breach = Breach { kind: "not-missing", entity, node: NodeId::SERVER, ops: &[record.op.id], at: None };
        log.broke(history.domain, breach, || {
            let name = history.scenario.op_name(record.op.id);
            let what = match rows.first() {
                Some((entity, key)) => format!("{} was there", history.scenario.row_name(*entity, *key)),
                None => "it refers to no row".to_string(),
            };
            format!("{name} was rejected because a row was missing, but {what}")
        });
    }
}

impl RejectionsJustified {
    fn forbidden(history: &History<'_>, log: &mut Log, record: &OpRecord) {
        if is_forbidden(history, record.op.user) {
            return;
        }
        let (entity, op) = (entity_of(history, record), record.op.id);
        let breach = Breach { kind: "not-forbidden", entity, node: NodeId::SERVER, ops: &[op], at: None };
        log.broke(history.domain, breach, || {
            let name = history.scenario.op_name(op);
            format!("{name} was rejected because its user may not, but user {} may", record.op.user)
        });
    }

    fn taken(history: &History<'_>, log: &mut Log, record: &OpRecord) {
        let mut wanted: Vec<Row> = Vec::new();
        for effect in history.effects(record) {
            match effect {
                Effect::Create(row) => wanted.push(row),
                Effect::Set { entity, key, field, value } => {
                    let there = history.find(NodeId::SERVER, entity, plain(key));
                    wanted.extend(there.map(|row| row.with(field, value)));
                }
                Effect::Add { .. } | Effect::Delete { .. } => {}
            }
        }
        let held = |row: &Row| history.domain.unique_of(row.entity).any(|fields| history.holder(row, fields).is_some());
        if wanted.is_empty() || wanted.iter().any(held) {
            return;
        }
        let entity = wanted[0].entity;
        let breach = Breach { kind: "not-taken", entity, node: NodeId::SERVER, ops: &[record.op.id], at: None };
        log.broke(history.domain, breach, || {
            let name = history.scenario.op_name(record.op.id);
            format!(
                "{name} was rejected because somebody had it already, but no other {} did",
                history.domain.entity_name(entity)
            )
        });
    }
}

/// Whether the server holds a permission that says no for this user.
pub(super) fn is_forbidden(history: &History<'_>, user: u16) -> bool {
    let law = history.domain.permission;
    law.is_some_and(|law| history.server().rows.values().any(|row| law.forbids(row, user)))
}

impl Invariant for RejectionsJustified {
    fn name(&self) -> &'static str {
        "rejections-justified"
    }
    fn promise(&self) -> &'static str {
        "a rejection names a rule that failed on the server at that instant, with available and requested"
    }
    fn not_checked(&self, facts: &Facts, _: &Domain) -> Option<&'static str> {
        needs_server(facts).or_else(|| (!facts.reports.verdicts).then_some("it does not report the server's verdicts"))
    }
    fn wants(&self) -> u8 {
        wants::DECIDED
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        let Moment::Decided(op, Verdict::Rejected { rule, about, available, requested }) = *moment else { return };
        let Some(record) = history.op(op) else { return };
        // The same verdict given again is the first one repeated: it was right or wrong then.
        let again = Verdict::Rejected { rule, about, available, requested };
        if record.verdicts.iter().any(|(_, verdict)| *verdict == again) {
            return;
        }
        log.exercised();
        match rule {
            Rule::Quantity => Self::quantity(history, log, op, about, available, requested),
            Rule::Missing => Self::missing(history, log, record, about),
            Rule::Taken => Self::taken(history, log, record),
            Rule::Forbidden => Self::forbidden(history, log, record),
            Rule::Conflict | Rule::Deleted => {}
        }
    }
}
