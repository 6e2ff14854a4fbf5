//! Standard output and what is known of the terminal: width, colour, text or JSON.
//!
//! Results go to stdout, everything else to stderr. A closed pipe ends the program quietly; any other failure to write
//! is an error that says so.

use super::failure::Failure;
use crate::scenario::reason;
use std::io::{self, IsTerminal, Write};

/// How results are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON value on stdout and nothing else there.
    Json,
}

/// When colours are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Whether to use colours, given the value of NO_COLOR and whether a terminal reads.
    pub fn decide(self, no_color: Option<&str>, terminal: bool) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && no_color.is_none_or(str::is_empty),
        }
    }
}

/// Standard output.
pub struct Out {
    to: Box<dyn Write>,
    /// Text or JSON.
    pub format: Format,
    /// Whether colours are used on stdout.
    pub color: bool,
    /// Whether colours are used on stderr.
    pub color_errors: bool,
    /// Columns.
    pub width: usize,
}

impl Out {
    /// Standard output as the flags and the environment have it.
    pub fn new(format: Format, color: Color, width: Option<usize>) -> Out {
        let no_color = std::env::var("NO_COLOR").ok();
        let decide = |terminal| color.decide(no_color.as_deref(), terminal);
        let from_env = || std::env::var("COLUMNS").ok()?.parse().ok();
        let from_terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Out {
            to: Box::new(io::LineWriter::new(io::stdout())),
            format,
            color: decide(io::stdout().is_terminal()),
            color_errors: decide(io::stderr().is_terminal()),
            width: width.or_else(from_env).or_else(from_terminal).unwrap_or(100),
        }
    }

    /// The same onto something else, for tests.
    #[cfg(test)]
    pub fn onto(to: Box<dyn Write>, format: Format) -> Out {
        Out { to, format, color: false, color_errors: false, width: 100 }
    }

    /// Whether results are written as JSON.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Writes text as it is.
    ///
    /// # Errors
    /// If the reader has gone away, or stdout cannot be written.
    pub fn print(&mut self, text: &str) -> Result<(), Failure> {
        let written = self.to.write_all(text.as_bytes()).and_then(|()| self.to.flush());
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Closed,
            _ => Failure::Usage(format!("cannot write to standard output: {}", reason(&error))),
        })
    }

    /// Writes a line.
    ///
    /// # Errors
    /// Like [`Out::print`].
    pub fn line(&mut self, text: impl AsRef<str>) -> Result<(), Failure> {
        self.print(&format!("{}\n", text.as_ref()))
    }

    /// Writes a JSON value.
    ///
    /// # Errors
    /// Like [`Out::print`].
    pub fn json(&mut self, value: &serde_json::Value) -> Result<(), Failure> {
        self.line(serde_json::to_string_pretty(value).expect("every JSON value can be written"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_color_silences_colour_unless_it_is_empty_or_overruled() {
        assert!(Color::Auto.decide(None, true));
        assert!(Color::Auto.decide(Some(""), true));
        assert!(!Color::Auto.decide(Some("1"), true));
        assert!(!Color::Auto.decide(None, false));
        assert!(Color::Always.decide(Some("1"), false));
        assert!(!Color::Never.decide(None, true));
    }

    #[test]
    fn a_closed_pipe_ends_quietly_and_a_full_disk_does_not() {
        let print = |kind| Out::onto(Box::new(Broken(kind)), Format::Text).print("x").unwrap_err();
        assert_eq!(print(io::ErrorKind::BrokenPipe).message(false), None);
        assert!(print(io::ErrorKind::StorageFull).message(false).unwrap().contains("standard output: no space left"));
    }
}
