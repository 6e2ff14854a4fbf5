//! What users feel of a sync system, as figures of a run and what each is measured against.
//!
//! The base of a figure (sales, ops, runs) comes from the day alone and is the same for every system, so that figures of
//! two systems can be subtracted run by run. How long sales take is in [`super::estimate::quantile`].

use super::estimate::{Estimate, Sums, share};
use crate::harness::Outcome;
use crate::model::Scenario;

/// What users feel, besides broken promises and waiting.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Figure {
    /// Sales that the till refused, of all sales.
    Refused,
    /// Sales rejected after the receipt, of all sales.
    Rejected,
    /// Edits lost without a word, of all ops.
    EditsLost,
    /// Conflicts shown, of all ops.
    ConflictsShown,
    /// Bytes sent by anybody, for each op.
    Bytes,
    /// Requests sent by devices, for each op.
    Requests,
    /// The longest outbox of a device, for each run.
    Queue,
}

/// Every figure.
pub const FIGURES: [Figure; 7] = [
    Figure::Refused,
    Figure::Rejected,
    Figure::EditsLost,
    Figure::ConflictsShown,
    Figure::Bytes,
    Figure::Requests,
    Figure::Queue,
];

impl Figure {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        ["sales_refused", "sales_rejected", "edits_lost", "conflicts_shown", "bytes_per_op", "requests_per_op", "queue"]
            [self as usize]
    }
    /// Whether it is a share rather than a number.
    pub fn is_share(self) -> bool {
        matches!(self, Figure::Refused | Figure::Rejected | Figure::EditsLost | Figure::ConflictsShown)
    }
    pub(super) fn of(self, outcome: &Outcome) -> i64 {
        let metrics = &outcome.metrics;
        let n = match self {
            Figure::Refused => metrics.sales_refused,
            Figure::Rejected => metrics.sales_rejected,
            Figure::EditsLost => metrics.edits_lost,
            Figure::ConflictsShown => metrics.conflicts_shown,
            Figure::Bytes => metrics.bytes,
            Figure::Requests => metrics.requests,
            Figure::Queue => metrics.longest_outbox,
        };
        i64::try_from(n).expect("no run counts that far")
    }
    /// The figure over runs. What never happened may still happen in as many runs as [`share`] of none allows.
    pub(super) fn estimate(self, sums: &Sums, runs: u64) -> Estimate {
        match sums.ratio() {
            Estimate { value: 0, low: 0, high: 0 } if self.is_share() => {
                share(0, if sums.has_base() { runs } else { 0 })
            }
            estimate => estimate,
        }
    }
    pub(super) fn base(self, day: &Day) -> u64 {
        match self {
            Figure::Refused | Figure::Rejected => day.sales,
            Figure::Queue => 1,
            _ => day.ops,
        }
    }
}

/// What users want to do on one day: the same for every system.
pub(super) struct Day {
    ops: u64,
    sales: u64,
}

impl Day {
    pub(super) fn of(scenario: &Scenario) -> Day {
        let count = |is: &dyn Fn(&crate::model::Op) -> bool| scenario.steps.iter().filter(|step| is(&step.op)).count();
        let domain = scenario.domain;
        Day { ops: count(&|op| domain.is_durable(op)) as u64, sales: count(&|op| domain.is_sale(op)) as u64 }
    }
}
