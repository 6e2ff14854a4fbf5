//! The schema is held against what the reader accepts: whatever is written satisfies it, and a stray key does not.

use super::super::{schema, write};
use super::roundtrip::any_story;
use super::{LAST_FIVE, read};
use crate::model::retail;
use serde_json::Value;

/// As much of JSON Schema as the published one uses, patterns left out.
fn satisfies(schema: &Value, root: &Value, value: &Value) -> bool {
    let all = |key: &str| schema[key].as_array().cloned().unwrap_or_default();
    if let Some(path) = schema["$ref"].as_str() {
        let name = path.strip_prefix("#/$defs/").expect("references stay in the file");
        assert!(root["$defs"][name].is_object(), "{name} is defined");
        if !satisfies(&root["$defs"][name], root, value) {
            return false;
        }
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let conditional =
        schema.get("if").is_none_or(|test| !satisfies(test, root, value) || satisfies(&schema["then"], root, value));
    conditional
        && schema["type"].as_str().is_none_or(|wanted| wanted == kind)
        && schema.get("const").is_none_or(|wanted| wanted == value)
        && schema["enum"].as_array().is_none_or(|list| list.contains(value))
        && schema["minimum"].as_i64().is_none_or(|low| value.as_i64().is_none_or(|n| n >= low))
        && schema["maximum"].as_i64().is_none_or(|high| value.as_i64().is_none_or(|n| n <= high))
        && all("allOf").iter().all(|part| satisfies(part, root, value))
        && schema["oneOf"]
            .as_array()
            .is_none_or(|parts| parts.iter().filter(|part| satisfies(part, root, value)).count() == 1)
        && schema["anyOf"].as_array().is_none_or(|parts| parts.iter().any(|part| satisfies(part, root, value)))
        && value.as_array().is_none_or(|list| {
            schema.get("items").is_none_or(|items| list.iter().all(|value| satisfies(items, root, value)))
        })
        && value.as_object().is_none_or(|object| {
            let needed = all("required").iter().all(|name| object.contains_key(name.as_str().expect("a name")));
            needed
                && object.iter().all(|(name, value)| {
                    match (&schema["properties"][name], &schema["additionalProperties"]) {
                        (Value::Null, Value::Null) => true,
                        (Value::Null, Value::Bool(allowed)) => *allowed,
                        (Value::Null, other) => satisfies(other, root, value),
                        (property, _) => satisfies(property, root, value),
                    }
                })
        })
}

fn published() -> Value {
    serde_json::from_str(&schema(&[&retail::RETAIL])).expect("the schema is JSON")
}

#[test]
fn whatever_is_written_satisfies_the_schema() {
    let schema = published();
    for seed in 0..200 {
        let text = write(&any_story(seed));
        let value: Value = serde_json::from_str(&text).expect("what is written is plain JSON");
        assert!(satisfies(&schema, &schema, &value), "{text}");
    }
}

#[test]
fn what_the_reader_refuses_for_its_keys_the_schema_refuses_too() {
    let schema = published();
    let good: Value = serde_json::from_str(&write(&read(LAST_FIVE).unwrap())).unwrap();
    for path in ["", "/rows/product/X", "/steps/0", "/expect/sound", "/expect/as-found/server/product/X"] {
        let mut bad = good.clone();
        bad.pointer_mut(path).expect("the place is there")["stray"] = Value::from(1);
        assert!(!satisfies(&schema, &schema, &bad), "{path}");
        assert!(read(&bad.to_string()).is_err(), "{path}");
    }
    assert!(satisfies(&schema, &schema, &good));
}

#[test]
fn every_key_that_the_reader_accepts_stands_in_the_schema() {
    use super::super::format::{DELAY, EXPECTATION, FOUND, NETWORK, STEP, STORY, keys};
    let schema = published();
    let stands = |properties: &Value, names: &[&str]| {
        for name in names {
            assert!(properties[name]["description"].is_string(), "{name}");
        }
    };
    stands(&schema["properties"], &keys(&STORY));
    stands(&schema["properties"]["found"]["properties"], &keys(&FOUND));
    stands(&schema["properties"]["network"]["oneOf"][1]["properties"], &keys(&NETWORK));
    stands(&schema["$defs"]["retail-step"]["properties"], &keys(&STEP));
    stands(&schema["$defs"]["retail-expectation"]["properties"], &keys(&EXPECTATION));
    let delay = &schema["$defs"]["retail-expectation"]["properties"]["on-server"]["additionalProperties"];
    stands(&delay["properties"], &keys(&DELAY));
    for (_, verb) in retail::RETAIL.verb_specs() {
        stands(&schema["$defs"]["retail-step"]["properties"], &[verb.name]);
    }
}
