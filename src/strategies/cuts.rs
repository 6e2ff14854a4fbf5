//! What can be left out of a scenario, larger pieces first: for assertions that squall knows nothing of.
//!
//! Plain and blind: it asks for no promise and runs nothing. Squall's own shrinker gets smaller stories, but only of
//! broken promises.

use crate::explore::{without_device, without_ops};
use crate::model::Scenario;
use crate::sim::{Label, NodeId};

/// What is left out in one pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pass {
    Deviations,
    Devices,
    Ops,
}

/// Bad luck first, then who is there and what they do, then what luck is left.
const PASSES: [Pass; 4] = [Pass::Deviations, Pass::Devices, Pass::Ops, Pass::Deviations];

/// The cuts of a scenario, one after the other.
///
/// For eight deviations: all eight, then four and four, then two at a time, then each. A cut that is kept makes room for
/// the next one at the same place; one that is taken back is stepped over.
#[derive(Clone, Debug)]
pub(super) struct Cuts {
    passes: Vec<Pass>,
    /// Deviations that stay.
    fixed: Vec<Label>,
    /// How many are cut at once; 0 before the first cut of a pass.
    size: usize,
    at: usize,
}

impl Cuts {
    /// All of them.
    pub(super) fn of_everything() -> Cuts {
        Cuts { passes: PASSES.iter().rev().copied().collect(), fixed: Vec::new(), size: 0, at: 0 }
    }

    /// Those of luck other than this.
    pub(super) fn of_luck(fixed: Vec<Label>) -> Cuts {
        Cuts { passes: vec![Pass::Deviations], fixed, size: 0, at: 0 }
    }

    /// The scenario with the next piece left out; `None` when nothing is left to try.
    pub(super) fn next(&mut self, scenario: &Scenario) -> Option<Scenario> {
        loop {
            let pass = *self.passes.last()?;
            let count = self.count(pass, scenario);
            if self.size == 0 {
                self.size = if pass == Pass::Devices { 1 } else { count };
            }
            if self.at < count && self.size > 0 {
                let until = count.min(self.at + self.size);
                return Some(self.without(pass, scenario, until));
            }
            self.at = 0;
            if self.size > 1 {
                self.size = self.size.div_ceil(2);
            } else {
                self.size = 0;
                self.passes.pop();
            }
        }
    }

    /// The last cut was taken back.
    pub(super) fn step_over(&mut self) {
        self.at += self.size;
    }

    /// How many pieces there are; the last device stays.
    fn count(&self, pass: Pass, scenario: &Scenario) -> usize {
        match pass {
            Pass::Deviations => scenario.schedule.iter().filter(|one| !self.fixed.contains(&one.label)).count(),
            Pass::Devices if scenario.devices.len() > 1 => scenario.devices.len(),
            Pass::Devices => 0,
            Pass::Ops => scenario.steps.len(),
        }
    }

    /// The scenario without the pieces from the place of the cut to another.
    fn without(&self, pass: Pass, scenario: &Scenario, until: usize) -> Scenario {
        match pass {
            Pass::Deviations => {
                let (mut less, mut n) = (scenario.clone(), 0);
                less.schedule.retain(|one| {
                    let stays = self.fixed.contains(&one.label);
                    n += usize::from(!stays);
                    stays || !(self.at..until).contains(&(n - 1))
                });
                less
            }
            Pass::Devices => without_device(scenario, NodeId(self.at as u16 + 1)),
            Pass::Ops => {
                let gone = scenario.steps[self.at..until].iter().map(|step| step.op.id).collect();
                without_ops(scenario, &gone)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::{Profile, generate};
    use crate::model::retail::RETAIL;

    fn heavy() -> Scenario {
        let profile = Profile::find("heavy").unwrap();
        let drawn = (0..).map(|seed| generate(&RETAIL, &profile, seed).0);
        drawn.into_iter().find(|one| one.devices.len() == 3 && one.schedule.len() > 8).unwrap()
    }

    /// Cuts as long as `fails` says that what is left still fails.
    fn cut(scenario: Scenario, mut cuts: Cuts, fails: &dyn Fn(&Scenario) -> bool) -> (Scenario, u32) {
        let (mut least, mut tried) = (scenario, 0);
        while let Some(less) = cuts.next(&least) {
            tried += 1;
            if fails(&less) { least = less } else { cuts.step_over() }
        }
        (least, tried)
    }

    #[test]
    fn what_always_fails_is_cut_to_one_device_that_does_nothing() {
        let (least, tried) = cut(heavy(), Cuts::of_everything(), &|_| true);
        assert_eq!((least.devices.len(), least.steps.len(), least.schedule.len()), (1, 0, 0));
        assert!(tried <= 4, "the largest piece goes first: {tried}");
    }

    #[test]
    fn one_op_and_one_deviation_that_are_needed_stay_alone() {
        let day = heavy();
        let (op, label) = (day.steps[day.steps.len() / 2].op, day.schedule[3].label);
        let needed = |less: &Scenario| {
            let does = |step: &crate::model::Step| (step.op.verb, step.op.id) == (op.verb, op.id);
            less.steps.iter().any(does) && less.schedule.iter().any(|one| one.label == label)
        };
        let (least, tried) = cut(day.clone(), Cuts::of_everything(), &needed);
        assert_eq!(least.schedule.len(), 1);
        assert!(least.steps.len() <= 3, "the op and those that it is about: {:?}", least.steps);
        assert!(tried < 400, "{tried}");
    }

    #[test]
    fn given_devices_ops_and_luck_are_never_cut() {
        let day = heavy();
        let fixed = day.schedule[2];
        let (least, _) = cut(day.clone(), Cuts::of_luck(vec![fixed.label]), &|_| true);
        assert_eq!((&least.steps, &least.devices, least.schedule), (&day.steps, &day.devices, vec![fixed]));
    }
}
