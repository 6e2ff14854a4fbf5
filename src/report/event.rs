//! One event of a trace, and where luck strikes, as somebody would say it.
//!
//! A label names a piece of luck for machines and files; here it is put in words. It shows no story; see [`super::lines`].

use super::words;
use crate::harness::{Event, What};
use crate::model::Scenario;
use crate::sim::choice::{PEER_STEPS, SERVER_STEPS};
use crate::sim::{Fate, Label, Names, Point, Span};

/// Where luck strikes: `the answer to till-1's push of sale-1 (try 2)`.
pub(super) fn place(names: &Names, label: Label) -> String {
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
