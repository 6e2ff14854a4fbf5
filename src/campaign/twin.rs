//! The same day with true clocks: does the outcome depend on a device's wall clock within the declared bound?
//!
//! Why a wrapper around a system: a campaign, the shrinker and a replay then see the breach like any other. What counts
//! as a difference is said by whoever passes [`Compare`]; here the second run is only made.

use crate::explore::explicit;
use crate::harness::{Luck, Outcome, Subject};
use crate::invariants::clock::{Ending, twin_differs};
use crate::invariants::{Invariant, Violation};
use crate::model::{Domain, Scenario};
use crate::sim::{Deviation, Fate, Fault, Span};
use crate::system::Facts;
use std::sync::Arc;

/// Compares the outcome under wrong clocks with its twin under true ones.
pub type Compare = fn(&Outcome, &Outcome, &Scenario) -> Option<Violation>;

/// A system whose runs under slightly wrong clocks are held against the same runs under true clocks.
pub struct ClockTwin<'a> {
    subject: Arc<dyn Subject + 'a>,
    compare: Compare,
}

impl<'a> ClockTwin<'a> {
    /// Wraps a system as every command watches it: verdicts and fields must not differ.
    pub fn watching(subject: Arc<dyn Subject + 'a>) -> ClockTwin<'a> {
        ClockTwin::new(subject, endings_differ)
    }

    /// Wraps a system.
    pub fn new(subject: Arc<dyn Subject + 'a>, compare: Compare) -> ClockTwin<'a> {
        ClockTwin { subject, compare }
    }

    /// Whether some clock of the scenario is wrong, and none by more than the system's bound.
    fn applies(&self, scenario: &Scenario) -> bool {
        let Some(bound) = self.subject.facts().clock_bound else { return false };
        let mut wrong = false;
        for node in 1..=scenario.devices.len() {
            let own = scenario.schedule.iter().filter(|deviation| deviation.label.node().index() == node);
            let skew = own.filter(|deviation| is_clock(deviation)).map(|deviation| {
                wrong = true;
                most_skew(deviation)
            });
            if skew.fold(0, u64::saturating_add) > bound.0 {
                return false;
            }
        }
        wrong
    }
}

fn endings_differ(with: &Outcome, without: &Outcome, scenario: &Scenario) -> Option<Violation> {
    fn ending(outcome: &Outcome) -> Option<Ending<'_>> {
        let end = outcome.end.as_ref()?;
        Some(Ending { at: outcome.ended, server: end.rows.first()?, ops: &end.ops })
    }
    twin_differs(scenario, ending(with)?, ending(without)?)
}

/// Whether a device's clock is wrong. The server's may be wrong as well: whatever follows from that follows in the twin.
fn is_clock(deviation: &Deviation) -> bool {
    let on_device = !deviation.label.node().is_server();
    on_device && matches!(deviation.fault(), Some(Fault::ClockOffset | Fault::ClockDrift | Fault::ClockJump))
}

fn most_skew(deviation: &Deviation) -> u64 {
    match deviation.fate {
        Fate::During(_, Span(lasts), ppm) if deviation.fault() == Some(Fault::ClockDrift) => {
            (u128::from(lasts) * u128::from(ppm.unsigned_abs()) / 1_000_000) as u64
        }
        Fate::During(_, _, offset) => offset.unsigned_abs(),
        _ => 0,
    }
}

impl Subject for ClockTwin<'_> {
    fn name(&self) -> String {
        self.subject.name()
    }
    fn domain(&self) -> &'static Domain {
        self.subject.domain()
    }
    fn facts(&self) -> Facts {
        self.subject.facts()
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant>> {
        self.subject.invariants()
    }
    fn run(&self, scenario: &Scenario, luck: Luck, record: bool) -> Outcome {
        if !self.applies(scenario) {
            return self.subject.run(scenario, luck, record);
        }
        let mut outcome = self.subject.run(scenario, luck, true);
        let mut twin = match luck {
            Luck::Replay => scenario.clone(),
            Luck::Drawn(..) => explicit(scenario, &outcome),
        };
        // The interference stays, without any strength: taking it out would move what happens at the same instant.
        for deviation in twin.schedule.iter_mut().filter(|deviation| is_clock(deviation)) {
            if let Fate::During(_, _, strength) = &mut deviation.fate {
                *strength = 0;
            }
        }
        let with_true_clocks = self.subject.run(&twin, Luck::Replay, true);
        // A run that was stopped has no end to compare.
        if !outcome.was_stopped()
            && !with_true_clocks.was_stopped()
            && let Some(violation) = (self.compare)(&outcome, &with_true_clocks, scenario)
            && outcome.broke(violation.identity()).is_none()
        {
            outcome.violations.push(violation);
        }
        if !record {
            outcome.trace = Vec::new();
            outcome.end = None;
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::test_shop::{TestShop, one_sale};
    use crate::explore::{Profile, generate};
    use crate::harness::{Event, What};
    use crate::model::retail::RETAIL;
    use crate::sim::{Label, NodeId, Point, Time};

    fn any_twin(first: &Outcome, second: &Outcome, _: &Scenario) -> Option<Violation> {
        assert!(first.end.is_some() && second.end.is_some(), "both runs are recorded");
        Some(Violation {
            invariant: "clock-irrelevant",
            kind: "differed",
            entity: "product",
            at: Time::ZERO,
            node: NodeId::SERVER,
            ops: Vec::new(),
            text: "compared".into(),
        })
    }

    #[test]
    fn only_runs_with_clocks_wrong_within_the_bound_have_a_twin() {
        let plain = TestShop::repaired();
        let twinned = ClockTwin::new(Arc::new(TestShop::repaired()), any_twin);
        let profile = Profile::find("heavy").unwrap();
        let (mut with, mut without) = (0, 0);
        for seed in 0..60 {
            let (mut scenario, luck) = generate(plain.domain(), &profile, seed);
            if seed % 3 == 0 {
                scenario.schedule.retain(|deviation| !is_clock(deviation));
            }
            let wrong: Vec<_> = scenario.schedule.iter().filter(|deviation| is_clock(deviation)).collect();
            let compared = !twinned.run(&scenario, luck, false).violations.is_empty();
            assert!(!compared || !wrong.is_empty());
            if compared { with += 1 } else { without += 1 }
        }
        assert!(with > 5 && without > 5, "{with} with, {without} without a twin");
    }

    #[test]
    fn a_server_whose_clock_is_wrong_keeps_it_in_the_twin() {
        fn jumps(first: &Outcome, second: &Outcome, _: &Scenario) -> Option<Violation> {
            let jumps = |outcome: &Outcome| -> Vec<(NodeId, i64)> {
                let jump = |event: &Event| match event.what {
                    What::Interference { point: Point::ClockJump, strength, .. } => Some((event.node, strength)),
                    _ => None,
                };
                outcome.trace.iter().filter_map(jump).collect()
            };
            let (server, till) = (NodeId::SERVER, NodeId(1));
            assert_eq!(jumps(first), [(server, 7_000_000), (till, 1_000)]);
            assert_eq!(jumps(second), [(server, 7_000_000), (till, 0)]);
            any_twin(first, second, &Scenario::new(&RETAIL))
        }
        let jump = |node, at, by| Deviation {
            label: Label::interference(node, Point::ClockJump, 1),
            fate: Fate::During(Time::ZERO + Span::secs(at), Span::ZERO, by),
        };
        let day = one_sale(vec![jump(NodeId::SERVER, 1, 7_000_000), jump(NodeId(1), 2, 1_000)]);
        let twinned = ClockTwin::new(Arc::new(TestShop::repaired()), jumps);
        assert_eq!(twinned.run(&day, Luck::Replay, false).violations.len(), 1);
    }
}
