//! The shrinker (promise P4): from a failing scenario to a story that a shop owner would understand.
//!
//! Greedy and deterministic: every candidate is smaller by its cost, so the search ends; a candidate is kept if a
//! violation of the same identity remains. It works on deviations, devices, ops, lines, rows, values and times in turn
//! until nothing gets smaller, puts the story in its canonical form, and looks once more. It does not search for other
//! bugs, and a story that needs a *larger* step in between stays as it is.

use super::canonical::canonical;
use super::cost::{Cost, cost};
use super::{reduce_business, reduce_luck, reduce_time};
use crate::harness::{Event, Luck, Outcome, Subject};
use crate::invariants::running::NodesKeepRunning;
use crate::invariants::{Identity, Violation};
use crate::model::Scenario;
use crate::sim::{Deviation, Span};

/// Runs that are spent on shrinking one failure, where nobody says otherwise.
pub const SHRINK_BUDGET: u32 = 3_000;

/// A shrunk scenario and how it ends.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The story.
    pub scenario: Scenario,
    /// How it ends, with its trace.
    pub outcome: Outcome,
    /// The violation that it keeps.
    pub violation: Violation,
    /// Runs spent.
    pub runs: u32,
}

/// Shrinks `scenario` while it breaks `identity` on `subject`, with about `budget` runs. The schedule alone decides:
/// write a drawn run down with [`super::explicit()`] first. `None` if the scenario does not break that promise.
pub fn shrink(subject: &dyn Subject, scenario: &Scenario, identity: Identity, budget: u32) -> Option<Shrunk> {
    let mut search = Search::begin(subject, scenario, identity, budget)?;
    loop {
        search.reduce();
        let tidy = canonical(search.best());
        let is_tidy = tidy.op_names == search.best().op_names && tidy.devices == search.best().devices;
        if is_tidy || !search.rename(tidy) || search.is_spent() {
            break;
        }
    }
    let outcome = subject.run(&search.best, Luck::Replay, true);
    let violation = outcome.broke(identity)?.clone();
    Some(Shrunk { scenario: search.best, outcome, violation, runs: search.runs + 1 })
}

/// Events that a run of a story without an end may take on average before the budget is spent: an endless loop is cut off
/// at 10,000 events or more each time, and must not be shrunk for minutes. A story that is merely busy has all its runs.
const EVENTS_A_RUN: u64 = 2_500;

/// The smallest story so far, and the runs left to look for a smaller one.
pub(super) struct Search<'a> {
    subject: &'a dyn Subject,
    identity: Identity,
    best: Scenario,
    cost: Cost,
    unused: Vec<Deviation>,
    runs: u32,
    budget: u32,
    events: u64,
}

