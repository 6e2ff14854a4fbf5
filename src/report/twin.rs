//! What a passing twin does differently, in one sentence in the words of the story.
//!
//! A label names a piece of luck for machines and files; here it is put as somebody would say it. It finds no twin.

use super::words;
use crate::explore::Change;
use crate::harness::{Event, What};
use crate::model::Scenario;
use crate::sim::choice::{PEER_STEPS, SERVER_STEPS};
use crate::sim::{Deviation, Fate, Label, Names, OpId, Point, Span, Time};

/// What is different in the twin: `the answer to till-1's push of sale-1 is 2s late instead of 5s`.
pub fn change(scenario: &Scenario, names: &Names, change: &Change) -> String {
    match change {
        Change::Without(deviation) => without(names, deviation),
        Change::Shorter { from, to } => shorter(names, from, to),
        Change::Moved { op, from, to } => moved(scenario, *op, *from, *to),
        Change::Added(deviation) => late(names, deviation),
    }
}

/// Where luck strikes: `the answer to till-1's push of sale-1 (try 2)`.
fn place(names: &Names, label: Label) -> String {
    let node = names.node(label.node());
    let point = label.get_point();
    if point.is_interference() {
        return node.to_string();
    }
    let attempt = if label.get_attempt() > 1 { format!(" (try {})", label.get_attempt()) } else { String::new() };
    let cause = names.cause(label.cause());
    let what = match label.channel().0 {
        0 => format!("{node}'s {cause}{attempt}"),
        _ => format!("{node}'s {} of {cause}{attempt}", names.channel(label.channel())),
    };
    let number = label.get_number();
    match point {
        Point::Reply => format!("the answer to {what}"),
        Point::Timer => format!("the timer of {what}"),
        Point::Step if number >= PEER_STEPS => format!("step {} of the other device at {what}", number - PEER_STEPS),
        Point::Step if number >= SERVER_STEPS => format!("step {} of the server at {what}", number - SERVER_STEPS),
        Point::Step => format!("step {number} of {what}"),
        Point::Draw => format!("the draw of {what}"),
        _ => what,
    }
}

fn without(names: &Names, deviation: &Deviation) -> String {
    let place = place(names, deviation.label);
    match deviation.fate {
        Fate::Delay(_) => format!("{place} is not late"),
        Fate::Drop => format!("{place} is not lost"),
        Fate::Duplicate(_) => format!("{place} arrives once"),
        Fate::Corrupt(_) => format!("{place} is not damaged"),
        Fate::Truncate => format!("{place} is not cut short"),
        Fate::Late(_) => format!("{place} is on time"),
        Fate::Pause(_) => format!("{place} is not held up"),
        Fate::KillBefore(_) | Fate::KillAfter(_) => format!("nobody is killed at {place}"),
        Fate::Value(_) => format!("{place} is the lowest"),
        Fate::During(..) => {
            let luck = words::fate(deviation.label.get_point(), &deviation.fate);
            format!("this does not happen to {place}: {luck}")
        }
    }
}

fn shorter(names: &Names, from: &Deviation, to: &Fate) -> String {
    let place = place(names, from.label);
    match (from.fate, to) {
        (Fate::Delay(long), Fate::Delay(short)) | (Fate::Late(long), Fate::Late(short)) => {
            format!("{place} is {short} late instead of {long}")
        }
        (Fate::Duplicate(long), Fate::Duplicate(short)) => {
            format!("{place} arrives for the second time after {short} instead of {long}")
        }
        (Fate::Pause(long), Fate::Pause(short)) => format!("{place} is held up for {short} instead of {long}"),
        (Fate::KillBefore(long), Fate::KillBefore(short)) | (Fate::KillAfter(long), Fate::KillAfter(short)) => {
            format!("who is killed at {place} is down for {short} instead of {long}")
        }
        (Fate::During(_, long, was), Fate::During(_, short, is)) => {
            let luck = |strength| words::interference(from.label.get_point(), true, strength);
            match was == *is {
                true => format!("{place}: {} for {short} instead of {long}", luck(was)),
                false => format!("{place}: {} instead of {}", luck(*is), luck(was)),
            }
        }
        (long, short) => {
            let luck = |fate: &Fate| words::fate(from.label.get_point(), fate);
            format!("{place}: {} instead of {}", luck(short), luck(&long))
        }
    }
}

