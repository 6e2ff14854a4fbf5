//! `squall replay`: every file on every system it names, held against what it expects.
//!
//! Each run is done twice, for a file is worth nothing if the same run can end in two ways. A mistake in one file does
//! not keep the others from being run.

use super::args::Replay;
use super::exit::Exit;
use super::failure::Failure;
use super::output::Out;
use super::registry::Registry;
use super::select;
use super::stopwatch::Stopwatch;
use crate::campaign::divergence::divergence;
use crate::harness::{Luck, Outcome};
use crate::invariants::Violation;
use crate::report::{
    self,
    words::{self, plural},
};
use crate::scenario::{Expectation, Story, check, files};
use serde_json::{Value, json};
use std::path::Path;

/// One system's result.
struct Ended {
    system: String,
    exit: Exit,
    differences: Vec<String>,
    happened: String,
    notes: Vec<String>,
}

/// Runs the command.
pub fn replay(registry: &Registry, args: &Replay, out: &mut Out) -> Result<Exit, Failure> {
    let clock = Stopwatch::start();
    let files = files(&args.paths)?;
    let (mut exit, mut runs, mut passed, mut failed) = (Exit::Held, 0u64, 0u64, Vec::<Value>::new());
    for path in &files {
        let name = path.display().to_string();
        let story = match select::story(registry, path) {
            Ok(story) => story,
            Err(failure) => {
                exit = exit.and(failure.exit());
                failed.push(mistake(&name, &failure));
                failure.complain(out.color_errors);
                continue;
            }
        };
        let ends: Vec<Ended> = story.expect.iter().map(|expected| one(registry, &story, expected)).collect();
        if !out.is_json() {
            print_file(registry, &name, &ends, out)?;
        }
        for end in ends {
            runs += 1;
            passed += u64::from(end.exit == Exit::Held);
            exit = exit.and(end.exit);
            if end.exit != Exit::Held {
                failed.push(json!({
                    "file": name, "system": end.system, "differences": end.differences, "happened": end.happened,
                    "again": again(registry, &name, &end.system), "exit": end.exit.code(),
                }));
            }
        }
    }
    if runs == 0 {
        exit = exit.and(Exit::Vacuous);
    }
    let seconds = clock.seconds();
    if out.is_json() {
        out.json(&json!({
            "files": files.len(), "runs": runs, "passed": passed, "failed": failed, "seconds": seconds,
        }))?;
    } else {
        let wrong = if runs == passed { "none".into() } else { (runs - passed).to_string() };
        let vacuous = if runs == 0 { " · nothing was run" } else { "" };
        out.line(format!(
            "\n{}, {}: {passed} as expected, {wrong} not{vacuous} · {seconds:.1} s · exit {}",
            plural(files.len() as u64, "file"),
            plural(runs, "run"),
            exit.code()
        ))?;
    }
    Ok(exit)
}

/// A file that cannot be read, for programs.
pub fn mistake(name: &str, failure: &Failure) -> Value {
    match failure {
        Failure::File(report) => json!({
            "file": name, "line": report.line, "column": report.column, "error": report.message,
            "expected": report.expected, "help": report.help, "exit": Exit::Usage.code(),
        }),
        other => json!({ "file": name, "error": other.message(false), "exit": Exit::Usage.code() }),
    }
}

fn again(registry: &Registry, file: &str, system: &str) -> String {
    format!("{} explain {} --system {}", registry.command(), quoted(file), quoted(system))
}

