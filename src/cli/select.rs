//! Finds what a user names: files, systems, and single runs (`FILE`, `FILE@SYSTEM`, `SYSTEM@SEED`).

use super::failure::Failure;
use super::registry::Registry;
use crate::campaign::ClockTwin;
use crate::explore::{Profile, generate};
use crate::harness::{Luck, Outcome, Subject, Systems, Unknown, Variant};
use crate::model::{Domain, Scenario};
use crate::scenario::{Story, Vocabulary, nearest, parse, read};
use std::path::{Path, PathBuf};
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
pub(crate) fn with_twin(system: Arc<dyn Subject>) -> Arc<dyn Subject> {
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

/// All scenario files at or below these paths, in order of path, each once.
///
/// # Errors
/// If a path is not there or a folder cannot be read.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        let data = std::fs::metadata(path).map_err(|error| Failure::path("read", path, &error))?;
        if data.is_dir() { below(path, 0, &mut found)? } else { found.push(path.clone()) }
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|path| seen.insert(path.clone()));
    Ok(found)
}

fn below(folder: &Path, depth: u32, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if depth > 32 {
        return Err(Failure::Usage(format!("{} is more than 32 folders deep: is it a circle?", folder.display())));
    }
    let fail = |error| Failure::path("read the folder", folder, &error);
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        entries.push(entry.map_err(fail)?.path());
    }
    entries.sort();
    for path in entries {
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden {
            continue;
        }
        if path.is_dir() {
            below(&path, depth + 1, found)?;
        } else if path.extension().is_some_and(|extension| extension == "json" || extension == "jsonc") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_below_folders_in_order_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("b");
        std::fs::create_dir(&inner).unwrap();
        for name in ["c.json", "a.json", "b/x.jsonc", "notes.md", ".hidden.json"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let all = files(&[folder.path().to_path_buf(), folder.path().join("a.json")]).unwrap();
        let names: Vec<_> =
            all.iter().map(|path| path.strip_prefix(folder.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a.json", "b/x.jsonc", "c.json"]);
    }

    #[test]
    fn a_run_that_is_none_says_how_to_write_one() {
        let message = run(&Registry::empty(), "nothing", "default").err().unwrap().message(false).unwrap();
        assert!(message.contains("write FILE, FILE@SYSTEM or SYSTEM@SEED"), "{message}");
    }
}
