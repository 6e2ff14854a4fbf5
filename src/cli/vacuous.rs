//! `squall replay --vacuous`: which scenarios would also pass on systems that are broken on purpose.
//!
//! A scenario that notices no flaw proves nothing by passing. A file may say so itself (`"vacuous": true`); one that
//! does not ends the command with exit code 4. What counts as noticing is decided in [`crate::campaign::blindness`].

use super::args::Replay;
use super::exit::Exit;
use super::failure::Failure;
use super::output::Out;
use super::registry::Registry;
use super::replay::mistake;
use super::select;
use crate::campaign::{Sight, sight};
use crate::harness::{Subject, Systems, Variant};
use crate::report::words::plural;
use crate::scenario::{Story, files};
use serde_json::{Value, json};
use std::sync::Arc;

/// What is said of a scenario.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Sees,
    Vacuous,
    KnownVacuous,
    NotJudged,
}

impl Verdict {
    fn of(sight: &Sight) -> Verdict {
        match (sight.attempts.is_empty(), sight.is_vacuous(), sight.known) {
            (true, ..) => Verdict::NotJudged,
            (_, false, _) => Verdict::Sees,
            (_, true, false) => Verdict::Vacuous,
            (_, true, true) => Verdict::KnownVacuous,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Verdict::Sees => "sees",
            Verdict::Vacuous => "vacuous",
            Verdict::KnownVacuous => "known to be vacuous",
            Verdict::NotJudged => "not judged",
        }
    }
}

/// Runs the command.
pub fn vacuous(registry: &Registry, args: &Replay, out: &mut Out) -> Result<Exit, Failure> {
    let mut exit = Exit::Held;
    let mut judged: Vec<(String, Sight)> = Vec::new();
    let mut failed: Vec<Value> = Vec::new();
    for path in files(&args.paths)? {
        let name = path.display().to_string();
        match select::story(registry, &path).and_then(|story| seen(registry, &story)) {
            Ok(sight) => judged.push((name, sight)),
            Err(failure) => {
                exit = exit.and(failure.exit());
                failed.push(mistake(&name, &failure));
                failure.complain(out.color_errors);
            }
        }
    }
    let count = |wanted| judged.iter().filter(|(_, sight)| Verdict::of(sight) == wanted).count();
    let blind = count(Verdict::Vacuous);
    if blind > 0 || count(Verdict::NotJudged) == judged.len() {
        exit = exit.and(Exit::Vacuous);
    }
    if out.is_json() {
        let scenarios: Vec<Value> = judged.iter().map(|(name, sight)| value(name, sight)).collect();
        out.json(&json!({ "scenarios": scenarios, "vacuous": blind, "failed": failed }))?;
        return Ok(exit);
    }
    let wide = judged.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max("scenario".len());
    out.line(format!("{:<wide$}  flaws noticed  the first one noticed", "scenario"))?;
    for (name, sight) in &judged {
        out.line(format!("{name:<wide$}  {}", row(sight)).trim_end())?;
    }
    out.line(format!(
        "\n{}: {} notice a flaw, {blind} vacuous, {} known to be vacuous, {} not judged · exit {}",
        plural(judged.len() as u64, "scenario"),
        count(Verdict::Sees),
        count(Verdict::KnownVacuous),
        count(Verdict::NotJudged),
        exit.code()
    ))?;
    Ok(exit)
}

fn seen(registry: &Registry, story: &Story) -> Result<Sight, Failure> {
    let mut systems: Vec<(_, Arc<dyn Subject>, Vec<Variant>)> = Vec::new();
    for expected in &story.expect {
        let flaws = select::watched(registry.flaws(&expected.system, story.scenario.domain));
        systems.push((expected, select::system_on(registry, &expected.system, story.scenario.domain)?, flaws));
    }
    let systems: Vec<_> =
        systems.iter().map(|(expected, system, flaws)| (*expected, &**system, flaws.clone())).collect();
    Ok(sight(story, &systems))
}

fn row(sight: &Sight) -> String {
    let verdict = Verdict::of(sight);
    let says = match verdict {
        Verdict::NotJudged if sight.failing > 0 => "(not judged: it does not end as expected, see `replay`)".into(),
        Verdict::NotJudged if sight.judged == 0 => "(not judged: it says of no system how a good end looks)".into(),
        Verdict::NotJudged => "(not judged: no flaws are known of its systems)".into(),
        Verdict::Vacuous => "VACUOUS: it would pass on every broken system".into(),
        Verdict::KnownVacuous => "vacuous, as the file says".into(),
        Verdict::Sees => sight.noticed()[0].to_string(),
    };
    let counts = match verdict {
        Verdict::NotJudged => "-".into(),
        _ => format!("{} of {}", sight.noticed().len(), sight.flaws().len()),
    };
    format!("{counts:>13}  {says}")
}

fn value(name: &str, sight: &Sight) -> Value {
    let attempts: Vec<Value> = sight
        .attempts
        .iter()
        .map(|one| json!({ "system": one.system, "flaw": one.flaw, "noticed": one.seen.is_some(), "seen": one.seen }))
        .collect();
    json!({
        "file": name,
        "verdict": Verdict::of(sight).name(),
        "expectations": sight.judged,
        "failing": sight.failing,
        "flaws": sight.flaws().len(),
        "noticed": sight.noticed(),
        "attempts": attempts,
    })
}
