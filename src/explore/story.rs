//! How long a story is, and which stories are the same.
//!
//! A step is a user's action, a send of a device, a client's time-out, one group of statements of the server, or one
//! delivery to a device, in the causal past of the violation's evidence; an undisturbed pull is one. Faults are counted
//! apart from steps. It reads the trace and runs nothing.

use crate::harness::{Event, Outcome, What};
use crate::invariants::Violation;
use crate::model::Scenario;
use crate::sim::{Cause, Fate, Label, Point};
use crate::system::{Facts, Why};
use std::collections::{BTreeMap, BTreeSet};

/// Number of steps of the story that ends in `violation`.
///
/// # Panics
/// If the outcome has no trace.
pub fn steps(facts: &Facts, outcome: &Outcome, violation: &Violation) -> usize {
    assert!(!outcome.trace.is_empty(), "steps are counted on a recorded run");
    let past = causal_past(&outcome.trace, evidence(outcome, violation));
    let mut undisturbed: BTreeMap<Label, bool> = BTreeMap::new();
    for event in &outcome.trace {
        let calm = match &event.what {
            What::Sent { fate, .. } => fate.is_none(),
            What::Paused(_) => false,
            _ => continue,
        };
        *undisturbed.entry(exchange(event.label)).or_insert(true) &= calm;
    }
    let mut pulls: BTreeSet<Label> = BTreeSet::new();
    let mut count = 0;
    for index in past {
        let event = &outcome.trace[index as usize];
        let on_server = event.node.is_server();
        let is_step = match &event.what {
            What::Acted(_) => true,
            What::Sent { .. } => !on_server,
            What::TimerFired { time_out, .. } => *time_out && !on_server,
            What::Arrived { .. } => true,
            What::Resumed => on_server,
            _ => false,
        };
        let whole = exchange(event.label);
        let in_pull = facts.pulls.contains(&event.label.channel())
            && matches!(event.what, What::Sent { .. } | What::Arrived { .. } | What::Resumed)
            && undisturbed.get(&whole) == Some(&true);
        if is_step && (!in_pull || pulls.insert(whole)) {
            count += 1;
        }
    }
    count
}

/// The request and its answer, and every step between them, share this.
fn exchange(label: Label) -> Label {
    label.point(Point::Op).number(0)
}

/// Events that show the breach: where it broke, and what was written, decided and told of its ops until then.
fn evidence(outcome: &Outcome, violation: &Violation) -> Vec<u32> {
    let broke = outcome.trace.iter().position(|event| match event.what {
        What::Broke(index) => outcome.violations.get(index as usize) == Some(violation),
        _ => false,
    });
    let until = broke.unwrap_or(outcome.trace.len() - 1);
    let shows = |event: &Event| {
        event.at <= violation.at
            && event.ops.iter().any(|op| violation.ops.contains(op))
            && match &event.what {
                What::Acted(_) => true,
                What::Wrote(write) => write.why != Why::Copied || event.node == violation.node,
                What::Decided(..) => true,
                What::Told(..) => !violation.node.is_server() && event.node == violation.node,
                _ => false,
            }
    };
    let found = outcome.trace[..=until].iter().enumerate().filter(|(_, event)| shows(event));
    found.map(|(index, _)| index as u32).chain([until as u32]).collect()
}

fn causal_past(trace: &[Event], mut open: Vec<u32>) -> BTreeSet<u32> {
    let mut past = BTreeSet::new();
    while let Some(index) = open.pop() {
        if past.insert(index) {
            open.extend(trace[index as usize].parent);
        }
    }
    past
}

/// The same text for the same story, whatever its names, numbers and exact times: identity, what each device's user did,
/// and what went wrong where.
pub fn signature(facts: &Facts, scenario: &Scenario, violation: &Violation) -> String {
    let mut devices: Vec<String> = (1..=scenario.devices.len())
        .map(|n| {
            let own = scenario.steps.iter().filter(|step| step.op.node.index() == n);
            let verbs: Vec<&str> = own.map(|step| scenario.domain.verb(&step.op).name).collect();
            if verbs.is_empty() { "looks on".into() } else { verbs.join(", ") }
        })
        .collect();
    devices.sort_unstable();
    let channel = |label: Label| match label.channel().0 {
        0 => String::new(),
        n => format!("{}.", facts.channels.get(n as usize - 1).copied().unwrap_or("?")),
    };
    let mut luck: Vec<String> = scenario
        .schedule
        .iter()
        .map(|deviation| {
            let label = deviation.label;
            if let Some(fault) = deviation.fault()
                && matches!(deviation.fate, Fate::During(..) | Fate::KillAfter(_) | Fate::KillBefore(_))
            {
                return fault.name().to_string();
            }
            let what = match deviation.fate {
                Fate::Delay(_) => "delay",
                Fate::Late(_) => "late",
                Fate::Pause(_) => "pause",
                Fate::Value(_) => "draw",
                _ => deviation.fault().map_or("?", |fault| fault.name()),
            };
            let cause = if matches!(label.cause(), Cause::Op(_)) { "op" } else { "trigger" };
            format!("{what} {}{cause}.{}", channel(label), label.get_point().name())
        })
        .collect();
    luck.sort_unstable();
    luck.dedup();
    let luck = if luck.is_empty() { "nobody interferes".into() } else { luck.join(", ") };
    let Violation { invariant, kind, entity, .. } = violation;
    format!("{invariant} / {kind} / {entity}: {}; {luck}", devices.join(" | "))
}
