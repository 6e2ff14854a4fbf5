//! Named settings of random search: how long a bad day is, which faults there are, how hard they hit.
//!
//! Why presets: a campaign without a profile in its name cannot be repeated. A profile holds ranges; what one seed makes
//! of them is [`super::Conditions`]. Entry type: [`Profile`].

use crate::sim::choice::FAULTS;
use crate::sim::{Fault, Span};
use std::fmt;

/// Ranges from which each seed's conditions are drawn. Chances are in 65,536ths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile {
    /// The preset's name; with faults switched off its whole name is what [`fmt::Display`] writes: `default,no-restore`.
    pub name: &'static str,
    /// What it is for, in one sentence.
    pub about: &'static str,
    /// How many runs in 4 have one, two and three devices.
    pub devices: [u32; 3],
    /// Fewest and most ops of a run, all devices together.
    pub ops: (u32, u32),
    /// Shortest and longest time within which users act.
    pub window: (Span, Span),
    /// Chance of a run without any fault: only delays, late timers and pauses.
    pub calm: u32,
    /// Chance that a fault is off in a run that is not calm.
    pub off: u32,
    /// Chance that delays (and, each on its own, late timers and pauses) are off.
    pub punctual: u32,
    /// The highest chance of each message and step fault that a run can draw.
    pub most: u32,
    /// The highest chance of a delay, a late timer or a pause that a run can draw.
    pub most_late: u32,
    /// The longest delay, lateness or pause.
    pub longest: Span,
    /// Most interferences of one kind in a run.
    pub interferences: u32,
    /// Chance that nothing happens for one to two days in the middle of a run.
    pub gap: u32,
    /// Chance that many ops of a run fall into the same millisecond.
    pub burst: u32,
    /// Chance that a few rows are hot.
    pub hot: u32,
    /// Chance that devices start empty and have to download everything first.
    pub empty: u32,
    /// One bit, `1 << fault`, for each fault that is switched off.
    pub without: u32,
}

const POLITE: Profile = Profile {
    name: "polite",
    about: "nobody interferes: what the system does on a good day",
    devices: [1, 2, 1],
    ops: (3, 24),
    window: (Span::secs(10), Span::secs(600)),
    calm: 65_536,
    off: 65_536,
    punctual: 65_536,
    most: 0,
    most_late: 0,
    longest: Span::ZERO,
    interferences: 0,
    gap: 0,
    burst: 16_384,
    hot: 32_768,
    empty: 0,
    without: 0,
};

const DEFAULT: Profile = Profile {
    name: "default",
    about: "each seed draws its own weather: a third without any fault, the others with about half of the faults",
    calm: 21_845,
    off: 32_768,
    punctual: 21_845,
    most: 9_830,
    most_late: 19_660,
    longest: Span::secs(90),
    interferences: 2,
    gap: 3_072,
    burst: 16_384,
    empty: 2_048,
    ..POLITE
};

const HEAVY: Profile = Profile {
    name: "heavy",
    about: "the worst days: every fault at once, three devices, many ops",
    devices: [0, 1, 3],
    ops: (16, 60),
    calm: 0,
    off: 0,
    punctual: 0,
    most: 13_107,
    most_late: 26_214,
    longest: Span::mins(5),
    interferences: 4,
    gap: 4_096,
    burst: 32_768,
    empty: 4_096,
    ..DEFAULT
};

const SWARM: Profile = Profile {
    name: "swarm",
    about: "few faults at a time, each of them heavy",
    calm: 4_096,
    off: 52_428,
    most: 32_768,
    most_late: 45_875,
    longest: Span::mins(10),
    interferences: 6,
    gap: 4_096,
    burst: 32_768,
    ..DEFAULT
};

/// All presets, mildest first.
pub static ALL: [Profile; 4] = [POLITE, DEFAULT, SWARM, HEAVY];

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        let off = FAULTS.iter().filter(|(fault, ..)| self.lacks(*fault));
        off.into_iter().try_for_each(|(_, name, _)| write!(f, ",no-{name}"))
    }
}

/// A name that is no profile's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownProfile {
    /// What was asked for.
    pub name: String,
    /// What there is.
    pub known: Vec<&'static str>,
}

impl fmt::Display for UnknownProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.join(", ");
        match self.name.strip_prefix("no-") {
            Some(fault) => write!(f, "there is no fault `{fault}` to switch off: choose one of {known}"),
            None => write!(f, "there is no profile `{}`: choose one of {known}", self.name),
        }
    }
}
impl std::error::Error for UnknownProfile {}

