//! A folder of stories that once broke a promise: replayed before anything new is tried, and added to.
//!
//! A saved story is a finding as long as its system still breaks a promise in it; once the system is repaired it passes
//! and stays. Whatever else stands in `expect` is not asked here: `squall replay` does that. Stories of other systems
//! in the folder are passed over and counted; a file that cannot be read is never. Systems are told apart by name, so
//! variants of one system that end differently need different names. Entry type: [`Regressions`].
//!
//! A repair often does away with some of the luck of a story: the retry that was lost is no longer sent. So deviations
//! that no longer come up are listed and fail nothing, as long as one still does. If none does, the story replays a polite
//! day and guards nothing: it is vacuous, which is a failure (promises P2 and P3).

mod bystander;

use crate::campaign::{Finding, guarded};
use crate::explore::{Shrunk, signature};
use crate::harness::{Luck, Subject};
use crate::report::words;
use crate::scenario::{
    Denied, Expectation, Found, Report, Saved, Story, Vocabulary, files, parse, read, saving, systems_named, write,
};
use bystander::Anybody;
use std::collections::BTreeSet;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where stories are kept unless somebody says otherwise, from where the test runs: for cargo, the package's root.
pub const FOLDER: &str = "scenarios/regressions";

/// A folder of stories.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Regressions {
    folder: PathBuf,
}

/// A story of the folder that was run once more.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Its file.
    pub path: PathBuf,
    /// What it breaks today; `None` if every promise holds.
    pub broken: Option<Box<Finding>>,
    /// What makes its run worth nothing, if anything does: a mistake in the model of the system, a panic of an invariant.
    pub mistake: Option<String>,
    /// The labels of its deviations that no longer come up.
    pub never_came_up: Vec<String>,
    /// Whether it has deviations, none of them comes up, and nothing breaks, on a system that it names and does not
    /// expect to be vacuous.
    pub vacuous: bool,
}

impl Replayed {
    /// What to do about a story that is vacuous.
    pub fn remedy(&self) -> String {
        format!(
            "nothing breaks in {}, and none of its luck comes up any more, so it guards nothing:\n   {}\nIf messages were \
             renamed, delete the file and let a test find the story anew. If the repair did away with them, delete the file, \
             or keep it and expect \"holds\": true, \"vacuous\": true of this system.\n",
            self.path.display(),
            self.never_came_up.join("\n   ")
        )
    }
}

/// What a folder says of one system.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// The stories of the system, in order of path.
    pub stories: Vec<Replayed>,
    /// How many stories name other systems only.
    pub passed_over: usize,
}

/// Why the folder cannot be replayed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unusable {
    /// The folder cannot be read.
    Folder(Denied),
    /// A file has a mistake.
    File(Box<Report>),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unusable::Folder(denied) => denied.fmt(f),
            Unusable::File(report) => f.write_str(report.render(false).trim_end()),
        }
    }
}

impl std::error::Error for Unusable {}

impl From<Denied> for Unusable {
    fn from(denied: Denied) -> Unusable {
        Unusable::Folder(denied)
    }
}

impl From<Report> for Unusable {
    fn from(report: Report) -> Unusable {
        Unusable::File(Box::new(report))
    }
}

impl Default for Regressions {
    fn default() -> Regressions {
        Regressions::in_folder(FOLDER)
    }
}

