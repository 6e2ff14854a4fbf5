//! Writes a story as a scenario file that a person can read: one step, one row, one deviation a line.
//!
//! What the reader would assume anyway is left out, and so are deviations of ops that are not in the story: they can never
//! come up. Reading the file again yields an equal story, provided that all its
//! names are unique and rows stand by entity and fates by label, as in every story that was read from a file.

use super::format::{REMOVED_OP, REMOVED_ROW, Strength, VERSION, default_heal, lasts, strength_of};
use super::{Delay, EntityExpectation, Expectation, Found, Story};
use crate::model::domain::{Shape, form_rows};
use crate::model::{Class, Domain, Entity, Key, Network, Op, Row, Scenario, Value};
use crate::sim::{Cause, Deviation, Fate, Label, OpId, Span, Time};
use std::collections::BTreeMap;

/// The story as a scenario file.
pub fn write(story: &Story) -> String {
    let scenario = &story.scenario;
    let mut members = vec![("squall".to_string(), VERSION.to_string()), ("title".into(), quote(&story.title))];
    let mut add = |name: &str, value: String| members.push((name.into(), value));
    if let Some(about) = &story.about {
        add("about", quote(about));
    }
    if let Some(found) = &story.found {
        add("found", provenance(found));
    }
    add("domain", quote(scenario.domain.name));
    add("devices", format!("[{}]", joined(scenario.devices.iter().map(|name| quote(name)))));
    if scenario.empty_devices {
        add("devices-start-empty", "true".into());
    }
    if scenario.network == Network::THREE_G {
        add("network", quote("3g"));
    } else if scenario.network != Network::default() {
        let Network { latency, bandwidth } = scenario.network;
        add("network", inline([("latency", span(latency)), ("bandwidth", bandwidth.to_string())]));
    }
    if !scenario.rows.is_empty() {
        add("rows", rows(scenario));
    }
    add("steps", block('[', ']', 1, steps(scenario)));
    if scenario.heal != default_heal(&scenario.steps, &scenario.schedule) {
        add("heal", quote(&scenario.heal.to_string()));
    }
    if !scenario.schedule.is_empty() {
        add("schedule", schedule(story));
    }
    if !story.expect.is_empty() {
        let expect = story.expect.iter().map(|expected| (expected.system.clone(), expectation(scenario, expected)));
        add("expect", object(1, expect));
    }
    object(0, members) + "\n"
}

fn quote(text: &str) -> String {
    serde_json::to_string(text).expect("every text can be written as JSON")
}

fn span(span: Span) -> String {
    quote(&span.to_string())
}

fn joined(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(", ")
}

/// An object on one line.
fn inline<N: AsRef<str>>(members: impl IntoIterator<Item = (N, String)>) -> String {
    let text = joined(members.into_iter().map(|(name, value)| format!("{}: {value}", quote(name.as_ref()))));
    if text.is_empty() { "{}".into() } else { format!("{{ {text} }}") }
}

/// One item a line.
fn block(open: char, close: char, depth: usize, items: impl IntoIterator<Item = String>) -> String {
    let indent = "  ".repeat(depth + 1);
    let lines: Vec<String> = items.into_iter().map(|item| format!("{indent}{item}")).collect();
    if lines.is_empty() {
        return format!("{open}{close}");
    }
    format!("{open}\n{}\n{}{close}", lines.join(",\n"), "  ".repeat(depth))
}

fn object(depth: usize, members: impl IntoIterator<Item = (String, String)>) -> String {
    block('{', '}', depth, members.into_iter().map(|(name, value)| format!("{}: {value}", quote(&name))))
}

fn provenance(found: &Found) -> String {
    inline([("system", quote(&found.system)), ("seed", found.seed.to_string()), ("profile", quote(&found.profile))])
}

/// What a row is called: its opening name, the op that made it, or a name that says that either is gone.
fn row_name(scenario: &Scenario, entity: Entity, key: Key) -> String {
    match key.maker() {
        Some((op, 0)) if scenario.op_names.contains_key(&op) => scenario.op_name(op),
        Some((op, part)) => format!("{REMOVED_OP}{}.{part}", op.0),
        None => {
            let named = scenario.rows.iter().find(|(_, row)| row.entity == entity && row.key == key);
            named.map_or_else(|| format!("{REMOVED_ROW}{}", key.0), |(name, _)| name.clone())
        }
    }
}

fn value(scenario: &Scenario, class: Class, value: Value) -> String {
    match (class, value) {
        (_, Value::MISSING) => quote("missing"),
        (Class::Reference(target), other) if other != Value::NULL => {
            quote(&row_name(scenario, target, other.as_key().unwrap_or(Key::NONE)))
        }
        (_, other) => other.to_string(),
    }
}

fn rows(scenario: &Scenario) -> String {
    let mut entities: Vec<Entity> = Vec::new();
    for (_, row) in &scenario.rows {
        if !entities.contains(&row.entity) {
            entities.push(row.entity);
        }
    }
    object(
        1,
        entities.into_iter().map(|entity| {
            let own = scenario.rows.iter().filter(|(_, row)| row.entity == entity).enumerate();
            let rows = own.map(|(index, (name, row))| (name.clone(), opening_row(scenario, index, row)));
            (scenario.domain.entity_name(entity).to_string(), object(2, rows))
        }),
    )
}

