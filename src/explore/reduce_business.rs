//! A smaller business: fewer devices, ops, lines and opening rows, smaller quantities.
//!
//! Opening data stays lawful: a whole keeps equal to the sum of its parts, no reference dangles, and rows that a law
//! adds up (entries, lines of a total) keep their values.

use super::edit::{bound_rows, merged, named_rows, without_device, without_ops};
use super::shrink::Search;
use crate::model::domain::Shape;
use crate::model::{Class, Entity, Key, Op, Scenario, Value};
use crate::sim::{NodeId, OpId};
use std::collections::BTreeSet;

/// Values beyond this are names (a telephone number), not quantities.
const LARGEST_QUANTITY: i64 = 1_000_000;

/// Fewer devices: each removed with its ops, or its ops done on another.
pub(super) fn devices(search: &mut Search<'_>) {
    let mut n = search.best().devices.len() as u16;
    while n > 0 {
        let device = NodeId(n);
        let count = search.best().devices.len() as u16;
        let found = count > 1
            && (search.offer(without_device(search.best(), device))
                || (1..=count)
                    .filter(|other| *other != n)
                    .any(|other| search.offer(merged(search.best(), device, NodeId(other)))));
        n = if found { search.best().devices.len() as u16 } else { n - 1 };
    }
}

/// Fewer ops: halves, quarters, … single ones.
pub(super) fn ops(search: &mut Search<'_>) {
    let mut chunk = search.best().steps.len().div_ceil(2);
    while chunk > 0 {
        let mut until = search.best().steps.len();
        while until > 0 && !search.is_spent() {
            let from = until.saturating_sub(chunk);
            let gone = search.best().steps[from..until].iter().map(|step| step.op.id).collect();
            search.offer(without_ops(search.best(), &gone));
            until = from.min(search.best().steps.len());
        }
        chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
    }
}

/// Fewer lines, where an op lists several rows; an op that continues another follows it.
pub(super) fn lines(search: &mut Search<'_>) {
    for id in ids(search.best()) {
        let mut line = search.best().op(id).map_or(0, |op| op.lines().len());
        while line > 0 && !search.is_spent() {
            line -= 1;
            let Some(op) = search.best().op(id).copied() else { break };
            let rows = op.lines().iter().filter(|line| line.key != Key::NONE).count();
            if rows > 1 && lists_rows(search.best(), &op) && op.lines()[line].key != Key::NONE {
                search.offer(edited(search.best(), id, &|op| op.remove_line(line)));
            }
        }
    }
}

/// Opening rows that nobody names go, with all that refers to them.
pub(super) fn rows(search: &mut Search<'_>) {
    let mut index = search.best().rows.len();
    while index > 0 && !search.is_spent() {
        index = (index - 1).min(search.best().rows.len().saturating_sub(1));
        let best = search.best();
        if best.rows.is_empty() {
            return;
        }
        let named: BTreeSet<(Entity, Key)> = best.steps.iter().flat_map(|step| named_rows(best, &step.op)).collect();
        let bound = bound_rows(best, index);
        if bound.iter().all(|row| !named.contains(&(best.rows[*row].1.entity, best.rows[*row].1.key))) {
            let mut less = best.clone();
            let mut row = 0;
            less.rows.retain(|_| {
                row += 1;
                !bound.contains(&(row - 1))
            });
            search.offer(less);
        }
    }
}

/// Smaller quantities in ops and opening rows.
pub(super) fn values(search: &mut Search<'_>) {
    for id in ids(search.best()) {
        let count = search.best().op(id).map_or(0, |op| op.lines().len());
        for line in 0..count {
            let Some(op) = search.best().op(id).copied() else { break };
            if !is_quantity(search.best(), &op, line) {
                continue;
            }
            for value in smaller(op.value(line), 1) {
                if search.offer(edited(search.best(), id, &|op| op.lines_mut()[line].value = value)) {
                    break;
                }
            }
        }
    }
    for index in 0..search.best().rows.len() {
        for field in 0..search.best().domain.fields(search.best().rows[index].1.entity).len() as u8 {
            opening_value(search, index, field);
        }
    }
}

fn opening_value(search: &mut Search<'_>, index: usize, field: u8) {
    let row = search.best().rows[index].1;
    let domain = search.best().domain;
    let lowest = match domain.class(row.entity, field) {
        Class::Quantity => 0,
        Class::Plain => 1,
        _ => return,
    };
    let added_up = domain.ledgers.iter().any(|law| law.entry == row.entity)
        || domain.totals.iter().any(|law| law.head.0 == row.entity || law.line.0 == row.entity);
    let Some(old) = row.get(field).get().filter(|_| !added_up) else { return };
    for value in smaller(old, lowest) {
        let mut less = search.best().clone();
        less.rows[index].1.fields[field as usize] = Value::int(value);
        if keep_sums(&mut less, index, field, value - old) && search.offer(less) {
            return;
        }
    }
}

