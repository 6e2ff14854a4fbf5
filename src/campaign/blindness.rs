//! Which flaws a scenario notices: a scenario that also passes on every system broken on purpose shows nothing.
//!
//! An expectation notices a flaw if it passes on the system that it names and not on the same system with the flaw.
//! That the scenario's luck does not come up on the broken system counts for nothing: somebody must have seen a
//! different end. It prints nothing; where the flaws come from is the registry's business.

use crate::harness::{Luck, Subject, Variant};
use crate::scenario::{Expectation, Story, check, check_ending};

/// One flaw, tried on one system.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// The system before it was broken.
    pub system: String,
    /// What was broken.
    pub flaw: String,
    /// The first difference that showed it; `None` if everything still passed.
    pub seen: Option<String>,
}

/// What a scenario sees.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sight {
    /// Expectations that pass on their own system and say how a good end looks.
    pub judged: usize,
    /// Expectations that do not pass on their own system.
    pub failing: usize,
    /// Whether the file itself says, of each of them, that it shows nothing.
    pub known: bool,
    /// Every flaw on every such system.
    pub attempts: Vec<Attempt>,
}

impl Sight {
    /// All flaws that were tried, each once.
    pub fn flaws(&self) -> Vec<&str> {
        let mut flaws: Vec<&str> = Vec::new();
        for attempt in &self.attempts {
            if !flaws.contains(&attempt.flaw.as_str()) {
                flaws.push(&attempt.flaw);
            }
        }
        flaws
    }

    /// The flaws that some expectation noticed, each once.
    pub fn noticed(&self) -> Vec<&str> {
        let saw = |flaw: &&str| self.attempts.iter().any(|one| one.flaw == *flaw && one.seen.is_some());
        self.flaws().into_iter().filter(saw).collect()
    }

    /// Whether flaws were tried and none was noticed.
    pub fn is_vacuous(&self) -> bool {
        !self.attempts.is_empty() && self.noticed().is_empty()
    }
}

/// Whether an expectation says more than that something breaks.
fn says_how_it_should_end(expected: &Expectation) -> bool {
    expected.holds
        || !(expected.told.is_empty()
            && expected.verdicts.is_empty()
            && expected.delays.is_empty()
            && expected.nodes.is_empty())
}

/// Tries the flaws of each system that a story names on the expectations that it has of it.
pub fn sight(story: &Story, systems: &[(&Expectation, &dyn Subject, Vec<Variant>)]) -> Sight {
    let mut sight = Sight { known: true, ..Sight::default() };
    for (expected, subject, flaws) in systems {
        let passes = || check(expected, story, &subject.run(&story.scenario, Luck::Replay, true)).is_empty();
        if !says_how_it_should_end(expected) {
            continue;
        }
        if !passes() {
            sight.failing += 1;
            continue;
        }
        sight.judged += 1;
        sight.known &= expected.vacuous;
        for flaw in flaws {
            let outcome = flaw.system.run(&story.scenario, Luck::Replay, true);
            let seen = check_ending(expected, story, &outcome).into_iter().next();
            sight.attempts.push(Attempt { system: expected.system.clone(), flaw: flaw.text.clone(), seen });
        }
    }
    sight.known &= sight.judged > 0;
    sight
}
