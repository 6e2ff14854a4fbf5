//! `squall compare`: several systems on the same days, what each breaks and what users feel.
//!
//! A plain comparison is one group of systems, a sweep one group for each value, an ablation two groups; see
//! [`super::ablate`]. Each group is run by [`Comparison`], and the tables show all groups below each other.

use super::ablate;
use super::args::Compare;
use super::exit::Exit;
use super::failure::Failure;
use super::findings;
use super::fuzz;
use super::interrupt::Stop;
use super::output::Out;
use super::progress;
use super::registry::Registry;
use super::select;
use super::stopwatch::{Stopwatch, rate};
use crate::campaign::{Compared, Comparison, Fixed, Standing, Verdict, vacuity};
use crate::explore::{Profile, generate};
use crate::harness::Subject;
use crate::report::divergence;
use crate::report::standing::{self, Named, Shape};
use crate::report::words::{self, plural, thousands};
use crate::scenario::{Saved, nearest};
use serde_json::{Value, json};
use std::sync::Arc;

/// Systems that are held against the first of them.
pub struct Group {
    /// What its rows have in common, if that has a name.
    pub title: Option<String>,
    /// The name of each row and its system.
    pub systems: Vec<(String, Arc<dyn Subject>)>,
    /// Where its days come from.
    pub profile: Profile,
    /// Odds that hold on every day.
    pub fixed: Fixed,
}

/// A group and what it came to.
pub struct Done {
    /// The group.
    pub group: Group,
    /// What it came to.
    pub compared: Compared,
    saved: Vec<Vec<Result<Saved, Failure>>>,
}

impl Done {
    /// Its rows by name.
    pub fn rows(&self) -> Vec<Named<'_>> {
        let names = self.group.systems.iter().map(|(name, _)| name.clone());
        names.zip(&self.compared.standings).collect()
    }
}

/// Runs the command.
pub fn compare(registry: &Registry, args: &Compare, out: &mut Out) -> Result<Exit, Failure> {
    comparison(registry, args, &Stop::listen()?, out)
}

/// The same with something else to stop it.
pub fn comparison(registry: &Registry, args: &Compare, stop: &Stop, out: &mut Out) -> Result<Exit, Failure> {
    let profile = select::profile(&args.profile)?;
    let groups = groups(registry, args, profile)?;
    let wanted = wanted(registry, args, &groups)?;
    let threads = args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    if !out.is_json() {
        let (version, seeds) = (env!("CARGO_PKG_VERSION"), &args.seeds);
        out.line(format!(
            "squall {version} · compare · {} · profile {} · seeds {}..{} · {}",
            groups[0].systems[0].1.domain().name,
            profile,
            seeds.start,
            seeds.end,
            plural(threads as u64, "thread")
        ))?;
    }
    let clock = Stopwatch::start();
    let systems: u64 = groups.iter().map(|group| group.systems.len() as u64).sum();
    let bar = progress::bar(Some(systems * (args.seeds.end - args.seeds.start)));
    let (mut before, mut broken) = (0, 0);
    let mut all = Vec::new();
    for group in groups {
        let comparison = Comparison {
            threads,
            fixed: group.fixed,
            stop: stop.flag.clone(),
            ..Comparison::new(
                group.systems.iter().map(|(_, system)| system.clone()).collect(),
                group.profile,
                args.seeds.clone(),
            )
        };
        let mut compared = comparison.run(&|now| {
            bar.set_position(before + now.runs);
            bar.set_message(format!("{} broke a promise", plural(broken + now.failed, "run")));
        });
        if compared.runs == 0 {
            // Interrupted before its first day.
            break;
        }
        before += compared.standings.iter().map(|one| one.report.runs).sum::<u64>();
        broken += compared.standings.iter().map(|one| one.report.failed).sum::<u64>();
        if wanted.any() {
            comparison.tell(&mut compared, &|system, invariant| wanted.has(system, invariant), &|now| {
                bar.set_message(format!("shrinking {} of {}", now.shrunk.0, now.shrunk.1));
            });
        }
        let saved = group.systems.iter().zip(&compared.standings).map(|((_, system), standing)| {
            let name = system.name();
            let findings = standing.report.findings.iter();
            findings.map(|one| findings::save(&args.save, system, &name, &profile.to_string(), one)).collect()
        });
        all.push(Done { saved: saved.collect(), group, compared });
    }
    bar.finish_and_clear();
    let seconds = clock.seconds();
    let mut exit = exit_of(&all);
    if stop.was_interrupted() {
        exit = exit.and(Exit::Interrupted);
    }
    match out.is_json() {
        true => out.json(&value(args, &all, seconds))?,
        false => show(registry, args, &all, seconds, exit, out)?,
    }
    for failure in all.into_iter().flat_map(|done| done.saved).flatten().filter_map(Result::err) {
        failure.complain(out.color_errors);
    }
    Ok(exit)
}