fn moved(scenario: &Scenario, id: OpId, from: Time, to: Time) -> String {
    let Some(op) = scenario.op(id) else { return format!("{} at {to} instead of {from}", scenario.op_name(id)) };
    let action = words::action(scenario, op, &|_, _| String::new());
    format!("{} {action} at {to} instead of {from}", scenario.node_name(op.node))
}

/// One event of a trace: `till-1: the answer to till-1's push of sale-1 arrives`.
pub fn event(scenario: &Scenario, names: &Names, event: &Event) -> String {
    let place = || place(names, event.label);
    let luck = |fate: &Fate| words::fate(event.label.get_point(), fate);
    let what = match &event.what {
        What::Acted(op) => words::action(scenario, op, &|_, _| String::new()),
        What::Sent { lost: Some(_), fate: None, .. } => format!("{} leaves and is lost", place()),
        What::Sent { fate: Some(fate), .. } => format!("{} leaves: {}", place(), luck(fate)),
        What::Sent { fate: None, .. } => format!("{} leaves", place()),
        What::Arrived { .. } => format!("{} arrives", place()),
        What::Lost { .. } => format!("{} is lost", place()),
        What::Refused { to } => format!("{} cannot be reached", names.node(*to)),
        What::TimerFired { late: Span::ZERO, .. } => format!("{} fires", place()),
        What::TimerFired { late, .. } => format!("{} fires, {late} late", place()),
        What::Resumed => format!("goes on at {}", place()),
        What::Paused(span) => format!("{} is held up for {span}", place()),
        What::Died { down, .. } => format!("dies, down for {down}"),
        What::Booted { .. } => "boots".into(),
        What::Interference { point, begins, strength } => words::interference(*point, *begins, *strength),
        What::Link { online: true } => "is told that it is online".into(),
        What::Link { online: false } => "is told that it is offline".into(),
        What::Foreground => "back in the foreground".into(),
        What::Wrote(write) => match write.after.as_ref().or(write.before.as_ref()) {
            Some(row) => format!("{} changes", scenario.row_name(row.entity, row.key)),
            None => "a row changes".into(),
        },
        What::Told(op, word) => format!("{} {}", scenario.op_name(*op), word.name()),
        What::Shown(_) => "the lamp changes".into(),
        What::Decided(op, verdict) => format!("{} {}", scenario.op_name(*op), words::verdict(scenario, verdict)),
        What::Healed => "faults end".into(),
        What::Rested => "at rest".into(),
        What::Finish => "everything is fetched once more".into(),
        What::Broke(_) => "a promise breaks".into(),
    };
    format!("{}: {what}", names.node(event.node))
}

fn late(names: &Names, deviation: &Deviation) -> String {
    let luck = words::fate(deviation.label.get_point(), &deviation.fate);
    format!("{} is {luck}", place(names, deviation.label))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::retail;
    use crate::sim::{Cause, Channel, NodeId};
    use std::collections::BTreeMap;

    #[test]
    fn each_kind_of_change_is_one_sentence() {
        let scenario = Scenario::new(&retail::RETAIL);
        let names = Names {
            nodes: vec!["server".into(), "till-1".into()],
            ops: BTreeMap::from([(OpId(1), "sale-1".into())]),
            channels: &["push", "push-time-out"],
        };
        let send = Label::new(NodeId(1), Channel(1), Cause::Op(OpId(1)), Point::Send).attempt(2);
        let reply = Deviation { label: send.point(Point::Reply), fate: Fate::Delay(Span::secs(5)) };
        let kill = Deviation { label: send.point(Point::Step).number(1029), fate: Fate::KillAfter(Span::secs(1)) };
        let link = Deviation {
            label: Label::interference(NodeId(1), Point::Offline, 0),
            fate: Fate::During(Time::ZERO, Span::secs(30), 0),
        };
        let timer = Label::new(NodeId(1), Channel(2), Cause::Op(OpId(1)), Point::Timer);
        let changes = [
            Change::Without(reply),
            Change::Shorter { from: reply, to: Fate::Delay(Span::secs(2)) },
            Change::Without(kill),
            Change::Without(link),
            Change::Shorter { from: link, to: Fate::During(Time::ZERO, Span::secs(4), 0) },
            Change::Added(Deviation { label: timer, fate: Fate::Late(Span::secs(3)) }),
        ];
        let told: Vec<String> = changes.iter().map(|one| change(&scenario, &names, one)).collect();
        insta::assert_snapshot!(told.join("\n"));
    }
}
