//! `squall explain`: one run as a table, with what was lost or late, what users were told, and what broke.

use super::args::Explain;
use super::exit::Exit;
use super::failure::Failure;
use super::output::Out;
use super::registry::Registry;
use super::select::{self, Run};
use super::why;
use crate::harness::{Outcome, Subject, Systems};
use crate::report::{Style, json as values, lines, metrics, table, words};
use crate::sim::{Deviation, Fate};
use serde_json::{Value, json};
use std::path::Path;

/// Runs the command.
pub fn explain(registry: &Registry, args: &Explain, out: &mut Out) -> Result<Exit, Failure> {
    let run = chosen(registry, args)?;
    let outcome = run.recorded();
    let exit = exit_of(&outcome);
    let why = why::why(registry, &run, &outcome);
    if out.is_json() {
        let mut value = value(&run, &outcome, args.steps);
        value["why"] = json!(why.map(|why| why.value(&*run.subject, &outcome)));
        out.json(&value)?;
        return Ok(exit);
    }
    out.line(&run.title)?;
    if let Some(story) = &run.story {
        out.line(&story.title)?;
        if let Some(about) = &story.about {
            out.line(about)?;
        }
        let others: Vec<&str> = story.expect.iter().map(|expected| expected.system.as_str()).collect();
        if others.len() > 1 {
            out.line(format!("(its systems: {}; choose with --system)", others.join(", ")))?;
        }
    }
    out.line("")?;
    let style = Style { width: out.width, color: out.color, steps: args.steps };
    out.print(&table(&run.scenario, &run.subject.facts(), &outcome, style))?;
    deviations(&run, &outcome, out)?;
    told(&run, &outcome, out)?;
    broken(&outcome, out)?;
    match why {
        Some(why) => why.print(&*run.subject, &outcome, out)?,
        None if outcome.violations.is_empty() => {}
        None => out.line("\n(a run as long as this is not asked what it needs: shrink it first)")?,
    }
    out.line("\nfigures")?;
    out.print(&metrics::text(&outcome.metrics))?;
    if let Some(end) = &outcome.end {
        out.print(&metrics::outbox(&end.outbox))?;
    }
    out.line(format!("\nfingerprint {:016x} · exit {}", outcome.fingerprint, exit.code()))?;
    Ok(exit)
}

fn chosen(registry: &Registry, args: &Explain) -> Result<Run, Failure> {
    match args.seed {
        Some(_) if Path::new(&args.run).is_file() => {
            Err(Failure::Usage(format!("{} is a file, which has no seed: leave --seed out", args.run)))
        }
        Some(seed) => select::of_seed(registry, &args.run, seed, &args.profile),
        None if select::is_file_name(&args.run) => {
            let path = Path::new(&args.run);
            select::of_story(registry, path, select::story(registry, path)?, args.system.as_deref())
        }
        None => match registry.find(&args.run) {
            Ok(_) => Err(Failure::Usage(format!("which run of {}? say --seed N", args.run))),
            Err(unknown) => Err(Failure::unknown(&args.run, &unknown)),
        },
    }
}

/// What a single run amounts to.
pub fn exit_of(outcome: &Outcome) -> Exit {
    let broken = if outcome.violations.is_empty() { Exit::Held } else { Exit::Broken };
    if outcome.mistake.is_some() { Exit::Usage } else { broken }
}

fn deviations(run: &Run, outcome: &Outcome, out: &mut Out) -> Result<(), Failure> {
    out.line("\nwhat was not polite")?;
    let names = words::names(&run.scenario, &run.subject.facts());
    if outcome.deviations.is_empty() && run.scenario.schedule.is_empty() {
        out.line("  nothing: every message arrived in time and in order")?;
    }
    // A replayed run makes no choice of an interference: it stands in the schedule.
    let came =
        |deviation: &&Deviation| matches!(deviation.fate, Fate::During(..)) && !outcome.unused.contains(deviation);
    let planned = run.scenario.schedule.iter().filter(came).filter(|one| !outcome.deviations.contains(one));
    for deviation in planned.chain(&outcome.deviations) {
        out.line(format!("  {}", words::deviation(&names, deviation)))?;
    }
    for deviation in &outcome.unused {
        out.line(format!("  {} (never came up)", words::deviation(&names, deviation)))?;
    }
    Ok(())
}

fn told(run: &Run, outcome: &Outcome, out: &mut Out) -> Result<(), Failure> {
    let Some(end) = &outcome.end else { return Ok(()) };
    out.line("\nwhat users were told")?;
    for (id, told, verdict) in &end.ops {
        let words: Vec<String> = told.iter().map(|(at, word)| format!("{} ({at})", word.name())).collect();
        let verdict = verdict.map(|verdict| format!(" · server: {}", words::verdict(&run.scenario, &verdict)));
        if !words.is_empty() || verdict.is_some() {
            let words = if words.is_empty() { "nothing".into() } else { words.join(", ") };
            out.line(format!("  {}: {words}{}", run.scenario.op_name(*id), verdict.unwrap_or_default()))?;
        }
    }
    Ok(())
}

fn broken(outcome: &Outcome, out: &mut Out) -> Result<(), Failure> {
    if outcome.violations.is_empty() {
        out.line("\nall promises held")?;
    } else {
        out.line("\nbroken promises")?;
    }
    for violation in &outcome.violations {
        out.line(format!("  ✗ {} (at {})", words::violation(violation), violation.at))?;
    }
    if let Some(text) = &outcome.mistake {
        out.line(format!("\na mistake in the model of the system, not in the system: {text}"))?;
    }
    Ok(())
}

fn value(run: &Run, outcome: &Outcome, steps: bool) -> Value {
    let facts = run.subject.facts();
    let mut value = values::outcome(&run.scenario, &facts, outcome);
    let lines: Vec<Value> = lines::lines(&run.scenario, &facts, outcome, steps)
        .iter()
        .map(|line| {
            let cells: serde_json::Map<String, Value> = line
                .cells
                .iter()
                .map(|(node, pieces)| {
                    let texts: Vec<&str> = pieces.iter().map(|piece| piece.text.as_str()).collect();
                    (run.scenario.node_name(*node).to_string(), json!(texts))
                })
                .collect();
            let message = line.arrow.map(|arrow| {
                let (from, to) = (run.scenario.node_name(arrow.from), run.scenario.node_name(arrow.to));
                json!({ "from": from, "to": to, "lost": arrow.lost })
            });
            json!({ "at_us": line.at.0, "phase": line.banner, "nodes": cells, "message": message, "broke": line.broke })
        })
        .collect();
    let told: serde_json::Map<String, Value> = outcome
        .end
        .iter()
        .flat_map(|end| &end.ops)
        .map(|(id, told, verdict)| {
            let words: Vec<&str> = told.iter().map(|(_, word)| word.name()).collect();
            let verdict = verdict.map(|verdict| words::verdict(&run.scenario, &verdict));
            (run.scenario.op_name(*id), json!({ "told": words, "decided": verdict }))
        })
        .collect();
    value["run"] = json!(run.title);
    value["system"] = json!(Subject::name(&*run.subject));
    value["ops"] = Value::Object(told);
    value["lines"] = Value::Array(lines);
    value
}
