//! Simpler luck: fewer deviations, none that is unused, milder fates in rounder numbers.
//!
//! Proposes candidates to the [`Search`], which keeps those that still break the promise. It leaves the business alone.

use super::shrink::Search;
use crate::harness::What;
use crate::sim::{Deviation, Fate, Fault, Label, Point, Span, Time};

/// Lengths of time that read well, shortest first.
const ROUND: [Span; 17] = [
    Span::millis(1),
    Span::millis(10),
    Span::millis(100),
    Span::millis(500),
    Span::secs(1),
    Span::secs(2),
    Span::secs(5),
    Span::secs(10),
    Span::secs(20),
    Span::secs(30),
    Span::mins(1),
    Span::mins(2),
    Span::mins(5),
    Span::mins(15),
    Span::hours(1),
    Span::hours(12),
    Span::hours(25),
];
/// Boundaries of one handler that are tried for a kill.
const MOST_STEPS: u32 = 4;
/// Late enough to be taken for lost by any time-out.
const VERY_LATE: Span = Span::mins(5);

/// Fewer deviations: all kinds at once, then halves, quarters, … single ones.
pub(super) fn fewer(search: &mut Search<'_>) {
    search.try_without_deviations(&|_| true);
    let mildest_first: [fn(&Deviation) -> bool; 4] = [
        |deviation| deviation.fault().is_none(),
        |deviation| deviation.fault().is_some(),
        |deviation| matches!(deviation.fate, Fate::During(..)),
        |deviation| !matches!(deviation.fate, Fate::During(..)),
    ];
    for kind in mildest_first {
        search.try_without_deviations(&kind);
    }
    let mut chunk = search.best().schedule.len().div_ceil(2);
    while chunk > 0 {
        let mut from = 0;
        while from < search.best().schedule.len() && !search.is_spent() {
            let gone = from..from + chunk;
            let mut less = search.best().clone();
            let mut index = 0;
            less.schedule.retain(|_| {
                index += 1;
                !gone.contains(&(index - 1))
            });
            if !search.offer(less) {
                from += chunk;
            }
        }
        chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
    }
}

/// Each deviation milder.
pub(super) fn milder(search: &mut Search<'_>) {
    let mut index = 0;
    while index < search.best().schedule.len() && !search.is_spent() {
        let old = search.best().schedule[index];
        for new in simpler(&old) {
            let mut milder = search.best().clone();
            if new.label != old.label && milder.schedule.iter().any(|other| other.label == new.label) {
                continue;
            }
            milder.schedule[index] = new;
            milder.schedule.sort_unstable();
            if search.offer(milder) && new.label != old.label {
                break;
            }
        }
        index += 1;
    }
}

/// A story with more messages and timers than this is not yet small enough to try one late message after the other.
const MOST_MESSAGES: usize = 64;

/// One kill at the right moment in place of a kill and whatever else went wrong: what an app was about to send is lost
/// with it, so no message needs to be.
pub(super) fn one_kill(search: &mut Search<'_>) {
    let is_kill = |deviation: &Deviation| matches!(deviation.fault(), Some(Fault::DeviceKill | Fault::ServerKill));
    let faults = search.best().schedule.iter().filter(|deviation| deviation.fault().is_some()).count();
    let Some(kill) = search.best().schedule.iter().copied().find(is_kill).filter(|_| faults > 1) else { return };
    if search.is_spent() {
        return;
    }
    let mut steps: Vec<Label> = Vec::new();
    for event in search.recorded() {
        let handled = matches!(event.what, What::Acted(_) | What::Arrived { .. } | What::TimerFired { .. });
        if handled && event.node == kill.label.node() && !event.node.is_server() {
            steps.extend((1..=MOST_STEPS).map(|step| event.label.point(Point::Step).number(step)));
        }
    }
    steps.sort_unstable();
    steps.dedup();
    for label in steps {
        let mut single = search.best().clone();
        single.schedule.retain(|other| other.fault().is_none() && other.label != label);
        single.schedule.push(Deviation { label, fate: Fate::KillBefore(Span::secs(1)) });
        single.schedule.sort_unstable();
        if search.is_spent() || search.offer(single) {
            return;
        }
    }
}

