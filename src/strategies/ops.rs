//! Ops alone: what users of a business do on a day on which nothing goes wrong.
//!
//! A value is a scenario, because an op means nothing without the rows that it names. It draws no luck: see
//! [`super::schedules`], which takes this strategy.

use super::cuts::Cuts;
use super::seed;
use crate::explore::{Profile, generate, without_ops};
use crate::model::{Domain, Scenario};
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::ops::RangeInclusive;

/// Most ops of one device.
const MOST_OPS: u32 = 60;

/// Days of a business on which nothing goes wrong: 1 to 3 devices, and so many ops in all. The domain invents opening
/// rows and ops; what it has no idea for is left out, so that there may be fewer.
///
/// ```
/// use proptest::prelude::*;
/// use squall::model::retail::RETAIL;
/// use squall::strategies::{config, ops};
///
/// proptest!(config(), |(scenario in ops(&RETAIL, 1..=2, 3..=8))| {
///     prop_assert!((1..=2).contains(&scenario.devices.len()));
///     prop_assert!(scenario.schedule.is_empty() && scenario.steps.len() <= 8);
/// });
/// ```
///
/// # Panics
/// If a range is empty, has other numbers of devices than 1 to 3, or more than 60 ops.
#[track_caller]
pub fn ops(domain: &'static Domain, devices: RangeInclusive<usize>, count: RangeInclusive<u32>) -> Ops {
    let (fewest, most) = devices.clone().into_inner();
    assert!(1 <= fewest && fewest <= most && most <= 3, "a day has 1 to 3 devices, not {fewest} to {most}");
    let (low, high) = count.into_inner();
    assert!(low <= high && high <= MOST_OPS, "a day has at most {MOST_OPS} ops, not {low} to {high}");
    assert!(high as usize >= most, "each of {most} devices does something: ask for at least {most} ops, not {high}");
    let polite = Profile::find("polite").expect("there is a profile `polite`");
    let weight = |n: usize| u32::from(devices.contains(&n));
    Ops { domain, profile: Profile { devices: [weight(1), weight(2), weight(3)], ops: (low, high), ..polite } }
}

/// The strategy of [`ops`].
#[derive(Clone, Debug)]
pub struct Ops {
    domain: &'static Domain,
    profile: Profile,
}

impl Strategy for Ops {
    type Tree = OpsTree;
    type Value = Scenario;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Ops> {
        let (drawn, _) = generate(self.domain, &self.profile, seed(runner));
        // Devices share the ops evenly, so that there may be one or two too many: the last of the day go.
        let beyond = drawn.steps.iter().skip(self.profile.ops.1 as usize).map(|step| step.op.id).collect();
        let current = without_ops(&drawn, &beyond);
        Ok(OpsTree { current, before: None, cuts: Cuts::of_everything() })
    }
}

/// A scenario and what it was before the last cut.
#[derive(Clone, Debug)]
pub struct OpsTree {
    current: Scenario,
    before: Option<Scenario>,
    cuts: Cuts,
}

impl ValueTree for OpsTree {
    type Value = Scenario;

    fn current(&self) -> Scenario {
        self.current.clone()
    }

    fn simplify(&mut self) -> bool {
        let Some(less) = self.cuts.next(&self.current) else { return false };
        self.before = Some(std::mem::replace(&mut self.current, less));
        true
    }

    fn complicate(&mut self) -> bool {
        let Some(before) = self.before.take() else { return false };
        self.current = before;
        self.cuts.step_over();
        true
    }
}