fn groups(registry: &Registry, args: &Compare, profile: Profile) -> Result<Vec<Group>, Failure> {
    let domain = domain_of(registry, args)?;
    if let Some(preset) = &args.ablate {
        super::program::needs_engine(registry, "only presets of squall have fixes to switch")?;
        return ablate::groups(registry, preset, domain, profile);
    }
    let of_domain = registry.all().iter().filter(|system| system.domain().name == domain);
    let names = match args.systems.is_empty() {
        true => of_domain.map(|system| system.name()).collect(),
        false => args.systems.clone(),
    };
    if names.is_empty() {
        return Err(Failure::Usage(format!("no system runs the domain `{domain}`")));
    }
    let Some(sweep) = &args.sweep else {
        let systems = names.iter().map(|name| Ok((name.clone(), system(registry, name, domain)?)));
        let systems = systems.collect::<Result<_, Failure>>()?;
        return Ok(vec![Group { title: None, systems, profile, fixed: Fixed::default() }]);
    };
    let group = |value: &u64| {
        let mut group =
            Group { title: Some(sweep.name(*value)), systems: Vec::new(), profile, fixed: Fixed::default() };
        for base in &names {
            let (name, profile, fixed) = sweep.apply(base, profile, *value);
            (group.profile, group.fixed) = (profile, fixed);
            let row = format!("{} {base}", sweep.name(*value));
            group.systems.push((row, system(registry, &name, domain)?));
        }
        Ok(group)
    };
    sweep.values.iter().map(group).collect()
}

/// The business that is asked for, else that of the first system.
fn domain_of(registry: &Registry, args: &Compare) -> Result<&'static str, Failure> {
    match (&args.domain, args.systems.first()) {
        (Some(name), _) => Ok(select::domain(registry, name)?.name),
        (None, Some(first)) => Ok(select::system(registry, first)?.domain().name),
        (None, None) => Ok(select::system(registry, &registry.first())?.domain().name),
    }
}

/// A system that runs this business.
pub fn system(registry: &Registry, name: &str, domain: &str) -> Result<Arc<dyn Subject>, Failure> {
    let system = select::system(registry, name)?;
    match system.domain().name {
        runs if runs == domain => Ok(system),
        runs => Err(Failure::Usage(format!("{name} runs the domain `{runs}`, not `{domain}`: say so with --domain"))),
    }
}

/// The cells whose stories are wanted.
struct Wanted {
    all: bool,
    cells: Vec<(String, String)>,
}

impl Wanted {
    fn any(&self) -> bool {
        self.all || !self.cells.is_empty()
    }
    fn has(&self, system: &str, invariant: &str) -> bool {
        self.all || self.cells.iter().any(|(of, name)| of == system && name == invariant)
    }
}

fn wanted(registry: &Registry, args: &Compare, groups: &[Group]) -> Result<Wanted, Failure> {
    let invariants = select::invariant_names(registry);
    let cell = |text: &String| {
        let (system, invariant) = text.split_once('/').ok_or_else(|| {
            Failure::Usage(format!(
                "`{text}` is no cell: write SYSTEM/INVARIANT, as in {}/one-effect-per-op",
                registry.first()
            ))
        })?;
        let hint = |name: &str, known: &[&str]| {
            let near = nearest(name, known.iter().copied());
            near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
        };
        if !invariants.contains(&invariant) {
            let hint = hint(invariant, &invariants);
            return Err(Failure::Usage(format!("unknown invariant `{invariant}` in `{text}`{hint}")));
        }
        let systems: Vec<String> =
            groups.iter().flat_map(|group| &group.systems).map(|(_, system)| system.name()).collect();
        let names: Vec<&str> = systems.iter().map(String::as_str).collect();
        if !names.contains(&system) {
            let hint = hint(system, &names);
            return Err(Failure::Usage(format!("`{system}` in `{text}` is none of the systems compared{hint}")));
        }
        Ok((system.to_string(), invariant.to_string()))
    };
    Ok(Wanted { all: args.stories, cells: args.story.iter().map(cell).collect::<Result<_, _>>()? })
}

fn exit_of(all: &[Done]) -> Exit {
    let when = |is: bool, exit: Exit| if is { exit } else { Exit::Held };
    let mut exit = Exit::Held;
    for done in all {
        for ((_, system), Standing { report, .. }) in done.group.systems.iter().zip(&done.compared.standings) {
            let vacuity = vacuity(report, &done.group.profile, &**system);
            // Where odds are fixed, a fault may be off on purpose.
            let untested = vacuity.verdict == Verdict::Vacuous && done.group.fixed == Fixed::default();
            exit = exit
                .and(when(!report.mistakes.is_empty(), Exit::Bug))
                .and(when(!report.model_mistakes.is_empty(), Exit::Usage))
                .and(when(report.nondeterministic.is_some(), Exit::NotDeterministic))
                .and(when(report.failed > 0, Exit::Broken))
                .and(when(vacuity.empty || untested, Exit::Vacuous));
        }
        exit = exit.and(when(done.saved.iter().flatten().any(Result::is_err), Exit::Usage));
    }
    exit
}

