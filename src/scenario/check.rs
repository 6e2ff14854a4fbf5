//! Compares how a run ended with how the file says that it ends.
//!
//! Why in words: each difference is read by a person who has to decide which of the two is wrong. It runs nothing.

use super::{Delay, EntityExpectation, Expectation, NodeExpectation, RowExpectation, Story, VerdictName};
use crate::harness::{End, Outcome};
use crate::invariants::history::canonical;
use crate::model::{Class, Entity, Key, Row, Value};
use crate::system::PendingState;

/// Each difference between the expectation and the outcome, in words; empty if all is as expected.
///
/// Deviations that never came up are a difference on the system where the story was found; on others only if none came
/// up at all.
pub fn check(expectation: &Expectation, story: &Story, outcome: &Outcome) -> Vec<String> {
    let mut differences = Vec::new();
    check_promises(expectation, outcome, &mut differences);
    check_schedule(expectation, story, outcome, &mut differences);
    check_end(expectation, story, outcome, &mut differences);
    differences
}

/// What is worse than expected, or other. Nothing is said of promises that held although they were expected to break,
/// nor of deviations: another system may not have the moments that they name.
pub fn check_ending(expectation: &Expectation, story: &Story, outcome: &Outcome) -> Vec<String> {
    let mut differences = Vec::new();
    check_others_hold(expectation, outcome, &mut differences);
    check_end(expectation, story, outcome, &mut differences);
    differences
}

fn check_end(expectation: &Expectation, story: &Story, outcome: &Outcome, differences: &mut Vec<String>) {
    let asks_ops = [expectation.told.is_empty(), expectation.verdicts.is_empty(), expectation.delays.is_empty()];
    let needs_end = asks_ops.contains(&false) || !expectation.nodes.is_empty();
    match &outcome.end {
        Some(end) => {
            check_ops(expectation, story, end, differences);
            check_delays(expectation, story, end, differences);
            for node in &expectation.nodes {
                check_node(node, story, end, differences);
            }
        }
        None => assert!(!needs_end, "a run whose end is checked is recorded"),
    }
}

fn check_promises(expectation: &Expectation, outcome: &Outcome, out: &mut Vec<String>) {
    for name in &expectation.violates {
        if !outcome.violations.iter().any(|violation| violation.invariant == name) {
            out.push(format!("expected {name} to break, but it held"));
        }
    }
    check_others_hold(expectation, outcome, out);
}

fn check_others_hold(expectation: &Expectation, outcome: &Outcome, out: &mut Vec<String>) {
    if !expectation.holds && !expectation.only {
        return;
    }
    for violation in &outcome.violations {
        if !expectation.violates.iter().any(|name| name == violation.invariant) {
            out.push(format!("{} broke at {}: {}", violation.invariant, violation.at, violation.text));
        }
    }
}

fn check_schedule(expectation: &Expectation, story: &Story, outcome: &Outcome, out: &mut Vec<String>) {
    let all = story.scenario.schedule.len();
    let vacuous = all > 0 && outcome.unused.len() == all;
    if vacuous && !expectation.vacuous {
        out.push(format!("vacuous: none of the {all} deviations came up"));
    } else if expectation.vacuous && all > 0 && !vacuous {
        out.push(format!("expected to be vacuous, but {} of {all} deviations came up", all - outcome.unused.len()));
    } else if !vacuous && story.found.as_ref().is_some_and(|found| found.system == expectation.system) {
        let names = story.names();
        for deviation in &outcome.unused {
            out.push(format!("{} never came up, on the system where it was found", names.label(deviation.label)));
        }
    }
}

fn check_ops(expectation: &Expectation, story: &Story, end: &End, out: &mut Vec<String>) {
    let ended = |op| end.ops.iter().find(|(id, ..)| *id == op);
    for (op, word) in &expectation.told {
        let got = ended(*op).and_then(|(_, told, _)| told.last()).map_or("nothing", |(_, word)| word.name());
        if got != word.name() {
            out.push(format!("{} told: expected {}, got {got}", story.scenario.op_name(*op), word.name()));
        }
    }
    for (op, verdict) in &expectation.verdicts {
        let got = ended(*op).and_then(|(.., verdict)| verdict.as_ref()).map(VerdictName::from);
        if got != Some(*verdict) {
            let got = got.map_or("no verdict", VerdictName::name);
            out.push(format!("{} decided: expected {}, got {got}", story.scenario.op_name(*op), verdict.name()));
        }
    }
}

