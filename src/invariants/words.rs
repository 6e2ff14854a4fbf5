//! What users are told is what the server holds, and what the server decided stays decided.
//!
//! A `synced` is held against the server when it is told; everything else is judged at rest, by the last word.

use super::history::canonical;
use super::loss::entity_of;
use super::peers::{Held, needs_server};
use super::questions::is_negative;
use super::{Breach, History, Invariant, Log, Moment, OpRecord, wants};
use crate::model::{Domain, Entity, RowState};
use crate::sim::{NodeId, OpId, Time};
use crate::system::{Dot, Facts, PendingState, Verdict, Word};

/// What the user was told (synced, rejected, unknown) is what the server holds.
#[derive(Default)]
pub struct StatusTruthful;

impl StatusTruthful {
    fn lied(history: &History<'_>, log: &mut Log, record: &OpRecord, kind: &'static str, fact: &str) {
        let entity = entity_of(history, record);
        let (node, op) = (record.op.node, record.op.id);
        log.broke(history.domain, Breach { kind, entity, node, ops: &[op], at: None }, || {
            let word = record.last_word().map_or("nothing", Word::name);
            let (op, node) = (history.scenario.op_name(op), history.scenario.node_name(node));
            format!("{node} was told that {op} is {word:?}, but {fact}")
        });
    }

    /// Whether something of the op is still in effect on a node.
    fn is_present(history: &History<'_>, record: &OpRecord, node: NodeId) -> bool {
        let view = history.node(node);
        let op = record.op.id;
        let from = (op, Entity(0), 0, crate::model::Key::NONE);
        let rows = view.by_op.from(from).take_while(|(by, ..)| *by == op);
        let mut live = rows.filter(|(_, entity, ..)| !entity.is_bookkeeping()).filter_map(|(_, entity, _, key)| {
            view.rows.get(&(*entity, *key)).filter(|row| !row.deleted && row.state != RowState::Dead)
        });
        live.next().is_some()
    }

    /// Without a server `synced` says that another device has it.
    fn observe_among_devices(history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        let Moment::Told(node, op, Word::Synced) = moment else { return };
        let Some(record) = history.op(*op).filter(|record| history.domain.is_durable(&record.op)) else { return };
        log.exercised();
        let others = || history.devices().filter(|other| other != node);
        let cannot_be_there = others().all(|other| history.held(other, record).0 == Held::No);
        if record.on_others.is_none() && cannot_be_there {
            Self::lied(history, log, record, "synced-but-absent", "no other device had it");
        }
    }

    fn judge_op(history: &History<'_>, log: &mut Log, record: &OpRecord) {
        let forgotten = history.is_forgotten(record);
        let settled = history.facts.reports.pending && history.node(record.op.node).pending.is_empty();
        let refused = record.verdict().is_some_and(is_negative);
        match record.last_word() {
            Some(Word::Synced) if refused => {
                Self::lied(history, log, record, "synced-but-rejected", "the server had refused it");
            }
            Some(Word::Synced)
                if history.epochs.restored.is_some()
                    && record.verdicts.is_empty()
                    && !forgotten
                    && history.lacking(record).is_some() =>
            {
                Self::lied(history, log, record, "synced-but-gone", "the server lost it when it was restored");
            }
            Some(Word::Rejected) => {
                for node in [NodeId::SERVER, record.op.node] {
                    if Self::is_present(history, record, node) {
                        let fact = format!("its rows were still on {}", history.scenario.node_name(node));
                        Self::lied(history, log, record, "rejected-but-present", &fact);
                    }
                }
            }
            Some(Word::Unknown) if !forgotten => {
                Self::lied(history, log, record, "unknown-for-ever", "no later word ever followed");
            }
            Some(Word::Saved) if !forgotten && settled && refused => {
                Self::lied(history, log, record, "rejected-untold", "the server had refused it and nobody said so");
            }
            _ => {}
        }
    }

    fn judge_device(history: &History<'_>, log: &mut Log, node: NodeId) {
        let view = history.node(node);
        let scenario = history.scenario;
        let count = |wanted: &[PendingState]| view.pending.iter().filter(|one| wanted.contains(&one.state)).count();
        let waiting = count(&[PendingState::Queued, PendingState::InFlight]);
        let undone = waiting + count(&[PendingState::GivenUp]);
        let ops: Vec<OpId> = view.pending.iter().map(|one| one.op).collect();
        let breach = |kind| Breach { kind, entity: Entity(0), node, ops: &ops, at: None };
        if let Some(lamp) = view.lamp.filter(|_| history.facts.reports.lamp && history.facts.reports.pending) {
            if lamp.dot == Dot::Green && undone > 0 {
                log.broke(history.domain, breach("lamp-green"), || {
                    format!("the lamp of {} was green with {undone} ops not on the server", scenario.node_name(node))
                });
            }
            if lamp.pending as usize != waiting {
                log.broke(history.domain, breach("count-wrong"), || {
                    let name = scenario.node_name(node);
                    format!("{name} showed {} ops pending where {waiting} were", lamp.pending)
                });
            }
        }
        if let Some(told) = view.up_to_date {
            Self::judge_up_to_date(history, log, node, told);
        }
    }

