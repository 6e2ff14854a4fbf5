//! Every step comes to an end, and leads to one: what a system that panics or goes round for ever did.
//!
//! The harness catches a panic inside the system and cuts an endless loop; here that becomes a breach like any other. A
//! run that was stopped never came to rest, so nothing else is judged of its end. A process that aborts, a stack that
//! overflows and a loop inside one step cannot be caught.

use super::loss::entity_of;
use super::{Breach, History, Invariant, Log, Moment};
use crate::model::{Entity, Scenario};
use crate::sim::{Channel, NodeId, OpId, thousands};
use crate::system::{Facts, Input};

/// What a node, or the system for it, was doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doing {
    /// Handling what its user did.
    Op(OpId),
    /// Handling a message on a channel.
    Message(Channel),
    /// Handling a message on a channel that could not be parsed.
    Garbled(Channel),
    /// Handling a request on a channel while it was overloaded.
    Overloaded(Channel),
    /// Handling that a message on a channel could not be delivered.
    Unreachable(Channel),
    /// Handling a timer.
    Timer(Channel),
    /// Going on with a handler.
    Task(u32),
    /// Handling that it had booted.
    Booted,
    /// Handling a change of its link.
    Link,
    /// Handling its return to the foreground.
    Foreground,
    /// Handling the final phase of a run that never heals.
    Finish,
    /// Getting a fresh disk.
    Disk,
    /// Starting from its disk.
    Starting,
    /// Being upgraded.
    Upgrading,
    /// Being backed up or restored.
    Restoring,
    /// Showing its rows.
    Rows,
    /// Saying what it still wants to do.
    Pending,
    /// Saying which rows belong on it.
    Scope,
    /// Being asked for the size of a message, or having one copied or damaged.
    Sizing,
}

impl Doing {
    /// What a node does with an input that came under a label of this channel.
    pub fn of<M>(input: &Input<M>, channel: Channel) -> Doing {
        match input {
            Input::Booted => Doing::Booted,
            Input::Op(op) => Doing::Op(op.id),
            Input::Message { .. } => Doing::Message(channel),
            Input::Garbled { .. } => Doing::Garbled(channel),
            Input::Unreachable { .. } => Doing::Unreachable(channel),
            Input::Overloaded { .. } => Doing::Overloaded(channel),
            Input::Timer(timer) => Doing::Timer(timer.channel),
            Input::Resume(task) => Doing::Task(task.0),
            Input::Link { .. } => Doing::Link,
            Input::Foreground => Doing::Foreground,
            Input::Finish => Doing::Finish,
        }
    }

    /// What it handled: `a message on push`, `timer push-tick`, `task 3`; none if it handled nothing.
    fn handled(self, scenario: &Scenario, facts: &Facts) -> Option<String> {
        let on = |channel: Channel| {
            let name = usize::from(channel.0).checked_sub(1).and_then(|index| facts.channels.get(index));
            name.map_or_else(|| format!("channel {}", channel.0), |name| (*name).to_string())
        };
        Some(match self {
            Doing::Op(op) => scenario.op_name(op),
            Doing::Message(channel) => format!("a message on {}", on(channel)),
            Doing::Garbled(channel) => format!("a message on {} that cannot be parsed", on(channel)),
            Doing::Overloaded(channel) => format!("a message on {} under overload", on(channel)),
            Doing::Unreachable(channel) => format!("a message on {} that cannot be delivered", on(channel)),
            Doing::Timer(channel) => format!("timer {}", on(channel)),
            Doing::Task(task) => format!("task {task}"),
            Doing::Booted => "its boot".into(),
            Doing::Link => "a change of its link".into(),
            Doing::Foreground => "its return to the foreground".into(),
            Doing::Finish => "the end of the run".into(),
            _ => return None,
        })
    }

    /// The same after `while`: `handling a message on push`, `showing its rows`.
    fn words(self, scenario: &Scenario, facts: &Facts) -> String {
        match self {
            Doing::Disk => "getting a fresh disk".into(),
            Doing::Starting => "starting from its disk".into(),
            Doing::Upgrading => "being upgraded".into(),
            Doing::Restoring => "being backed up or restored".into(),
            Doing::Rows => "showing its rows".into(),
            Doing::Pending => "saying what it still wants to do".into(),
            Doing::Scope => "saying which rows belong on it".into(),
            Doing::Sizing => "sending or losing a message".into(),
            _ => format!("handling {}", self.handled(scenario, facts).expect("whatever else it does is handled")),
        }
    }
}

/// Why a run was ended before it came to rest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stopped {
    /// On which node.
    pub node: NodeId,
    /// The ops that the step was about.
    pub ops: Vec<OpId>,
    /// What it did.
    pub how: How,
}

/// What a system did that nothing can follow.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // a variant's comment names its fields
pub enum How {
    /// It panicked while doing something; the message and its place in the source.
    Panicked { doing: Doing, text: String },
    /// It went round: what came last, whether that comes again and again, and the bound that cut it.
    WentRound { last: Vec<(NodeId, Doing)>, repeats: bool, bound: Bound },
}

/// A bound beyond which a run counts as endless.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// So many steps of one handler.
    Steps(u32),
    /// So many steps within a second of virtual time.
    InASecond(u32),
    /// So many steps in all.
    InAll(u64),
}

