//! What users do, choices, verdicts and violations in words.
//!
//! One place, so that a table, a list of deviations and a finding say the same thing the same way. It decides nothing
//! about layout.

use crate::invariants::Violation;
use crate::model::domain::{Shape, form_rows};
use crate::model::{Entity, Key, Op, Scenario};
pub use crate::sim::thousands;
use crate::sim::{Fate, Names, OpId, Point, Span};
use crate::system::{Facts, Rule, Verdict};

/// The names of a scenario's nodes and ops, and of a system's channels.
pub fn names(scenario: &Scenario, facts: &Facts) -> Names {
    let mut nodes = vec!["server".to_string()];
    nodes.extend(scenario.devices.iter().cloned());
    Names { nodes, ops: scenario.op_names.clone(), channels: facts.channels }
}

/// What a user did: `sells 5 X`. `after` may add a remark after a row's name: ` (5 → 0)`.
pub fn action(scenario: &Scenario, op: &Op, after: &dyn Fn(Entity, Key) -> String) -> String {
    let verb = scenario.domain.verb(op);
    let named = |entity, key| format!("{}{}", scenario.row_name(entity, key), after(entity, key));
    let line_list = |entity: Entity, from: usize| {
        let lines = op.lines().get(from..).unwrap_or(&[]);
        let parts: Vec<String> =
            lines.iter().map(|line| format!("{} {}", line.value, named(entity, line.key))).collect();
        parts.join(", ")
    };
    let about = match verb.shape {
        Shape::Lines { entity, .. } => line_list(entity, 0),
        Shape::Set { entity } => format!("{}: {}", scenario.row_name(entity, op.target), op.value(0)),
        Shape::Record { target, values, lines } => {
            let mut parts = Vec::new();
            if let Some((_, entity)) = target {
                parts.push(named(entity, op.target));
            }
            for (index, name) in values.iter().enumerate() {
                parts.push(format!("{name} {}", op.value(index)));
            }
            if let Some((_, entity)) = lines {
                parts.push(line_list(entity, values.len()));
            }
            parts.retain(|part| !part.is_empty());
            parts.join(", ")
        }
        Shape::Pair { target, other } => {
            let other_key = op.lines().first().map_or(Key::NONE, |line| line.key);
            format!("{}, {}", named(target.1, op.target), scenario.row_name(other.1, other_key))
        }
        Shape::Form { rows, values, .. } => {
            let rows = form_rows(rows, op).map(|(entity, key)| named(entity, key));
            let values = values.iter().enumerate().map(|(n, name)| format!("{name} {}", op.value(n)));
            rows.chain(values).collect::<Vec<_>>().join(", ")
        }
        Shape::Target(entity) => named(entity, op.target),
        Shape::Earlier(name) => {
            let entity = scenario.domain.verb_named(name).map(|(_, verb)| verb.shape);
            let lines = match entity {
                Some(Shape::Lines { entity, .. }) => line_list(entity, 0),
                _ => String::new(),
            };
            let earlier = scenario.op_name(op.earlier);
            if lines.is_empty() { earlier } else { format!("{earlier}: {lines}") }
        }
        Shape::Word(words) => words.get(op.value(0) as usize).copied().unwrap_or("?").to_string(),
        Shape::Decision(words) => {
            let word = words.get(op.value(0) as usize).copied().unwrap_or("?");
            format!("{}: {word}", scenario.op_name(op.earlier))
        }
    };
    if about.is_empty() { verb.tells.to_string() } else { format!("{} {about}", verb.tells) }
}

/// A server's verdict: `rejected: 0 available, 5 requested`.
pub fn verdict(scenario: &Scenario, verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accepted => "accepted".into(),
        Verdict::Rejected { rule: Rule::Quantity, available, requested, .. } => {
            format!("rejected: {available} available, {requested} requested")
        }
        Verdict::Rejected { rule, .. } => format!("rejected: {}", rule_words(*rule)),
        Verdict::Superseded { by } => format!("superseded by {}", op(scenario, *by)),
        Verdict::Manual => "left to a human".into(),
    }
}

fn rule_words(rule: Rule) -> &'static str {
    match rule {
        Rule::Quantity => "not enough there",
        Rule::Missing => "refers to something that is not there",
        Rule::Conflict => "somebody changed the same thing",
        Rule::Deleted => "somebody deleted it",
        Rule::Taken => "somebody has it already",
        Rule::Forbidden => "the user may not",
    }
}

