//! Why a check failed, in the words that its test panics with.
//!
//! All that was found is named; the first three have their tables, for a terminal holds no more. It runs nothing.

use crate::campaign::{Report, Vacuity, Verdict};
use crate::explore::{Profile, generate};
use crate::harness::Subject;
use crate::regressions::{Replayed, again};
use crate::report::words::{plural, thousands, violation, where_ops_go};
use crate::report::{Place, Style, Telling, divergence, finding};
use crate::scenario::Saved;
use std::fmt;

/// How many findings are shown with their tables.
const TABLES: usize = 3;

/// What a check failed of, the first that applies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// It could not be run: an unknown name, a folder or a file that cannot be read.
    Unusable,
    /// A saved story still breaks a promise; no new day was tried.
    StillBroken,
    /// A saved story of this system guards nothing any more: none of its deviations comes up; no new day was tried.
    NeverCameUp,
    /// A promise was broken on a new day.
    Broken,
    /// The system runs differently a second time.
    NotDeterministic,
    /// The system holds other rows than it reports; or a bug of squall, or of an invariant or a generator of one's own.
    Mistake,
    /// Nothing was broken, and nothing was tested.
    Vacuous,
}

/// A check that failed. Its text is what [`super::Check::assert`] panics with.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Of what.
    pub reason: Reason,
    /// The saved stories that were replayed.
    pub regressions: Vec<Replayed>,
    /// What the random days have to say, if any were tried.
    pub report: Option<Box<Report>>,
    text: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.trim_end())
    }
}

impl std::error::Error for Failed {}

impl Failed {
    pub(super) fn unusable(why: &dyn fmt::Display) -> Failed {
        let text = format!("squall: {why}");
        Failed { reason: Reason::Unusable, regressions: Vec::new(), report: None, text }
    }

    /// Saved stories that do not hold, or mean nothing; `None` if all do.
    pub(super) fn again(subject: &dyn Subject, replayed: &[Replayed]) -> Option<Failed> {
        let broken: Vec<&Replayed> = replayed.iter().filter(|one| one.broken.is_some()).collect();
        let mistaken = replayed.iter().any(|one| one.mistake.is_some());
        let vacuous = replayed.iter().any(|one| one.vacuous);
        let name = subject.name();
        let (reason, head) = match broken.len() {
            0 if mistaken => (Reason::Mistake, format!("{name} has a mistake in its model, in a saved story")),
            0 if vacuous => {
                (Reason::NeverCameUp, format!("a saved story of {name} guards nothing; no new day was tried"))
            }
            0 => return None,
            1 => (Reason::StillBroken, format!("{name} breaks a promise in a saved story; no new day was tried")),
            n => (Reason::StillBroken, format!("{name} breaks a promise in {n} saved stories; no new day was tried")),
        };
        let mut text = format!("squall: {head}\n");
        for (n, one) in broken.iter().enumerate() {
            let Some(found) = &one.broken else { continue };
            if n < TABLES {
                let saved = Saved::Already(one.path.clone());
                let (number, again) = (n + 1, again());
                let place = Place::Saved(&saved);
                let telling = Telling { number, known: false, runs: None, seed: None, place, again: &again };
                text += &format!("\n{}", finding(found, &subject.facts(), &telling, Style::default()));
            } else {
                text += &format!("\n{}  {}\n   in {}\n", n + 1, violation(&found.violation), one.path.display());
            }
        }
        for one in replayed {
            if let Some(mistake) = &one.mistake {
                text += &format!("\nin {}: {mistake}\n", one.path.display());
            } else if one.vacuous {
                text += &format!("\n{}", one.remedy());
            }
        }
        Some(Failed { reason, regressions: replayed.to_vec(), report: None, text })
    }

