//! A drawn run, written down: the same scenario with every fate that was not polite in its schedule (promise P3).
//!
//! It makes nothing smaller; see [`super::shrink()`].

use crate::harness::Outcome;
use crate::model::Scenario;

/// The run that ended in `outcome`, as a scenario that replays to the same fingerprint without any luck.
pub fn explicit(scenario: &Scenario, outcome: &Outcome) -> Scenario {
    let mut written = scenario.clone();
    written.schedule = outcome.deviations.clone();
    written.schedule.sort_unstable();
    written.schedule.dedup();
    written
}

#[cfg(test)]
mod tests {
    use super::super::test_shop::TestShop;
    use super::*;
    use crate::explore::{generate, profile};
    use crate::harness::{Luck, Subject};

    #[test]
    fn five_hundred_drawn_runs_replay_from_their_written_form_to_the_same_fingerprint() {
        let shop = TestShop::forgetful();
        for profile in profile::ALL {
            for seed in 0..125 {
                let (scenario, luck) = generate(shop.domain(), &profile, seed);
                let drawn = shop.run(&scenario, luck, false);
                let written = explicit(&scenario, &drawn);
                let again = shop.run(&written, Luck::Replay, false);
                assert_eq!(drawn.fingerprint, again.fingerprint, "{} seed {seed}", profile.name);
                assert_eq!(drawn.violations, again.violations, "{} seed {seed}", profile.name);
                assert!(again.unused.is_empty(), "{} seed {seed}: {:?}", profile.name, again.unused);
            }
        }
    }
}