/// An op's name, or `opening data`.
pub fn op(scenario: &Scenario, id: OpId) -> String {
    if id.is_some() { scenario.op_name(id) } else { "opening data".into() }
}

/// A span that may be negative, from microseconds: `+2h`, `-1d`.
pub fn signed(micros: i64) -> String {
    format!("{}{}", if micros < 0 { '-' } else { '+' }, Span(micros.unsigned_abs()))
}

/// What became of a choice: `lost`, `3s late`.
pub fn fate(point: Point, fate: &Fate) -> String {
    match fate {
        Fate::Delay(span) | Fate::Late(span) => format!("{span} late"),
        Fate::Drop => "lost".into(),
        Fate::Duplicate(span) => format!("arrives twice, the second time {span} later"),
        Fate::Corrupt(n) => format!("damaged (damage {n})"),
        Fate::Truncate => "cut short".into(),
        Fate::Pause(span) => format!("held up for {span}"),
        Fate::KillBefore(span) => format!("killed before anything went out, down for {span}"),
        Fate::KillAfter(span) => format!("killed after everything went out, down for {span}"),
        Fate::Value(n) => format!("draws {n}"),
        Fate::During(at, span, strength) => {
            let what = interference(point, true, *strength);
            match point {
                Point::Restore => format!("{what} at {at}, restored {span} later"),
                Point::ClockOffset | Point::ClockJump | Point::Wipe => format!("{what} at {at}"),
                _ => format!("{what} at {at} for {span}"),
            }
        }
    }
}

/// An interference that begins or ends.
pub fn interference(point: Point, begins: bool, strength: i64) -> String {
    match (point, begins) {
        (Point::Offline, true) => "link down".into(),
        (Point::Limited, true) => format!("link slow: {strength} bytes/s"),
        (Point::Limited, false) => "link fast again".into(),
        (Point::Flapping, true) => "link comes and goes".into(),
        (Point::Flapping, false) => "link steady again".into(),
        (Point::Deaf, true) => "link one-way: nothing comes in".into(),
        (Point::Mute, true) => "link one-way: nothing goes out".into(),
        (Point::Lying, true) => "link lies: seems up, nothing passes".into(),
        (Point::Offline | Point::Deaf | Point::Mute | Point::Lying, false) => "link back".into(),
        (Point::ClockOffset | Point::ClockJump, _) => format!("clock {}", signed(strength)),
        (Point::ClockDrift, true) => format!("clock drifts by {strength} millionths"),
        (Point::ClockDrift, false) => "clock runs true again".into(),
        (Point::Kill, _) => "killed".into(),
        (Point::Background, _) => "app in the background".into(),
        (Point::Wipe, _) => "wiped".into(),
        (Point::Upgrade, _) => "stopped for an upgrade".into(),
        (Point::Restore, true) => "backed up".into(),
        (Point::Restore, false) => "restored from its backup".into(),
        (Point::Overload, _) => "answers every request with an error".into(),
        (point, true) => format!("{} begins", point.name()),
        (point, false) => format!("{} ends", point.name()),
    }
}

/// A deviation: `till-1.push.sale-1.try-1.send: lost`.
#[cfg(any(feature = "cli", feature = "proptest"))]
pub fn deviation(names: &Names, deviation: &crate::sim::Deviation) -> String {
    format!("{}: {}", names.label(deviation.label), fate(deviation.label.get_point(), &deviation.fate))
}

/// What an op must reach for anything to be tested.
pub fn where_ops_go(facts: &Facts) -> &'static str {
    if facts.server { "the server" } else { "another device" }
}

/// A violation in one line: `stock-never-negative: the server's stock of X went to -5`.
pub fn violation(violation: &Violation) -> String {
    format!("{}: {}", violation.invariant, violation.text)
}

/// `1 till`, `2 tills`.
pub fn plural(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {one}s", thousands(n)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::retail;
    use crate::sim::{NodeId, Time};

    #[test]
    fn a_sale_tells_how_many_of_what() {
        let scenario = Scenario::new(&retail::RETAIL);
        let op = Op::new(OpId(1), NodeId(1), retail::SELL).line(Key(1), 5).line(Key(2), 1);
        assert_eq!(action(&scenario, &op, &|_, _| String::new()), "sells 5 product-1, 1 product-2");
    }

    #[test]
    fn a_set_clock_tells_by_how_much_and_which_way() {
        let fate_of = Fate::During(Time(2_000_000), Span::ZERO, -7_200_000_000);
        assert_eq!(fate(Point::ClockJump, &fate_of), "clock -2h at 2s");
    }
}
