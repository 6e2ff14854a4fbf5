//! Every piece of luck passes through here: one mechanism behind replay, random search and shrinking.
//!
//! Why: a run is the polite schedule plus the deviations in [`Choices`]. Replay looks a label up, random search draws
//! its fate from the run's key, and both record what differed from polite, so that any run can be written down and
//! shrunk (promise P3). What a fate does to the world is not decided here.

use super::label::{Label, Point};
use super::luck::{Draw, Key};
use super::time::{Span, Time};

/// What becomes of a labelled event when it is not polite.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fate {
    /// A message arrives this much later than it politely would.
    Delay(Span),
    /// A message never arrives.
    Drop,
    /// A message arrives twice, the second copy this much after the polite time.
    Duplicate(Span),
    /// A message arrives damaged; the number chooses the damage.
    Corrupt(u32),
    /// A message arrives cut short and cannot be parsed.
    Truncate,
    /// A timer fires this much later.
    Late(Span),
    /// Between two atomic steps others may run for this long.
    Pause(Span),
    /// The node dies at this boundary, before what the step sends and tells goes out, and boots again after this span.
    KillBefore(Span),
    /// The node dies at this boundary, after what the step sends and tells went out.
    KillAfter(Span),
    /// The system under test draws this number instead of the lowest.
    Value(u64),
    /// An interference begins at a time, lasts a while and has a strength (its unit depends on the kind).
    During(Time, Span, i64),
}

/// One choice that differs from the polite schedule.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Deviation {
    /// Which choice.
    pub label: Label,
    /// What was chosen.
    pub fate: Fate,
}

/// The kinds of interference with a run that count as faults (delay, late and pause do not).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Fault {
    Drop,
    Duplicate,
    Reorder,
    Corrupt,
    Truncate,
    Offline,
    Limited,
    Flapping,
    Deaf,
    Mute,
    Lying,
    ClockOffset,
    ClockDrift,
    ClockJump,
    DeviceKill,
    ServerKill,
    Background,
    Wipe,
    Overload,
    Upgrade,
    Restore,
}

/// All faults with their names and what they do.
pub const FAULTS: [(Fault, &str, &str); 21] = [
    (Fault::Drop, "drop", "a message is lost"),
    (Fault::Duplicate, "duplicate", "a message arrives twice"),
    (Fault::Reorder, "reorder", "a message overtakes an earlier one on the same link"),
    (Fault::Corrupt, "corrupt", "a message arrives damaged"),
    (Fault::Truncate, "truncate", "a message arrives cut short"),
    (Fault::Offline, "offline", "a device loses its link and knows it"),
    (Fault::Limited, "limited", "a link is slow: more latency, little bandwidth"),
    (Fault::Flapping, "flapping", "a link comes and goes every few seconds"),
    (Fault::Deaf, "deaf", "one-way loss: nothing reaches the device"),
    (Fault::Mute, "mute", "one-way loss: nothing leaves the device"),
    (Fault::Lying, "lying", "a device believes that it is online while nothing passes"),
    (Fault::ClockOffset, "clock-offset", "a device's wall clock is off by a constant"),
    (Fault::ClockDrift, "clock-drift", "a device's wall clock runs fast or slow"),
    (Fault::ClockJump, "clock-jump", "a device's wall clock is set forward or back"),
    (Fault::DeviceKill, "device-kill", "a device's app dies between two atomic steps and boots again"),
    (Fault::ServerKill, "server-kill", "the server dies between two atomic steps and boots again"),
    (Fault::Background, "background", "a device's app is put in the background: nothing runs until it returns"),
    (Fault::Wipe, "wipe", "a device loses its disk and starts with a new installation"),
    (Fault::Overload, "overload", "the server answers every request with an error"),
    (Fault::Upgrade, "upgrade", "a device's app is stopped and boots again in its next version"),
    (Fault::Restore, "restore", "the server is stopped and boots from a backup: what it took since is gone"),
];

