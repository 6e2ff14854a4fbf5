//! Why a command cannot go on: a typed error that says what to change.

use super::exit::Exit;
use crate::harness::Unknown;
use crate::scenario::{Denied, Report, nearest};
use std::io::{self, Write};

/// What ends a command early.
#[derive(Debug)]
pub enum Failure {
    /// The reader of our output has gone away: end quietly.
    Closed,
    /// The user's input cannot be used.
    Usage(String),
    /// A scenario file has a mistake.
    File(Box<Report>),
}

impl Failure {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Failure::Closed => Exit::Held,
            Failure::Usage(_) | Failure::File(_) => Exit::Usage,
        }
    }

    /// The message for stderr; `None` if there is nothing to say.
    pub fn message(&self, color: bool) -> Option<String> {
        match self {
            Failure::Closed => None,
            Failure::Usage(text) => Some(format!("error: {text}\nexit 2\n")),
            Failure::File(report) => Some(format!("{}\nexit 2\n", report.render(color).trim_end())),
        }
    }

    /// Says it on stderr, if there is anything to say.
    pub fn complain(&self, color: bool) {
        if let Some(message) = self.message(color) {
            to_stderr(&message);
        }
    }

    /// A name that names nothing.
    pub fn unknown(name: &str, unknown: &Unknown) -> Failure {
        let mut text = format!("unknown {} `{}`", unknown.what, unknown.part);
        if unknown.part != name {
            text += &format!(" in `{name}`");
        }
        if let Some(near) = nearest(&unknown.part, unknown.known.iter().map(String::as_str)) {
            text += &format!("; did you mean `{near}`?");
        }
        if !unknown.known.is_empty() {
            text += &format!("\nthere are: {}", unknown.known.join(", "));
        } else if unknown.what == "system" {
            text += "\nthere are none in this program";
        }
        Failure::Usage(text)
    }
}

/// Writes to stderr; that nobody reads it is no reason to fail.
pub fn to_stderr(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Failure {
        Failure::Usage(denied.to_string())
    }
}

impl From<Report> for Failure {
    fn from(report: Report) -> Failure {
        Failure::File(Box::new(report))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_and_all() {
        let known = vec!["seri-sound".to_string(), "escrow".into()];
        let unknown = Unknown { part: "seri-sond".into(), what: "system".into(), known };
        let message = Failure::unknown("seri-sond", &unknown).message(false);
        insta::assert_snapshot!(message.unwrap(), @r"
        error: unknown system `seri-sond`; did you mean `seri-sound`?
        there are: seri-sound, escrow
        exit 2
        ");
    }
}
