//! `squall canaries`: how soon each bug of the catalogue is found when it is planted, and how short its story gets.
//!
//! Each is hunted in several disjoint ranges of seeds. Nothing is made easy for one of them: all are hunted under one
//! profile, with the days that their domain invents for everybody.

use super::args::Canaries;
use super::builtin::{self, Canary};
use super::canary_rows::{self as rows, Row};
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt::Stop;
use super::output::Out;
use super::registry::Registry;
use super::stopwatch::{Stopwatch, rate};
use super::{progress, select};
use crate::campaign::{Hunt, Quarry, Size, Tale, hunt, in_parallel, shortest};
use crate::explore::Profile;
use crate::harness::{Luck, Subject, Systems};
use crate::report::words;
use crate::scenario::{Expectation, Found, Story, nearest, saving, write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The invariant that needs each run with wrong clocks to be done once more with true ones.
const CLOCKS: &str = "clock-irrelevant";
/// Where the next range of seeds begins.
const APART: u64 = 1_000_000;
/// Steps of a story whose size the catalogue leaves open.
const STEPS: u32 = 8;

/// A canary ready to be hunted.
struct Prey {
    canary: &'static Canary,
    quarry: Quarry,
    budget: u64,
}

/// Runs the command.
pub fn canaries(registry: &Registry, args: &Canaries, out: &mut Out) -> Result<Exit, Failure> {
    listed(registry, args, &Stop::listen()?, out)
}

/// The same with something else to stop it.
pub fn listed(registry: &Registry, args: &Canaries, stop: &Stop, out: &mut Out) -> Result<Exit, Failure> {
    super::program::needs_engine(registry, "canaries are bugs planted in squall's own systems")?;
    let profile = select::profile(&args.profile)?;
    let preys: Vec<Prey> = chosen(&args.ids)?
        .into_iter()
        .map(|canary| {
            let budget = args.budget.unwrap_or(canary.budget());
            Ok(Prey { canary, quarry: quarry(registry, canary)?, budget })
        })
        .collect::<Result<_, Failure>>()?;
    let threads = args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    if !out.is_json() {
        rows::head(preys.len(), args.ranges, &profile.to_string(), threads, out)?;
    }
    let clock = Stopwatch::start();
    let mut found = search(&preys, &profile, args, threads, stop);
    let mut failures = Vec::new();
    if let Some(folder) = &args.save {
        for (row, tale) in &mut found {
            let Some(tale) = tale else { continue };
            match save(registry, folder, row.canary, &profile, tale) {
                Ok(path) => row.saved = Some(path),
                Err(failure) => failures.push(failure),
            }
        }
    }
    let rows: Vec<Row> = found.into_iter().map(|(row, _)| row).collect();
    let mut exit = if rows.iter().any(Row::is_missed) { Exit::Broken } else { Exit::Held };
    if !failures.is_empty() {
        exit = exit.and(Exit::Usage);
    }
    if stop.was_interrupted() {
        exit = exit.and(Exit::Interrupted);
    }
    let shown = if out.is_json() {
        out.json(&rows::value(&rows, &profile.to_string(), clock.seconds()))
    } else {
        rows::show(&rows, preys.len(), exit, clock.seconds(), out)
    };
    for failure in failures {
        failure.complain(out.color_errors);
    }
    shown.map(|()| exit)
}

/// The canaries that begin as the user wrote, in the catalogue's order; all if nothing was written.
fn chosen(ids: &[String]) -> Result<Vec<&'static Canary>, Failure> {
    let all = builtin::canaries();
    let named = |canary: &Canary, id: &str| {
        let rest = canary.id.strip_prefix(id);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-') || id.contains('-'))
    };
    for id in ids {
        if !all.iter().any(|canary| named(canary, id)) {
            let near = nearest(id, all.iter().map(|canary| canary.id));
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return Err(Failure::Usage(format!("unknown canary `{id}`{near}\n`squall list canaries` names them all")));
        }
    }
    Ok(all.iter().filter(|canary| ids.is_empty() || ids.iter().any(|id| named(canary, id))).collect())
}

fn quarry(registry: &Registry, canary: &Canary) -> Result<Quarry, Failure> {
    let domain = select::domain(registry, canary.domain)?;
    let find = |name: &str| match canary.invariant {
        CLOCKS => select::system_on(registry, name, domain),
        _ => registry.find_on(name, domain).map_err(|unknown| Failure::unknown(name, &unknown)),
    };
    let repaired = match canary.companions {
        [] => None,
        _ => Some(find(&canary.repaired())?),
    };
    let quarry =
        Quarry { flawed: find(&canary.system())?, repaired, sound: find(canary.base)?, invariant: canary.invariant };
    Ok(quarry)
}

