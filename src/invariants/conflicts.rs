//! Concurrent edits: none is overwritten without a recorded decision, and none is turned down for no reason.
//!
//! The author of an edit had seen the field as its device showed it, hence every commit up to the one that set it so. A
//! later commit by somebody else is concurrent with the edit. Worked example: commits of a price are 5000 (opening), 6000
//! (price-1); price-2 was typed where 5000 showed, so price-1 was unseen, and price-2 may replace it only if a conflict
//! record or a word told says that price-1 lost.

use super::history::canonical;
use super::peers::{NO_SERVER, needs_server};
use super::questions::plain;
use super::{Breach, History, Invariant, Log, Moment, OpRecord, wants};
use crate::model::{Class, Domain, Effect, Entity, Key, Value};
use crate::sim::{NodeId, OpId, Time};
use crate::system::{Facts, Rule, Verdict, Why, Word, Write};

/// The fields that an op sets, those of a row that others can make as well among them.
fn edits(history: &History<'_>, record: &OpRecord) -> Vec<(Entity, Key, u8, Value)> {
    let mut edits = Vec::new();
    for effect in history.effects(record) {
        match effect {
            Effect::Set { entity, key, field, value } => edits.push((entity, plain(key), field, value)),
            Effect::Create(row) if !row.key.is_made() => {
                let fields = history.domain.fields(row.entity).iter().enumerate();
                let plain = fields.filter(|(_, spec)| spec.class == Class::Plain);
                edits.extend(plain.map(|(field, _)| (row.entity, row.key, field as u8, row.fields[field])));
            }
            _ => {}
        }
    }
    edits
}

/// Whether two values of a field are the same, whatever ids a reference has on the server and on its device.
fn same(history: &History<'_>, (entity, field): (Entity, u8), there: Value, here: Value) -> bool {
    match (history.domain.class(entity, field), there.as_key(), here.as_key()) {
        (Class::Reference(to), Some(there), Some(here)) => {
            history.canonical(NodeId::SERVER, to, there) == history.canonical(NodeId::SERVER, to, here)
        }
        _ => there == here,
    }
}

struct Overwrite {
    at: Time,
    entity: Entity,
    key: Key,
    field: u8,
    lost: OpId,
    by: OpId,
    text: (String, String),
}

/// A concurrent edit is never overwritten without a recorded decision.
#[derive(Default)]
pub struct ConflictsDecided {
    overwrites: Vec<Overwrite>,
}

impl ConflictsDecided {
    fn wrote(&mut self, history: &History<'_>, write: &Write, log: &mut Log) {
        let (Some(before), Some(after)) = (&write.before, &write.after) else { return };
        if before.deleted || after.deleted || write.why == Why::RolledBack || after.entity.is_bookkeeping() {
            return;
        }
        for (field, spec) in history.domain.fields(after.entity).iter().enumerate() {
            let (lost, setter) = (before.set_by[field], after.set_by[field]);
            let (was, is) = (before.fields[field], after.fields[field]);
            if !matches!(spec.class, Class::Plain | Class::Reference(_))
                || was == is
                || lost == setter
                || !lost.is_some()
            {
                continue;
            }
            let (entity, key, field) = (after.entity, canonical(after), field as u8);
            let list = history.commits.get(&(entity, key, field)).unwrap_or_default();
            let place = |op: OpId| list.iter().position(|commit| commit.op == op);
            let Some(lost_at) = list.iter().rposition(|commit| commit.op == lost) else { continue };
            // An older value that is written again over a newer one: its writer cannot have seen what it replaced.
            let stale = !setter.is_some() || place(setter).is_some_and(|setter| setter < lost_at);
            let by = if stale { write.op } else { setter };
            let node = |op: OpId| history.op(op).map(|record| record.op.node);
            if node(by).is_none() || (!stale && node(by) == node(lost)) || by == lost {
                continue;
            }
            log.exercised();
            let seen = history.seen_upto(by, entity, key, field, true);
            let unseen = stale || seen.is_some_and(|seen| seen < lost_at as isize);
            if unseen {
                let text = (was.to_string(), is.to_string());
                self.overwrites.push(Overwrite { at: history.now, entity, key, field, lost, by, text });
            }
        }
    }

