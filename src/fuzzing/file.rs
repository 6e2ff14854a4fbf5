//! Target `scenario_file`: no text makes the reader panic, and what it accepts is written and read again as it was.
//!
//! A story that is small enough is run as well, on the sound system of its business and on no more: it must end without a
//! panic and without a mistake in the model. Promises are not held: a file may describe what no shop can do.

use super::{broke, systems};
use crate::cli::Registry;
use crate::harness::Luck;
use crate::model::{Domain, Scenario};
use crate::scenario::{Report, Story, Vocabulary, parse, write};
use crate::sim::{Fate, Span, Time};
use std::sync::LazyLock;

/// Longer texts are cut.
const LONGEST: usize = 16 << 10;
/// Stories with more devices, rows, steps or deviations are not run.
const SMALL: [usize; 4] = [4, 40, 40, 60];
/// Nor are longer ones.
const SHORT: Span = Span::hours(1);

/// The body of the target.
///
/// # Panics
/// If the reader, the writer or a run does, or if what is written differs from what was read.
pub fn scenario_file(bytes: &[u8]) {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]);
    let story = match read(&text) {
        Ok(story) => story,
        Err(report) => {
            assert!(!report.render(false).is_empty(), "a mistake in a file is shown");
            return;
        }
    };
    read_back(&story);
    if is_small(&story.scenario) {
        let system = systems::sound_for(story.scenario.domain.name);
        let outcome = system.run(&story.scenario, Luck::Replay, false);
        if outcome.was_stopped() {
            broke(&format!("{} stopped; it broke {}", system.name(), outcome.broken().join(", ")), &story);
        }
        if let Some(mistake) = outcome.mistake {
            broke(&format!("a mistake in the model of {}: {mistake}", system.name()), &story);
        }
    }
}

/// Holds a story against itself, written and read again.
///
/// # Panics
/// If the writer makes a file that is refused, or one that says something else.
pub(super) fn read_back(story: &Story) -> Story {
    let text = write(story);
    let again = match read(&text) {
        Ok(again) => again,
        Err(report) => panic!("a story that was written is not read: {report}\n{text}"),
    };
    if again != *story {
        panic!("a story that was written reads otherwise: {again:?} is not {story:?}\n{text}");
    }
    assert!(write(&again) == text, "a story that was read again is written otherwise\n{text}");
    again
}

struct Names {
    registry: Registry,
    invariants: Vec<&'static str>,
    domains: Vec<&'static Domain>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let registry = Registry::builtin();
    let (domains, invariants) = (registry.domains(), registry.invariants());
    let invariants: Vec<&str> = invariants.iter().map(|invariant| invariant.name()).collect();
    Names { registry, invariants, domains }
});

fn read(text: &str) -> Result<Story, Report> {
    let Names { registry, invariants, domains } = &*NAMES;
    parse("story.json", text, &Vocabulary { systems: registry, invariants, domains })
}

/// Whether a run of this takes no longer than an ordinary day.
fn is_small(scenario: &Scenario) -> bool {
    let counts = [scenario.devices.len(), scenario.rows.len(), scenario.steps.len(), scenario.schedule.len()];
    let soon = |at: Time| at <= Time::ZERO + SHORT;
    let begins = |fate: Fate| if let Fate::During(at, ..) = fate { at } else { Time::ZERO };
    counts.iter().zip(SMALL).all(|(count, most)| *count <= most)
        && (scenario.heal == Time::NEVER || soon(scenario.heal))
        && scenario.steps.iter().all(|step| soon(step.at))
        && scenario.schedule.iter().all(|deviation| soon(begins(deviation.fate)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_nothing_nor_noise_nor_half_a_file_is_more_than_a_mistake() {
        let half = br#"{ "squall": 1, "title": "Half", "domain": "retail", "devices": ["till-1"], "steps": ["#;
        for text in [&b""[..], b"\xff\xfe\0", b"{}", half] {
            scenario_file(text);
        }
    }

    #[test]
    fn a_story_that_would_take_days_is_read_but_not_run() {
        let day = |heal: &str| {
            let text = r#"{ "squall": 1, "title": "Quiet", "domain": "retail", "devices": ["till-1"], "steps": [], "heal": "H" }"#;
            read(&text.replace('H', heal)).unwrap().scenario
        };
        assert!(is_small(&day("20m")) && is_small(&day("never")) && !is_small(&day("3d")));
    }

    #[test]
    #[should_panic(expected = "a story that was written")]
    fn two_rows_of_one_name_are_noticed_when_a_story_is_read_again() {
        let mut scenario = Scenario::new(crate::model::DOMAINS[0]);
        scenario.devices = vec!["till-1".into()];
        scenario.rows = (scenario.domain.opening)(
            scenario.domain,
            &mut crate::model::domain::Dice::new(crate::sim::Draw(1)),
            false,
        );
        let twin = scenario.rows[0].clone();
        scenario.rows.insert(0, twin);
        read_back(&super::super::story("Twins", &scenario, &**systems::sound(0)));
    }
}