    /// What random days showed.
    pub(super) fn found(
        subject: &dyn Subject,
        profile: &Profile,
        regressions: Vec<Replayed>,
        report: Report,
        vacuity: &Vacuity,
        saved: Vec<Result<Saved, String>>,
    ) -> Failed {
        let mut parts: Vec<(Reason, String)> = Vec::new();
        let listed = |what: &str, all: &[(u64, String)]| -> String {
            all.iter().map(|(seed, text)| format!("{what}, seed {seed}: {text}\n")).collect()
        };
        let mistakes = listed("a mistake in the model of the system", &report.model_mistakes)
            + &listed("a bug of squall, or of an invariant or a generator of your own", &report.mistakes);
        if !mistakes.is_empty() {
            parts.push((Reason::Mistake, mistakes));
        }
        if report.failed > 0 {
            parts.push((Reason::Broken, broken(subject, &report, &saved)));
        }
        if let Some(unstable) = &report.nondeterministic {
            let (day, _) = generate(subject.domain(), profile, unstable.seed);
            let what = format!(
                "the day of seed {} went differently the second time ({:016x}, then {:016x})",
                unstable.seed, unstable.first, unstable.second
            );
            let text = divergence::failure(&what, &day, &subject.facts(), unstable.divergence.as_deref());
            parts.push((Reason::NotDeterministic, text));
        }
        if vacuity.verdict == Verdict::Vacuous {
            parts.push((Reason::Vacuous, vacuous(subject, &report, vacuity)));
        }
        let of = plural(report.runs, "run");
        let head = match report.failed {
            0 => format!("squall: {} failed in {of} under profile {}", report.system, report.profile),
            failed => format!(
                "squall: {} broke a promise in {} of {of} under profile {}",
                report.system,
                thousands(failed),
                report.profile
            ),
        };
        let reason = parts.first().expect("a check that failed failed of something").0;
        let text: Vec<String> = std::iter::once(head + "\n").chain(parts.into_iter().map(|(_, text)| text)).collect();
        Failed { reason, regressions, report: Some(Box::new(report)), text: text.join("\n") }
    }
}

fn broken(subject: &dyn Subject, report: &Report, saved: &[Result<Saved, String>]) -> String {
    if report.findings.is_empty() {
        return "runs broke promises, but none breaks it again when it is replayed\n".into();
    }
    let mut texts = Vec::new();
    for (n, (found, saved)) in report.findings.iter().zip(saved).enumerate() {
        let place = saved.as_ref().map_or_else(|why| Place::Nowhere(why), Place::Saved);
        if n < TABLES {
            let again = match saved {
                Ok(_) => again(),
                Err(_) => {
                    let (seed, profile) = (found.seed, &report.profile);
                    format!("Check::new(&system).profile({profile:?}).seeds({seed}..{}).assert()", seed + 1)
                }
            };
            let (number, runs, seed) = (n + 1, Some(report.runs), Some(found.seed));
            let telling = Telling { number, known: false, runs, seed, place, again: &again };
            texts.push(finding(found, &subject.facts(), &telling, Style::default()));
        } else {
            let place = match place {
                Place::Saved(saved) => format!("saved as {}", saved.path().display()),
                Place::Nowhere(why) => format!("not saved: {why}"),
            };
            texts.push(format!("{}  {}\n   {place}\n", n + 1, violation(&found.violation)));
        }
    }
    texts.join("\n")
}

fn vacuous(subject: &dyn Subject, report: &Report, vacuity: &Vacuity) -> String {
    if vacuity.empty {
        return format!(
            "VACUOUS: no op ever reached {}, so nothing was tested.\nAn op reaches a node when that node reports a write for \
             it: `cx.wrote(before, after, op, ..)`.\n",
            where_ops_go(&subject.facts())
        );
    }
    if vacuity.deaf {
        return "VACUOUS: no op was ever answered: nothing was written, told, decided or sent for one, so nothing was tested.\n"
            .into();
    }
    let silent: Vec<&str> = vacuity.devices_never_sent.iter().map(String::as_str).collect();
    let never = |what: &str, names: &[&str]| match names {
        [] => String::new(),
        names => format!("   {what}   {}\n", names.join(", ")),
    };
    format!(
        "VACUOUS: this never came up in {}, so it was not tested:\n{}{}{}{}{}Let the domain invent days in which it can (or try \
         another profile, or more runs). What never happens in this system is named with `Check::never_happens`.\n",
        plural(report.runs, "run"),
        never("faults", &vacuity.faults_never),
        never("invariants", &vacuity.invariants_never),
        never("ops answered", &vacuity.ops_never_answered),
        never("messages answered", &vacuity.messages_never_answered),
        never("devices that sent something", &silent)
    )
}