fn check_delays(expectation: &Expectation, story: &Story, end: &End, out: &mut Vec<String>) {
    for (op, Delay { after, by }) in &expectation.delays {
        let got = end.delays.iter().find(|(id, _)| id == op).map(|(_, delay)| *delay);
        if got.is_none_or(|got| got < *after || got > *by) {
            let name = story.scenario.op_name(*op);
            let got = got.map_or("never".to_string(), |got| format!("after {got}"));
            out.push(format!("{name} on the server: expected after {after} to {by}, got {got}"));
        }
    }
}

fn check_node(expected: &NodeExpectation, story: &Story, end: &End, out: &mut Vec<String>) {
    let name = story.scenario.node_name(expected.node);
    if let Some(count) = expected.pending {
        let listed = end.pending.iter().find(|(node, _)| *node == expected.node).map_or(&[][..], |(_, list)| list);
        let got = listed.iter().filter(|pending| pending.state != PendingState::DeadLetter).count();
        if got != count as usize {
            out.push(format!("{name} pending: expected {count}, got {got}"));
        }
    }
    let rows = end.rows.get(expected.node.index()).map_or(&[][..], Vec::as_slice);
    for expected in &expected.entities {
        check_entity(name, expected, story, rows, out);
    }
}

fn check_entity(node: &str, expected: &EntityExpectation, story: &Story, rows: &[Row], out: &mut Vec<String>) {
    let entity = expected.entity;
    let kind = story.scenario.domain.entity_name(entity);
    if let Some(count) = expected.count {
        let got = rows.iter().filter(|row| row.entity == entity && !row.deleted).count();
        if got != count as usize {
            out.push(format!("{node} {kind} count: expected {count}, got {got}"));
        }
    }
    for expected in &expected.rows {
        check_row(node, entity, expected, story, rows, out);
    }
}

fn check_row(
    node: &str,
    entity: Entity,
    expected: &RowExpectation,
    story: &Story,
    rows: &[Row],
    out: &mut Vec<String>,
) {
    let domain = story.scenario.domain;
    let what = format!("{node} {} {}", domain.entity_name(entity), story.scenario.row_name(entity, expected.key));
    let found = find(entity, expected.key, rows).filter(|row| !row.deleted);
    let row = match (found, expected.absent) {
        (Some(_), true) => return out.push(format!("{what}: expected to be gone, but it is there")),
        (None, false) => return out.push(format!("{what}: expected to be there, but it is not")),
        (None, true) => return,
        (Some(row), false) => row,
    };
    for (field, wanted) in &expected.fields {
        let class = domain.class(entity, *field);
        let got = meant(class, row.get(*field), rows);
        let show = |value: Value| match (class, value.as_key()) {
            (Class::Reference(target), Some(key)) => story.scenario.row_name(target, key),
            _ => value.to_string(),
        };
        if got != *wanted {
            let name = domain.fields(entity)[*field as usize].name;
            out.push(format!("{what} {name}: expected {}, got {}", show(*wanted), show(got)));
        }
    }
}

/// A field as it is compared: an id that the server gave stands for the row that carries it.
fn meant(class: Class, value: Value, rows: &[Row]) -> Value {
    let (Class::Reference(target), Some(key)) = (class, value.as_key()) else { return value };
    let row = rows.iter().find(|row| row.entity == target && row.key == key);
    Value::key(row.map_or(key, canonical))
}

/// The row of this identity; where an op made it, whatever key it has on this node, the part named before others.
fn find(entity: Entity, key: Key, rows: &[Row]) -> Option<&Row> {
    let mut own = rows.iter().filter(|row| row.entity == entity);
    match key.maker() {
        None => own.find(|row| row.key == key),
        Some((op, part)) => {
            own.filter(|row| row.origin == op).min_by_key(|row| (row.deleted, row.part != part, row.part))
        }
    }
}
