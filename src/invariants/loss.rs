//! Nothing that the user was promised gets lost, and every outbox empties.
//!
//! Both are judged at rest only; what the user was told about an op is for [`super::words`].

use super::history::canonical;
use super::peers::Held;
use super::questions::is_negative;
use super::{Breach, History, Invariant, Log, Moment, OpRecord};
use crate::model::{Domain, Entity};
use crate::sim::{NodeId, OpId, Span};
use crate::system::{Facts, PendingState, Verdict, Word};

/// The entity that an op is about, for a violation's identity.
pub fn entity_of(history: &History<'_>, record: &OpRecord) -> Entity {
    let mut pieces = Vec::new();
    (history.domain.pieces)(&record.op, &mut pieces);
    let piece = pieces.first().map(|piece| piece.entity);
    piece.or_else(|| history.referred(record).first().map(|(entity, _)| *entity)).unwrap_or(Entity(0))
}

/// An op that the user was told is saved ends on the server, or is rejected, or is a visible dead letter.
#[derive(Default)]
pub struct NoOpLost;

impl NoOpLost {
    fn accounted_for(history: &History<'_>, record: &OpRecord) -> bool {
        let told = |word| record.was_told(word);
        let known = [Word::Rejected, Word::Superseded, Word::Conflict, Word::Refused, Word::DeadLetter];
        let accepted = record.verdict() == Some(Verdict::Accepted);
        let dead_letter = history.pending(record) == Some(PendingState::DeadLetter);
        let refused = record.verdicts.iter().any(|(_, verdict)| is_negative(*verdict));
        // A refusal that its user never hears of, of an op that nobody keeps any more, is a loss.
        let silent = history.facts.reports.pending
            && record.last_word() == Some(Word::Saved)
            && history.pending(record).is_none()
            && history.node(record.op.node).wiped.is_none();
        known.into_iter().any(told) || dead_letter || refused && !silent || (accepted && !record.local)
    }
}

impl NoOpLost {
    /// Without a server: at rest an op is on every device where it belongs, unless something newer took its place there.
    fn judge_among_devices(history: &History<'_>, log: &mut Log) {
        for record in history.ops() {
            if !history.domain.is_durable(&record.op) || !record.is_promised() || record.excused {
                continue;
            }
            log.exercised();
            if record.rolled_back || Self::accounted_for(history, record) {
                continue;
            }
            let up = |node: &NodeId| history.node(*node).unfinished == 0;
            let lacks = |node: NodeId| Some((node, history.held(node, record))).filter(|(_, held)| held.0 == Held::No);
            let lacking: Vec<(NodeId, Entity)> =
                history.devices().filter(up).filter_map(lacks).map(|(node, (_, entity))| (node, entity)).collect();
            let Some((node, entity)) = lacking.first().copied() else { continue };
            let nowhere = lacking.len() == history.devices().filter(up).count();
            let kind = if nowhere { "vanished" } else { "never-arrived" };
            let breach = Breach {
                kind,
                entity,
                node: if nowhere { record.op.node } else { node },
                ops: &[record.op.id],
                at: None,
            };
            log.broke(history.domain, breach, || {
                let (op, author) = (history.scenario.op_name(record.op.id), history.scenario.node_name(record.op.node));
                let word = record.told.first().map_or("saved", |(_, word)| word.name());
                match nowhere {
                    true => format!("{op} on {author} was told {word:?} and was on no device at rest"),
                    false => {
                        let node = history.scenario.node_name(node);
                        format!("{op} on {author} was told {word:?} and was not on {node} at rest")
                    }
                }
            });
        }
    }
}

impl Invariant for NoOpLost {
    fn name(&self) -> &'static str {
        "no-op-lost"
    }
    fn promise(&self) -> &'static str {
        "an op that the user was told is saved ends on the server, or is rejected, or is a visible dead letter"
    }
    fn not_checked(&self, facts: &Facts, _: &Domain) -> Option<&'static str> {
        (!facts.reports.words).then_some("it does not report what users are told")
    }
    fn wants(&self) -> u8 {
        0
    }
    fn observe(&mut self, _: &History<'_>, _: &Moment<'_>, _: &mut Log) {}
    fn judge(&mut self, history: &History<'_>, log: &mut Log) {
        if !history.rested {
            return;
        }
        if !history.facts.server {
            return Self::judge_among_devices(history, log);
        }
        for (entity, key, op, by, at) in &history.undone {
            if history.server().rows.values().any(|row| !row.deleted && (row.entity, canonical(row)) == (*entity, *key))
            {
                continue;
            }
            let ops = [*op, *by];
            let breach = Breach {
                kind: "undone-by-an-earlier-op",
                entity: *entity,
                node: NodeId::SERVER,
                ops: &ops,
                at: Some(*at),
            };
            log.broke(history.domain, breach, || {
                let (op, by) = (history.scenario.op_name(*op), history.scenario.op_name(*by));
                format!("{op} was undone on the server by {by}, which its user had done before it")
            });
        }
        for record in history.ops() {
            if !history.domain.is_durable(&record.op) || !record.is_promised() || record.excused {
                continue;
            }
            log.exercised();
            // A device that is down cannot say what it still wants.
            if history.node(record.op.node).unfinished > 0 {
                continue;
            }
            let state = history.pending(record);
            let dead = state == Some(PendingState::DeadLetter) || record.last_word() == Some(Word::DeadLetter);
            let unjust = dead
                && history.facts.reports.verdicts
                && record.verdicts.is_empty()
                && !record.was_told(Word::Rejected)
                && !history.is_orphan(record);
            if !unjust && Self::accounted_for(history, record) {
                continue;
            }
            let Some(entity) = history.lacking(record) else { continue };
            let (kind, end) = match state {
                _ if unjust => ("dropped-as-dead-letter", "became a dead letter that the server never refused"),
                Some(PendingState::GivenUp) => ("given-up", "was given up after its transport failed"),
                Some(PendingState::InFlight) => ("stuck-in-flight", "stayed marked in flight"),
                Some(PendingState::Queued) => ("never-sent", "was still queued"),
                _ => ("vanished", "was nowhere: not on the server, and no device still wanted to send it"),
            };
            let breach = Breach { kind, entity, node: record.op.node, ops: &[record.op.id], at: None };
            log.broke(history.domain, breach, || {
                let (op, node) = (history.scenario.op_name(record.op.id), history.scenario.node_name(record.op.node));
                let word = record.told.first().map_or("saved", |(_, word)| word.name());
                format!("{op} on {node} was told {word:?} and {end}")
            });
        }
    }
}