/// A part takes its whole along, and a whole its first part that is large enough; false if none is.
fn keep_sums(scenario: &mut Scenario, index: usize, field: u8, change: i64) -> bool {
    let changed = scenario.rows[index].1;
    for law in scenario.domain.parts {
        let is_part = law.part == (changed.entity, field);
        let is_whole = law.whole == (changed.entity, field);
        let bound: Vec<usize> = (0..scenario.rows.len())
            .filter(|other| {
                let row = &scenario.rows[*other].1;
                let above = row.entity == law.whole.0 && changed.get(law.reference).as_key() == Some(row.key);
                let below = row.entity == law.part.0 && row.get(law.reference).as_key() == Some(changed.key);
                is_part && above || is_whole && below
            })
            .collect();
        let sum_field = if is_part { law.whole.1 } else { law.part.1 };
        let after = |row: usize| scenario.rows[row].1.get(sum_field).or_zero() + change;
        match bound.iter().find(|other| after(**other) >= 0).copied() {
            Some(other) => {
                let value = Value::int(after(other));
                scenario.rows[other].1.fields[sum_field as usize] = value;
            }
            None if !bound.is_empty() => return false,
            None => {}
        }
    }
    true
}

fn ids(scenario: &Scenario) -> Vec<OpId> {
    scenario.steps.iter().map(|step| step.op.id).collect()
}

/// Candidates below `value`, the smallest first; a sign is kept.
fn smaller(value: i64, lowest: i64) -> Vec<i64> {
    let size = value.abs();
    if size <= lowest || size > LARGEST_QUANTITY {
        return Vec::new();
    }
    let mut sizes = vec![lowest, lowest + 1, size / 4, size / 2, size - 1];
    sizes.retain(|one| (lowest..size).contains(one));
    sizes.sort_unstable();
    sizes.dedup();
    sizes.into_iter().map(|one| one * value.signum()).collect()
}

fn lists_rows(scenario: &Scenario, op: &Op) -> bool {
    matches!(scenario.domain.verb(op).shape, Shape::Lines { .. } | Shape::Record { lines: Some(_), .. })
}

/// Whether a line's number counts something: lines of rows, a value that is set, and the first value of a record.
fn is_quantity(scenario: &Scenario, op: &Op, line: usize) -> bool {
    match scenario.domain.verb(op).shape {
        Shape::Lines { .. } | Shape::Set { .. } => true,
        Shape::Record { .. } => line == 0 || op.lines()[line].key != Key::NONE,
        Shape::Form { values, .. } => line < values.len(),
        _ => false,
    }
}

/// The same with an op changed, and with it the ops that repeat its lines.
fn edited(scenario: &Scenario, id: OpId, change: &dyn Fn(&mut Op)) -> Scenario {
    let mut edited = scenario.clone();
    for step in &mut edited.steps {
        if step.op.id == id || step.op.earlier == id {
            change(&mut step.op);
        }
    }
    edited
}

#[cfg(test)]
mod tests {
    use super::super::{Profile, generate, shrink};
    use crate::harness::{Luck, Outcome, Subject};
    use crate::invariants::{Identity, Violation};
    use crate::model::retail::{PRODUCT_BATCH, RETAIL, field};
    use crate::model::{Domain, Scenario};
    use crate::sim::{NodeId, Time};
    use crate::system::Facts;

    /// Breaks whenever a batch is left, and refuses to run unlawful opening rows.
    struct NeedsABatch;

    const LEFT: Identity = Identity { invariant: "no-batch", kind: "left", entity: "product_batch" };

    impl Subject for NeedsABatch {
        fn name(&self) -> String {
            "needs-a-batch".into()
        }
        fn domain(&self) -> &'static Domain {
            &RETAIL
        }
        fn facts(&self) -> Facts {
            super::super::test_shop::TestShop::repaired().facts()
        }
        fn run(&self, scenario: &Scenario, _: Luck, _: bool) -> Outcome {
            let parts = |key| {
                let of = scenario.rows.iter().map(|(_, row)| row).filter(move |row| row.entity == PRODUCT_BATCH);
                of.filter(move |row| row.get(field::BATCH_PRODUCT).as_key() == Some(key))
            };
            for (name, row) in scenario.rows.iter().filter(|(_, row)| row.entity == crate::model::retail::PRODUCT) {
                let sum: i64 = parts(row.key).map(|batch| batch.get(field::BATCH_QUANTITY).or_zero()).sum();
                let stock = row.get(field::STOCK).or_zero();
                assert!(parts(row.key).next().is_none() || sum == stock, "{name}: {sum} in batches, {stock} in all");
                assert!(parts(row.key).all(|batch| batch.get(field::BATCH_QUANTITY).or_zero() >= 0));
            }
            let left = scenario.rows.iter().any(|(_, row)| row.entity == PRODUCT_BATCH);
            let violation = Violation {
                invariant: LEFT.invariant,
                kind: LEFT.kind,
                entity: LEFT.entity,
                at: Time::ZERO,
                node: NodeId::SERVER,
                ops: Vec::new(),
                text: "a batch was left".into(),
            };
            Outcome { violations: if left { vec![violation] } else { Vec::new() }, ..Outcome::default() }
        }
    }

    #[test]
    fn opening_rows_stay_lawful_while_they_shrink() {
        let mut shrunk_any = 0;
        for seed in 0..60 {
            let (scenario, _) = generate(&RETAIL, &Profile::find("polite").unwrap(), seed);
            let Some(shrunk) = shrink(&NeedsABatch, &scenario, LEFT, 5_000) else { continue };
            shrunk_any += 1;
            let rows: Vec<&str> = shrunk.scenario.rows.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(rows.len(), 3, "a product and its two batches are left: {rows:?}");
            assert!(shrunk.scenario.steps.is_empty());
        }
        assert!(shrunk_any > 10);
    }
}
