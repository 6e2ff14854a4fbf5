//! Virtual time in integer microseconds.
//!
//! Why: a run must be a pure function of its inputs, so nothing here ever reads a clock and nothing is a float.
//! Entry types: [`Time`] (an instant since the start of the run) and [`Span`] (a length of time).

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Sub};

/// An instant: microseconds since the start of the run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Time(pub u64);

/// A length of time in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Span(pub u64);

/// Longest time or span that a scenario may name: 10,000 days. Sums of two never overflow.
pub const LONGEST: Span = Span::days(10_000);

impl Time {
    /// The start of the run.
    pub const ZERO: Time = Time(0);
    /// Later than any event: "never".
    pub const NEVER: Time = Time(u64::MAX);

    /// The span since `earlier`, or zero if `earlier` is later.
    pub fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// `n` microseconds.
    pub const fn micros(n: u64) -> Span {
        Span(n)
    }
    /// `n` milliseconds.
    pub const fn millis(n: u64) -> Span {
        Span(n * 1_000)
    }
    /// `n` seconds.
    pub const fn secs(n: u64) -> Span {
        Span(n * 1_000_000)
    }
    /// `n` minutes.
    pub const fn mins(n: u64) -> Span {
        Span::secs(n * 60)
    }
    /// `n` hours.
    pub const fn hours(n: u64) -> Span {
        Span::mins(n * 60)
    }
    /// `n` days.
    pub const fn days(n: u64) -> Span {
        Span::hours(n * 24)
    }

    /// Reads `250us`, `20ms`, `1.5s`, `5m`, `2h`, `3d`.
    ///
    /// # Errors
    /// Says in words what is wrong: no number, no unit, more than six decimals, longer than 10,000 days.
    pub fn parse(text: &str) -> Result<Span, String> {
        let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        if text.starts_with('-') {
            return Err("time does not run backwards: write a duration of zero or more".into());
        }
        let scale: u64 = match unit {
            "us" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            _ => return Err("write a number and a unit: 250us, 20ms, 1.5s, 5m, 2h or 3d".into()),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || fraction.len() > 6 || fraction.contains('.') {
            return Err("write a number and a unit: 250us, 20ms, 1.5s, 5m, 2h or 3d".into());
        }
        let too_long = || "longer than 10,000 days".to_string();
        let whole: u64 = whole.parse().map_err(|_| too_long())?;
        let mut micros = whole.checked_mul(scale).ok_or_else(too_long)?;
        if !fraction.is_empty() {
            let digits: u64 = fraction.parse().map_err(|_| "not a number".to_string())?;
            micros = micros.saturating_add(digits * scale / 10u64.pow(fraction.len() as u32));
        }
        if micros > LONGEST.0 { Err(too_long()) } else { Ok(Span(micros)) }
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}
impl Sub<Span> for Time {
    type Output = Time;
    fn sub(self, span: Span) -> Time {
        Time(self.0.saturating_sub(span.0))
    }
}
impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}
impl AddAssign for Span {
    fn add_assign(&mut self, other: Span) {
        *self = *self + other;
    }
}
impl Mul<u64> for Span {
    type Output = Span;
    fn mul(self, n: u64) -> Span {
        Span(self.0.saturating_mul(n))
    }
}

/// `1.5s`, `20ms`, `5m`: exact, in the largest unit that needs at most six decimals and is not awkward.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.0;
        for (unit, scale) in [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000)] {
            if us >= scale && us.is_multiple_of(scale) {
                return write!(f, "{}{unit}", us / scale);
            }
        }
        let (unit, scale) = match us {
            1_000_000.. => ("s", 1_000_000),
            1_000.. => ("ms", 1_000),
            0 => return f.write_str("0s"),
            _ => ("us", 1),
        };
        write!(f, "{}", us / scale)?;
        if !us.is_multiple_of(scale) {
            let width = if scale == 1_000_000 { 6 } else { 3 };
            let digits = format!("{:0width$}", us % scale);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str(unit)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Time::NEVER { f.write_str("never") } else { Span(self.0).fmt(f) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_span_reads_back_as_it_was_written() {
        for us in [0, 1, 999, 1_000, 1_500, 1_500_000, 61_000_000, 60_000_000, 86_400_000_000, 86_400_000_001] {
            assert_eq!(Span::parse(&Span(us).to_string()), Ok(Span(us)), "{}", Span(us));
        }
    }

    #[test]
    fn a_span_without_unit_or_below_zero_or_past_the_limit_is_refused() {
        for bad in ["5", "-1s", "1.1234567s", "s", "10001d", "99999999999999999999d", "1..2s", ""] {
            assert!(Span::parse(bad).is_err(), "{bad}");
        }
    }
}