    fn judge_overwrite(history: &History<'_>, log: &mut Log, one: &Overwrite) {
        let decided = history.op(one.lost).is_none_or(|record| record.decided_against);
        let list = history.commits.get(&(one.entity, one.key, one.field)).unwrap_or_default();
        let again = list.iter().any(|commit| commit.op == one.lost && commit.at > one.at);
        if decided || again {
            return;
        }
        log.lost_edit(one.lost);
        let ops = [one.lost, one.by];
        let breach = Breach {
            kind: "overwritten-unseen",
            entity: one.entity,
            node: NodeId::SERVER,
            ops: &ops,
            at: Some(one.at),
        };
        log.broke(history.domain, breach, || {
            let scenario = history.scenario;
            let name = scenario.row_name(one.entity, one.key);
            let field = history.domain.fields(one.entity)[one.field as usize].name;
            let (lost, by) = (scenario.op_name(one.lost), scenario.op_name(one.by));
            let (was, is) = &one.text;
            format!("{by} replaced the {field} of {name}, {was} by {lost}, with {is}; its author had not seen {lost}, and nothing records that {lost} lost")
        });
    }

    fn judge_dropped(history: &History<'_>, log: &mut Log, record: &OpRecord) {
        let synced = record.last_word() == Some(Word::Synced) || record.verdict() == Some(Verdict::Accepted);
        if !synced || record.decided_against || record.excused || !history.domain.is_durable(&record.op) {
            return;
        }
        let op = record.op.id;
        for (entity, key, field, value) in edits(history, record) {
            let Some(list) = history.commits.get(&(entity, key, field)) else { continue };
            let Some(seen) = history.seen_upto(op, entity, key, field, true) else { continue };
            let since = &list[((seen + 1).max(0) as usize).min(list.len())..];
            let own = |by: OpId| history.is_own(record.op.node, by);
            let taken = list.iter().any(|commit| commit.op == op)
                || list[(seen.max(0) as usize).min(list.len())..]
                    .iter()
                    .any(|commit| same(history, (entity, field), commit.value, value));
            let replaced =
                list.iter().any(|commit| own(commit.op) && history.op(commit.op).is_some_and(|by| by.at > record.at));
            let Some(winner) = since.iter().rev().find(|commit| commit.op.is_some() && !own(commit.op)) else {
                continue;
            };
            if taken || replaced {
                continue;
            }
            log.lost_edit(op);
            let ops = [op, winner.op];
            let breach = Breach { kind: "dropped-undecided", entity, node: record.op.node, ops: &ops, at: None };
            log.broke(history.domain, breach, || {
                let scenario = history.scenario;
                let name = scenario.row_name(entity, key);
                let field = history.domain.fields(entity)[field as usize].name;
                let (lost, winner) = (scenario.op_name(op), scenario.op_name(winner.op));
                format!("{lost} passed for done, but the {field} of {name} stayed as {winner} had set it, and nothing records that {lost} lost")
            });
        }
    }
}

impl Invariant for ConflictsDecided {
    fn name(&self) -> &'static str {
        "conflicts-decided"
    }
    fn promise(&self) -> &'static str {
        "a concurrent edit is never overwritten without a recorded decision"
    }
    fn not_checked(&self, facts: &Facts, _: &Domain) -> Option<&'static str> {
        needs_server(facts).or_else(|| (!facts.reports.authors).then_some("it does not report which op set a field"))
    }
    fn wants(&self) -> u8 {
        wants::WROTE_ON_SERVER
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        if let Moment::Wrote(NodeId::SERVER, write) = moment {
            self.wrote(history, write, log);
        }
    }
    fn restored(&mut self, _: &History<'_>, made: Time) {
        self.overwrites.retain(|one| one.at <= made);
    }
    fn judge(&mut self, history: &History<'_>, log: &mut Log) {
        for one in &self.overwrites {
            Self::judge_overwrite(history, log, one);
        }
        if history.rested {
            for record in history.ops() {
                Self::judge_dropped(history, log, record);
            }
        }
    }
}