impl Fault {
    /// The fault's name.
    pub fn name(self) -> &'static str {
        FAULTS[self as usize].1
    }
    /// Whether it strikes a server: where there is none, it cannot fire.
    pub fn needs_server(self) -> bool {
        matches!(self, Fault::ServerKill | Fault::Overload | Fault::Restore)
    }
    /// The fault behind an interference.
    pub fn of_interference(point: Point, on_server: bool) -> Option<Fault> {
        Some(match point {
            Point::Offline => Fault::Offline,
            Point::Limited => Fault::Limited,
            Point::Flapping => Fault::Flapping,
            Point::Deaf => Fault::Deaf,
            Point::Mute => Fault::Mute,
            Point::Lying => Fault::Lying,
            Point::ClockOffset => Fault::ClockOffset,
            Point::ClockDrift => Fault::ClockDrift,
            Point::ClockJump => Fault::ClockJump,
            Point::Kill if on_server => Fault::ServerKill,
            Point::Kill => Fault::DeviceKill,
            Point::Background => Fault::Background,
            Point::Wipe => Fault::Wipe,
            Point::Overload => Fault::Overload,
            Point::Upgrade => Fault::Upgrade,
            Point::Restore => Fault::Restore,
            _ => return None,
        })
    }
}

impl Deviation {
    /// The fault that this deviation is; `None` for delay, late, pause and draws.
    pub fn fault(&self) -> Option<Fault> {
        Some(match self.fate {
            Fate::Drop => Fault::Drop,
            Fate::Duplicate(_) => Fault::Duplicate,
            Fate::Corrupt(_) => Fault::Corrupt,
            Fate::Truncate => Fault::Truncate,
            Fate::KillBefore(_) | Fate::KillAfter(_) => {
                return Some(if self.on_server() { Fault::ServerKill } else { Fault::DeviceKill });
            }
            Fate::During(..) => return Fault::of_interference(self.label.get_point(), self.label.node().is_server()),
            Fate::Delay(_) | Fate::Late(_) | Fate::Pause(_) | Fate::Value(_) => return None,
        })
    }

    /// A step of a request's handler (numbered from [`SERVER_STEPS`]) runs on the server although the label starts with the device that asked.
    fn on_server(&self) -> bool {
        self.label.node().is_server() || (SERVER_STEPS..PEER_STEPS).contains(&self.label.get_number())
    }
}

/// Steps of a handler on the server are numbered from here, so that one cause can have steps on both sides.
pub const SERVER_STEPS: u32 = 1024;
/// Steps of a handler on a device that serves another device's request are numbered from here, for the same reason.
pub const PEER_STEPS: u32 = 2048;

/// How likely each fate is, in 65,536ths, when luck is drawn. All zero is the polite schedule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Odds {
    /// A message is lost.
    pub drop: u32,
    /// A message arrives twice.
    pub duplicate: u32,
    /// A message is damaged.
    pub corrupt: u32,
    /// A message is cut short.
    pub truncate: u32,
    /// A message is late.
    pub delay: u32,
    /// Others may run between two steps.
    pub pause: u32,
    /// A node dies at a step boundary.
    pub kill: u32,
    /// A timer is late.
    pub late: u32,
    /// The longest delay, pause or lateness; most are far shorter (logarithmically even).
    pub longest: Span,
    /// The longest time that a killed node stays down.
    pub down: Span,
    /// Where set, a delay is drawn evenly between zero and this for *every* message, as a plain latency model.
    pub jitter: Span,
}

/// The source of every fate, and the record of those that were not polite.
pub struct Choices {
    mode: Mode,
    made: Vec<Deviation>,
}

enum Mode {
    Replay { schedule: Vec<Deviation>, used: Vec<bool> },
    Random { key: Key, odds: Odds },
}

impl Choices {
    /// The polite schedule plus these deviations.
    pub fn replay(mut schedule: Vec<Deviation>) -> Choices {
        schedule.sort_unstable();
        let used = vec![false; schedule.len()];
        Choices { mode: Mode::Replay { schedule, used }, made: Vec::new() }
    }

    /// Each label's fate drawn under `odds`.
    pub fn random(key: Key, odds: Odds) -> Choices {
        Choices { mode: Mode::Random { key, odds }, made: Vec::new() }
    }