fn show(
    registry: &Registry,
    args: &Compare,
    all: &[Done],
    seconds: f64,
    exit: Exit,
    out: &mut Out,
) -> Result<(), Failure> {
    let runs = all.iter().flat_map(|done| &done.compared.standings).map(|one| one.report.runs).sum::<u64>();
    let each = all.iter().map(|done| done.compared.runs).min().unwrap_or(0);
    let early = if all.iter().any(|done| done.compared.stopped) { ", ended early" } else { "" };
    out.line(format!(
        "{} each, same ops, same luck · {} in {seconds:.1} s ({} a second){early}\n",
        plural(each, "run"),
        plural(runs, "run"),
        thousands(rate(runs, seconds))
    ))?;
    if args.ablate.is_some() {
        ablate::show(all, out)?;
    } else {
        let rows: Vec<Named<'_>> = all.iter().flat_map(Done::rows).collect();
        tables(&rows, if args.sweep.is_some() { Shape::Rows } else { Shape::Any }, out)?;
    }
    out.print(&standing::legend(each, out.width))?;
    for done in all {
        for ((_, system), (standing, saved)) in
            done.group.systems.iter().zip(done.compared.standings.iter().zip(&done.saved))
        {
            notes(system, &done.group.profile, standing, out)?;
            for (number, (finding, saved)) in standing.report.findings.iter().zip(saved).enumerate() {
                out.line(format!("\n{} / {}", system.name(), finding.invariant))?;
                let (number, saved, runs) = (number + 1, saved.as_ref().ok(), standing.report.runs);
                let shown = findings::Shown { number, finding, known: false, saved, runs };
                findings::show(registry, &shown, system, out)?;
            }
        }
    }
    out.line(format!("exit {}", exit.code()))
}

/// Both tables.
pub fn tables(rows: &[Named<'_>], shape: Shape, out: &mut Out) -> Result<(), Failure> {
    out.print(&standing::broken(rows, shape, out.width))?;
    out.line("")?;
    out.print(&standing::felt(rows, shape, out.width))?;
    out.line("")
}

/// What makes a row worth less than it looks.
fn notes(system: &Arc<dyn Subject>, profile: &Profile, standing: &Standing, out: &mut Out) -> Result<(), Failure> {
    let report = &standing.report;
    if vacuity(report, profile, &**system).empty {
        let place = words::where_ops_go(&system.facts());
        out.line(format!("VACUOUS: no op of {} ever reached {place}, so nothing was tested", report.system))?;
    }
    if let Some(unstable) = &report.nondeterministic {
        out.line(format!("NOT DETERMINISTIC: {}, seed {}", report.system, unstable.seed))?;
        let (scenario, _) = generate(system.domain(), profile, unstable.seed);
        out.print(&divergence::text(&scenario, &system.facts(), unstable.divergence.as_deref()))?;
    }
    for (seed, mistake) in &report.model_mistakes {
        out.line(format!("a mistake in the model of {}, seed {seed}: {mistake}", report.system))?;
    }
    for (seed, mistake) in &report.mistakes {
        out.line(format!(
            "a bug of squall or of an invariant of your own, on {}, seed {seed}: {mistake}",
            report.system
        ))?;
    }
    Ok(())
}

fn value(args: &Compare, all: &[Done], seconds: f64) -> Value {
    let groups: Vec<Value> = all
        .iter()
        .map(|done| {
            let systems = done.rows().into_iter().zip(&done.saved).map(|((name, standing), saved)| {
                let mut value = standing::value(&name, standing);
                let stories = standing.report.findings.iter().zip(saved).map(|(finding, saved)| {
                    let mut value = findings::value(finding);
                    value["scenario"] = json!(saved.as_ref().ok().map(|saved| saved.path().display().to_string()));
                    value
                });
                value["stories"] = stories.collect();
                value["mistakes"] = fuzz::listed(&standing.report.mistakes).into();
                value["model_mistakes"] = fuzz::listed(&standing.report.model_mistakes).into();
                let unstable = standing.report.nondeterministic.as_ref();
                value["nondeterministic"] = json!(unstable.map(|unstable| unstable.seed));
                value
            });
            json!({
                "group": done.group.title,
                "runs": done.compared.runs,
                "stopped": done.compared.stopped,
                "systems": systems.collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "domain": all.first().map(|done| done.group.systems[0].1.domain().name),
        "profile": args.profile,
        "seeds": [args.seeds.start, args.seeds.end],
        "seconds": seconds,
        "groups": groups,
    })
}
