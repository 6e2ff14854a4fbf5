//! A node's wall clock: offset, drift and jumps on top of virtual time, in integers.
//!
//! Why: half of the conflict rules of real systems trust it. A node also has an uptime that no fault touches (Android's
//! `elapsedRealtime`); only the wall clock lies.

use super::time::Time;

/// Where the wall clock of every node stands at the start of a run: 2026-01-16 08:00 UTC, in microseconds since 1970.
pub const MORNING: i64 = 1_768_550_400_000_000;

/// A wall clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WallClock {
    offset: i64,
    drift_ppm: i64,
    drift_since: Time,
}

impl WallClock {
    /// What the clock shows at `now`: microseconds since 1970.
    #[inline]
    pub fn read(&self, now: Time) -> i64 {
        MORNING + now.0 as i64 + self.skew(now)
    }

    /// How far the clock is ahead of true time, in microseconds.
    #[inline]
    pub fn skew(&self, now: Time) -> i64 {
        let run = now.since(self.drift_since).0 as i128;
        let drift = (run * i128::from(self.drift_ppm) / 1_000_000) as i64;
        self.offset.saturating_add(drift)
    }

    /// Sets the clock forward (or back, if negative) by so many microseconds.
    pub fn jump(&mut self, by: i64) {
        self.offset = self.offset.saturating_add(by);
    }

    /// From `now` on the clock runs fast (or slow, if negative) by this many microseconds a second.
    pub fn drift(&mut self, ppm: i64, now: Time) {
        self.offset = self.skew(now);
        self.drift_ppm = ppm;
        self.drift_since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_clock_that_nobody_touched_tells_the_time() {
        assert_eq!(WallClock::default().read(Time(5)), MORNING + 5);
    }

    proptest! {
        #[test]
        fn drift_never_makes_a_clock_jump(ppm in -500_000i64..500_000, start in 0u64..1 << 40, more in 0u64..1 << 40) {
            let mut clock = WallClock::default();
            clock.jump(77);
            let before = clock.read(Time(start));
            clock.drift(ppm, Time(start));
            prop_assert_eq!(clock.read(Time(start)), before);
            let later = clock.read(Time(start + more)) - before;
            let expected = more as i128 + more as i128 * i128::from(ppm) / 1_000_000;
            prop_assert_eq!(i128::from(later), expected);
        }
    }
}
