//! What arrived on all the days that a strategy drew: a property of days on which nothing happens must not pass.
//!
//! It keeps sums over the drawn days and nothing of a single one. It looks for the worst only, that no op ever arrived;
//! what else never came up is a campaign's business, which knows all its days.

use crate::harness::Outcome;
use crate::model::Scenario;
use crate::report::words::where_ops_go;
use crate::system::Facts;
use std::sync::atomic::{AtomicU64, Ordering};

/// After so many days on which an op could have arrived, one must have.
const ENOUGH: u64 = 64;

/// Sums over drawn days.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    /// Days with a durable op and somebody to take it.
    days: AtomicU64,
    /// Ops that took effect there.
    arrived: AtomicU64,
}

impl Drawn {
    /// Adds a day.
    pub(super) fn count(&self, facts: &Facts, scenario: &Scenario, outcome: &Outcome) {
        let somebody = facts.server || scenario.devices.len() > 1;
        if somebody && outcome.heard.verbs_done != 0 {
            self.days.fetch_add(1, Ordering::Relaxed);
        }
        self.arrived.fetch_add(u64::from(outcome.reached_server), Ordering::Relaxed);
    }

    /// Whether no op arrived on any of many days.
    pub(super) fn is_vacuous(&self) -> bool {
        self.days.load(Ordering::Relaxed) >= ENOUGH && self.arrived.load(Ordering::Relaxed) == 0
    }

    /// Fails if no op arrived on any of many days.
    pub(super) fn tested_something(&self, system: &str, facts: &Facts) -> Result<(), String> {
        if !self.is_vacuous() {
            return Ok(());
        }
        Err(format!(
            "squall: VACUOUS: in {ENOUGH} days of {system} no op ever reached {}, so nothing was tested.\nAn op reaches a \
             node when that node reports a write for it: `cx.wrote(before, after, op, ..)`.",
            where_ops_go(facts)
        ))
    }
}
