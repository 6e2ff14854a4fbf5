//! How large a story is, so that shrinking only ever goes down and therefore ends.
//!
//! Fewer faults first, then fewer devices, ops, deviations, rows and lines; only then simpler fates, smaller numbers and
//! rounder times. It runs nothing.

use crate::model::{Network, Scenario};
use crate::sim::{Deviation, Fate, Point, Time};

/// A story's size; compare with `<`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Cost([u64; 12]);

/// The size of a scenario's story.
pub(crate) fn cost(scenario: &Scenario) -> Cost {
    let schedule = &scenario.schedule;
    let faults = schedule.iter().filter(|deviation| deviation.fault().is_some()).count();
    let lines: usize = scenario.steps.iter().map(|step| step.op.lines().len()).sum();
    let op_values = scenario.steps.iter().flat_map(|step| step.op.lines()).map(|line| line.value.unsigned_abs());
    let row_values = scenario.rows.iter().flat_map(|(_, row)| row.fields).map(|value| value.or_zero().unsigned_abs());
    let times = || {
        let heal = (scenario.heal != Time::NEVER).then_some(scenario.heal.0);
        let fates = schedule.iter().flat_map(spans);
        scenario.steps.iter().map(|step| step.at.0).chain(heal).chain(fates)
    };
    let settings = u64::from(scenario.network != Network::default()) + u64::from(scenario.empty_devices);
    Cost([
        faults as u64,
        scenario.devices.len() as u64,
        scenario.steps.len() as u64,
        schedule.len() as u64,
        scenario.rows.len() as u64,
        lines as u64,
        settings,
        schedule.iter().map(rank).sum(),
        op_values.chain(row_values).fold(0, u64::saturating_add),
        schedule.iter().map(|deviation| strength(deviation.fate)).fold(0, u64::saturating_add),
        times().map(roughness).sum(),
        times().fold(0, u64::saturating_add),
    ])
}

/// How hard a fate is to explain.
fn rank(deviation: &Deviation) -> u64 {
    match deviation.fate {
        Fate::Value(_) | Fate::Delay(_) | Fate::Late(_) | Fate::Pause(_) => 1,
        Fate::Drop => 2,
        Fate::Duplicate(_) => 3,
        Fate::KillAfter(_) => 4,
        Fate::KillBefore(_) => 5,
        Fate::Truncate => 6,
        Fate::Corrupt(_) => 7,
        Fate::During(..) => match deviation.label.get_point() {
            Point::Offline => 8,
            point => point as u64,
        },
    }
}

/// The number in a fate that is no time.
fn strength(fate: Fate) -> u64 {
    match fate {
        Fate::Value(n) => n,
        Fate::Corrupt(n) => u64::from(n),
        Fate::During(_, _, strength) => strength.unsigned_abs(),
        _ => 0,
    }
}

fn spans(deviation: &Deviation) -> impl Iterator<Item = u64> + use<> {
    let (first, second) = match deviation.fate {
        Fate::Delay(span) | Fate::Duplicate(span) | Fate::Late(span) | Fate::Pause(span) => (span.0, 0),
        Fate::KillBefore(span) | Fate::KillAfter(span) => (span.0, 0),
        Fate::During(at, span, _) => (at.0, span.0),
        _ => (0, 0),
    };
    [first, second].into_iter()
}

/// How awkward a time is to read: 0 for whole seconds.
pub(super) fn roughness(micros: u64) -> u64 {
    match micros {
        n if n.is_multiple_of(1_000_000) => 0,
        n if n.is_multiple_of(100_000) => 1,
        n if n.is_multiple_of(1_000) => 2,
        _ => 3,
    }
}
