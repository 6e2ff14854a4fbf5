//! Where two runs of the same seed part, in words and as JSON.
//!
//! The events are worded as beside a passing twin. It runs nothing.

use super::{event, words};
use crate::campaign::Divergence;
use crate::model::Scenario;
use crate::system::Facts;
#[cfg(feature = "cli")]
use serde_json::{Value, json};

/// Both events: `till-1: sale-1 synced`.
fn events(scenario: &Scenario, facts: &Facts, divergence: &Divergence) -> [String; 2] {
    let names = words::names(scenario, facts);
    let [one, other] = &divergence.events;
    let tell = |event: &Option<_>| match event {
        Some(event) => event::event(scenario, &names, event),
        None => "nothing: it had ended".into(),
    };
    let told = [tell(one), tell(other)];
    match divergence.events.clone() {
        [Some(one), Some(other)] if told[0] == told[1] && one.what == other.what => {
            let [first, second] = told;
            [format!("{first}, at {}", one.at), format!("{second}, at {}", other.at)]
        }
        // The words leave out what differs: a figure in a row, the size of a message.
        [Some(one), Some(other)] if told[0] == told[1] => {
            let [first, second] = told;
            [format!("{first}, at {}: {:?}", one.at, one.what), format!("{second}, at {}: {:?}", other.at, other.what)]
        }
        _ => told,
    }
}

/// Three lines, or one if no two recorded runs differed.
pub fn text(scenario: &Scenario, facts: &Facts, divergence: Option<&Divergence>) -> String {
    let Some(found) = divergence else {
        return "   no two of its recorded runs differed again: what differs is rare\n".into();
    };
    let [one, other] = events(scenario, facts, found);
    let (common, at) = (words::plural(found.in_common as u64, "event"), found.at);
    format!("   {common} are the same; the first that differs, at {at}:\n     once    {one}\n     again   {other}\n")
}

/// A test's failure: what ran differently, where the runs part, and what a system may decide by.
pub fn failure(what: &str, scenario: &Scenario, facts: &Facts, divergence: Option<&Divergence>) -> String {
    let parted = text(scenario, facts, divergence);
    format!(
        "NOT DETERMINISTIC: {what}.\n{parted}A system decides by what it is given and by its disk alone: no clock, no random \
         numbers and no hash order of its own.\n"
    )
}

/// Both events for programs; null if no two recorded runs differed.
#[cfg(feature = "cli")]
pub fn value(scenario: &Scenario, facts: &Facts, divergence: Option<&Divergence>) -> Value {
    let Some(found) = divergence else { return Value::Null };
    let [one, other] = events(scenario, facts, found);
    json!({ "events_in_common": found.in_common, "at_us": found.at.0, "once": one, "again": other })
}
