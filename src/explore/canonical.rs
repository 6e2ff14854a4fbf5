//! A story in its canonical form: tills and ops numbered and named in the order in which they come up.
//!
//! Numbers decide between events of one instant, so a renumbered story may run differently; whoever asks for it runs it
//! again. Op names count by what was done: `sale-1`, `sale-2`, `price-1`.

use super::edit::renumber;
use crate::model::Scenario;
use crate::sim::{NodeId, OpId};
use std::collections::BTreeMap;

/// The canonical form of a scenario: the same devices, rows, ops and deviations under canonical numbers and names.
pub(super) fn canonical(scenario: &Scenario) -> Scenario {
    let mut ordered = scenario.clone();
    ordered.steps.sort_by_key(|step| (step.at, step.op.node, step.op.id));
    let numbers: BTreeMap<OpId, OpId> =
        ordered.steps.iter().enumerate().map(|(n, step)| (step.op.id, OpId(n as u32 + 1))).collect();
    let number = |op: OpId| numbers.get(&op).copied().unwrap_or(op);
    let mut renamed = named(&renumber(&ordered, |node: NodeId| node, number));
    renamed.devices = (1..=renamed.devices.len()).map(|n| format!("till-{n}")).collect();
    renamed
}

/// The same with ops named in the order in which they stand.
pub(crate) fn named(scenario: &Scenario) -> Scenario {
    let mut renamed = scenario.clone();
    let mut counts: BTreeMap<&'static str, u32> = BTreeMap::new();
    renamed.op_names = scenario
        .steps
        .iter()
        .map(|step| {
            let stem = scenario.domain.verb(&step.op).stem;
            let count = counts.entry(stem).or_default();
            *count += 1;
            (step.op.id, format!("{stem}-{count}"))
        })
        .collect();
    renamed
}
