//! The arguments as a program shows them: under its own name, with its own systems, without what it has not got.
//!
//! Why: a stranger's program prints commands that can be typed as they stand, and a default that exists. It changes texts
//! and defaults only; what a command does is decided elsewhere.

use super::args::Cli;
use super::failure::Failure;
use super::registry::Registry;
use clap::{Command, CommandFactory};

/// The command line of a program with these systems.
pub fn command(registry: &Registry) -> Command {
    let name = registry.command().to_string();
    let names: Vec<String> = registry.all().iter().map(|system| system.name()).collect();
    let mut command = Cli::command().bin_name(&name);
    let (Some(first), Some(last)) = (names.first(), names.last()) else { return command };
    let default = first.clone();
    command = command.mut_subcommand("fuzz", |fuzz| fuzz.mut_arg("system", |arg| arg.default_value(default)));
    if registry.has_engine() {
        return command;
    }
    let hide = |arg: clap::Arg| arg.hide(true);
    command = command.mut_arg("store", hide).mut_arg("domain", hide);
    command = command.mut_subcommand("canaries", |canaries| canaries.hide(true));
    command = command.mut_subcommand("compare", |compare| compare.mut_arg("ablate", hide));
    command = command.mut_subcommand("fuzz", |fuzz| fuzz.mut_arg("system", |arg| arg.help("The system")));
    for (which, lines) in [
        ("replay", vec!["replay".to_string(), "replay findings".into()]),
        ("fuzz", vec![format!("fuzz {first}"), format!("fuzz {last} --seeds 0..100000 --profile heavy")]),
        ("compare", vec!["compare".into(), format!("compare {first} {last} --seeds 0..10000")]),
        ("explain", vec![format!("explain {first} --seed 17"), "explain findings/FILE.json --steps".into()]),
        ("diff", vec![format!("diff {first}@17 {last}@17"), format!("diff FILE.json@{first} FILE.json@{last}")]),
        ("completions", vec!["completions bash".into()]),
    ] {
        let run = if which == "diff" { "A run is a scenario FILE, FILE@SYSTEM or SYSTEM@SEED.\n\n" } else { "" };
        let lines: Vec<String> = lines.iter().map(|line| format!("  {name} {line}")).collect();
        let help = format!("{run}Examples:\n{}", lines.join("\n"));
        command = command.mut_subcommand(which, |one| one.after_help(help));
    }
    command
}

/// What only a program with squall's own systems can do is refused in another.
///
/// # Errors
/// If this program has none of them.
pub fn needs_engine(registry: &Registry, what: &str) -> Result<(), Failure> {
    match registry.has_engine() {
        true => Ok(()),
        false => Err(Failure::Usage(format!("{what}, and this program has none of them"))),
    }
}

/// The name under which a shell knows the program: one that is started through another is called like its file.
pub fn shell_name(registry: &Registry) -> String {
    let name = registry.command();
    let file = || Some(std::env::current_exe().ok()?.file_stem()?.to_string_lossy().into_owned());
    if name.contains(char::is_whitespace) { file().unwrap_or_else(|| "squall".into()) } else { name.to_string() }
}