impl<'a> Search<'a> {
    fn begin(subject: &'a dyn Subject, scenario: &Scenario, identity: Identity, budget: u32) -> Option<Search<'a>> {
        let mut best = scenario.clone();
        best.schedule.sort_unstable();
        best.schedule.dedup();
        let outcome = subject.run(&best, Luck::Replay, false);
        outcome.broke(identity)?;
        let cost = cost(&best);
        Some(Search { subject, identity, best, cost, unused: outcome.unused, runs: 1, budget, events: outcome.events })
    }

    /// The smallest story so far.
    pub(super) fn best(&self) -> &Scenario {
        &self.best
    }

    /// The longest period of the system's timers.
    pub(super) fn longest_period(&self) -> Span {
        self.subject.facts().longest_period
    }

    /// Whether all runs are spent.
    pub(super) fn is_spent(&self) -> bool {
        let endless = self.identity.invariant == NodesKeepRunning::NAME;
        self.runs >= self.budget || endless && self.events >= u64::from(self.budget) * EVENTS_A_RUN
    }

    /// Runs a candidate if it is smaller; keeps it if it still breaks the promise. Returns whether it was kept.
    pub(super) fn offer(&mut self, candidate: Scenario) -> bool {
        let smaller = cost(&candidate);
        if smaller >= self.cost || self.is_spent() {
            return false;
        }
        let kept = self.holds(&candidate);
        if kept {
            self.best = candidate;
            self.cost = smaller;
        }
        kept
    }

    /// What happens in the smallest story so far.
    pub(super) fn recorded(&mut self) -> Vec<Event> {
        self.runs += 1;
        self.subject.run(&self.best, Luck::Replay, true).trace
    }

    /// Offers the story without the deviations of a kind.
    pub(super) fn try_without_deviations(&mut self, gone: &dyn Fn(&Deviation) -> bool) -> bool {
        let mut less = self.best.clone();
        less.schedule.retain(|deviation| !gone(deviation));
        self.offer(less)
    }

    /// Puts the story under other names, if it still breaks the promise under them.
    fn rename(&mut self, tidy: Scenario) -> bool {
        assert!(cost(&tidy) == self.cost, "other names make a story neither larger nor smaller");
        let kept = self.holds(&tidy);
        if kept {
            self.best = tidy;
        }
        kept
    }

    fn holds(&mut self, candidate: &Scenario) -> bool {
        self.runs += 1;
        let outcome = self.subject.run(candidate, Luck::Replay, false);
        self.events += outcome.events;
        let holds = outcome.broke(self.identity).is_some();
        if holds {
            self.unused = outcome.unused;
        }
        holds
    }

    /// Every kind of reduction in turn, until none helps or the runs are spent.
    fn reduce(&mut self) {
        let passes: [fn(&mut Search<'_>); 14] = [
            reduce_time::heal,
            reduce_luck::fewer,
            reduce_business::devices,
            reduce_business::ops,
            reduce_time::let_timers_sync,
            reduce_luck::one_kill,
            reduce_luck::milder,
            reduce_business::lines,
            reduce_business::rows,
            reduce_time::settings,
            reduce_business::values,
            reduce_time::ops,
            reduce_luck::instead,
            reduce_time::heal,
        ];
        loop {
            let before = self.cost;
            for pass in passes {
                pass(self);
                self.drop_unused();
            }
            if self.cost == before || self.is_spent() {
                return;
            }
        }
    }

    fn drop_unused(&mut self) {
        let unused = std::mem::take(&mut self.unused);
        if !unused.is_empty() {
            self.try_without_deviations(&|deviation| unused.contains(deviation));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_shop::TestShop;
    use super::super::{Profile, explicit, generate, steps};
    use super::*;
    use crate::model::Domain;
    use crate::system::Facts;
    use proptest::prelude::*;

    fn failing(profile: &str, from: u64) -> Scenario {
        let (shop, profile) = (TestShop::forgetful(), Profile::find(profile).unwrap());
        let found = (from..).find_map(|seed| {
            let (scenario, luck) = generate(shop.domain(), &profile, seed);
            let outcome = shop.run(&scenario, luck, false);
            (!outcome.violations.is_empty()).then(|| explicit(&scenario, &outcome))
        });
        found.expect("the search has no end")
    }

    const TWICE: Identity = Identity { invariant: "one-effect-per-op", kind: "applied twice", entity: "product" };

    fn text(scenario: &Scenario) -> String {
        format!("{scenario:?}")
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
        #[test]
        fn a_shrunk_story_still_breaks_its_promise_is_no_larger_and_shrinks_no_further(
            seed in 0u64..100_000, heavy: bool
        ) {
            let shop = TestShop::forgetful();
            let scenario = failing(if heavy { "heavy" } else { "default" }, seed);
            let shrunk = shrink(&shop, &scenario, TWICE, 20_000).unwrap();
            prop_assert!(shrunk.outcome.broke(TWICE).is_some());
            prop_assert!(cost(&shrunk.scenario) <= cost(&scenario));
            prop_assert!(shrunk.outcome.unused.is_empty());
            let again = shrink(&shop, &shrunk.scenario, TWICE, 20_000).unwrap();
            prop_assert_eq!(text(&again.scenario), text(&shrunk.scenario));
            let same = shrink(&shop, &scenario, TWICE, 20_000).unwrap();
            prop_assert_eq!(text(&same.scenario), text(&shrunk.scenario));
        }
    }

    #[test]
    fn the_forgetful_shop_s_bad_days_end_as_one_till_one_sale_and_one_late_message() {
        let shop = TestShop::forgetful();
        let mut small = 0;
        for from in (0..400).step_by(20) {
            let shrunk = shrink(&shop, &failing("default", from), TWICE, 3_000).unwrap();
            let story = &shrunk.scenario;
            assert_eq!((story.devices.len(), story.steps.len(), story.schedule.len()), (1, 1, 1), "{story:?}");
            assert_eq!(story.rows.len(), 1);
            assert_eq!(story.op_name(story.steps[0].op.id), "sale-1");
            assert_eq!(story.steps[0].op.value(0), 1);
            let without_fault = story.schedule[0].fault().is_none();
            small += u32::from(without_fault);
            let count = steps(&shop.facts(), &shrunk.outcome, &shrunk.violation);
            assert!((4..=6).contains(&count), "{count} steps: {story:?}");
            assert!(shrunk.runs <= 3_001, "{} runs", shrunk.runs);
        }
        assert!(small >= 15, "{small} of 20 stories need no fault");
    }

    /// The forgetful shop, with very much going on each day.
    struct Busy(TestShop);
    impl Subject for Busy {
        fn name(&self) -> String {
            "busy".into()
        }
        fn domain(&self) -> &'static Domain {
            self.0.domain()
        }
        fn facts(&self) -> Facts {
            self.0.facts()
        }
        fn run(&self, scenario: &Scenario, luck: Luck, record: bool) -> Outcome {
            Outcome { events: 1_000_000, ..self.0.run(scenario, luck, record) }
        }
    }

    #[test]
    fn a_busy_story_is_shrunk_as_far_as_a_quiet_one() {
        let (quiet, scenario) = (TestShop::forgetful(), failing("heavy", 3));
        let [one, other] = [&quiet as &dyn Subject, &Busy(TestShop::forgetful())]
            .map(|subject| shrink(subject, &scenario, TWICE, 300).unwrap());
        assert!(one.runs > 10, "the cap would be met");
        assert_eq!((one.runs, text(&one.scenario)), (other.runs, text(&other.scenario)));
    }

    #[test]
    fn a_scenario_that_keeps_its_promise_does_not_shrink() {
        let scenario = failing("default", 0);
        assert!(shrink(&TestShop::repaired(), &scenario, TWICE, 100).is_none());
    }

    #[test]
    fn a_small_budget_still_yields_a_story_that_breaks_its_promise() {
        let scenario = failing("heavy", 3);
        for budget in [1, 5, 50] {
            let shrunk = shrink(&TestShop::forgetful(), &scenario, TWICE, budget).unwrap();
            assert!(shrunk.outcome.broke(TWICE).is_some() && shrunk.runs <= budget + 2);
        }
    }
}
