//! Attempts, delays and batch sizes follow the bounds that the system declares.
//!
//! What a device reported as given up is not sent again. A delay is only checked between two sends of an op that both came from the same retry timer (a channel whose name
//! contains "retry"): any other send may have had a reason of its own, such as a link that came back.

use super::{Breach, History, Invariant, Log, Moment, wants};
use crate::model::{Domain, Entity};
use crate::sim::{Cause, Channel, NodeId, OpId, Point, Time};
use crate::system::Facts;
use std::collections::BTreeMap;

/// What made a retry timer fire, without its number.
type Trigger = (Channel, Option<OpId>);

/// Attempts, delays and batch sizes follow the policy.
#[derive(Default)]
pub struct RetriesBounded {
    /// The last send of each op on a node, if a retry timer caused it.
    last: BTreeMap<(NodeId, OpId), Option<(Time, Trigger)>>,
}

impl Invariant for RetriesBounded {
    fn name(&self) -> &'static str {
        "retries-bounded"
    }
    fn promise(&self) -> &'static str {
        "attempts, delays and batch sizes follow the policy"
    }
    fn not_checked(&self, facts: &Facts, _: &Domain) -> Option<&'static str> {
        match (facts.retry.is_some(), facts.reports.sends) {
            (false, _) => Some("it declares no bounds on sending again"),
            (_, false) => Some("it does not report which ops its messages carry"),
            _ => None,
        }
    }
    fn wants(&self) -> u8 {
        wants::SENT
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        let Moment::Sent { node, step, ops, .. } = moment else { return };
        let Some(bounds) = history.facts.retry.filter(|_| !node.is_server()) else { return };
        let (scenario, name) = (history.scenario, |op: OpId| history.scenario.op_name(op));
        let device = scenario.node_name(*node);
        let entity_of = |op: OpId| history.op(op).map_or(Entity(0), |record| super::loss::entity_of(history, record));
        if ops.len() > bounds.batch as usize {
            let breach = Breach { kind: "batch-too-big", entity: entity_of(ops[0]), node: *node, ops, at: None };
            log.broke(history.domain, breach, || {
                format!("{device} sent {} ops in one message, where {} is the most", ops.len(), bounds.batch)
            });
        }
        let channel = step.channel();
        let called = history.facts.channels.get(usize::from(channel.0).wrapping_sub(1));
        let retry = step.get_point() == Point::Timer && called.is_some_and(|called| called.contains("retry"));
        let trigger = retry.then(|| (channel, if let Cause::Op(op) = step.cause() { Some(op) } else { None }));
        for op in ops.iter().copied() {
            let Some(record) = history.op(op) else { continue };
            if record.sends.len() > 1 {
                log.exercised();
            }
            if let Some(most) = bounds.attempts.filter(|most| record.sends.len() > *most as usize) {
                let breach = Breach { kind: "too-often", entity: entity_of(op), node: *node, ops: &[op], at: None };
                log.broke(history.domain, breach, || {
                    format!("{device} sent {} {} times, where {most} is the most", name(op), record.sends.len())
                });
            }
            if record.given_up {
                let kind = "sent-after-giving-up";
                let breach = Breach { kind, entity: entity_of(op), node: *node, ops: &[op], at: None };
                log.broke(history.domain, breach, || {
                    format!("{device} sent {} again, which it had reported as given up", name(op))
                });
            }
            let before = self.last.insert((*node, op), trigger.map(|trigger| (history.now, trigger))).flatten();
            if let (Some((then, first)), Some(second)) = (before, trigger)
                && first == second
                && history.now.since(then) < bounds.delays[0]
            {
                let breach = Breach { kind: "too-soon", entity: entity_of(op), node: *node, ops: &[op], at: None };
                log.broke(history.domain, breach, || {
                    let gap = history.now.since(then);
                    format!("{device} sent {} again after {gap}, where {} is the least", name(op), bounds.delays[0])
                });
            }
        }
    }
}
