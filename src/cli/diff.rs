//! `squall diff`: the first event in which two runs differ, and what follows from it.

use super::args::Diff;
use super::exit::Exit;
use super::failure::Failure;
use super::output::Out;
use super::registry::Registry;
use super::select::{self, Run};
use crate::harness::{Outcome, Parting, parting};
use crate::report::lines::{Line, lines};
use crate::report::{Style, layout, words};
use serde_json::{Value, json};

/// Runs the command.
pub fn diff(registry: &Registry, args: &Diff, out: &mut Out) -> Result<Exit, Failure> {
    let runs = [select::run(registry, &args.one, &args.profile)?, select::run(registry, &args.other, &args.profile)?];
    let outcomes = [runs[0].recorded(), runs[1].recorded()];
    let mistaken = outcomes.iter().any(|outcome| outcome.mistake.is_some());
    let parting = parting(&outcomes[0], &outcomes[1]);
    let exit = match parting {
        _ if mistaken => Exit::Usage,
        None => Exit::Held,
        Some(_) => Exit::Broken,
    };
    if out.is_json() {
        out.json(&value(&runs, &outcomes, parting))?;
        return Ok(exit);
    }
    let Some(parting) = parting else {
        out.line(format!("no difference in {} events", outcomes[0].trace.len()))?;
        out.line(format!("fingerprint {:016x} · exit {}", outcomes[0].fingerprint, exit.code()))?;
        return Ok(exit);
    };
    out.line(format!("{} events are the same; the first that differs, at {}:", parting.event, parting.at))?;
    for (run, outcome) in runs.iter().zip(&outcomes) {
        out.line(format!("\n{}", run.title))?;
        let at = outcome.trace.get(parting.event).map(|event| event.at);
        let moment: Vec<Line> =
            told(run, outcome, true).into_iter().filter(|line| at.is_some_and(|at| line.at == at)).collect();
        match at {
            Some(_) => draw(run, &moment, true, out)?,
            None => out.line("  (it has no such event: it ended before)")?,
        }
    }
    out.line("\nwhat follows from it")?;
    for (run, outcome) in runs.iter().zip(&outcomes) {
        out.line(format!("\n{}", run.title))?;
        let rest: Vec<Line> = told(run, outcome, false).into_iter().filter(|line| line.at >= parting.at).collect();
        draw(run, &rest, false, out)?;
    }
    out.line("")?;
    for (run, outcome) in runs.iter().zip(&outcomes) {
        let broken: Vec<&str> = outcome.violations.iter().map(|violation| violation.invariant).collect();
        let broken =
            if broken.is_empty() { "all promises hold".into() } else { format!("breaks {}", broken.join(", ")) };
        out.line(format!("{}: {broken} · fingerprint {:016x}", run.title, outcome.fingerprint))?;
    }
    out.line(format!("exit {}", exit.code()))?;
    Ok(exit)
}

fn told(run: &Run, outcome: &Outcome, steps: bool) -> Vec<Line> {
    lines(&run.scenario, &run.subject.facts(), outcome, steps)
}

fn draw(run: &Run, lines: &[Line], steps: bool, out: &mut Out) -> Result<(), Failure> {
    let mut names = run.scenario.devices.clone();
    if run.subject.facts().server {
        names.push("server".into());
    }
    let style = Style { width: out.width, color: out.color, steps };
    out.print(&layout::render(&names, lines, style))
}

fn value(runs: &[Run; 2], outcomes: &[Outcome; 2], parting: Option<Parting>) -> Value {
    let sides: Vec<Value> = runs
        .iter()
        .zip(outcomes)
        .map(|(run, outcome)| {
            let names = words::names(&run.scenario, &run.subject.facts());
            let event = parting.and_then(|parting| outcome.trace.get(parting.event)).map(|event| {
                json!({
                    "at_us": event.at.0,
                    "node": run.scenario.node_name(event.node),
                    "label": names.label(event.label),
                    "what": format!("{:?}", event.what),
                })
            });
            let broken: Vec<&str> = outcome.violations.iter().map(|violation| violation.invariant).collect();
            json!({
                "run": run.title, "fingerprint": format!("{:016x}", outcome.fingerprint), "event": event,
                "violations": broken,
            })
        })
        .collect();
    json!({ "same": parting.is_none(), "events_in_common": parting.map(|parting| parting.event), "runs": sides })
}