    /// A device that is up to date as of a time holds every row made before that.
    fn judge_up_to_date(history: &History<'_>, log: &mut Log, node: NodeId, as_of: Time) {
        let scenario = history.scenario;
        for row in history.server().rows.values() {
            if row.deleted || row.entity.is_bookkeeping() {
                continue;
            }
            let key = canonical(row);
            let commits = history.commits.get(&(row.entity, key, 0));
            let since = commits.and_then(|list| list.first()).map(|first| first.at);
            if since.is_none_or(|since| since >= as_of)
                || !(history.in_scope)(node, row)
                || history.find(node, row.entity, key).is_some()
                || history.taken_away.contains_key(&(node, row.entity, key))
            {
                continue;
            }
            let breach = Breach { kind: "not-up-to-date", entity: row.entity, node, ops: &[row.origin], at: None };
            log.broke(history.domain, breach, || {
                let (name, table) = (scenario.row_name(row.entity, key), history.domain.entity_name(row.entity));
                let node = scenario.node_name(node);
                format!(
                    "{node} was told that it is up to date, but it did not have the {table} of {name}, made before that"
                )
            });
        }
    }
}

impl Invariant for StatusTruthful {
    fn name(&self) -> &'static str {
        "status-truthful"
    }
    fn promise(&self) -> &'static str {
        "what the user was told (synced, rejected, unknown) is what the server holds"
    }
    fn not_checked(&self, facts: &Facts, _: &Domain) -> Option<&'static str> {
        (!facts.reports.words).then_some("it does not report what users are told")
    }
    fn wants(&self) -> u8 {
        wants::TOLD
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        if !history.facts.server {
            return Self::observe_among_devices(history, moment, log);
        }
        if let Moment::Told(node, _, Word::UpToDate) = moment {
            return Self::judge_up_to_date(history, log, *node, history.as_of);
        }
        if history.is_from_before_a_restore() {
            return;
        }
        let Moment::Told(_, op, Word::Synced) = moment else { return };
        let Some(record) = history.op(*op) else { return };
        if !history.domain.is_durable(&record.op) {
            return;
        }
        log.exercised();
        let done = record.verdict() == Some(Verdict::Accepted) && !record.local;
        if !done && history.lacking(record).is_some() {
            Self::lied(history, log, record, "synced-but-absent", "the server did not have it");
        }
    }
    fn judge(&mut self, history: &History<'_>, log: &mut Log) {
        if !history.rested {
            return;
        }
        for record in history.ops().filter(|record| history.domain.is_durable(&record.op) && !record.excused) {
            Self::judge_op(history, log, record);
        }
        for n in 1..history.nodes.len() {
            Self::judge_device(history, log, NodeId(n as u16));
        }
    }
}

/// An accepted op is never later rejected, nor the reverse.
#[derive(Default)]
pub struct VerdictStable;

impl Invariant for VerdictStable {
    fn name(&self) -> &'static str {
        "verdict-stable"
    }
    fn promise(&self) -> &'static str {
        "an accepted op is never later rejected, nor the reverse"
    }
    fn not_checked(&self, facts: &Facts, _: &Domain) -> Option<&'static str> {
        needs_server(facts).or_else(|| (!facts.reports.verdicts).then_some("it does not report the server's verdicts"))
    }
    fn wants(&self) -> u8 {
        wants::DECIDED
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        let Moment::Decided(op, verdict) = moment else { return };
        let Some(record) = history.op(*op) else { return };
        let Some(before) = record.verdict() else { return };
        log.exercised();
        let refused = |verdict: Verdict| matches!(verdict, Verdict::Rejected { .. } | Verdict::Superseded { .. });
        let (kind, text) = match (before, *verdict) {
            (Verdict::Accepted, now) if refused(now) => ("accepted-then-rejected", "accepted and later refused"),
            (was, Verdict::Accepted) if refused(was) => ("rejected-then-accepted", "refused and later accepted"),
            _ => return,
        };
        let entity = entity_of(history, record);
        let breach = Breach { kind, entity, node: NodeId::SERVER, ops: &[*op], at: None };
        log.broke(history.domain, breach, || format!("{} was {text}", history.scenario.op_name(*op)));
    }
}