impl Regressions {
    /// The stories of this folder; it need not be there yet.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Regressions {
        Regressions { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs every story of this system again, in order of path.
    ///
    /// # Errors
    /// The first file that cannot be read, or its first mistake.
    pub fn replay(&self, subject: &dyn Subject) -> Result<Replay, Unusable> {
        let mut replay = Replay::default();
        if !self.is_there() {
            return Ok(replay);
        }
        for path in files(std::slice::from_ref(&self.folder))? {
            let text = read(&path)?;
            let name = path.display().to_string();
            let named = systems_named(&name, &text)?;
            if named.is_empty() || named.contains(&subject.name()) {
                let story = own(subject, &name, &text)?;
                replay.stories.push(run_again(subject, path, &story));
            } else {
                replay.passed_over += 1;
            }
        }
        Ok(replay)
    }

    /// Whether anything stands in the folder's place, be it a link to nowhere or closed to this user: then not being able
    /// to read it is a failure.
    fn is_there(&self) -> bool {
        let absent = [ErrorKind::NotFound, ErrorKind::NotADirectory];
        !std::fs::symlink_metadata(&self.folder).is_err_and(|error| absent.contains(&error.kind()))
    }

    /// Keeps a finding: once, however often it is found, and without overwriting another.
    ///
    /// # Errors
    /// If the folder cannot be made or written, naming it.
    pub fn keep(&self, subject: &dyn Subject, system: &str, profile: &str, finding: &Finding) -> Result<Saved, Denied> {
        let same =
            |there: &str| own(subject, "there", there).is_ok_and(|story| is_same(&story, subject, system, finding));
        let name = saving::file_name(finding.invariant, &finding.signature);
        saving::save(&self.folder, &name, &write(&story(subject, system, profile, finding)), &same)
    }
}

/// The story of a finding: it expects what was found.
fn story(subject: &dyn Subject, system: &str, profile: &str, finding: &Finding) -> Story {
    Story {
        title: words::violation(&finding.violation),
        about: None,
        scenario: finding.scenario.clone(),
        channels: subject.facts().channels,
        expect: vec![Expectation {
            system: system.into(),
            violates: vec![finding.invariant.into()],
            ..Expectation::default()
        }],
        found: Some(Found { system: system.into(), seed: finding.seed, profile: profile.into() }),
    }
}

fn is_same(story: &Story, subject: &dyn Subject, system: &str, finding: &Finding) -> bool {
    let here = story.found.as_ref().is_some_and(|found| found.system == system);
    here && guarded(|| signatures(story, subject)).is_ok_and(|there| there.contains(&finding.signature))
}

/// What a story breaks on a system, as signatures.
pub fn signatures(story: &Story, subject: &dyn Subject) -> BTreeSet<String> {
    if story.scenario.domain.name != subject.domain().name {
        return BTreeSet::new();
    }
    let outcome = subject.run(&story.scenario, Luck::Replay, false);
    let facts = subject.facts();
    outcome.violations.iter().map(|violation| signature(&facts, &story.scenario, violation)).collect()
}

/// Reads a story that names this system; others that it names beside it are taken to have the same business and channels.
fn own(subject: &dyn Subject, name: &str, text: &str) -> Result<Story, Report> {
    let invariants: Vec<&str> = subject.invariants().iter().map(|invariant| invariant.name()).collect();
    let vocabulary =
        Vocabulary { systems: &Anybody::like(subject), invariants: &invariants, domains: &[subject.domain()] };
    parse(name, text, &vocabulary)
}

fn run_again(subject: &dyn Subject, path: PathBuf, story: &Story) -> Replayed {
    let mut replayed = Replayed { path, broken: None, mistake: None, never_came_up: Vec::new(), vacuous: false };
    if let Err(text) = guarded(|| judge(subject, story, &mut replayed)) {
        replayed.mistake = Some(format!("a bug of squall, or of an invariant of your own: {text}"));
    }
    replayed
}

fn judge(subject: &dyn Subject, story: &Story, replayed: &mut Replayed) {
    let outcome = subject.run(&story.scenario, Luck::Replay, true);
    let system = subject.name();
    let expected = story.expect.iter().find(|one| one.system == system);
    let names = story.names();
    let (all, unused) = (story.scenario.schedule.len(), &outcome.unused);
    replayed.mistake = outcome.mistake.as_ref().map(|text| format!("a mistake in the model of the system: {text}"));
    replayed.never_came_up = unused.iter().map(|one| names.label(one.label)).collect();
    let found_here = story.found.as_ref().is_some_and(|found| found.system == system);
    let must_come_up = expected.map_or(found_here, |expected| !expected.vacuous);
    replayed.vacuous = must_come_up && all > 0 && unused.len() == all && outcome.violations.is_empty();

    let known = |name: &str| expected.is_some_and(|one| one.violates.iter().any(|known| known == name));
    let foremost = outcome.violations.iter().find(|violation| known(violation.invariant));
    replayed.broken = foremost.or(outcome.violations.first()).cloned().map(|violation| {
        let seed = story.found.as_ref().map_or(0, |found| found.seed);
        let told = Shrunk { scenario: story.scenario.clone(), outcome, violation, runs: 1 };
        Box::new(Finding::of(subject, told, seed))
    });
}

/// What to type to see a saved story again: the test that is running, which replays its folder first.
pub fn again() -> String {
    let thread = std::thread::current();
    let test = thread.name().filter(|name| *name != "main").map_or_else(String::new, |name| format!(" {name}"));
    format!("cargo test{test}   (it replays this file first)")
}
