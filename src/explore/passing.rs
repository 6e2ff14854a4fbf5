//! The nearest passing twin of a story: the smallest single change of its schedule after which the promise is kept.
//!
//! Why: a story says that it went wrong; its twin says by how little. Tried in this order, the first that passes is
//! taken: a deviation shortened to the longest that passes, a deviation left out, one step moved in time by as little
//! as passes, one message or timer late by as little as passes. Two changes at once are not tried; [`NoTwin`] says what it
//! means that none passes.

use super::edit;
use super::necessity::without;
use crate::harness::{Event, Luck, Outcome, Parting, Subject, What, parting};
use crate::invariants::Identity;
use crate::model::Scenario;
use crate::sim::{Deviation, Fate, OpId, Point, Span, Time};

/// Runs that the search may take.
const MOST_RUNS: u32 = 800;
/// How finely a change is measured.
const GRAIN: u64 = 1_000;
/// How much later a message or timer is tried, the least first.
const LATER: [Span; 4] = [Span::secs(1), Span::secs(10), Span::mins(1), Span::mins(5)];

/// What the twin does differently.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// A deviation is not there.
    Without(Deviation),
    /// A deviation is shorter, or a clock less wrong.
    Shorter {
        /// As it is in the story.
        from: Deviation,
        /// The longest fate, to the millisecond, with which the promise is kept.
        to: Fate,
    },
    /// A user does something at another time.
    Moved {
        /// What.
        op: OpId,
        /// When in the story.
        from: Time,
        /// When in the twin.
        to: Time,
    },
    /// A message or a timer is late that was not.
    Added(Deviation),
}

/// A run like the story in which the promise is kept.
#[derive(Clone, Debug)]
pub struct Twin {
    /// What is different.
    pub change: Change,
    /// The changed story.
    pub scenario: Scenario,
    /// How it ends, with its trace.
    pub outcome: Outcome,
    /// The first event that is not the same.
    pub parting: Parting,
}

/// Why there is no twin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoTwin {
    /// No single change makes it pass, and it happens without any luck: the mechanism needs none.
    NeedsNoLuck,
    /// No single change makes it pass; without all of its luck it does.
    NeedsMore,
    /// The search was ended before everything was tried.
    NotAllTried,
    /// The same run ended in two ways.
    NotDeterministic,
}

/// The nearest twin of a scenario that was seen to break `identity`.
///
/// # Errors
/// Why there is none.
pub fn passing_twin(subject: &dyn Subject, scenario: &Scenario, identity: Identity) -> Result<Box<Twin>, NoTwin> {
    let story = subject.run(scenario, Luck::Replay, true);
    let Some(until) = story.broke(identity).map(|violation| violation.at) else {
        return Err(NoTwin::NotDeterministic);
    };
    let mut search = Search { subject, scenario, identity, runs: 1 };
    let found = search.milder().or_else(|| search.moved(&story, until)).or_else(|| search.added(&story, until));
    let Some(change) = found else {
        let polite = Scenario { schedule: Vec::new(), ..scenario.clone() };
        let broken = subject.run(&polite, Luck::Replay, false).broke(identity).is_some();
        return Err(match (search.is_spent(), broken) {
            (true, _) => NoTwin::NotAllTried,
            (false, true) => NoTwin::NeedsNoLuck,
            (false, false) => NoTwin::NeedsMore,
        });
    };
    let twin = changed(scenario, change);
    let outcome = subject.run(&twin, Luck::Replay, true);
    if outcome.broke(identity).is_some() {
        return Err(NoTwin::NotDeterministic);
    }
    let parting = parting(&story, &outcome).expect("a run that keeps a promise differs from one that breaks it");
    Ok(Box::new(Twin { change, scenario: twin, outcome, parting }))
}

struct Search<'a> {
    subject: &'a dyn Subject,
    scenario: &'a Scenario,
    identity: Identity,
    runs: u32,
}

