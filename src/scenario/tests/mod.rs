//! Tests of scenario files: a small world of names, then what is read, refused, written and compared.

mod compared;
mod mistakes;
mod published;
mod roundtrip;

use super::{Report, Story, Vocabulary, parse};
use crate::harness::{Luck, Outcome, Subject, Systems, Unknown};
use crate::model::{Domain, Scenario, retail};
use crate::system::Facts;
use std::sync::Arc;

pub const CHANNELS: &[&str] = &["push", "pull", "push-tick"];
pub const INVARIANTS: &[&str] = &["stock-never-negative", "one-effect-per-op", "conflicts-decided"];

struct Named(&'static str, &'static [&'static str]);

impl Subject for Named {
    fn name(&self) -> String {
        self.0.into()
    }
    fn domain(&self) -> &'static Domain {
        &retail::RETAIL
    }
    fn facts(&self) -> Facts {
        Facts::new(self.1)
    }
    fn run(&self, _: &Scenario, _: Luck, _: bool) -> Outcome {
        panic!("reading a file runs nothing")
    }
}

struct Shelf;

impl Systems for Shelf {
    fn find(&self, name: &str) -> Result<Arc<dyn Subject>, Unknown> {
        match name {
            "as-found" => Ok(Arc::new(Named("as-found", CHANNELS))),
            "sound" => Ok(Arc::new(Named("sound", CHANNELS))),
            "stranger" => Ok(Arc::new(Named("stranger", &["gossip"]))),
            _ => Err(Unknown { part: name.into(), what: "system".into(), known: self.names() }),
        }
    }
    fn names(&self) -> Vec<String> {
        ["as-found", "sound", "stranger"].map(String::from).into()
    }
}

/// Reads a file as if it were `story.json`.
pub fn read(text: &str) -> Result<Story, Report> {
    parse("story.json", text, &Vocabulary { systems: &Shelf, invariants: INVARIANTS, domains: &[&retail::RETAIL] })
}

/// A story in which two tills sell the same five units.
pub const LAST_FIVE: &str = r#"{
  // comments are welcome, and so is a comma at the end
  "squall": 1,
  "title": "Two tills sell the same five units",
  "domain": "retail",
  "devices": ["abdoulaye", "fatoumata"],
  "rows": { "product": { "X": { "stock": 5, "price": 5000 } } },
  "steps": [
    { "at": "1s", "device": "abdoulaye", "sell": { "X": 5 } },
    { "at": "2s", "device": "fatoumata", "sell": { "X": 5 }, "id": "late-sale" },
    { "at": "4s", "device": "abdoulaye", "sync": "push" },
  ],
  "schedule": { "fatoumata.push.late-sale.try-1.send": { "delay": "3s" } },
  "expect": {
    "as-found": { "violates": ["stock-never-negative"], "server": { "product": { "X": { "stock": -5 } } } },
    "sound": { "holds": true, "told": { "late-sale": "rejected" } }
  }
}
"#;

/// [`LAST_FIVE`] with one piece replaced.
pub fn with(from: &str, to: &str) -> String {
    assert_eq!(LAST_FIVE.matches(from).count(), 1, "`{from}` stands once in the story");
    LAST_FIVE.replace(from, to)
}
