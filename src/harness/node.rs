//! A seat for a node: whether it runs, its disk, its clock, its timers, and the counts that name its events.
//!
//! Why the harness owns the disk: a kill drops the node and keeps the disk, whatever the system would like.

use super::link::Link;
use crate::sim::{Cause, Channel, Label, NodeId, Point, Time, WallClock};
use crate::system::{System, Timer};

/// Who sits on the seat.
pub enum Seat<S: System> {
    /// A device that runs.
    Device(S::Device),
    /// A server that runs.
    Server(S::Server),
    /// Nobody: killed and not yet booted.
    Down,
}

/// A node as the harness keeps it.
pub struct Slot<S: System> {
    /// Who runs there.
    pub seat: Seat<S>,
    /// What survives.
    pub disk: S::Disk,
    /// Its wall clock.
    pub clock: WallClock,
    /// Its link; unused for the server.
    pub link: Link,
    /// How often it booted; events of an earlier boot are stale.
    pub boots: u32,
    /// How often it was wiped.
    pub installs: u32,
    /// How often it was told of its link.
    pub link_changes: u32,
    /// What it was last told.
    pub told_online: bool,
    /// In the background until then.
    pub background_until: Time,
    /// When it boots again, if it is down.
    pub down_until: Time,
    /// Answering every request with an error until then.
    pub overloaded_until: Time,
    timers: Vec<(Timer, u32)>,
    timer_ids: u32,
    /// By channel and cause, in label order.
    counts: Vec<(Label, u32)>,
}

impl<S: System> Slot<S> {
    /// A seat where nobody sits yet.
    pub fn new(disk: S::Disk) -> Slot<S> {
        Slot {
            seat: Seat::Down,
            disk,
            clock: WallClock::default(),
            link: Link::default(),
            boots: 0,
            installs: 0,
            link_changes: 0,
            told_online: true,
            background_until: Time::ZERO,
            down_until: Time::ZERO,
            overloaded_until: Time::ZERO,
            timers: Vec::new(),
            timer_ids: 0,
            counts: Vec::new(),
        }
    }

    /// Whether it runs.
    pub fn is_up(&self) -> bool {
        !matches!(self.seat, Seat::Down)
    }

    /// Sets a timer; returns the id by which a stale one is told apart.
    pub fn set_timer(&mut self, timer: Timer) -> u32 {
        self.timer_ids += 1;
        match self.timers.iter_mut().find(|(set, _)| *set == timer) {
            Some((_, id)) => *id = self.timer_ids,
            None => self.timers.push((timer, self.timer_ids)),
        }
        self.timer_ids
    }

    /// Cancels a timer, if it is set.
    pub fn cancel_timer(&mut self, timer: Timer) {
        self.timers.retain(|(set, _)| *set != timer);
    }

    /// Takes a timer that fires; false if it was moved or cancelled meanwhile.
    pub fn take_timer(&mut self, timer: Timer, id: u32) -> bool {
        match self.timers.iter().position(|set| *set == (timer, id)) {
            Some(index) => {
                self.timers.swap_remove(index);
                true
            }
            None => false,
        }
    }

    /// Forgets what dies with the process.
    pub fn die(&mut self) {
        self.seat = Seat::Down;
        self.timers.clear();
    }

    /// Counts another event of this channel and cause: 1 for the first.
    pub fn count(&mut self, channel: Channel, cause: Cause) -> u32 {
        let key = Label::new(NodeId::SERVER, channel, cause, Point::Op);
        match self.counts.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(index) => {
                self.counts[index].1 += 1;
                self.counts[index].1
            }
            Err(index) => {
                self.counts.insert(index, (key, 1));
                1
            }
        }
    }
}