impl Profile {
    /// The preset of this name, with faults switched off where names of them follow: `heavy,no-restore,no-wipe`.
    ///
    /// # Errors
    /// Lists the names that there are.
    pub fn find(name: &str) -> Result<Profile, UnknownProfile> {
        let mut parts = name.split(',');
        let preset = parts.next().unwrap_or_default();
        let unknown = |name: &str, known| UnknownProfile { name: name.into(), known };
        let found = ALL.iter().find(|profile| profile.name == preset).copied();
        let mut profile = found.ok_or_else(|| unknown(preset, ALL.iter().map(|p| p.name).collect()))?;
        for part in parts {
            let off = part.strip_prefix("no-").and_then(|fault| {
                FAULTS.iter().find(|(kind, name, _)| {
                    // A message overtakes another because it is late, and lateness is no fault.
                    *name == fault && *kind != Fault::Reorder
                })
            });
            let (fault, ..) = off.ok_or_else(|| {
                let known = FAULTS.iter().filter(|(kind, ..)| *kind != Fault::Reorder).map(|(_, name, _)| *name);
                unknown(
                    if part.starts_with("no-") { part.into() } else { format!("no-{part}") }.as_str(),
                    known.collect(),
                )
            })?;
            profile.without |= 1 << *fault as u32;
        }
        Ok(profile)
    }

    /// Whether a fault is switched off.
    pub(crate) fn lacks(&self, fault: Fault) -> bool {
        self.without >> fault as u32 & 1 == 1
    }

    /// One bit, `1 << fault`, for each fault that can fire under this profile.
    pub fn faults(&self) -> u32 {
        let any = self.off < 65_536 && self.calm < 65_536;
        FAULTS
            .iter()
            .filter(|(fault, _, _)| match fault {
                Fault::Drop | Fault::Duplicate | Fault::Corrupt | Fault::Truncate => any && self.most > 0,
                Fault::Reorder => self.most_late > 0,
                Fault::DeviceKill | Fault::ServerKill => any && (self.most > 0 || self.interferences > 0),
                _ => any && self.interferences > 0,
            })
            .filter(|(fault, _, _)| !self.lacks(*fault))
            .map(|(fault, _, _)| 1 << *fault as u32)
            .sum()
    }

    /// The effective settings by name, as text.
    pub fn describe(&self) -> Vec<(String, String)> {
        let share = |chance: u32| match chance {
            0 => "never".to_string(),
            65_536.. => "always".to_string(),
            _ => format!("{} in 1,000", (u64::from(chance) * 1_000 + 32_768) / 65_536),
        };
        let range = |low: &dyn fmt::Display, high: &dyn fmt::Display| format!("{low} to {high}");
        let [one, two, three] = self.devices;
        [
            ("devices", format!("1, 2 or 3 as {one} : {two} : {three}")),
            ("ops", range(&self.ops.0, &self.ops.1)),
            ("window", range(&self.window.0, &self.window.1)),
            ("runs without fault", share(self.calm)),
            ("a fault is off", share(self.off)),
            ("no delay, nothing late, no pause", share(self.punctual)),
            ("message and kill faults, at most", share(self.most)),
            ("delay, late and pause, at most", share(self.most_late)),
            ("longest delay", self.longest.to_string()),
            ("interferences of a kind, at most", self.interferences.to_string()),
            ("a gap of days", share(self.gap)),
            ("bursts", share(self.burst)),
            ("hot rows", share(self.hot)),
            ("devices start empty", share(self.empty)),
        ]
        .map(|(name, value)| (name.to_string(), value))
        .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_found_by_its_name_and_a_wrong_name_lists_them() {
        for profile in ALL {
            assert_eq!(Profile::find(profile.name), Ok(profile));
        }
        let error = Profile::find("polit").unwrap_err();
        assert!(error.to_string().contains("polite, default, swarm, heavy"), "{error}");
    }

    #[test]
    fn no_fault_applies_to_polite_and_every_fault_to_the_others() {
        for profile in ALL {
            let expected = if profile.name == "polite" { 0 } else { FAULTS.len() as u32 };
            assert_eq!(profile.faults().count_ones(), expected, "{}", profile.name);
        }
    }

    #[test]
    fn faults_are_switched_off_by_name_and_the_name_says_so() {
        let mended = Profile::find("heavy,no-wipe,no-restore").unwrap();
        assert_eq!(mended.to_string(), "heavy,no-wipe,no-restore");
        assert_eq!(Profile::find(&mended.to_string()), Ok(mended));
        assert_eq!(mended.faults().count_ones(), FAULTS.len() as u32 - 2);
        for wrong in ["heavy,no-wiped", "heavy,wipe", "heavy,no-reorder", "heavy,"] {
            let error = Profile::find(wrong).unwrap_err().to_string();
            assert!(error.contains("to switch off") && error.contains("wipe, overload"), "{wrong}: {error}");
        }
    }
}
