//! How a failing day gets smaller under proptest: squall's own story first, then plain cuts.
//!
//! If the test has asked with [`Day::check`] and a promise broke, the smallest story is already there: it is tried, and
//! if it fails too, that is the end. If the test failed for a reason of its own, the day is cut piece by piece.

use super::cuts::Cuts;
use super::day::{Day, Seen};
use crate::sim::Deviation;
use proptest::strategy::ValueTree;

/// A day and what it was before the last attempt to make it smaller.
#[derive(Clone, Debug)]
pub struct DayTree {
    current: Day,
    before: Option<(Day, Attempt)>,
    /// Whether the smallest story of a broken promise may still be tried.
    may_leap: bool,
    /// Whether ops were given, so that none may go.
    keep_ops: bool,
    cuts: Cuts,
}

#[derive(Clone, Copy, Debug)]
enum Attempt {
    /// To squall's smallest story.
    Leap,
    /// Something was left out.
    Cut,
}

impl DayTree {
    /// Anything may go.
    pub(super) fn new(day: Day) -> DayTree {
        DayTree { current: day, before: None, may_leap: true, keep_ops: false, cuts: Cuts::of_everything() }
    }

    /// Only luck may go, and this luck not.
    pub(super) fn of_luck(day: Day, fixed: &[Deviation]) -> DayTree {
        let cuts = Cuts::of_luck(fixed.iter().map(|one| one.label).collect());
        DayTree { keep_ops: true, cuts, ..DayTree::new(day) }
    }

    fn attempt(&mut self, smaller: Day, how: Attempt) -> bool {
        self.before = Some((std::mem::replace(&mut self.current, smaller), how));
        true
    }

    /// Squall's smallest story of this day, if there is one.
    fn leap(&mut self) -> Option<Day> {
        if let Some(broken) = self.current.asked_and_broke() {
            return Some(self.current.smallest(&broken));
        }
        // Nobody asked. One look is worth it where ops may go.
        self.may_leap = false;
        match self.current.seen_by_tree() {
            Seen::Broke(broken) if !self.keep_ops => Some(self.current.smallest(&broken)),
            _ => None,
        }
    }
}

impl ValueTree for DayTree {
    type Value = Day;

    fn current(&self) -> Day {
        self.current.clone()
    }

    fn simplify(&mut self) -> bool {
        self.before = None;
        if self.current.fails_for_the_others() {
            return false;
        }
        if self.current.is_smallest() && self.current.asked_and_broke().is_some() {
            return false;
        }
        if self.may_leap
            && !self.current.is_smallest()
            && let Some(story) = self.leap()
        {
            return self.attempt(story, Attempt::Leap);
        }
        match self.cuts.next(self.current.scenario()) {
            Some(less) => {
                let less = self.current.with_less(less);
                self.attempt(less, Attempt::Cut)
            }
            None => false,
        }
    }

    fn complicate(&mut self) -> bool {
        let Some((day, how)) = self.before.take() else { return false };
        self.current = day;
        match how {
            Attempt::Leap => self.may_leap = false,
            Attempt::Cut => self.cuts.step_over(),
        }
        true
    }
}
