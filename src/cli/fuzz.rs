//! `squall fuzz`: a campaign of random days, its findings shrunk, shown, and saved.

use super::args::Fuzz;
use super::exit::Exit;
use super::failure::Failure;
use super::findings::{self, Known};
use super::interrupt::Stop;
use super::output::Out;
use super::progress;
use super::registry::Registry;
use super::select;
use super::stopwatch::{Stopwatch, rate};
use crate::campaign::{Breadth, Campaign, Finding, Report, Vacuity, Verdict, vacuity};
use crate::explore::{Profile, generate};
use crate::harness::Subject;
use crate::report::words::{self, plural, thousands};
use crate::report::{divergence, json as values, metrics};
use crate::scenario::Saved;
use crate::sim::choice::FAULTS;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Seeds that no time limit reaches.
const ENDLESS: u64 = 1 << 48;

/// A finding with what became of it.
struct Kept<'a> {
    finding: &'a Finding,
    known: bool,
    saved: Result<Saved, Failure>,
}

/// A campaign that is over.
struct Done<'a> {
    report: &'a Report,
    profile: &'a Profile,
    subject: &'a Arc<dyn Subject>,
    kept: &'a [Kept<'a>],
    vacuity: &'a Vacuity,
}

/// Runs the command.
pub fn fuzz(registry: &Registry, args: &Fuzz, out: &mut Out) -> Result<Exit, Failure> {
    campaign(registry, args, &Stop::listen()?, out)
}

/// The same with something else to stop it.
pub fn campaign(registry: &Registry, args: &Fuzz, stop: &Stop, out: &mut Out) -> Result<Exit, Failure> {
    let system = args.system.clone().unwrap_or_else(|| registry.first());
    let subject = select::system(registry, &system)?;
    let profile = select::profile(&args.profile)?;
    let known = match &args.known {
        Some(folder) => Known::read(registry, folder, &system)?,
        None => Known::default(),
    };
    let seeds = if args.time.is_some() { 0..ENDLESS } else { args.seeds.clone() };
    let threads = args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let range = match args.time {
        Some(span) => format!("seeds from 0 for {span}"),
        None => format!("seeds {}..{}", seeds.start, seeds.end),
    };
    if !out.is_json() {
        let version = env!("CARGO_PKG_VERSION");
        let threads = plural(threads as u64, "thread");
        out.line(format!("squall {version} · {} · profile {} · {range} · {threads}", system, profile))?;
        for (name, value) in profile.describe() {
            out.line(format!("   {name:<34} {value}"))?;
        }
    }
    let clock = Stopwatch::start();
    let bar = progress::bar(args.time.is_none().then_some(seeds.end - seeds.start));
    let limit = args.time.map(|span| stop.after(span));
    let campaign = Campaign {
        threads,
        stop: stop.flag.clone(),
        stop_after: args.stop_after,
        breadth: if args.every_story { Breadth::EveryStory } else { Breadth::OneStory },
        ..Campaign::new(subject.clone(), profile, seeds)
    };
    let mut report = campaign.run(&|now| {
        bar.set_position(now.runs);
        bar.set_message(match now.shrunk {
            (_, 0) => format!("{} broke a promise", plural(now.failed, "run")),
            (done, of) => format!("shrinking {done} of {of}"),
        });
    });
    drop(limit);
    bar.finish_and_clear();
    report.seconds = clock.seconds();
    // What was found is safe before anything else of the system is asked.
    let kept: Vec<Kept<'_>> = report
        .findings
        .iter()
        .map(|finding| Kept {
            finding,
            known: known.holds(finding),
            saved: findings::save(&args.save, &subject, &system, &report.profile, finding),
        })
        .collect();
    let vacuity = vacuity(&report, &profile, &*subject);
    let mut exit = exit_of(&report, &kept, &vacuity);
    if stop.was_interrupted() {
        exit = exit.and(Exit::Interrupted);
    }
    let done = Done { report: &report, profile: &profile, subject: &subject, kept: &kept, vacuity: &vacuity };
    let shown = match out.is_json() {
        true => out.json(&value(&done)),
        false => show(registry, &done, exit, out),
    };
    for one in kept {
        if let Err(failure) = one.saved {
            failure.complain(out.color_errors);
        }
    }
    shown.map(|()| exit)
}

