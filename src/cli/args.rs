//! The arguments: every command, flag and default, with the texts of the help.

use super::exit;
use super::output::{Color, Format};
use super::sweep::Sweep;
use crate::sim::Span;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ops::Range;
use std::path::PathBuf;

/// The whole command line.
#[derive(Parser, Debug)]
#[command(
    name = "squall",
    version,
    about = "Finds the bugs of offline-first sync that only show on bad days",
    long_about = "Finds the bugs of offline-first sync that only show when devices sell offline, the network loses an \
answer, a phone is killed half way and everything retries.\n\nDevices, network and server run in one thread under \
virtual time; the same system, scenario and seed always give the same run. Results go to stdout, progress to stderr.",
    after_help = exit::HELP,
    propagate_version = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Text for people or one JSON value for programs
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
    /// What the nodes of squall's own systems keep their state in; the results are the same
    #[arg(long, global = true, value_name = "STORE", value_parser = super::builtin::stores(), default_value = "memory")]
    pub store: String,
    /// The business that squall's own systems run (see list domains); a scenario file names its own [default: retail]
    #[arg(long, global = true, value_name = "DOMAIN")]
    pub domain: Option<String>,
    /// When to use colours; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
    /// Columns of text output [default: as wide as the terminal, else 100]
    #[arg(long, global = true, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(30..=1000))]
    pub width: Option<u16>,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run scenario files on every system that they name and hold the results against what they expect
    #[command(after_help = "Examples:\n  squall replay\n  squall replay scenarios/retail findings/a-12ab.json\n  \
squall replay --vacuous scenarios")]
    Replay(Replay),
    /// Run a system through many random bad days and shrink what breaks to short stories
    #[command(after_help = "Examples:\n  squall fuzz\n  squall fuzz seri-sound --seeds 0..100000 -j 8\n  squall fuzz \
seri-week-1 --time 30s --known findings --format json")]
    Fuzz(Fuzz),
    /// Run several systems through the same random days: what each breaks, and what users feel
    #[command(
        after_help = "Examples:\n  squall compare\n  squall compare seri-week-1 seri-sound --seeds 0..10000\n  squall \
compare seri-mvp --story seri-mvp/one-effect-per-op\n  squall compare --ablate seri-sound\n  squall compare seri-sound \
--sweep loss=0..30%"
    )]
    Compare(Compare),
    /// Show a run as a table: a column for each device and one for the server
    #[command(after_help = "Examples:\n  squall explain findings/stock-never-negative-7c1e.json\n  squall explain \
seri-2026-01-16 --seed 17 --profile heavy\n  squall explain scenarios/a.json --system seri-sound --steps")]
    Explain(Explain),
    /// Name the first event in which two runs differ, and what follows from it
    #[command(after_help = "A run is a scenario FILE, FILE@SYSTEM or SYSTEM@SEED.\n\nExamples:\n  squall diff \
scenarios/a.json@seri-2026-01-16 scenarios/a.json@seri-sound\n  squall diff seri-sound@17 seri-sound@18")]
    Diff(Diff),
    /// Make a scenario that breaks a promise as small as it gets
    Shrink(Shrink),
    /// Hunt the bugs of the catalogue, each planted on purpose in a sound system, and say how soon each is found
    #[command(
        after_help = "Examples:\n  squall canaries\n  squall canaries B25 C08 --ranges 10\n  squall canaries B25 \
--save scenarios/catalogue"
    )]
    Canaries(Canaries),
    /// List what there is
    List(List),
    /// Print the JSON Schema of scenario files
    Schema,
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  squall completions bash > /etc/bash_completion.d/squall")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Arguments of `replay`.
#[derive(Args, Debug)]
pub struct Replay {
    /// Scenario files, or folders to be searched for them
    #[arg(default_value = "scenarios", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Tell which scenarios would also pass on systems that are broken on purpose
    #[arg(long)]
    pub vacuous: bool,
}

