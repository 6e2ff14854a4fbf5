//! Edits of a scenario that leave it whole: what refers to a removed op, device or row goes with it.
//!
//! Each returns a new scenario and runs nothing. A label keeps its name unless its own node or op changes its number.

use crate::model::domain::{Shape, form_rows};
use crate::model::{Class, Entity, Key, Op, Scenario};
use crate::sim::{Cause, Deviation, Label, NodeId, OpId};
use std::collections::BTreeSet;

/// Ops that `op` cannot do without.
pub(super) fn needs(op: &Op) -> impl Iterator<Item = OpId> + use<> {
    let made = |key: Key| key.maker().map(|(maker, _)| maker);
    let lines: Vec<OpId> = op.lines().iter().filter_map(|line| made(line.key)).collect();
    made(op.target).into_iter().chain(lines).chain(op.earlier.is_some().then_some(op.earlier))
}

/// The same without these ops, whatever needs them, and deviations that name any of them.
pub fn without_ops(scenario: &Scenario, remove: &BTreeSet<OpId>) -> Scenario {
    let mut gone = remove.clone();
    loop {
        let before = gone.len();
        for step in &scenario.steps {
            if needs(&step.op).any(|op| gone.contains(&op)) {
                gone.insert(step.op.id);
            }
        }
        if gone.len() == before {
            break;
        }
    }
    let mut less = scenario.clone();
    less.steps.retain(|step| !gone.contains(&step.op.id));
    less.op_names.retain(|op, _| !gone.contains(op));
    less.schedule.retain(|deviation| !matches!(deviation.label.cause(), Cause::Op(op) if gone.contains(&op)));
    less
}

/// The same without a device, its ops and its deviations; devices after it move up.
pub fn without_device(scenario: &Scenario, device: NodeId) -> Scenario {
    let own = scenario.steps.iter().filter(|step| step.op.node == device).map(|step| step.op.id).collect();
    let mut less = without_ops(scenario, &own);
    less.schedule.retain(|deviation| deviation.label.node() != device);
    less.devices.remove(device.index() - 1);
    let node = |id: NodeId| if id > device { NodeId(id.0 - 1) } else { id };
    renumber(&less, node, |op| op)
}

/// The same with everything that happens on device `from` happening on device `to` instead, and `from` removed.
pub(super) fn merged(scenario: &Scenario, from: NodeId, to: NodeId) -> Scenario {
    let moved = renumber(scenario, |id| if id == from { to } else { id }, |op| op);
    let mut taken = BTreeSet::new();
    let mut moved = Scenario { devices: scenario.devices.clone(), ..moved };
    moved.schedule.retain(|deviation| taken.insert(deviation.label));
    without_device(&moved, from)
}

/// The same with nodes and ops under new numbers, in labels, ops and keys alike.
pub(super) fn renumber(scenario: &Scenario, node: impl Fn(NodeId) -> NodeId, op: impl Fn(OpId) -> OpId) -> Scenario {
    let new_key = |key: Key| match key.maker() {
        Some((maker, part)) if key.is_temporary() => Key::made(op(maker), part).temporary(),
        Some((maker, part)) => Key::made(op(maker), part),
        None => key,
    };
    let mut renamed = scenario.clone();
    for step in &mut renamed.steps {
        let one = &mut step.op;
        if one.user == one.node.0 {
            one.user = node(one.node).0;
        }
        one.node = node(one.node);
        one.id = op(one.id);
        one.target = new_key(one.target);
        if one.earlier.is_some() {
            one.earlier = op(one.earlier);
        }
        for line in one.lines_mut() {
            line.key = new_key(line.key);
        }
    }
    renamed.op_names = scenario.op_names.iter().map(|(id, name)| (op(*id), name.clone())).collect();
    let known = |id: OpId| if scenario.op(id).is_some() { op(id) } else { id };
    let relabel = |label: Label| label.renumbered(&node, known);
    let fates = scenario.schedule.iter().map(|old| Deviation { label: relabel(old.label), fate: old.fate });
    renamed.schedule = fates.collect();
    renamed.schedule.sort_unstable();
    renamed
}