fn exit_of(report: &Report, kept: &[Kept<'_>], vacuity: &Vacuity) -> Exit {
    let when = |is: bool, exit: Exit| if is { exit } else { Exit::Held };
    when(!report.mistakes.is_empty() || vacuity.mistake.is_some(), Exit::Bug)
        .and(when(!report.model_mistakes.is_empty(), Exit::Usage))
        .and(when(kept.iter().any(|one| one.saved.is_err()), Exit::Usage))
        .and(when(report.nondeterministic.is_some(), Exit::NotDeterministic))
        .and(when(kept.iter().any(|one| !one.known), Exit::Broken))
        .and(when(report.failed > 0 && kept.is_empty(), Exit::Broken))
        .and(when(vacuity.verdict == Verdict::Vacuous, Exit::Vacuous))
}

fn show(registry: &Registry, done: &Done<'_>, exit: Exit, out: &mut Out) -> Result<(), Failure> {
    let Done { report, profile, subject, kept, vacuity } = *done;
    out.line(format!(
        "{} in {:.1} s ({} a second){} · {} · {} broke a promise",
        plural(report.runs, "run"),
        report.seconds,
        thousands(rate(report.runs, report.seconds)),
        if report.stopped { ", ended early" } else { "" },
        plural(kept.len() as u64, "finding"),
        thousands(report.failed)
    ))?;
    mistakes(report, vacuity, out)?;
    for (number, one) in kept.iter().enumerate() {
        let place = one.saved.as_ref().ok();
        out.line("")?;
        let (number, runs) = (number + 1, report.runs);
        let shown = findings::Shown { number, finding: one.finding, known: one.known, saved: place, runs };
        findings::show(registry, &shown, subject, out)?;
    }
    out.line("\nfigures over all runs")?;
    out.print(&metrics::text(&report.metrics))?;
    out.line("")?;
    coverage(report, subject, vacuity, out)?;
    if let Some(unstable) = &report.nondeterministic {
        out.line(format!(
            "NOT DETERMINISTIC: seed {} gave {:016x} and then {:016x}",
            unstable.seed, unstable.first, unstable.second
        ))?;
        let (scenario, _) = generate(subject.domain(), profile, unstable.seed);
        out.print(&divergence::text(&scenario, &subject.facts(), unstable.divergence.as_deref()))?;
    }
    if report.failed > 0 && kept.is_empty() {
        out.line("runs broke promises, but none was shrunk to a story before the end")?;
    }
    let known = kept.iter().filter(|one| one.known).count();
    let known = if known > 0 { format!(", {known} of them known") } else { String::new() };
    let findings = plural(kept.len() as u64, "finding");
    out.line(format!("digest {:032x} · exit {}: {findings}{known}", report.digest, exit.code()))
}

/// What is wrong with the model of the system, and with squall.
fn mistakes(report: &Report, vacuity: &Vacuity, out: &mut Out) -> Result<(), Failure> {
    if !report.model_mistakes.is_empty() {
        out.line("mistakes in the model of the system, which holds something else than it reports")?;
    }
    for (seed, text) in &report.model_mistakes {
        out.line(format!("   seed {seed}: {text}"))?;
    }
    let mistakes: Vec<&(u64, String)> = report.mistakes.iter().chain(&vacuity.mistake).collect();
    if !mistakes.is_empty() {
        out.line("bugs of squall, or of an invariant or a generator of your own")?;
    }
    for (seed, text) in mistakes {
        out.line(format!("   seed {seed}: {text}"))?;
    }
    Ok(())
}

/// What the campaign reached, and what it never did.
fn coverage(report: &Report, subject: &Arc<dyn Subject>, vacuity: &Vacuity, out: &mut Out) -> Result<(), Failure> {
    let never =
        |names: &[&str]| if names.is_empty() { String::new() } else { format!("   never: {}", names.join(", ")) };
    let facts = subject.facts();
    let possible = facts.goals.len() - facts.out_of_reach.count_ones() as usize;
    let reached = possible - vacuity.goals_never.len();
    out.line(format!("goals reached {reached} of {possible}{}", never(&vacuity.goals_never)))?;
    let fired = report.faults.iter().filter(|n| **n > 0).count();
    let faults = fired + vacuity.faults_never.len();
    out.line(format!("faults fired {fired} of {faults}{}", never(&vacuity.faults_never)))?;
    let applicable = subject.invariants().len() - vacuity.not_applicable.len();
    let exercised = applicable - vacuity.invariants_never.len();
    out.line(format!("invariants exercised {exercised} of {applicable}{}", never(&vacuity.invariants_never)))?;
    for (name, why) in &vacuity.not_applicable {
        out.line(format!("   not checked: {name} ({why})"))?;
    }
    silence(report, vacuity, out)?;
    if vacuity.empty {
        let place = words::where_ops_go(&subject.facts());
        out.line(format!("VACUOUS: no op ever reached {place}, so nothing was tested"))?;
    } else if vacuity.verdict == Verdict::Vacuous {
        out.line("VACUOUS: what is listed as `never` was not tested in all these runs")?;
    } else if vacuity.verdict == Verdict::TooFewRuns {
        out.line("note: too few runs to say whether what is listed as `never` can happen (1,000 are enough)")?;
    }
    Ok(())
}

/// Ops, messages and devices that the system was silent about; nothing is said where it was about none.
fn silence(report: &Report, vacuity: &Vacuity, out: &mut Out) -> Result<(), Failure> {
    let heard = &report.heard;
    let mut line = |what: &str, of: u64, silent: &[&str]| match silent {
        [] => Ok(()),
        _ => {
            let (of, never) = (of.count_ones(), silent.join(", "));
            out.line(format!("{what} {} of {of}   never: {never}", of as usize - silent.len()))
        }
    };
    let devices: Vec<&str> = vacuity.devices_never_sent.iter().map(String::as_str).collect();
    line("verbs answered", heard.verbs_done, &vacuity.ops_never_answered)?;
    line("channels answered", heard.channels_used, &vacuity.messages_never_answered)?;
    line("devices that sent something", heard.devices_used, &devices)
}

fn value(done: &Done<'_>) -> Value {
    let Done { report, profile, subject, kept, vacuity } = *done;
    let facts = subject.facts();
    let goals: Map<String, Value> = facts
        .goals
        .iter()
        .enumerate()
        .map(|(n, goal)| (goal.to_string(), json!(report.goals.get(n).copied().unwrap_or(0))))
        .collect();
    let faults: Map<String, Value> =
        FAULTS.iter().zip(report.faults).map(|((_, name, _), n)| (name.to_string(), json!(n))).collect();
    let exercised: Map<String, Value> = subject
        .invariants()
        .iter()
        .enumerate()
        .map(|(n, invariant)| {
            let unchecked = vacuity.not_applicable.iter().find(|(name, _)| *name == invariant.name());
            let value = match unchecked {
                Some((_, why)) => json!({ "not_checked": why }),
                None => json!(report.exercised >> n & 1 == 1),
            };
            (invariant.name().to_string(), value)
        })
        .collect();
    let settings: Map<String, Value> =
        profile.describe().into_iter().map(|(name, value)| (name, json!(value))).collect();
    let findings: Vec<Value> = kept
        .iter()
        .map(|one| {
            let mut value = findings::value(one.finding);
            value["known"] = json!(one.known);
            value["scenario"] = json!(one.saved.as_ref().ok().map(|saved| saved.path().display().to_string()));
            value
        })
        .collect();
    let verdict = match vacuity.verdict {
        Verdict::Enough => "enough",
        Verdict::TooFewRuns => "too few runs",
        Verdict::Vacuous => "vacuous",
    };
    json!({
        "system": report.system,
        "profile": report.profile,
        "profile_settings": settings,
        "seeds": [report.seeds.start, report.seeds.start + report.runs],
        "runs": report.runs,
        "runs_broken": report.failed,
        "stopped": report.stopped,
        "seconds": report.seconds,
        "runs_per_second": rate(report.runs, report.seconds),
        "events": report.events,
        "digest": format!("{:032x}", report.digest),
        "goals": goals,
        "faults_fired": faults,
        "exercised": exercised,
        "coverage": verdict,
        "metrics": values::metrics(&report.metrics),
        "ops_never_answered": vacuity.ops_never_answered,
        "messages_never_answered": vacuity.messages_never_answered,
        "devices_never_sent": vacuity.devices_never_sent,
        "nondeterministic": report.nondeterministic.as_ref().map(|unstable| unstable.seed),
        "divergence": report.nondeterministic.as_ref().map(|unstable| {
            let (scenario, _) = generate(subject.domain(), profile, unstable.seed);
            divergence::value(&scenario, &facts, unstable.divergence.as_deref())
        }),
        "model_mistakes": listed(&report.model_mistakes),
        "mistakes": listed(report.mistakes.iter().chain(&vacuity.mistake)),
        "findings": findings,
    })
}

/// Mistakes for programs.
pub fn listed<'a>(mistakes: impl IntoIterator<Item = &'a (u64, String)>) -> Vec<Value> {
    mistakes.into_iter().map(|(seed, text)| json!({ "seed": seed, "text": text })).collect()
}