/// A word for a shell.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+=@:,".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.into() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn one(registry: &Registry, story: &Story, expected: &Expectation) -> Ended {
    let mut ended = Ended {
        system: expected.system.clone(),
        exit: Exit::Held,
        differences: Vec::new(),
        happened: String::new(),
        notes: Vec::new(),
    };
    let subject = match select::system_on(registry, &expected.system, story.scenario.domain) {
        Ok(subject) => subject,
        Err(failure) => {
            ended.exit = failure.exit();
            ended.differences.push(failure.message(false).unwrap_or_default());
            return ended;
        }
    };
    let outcome = subject.run(&story.scenario, Luck::Replay, true);
    let twice = subject.run(&story.scenario, Luck::Replay, false);
    let again = || subject.run(&story.scenario, Luck::Replay, true);
    ended.happened = happened(story, expected, &outcome);
    ended.differences = check(expected, story, &outcome);
    if !ended.differences.is_empty() {
        ended.exit = Exit::Broken;
    }
    let schedule = story.scenario.schedule.len();
    if schedule > 0 && outcome.unused.len() == schedule && !expected.vacuous {
        ended.exit = Exit::Vacuous;
    }
    let names = words::names(&story.scenario, &subject.facts());
    if outcome.unused.len() < schedule {
        let unused = outcome.unused.iter().map(|one| format!("{} never came up here", names.label(one.label)));
        ended.notes.extend(unused);
    }
    if twice.fingerprint != outcome.fingerprint {
        let text = "two runs of the same scenario differ: the system is not deterministic";
        ended.differences.push(format!("{text} ({:016x}, {:016x})", outcome.fingerprint, twice.fingerprint));
        let found = divergence(&again);
        ended.differences.push(report::divergence::text(&story.scenario, &subject.facts(), found.as_deref()));
        ended.exit = ended.exit.and(Exit::NotDeterministic);
    }
    if let Some(text) = &outcome.mistake {
        ended.differences.push(format!("a mistake in the model of the system: {text}"));
        ended.exit = ended.exit.and(Exit::Usage);
    }
    ended
}

fn happened(story: &Story, expected: &Expectation, outcome: &Outcome) -> String {
    let mut parts: Vec<String> = broken(expected, outcome);
    if parts.is_empty() {
        parts.push("holds".into());
    }
    if let Some(end) = &outcome.end {
        for (id, told, verdict) in &end.ops {
            let asked =
                expected.told.iter().any(|(op, _)| op == id) || expected.verdicts.iter().any(|(op, _)| op == id);
            if asked && let Some(verdict) = verdict {
                parts.push(format!("{} {}", story.scenario.op_name(*id), words::verdict(&story.scenario, verdict)));
            } else if asked && let Some((_, word)) = told.last() {
                parts.push(format!("{} {}", story.scenario.op_name(*id), word.name()));
            }
        }
    }
    parts.join(" · ")
}

/// The broken promises that were expected, each once with its first time; the others only by their number.
fn broken(expected: &Expectation, outcome: &Outcome) -> Vec<String> {
    let mut promises: Vec<&Violation> = Vec::new();
    for one in &outcome.violations {
        if promises.iter().all(|known| known.invariant != one.invariant) {
            promises.push(one);
        }
    }
    let asked = |one: &&&Violation| expected.violates.iter().any(|name| *name == one.invariant);
    let mut parts: Vec<String> =
        promises.iter().filter(asked).map(|one| format!("breaks {} at {}", one.invariant, one.at)).collect();
    match (promises.len() - parts.len(), parts.is_empty()) {
        (0, _) => {}
        (n, true) => parts.push(format!("breaks {n} promises: {}", promises[0].invariant)),
        (n, false) => parts.push(format!("and {n} more")),
    }
    parts
}

fn print_file(registry: &Registry, name: &str, ends: &[Ended], out: &mut Out) -> Result<(), Failure> {
    out.line(name)?;
    if ends.is_empty() {
        out.line("  names no system in `expect`, so nothing was run")?;
    }
    let wide = ends.iter().map(|end| end.system.chars().count()).max().unwrap_or(0);
    for end in ends {
        let system = &end.system;
        if end.exit == Exit::Held {
            out.line(format!("  {system:<wide$}  as expected   {}", end.happened))?;
        } else {
            out.line(format!("  {system:<wide$}  NOT AS EXPECTED"))?;
            for difference in &end.differences {
                out.line(format!("     differs   {}", difference.trim_end().replace('\n', "\n               ")))?;
            }
            if !end.happened.is_empty() {
                out.line(format!("     happened  {}", end.happened))?;
            }
            if Path::new(name).exists() && end.exit != Exit::Usage {
                out.line(format!("     look      {}", again(registry, name, system)))?;
            }
        }
        for note in &end.notes {
            out.line(format!("     note      {note}"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_is_quoted_for_the_shell() {
        assert_eq!(quoted("findings/a-1.json"), "findings/a-1.json");
        assert_eq!(quoted("my file's"), r"'my file'\''s'");
    }
}