/// With the faults over, every outbox empties in bounded time.
#[derive(Default)]
pub struct OutboxDrains;

impl OutboxDrains {
    /// What was saved on a device that nothing has disturbed by then is sent within the declared time.
    fn check_waiting(history: &History<'_>, log: &mut Log, bound: Span) {
        for record in history.ops().filter(|record| record.local && history.domain.is_durable(&record.op)) {
            let saved = record.told.iter().find(|(_, word)| *word == Word::Saved).map(|(at, _)| *at);
            let Some(saved) = saved.filter(|_| record.told.len() == 1 || !record.sends.is_empty()) else { continue };
            let sent = record.sends.first().copied().unwrap_or(history.now);
            let due = saved + bound;
            let node = record.op.node;
            let disturbed = history.node(node).disturbed.is_some_and(|at| at <= due);
            if sent <= due || disturbed {
                continue;
            }
            let entity = entity_of(history, record);
            let breach = Breach { kind: "waits-too-long", entity, node, ops: &[record.op.id], at: Some(due) };
            log.broke(history.domain, breach, || {
                let (op, name) = (history.scenario.op_name(record.op.id), history.scenario.node_name(node));
                format!("{op} was saved on {name}, which nothing kept from sending, and was not sent within {bound}")
            });
        }
    }
}

impl Invariant for OutboxDrains {
    fn name(&self) -> &'static str {
        "outbox-drains"
    }
    fn promise(&self) -> &'static str {
        "with the faults over, every outbox empties in bounded time: no wedge, no endless loop"
    }
    fn wants(&self) -> u8 {
        0
    }
    fn observe(&mut self, _: &History<'_>, _: &Moment<'_>, _: &mut Log) {}
    fn judge(&mut self, history: &History<'_>, log: &mut Log) {
        if history.ops().any(|record| record.was_sent(&history.facts)) {
            log.exercised();
        }
        if let Some(bound) = history.facts.sent_within.filter(|_| history.facts.reports.sends) {
            Self::check_waiting(history, log, bound);
        }
        let waits = |state| matches!(state, PendingState::Queued | PendingState::InFlight);
        let mut waiting: Vec<(NodeId, OpId, PendingState)> = Vec::new();
        for (n, view) in history.nodes.iter().enumerate() {
            let stuck = view.pending.iter().filter(|one| waits(one.state));
            waiting.extend(stuck.map(|one| (NodeId(n as u16), one.op, one.state)));
        }
        let kind = if history.rested { "stuck" } else { "never-rests" };
        if history.rested && waiting.is_empty() {
            return;
        }
        let first = waiting.first().copied();
        let node = first.map_or(NodeId::SERVER, |(node, ..)| node);
        let ops: Vec<OpId> = waiting.iter().map(|(_, op, _)| *op).collect();
        let entity = first.and_then(|(_, op, _)| history.op(op)).map_or(Entity(0), |record| entity_of(history, record));
        log.broke(history.domain, Breach { kind, entity, node, ops: &ops, at: None }, || {
            let scenario = history.scenario;
            let name = |(node, op, state): &(NodeId, OpId, PendingState)| {
                format!("{} {} on {}", scenario.op_name(*op), state.name(), scenario.node_name(*node))
            };
            let list: Vec<String> = waiting.iter().map(name).collect();
            match (history.rested, list.is_empty()) {
                (true, _) => format!("the faults were over and nothing happened any more, but {}", list.join(", ")),
                (false, true) if !history.facts.server => {
                    "the faults were over but the devices never came to rest".to_string()
                }
                (false, true) => "the faults were over but the devices and the server never came to rest".to_string(),
                (false, false) => format!("the faults were over but there was no rest: {}", list.join(", ")),
            }
        });
    }
}
