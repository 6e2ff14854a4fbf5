//! Tighter and rounder times: ops keep their order, the bad day ends earlier, the network is the ordinary one.

use super::edit::without_ops;
use super::shrink::Search;
use crate::model::domain::Promise;
use crate::model::{Network, Scenario};
use crate::sim::{Fate, Span, Time};
use std::collections::BTreeSet;

/// Gaps between ops, the tightest that reads well first; ops that need the same moment keep it.
const GAPS: [Span; 7] =
    [Span::secs(1), Span::secs(2), Span::secs(5), Span::secs(10), Span::secs(30), Span::mins(1), Span::mins(2)];
/// How long after its last op a bad day may end.
const ENDS: [Span; 9] = [
    Span::secs(1),
    Span::secs(2),
    Span::secs(5),
    Span::secs(10),
    Span::secs(20),
    Span::secs(30),
    Span::mins(1),
    Span::mins(2),
    Span::mins(5),
];

/// The ordinary network, and devices that start with the opening rows.
pub(super) fn settings(search: &mut Search<'_>) {
    let ordinary = Scenario { network: Network::default(), ..search.best().clone() };
    search.offer(ordinary);
    let full = Scenario { empty_devices: false, ..search.best().clone() };
    search.offer(full);
}

/// Faults end earlier: at a whole second, soon after the last op.
pub(super) fn heal(search: &mut Search<'_>) {
    if search.best().heal == Time::NEVER {
        return;
    }
    let last = search.best().steps.iter().map(|step| step.at).max().unwrap_or(Time::ZERO);
    for more in ENDS {
        let at = Time(last.0.div_ceil(1_000_000) * 1_000_000) + more;
        let earlier = Scenario { heal: at, ..search.best().clone() };
        if at < search.best().heal && search.offer(earlier) {
            return;
        }
    }
    let whole = Time(search.best().heal.0.div_ceil(1_000_000) * 1_000_000);
    search.offer(Scenario { heal: whole, ..search.best().clone() });
}

/// Shorter waits before each op, all that follows moving along; then every op at a rounder time.
pub(super) fn ops(search: &mut Search<'_>) {
    let spread = |unit: Span, scenario: &Scenario| {
        let mut even = scenario.clone();
        for (n, step) in even.steps.iter_mut().enumerate() {
            step.at = Time::ZERO + unit * (n as u64 + 1);
        }
        even
    };
    search.offer(spread(Span::secs(1), search.best()));
    for index in 0..search.best().steps.len() {
        let steps = &search.best().steps;
        let before = if index == 0 { Time::ZERO } else { steps[index - 1].at };
        for gap in GAPS {
            let wait = search.best().steps[index].at.since(before);
            if gap < wait && search.offer(closer(search.best(), index, Span(wait.0 - gap.0))) {
                break;
            }
        }
        for unit in [1_000_000, 100_000, 1_000] {
            let at = search.best().steps[index].at.0;
            for rounder in [at / unit * unit, at.div_ceil(unit) * unit] {
                let mut moved = search.best().clone();
                moved.steps[index].at = Time(rounder);
                if rounder != at && in_order(&moved) && search.offer(moved) {
                    break;
                }
            }
        }
    }
}

/// A timer in place of a user who asks for a sync: what was asked for happens by itself when the longest timer is due,
/// if the rest of the story comes just before it.
pub(super) fn let_timers_sync(search: &mut Search<'_>) {
    let period = search.longest_period();
    let asks =
        |scenario: &Scenario, index: usize| scenario.domain.verb(&scenario.steps[index].op).promise == Promise::Command;
    let mut index = search.best().steps.len();
    while index > 0 {
        index -= 1;
        if index >= search.best().steps.len() || !asks(search.best(), index) {
            continue;
        }
        let asked = search.best().steps[index];
        let mut waits = without_ops(search.best(), &BTreeSet::from([asked.op.id]));
        let due = Time::ZERO + period;
        let Some(last) = waits.steps.iter().map(|step| step.at).max().filter(|last| *last < due) else { continue };
        let later = (due - Span::secs(1)).since(last);
        waits.steps.iter_mut().for_each(|step| step.at = step.at + later);
        for deviation in &mut waits.schedule {
            if let Fate::During(at, ..) = &mut deviation.fate {
                *at = *at + later;
            }
        }
        if waits.heal != Time::NEVER {
            waits.heal = due + waits.heal.since(asked.at) + Span::secs(1);
        }
        search.offer(waits);
    }
}

/// Everything from op `index` on happens `less` earlier.
fn closer(scenario: &Scenario, index: usize, less: Span) -> Scenario {
    let mut tighter = scenario.clone();
    let from = scenario.steps[index].at;
    for step in &mut tighter.steps[index..] {
        step.at = step.at - less;
    }
    for deviation in &mut tighter.schedule {
        if let Fate::During(at, _, _) = &mut deviation.fate
            && *at >= from
        {
            *at = *at - less;
        }
    }
    if tighter.heal != Time::NEVER {
        tighter.heal = tighter.heal - less;
    }
    tighter
}

fn in_order(scenario: &Scenario) -> bool {
    scenario.steps.windows(2).all(|pair| pair[0].at <= pair[1].at)
}