/// Rows that an op names: entity and key of its target and of its lines.
pub(super) fn named_rows(scenario: &Scenario, op: &Op) -> Vec<(Entity, Key)> {
    let shape = match scenario.domain.verb(op).shape {
        Shape::Earlier(_) => match scenario.op(op.earlier) {
            Some(earlier) => scenario.domain.verb(earlier).shape,
            None => return Vec::new(),
        },
        shape => shape,
    };
    let (target, lines) = match shape {
        Shape::Form { rows, .. } => return form_rows(rows, op).collect(),
        Shape::Lines { entity, .. } => (None, Some(entity)),
        Shape::Set { entity } | Shape::Target(entity) => (Some(entity), None),
        Shape::Record { target, lines, .. } => (target.map(|(_, entity)| entity), lines.map(|(_, entity)| entity)),
        Shape::Pair { target, other } => (Some(target.1), Some(other.1)),
        Shape::Earlier(_) | Shape::Word(_) | Shape::Decision(_) => (None, None),
    };
    let of_lines = op.lines().iter().filter_map(|line| Some((lines?, line.key)));
    target.map(|entity| (entity, op.target)).into_iter().chain(of_lines).collect()
}

/// The opening rows that must go together with row `index`: those that refer to it, and (a part alone would break its
/// whole) its fellow parts.
pub(super) fn bound_rows(scenario: &Scenario, index: usize) -> BTreeSet<usize> {
    let domain = scenario.domain;
    let rows = &scenario.rows;
    let mut bound = BTreeSet::from([index]);
    let first = &rows[index].1;
    for law in domain.parts.iter().filter(|law| law.part.0 == first.entity) {
        let whole = first.get(law.reference);
        let fellow = |other: &crate::model::Row| other.entity == first.entity && other.get(law.reference) == whole;
        bound.extend((0..rows.len()).filter(|other| fellow(&rows[*other].1)));
    }
    loop {
        let before = bound.len();
        for other in 0..rows.len() {
            let row = &rows[other].1;
            let refers =
                (0..domain.fields(row.entity).len() as u8).any(|field| match domain.class(row.entity, field) {
                    Class::Reference(entity) => bound.iter().any(|one| {
                        let target = &rows[*one].1;
                        target.entity == entity && row.get(field).as_key() == Some(target.key)
                    }),
                    _ => false,
                });
            if refers {
                bound.insert(other);
            }
        }
        if bound.len() == before {
            return bound;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::{Profile, generate};
    use crate::model::retail::RETAIL;

    fn labels(scenario: &Scenario) -> BTreeSet<Label> {
        scenario.schedule.iter().map(|deviation| deviation.label).collect()
    }

    fn drawn(seed: u64) -> Scenario {
        use super::super::test_shop::TestShop;
        use crate::harness::Subject;
        let (scenario, luck) = generate(&RETAIL, &Profile::find("heavy").unwrap(), seed);
        super::super::explicit(&scenario, &TestShop::forgetful().run(&scenario, luck, false))
    }

    #[test]
    fn removing_an_op_renames_no_other_label() {
        for seed in 0..20 {
            let scenario = drawn(seed);
            for step in &scenario.steps {
                let less = without_ops(&scenario, &BTreeSet::from([step.op.id]));
                let gone: Vec<_> = labels(&scenario).difference(&labels(&less)).copied().collect();
                let left: BTreeSet<OpId> = less.steps.iter().map(|step| step.op.id).collect();
                assert!(labels(&less).is_subset(&labels(&scenario)), "a label appeared");
                for label in gone {
                    assert!(
                        matches!(label.cause(), Cause::Op(op) if !left.contains(&op)),
                        "{label:?} went without need"
                    );
                }
            }
        }
    }

    #[test]
    fn what_needs_a_removed_op_goes_with_it() {
        for seed in 0..50 {
            let scenario = drawn(seed);
            for step in &scenario.steps {
                let less = without_ops(&scenario, &BTreeSet::from([step.op.id]));
                let left: BTreeSet<OpId> = less.steps.iter().map(|step| step.op.id).collect();
                assert!(less.steps.iter().all(|step| needs(&step.op).all(|op| left.contains(&op))));
            }
        }
    }

    #[test]
    fn a_product_goes_with_its_batches_and_no_batch_goes_alone() {
        let scenario = (0..200).map(drawn).find(|scenario| scenario.rows.iter().any(|(name, _)| name == "lot-101"));
        let scenario = scenario.expect("some seed opens with batches");
        let index = |name: &str| scenario.rows.iter().position(|(n, _)| n == name).unwrap();
        assert_eq!(bound_rows(&scenario, index("X")), BTreeSet::from([index("X"), index("lot-100"), index("lot-101")]));
        assert_eq!(bound_rows(&scenario, index("lot-100")), BTreeSet::from([index("lot-100"), index("lot-101")]));
    }
}
