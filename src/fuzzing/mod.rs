//! What coverage-guided fuzzing tries: any bytes become a scenario or a file, and a promise of squall itself is held.
//!
//! Why in the library: the bodies run under a fuzzer that watches coverage, and again on every kept input in an ordinary
//! test. Each is total: every input is one, an empty one too, and a long one is cut. A broken promise is a panic that
//! says what broke, with the scenario as a file. It chooses no bytes itself; that is the fuzzer's affair.
//!
//! Targets: [`schedule()`], [`scenario_file()`], [`shrinker()`].

mod bytes;
mod day;
mod deviations;
mod file;
mod interferences;
mod schedule;
mod shrinker;
mod systems;

pub use file::scenario_file;
pub use schedule::{hold_schedule, schedule};
pub use shrinker::{Shrinker, hold_shrinker, shrinker};

use crate::harness::Subject;
use crate::model::Scenario;
use crate::scenario::{Expectation, Story, write};

/// A scenario as a story that is expected to end well on a system.
fn story(title: &str, scenario: &Scenario, on: &dyn Subject) -> Story {
    let expect = vec![Expectation { system: on.name(), holds: true, ..Expectation::default() }];
    let (title, scenario) = (title.to_string(), scenario.clone());
    Story { title, about: None, scenario, channels: on.facts().channels, expect, found: None }
}

/// Says what broke, with the scenario as a file that can be saved and replayed.
fn broke(what: &str, story: &Story) -> ! {
    panic!("{what}\n{}", write(story))
}
