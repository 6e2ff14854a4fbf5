//! The command line: arguments in, text or JSON out, and an exit code that CI can rely on.
//!
//! The only place where systems and the harness side meet, where wall time passes and where files are written. Entry:
//! [`run`] with a [`Registry`]; a stranger adds an own system to it and gets every command.

mod ablate;
mod args;
mod builtin;
mod canaries;
mod canary_rows;
mod compare;
mod diff;
mod exit;
mod explain;
mod failure;
mod findings;
mod flaws;
mod fuzz;
mod interrupt;
mod list;
#[cfg(test)]
mod misbehaving;
mod output;
mod program;
mod progress;
mod registry;
mod replay;
mod select;
mod shrink;
mod stopwatch;
#[cfg(test)]
#[allow(dead_code)]
#[path = "../../tests/misbehaving/stranger.rs"]
mod stranger;
mod sweep;
#[cfg(test)]
mod tests;
mod vacuous;
mod why;

pub use exit::Exit;
pub use registry::{Changes, Hook, Registry};

use crate::harness::{is_the_system_s, watch_panics};
use args::{Cli, Command};
use clap::FromArgMatches;
use failure::Failure;
use output::Out;
use std::process::ExitCode;
use std::sync::Mutex;

/// Runs the program with these systems and the arguments of the process.
pub fn run(registry: Registry) -> ExitCode {
    let parsed = program::command(&registry).try_get_matches();
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            let wrong = error.use_stderr();
            return if wrong { Exit::Usage } else { Exit::Held }.into();
        }
    };
    if let Err(failure) = usable(&registry, &cli) {
        failure.complain(false);
        return failure.exit().into();
    }
    let registry = if cli.store == "memory" { registry } else { registry.on_store(&cli.store) };
    let registry = match cli.domain.as_deref().map(|name| select::domain(&registry, name)).transpose() {
        Ok(Some(domain)) => registry.on_domain(domain),
        Ok(None) => registry,
        Err(failure) => {
            failure.complain(false);
            return failure.exit().into();
        }
    };
    static PANIC: Mutex<Option<String>> = Mutex::new(None);
    // The hook that was there keeps what a system under test says; the first of all other panics is ours to report.
    watch_panics();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|info| {
        if !is_the_system_s(info)
            && let Ok(mut first) = PANIC.lock()
        {
            first.get_or_insert_with(|| info.to_string().replace('\n', " "));
        }
    }));
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| command(&registry, cli)));
    std::panic::set_hook(before);
    match ended {
        Ok(exit) => exit.into(),
        Err(_) => {
            let what = PANIC.lock().ok().and_then(|mut first| first.take()).unwrap_or_default();
            let args: Vec<String> = std::env::args().skip(1).collect();
            let again = format!("{} {}", registry.command(), args.join(" "));
            let line = match registry.has_engine() {
                true => format!("squall: a bug of squall itself: {what}; please report it with `{again}`\n"),
                false => format!(
                    "squall: a panic, in a system under test or in squall itself: {what}; again with `{again}`\n"
                ),
            };
            failure::to_stderr(&line);
            Exit::Bug.into()
        }
    }
}

/// Whether the program has systems, and what was asked for is there in it.
fn usable(registry: &Registry, cli: &Cli) -> Result<(), Failure> {
    if registry.all().is_empty() {
        let text = "this program has no system: add one with Registry::empty().with(MySystem)";
        return Err(Failure::Usage(text.into()));
    }
    if cli.store != "memory" {
        program::needs_engine(registry, "--store is for squall's own systems")?;
    }
    Ok(())
}

fn command(registry: &Registry, cli: Cli) -> Exit {
    let mut out = Out::new(cli.format, cli.color, cli.width.map(usize::from));
    let ended = match &cli.command {
        Command::Replay(args) if args.vacuous => vacuous::vacuous(registry, args, &mut out),
        Command::Replay(args) => replay::replay(registry, args, &mut out),
        Command::Fuzz(args) => fuzz::fuzz(registry, args, &mut out),
        Command::Compare(args) => compare::compare(registry, args, &mut out),
        Command::Explain(args) => explain::explain(registry, args, &mut out),
        Command::Diff(args) => diff::diff(registry, args, &mut out),
        Command::Shrink(args) => shrink::shrink(registry, args, &mut out),
        Command::Canaries(args) => canaries::canaries(registry, args, &mut out),
        Command::List(args) => list::list(registry, args, &mut out),
        Command::Schema => out.print(&crate::scenario::schema(&registry.domains())).map(|()| Exit::Held),
        Command::Completions { shell } => completions(registry, *shell, &mut out),
    };
    ended.unwrap_or_else(|failure| {
        failure.complain(out.color_errors);
        failure.exit()
    })
}

fn completions(registry: &Registry, shell: clap_complete::Shell, out: &mut Out) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program::command(registry), program::shell_name(registry), &mut script);
    out.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Held)
}
