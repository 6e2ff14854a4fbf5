//! Finds what a user names: files, systems, and single runs (`FILE`, `FILE@SYSTEM`, `SYSTEM@SEED`).

use super::failure::Failure;
use super::registry::Registry;
use crate::campaign::ClockTwin;
use crate::explore::{Profile, generate};
use crate::harness::{Luck, Outcome, Subject, Systems, Unknown, Variant};
use crate::model::{Domain, Scenario};
use crate::scenario::{Story, Vocabulary, nearest, parse, read};
use std::path::Path;
use std::sync::Arc;

/// One run that can be done.
pub struct Run {
    /// The system.
    pub subject: Arc<dyn Subject>,
    /// What happens.
    pub scenario: Scenario,
    /// Where its luck comes from.
    pub luck: Luck,
    /// What it is called in messages.
    pub title: String,
    /// Its story, if it stands in a file.
    pub story: Option<Story>,
}

impl Run {
    /// Does it and keeps the trace.
    pub fn recorded(&self) -> Outcome {
        self.subject.run(&self.scenario, self.luck, true)
    }
}

/// Names of all invariants, those of the catalogue first.
pub fn invariant_names(registry: &Registry) -> Vec<&'static str> {
    registry.invariants().iter().map(|invariant| invariant.name()).collect()
}

/// A system by name; its runs under slightly wrong clocks are held against the same runs under true ones.
///
/// # Errors
/// With the nearest name and all others.
pub fn system(registry: &Registry, name: &str) -> Result<Arc<dyn Subject>, Failure> {
    let found = registry.find(name).map_err(|unknown| Failure::unknown(name, &unknown))?;
    if let Some(domain) = registry.domain().filter(|domain| domain.name != found.domain().name) {
        let runs = found.domain().name;
        return Err(Failure::Usage(format!("{name} runs the domain `{runs}` only, not `{}`", domain.name)));
    }
    Ok(with_twin(found))
}

/// The same for a system that is at hand.
fn with_twin(system: Arc<dyn Subject>) -> Arc<dyn Subject> {
    Arc::new(ClockTwin::watching(system))
}

/// Changed systems, watched like any other.
pub fn watched(variants: Vec<Variant>) -> Vec<Variant> {
    variants.into_iter().map(|one| Variant { text: one.text, system: with_twin(one.system) }).collect()
}

/// The same on the business of a story.
///
/// # Errors
/// With the nearest name and all others.
pub fn system_on(registry: &Registry, name: &str, domain: &'static Domain) -> Result<Arc<dyn Subject>, Failure> {
    let found = registry.find_on(name, domain).map_err(|unknown| Failure::unknown(name, &unknown))?;
    Ok(with_twin(found))
}

/// A business by name.
///
/// # Errors
/// With the nearest name and all others.
pub fn domain(registry: &Registry, name: &str) -> Result<&'static Domain, Failure> {
    let domains = registry.domains();
    domains.iter().copied().find(|domain| domain.name == name).ok_or_else(|| {
        let known = domains.iter().map(|domain| domain.name.to_string()).collect();
        Failure::unknown(name, &Unknown { part: name.into(), what: "domain".into(), known })
    })
}

/// A profile by name.
///
/// # Errors
/// With all names.
pub fn profile(name: &str) -> Result<Profile, Failure> {
    Profile::find(name).map_err(|unknown| {
        let near = nearest(name, unknown.known.iter().copied());
        let hint = near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
        Failure::Usage(format!("{unknown}{hint}"))
    })
}

/// A story from the text of a file.
///
/// # Errors
/// Its first mistake.
pub fn story_of(registry: &Registry, name: &str, text: &str) -> Result<Story, Failure> {
    let (names, domains) = (invariant_names(registry), registry.domains());
    let vocabulary = Vocabulary { systems: registry, invariants: &names, domains: &domains };
    Ok(parse(name, text, &vocabulary)?)
}

/// A story from a file.
///
/// # Errors
/// If the file cannot be read, or its first mistake.
pub fn story(registry: &Registry, path: &Path) -> Result<Story, Failure> {
    story_of(registry, &path.display().to_string(), &read(path)?)
}

/// The run of a story on one of its systems: the one asked for, else where it was found, else the first.
///
/// # Errors
/// If the file names no system and none is asked for, or there is no such system.
pub fn of_story(registry: &Registry, path: &Path, story: Story, wanted: Option<&str>) -> Result<Run, Failure> {
    let found = story.found.as_ref().map(|found| found.system.as_str());
    let first = || story.expect.first().map(|expected| expected.system.as_str());
    let Some(name) = wanted.or(found).or_else(first).map(str::to_string) else {
        let path = path.display();
        return Err(Failure::Usage(format!("{path} names no system in `expect`: say which one with --system")));
    };
    let subject = system_on(registry, &name, story.scenario.domain)?;
    if subject.domain().name != story.scenario.domain.name {
        return Err(Failure::Usage(format!(
            "{} is a story of the domain `{}`, but {name} runs `{}`",
            path.display(),
            story.scenario.domain.name,
            subject.domain().name
        )));
    }
    let title = format!("{} on {name}", path.display());
    Ok(Run { subject, scenario: story.scenario.clone(), luck: Luck::Replay, title, story: Some(story) })
}

/// The run of a seed.
///
/// # Errors
/// If there is no such system or profile.
pub fn of_seed(registry: &Registry, name: &str, seed: u64, profile_name: &str) -> Result<Run, Failure> {
    let subject = system(registry, name)?;
    let (scenario, luck) = generate(subject.domain(), &profile(profile_name)?, seed);
    let title = format!("{name} · profile {profile_name} · seed {seed}");
    Ok(Run { subject, scenario, luck, title, story: None })
}

/// A run as `FILE`, `FILE@SYSTEM` or `SYSTEM@SEED`.
///
/// # Errors
/// If it is none of these, or what it names is not there.
pub fn run(registry: &Registry, text: &str, profile_name: &str) -> Result<Run, Failure> {
    let whole = Path::new(text);
    if whole.is_file() {
        return of_story(registry, whole, story(registry, whole)?, None);
    }
    match text.rsplit_once('@') {
        Some((file, name)) if is_file_name(file) => {
            let path = Path::new(file);
            of_story(registry, path, story(registry, path)?, Some(name))
        }
        Some((name, seed)) => {
            let number = seed.parse().map_err(|_| {
                Failure::Usage(format!("`{seed}` in `{text}` is no seed: write a number, as in {name}@17"))
            })?;
            of_seed(registry, name, number, profile_name)
        }
        None if is_file_name(text) => of_story(registry, whole, story(registry, whole)?, None),
        None => Err(Failure::Usage(format!("`{text}` is no run: write FILE, FILE@SYSTEM or SYSTEM@SEED"))),
    }
}

/// Whether a text is meant as a file rather than as a system.
pub fn is_file_name(text: &str) -> bool {
    text.ends_with(".json") || text.ends_with(".jsonc") || text.contains(['/', '\\']) || Path::new(text).is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_is_none_says_how_to_write_one() {
        let message = run(&Registry::empty(), "nothing", "default").err().unwrap().message(false).unwrap();
        assert!(message.contains("write FILE, FILE@SYSTEM or SYSTEM@SEED"), "{message}");
    }
}