    /// What differed from polite so far, in the order in which it came up.
    pub fn made(&self) -> &[Deviation] {
        &self.made
    }

    /// Deviations of a replayed schedule that never came up.
    pub fn unused(&self) -> Vec<Deviation> {
        match &self.mode {
            Mode::Replay { schedule, used } => {
                schedule.iter().zip(used).filter(|(_, used)| !**used).map(|(deviation, _)| *deviation).collect()
            }
            Mode::Random { .. } => Vec::new(),
        }
    }

    /// The fate of a message copy, or `None` when it is polite.
    #[inline]
    pub fn message(&mut self, label: Label) -> Option<Fate> {
        let fate = match &mut self.mode {
            Mode::Random { key, odds } => {
                let draw = key.draw(label.0, 1);
                odds.message(draw)
            }
            Mode::Replay { schedule, used } => look_up(schedule, used, label, |fate| {
                matches!(fate, Fate::Delay(_) | Fate::Drop | Fate::Duplicate(_) | Fate::Corrupt(_) | Fate::Truncate)
            }),
        }?;
        self.made.push(Deviation { label, fate });
        Some(fate)
    }

    /// The fate of a boundary between two atomic steps, or `None` to go on at once.
    #[inline]
    pub fn step(&mut self, label: Label) -> Option<Fate> {
        let fate = match &mut self.mode {
            Mode::Random { key, odds } => odds.step(key.draw(label.0, 2)),
            Mode::Replay { schedule, used } => look_up(schedule, used, label, |fate| {
                matches!(fate, Fate::Pause(_) | Fate::KillBefore(_) | Fate::KillAfter(_))
            }),
        }?;
        self.made.push(Deviation { label, fate });
        Some(fate)
    }

    /// How much later than on time a timer fires.
    #[inline]
    pub fn timer(&mut self, label: Label) -> Span {
        let fate = match &mut self.mode {
            Mode::Random { key, odds } => {
                let draw = key.draw(label.0, 3);
                draw.chance(odds.late).then(|| Fate::Late(log_uniform(draw.next(), odds.longest)))
            }
            Mode::Replay { schedule, used } => look_up(schedule, used, label, |fate| matches!(fate, Fate::Late(_))),
        };
        match fate {
            Some(fate @ Fate::Late(span)) => {
                self.made.push(Deviation { label, fate });
                span
            }
            _ => Span::ZERO,
        }
    }

    /// A draw by the system under test in `0..n`; politely the lowest.
    pub fn value(&mut self, label: Label, n: u64) -> u64 {
        let value = match &mut self.mode {
            Mode::Random { key, .. } => key.draw(label.0, 4).below(n),
            Mode::Replay { schedule, used } => {
                match look_up(schedule, used, label, |fate| matches!(fate, Fate::Value(_))) {
                    Some(Fate::Value(value)) => value % n,
                    _ => 0,
                }
            }
        };
        if value != 0 {
            self.made.push(Deviation { label, fate: Fate::Value(value) });
        }
        value
    }

    /// Marks an interference of the scenario as one that came up.
    pub fn interfered(&mut self, label: Label) {
        if let Mode::Replay { schedule, used } = &mut self.mode {
            look_up(schedule, used, label, |_| true);
        }
    }
}

fn look_up(schedule: &[Deviation], used: &mut [bool], label: Label, fits: impl Fn(&Fate) -> bool) -> Option<Fate> {
    let from = schedule.partition_point(|deviation| deviation.label < label);
    let hit = schedule[from..]
        .iter()
        .take_while(|deviation| deviation.label == label)
        .position(|deviation| fits(&deviation.fate))?;
    used[from + hit] = true;
    Some(schedule[from + hit].fate)
}

