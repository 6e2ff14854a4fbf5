//! Deviations from bytes: the fates of what did happen in a recorded run.
//!
//! Why after a run: only what happens has a label. The run that is recorded has the interferences, and in a second round
//! the deviations of the first, so that a retry that somebody else's bad luck has caused can have bad luck as well.

use super::bytes::{Record, span};
use crate::harness::{Event, Luck, Subject, What};
use crate::model::Scenario;
use crate::sim::choice::SERVER_STEPS;
use crate::sim::{Deviation, Fate, Label, Point, Span};

/// Most deviations of a round.
const MOST: usize = 16;
/// The longest delay, lateness, pause or time that a killed node stays down.
const LONGEST: Span = Span::mins(5);

/// Adds to the schedule what the records of this round say.
pub fn deviate(subject: &dyn Subject, day: &mut Scenario, records: &[Record]) {
    if records.is_empty() {
        return;
    }
    let trace = subject.run(day, Luck::Replay, true).trace;
    let moments = moments(&trace);
    if moments.is_empty() {
        return;
    }
    for record in records.iter().take(MOST) {
        let [_, low, high, what, lasts, number] = *record;
        let moment = moments[usize::from(u16::from_le_bytes([low, high])) % moments.len()];
        let deviation = deviation(moment, what, span(lasts, LONGEST), number);
        // One label, one fate: of several the first would count.
        if day.schedule.iter().all(|other| other.label != deviation.label) {
            day.schedule.push(deviation);
        }
    }
    day.schedule.sort_unstable();
}

/// Something that happened and can have another fate.
#[derive(Clone, Copy)]
enum Moment {
    /// A message was sent.
    Sent(Label),
    /// A timer fired.
    Fired(Label),
    /// A handler began; its steps are numbered after this.
    Handled(Label, u32),
}

fn moments(trace: &[Event]) -> Vec<Moment> {
    let handled = |event: &Event| {
        let base = event.label;
        let copy = if matches!(base.get_point(), Point::Send | Point::Reply) { base.get_number() } else { 0 };
        Moment::Handled(base, if event.node.is_server() { SERVER_STEPS } else { 0 } + copy.min(3) * 256)
    };
    let mut moments = Vec::new();
    for event in trace.iter().take_while(|event| !matches!(event.what, What::Healed)) {
        match event.what {
            What::Sent { .. } => moments.push(Moment::Sent(event.label)),
            What::TimerFired { .. } => moments.extend([Moment::Fired(event.label), handled(event)]),
            What::Acted(_)
            | What::Arrived { .. }
            | What::Booted { .. }
            | What::Link { .. }
            | What::Foreground
            | What::Refused { .. } => moments.push(handled(event)),
            _ => {}
        }
    }
    moments
}

fn deviation(moment: Moment, what: u8, span: Span, number: u8) -> Deviation {
    match moment {
        Moment::Sent(label) => {
            let fate = match what % 8 {
                0..3 => Fate::Drop,
                3 | 4 => Fate::Delay(span),
                5 => Fate::Duplicate(span),
                6 => Fate::Corrupt(u32::from(number)),
                _ => Fate::Truncate,
            };
            Deviation { label, fate }
        }
        Moment::Fired(label) => Deviation { label, fate: Fate::Late(span) },
        Moment::Handled(base, _) if what >= 224 => {
            let label = base.point(Point::Draw).number(u32::from(number & 3) + 1);
            Deviation { label, fate: Fate::Value(u64::from(what) << 4 | u64::from(number >> 2)) }
        }
        Moment::Handled(base, offset) => {
            let fate = [Fate::Pause(span), Fate::KillBefore(span), Fate::KillAfter(span)][usize::from(what) % 3];
            // Most handlers have one step, those of a push many.
            let step = if number < 128 { 1 } else { u32::from(number & 31) + 1 };
            Deviation { label: base.point(Point::Step).number(offset + step), fate }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{bytes::HEAD, day, systems};
    use super::*;
    use std::collections::BTreeSet;

    fn day_of_three_sales() -> Scenario {
        let subject = systems::sound(0);
        let ops: Vec<Record> = (0..6).map(|n| [0, n, 160, n, 0, 0]).collect();
        day::day(subject.domain(), &[0, 1, 7, 0, 160, 0], &ops)
    }

    #[test]
    fn what_was_sent_or_fired_in_the_run_before_comes_up_again_with_its_new_fate() {
        let subject = &**systems::sound(0);
        let mut kinds = BTreeSet::new();
        for n in 0..=255u8 {
            let mut day = day_of_three_sales();
            deviate(subject, &mut day, &[[176, n, n & 1, n.wrapping_mul(37), 150, 0]]);
            let deviation = day.schedule[0];
            if matches!(deviation.label.get_point(), Point::Send | Point::Reply | Point::Timer) {
                let outcome = subject.run(&day, Luck::Replay, false);
                assert_eq!((outcome.unused.as_slice(), outcome.deviations.as_slice()), (&[][..], &[deviation][..]));
            }
            kinds.insert(format!("{:?}", deviation.fate).split('(').next().map(str::to_string));
        }
        assert!(kinds.len() >= 9, "{kinds:?}");
    }

    #[test]
    fn no_label_gets_a_second_fate() {
        let mut day = day_of_three_sales();
        deviate(&**systems::sound(0), &mut day, &[[176, 5, 0, 0, 150, 0], [176, 5, 0, 7, 150, 0]]);
        assert_eq!(day.schedule.len(), 1);
    }

    #[test]
    fn a_day_on_which_nothing_could_have_gone_otherwise_stays_as_it_is() {
        let subject = &**systems::sound(0);
        let mut day = day::day(subject.domain(), &[0; HEAD], &[]);
        deviate(subject, &mut day, &[]);
        assert!(day.schedule.is_empty());
    }
}