fn opening_row(scenario: &Scenario, index: usize, row: &Row) -> String {
    let mut members = Vec::new();
    if row.key != Key(index as u64 + 1) {
        members.push(("key", row.key.0.to_string()));
    }
    for (field, spec) in scenario.domain.fields(row.entity).iter().enumerate() {
        let held = row.get(field as u8);
        let assumed = if spec.class == Class::Quantity { Value::int(0) } else { Value::NULL };
        if held != assumed {
            members.push((spec.name, value(scenario, spec.class, held)));
        }
    }
    inline(members)
}

fn steps(scenario: &Scenario) -> Vec<String> {
    let mut counts = BTreeMap::new();
    let one = |(index, step): (usize, &crate::model::Step)| {
        let (op, spec) = (&step.op, scenario.domain.verb(&step.op));
        let count = counts.entry(spec.stem).or_insert(0);
        *count += 1;
        let mut members = vec![
            ("at", span(step.at.since(Time::ZERO))),
            ("device", quote(scenario.node_name(op.node))),
            (spec.name, shape(scenario, op, index)),
        ];
        let name = scenario.op_name(op.id);
        if name != format!("{}-{count}", spec.stem) {
            members.push(("id", quote(&name)));
        }
        if op.user != op.node.0 {
            members.push(("user", op.user.to_string()));
        }
        if op.id != OpId(index as u32 + 1) {
            members.push(("number", op.id.0.to_string()));
        }
        inline(members)
    };
    scenario.steps.iter().enumerate().map(one).collect()
}

fn lines(scenario: &Scenario, entity: Entity, op: &Op, from: usize) -> String {
    let lines = op.lines().iter().skip(from);
    inline(lines.map(|line| (row_name(scenario, entity, line.key), line.value.to_string())))
}

fn shape(scenario: &Scenario, op: &Op, index: usize) -> String {
    let domain: &Domain = scenario.domain;
    let named = |entity, key| quote(&row_name(scenario, entity, key));
    match domain.verb(op).shape {
        Shape::Lines { entity, .. } => lines(scenario, entity, op, 0),
        Shape::Set { entity } => inline([(row_name(scenario, entity, op.target), op.value(0).to_string())]),
        Shape::Record { target, values, lines: more } => {
            let target = target.map(|(name, entity)| (name, named(entity, op.target)));
            let values = values.iter().enumerate().map(|(n, name)| (*name, op.value(n).to_string()));
            let from = values.len();
            let more = more.map(|(name, entity)| (name, lines(scenario, entity, op, from)));
            inline(target.into_iter().chain(values).chain(more))
        }
        Shape::Pair { target, other } => {
            let second = op.lines().first().map_or(Key::NONE, |line| line.key);
            inline([(target.0, named(target.1, op.target)), (other.0, named(other.1, second))])
        }
        Shape::Form { rows, values, .. } => {
            let rows = rows.iter().zip(form_rows(rows, op));
            let rows = rows.map(|((name, _), (entity, key))| (*name, named(entity, key)));
            inline(rows.chain(values.iter().enumerate().map(|(n, name)| (*name, op.value(n).to_string()))))
        }
        Shape::Target(entity) => named(entity, op.target),
        Shape::Word(words) => quote(words[op.value(0) as usize % words.len()]),
        Shape::Decision(words) => {
            let known = scenario.op(op.earlier).is_some();
            let of = if known { scenario.op_name(op.earlier) } else { format!("{REMOVED_OP}{}.0", op.earlier.0) };
            inline([("of", quote(&of)), ("take", quote(words[op.value(0) as usize % words.len()]))])
        }
        Shape::Earlier(verb) => earlier(scenario, op, verb, index),
    }
}

fn earlier(scenario: &Scenario, op: &Op, verb: &str, index: usize) -> String {
    let mut before = scenario.steps[..index].iter().map(|step| &step.op);
    let done = before.find(|done| done.id == op.earlier);
    if let Some(done) = done
        && (done.node, done.lines(), done.target) == (op.node, op.lines(), op.target)
    {
        return quote(&scenario.op_name(op.earlier));
    }
    let entity = scenario.domain.verb_named(verb).map(|(_, spec)| spec.shape);
    let Some(Shape::Lines { entity, .. }) = entity else {
        return quote(&scenario.op_name(op.earlier));
    };
    let of = if done.is_some() { scenario.op_name(op.earlier) } else { format!("{REMOVED_OP}{}.0", op.earlier.0) };
    inline([("of", quote(&of)), ("lines", lines(scenario, entity, op, 0))])
}

