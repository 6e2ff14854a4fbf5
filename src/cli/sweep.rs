//! What `squall compare` can sweep, and the values of a range: `loss=0..30%`, `devices=1..3`, `push-every=1000..60000/5`.
//!
//! Odds of the network hold on every day of a row; devices and ops are what every day of it has; any other name is a
//! number among a policy's knobs, and goes into the system's name.

use crate::campaign::Fixed;
use crate::explore::Profile;
use crate::sync::presets::SERI_SOUND;

/// Rows of a sweep that does not say how many.
const ROWS: u64 = 7;
/// Most rows of a sweep.
const MOST: u64 = 100;

/// What is swept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Axis {
    /// How many of all messages are lost.
    Loss,
    /// How many of all messages arrive twice.
    Duplicate,
    /// How many of all messages are late.
    Delay,
    /// How many devices there are.
    Devices,
    /// How many ops a day has.
    Ops,
    /// A number among a policy's knobs.
    Knob(String),
}

/// A range to be swept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sweep {
    /// What is swept.
    pub axis: Axis,
    /// Its values.
    pub values: Vec<u64>,
}

impl Sweep {
    /// Reads `KEY=A..B[%][/ROWS]`.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Sweep, String> {
        let example = "write KEY=A..B or KEY=A..B/ROWS, as in loss=0..30%";
        let (key, range) = text.split_once('=').ok_or(example)?;
        let axis = match key {
            "loss" => Axis::Loss,
            "duplicate" => Axis::Duplicate,
            "delay" => Axis::Delay,
            "devices" => Axis::Devices,
            "ops" => Axis::Ops,
            knob if numbers().iter().any(|known| known == knob) => Axis::Knob(knob.into()),
            _ => {
                let knobs = numbers().join(", ");
                return Err(format!(
                    "`{key}` cannot be swept; there are: loss, duplicate, delay, devices, ops, {knobs}"
                ));
            }
        };
        let (range, rows) = range.split_once('/').map_or((range, None), |(range, rows)| (range, Some(rows)));
        let odds = matches!(axis, Axis::Loss | Axis::Duplicate | Axis::Delay);
        let range = match (odds, range.strip_suffix('%')) {
            (true, Some(range)) => range,
            (true, None) => return Err(format!("odds are percentages: write {key}=0..30%")),
            (false, Some(_)) => return Err(format!("{key} is a number, not a percentage: write {key}=1..3")),
            (false, None) => range,
        };
        let (from, to) = range.split_once("..").ok_or(example)?;
        let number = |text: &str| text.replace('_', "").parse::<u64>().map_err(|_| example.to_string());
        let (from, to) = (number(from.trim_end_matches('%'))?, number(to)?);
        let (least, most) = match axis {
            Axis::Loss | Axis::Duplicate | Axis::Delay => (0, 100),
            Axis::Devices => (1, 3),
            Axis::Ops => (1, 63),
            Axis::Knob(_) => (0, crate::sync::policy::LARGEST),
        };
        if from >= to || from < least || to > most {
            return Err(format!("{key} goes from a smaller to a larger number within {least}..{most}"));
        }
        let rows = match rows {
            None => ROWS.min(to - from + 1),
            Some(rows) => number(rows)
                .ok()
                .filter(|rows| (2..=MOST).contains(rows))
                .ok_or_else(|| format!("a sweep has 2 to {MOST} rows, not `{rows}`"))?,
        };
        let mut values: Vec<u64> = (0..rows).map(|n| from + ((to - from) * n + (rows - 1) / 2) / (rows - 1)).collect();
        values.dedup();
        Ok(Sweep { axis, values })
    }

    /// A value in words.
    pub fn name(&self, value: u64) -> String {
        match &self.axis {
            Axis::Loss => format!("loss {value} %"),
            Axis::Duplicate => format!("duplicate {value} %"),
            Axis::Delay => format!("delay {value} %"),
            Axis::Devices => format!("devices {value}"),
            Axis::Ops => format!("ops {value}"),
            Axis::Knob(knob) => format!("{knob} {value}"),
        }
    }

    /// The system, profile and odds of a value.
    pub fn apply(&self, system: &str, mut profile: Profile, value: u64) -> (String, Profile, Fixed) {
        let mut fixed = Fixed::default();
        let mut name = system.to_string();
        let odds = Some((value * 65_536).div_ceil(100) as u32);
        match &self.axis {
            Axis::Loss => fixed.loss = odds,
            Axis::Duplicate => fixed.duplicate = odds,
            Axis::Delay => fixed.delay = odds,
            Axis::Devices => {
                profile.devices = [0; 3];
                profile.devices[value as usize - 1] = 1;
            }
            Axis::Ops => profile.ops = (value as u32, value as u32),
            Axis::Knob(knob) => name += &format!("+{knob}={value}"),
        }
        (name, profile, fixed)
    }
}

/// The knobs of a policy that are numbers.
fn numbers() -> Vec<String> {
    let settings = SERI_SOUND.settings().into_iter();
    settings.filter(|(_, value)| value.parse::<u64>().is_ok()).map(|(knob, _)| knob).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_seven_rows_or_as_many_as_asked_and_both_ends() {
        let values = |text| Sweep::parse(text).unwrap().values;
        assert_eq!(values("loss=0..30%"), [0, 5, 10, 15, 20, 25, 30]);
        assert_eq!(values("loss=0%..30%/2"), [0, 30]);
        assert_eq!(values("devices=1..3"), [1, 2, 3]);
        assert_eq!(values("push-every=1000..60_000/3"), [1_000, 30_500, 60_000]);
    }

    #[test]
    fn what_cannot_be_swept_is_answered_with_what_can() {
        let bad = |text: &str| Sweep::parse(text).unwrap_err();
        assert!(
            bad("los=0..3%").contains("there are: loss, duplicate, delay, devices, ops, batch"),
            "{}",
            bad("los=0..3%")
        );
        assert!(bad("loss=0..30").contains("write loss=0..30%"));
        assert!(bad("devices=1..9").contains("1..3"));
        assert!(bad("loss=30..10%").contains("smaller to a larger"));
        assert!(bad("loss=0..30%/1").contains("2 to 100 rows"));
        assert!(bad("loss").contains("KEY=A..B"));
        assert!(bad("order=1..2").contains("cannot be swept"));
    }

    #[test]
    fn a_knob_goes_into_the_system_s_name_and_odds_hold_on_every_day() {
        let polite = Profile::find("polite").unwrap();
        let knob = Sweep::parse("retries=0..5").unwrap().apply("seri-sound", polite, 5);
        assert_eq!((knob.0.as_str(), knob.1, knob.2), ("seri-sound+retries=5", polite, Fixed::default()));
        let loss = Sweep::parse("loss=0..100%").unwrap();
        assert_eq!(loss.apply("a", polite, 0).2.loss, Some(0));
        assert_eq!(loss.apply("a", polite, 100).2.loss, Some(65_536));
        assert_eq!(Sweep::parse("devices=1..3").unwrap().apply("a", polite, 3).1.devices, [0, 0, 1]);
    }
}