impl Odds {
    #[inline]
    fn message(&self, draw: Draw) -> Option<Fate> {
        let mut roll = (draw.0 & 0xffff) as u32;
        let faults = self.drop + self.duplicate + self.corrupt + self.truncate;
        if self.jitter > Span::ZERO && roll >= faults {
            return Some(Fate::Delay(Span(draw.below(self.jitter.0.min(u64::from(u32::MAX))))));
        }
        if roll >= faults + self.delay {
            return None;
        }
        let more = draw.next();
        if roll < self.drop {
            return Some(Fate::Drop);
        }
        roll -= self.drop;
        if roll < self.duplicate {
            let most = if self.jitter > Span::ZERO { self.jitter } else { self.longest };
            return Some(Fate::Duplicate(log_uniform(more, most)));
        }
        roll -= self.duplicate;
        if roll < self.corrupt {
            return Some(Fate::Corrupt(more.0 as u32));
        }
        roll -= self.corrupt;
        if roll < self.truncate {
            return Some(Fate::Truncate);
        }
        Some(Fate::Delay(log_uniform(more, self.longest)))
    }

    #[inline]
    fn step(&self, draw: Draw) -> Option<Fate> {
        let roll = (draw.0 & 0xffff) as u32;
        if roll >= self.pause + self.kill {
            return None;
        }
        let more = draw.next();
        Some(if roll < self.pause {
            Fate::Pause(log_uniform(more, self.longest))
        } else if more.0 & 1 == 0 {
            Fate::KillBefore(log_uniform(more.next(), self.down))
        } else {
            Fate::KillAfter(log_uniform(more.next(), self.down))
        })
    }
}

/// A span of at least 1 ms and at most `longest`, even on a logarithmic scale, in whole milliseconds.
pub fn log_uniform(draw: Draw, longest: Span) -> Span {
    let millis = (longest.0 / 1_000).max(1);
    let doublings = 64 - millis.leading_zeros();
    let top = (1u64 << draw.below(u64::from(doublings) + 1)).min(millis);
    Span::millis(1 + draw.next().below(top.min(1 << 32)))
}

#[cfg(test)]
mod tests {
    use super::super::label::{Cause, Channel, NodeId, OpId};
    use super::*;

    fn label(op: u32) -> Label {
        Label::new(NodeId(1), Channel(1), Cause::Op(OpId(op)), Point::Send).attempt(1)
    }

    #[test]
    fn what_random_search_drew_replays_to_the_same_fates() {
        let odds = Odds { drop: 9_000, duplicate: 9_000, delay: 9_000, longest: Span::secs(5), ..Odds::default() };
        let mut random = Choices::random(Key::of_seed(3), odds);
        let drawn: Vec<_> = (1..200).map(|op| random.message(label(op))).collect();
        assert!(drawn.iter().any(Option::is_some) && drawn.iter().any(Option::is_none));
        let mut replay = Choices::replay(random.made().to_vec());
        let replayed: Vec<_> = (1..200).rev().map(|op| replay.message(label(op))).rev().collect();
        let replayed: Vec<_> = replayed.into_iter().rev().collect();
        assert_eq!(drawn, replayed.into_iter().rev().collect::<Vec<_>>());
        assert!(replay.unused().is_empty());
    }

    #[test]
    fn a_deviation_whose_label_never_comes_up_is_reported() {
        let unused = Deviation { label: label(5), fate: Fate::Drop };
        let mut replay = Choices::replay(vec![Deviation { label: label(4), fate: Fate::Drop }, unused]);
        assert_eq!(replay.message(label(4)), Some(Fate::Drop));
        assert_eq!(replay.unused(), vec![unused]);
    }

    #[test]
    fn no_odds_means_the_polite_schedule() {
        let mut polite = Choices::random(Key::of_seed(1), Odds::default());
        for op in 0..1_000 {
            assert_eq!(polite.message(label(op)), None);
            assert_eq!(polite.step(label(op)), None);
            assert_eq!(polite.timer(label(op)), Span::ZERO);
        }
        assert!(polite.made().is_empty());
    }

    #[test]
    fn spans_drawn_stay_within_a_millisecond_and_the_longest() {
        let mut draw = Draw(9);
        for _ in 0..2_000 {
            draw = draw.next();
            let span = log_uniform(draw, Span::secs(40));
            assert!(span >= Span::millis(1) && span <= Span::millis(40_001), "{span}");
        }
    }
}