/// An op whose fields nobody else changed since its author's view is never rejected, superseded or sent to a human.
#[derive(Default)]
pub struct ConflictsAreReal;

/// Whether somebody else changed what the op is about, or the history cannot tell.
fn is_real(history: &History<'_>, record: &OpRecord) -> bool {
    let node = record.op.node;
    // A device that was wiped no longer knew of its own earlier ops.
    let wiped = history.node(node).wiped.is_some();
    let other = |by: OpId| by.is_some() && by != record.op.id && (wiped || !history.is_own(node, by));
    let deleted = |entity: Entity, key: Key| {
        let by = history.deletions.get(&(entity, key)).map(|(_, by)| *by);
        let tombstone = history.find(NodeId::SERVER, entity, key).is_some_and(|row| row.deleted);
        by.is_some_and(other) || (tombstone && by.is_none())
    };
    let touched = |entity: Entity, key: Key| {
        let fields = 0..history.domain.fields(entity).len() as u8;
        fields.filter_map(|field| history.commits.get(&(entity, key, field))).flatten().any(|commit| other(commit.op))
    };
    // A restored server does not know the value that an author may have seen, until somebody sends it again.
    let lost = |entity: Entity, key: Key, field: u8| {
        let epochs = history.epochs.commits.iter().filter_map(|epoch| epoch.get(&(entity, key, field)));
        epochs.flatten().any(|commit| history.epochs.undone.contains(&commit.op))
    };
    let effects = history.effects(record);
    if effects.is_empty() || history.is_orphan(record) {
        return true;
    }
    if history.referred(record).iter().any(|(entity, key)| deleted(*entity, *key)) {
        return true;
    }
    effects.iter().any(|effect| match *effect {
        Effect::Create(row) => {
            let key = canonical(&row);
            deleted(row.entity, key) || touched(row.entity, key)
        }
        Effect::Delete { entity, key } => touched(entity, plain(key)),
        Effect::Add { entity, key, field, .. } => {
            let list = history.commits.get(&(entity, plain(key), field));
            list.is_some_and(|list| list.iter().any(|commit| other(commit.op)))
        }
        Effect::Set { entity, key, field, .. } => {
            let key = plain(key);
            let Some(seen) = history.seen_upto(record.op.id, entity, key, field, false) else { return true };
            let list = history.commits.get(&(entity, key, field)).unwrap_or_default();
            list.iter().skip((seen + 1).max(0) as usize).any(|commit| other(commit.op)) || lost(entity, key, field)
        }
    })
}

impl Invariant for ConflictsAreReal {
    fn name(&self) -> &'static str {
        "conflicts-are-real"
    }
    fn promise(&self) -> &'static str {
        "an op whose fields nobody else changed since its author's view is never turned down as a conflict"
    }
    fn not_checked(&self, facts: &Facts, _: &Domain) -> Option<&'static str> {
        match (facts.reports.authors, facts.reports.verdicts) {
            _ if !facts.server => Some(NO_SERVER),
            (false, _) => Some("it does not report which op set a field"),
            (_, false) => Some("it does not report the server's verdicts"),
            _ => None,
        }
    }
    fn wants(&self) -> u8 {
        wants::DECIDED
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        let Moment::Decided(op, verdict) = moment else { return };
        let (Verdict::Superseded { .. }
        | Verdict::Manual
        | Verdict::Rejected { rule: Rule::Conflict | Rule::Deleted, .. }) = verdict
        else {
            if history.op(*op).is_some_and(|record| !record.seen.is_empty()) {
                log.exercised();
            }
            return;
        };
        let Some(record) = history.op(*op) else { return };
        log.exercised();
        if is_real(history, record) {
            return;
        }
        let entity = super::loss::entity_of(history, record);
        let breach = Breach { kind: "false-conflict", entity, node: NodeId::SERVER, ops: &[*op], at: None };
        log.broke(history.domain, breach, || {
            let name = history.scenario.op_name(*op);
            let how = match verdict {
                Verdict::Superseded { .. } => "superseded",
                Verdict::Manual => "left to a human",
                _ => "rejected as a conflict",
            };
            format!("{name} was {how}, though nobody else had changed what it is about since its author looked")
        });
    }
}