/// One late message or timer, or one lost message, in place of a fault: what an interference does is often done by less.
pub(super) fn instead(search: &mut Search<'_>) {
    let mut index = 0;
    while index < search.best().schedule.len() && !search.is_spent() {
        let old = search.best().schedule[index];
        index += 1;
        if old.fault().is_none() {
            continue;
        }
        let mut events: Vec<(Label, bool)> = search
            .recorded()
            .iter()
            .filter_map(|event| match event.what {
                What::Sent { .. } => Some((event.label, true)),
                What::TimerFired { .. } => Some((event.label, false)),
                _ => None,
            })
            .collect();
        events.sort_unstable();
        events.dedup();
        if events.len() > MOST_MESSAGES {
            return;
        }
        let late = events.iter().map(|(label, message)| {
            let fate = if *message { Fate::Delay(VERY_LATE) } else { Fate::Late(VERY_LATE) };
            Deviation { label: *label, fate }
        });
        let sent = events.iter().filter(|(_, message)| *message);
        let lost = sent.map(|(label, _)| Deviation { label: *label, fate: Fate::Drop });
        let candidates: Vec<Deviation> = late.chain(lost).collect();
        for new in candidates {
            let mut milder = search.best().clone();
            milder.schedule.retain(|other| *other != old && other.label != new.label);
            milder.schedule.push(new);
            milder.schedule.sort_unstable();
            if search.offer(milder) {
                index = 0;
                break;
            }
        }
    }
}

/// Candidates, the simplest first.
fn simpler(old: &Deviation) -> Vec<Deviation> {
    let as_fate = |fate| Deviation { label: old.label, fate };
    let rounder = |span: Span, fate: fn(Span) -> Fate| -> Vec<Deviation> {
        ROUND.iter().filter(|round| **round < span || !is_round(span)).map(|round| as_fate(fate(*round))).collect()
    };
    match old.fate {
        Fate::Delay(span) => rounder(span, Fate::Delay),
        Fate::Late(span) => rounder(span, Fate::Late),
        Fate::Pause(span) => rounder(span, Fate::Pause),
        Fate::Duplicate(span) => {
            let late = [as_fate(Fate::Delay(span)), as_fate(Fate::Delay(VERY_LATE))];
            late.into_iter().chain(rounder(span, Fate::Duplicate)).collect()
        }
        Fate::KillAfter(span) => {
            let pause = as_fate(Fate::Pause(span));
            std::iter::once(pause).chain(rounder(span, Fate::KillAfter)).collect()
        }
        Fate::KillBefore(span) => {
            let other = [as_fate(Fate::Pause(span)), as_fate(Fate::KillAfter(span))];
            other.into_iter().chain(rounder(span, Fate::KillBefore)).collect()
        }
        Fate::Drop => vec![as_fate(Fate::Delay(VERY_LATE))],
        Fate::Truncate => vec![as_fate(Fate::Delay(VERY_LATE)), as_fate(Fate::Drop)],
        Fate::Corrupt(_) => {
            [Fate::Delay(VERY_LATE), Fate::Drop, Fate::Truncate, Fate::Corrupt(0)].map(as_fate).to_vec()
        }
        Fate::Value(n) => {
            [1, n / 2, n.saturating_sub(1)].into_iter().filter(|v| *v > 0).map(Fate::Value).map(as_fate).collect()
        }
        Fate::During(at, lasts, strength) => interference(old.label, at, lasts, strength),
    }
}

fn interference(label: Label, at: Time, lasts: Span, strength: i64) -> Vec<Deviation> {
    let mut candidates = Vec::new();
    let point = label.get_point();
    if matches!(point, Point::Flapping | Point::Lying | Point::Deaf | Point::Mute | Point::Limited) {
        let offline = label.point(Point::Offline);
        candidates.push(Deviation { label: offline, fate: Fate::During(at, lasts, 0) });
    }
    let mut propose = |at, lasts, strength| {
        candidates.push(Deviation { label, fate: Fate::During(at, lasts, strength) });
    };
    if matches!(point, Point::ClockOffset | Point::ClockJump) {
        for size in [1, 10, 60, 3_600, 86_400, 30 * 86_400].map(|seconds: i64| seconds * 1_000_000) {
            if size < strength.abs() {
                propose(at, lasts, size * strength.signum());
            }
        }
    }
    for round in ROUND.iter().filter(|round| **round < lasts) {
        propose(at, *round, strength);
    }
    for unit in [1_000_000, 100_000, 1_000] {
        propose(Time(at.0 / unit * unit), lasts, strength);
        propose(Time(at.0.div_ceil(unit) * unit), lasts, strength);
    }
    candidates
}

fn is_round(span: Span) -> bool {
    super::cost::roughness(span.0) == 0
}