/// Hunts every canary in every range, then tells the shortest story of each; leaves out whose hunt was stopped.
fn search(preys: &[Prey], profile: &Profile, args: &Canaries, threads: usize, stop: &Stop) -> Vec<(Row, Option<Tale>)> {
    let ranges = usize::from(args.ranges);
    let bar = progress::hunts((preys.len() * (ranges + 1)) as u64);
    let (clock, runs) = (Stopwatch::start(), AtomicU64::new(0));
    let done = |more: u64| {
        let runs = runs.fetch_add(more, Ordering::Relaxed) + more;
        bar.set_message(format!("{} runs a second", words::thousands(rate(runs, clock.seconds()))));
        bar.inc(1);
    };
    let hunts: Vec<(Hunt, f64)> = in_parallel(threads, preys.len() * ranges, &|n| {
        let (prey, clock) = (&preys[n / ranges], Stopwatch::start());
        let hunt = hunt(&prey.quarry, profile, seeds(n % ranges, prey.budget), &stop.flag);
        done(hunt.runs);
        (hunt, clock.seconds())
    });
    let told = in_parallel(threads, preys.len(), &|n| {
        let prey = &preys[n];
        let tale = story(prey, profile, &hunts[n * ranges..][..ranges], usize::from(args.stories), stop);
        done(0);
        tale
    });
    bar.finish_and_clear();
    let each = preys.iter().zip(hunts.chunks(ranges)).zip(told);
    let ended = |prey: &Prey, (hunt, _): &(Hunt, f64)| hunt.seed.is_some() || hunt.runs == prey.budget;
    let whole = each.filter(|((prey, hunts), _)| hunts.iter().all(|hunt| ended(prey, hunt)));
    whole.map(|((prey, hunts), tale)| (Row::of(prey.canary, prey.budget, hunts, tale.as_ref()), tale)).collect()
}

fn seeds(range: usize, budget: u64) -> Range<u64> {
    let from = range as u64 * APART;
    from..from + budget
}

/// The shortest story of the first run found in each range, and of those after it, until one is as short as the
/// catalogue's.
fn story(prey: &Prey, profile: &Profile, hunts: &[(Hunt, f64)], most: usize, stop: &Stop) -> Option<Tale> {
    let firsts: Vec<u64> = hunts.iter().filter_map(|(hunt, _)| hunt.seed).collect();
    let later = firsts.iter().enumerate().flat_map(|(n, first)| {
        let mut from = *first + 1;
        let until = seeds(n, prey.budget).end.max(from);
        std::iter::from_fn(move || {
            let seed = hunt(&prey.quarry, profile, from..until, &stop.flag).seed?;
            from = seed + 1;
            Some(seed)
        })
    });
    let (devices, steps, faults) = prey.canary.size.unwrap_or((3, STEPS, u32::from(prey.canary.faulty)));
    let listed = Size { faults, devices, steps };
    shortest(&prey.quarry, profile, firsts.iter().copied().chain(later).take(most), listed, &stop.flag)
}

/// Keeps a story with its ends on the flawed system, on the repaired one and on the sound one.
fn save(
    registry: &Registry,
    folder: &Path,
    canary: &Canary,
    profile: &Profile,
    tale: &Tale,
) -> Result<std::path::PathBuf, Failure> {
    let (system, repaired) = (canary.system(), canary.repaired());
    let ended = |name: &str| -> Result<(Arc<dyn Subject>, Expectation), Failure> {
        let subject = select::system_on(registry, name, tale.scenario.domain)?;
        let outcome = subject.run(&tale.scenario, Luck::Replay, false);
        let mut violates: Vec<String> = Vec::new();
        for violation in &outcome.violations {
            if !violates.iter().any(|known| known == violation.invariant) {
                violates.push(violation.invariant.to_string());
            }
        }
        let all = tale.scenario.schedule.len();
        let vacuous = all > 0 && outcome.unused.len() == all;
        let holds = violates.is_empty();
        let expected =
            Expectation { system: name.into(), holds, violates, only: !holds, vacuous, ..Expectation::default() };
        Ok((subject, expected))
    };
    let (knob, value) = canary.flaw;
    let flawed = Expectation {
        system: system.clone(),
        violates: vec![canary.invariant.into()],
        note: Some(format!("{knob} = {value}: {}", tale.violation.text)),
        ..Expectation::default()
    };
    let (subject, sound) = ended(canary.base)?;
    let mut expect = vec![flawed];
    if repaired != canary.base {
        expect.push(ended(&repaired)?.1);
    }
    expect.push(sound);
    let row = canary.id.split('-').next().unwrap_or(canary.id);
    let story = Story {
        title: format!("{row}: {}", canary.mechanism),
        about: None,
        scenario: tale.scenario.clone(),
        channels: subject.facts().channels,
        expect,
        found: Some(Found { system, seed: tale.seed, profile: profile.to_string() }),
    };
    Ok(saving::replace(folder, &format!("{}.json", canary.id), &write(&story))?)
}

