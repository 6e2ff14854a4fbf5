//! The published JSON Schema of the format, made from the same tables that the reader uses.
//!
//! It is for editors and for people; it says less than the reader checks (a label's parts, names that must exist).

use super::VerdictName;
use super::format::{
    CONTINUATION, DECISION, DELAY, EXPECTATION, FOUND, INTERFERENCE, LARGEST_AMOUNT, LONGEST_NAME, MOST_DEVICES,
    MOST_STEPS, NETWORK, NUMBER_FATES, PLAIN_FATES, ROW_KEY, SPAN_FATES, STEP, STORY, VERSION,
};
use crate::model::domain::Shape;
use crate::model::op::LINES;
use crate::model::{Class, Domain, Entity};
use crate::system::Word;
use serde_json::{Map, Value, json};

/// The schema of scenario files about these businesses (JSON Schema, draft 2020-12), pretty-printed.
pub fn schema(domains: &[&'static Domain]) -> String {
    let names: Vec<&str> = domains.iter().map(|domain| domain.name).collect();
    let mut definitions = json!({
        "name": { "type": "string", "pattern": format!("^[A-Za-z0-9_-]{{1,{LONGEST_NAME}}}$") },
        "row": { "type": "string", "pattern": "^[A-Za-z0-9_.-]{1,48}$" },
        "span": { "type": "string", "pattern": "^[0-9]+(\\.[0-9]{1,6})?(us|ms|s|m|h|d)$", "examples": ["250us", "1.5s", "2h"] },
        "shift": { "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,6})?(us|ms|s|m|h|d)$" },
        "amount": { "type": "integer", "minimum": -LARGEST_AMOUNT, "maximum": LARGEST_AMOUNT },
        "fate": fate(),
    });
    for domain in domains {
        definitions[format!("{}-step", domain.name)] = step(domain);
        definitions[format!("{}-rows", domain.name)] = rows(domain);
        definitions[format!("{}-expectation", domain.name)] = expectation(domain);
    }
    let by_domain: Vec<Value> = domains
        .iter()
        .map(|domain| {
            let own = |kind: &str| json!({ "$ref": format!("#/$defs/{}-{kind}", domain.name) });
            json!({
                "if": { "properties": { "domain": { "const": domain.name } } },
                "then": { "properties": {
                    "rows": own("rows"),
                    "steps": { "items": own("step") },
                    "expect": { "additionalProperties": own("expectation") },
                } },
            })
        })
        .collect();
    let properties = table(&STORY, |name| match name {
        "squall" => json!({ "const": VERSION }),
        "domain" => json!({ "enum": names }),
        "devices" => {
            json!({ "type": "array", "items": definition("name"), "minItems": 1, "maxItems": MOST_DEVICES, "uniqueItems": true })
        }
        "devices-start-empty" => json!({ "type": "boolean" }),
        "network" => json!({ "oneOf": [{ "const": "3g" }, closed(table(&NETWORK, |name| match name {
            "latency" => definition("span"),
            _ => json!({ "type": "integer", "minimum": 0 }),
        }), &[])] }),
        "steps" => json!({ "type": "array", "maxItems": MOST_STEPS }),
        "schedule" => json!({ "type": "object", "additionalProperties": {
            "oneOf": [definition("fate"), { "type": "array", "items": definition("fate") }],
        } }),
        "heal" => json!({ "anyOf": [{ "const": "never" }, definition("span")] }),
        "rows" | "expect" => json!({ "type": "object" }),
        "found" => closed(
            table(&FOUND, |name| match name {
                "seed" => json!({ "type": "integer", "minimum": 0 }),
                _ => json!({ "type": "string" }),
            }),
            &["system", "seed", "profile"],
        ),
        _ => json!({ "type": "string" }),
    });
    let mut schema = closed(properties, &["squall", "title", "domain", "devices", "steps"]);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("squall scenario");
    schema["description"] = json!(
        "A story about devices that sync: who does what, what goes wrong, and how it ends. Comments are allowed."
    );
    schema["allOf"] = json!(by_domain);
    schema["$defs"] = definitions;
    serde_json::to_string_pretty(&schema).expect("a value can always be written") + "\n"
}

fn definition(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// An object with these properties and no others.
fn closed(properties: Map<String, Value>, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// The properties of a table, each with its description.
fn table<const N: usize>(table: &[(&str, &str); N], of: impl Fn(&str) -> Value) -> Map<String, Value> {
    let property = |(name, about): &(&str, &str)| {
        let mut value = of(name);
        value["description"] = json!(about);
        (name.to_string(), value)
    };
    table.iter().map(property).collect()
}

/// An object with any names as keys.
fn named(value: Value) -> Value {
    json!({ "type": "object", "propertyNames": definition("row"), "additionalProperties": value })
}

fn fate() -> Value {
    let spans = SPAN_FATES.iter().map(|fate| (fate, definition("span")));
    let numbers = NUMBER_FATES.iter().map(|fate| (fate, json!({ "type": "integer", "minimum": 0 })));
    let mut kinds: Vec<Value> = PLAIN_FATES.map(|(name, about)| json!({ "const": name, "description": about })).into();
    kinds.extend(spans.chain(numbers).map(|((name, about), mut value)| {
        value["description"] = json!(about);
        closed(Map::from_iter([(name.to_string(), value)]), &[name])
    }));
    kinds.push(closed(
        table(&INTERFERENCE, |name| match name {
            "by" => json!({ "oneOf": [definition("shift"), { "type": "integer" }] }),
            _ => definition("span"),
        }),
        &["at"],
    ));
    json!({ "oneOf": kinds })
}

fn step(domain: &Domain) -> Value {
    let mut properties = table(&STEP, |name| match name {
        "at" => definition("span"),
        "device" | "id" => definition("name"),
        _ => json!({ "type": "integer", "minimum": 0 }),
    });
    let mut verbs = Vec::new();
    for (_, verb) in domain.verb_specs() {
        let mut value = shape(verb.shape);
        value["description"] = json!(format!("The user {} …", verb.tells.trim_end_matches(':')));
        properties.insert(verb.name.into(), value);
        verbs.push(json!({ "required": [verb.name] }));
    }
    let mut step = closed(properties, &["at", "device"]);
    step["oneOf"] = json!(verbs);
    step
}

fn lines(signed: bool) -> Value {
    let mut lines = named(if signed {
        definition("amount")
    } else {
        json!({ "type": "integer", "minimum": 1, "maximum": LARGEST_AMOUNT })
    });
    lines["minProperties"] = json!(1);
    lines["maxProperties"] = json!(LINES);
    lines
}

fn shape(shape: Shape) -> Value {
    let amount = || json!({ "type": "integer", "minimum": 0, "maximum": LARGEST_AMOUNT });
    match shape {
        Shape::Lines { signed, .. } => lines(signed),
        Shape::Set { .. } => {
            let mut value = named(amount());
            value["minProperties"] = json!(1);
            value["maxProperties"] = json!(1);
            value
        }
        Shape::Record { target, values, lines: more } => {
            let mut properties = Map::new();
            properties.extend(target.map(|(name, _)| (name.to_string(), definition("row"))));
            properties.extend(values.iter().map(|name| (name.to_string(), amount())));
            properties.extend(more.map(|(name, _)| (name.to_string(), lines(false))));
            let required: Vec<String> = properties.keys().cloned().collect();
            closed(properties, &required.iter().map(String::as_str).collect::<Vec<_>>())
        }
        Shape::Pair { target, other } => {
            let properties = [target, other].map(|(name, _)| (name.to_string(), definition("row")));
            closed(Map::from_iter(properties), &[target.0, other.0])
        }
        Shape::Form { rows, needed, values } => {
            let required: Vec<&str> =
                rows.iter().take(needed).map(|(name, _)| *name).chain(values.iter().copied()).collect();
            let rows = rows.iter().map(|(name, _)| (name.to_string(), definition("row")));
            let values = values.iter().map(|name| (name.to_string(), amount()));
            let properties = Map::from_iter(rows.chain(values));
            closed(properties, &required)
        }
        Shape::Target(_) => definition("row"),
        Shape::Word(words) => json!({ "enum": words }),
        Shape::Decision(words) => closed(
            table(&DECISION, |name| match name {
                "of" => definition("row"),
                _ => json!({ "enum": words }),
            }),
            &["of", "take"],
        ),
        Shape::Earlier(_) => json!({ "oneOf": [definition("name"), closed(table(&CONTINUATION, |name| match name {
            "of" => definition("row"),
            _ => lines(true),
        }), &["of"])] }),
    }
}

fn fields(domain: &Domain, entity: Entity) -> Map<String, Value> {
    let value = |class| match class {
        Class::Reference(_) => json!({ "oneOf": [definition("row"), { "type": "null" }] }),
        _ => json!({ "oneOf": [definition("amount"), { "type": "null" }, { "const": "missing" }] }),
    };
    domain.fields(entity).iter().map(|spec| (spec.name.to_string(), value(spec.class))).collect()
}

fn rows(domain: &Domain) -> Value {
    let rows = domain.entity_specs().map(|(entity, spec)| {
        let mut fields = fields(domain, entity);
        fields.insert(ROW_KEY.0.into(), json!({ "type": "integer", "minimum": 1, "description": ROW_KEY.1 }));
        (spec.name.to_string(), named(closed(fields, &[])))
    });
    closed(rows.collect(), &[])
}

fn expectation(domain: &Domain) -> Value {
    let count = || json!({ "type": "integer", "minimum": 0 });
    let own = domain.entity_specs().map(|(entity, spec)| (spec.name, fields(domain, entity)));
    let bookkeeping = [Entity::CONFLICT, Entity::AUDIT].map(|entity| (domain.entity_name(entity), Map::new()));
    let held = own.chain(bookkeeping).map(|(name, fields)| {
        let mut rows = named(json!({ "oneOf": [closed(fields, &[]), { "type": "null" }] }));
        rows["properties"] = json!({ "count": count() });
        (name.to_string(), rows)
    });
    let held = closed(held.collect(), &[]);
    let mut expectation = closed(
        table(&EXPECTATION, |name| match name {
            "violates" => json!({ "type": "array", "items": { "type": "string" }, "minItems": 1, "uniqueItems": true }),
            "told" => named(json!({ "enum": Word::ALL.map(Word::name) })),
            "decided" => named(json!({ "enum": VerdictName::ALL.map(VerdictName::name) })),
            "on-server" => named(closed(table(&DELAY, |_| definition("span")), &["by"])),
            "server" => held.clone(),
            "devices" => named(held.clone()),
            "pending" => named(count()),
            "note" => json!({ "type": "string" }),
            _ => json!({ "type": "boolean" }),
        }),
        &[],
    );
    expectation["anyOf"] = json!([{ "required": ["holds"] }, { "required": ["violates"] }]);
    expectation
}