impl Bound {
    fn words(self) -> String {
        match self {
            Bound::Steps(steps) => format!("{} steps of one handler", thousands(u64::from(steps))),
            Bound::InASecond(steps) => format!("{} events within 1 s", thousands(u64::from(steps))),
            Bound::InAll(steps) => format!("{} events", thousands(steps)),
        }
    }
}

/// Most parts of a round that are named.
const MOST_NAMED: usize = 6;

/// `till-1 went round without time passing: timer push-tick, again and again (10,000 events within 1 s)`.
fn went_round(history: &History<'_>, last: &[(NodeId, Doing)], repeats: bool, bound: Bound) -> String {
    let (scenario, facts) = (history.scenario, &history.facts);
    let mut nodes: Vec<NodeId> = last.iter().map(|(node, _)| *node).collect();
    nodes.sort_unstable_by_key(|node| (node.is_server(), *node));
    nodes.dedup();
    let names: Vec<&str> = nodes.iter().map(|node| scenario.node_name(*node)).collect();
    let named = last.iter().take(MOST_NAMED).map(|(node, doing)| match nodes.len() {
        1 => doing.words(scenario, facts).trim_start_matches("handling ").to_string(),
        _ => format!("{} {}", scenario.node_name(*node), doing.words(scenario, facts)),
    });
    let mut parts: Vec<String> = named.collect();
    if last.len() > MOST_NAMED {
        parts.push(format!("and {} more", last.len() - MOST_NAMED));
    }
    let parts = parts.join(", ");
    let how = if matches!(bound, Bound::InAll(_)) { "without an end" } else { "without time passing" };
    let round = if repeats { format!("{parts}, again and again") } else { format!("the last were {parts}") };
    format!("{} went round {how}: {round} ({})", names.join(" and "), bound.words())
}

/// No step panics and none goes round for ever.
#[derive(Default)]
pub struct NodesKeepRunning;

impl NodesKeepRunning {
    /// Its name.
    pub const NAME: &str = "nodes-keep-running";
}

impl Invariant for NodesKeepRunning {
    fn name(&self) -> &'static str {
        Self::NAME
    }
    fn promise(&self) -> &'static str {
        "no step panics and none goes round for ever"
    }
    fn wants(&self) -> u8 {
        0
    }
    fn observe(&mut self, _: &History<'_>, _: &Moment<'_>, _: &mut Log) {}
    fn judge(&mut self, history: &History<'_>, log: &mut Log) {
        log.exercised();
        let Some(Stopped { node, ops, how }) = &history.stopped else { return };
        let about = ops.first().and_then(|op| history.op(*op));
        let entity = about.map_or(Entity(0), |record| entity_of(history, record));
        let breach = |kind, entity| Breach { kind, entity, node: *node, ops, at: None };
        match how {
            How::Panicked { doing, text } => log.broke(history.domain, breach("panics", entity), || {
                let doing = doing.words(history.scenario, &history.facts);
                format!("{} panicked while {doing}: {text}", history.scenario.node_name(*node))
            }),
            // Where a loop is cut is chance; so its entity must not depend on that.
            How::WentRound { last, repeats, bound } => {
                log.broke(history.domain, breach("goes-round", Entity(0)), || {
                    went_round(history, last, *repeats, *bound)
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::fixture::*;

    fn told(how: How) -> Vec<String> {
        let mut day = Day::of(&[]);
        day.history.stopped = Some(Stopped { node: ABDOULAYE, ops: Vec::new(), how });
        let mut log = Log::default();
        log.speaker(0, NodesKeepRunning::NAME, day.history.now);
        NodesKeepRunning.judge(&day.history, &mut log);
        log.violations.into_iter().map(|violation| format!("{}: {}", violation.kind, violation.text)).collect()
    }

    #[test]
    fn a_panic_says_who_while_what_and_where() {
        let text = "index out of bounds: the len is 0 but the index is 3 (src/engine.rs:41)".to_string();
        assert_eq!(
            told(How::Panicked { doing: Doing::Task(3), text }),
            ["panics: abdoulaye panicked while handling task 3: index out of bounds: the len is 0 but the index is 3 \
              (src/engine.rs:41)"]
        );
    }

    #[test]
    fn a_loop_names_what_repeats_and_the_bound() {
        let last = vec![(ABDOULAYE, Doing::Task(3)), (ABDOULAYE, Doing::Task(4))];
        let bound = Bound::InASecond(10_000);
        assert_eq!(
            told(How::WentRound { last: last.clone(), repeats: true, bound }),
            ["goes-round: abdoulaye went round without time passing: task 3, task 4, again and again \
              (10,000 events within 1 s)"]
        );
        assert_eq!(
            told(How::WentRound { last, repeats: false, bound: Bound::InAll(2_000_000) }),
            ["goes-round: abdoulaye went round without an end: the last were task 3, task 4 (2,000,000 events)"]
        );
    }

    #[test]
    fn a_run_that_nothing_stopped_keeps_the_promise() {
        let day = Day::of(&[]);
        let mut log = Log::default();
        NodesKeepRunning.judge(&day.history, &mut log);
        assert!(log.violations.is_empty() && log.exercised == 1);
    }
}