#[cfg(test)]
mod tests {
    use super::super::args::{Cli, Command};
    use super::super::output::Format;
    use super::super::tests::Page;
    use super::*;
    use clap::Parser;

    /// What the command prints about two canaries that are found at once, and how it ends.
    fn hunted(budget: &str, more: &[&str]) -> (String, Exit) {
        let wanted =
            ["B01", "C08"].map(|row| builtin::canaries().iter().find(|one| one.id.starts_with(row)).unwrap().id);
        let few = ["--budget", budget, "--ranges", "2", "--stories", "1"];
        let cli = Cli::try_parse_from([&["squall", "canaries"], &wanted[..], &few, more].concat()).unwrap();
        let Command::Canaries(args) = &cli.command else { panic!("another command was parsed") };
        let page = Page::default();
        let mut out = Out::onto(Box::new(page.clone()), cli.format);
        let exit = listed(&Registry::builtin(), args, &Stop::default(), &mut out).unwrap();
        (page.text(), exit)
    }

    #[test]
    fn canaries_are_found_alike_on_any_number_of_threads_and_their_stories_replay() {
        let folder = tempfile::tempdir().unwrap();
        let save = folder.path().to_str().unwrap();
        let (text, exit) = hunted("60", &["--format", "json", "-j", "2", "--save", save]);
        assert_eq!(exit, Exit::Held, "{text}");
        let facts = |text: &str| -> Vec<serde_json::Value> {
            let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
            let rows = value["canaries"].as_array_mut().unwrap();
            rows.iter_mut().for_each(|row| row["seconds_median"] = 0.into());
            std::mem::take(rows)
        };
        assert_eq!(facts(&text), facts(&hunted("60", &["--format", "json", "-j", "1", "--save", save]).0));
        let mut out = Out::onto(Box::new(Page::default()), Format::Text);
        let replay = super::super::args::Replay { paths: vec![folder.path().into()], vacuous: false };
        assert_eq!(super::super::replay::replay(&Registry::builtin(), &replay, &mut out).unwrap(), Exit::Held);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn with_one_run_in_each_range_a_canary_is_missed() {
        let (text, exit) = hunted("1", &[]);
        assert_eq!(exit, Exit::Broken, "{text}");
        assert!(text.contains("MISSED") && text.contains(">1"), "{text}");
    }

    #[test]
    fn a_hunt_that_was_stopped_misses_nothing_and_says_that_it_was_stopped() {
        let cli = Cli::try_parse_from(["squall", "canaries", builtin::canaries()[0].id]).unwrap();
        let Command::Canaries(args) = &cli.command else { panic!("another command was parsed") };
        let (page, stop) = (Page::default(), Stop::default());
        stop.flag.store(true, Ordering::Relaxed);
        let mut out = Out::onto(Box::new(page.clone()), Format::Text);
        assert_eq!(listed(&Registry::builtin(), args, &stop, &mut out).unwrap(), Exit::Held);
        assert!(page.text().contains("0 of 0 caught · 1 not hunted to the end"), "{}", page.text());
    }

    fn ids(written: &[&str]) -> Vec<&'static str> {
        let written: Vec<String> = written.iter().map(|id| id.to_string()).collect();
        chosen(&written).unwrap().into_iter().map(|canary| canary.id).collect()
    }

    #[test]
    fn a_canary_goes_by_its_row_by_its_id_or_by_how_that_begins() {
        assert_eq!(ids(&[]).len(), builtin::canaries().len());
        let first = builtin::canaries()[0].id;
        assert_eq!(ids(&[&first[..3]]), [first]);
        assert_eq!(ids(&[first, &first[..5]]), [first]);
    }

    #[test]
    fn an_unknown_canary_is_answered_with_the_nearest() {
        let first = builtin::canaries()[0].id;
        let error = chosen(&[format!("{first}x")]).unwrap_err().message(false).unwrap();
        assert!(error.contains(&format!("did you mean `{first}`?")), "{error}");
    }

    #[test]
    fn ranges_of_seeds_are_disjoint() {
        assert_eq!((seeds(0, 20_000), seeds(2, 1_000)), (0..20_000, 2_000_000..2_001_000));
    }
}