/// Arguments of `fuzz`.
#[derive(Args, Debug)]
pub struct Fuzz {
    /// The system; repairs may follow: seri-week-1+push.idempotency=same-transaction
    #[arg(value_name = "SYSTEM")]
    pub system: Option<String>,
    /// Seeds from A up to, but not including, B
    #[arg(long, value_name = "A..B", default_value = "0..2000", value_parser = seeds)]
    pub seeds: Range<u64>,
    /// Run from seed 0 on for so long (wall time), as in 30s or 5m
    #[arg(long, value_name = "SPAN", conflicts_with = "seeds", value_parser = time)]
    pub time: Option<Span>,
    /// Threads [default: one for each processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// How bad the days are (see list profiles); faults are switched off by name: heavy,no-restore,no-wipe
    #[arg(long, default_value = "default", value_name = "PROFILE")]
    pub profile: String,
    /// Where findings are saved
    #[arg(long, default_value = "findings", value_name = "DIR")]
    pub save: PathBuf,
    /// End once so many runs broke a promise
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub stop_after: Option<u64>,
    /// Tell every different story of every entity, not only the smallest of each promise broken in one way
    #[arg(long)]
    pub every_story: bool,
    /// A folder of findings that are known: exit 1 only for others
    #[arg(long, value_name = "DIR")]
    pub known: Option<PathBuf>,
}

/// Arguments of `compare`.
#[derive(Args, Debug)]
pub struct Compare {
    /// The systems, the first of which the others are held against [default: every one of the domain]
    #[arg(value_name = "SYSTEM")]
    pub systems: Vec<String>,
    /// The business that they run [default: that of the first system]
    #[arg(long, value_name = "DOMAIN")]
    pub domain: Option<String>,
    /// Seeds from A up to, but not including, B
    #[arg(long, value_name = "A..B", default_value = "0..1000", value_parser = seeds)]
    pub seeds: Range<u64>,
    /// Threads [default: one for each processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// How bad the days are (see list profiles); faults are switched off by name: heavy,no-restore,no-wipe
    #[arg(long, default_value = "default", value_name = "PROFILE")]
    pub profile: String,
    /// Switch each recommended fix of a preset off alone, and on alone, and show the cells that it moves
    #[arg(long, value_name = "PRESET", conflicts_with_all = ["systems", "sweep"])]
    pub ablate: Option<String>,
    /// A row for each value: of loss, duplicate, delay (in %), devices, ops, or a knob that is a number
    #[arg(long, value_name = "KEY=A..B[/ROWS]", value_parser = Sweep::parse)]
    pub sweep: Option<Sweep>,
    /// Tell the smallest story of every cell
    #[arg(long, conflicts_with = "sweep")]
    pub stories: bool,
    /// Tell the smallest story of this cell; may be given more than once
    #[arg(long, value_name = "SYSTEM/INVARIANT", conflicts_with = "sweep")]
    pub story: Vec<String>,
    /// Where stories are saved
    #[arg(long, default_value = "findings", value_name = "DIR")]
    pub save: PathBuf,
}

/// Arguments of `explain`.
#[derive(Args, Debug)]
pub struct Explain {
    /// A scenario file, or a system together with --seed
    #[arg(value_name = "FILE|SYSTEM")]
    pub run: String,
    /// Which of a file's systems [default: where it was found, else the first]
    #[arg(long, value_name = "SYSTEM", conflicts_with = "seed")]
    pub system: Option<String>,
    /// The seed of a random run
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The profile that the seed is drawn under
    #[arg(long, default_value = "default", value_name = "PROFILE")]
    pub profile: String,
    /// Show every atomic step, heartbeats and the labels of messages included
    #[arg(long)]
    pub steps: bool,
}

/// Arguments of `diff`.
#[derive(Args, Debug)]
pub struct Diff {
    /// One run
    #[arg(value_name = "RUN")]
    pub one: String,
    /// The other run
    #[arg(value_name = "RUN")]
    pub other: String,
    /// The profile that seeds are drawn under
    #[arg(long, default_value = "default", value_name = "PROFILE")]
    pub profile: String,
}

/// Arguments of `shrink`.
#[derive(Args, Debug)]
pub struct Shrink {
    /// The scenario file
    pub file: PathBuf,
    /// Which of the file's systems [default: where it was found, else the first]
    #[arg(long, value_name = "SYSTEM")]
    pub system: Option<String>,
    /// Which promise must stay broken [default: the first that breaks]
    #[arg(long, value_name = "INVARIANT")]
    pub invariant: Option<String>,
    /// Where the smaller scenario is saved
    #[arg(long, default_value = "findings", value_name = "DIR")]
    pub save: PathBuf,
    /// How many runs may be spent
    #[arg(long, default_value_t = 10_000, value_name = "RUNS")]
    pub budget: u32,
}

