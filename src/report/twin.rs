//! What a passing twin does differently, in one sentence in the words of the story.
//!
//! A label names a piece of luck for machines and files; here it is put as somebody would say it. It finds no twin.

use super::event::place;
use super::words;
use crate::explore::Change;
use crate::model::Scenario;
use crate::sim::{Deviation, Fate, Names, OpId, Time};

/// What is different in the twin: `the answer to till-1's push of sale-1 is 2s late instead of 5s`.
pub fn change(scenario: &Scenario, names: &Names, change: &Change) -> String {
    match change {
        Change::Without(deviation) => without(names, deviation),
        Change::Shorter { from, to } => shorter(names, from, to),
        Change::Moved { op, from, to } => moved(scenario, *op, *from, *to),
        Change::Added(deviation) => late(names, deviation),
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

fn late(names: &Names, deviation: &Deviation) -> String {
    let luck = words::fate(deviation.label.get_point(), &deviation.fate);
    format!("{} is {luck}", place(names, deviation.label))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::retail;
    use crate::sim::{Cause, Channel, Label, NodeId, Point, Span};
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
