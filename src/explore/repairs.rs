//! Under which single change of the system a story would hold.
//!
//! A change can keep a promise in two ways: the same luck strikes and does no harm, or the luck does not come up any
//! more. The first kind says more and comes first. What can be changed is for whoever offers the systems to say.

use crate::harness::{Luck, Subject, Variant};
use crate::invariants::Identity;
use crate::model::Scenario;

/// A change under which the promise is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repair {
    /// What is changed: `validation=conditional`.
    pub text: String,
    /// Whether every piece of luck that came up in the story comes up there too.
    pub same_luck: bool,
    /// Other promises that are broken under it.
    pub still: Vec<&'static str>,
}

/// The changes under which `identity` is not broken, the most telling first.
pub fn repairs(subject: &dyn Subject, variants: &[Variant], scenario: &Scenario, identity: Identity) -> Vec<Repair> {
    let unused = subject.run(scenario, Luck::Replay, false).unused;
    let mut repairs: Vec<Repair> = Vec::new();
    for variant in variants {
        let outcome = variant.system.run(scenario, Luck::Replay, false);
        if outcome.broke(identity).is_some() || outcome.was_stopped() || outcome.mistake.is_some() {
            continue;
        }
        let same_luck = outcome.unused.iter().all(|deviation| unused.contains(deviation));
        repairs.push(Repair { text: variant.text.clone(), same_luck, still: outcome.broken() });
    }
    // Sorting is stable: what is equally telling stays as it was offered.
    repairs.sort_by_key(|repair| (!repair.same_luck, repair.still.len()));
    repairs
}

#[cfg(test)]
mod tests {
    use super::super::test_shop::{PUSH, TestShop, one_sale};
    use super::*;
    use crate::sim::{Cause, Deviation, Fate, Label, NodeId, OpId, Point};
    use std::sync::Arc;

    #[test]
    fn a_change_that_keeps_the_promise_is_told_and_one_that_does_not_is_not() {
        let twice = Identity { invariant: "one-effect-per-op", kind: "applied twice", entity: "product" };
        let label = Label::new(NodeId(1), PUSH, Cause::Op(OpId(1)), Point::Reply).attempt(1);
        let scenario = one_sale(vec![Deviation { label, fate: Fate::Drop }]);
        let variants = [
            Variant { text: "it stays as it is".into(), system: Arc::new(TestShop::forgetful()) },
            Variant { text: "it remembers".into(), system: Arc::new(TestShop::repaired()) },
        ];
        let found = repairs(&TestShop::forgetful(), &variants, &scenario, twice);
        assert_eq!(found, [Repair { text: "it remembers".into(), same_luck: true, still: Vec::new() }]);
    }
}