/// Arguments of `canaries`.
#[derive(Args, Debug)]
pub struct Canaries {
    /// Which, by their ids or how these begin [default: all]
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// In how many disjoint ranges of seeds each is hunted
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub ranges: u16,
    /// Runs in each range [default: 1,000, and 20,000 for a bug that needs a fault]
    #[arg(long, value_name = "RUNS", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub budget: Option<u64>,
    /// How bad the days are (see list profiles); faults are switched off by name: heavy,no-restore,no-wipe
    #[arg(long, default_value = "default", value_name = "PROFILE")]
    pub profile: String,
    /// Where the shortest story of each is kept, as ID.json; a file of this name is replaced
    #[arg(long, value_name = "DIR")]
    pub save: Option<PathBuf>,
    /// Most failing runs of each that are shrunk, until a story is as short as the catalogue's
    #[arg(long, default_value_t = 24, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub stories: u16,
    /// Threads [default: one for each processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
}

/// Arguments of `list`.
#[derive(Args, Debug)]
pub struct List {
    /// What
    #[arg(value_enum)]
    pub what: Listed,
    /// Where scenarios are looked for
    #[arg(long, default_value = "scenarios", value_name = "DIR")]
    pub folder: PathBuf,
}

/// What can be listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Listed {
    /// Systems that can be run
    Systems,
    /// Businesses that systems run
    Domains,
    /// Promises that are checked
    Invariants,
    /// Faults and what each does
    Faults,
    /// Situations that a campaign should reach
    Goals,
    /// Profiles of random days
    Profiles,
    /// Scenario files with their titles
    Scenarios,
    /// Bugs planted on purpose, with their systems
    Canaries,
}

fn time(text: &str) -> Result<Span, String> {
    match Span::parse(text)? {
        Span::ZERO => Err("a campaign of no time tests nothing".into()),
        span => Ok(span),
    }
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let example = "write two numbers as in 0..2000";
    let (from, to) = text.split_once("..").ok_or(example)?;
    let number = |text: &str| text.replace('_', "").parse::<u64>().map_err(|_| example.to_string());
    let (from, to) = (number(from)?, number(to)?);
    if from >= to { Err(format!("there is no seed from {from} up to, but not including, {to}")) } else { Ok(from..to) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Registry, program};

    fn command() -> clap::Command {
        program::command(&Registry::builtin())
    }

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        command().debug_assert();
    }

    #[test]
    fn an_empty_or_backward_range_of_seeds_is_refused() {
        assert_eq!(seeds("3..5"), Ok(3..5));
        assert_eq!(seeds("0..1_000"), Ok(0..1_000));
        for bad in ["5..5", "5..3", "5", "a..b", "..", "-1..3"] {
            assert!(seeds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_and_a_range_of_seeds_exclude_each_other() {
        assert!(Cli::try_parse_from(["squall", "fuzz", "--time", "3s", "--seeds", "0..3"]).is_err());
        assert!(Cli::try_parse_from(["squall", "fuzz", "--time", "3s"]).is_ok());
    }

    #[test]
    fn the_help_names_commands_flags_and_exit_codes() {
        let help = command().term_width(100).render_help().to_string();
        insta::assert_snapshot!(help);
    }

    #[test]
    fn the_help_of_fuzz_names_its_defaults() {
        let mut command = command().term_width(100);
        command.build();
        let help = command.find_subcommand_mut("fuzz").unwrap().render_help().to_string();
        insta::assert_snapshot!(help);
    }

    #[test]
    fn the_help_of_compare_names_its_defaults() {
        let mut command = command().term_width(100);
        command.build();
        let help = command.find_subcommand_mut("compare").unwrap().render_help().to_string();
        insta::assert_snapshot!(help);
    }

    #[test]
    fn an_ablation_names_no_systems_and_a_sweep_tells_no_stories() {
        let parses = |args: &[&str]| Cli::try_parse_from([&["squall", "compare"], args].concat()).is_ok();
        assert!(parses(&["a", "b", "--story", "a/x", "--story", "b/y"]));
        assert!(parses(&["--ablate", "seri-sound", "--stories"]));
        assert!(!parses(&["a", "--ablate", "seri-sound"]));
        assert!(!parses(&["--sweep", "loss=0..3%", "--stories"]));
        assert!(!parses(&["--sweep", "loss=0..3%", "--ablate", "seri-sound"]));
    }
}
