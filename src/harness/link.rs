//! A device's link to the rest of the world: what passes, how fast, and what the device believes.
//!
//! It moves no message itself; the world asks it.

use crate::model::Network;
use crate::sim::{Point, Span, Time};

/// A link's state. Each interference may be on several times at once.
#[derive(Clone, Debug, Default)]
pub struct Link {
    offline: u32,
    deaf: u32,
    mute: u32,
    lying: u32,
    limited: Vec<i64>,
    flapping_off: bool,
    flapping: u32,
    last_up: Time,
    last_down: Time,
}

/// The direction of a message as the device sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From the device.
    Up,
    /// To the device.
    Down,
}

impl Link {
    /// An interference begins (or ends).
    pub fn interfere(&mut self, point: Point, begins: bool, strength: i64) {
        let count = |n: &mut u32| *n = if begins { *n + 1 } else { n.saturating_sub(1) };
        match point {
            Point::Offline => count(&mut self.offline),
            Point::Deaf => count(&mut self.deaf),
            Point::Mute => count(&mut self.mute),
            Point::Lying => count(&mut self.lying),
            Point::Flapping => {
                count(&mut self.flapping);
                self.flapping_off = self.flapping > 0;
            }
            Point::Limited if begins => self.limited.push(strength),
            Point::Limited => {
                let ended = self.limited.iter().position(|limit| *limit == strength);
                self.limited.remove(ended.expect("a limit ends after it has begun"));
            }
            _ => unreachable!("only link interferences reach a link"),
        }
    }

    /// A flapping link comes up or goes down. Returns false once it no longer flaps.
    pub fn flap(&mut self) -> bool {
        if self.flapping > 0 {
            self.flapping_off = !self.flapping_off;
        }
        self.flapping > 0
    }

    /// Whether the device believes that it is online.
    pub fn seems_online(&self) -> bool {
        self.offline == 0 && !self.flapping_off
    }

    /// Whether a message passes in this direction.
    pub fn passes(&self, direction: Direction) -> bool {
        let one_way = if direction == Direction::Up { self.mute } else { self.deaf };
        self.seems_online() && self.lying == 0 && one_way == 0
    }

    /// How long a message of this size takes when nobody interferes with it in particular.
    pub fn latency(&self, network: &Network, bytes: u32) -> Span {
        let mut bandwidth = network.bandwidth;
        let mut latency = network.latency;
        for strength in &self.limited {
            let limit = (*strength).max(1) as u64;
            bandwidth = if bandwidth == 0 { limit } else { bandwidth.min(limit) };
            latency = latency + latency * 4;
        }
        match bandwidth {
            0 => latency,
            rate => latency + Span(u64::from(bytes) * 1_000_000 / rate),
        }
    }

    /// Keeps messages in order: never before one that was sent earlier in the same direction. Returns the arrival.
    pub fn in_order(&mut self, direction: Direction, arrival: Time) -> Time {
        let last = if direction == Direction::Up { &mut self.last_up } else { &mut self.last_down };
        *last = arrival.max(Time(last.0 + 1));
        *last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lying_link_seems_online_and_passes_nothing() {
        let mut link = Link::default();
        link.interfere(Point::Lying, true, 0);
        assert!(link.seems_online() && !link.passes(Direction::Up) && !link.passes(Direction::Down));
        link.interfere(Point::Lying, false, 0);
        assert!(link.passes(Direction::Up));
    }

    #[test]
    fn a_mute_link_still_hears() {
        let mut link = Link::default();
        link.interfere(Point::Mute, true, 0);
        assert!(!link.passes(Direction::Up) && link.passes(Direction::Down));
    }

    #[test]
    fn a_limited_link_takes_its_time_by_the_byte() {
        let mut link = Link::default();
        let network = Network::default();
        assert_eq!(link.latency(&network, 10_000), Span::millis(50));
        link.interfere(Point::Limited, true, 10_000);
        assert_eq!(link.latency(&network, 10_000), Span::millis(1_250));
    }

    #[test]
    fn of_two_limits_the_one_that_has_not_ended_stays() {
        let mut link = Link::default();
        let network = Network { latency: Span::ZERO, bandwidth: 0 };
        link.interfere(Point::Limited, true, 1_000);
        link.interfere(Point::Limited, true, 10_000);
        assert_eq!(link.latency(&network, 10_000), Span::secs(10));
        link.interfere(Point::Limited, false, 1_000);
        assert_eq!(link.latency(&network, 10_000), Span::secs(1));
    }

    #[test]
    fn a_link_that_is_off_twice_comes_back_once_both_have_ended() {
        let mut link = Link::default();
        link.interfere(Point::Offline, true, 0);
        link.interfere(Point::Offline, true, 0);
        link.interfere(Point::Offline, false, 0);
        assert!(!link.seems_online());
        link.interfere(Point::Offline, false, 0);
        assert!(link.seems_online());
    }
}