fn schedule(story: &Story) -> String {
    let names = story.names();
    let mut labels: Vec<(Label, Vec<String>)> = Vec::new();
    let mut places: BTreeMap<Label, usize> = BTreeMap::new();
    let gone = |label: Label| matches!(label.cause(), Cause::Op(op) if !names.ops.contains_key(&op));
    for Deviation { label, fate } in story.scenario.schedule.iter().filter(|deviation| !gone(deviation.label)) {
        let place = *places.entry(*label).or_insert(labels.len());
        if place == labels.len() {
            labels.push((*label, Vec::new()));
        }
        labels[place].1.push(fate_text(*label, *fate));
    }
    object(
        1,
        labels.into_iter().map(|(label, fates)| {
            let text = if let [only] = fates.as_slice() { only.clone() } else { format!("[{}]", fates.join(", ")) };
            (names.label(label), text)
        }),
    )
}

fn fate_text(label: Label, fate: Fate) -> String {
    let one = |name, value| inline([(name, value)]);
    match fate {
        Fate::Drop => quote("drop"),
        Fate::Truncate => quote("truncate"),
        Fate::Delay(by) => one("delay", span(by)),
        Fate::Duplicate(by) => one("duplicate", span(by)),
        Fate::Late(by) => one("late", span(by)),
        Fate::Pause(by) => one("pause", span(by)),
        Fate::KillBefore(down) => one("kill-before", span(down)),
        Fate::KillAfter(down) => one("kill-after", span(down)),
        Fate::Corrupt(damage) => one("corrupt", damage.to_string()),
        Fate::Value(value) => one("value", value.to_string()),
        Fate::During(at, lasting, by) => {
            let point = label.get_point();
            let mut members = vec![("at", span(at.since(Time::ZERO)))];
            if lasts(point) || lasting > Span::ZERO {
                members.push(("for", span(lasting)));
            }
            match strength_of(point) {
                Strength::None => {}
                Strength::Shift => {
                    let sign = if by < 0 { "-" } else { "" };
                    members.push(("by", quote(&format!("{sign}{}", Span(by.unsigned_abs())))));
                }
                Strength::Drift | Strength::Bandwidth => members.push(("by", by.to_string())),
            }
            inline(members)
        }
    }
}

fn expectation(scenario: &Scenario, expected: &Expectation) -> String {
    let mut members: Vec<(&str, String)> = Vec::new();
    let by_op = |list: Vec<(OpId, &'static str)>| {
        inline(list.into_iter().map(|(op, word)| (scenario.op_name(op), quote(word))))
    };
    if expected.holds {
        members.push(("holds", "true".into()));
    }
    if !expected.violates.is_empty() {
        members.push(("violates", format!("[{}]", joined(expected.violates.iter().map(|name| quote(name))))));
    }
    if expected.only {
        members.push(("only", "true".into()));
    }
    if expected.vacuous {
        members.push(("vacuous", "true".into()));
    }
    if !expected.told.is_empty() {
        members.push(("told", by_op(expected.told.iter().map(|(op, word)| (*op, word.name())).collect())));
    }
    if !expected.verdicts.is_empty() {
        members.push(("decided", by_op(expected.verdicts.iter().map(|(op, name)| (*op, name.name())).collect())));
    }
    if !expected.delays.is_empty() {
        let one = |delay: &Delay| {
            let after = (delay.after > Span::ZERO).then(|| ("after", span(delay.after)));
            inline(after.into_iter().chain([("by", span(delay.by))]))
        };
        let delays = expected.delays.iter().map(|(op, delay)| (scenario.op_name(*op), one(delay)));
        members.push(("on-server", inline(delays)));
    }
    let mut devices = Vec::new();
    let mut pending = Vec::new();
    for node in &expected.nodes {
        let name = scenario.node_name(node.node);
        let rows = || inline(node.entities.iter().map(|entity| entity_text(scenario, entity)));
        if node.node.is_server() {
            members.push(("server", rows()));
        } else if !node.entities.is_empty() || node.pending.is_none() {
            devices.push((name, rows()));
        }
        pending.extend(node.pending.map(|count| (name, count.to_string())));
    }
    if !devices.is_empty() {
        members.push(("devices", inline(devices)));
    }
    if !pending.is_empty() {
        members.push(("pending", inline(pending)));
    }
    members.extend(expected.note.as_ref().map(|note| ("note", quote(note))));
    if members.iter().map(|(_, value)| value.len()).sum::<usize>() < 90 {
        return inline(members);
    }
    object(2, members.into_iter().map(|(name, value)| (name.to_string(), value)))
}

fn entity_text(scenario: &Scenario, expected: &EntityExpectation) -> (String, String) {
    let entity = expected.entity;
    let count = expected.count.map(|count| ("count".to_string(), count.to_string()));
    let rows = expected.rows.iter().map(|row| {
        let fields = row.fields.iter().map(|(field, held)| {
            let spec = &scenario.domain.fields(entity)[*field as usize];
            (spec.name, value(scenario, spec.class, *held))
        });
        (row_name(scenario, entity, row.key), if row.absent { "null".into() } else { inline(fields) })
    });
    (scenario.domain.entity_name(entity).to_string(), inline(count.into_iter().chain(rows)))
}