impl Search<'_> {
    fn passes(&mut self, change: Change) -> bool {
        self.runs += 1;
        let twin = changed(self.scenario, change);
        let outcome = self.subject.run(&twin, Luck::Replay, false);
        let applied = match change {
            Change::Added(new) => !outcome.unused.contains(&new),
            _ => true,
        };
        applied && !outcome.was_stopped() && outcome.mistake.is_none() && outcome.broke(self.identity).is_none()
    }

    fn is_spent(&self) -> bool {
        self.runs >= MOST_RUNS
    }

    /// A deviation shortened, or left out if no shorter one passes.
    fn milder(&mut self) -> Option<Change> {
        let mut left_out = None;
        for deviation in self.scenario.schedule.clone() {
            if self.is_spent() {
                break;
            }
            let passes_without = self.passes(Change::Without(deviation));
            let shorter = |micros| Change::Shorter { from: deviation, to: resized(deviation, micros) };
            if let Some(whole) = size(deviation) {
                // Halving finds a length that passes where leaving the deviation out does not.
                let mut passing = passes_without.then_some(0);
                let mut failing = whole.div_ceil(GRAIN);
                while passing.is_none() && failing > 1 {
                    let half = failing / 2;
                    match self.passes(shorter(half * GRAIN)) {
                        true => passing = Some(half),
                        false => failing = half,
                    }
                }
                let longest = passing.map(|from| self.boundary(from, failing, &|n| shorter(n * GRAIN)));
                if let Some(longest) = longest.filter(|n| *n > 0) {
                    return Some(shorter(longest * GRAIN));
                }
            }
            if passes_without {
                left_out.get_or_insert(Change::Without(deviation));
            }
        }
        left_out
    }

    /// A step at another moment: next to another step, or right after its device or the server had heard something.
    fn moved(&mut self, story: &Outcome, until: Time) -> Option<Change> {
        let mut moves: Vec<(u64, Change)> = Vec::new();
        for step in &self.scenario.steps {
            let others = self.scenario.steps.iter().filter(|other| other.op.id != step.op.id);
            let near =
                others.flat_map(|other| [other.at - Span(GRAIN), other.at + Span(GRAIN), other.at + Span::secs(1)]);
            let heard = |event: &&Event| {
                matches!(event.what, What::Arrived { .. })
                    && event.at <= until
                    && (event.node == step.op.node || event.node.is_server())
            };
            let after =
                story.trace.iter().filter(heard).flat_map(|event| [event.at - Span(GRAIN), event.at + Span(GRAIN)]);
            for to in near.chain(after).map(|to| Time(to.0 / GRAIN * GRAIN)) {
                let change = Change::Moved { op: step.op.id, from: step.at, to };
                if to != step.at && is_whole(self.scenario, change) {
                    moves.push((to.since(step.at).0 + step.at.since(to).0, change));
                }
            }
        }
        moves.sort_by_key(|(far, change)| match change {
            Change::Moved { op, to, .. } => (*far, *op, *to),
            _ => unreachable!("only moves are gathered here"),
        });
        moves.dedup();
        let (far, found) = moves.into_iter().find(|(_, change)| !self.is_spent() && self.passes(*change))?;
        let Change::Moved { op, from, to } = found else { return None };
        let by = |n: u64| {
            let span = Span(n * GRAIN);
            Change::Moved { op, from, to: if to > from { from + span } else { from - span } }
        };
        let least = self.boundary(far / GRAIN, 0, &by);
        Some(if least == far / GRAIN { found } else { by(least) })
    }

    /// A message or a timer late that was on time.
    fn added(&mut self, story: &Outcome, until: Time) -> Option<Change> {
        let mut labels = Vec::new();
        for event in story.trace.iter().filter(|event| event.at <= until && event.at < self.scenario.heal) {
            let late: fn(Span) -> Fate = match event.what {
                What::Sent { fate: None, lost: None, .. } => Fate::Delay,
                What::TimerFired { late: Span::ZERO, .. } => Fate::Late,
                _ => continue,
            };
            let known = |(label, _): &(_, fn(Span) -> Fate)| *label == event.label;
            if !labels.iter().any(known) && self.scenario.schedule.iter().all(|other| other.label != event.label) {
                labels.push((event.label, late));
            }
        }
        for span in LATER {
            for (label, late) in &labels {
                let by = |n: u64| Change::Added(Deviation { label: *label, fate: late(Span(n * GRAIN)) });
                if self.is_spent() {
                    return None;
                }
                if self.passes(by(span.0 / GRAIN)) {
                    return Some(by(self.boundary(span.0 / GRAIN, 0, &by)));
                }
            }
        }
        None
    }

    /// Between a number that passes and one that does not: the passing one next to the other, by bisection.
    fn boundary(&mut self, mut passing: u64, mut failing: u64, change: &dyn Fn(u64) -> Change) -> u64 {
        while passing.abs_diff(failing) > 1 {
            let middle = passing.midpoint(failing);
            match self.passes(change(middle)) {
                true => passing = middle,
                false => failing = middle,
            }
        }
        passing
    }
}

/// How long a deviation lasts, or by how much a clock is wrong, in microseconds; `None` if it has no size.
fn size(deviation: Deviation) -> Option<u64> {
    let size = match deviation.fate {
        Fate::Delay(span) | Fate::Duplicate(span) | Fate::Late(span) | Fate::Pause(span) => span.0,
        Fate::KillBefore(span) | Fate::KillAfter(span) => span.0,
        Fate::During(_, _, by) if is_clock_set(deviation) => by.unsigned_abs(),
        Fate::During(_, span, _) => span.0,
        Fate::Drop | Fate::Corrupt(_) | Fate::Truncate | Fate::Value(_) => 0,
    };
    (size > GRAIN).then_some(size)
}

fn is_clock_set(deviation: Deviation) -> bool {
    matches!(deviation.label.get_point(), Point::ClockOffset | Point::ClockJump)
}

