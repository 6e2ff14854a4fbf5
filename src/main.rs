//! The program `squall`: the command line around the systems that come with it.

use std::process::ExitCode;

fn main() -> ExitCode {
    squall::cli::run(squall::cli::Registry::builtin())
}
