//! What a story needs: for each deviation, whether the violation disappears without it.
//!
//! Why not only for faults: half of the known bugs need a late answer and nothing broken, and a reader wants to know
//! which of the two a story is. Each deviation is left out alone; two of which either would do are both not necessary.

use crate::harness::{Luck, Subject};
use crate::invariants::Identity;
use crate::model::Scenario;
use crate::sim::Deviation;

/// A deviation of a story, and whether the story needs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Necessity {
    /// Which deviation.
    pub deviation: Deviation,
    /// Whether the violation disappears without it, all others kept.
    pub necessary: bool,
}

/// Whether the violation of this identity needs each deviation of the schedule, in the schedule's order.
pub fn necessity(subject: &dyn Subject, scenario: &Scenario, identity: Identity) -> Vec<Necessity> {
    let judge = |deviation: &Deviation| {
        let outcome = subject.run(&without(scenario, *deviation), Luck::Replay, false);
        Necessity { deviation: *deviation, necessary: outcome.broke(identity).is_none() }
    };
    scenario.schedule.iter().map(judge).collect()
}

/// The same without one deviation.
pub(super) fn without(scenario: &Scenario, deviation: Deviation) -> Scenario {
    let mut less = scenario.clone();
    less.schedule.retain(|other| *other != deviation);
    less
}

#[cfg(test)]
mod tests {
    use super::super::test_shop::{PUSH, TestShop, one_sale};
    use super::*;
    use crate::sim::{Cause, Fate, Label, NodeId, OpId, Point, Span};

    const TWICE: Identity = Identity { invariant: "one-effect-per-op", kind: "applied twice", entity: "product" };

    #[test]
    fn the_lost_answer_is_necessary_and_the_late_retry_is_not() {
        let answer = Label::new(NodeId(1), PUSH, Cause::Op(OpId(1)), Point::Reply).attempt(1);
        let lost = Deviation { label: answer, fate: Fate::Drop };
        let late = Deviation { label: answer.point(Point::Send).attempt(2), fate: Fate::Delay(Span::secs(1)) };
        let scenario = one_sale(vec![lost, late]);
        let found = necessity(&TestShop::forgetful(), &scenario, TWICE);
        let says = |deviation| found.iter().find(|one| one.deviation == deviation).map(|one| one.necessary);
        assert_eq!((says(lost), says(late)), (Some(true), Some(false)));
    }
}
