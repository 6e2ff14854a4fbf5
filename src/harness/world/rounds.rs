//! Endless loops: counts the steps of a run, cuts it beyond a bound, and finds the part that repeats.
//!
//! Events are at least 1 µs apart, so a timer of no span never stands still and yet goes on for ever. Nothing is recorded
//! until a bound is near. A loop inside one step cannot be seen from here.

use super::World;
use crate::harness::trace::{Event, What};
use crate::invariants::running::{Bound, Doing};
use crate::sim::{Label, NodeId, Point, Span, Time};
use crate::system::System;
use std::mem::discriminant;

/// Most steps within a second of virtual time, of one handler or of many.
pub(super) const MOST_IN_A_SECOND: u32 = 10_000;
/// Most steps of a run.
pub(super) const MOST_IN_ALL: u64 = 2_000_000;
/// So many steps before a bound are recorded.
const RECORDED: usize = 512;
/// How many steps are named where nothing repeats.
const NAMED: usize = 3;

/// Counts steps.
#[derive(Default)]
pub(super) struct Rounds {
    ends: Time,
    in_second: u32,
    turns: Vec<(NodeId, Doing)>,
}

impl Rounds {
    /// Counts a step: number `step` of its handler, number `in_all` of the run. Returns the bound that it goes beyond.
    #[inline]
    pub(super) fn count(&mut self, now: Time, node: NodeId, doing: Doing, step: u32, in_all: u64) -> Option<Bound> {
        if now >= self.ends {
            self.ends = now + Span::secs(1);
            self.in_second = 0;
        }
        self.in_second += 1;
        let near = self.in_second + RECORDED as u32 > MOST_IN_A_SECOND || in_all + RECORDED as u64 > MOST_IN_ALL;
        if near { self.record(node, doing, step, in_all) } else { None }
    }

    #[cold]
    fn record(&mut self, node: NodeId, doing: Doing, step: u32, in_all: u64) -> Option<Bound> {
        if self.turns.len() >= 2 * RECORDED {
            self.turns.drain(..RECORDED);
        }
        self.turns.push((node, doing));
        match (self.in_second > MOST_IN_A_SECOND, in_all > MOST_IN_ALL) {
            (true, _) if step as usize > RECORDED => Some(Bound::Steps(step)),
            (true, _) => Some(Bound::InASecond(MOST_IN_A_SECOND)),
            (_, true) => Some(Bound::InAll(MOST_IN_ALL)),
            _ => None,
        }
    }

    /// The steps that come again and again, or the last few if none do; and whether they do.
    pub(super) fn last(&self) -> (Vec<(NodeId, Doing)>, bool) {
        let turns = &self.turns[self.turns.len().saturating_sub(RECORDED)..];
        let count = period(turns);
        let last = turns[turns.len() - count.unwrap_or(NAMED).min(turns.len())..].to_vec();
        (from_the_first(last), count.is_some())
    }
}

/// The shortest part that the end of a list repeats at least twice.
fn period<T: PartialEq>(list: &[T]) -> Option<usize> {
    (1..=list.len() / 3).find(|count| list[list.len() - 3 * count..].windows(count + 1).all(|w| w[0] == w[*count]))
}

/// A round has no first step; the one on the lowest node that comes first in it is taken, wherever it was cut.
fn from_the_first(mut round: Vec<(NodeId, Doing)>) -> Vec<(NodeId, Doing)> {
    let rank = |(node, doing): &(NodeId, Doing)| (node.is_server(), *node, format!("{doing:?}"));
    if let Some(first) = (0..round.len()).min_by_key(|index| rank(&round[*index])) {
        round.rotate_left(first);
    }
    round
}

impl<S: System> World<'_, S> {
    /// Leaves two rounds of an endless loop in the trace, for whoever reads it.
    pub(super) fn shorten_trace(&mut self) {
        let Some(events) = self.trace.events_mut() else { return };
        let keys: Vec<_> = events.iter().map(key).collect();
        let tail = keys.len().saturating_sub(RECORDED * 8);
        let Some(count) = period(&keys[tail..]) else {
            events.truncate(events.len().saturating_sub(MOST_IN_A_SECOND as usize / 2));
            self.parent = None;
            return;
        };
        let mut from = keys.len() - count;
        while from > 0 && keys[from - 1] == keys[from - 1 + count] {
            from -= 1;
        }
        events.truncate(from + 2 * count);
        self.parent = events.len().checked_sub(1).map(|last| last as u32);
    }
}

/// What two events of a loop have in common from round to round: all but counts, causes and times.
fn key(event: &Event) -> (Label, std::mem::Discriminant<What>) {
    let Event { label, node, .. } = event;
    let point = if label.get_point() == Point::Timer { Point::Timer } else { Point::Op };
    let cause = crate::sim::Cause::Finish;
    (Label::new(*node, label.channel(), cause, point), discriminant(&event.what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Channel;

    #[test]
    fn the_shortest_part_that_repeats_is_found_and_its_cut_does_not_matter() {
        assert_eq!(period(&[9, 1, 2, 1, 2, 1, 2]), Some(2));
        assert_eq!(period(&[1, 2, 3, 1, 1, 1]), Some(1));
        assert_eq!(period(&[1, 2, 3, 4, 5, 6, 7, 8]), None);
        let round = |doing: &[u32]| doing.iter().map(|task| (NodeId(1), Doing::Task(*task))).collect::<Vec<_>>();
        assert_eq!(from_the_first(round(&[4, 5, 3])), round(&[3, 4, 5]));
    }

    #[test]
    fn a_second_with_the_most_steps_passes_and_one_more_is_cut() {
        let (mut rounds, timer) = (Rounds::default(), Doing::Timer(Channel(1)));
        let mut step = |at: u64| rounds.count(Time(at), NodeId(1), timer, 0, 1);
        for second in 0..3 {
            for n in 0..u64::from(MOST_IN_A_SECOND) {
                assert_eq!(step(second * 1_000_000 + n), None);
            }
        }
        assert_eq!(step(2_999_999), Some(Bound::InASecond(MOST_IN_A_SECOND)));
        assert_eq!(rounds.last(), (vec![(NodeId(1), timer)], true));
    }
}