/// The fate of another size.
fn resized(deviation: Deviation, micros: u64) -> Fate {
    let span = Span(micros);
    match deviation.fate {
        Fate::Delay(_) => Fate::Delay(span),
        Fate::Duplicate(_) => Fate::Duplicate(span),
        Fate::Late(_) => Fate::Late(span),
        Fate::Pause(_) => Fate::Pause(span),
        Fate::KillBefore(_) => Fate::KillBefore(span),
        Fate::KillAfter(_) => Fate::KillAfter(span),
        Fate::During(at, lasts, by) if is_clock_set(deviation) => Fate::During(at, lasts, by.signum() * micros as i64),
        Fate::During(at, _, by) => Fate::During(at, span, by),
        fate @ (Fate::Drop | Fate::Corrupt(_) | Fate::Truncate | Fate::Value(_)) => fate,
    }
}

fn changed(scenario: &Scenario, change: Change) -> Scenario {
    let mut twin = scenario.clone();
    match change {
        Change::Without(deviation) => return without(scenario, deviation),
        Change::Shorter { from, to } => {
            for deviation in twin.schedule.iter_mut().filter(|deviation| **deviation == from) {
                deviation.fate = to;
            }
        }
        Change::Moved { op, to, .. } => {
            for step in twin.steps.iter_mut().filter(|step| step.op.id == op) {
                step.at = to;
            }
            twin.steps.sort_by_key(|step| step.at);
            // Nothing but faults ends then, and there are none.
            if twin.schedule.is_empty() && twin.heal != Time::NEVER {
                twin.heal = twin.heal.max(to + Span::secs(1));
            }
        }
        Change::Added(deviation) => twin.schedule.push(deviation),
    }
    twin.schedule.sort_unstable();
    twin
}

/// Whether a moved step still comes after what it needs, before what needs it, and on the bad day.
fn is_whole(scenario: &Scenario, change: Change) -> bool {
    let Change::Moved { to, .. } = change else { return true };
    let moved = changed(scenario, change);
    let at = |op: OpId| moved.steps.iter().find(|step| step.op.id == op).map(|step| step.at);
    let in_order = moved.steps.iter().all(|step| edit::needs(&step.op).all(|op| at(op).is_none_or(|at| at < step.at)));
    in_order && to > Time::ZERO && to < moved.heal
}

#[cfg(test)]
mod tests {
    use super::super::test_shop::{PUSH, TestShop, one_sale};
    use super::*;
    use crate::sim::{Cause, Label, NodeId};

    const TWICE: Identity = Identity { invariant: "one-effect-per-op", kind: "applied twice", entity: "product" };

    fn answer() -> Label {
        Label::new(NodeId(1), PUSH, Cause::Op(OpId(1)), Point::Reply).attempt(1)
    }

    #[test]
    fn an_answer_that_is_there_when_the_time_out_is_due_is_the_twin_of_one_that_comes_later() {
        let from = Deviation { label: answer(), fate: Fate::Delay(Span::secs(9)) };
        let twin = passing_twin(&TestShop::forgetful(), &one_sale(vec![from]), TWICE).unwrap();
        // Sold at 1 s, time-out at 6 s; 50 ms each way. What is due at one instant goes by label: the answer first.
        assert_eq!(twin.change, Change::Shorter { from, to: Fate::Delay(Span::millis(4_900)) });
        let longer = one_sale(vec![Deviation { fate: Fate::Delay(Span::millis(4_901)), ..from }]);
        assert!(TestShop::forgetful().run(&longer, Luck::Replay, false).broke(TWICE).is_some());
    }

    #[test]
    fn a_lost_answer_cannot_be_shortened_and_is_left_out() {
        let lost = Deviation { label: answer(), fate: Fate::Drop };
        let twin = passing_twin(&TestShop::forgetful(), &one_sale(vec![lost]), TWICE).unwrap();
        assert_eq!(twin.change, Change::Without(lost));
        assert_eq!(twin.parting.at, Time::ZERO + Span::millis(1_050));
    }

    #[test]
    fn a_story_that_two_pieces_of_luck_bring_about_alike_has_no_twin() {
        let lost = Deviation { label: answer(), fate: Fate::Drop };
        let again = Deviation { label: answer().attempt(2), fate: Fate::Drop };
        let mute = Deviation {
            label: Label::interference(NodeId(1), Point::Deaf, 1),
            fate: Fate::During(Time::ZERO, Span::secs(30), 0),
        };
        let found = passing_twin(&TestShop::forgetful(), &one_sale(vec![lost, again, mute]), TWICE);
        assert_eq!(found.unwrap_err(), NoTwin::NeedsMore);
    }

    #[test]
    fn a_time_out_that_waits_for_the_late_answer_is_the_twin_of_a_story_that_no_milder_luck_saves() {
        let late = Deviation { label: answer(), fate: Fate::Delay(Span::secs(9)) };
        let deaf = Deviation {
            label: Label::interference(NodeId(1), Point::Deaf, 1),
            fate: Fate::During(Time::ZERO, Span::secs(8), 0),
        };
        let twin = passing_twin(&TestShop::forgetful(), &one_sale(vec![late, deaf]), TWICE).unwrap();
        let Change::Added(added) = twin.change else { panic!("{:?}", twin.change) };
        // Due at 6 s; the answer comes at 10.1 s.
        assert_eq!((added.label.get_point(), added.fate), (Point::Timer, Fate::Late(Span::millis(4_100))));
        assert!(twin.outcome.unused.is_empty());
    }
}
