//! `squall shrink`: the smallest scenario that still breaks the same promise.

use super::args::Shrink;
use super::exit::Exit;
use super::failure::{self, Failure};
use super::output::Out;
use super::registry::Registry;
use super::replay::quoted;
use super::select;
use crate::explore;
use crate::invariants::Violation;
use crate::report::{Style, table, words};
use crate::scenario::{Expectation, Story, nearest, saving, write};
use serde_json::json;

/// Runs the command.
pub fn shrink(registry: &Registry, args: &Shrink, out: &mut Out) -> Result<Exit, Failure> {
    let story = select::story(registry, &args.file)?;
    let run = select::of_story(registry, &args.file, story, args.system.as_deref())?;
    let outcome = run.recorded();
    let wanted = args.invariant.as_deref();
    if let Some(name) = wanted {
        let known = select::invariant_names(registry);
        if !known.contains(&name) {
            let hint = nearest(name, known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return Err(Failure::Usage(format!("unknown invariant `{name}`{hint}")));
        }
    }
    // A story is about the promise that it says it breaks.
    let expected = run.story.iter().flat_map(|story| &story.expect).filter(|one| one.system == run.subject.name());
    let mut named = expected.flat_map(|one| &one.violates);
    let about = named.find_map(|name| outcome.violations.iter().find(|broke| broke.invariant == name));
    let fits = |one: &&Violation| wanted.is_none_or(|name| name == one.invariant);
    let Some(violation) = about.filter(fits).or_else(|| outcome.violations.iter().find(fits)) else {
        let what = wanted.map_or_else(|| "breaks no promise".to_string(), |name| format!("does not break {name}"));
        return Err(Failure::Usage(format!("{} {what}, so there is nothing to shrink", run.title)));
    };
    let identity = violation.identity();
    let Some(shrunk) = explore::shrink(&*run.subject, &run.scenario, identity, args.budget) else {
        let what = format!("{} broke {} once and not again", run.title, identity.invariant);
        failure::to_stderr(&format!("NOT DETERMINISTIC: {what}, so it cannot be shrunk\n"));
        return Ok(Exit::NotDeterministic);
    };
    let facts = run.subject.facts();
    let system = run.subject.name();
    let story = run.story.as_ref();
    let signature = explore::signature(&facts, &shrunk.scenario, &shrunk.violation);
    let smaller = Story {
        title: words::violation(&shrunk.violation),
        about: None,
        channels: facts.channels,
        expect: vec![Expectation {
            system: system.clone(),
            violates: vec![identity.invariant.to_string()],
            ..Expectation::default()
        }],
        found: story.and_then(|story| story.found.clone()),
        scenario: shrunk.scenario.clone(),
    };
    let name = saving::file_name(identity.invariant, &signature);
    let text = write(&smaller);
    let saved = saving::save(&args.save, &name, &text, &|_| false);
    let counts =
        |scenario: &crate::model::Scenario| (scenario.devices.len(), scenario.steps.len(), scenario.schedule.len());
    let (before, after) = (counts(&run.scenario), counts(&shrunk.scenario));
    if out.is_json() {
        let size = |(devices, ops, deviations)| json!({ "devices": devices, "ops": ops, "deviations": deviations });
        out.json(&json!({
            "system": system, "invariant": identity.invariant, "signature": saving::digits(&signature),
            "before": size(before), "after": size(after), "runs": shrunk.runs,
            "saved": saved.as_ref().ok().map(|saved| saved.path().display().to_string()),
            "scenario": serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default(),
        }))?;
    } else {
        out.line(words::violation(&shrunk.violation))?;
        out.line(format!(
            "from {} devices, {} ops, {} deviations to {}, {}, {} in {} runs\n",
            before.0, before.1, before.2, after.0, after.1, after.2, shrunk.runs
        ))?;
        let style = Style { width: out.width, color: out.color, steps: false };
        out.print(&table(&shrunk.scenario, &facts, &shrunk.outcome, style))?;
        if let Ok(saved) = &saved {
            let path = saved.path().display().to_string();
            out.line(format!(
                "\n   saved as     {path}\n   again        {} explain {}",
                registry.command(),
                quoted(&path)
            ))?;
        }
    }
    saved.map(|_| Exit::Broken).map_err(Failure::from)
}
