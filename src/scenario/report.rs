//! How a mistake in a scenario file is shown: file, line, column, what was expected, the nearest valid name.
//!
//! It also opens files, because a file that cannot be read is reported in the same form. It decides nothing about what
//! stands in them.

use super::format::LARGEST_FILE;
use super::json::Mistake;
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use std::io::Read;
use std::path::Path;

/// A mistake in a file, ready to be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1; `None` where the mistake is about the whole file.
    pub line: Option<u32>,
    /// The column in characters, from 1.
    pub column: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// What was expected there.
    pub expected: String,
    /// What to try.
    pub help: Option<String>,
    /// The text of that line, and the bytes of it that are meant.
    excerpt: Option<Box<(String, std::ops::Range<usize>)>>,
}

impl Report {
    /// The report of a mistake found in `text`.
    pub(super) fn new(file: &str, text: &str, mistake: Mistake) -> Report {
        let Mistake { at, message, expected, help } = mistake;
        let mut report = Report { expected, help, ..Report::whole(file, message) };
        if let Some(at) = at {
            let start = floor(text, at.start);
            let from = text[..start].rfind('\n').map_or(0, |n| n + 1);
            let to = text[start..].find('\n').map_or(text.len(), |n| start + n);
            let end = floor(text, at.end.clamp(start, to)).max(start);
            report.line = Some(1 + text[..start].matches('\n').count() as u32);
            report.column = Some(1 + text[from..start].chars().count() as u32);
            let line = text[from..to].trim_end_matches('\r').to_string();
            report.excerpt = Some(Box::new((line, start - from..end - from)));
        }
        report
    }

    fn whole(file: &str, message: String) -> Report {
        Report {
            file: file.into(),
            line: None,
            column: None,
            message,
            expected: String::new(),
            help: None,
            excerpt: None,
        }
    }

    /// The report as a person reads it; without colour it is plain text.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let title = Level::ERROR.primary_title(self.message.as_str());
        let mut group = match &self.excerpt {
            None => title.element(Origin::path(self.file.as_str())),
            Some(excerpt) => {
                let (line, at) = window(&excerpt.0, excerpt.1.clone());
                let span = AnnotationKind::Primary.span(at).label(self.expected.as_str());
                let snippet =
                    Snippet::source(line).line_start(self.line.unwrap_or(1) as usize).path(self.file.as_str());
                title.element(snippet.annotation(span))
            }
        };
        if self.excerpt.is_none() && !self.expected.is_empty() {
            group = group.element(Level::NOTE.message(self.expected.as_str()));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.decor_style(DecorStyle::Unicode).render(&[group])
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Report {}

fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The end of a very long line is of no use to anybody; its beginning is kept, so that the column stays true.
fn window(line: &str, at: std::ops::Range<usize>) -> (&str, std::ops::Range<usize>) {
    const MOST: usize = 400;
    let end = floor(line, line.len().min(at.start + MOST));
    (&line[..end], at.start.min(end)..at.end.min(end))
}

/// Reads a scenario file.
///
/// # Errors
/// The file cannot be read, is larger than [`LARGEST_FILE`], or is not UTF-8; the last with line and column.
pub fn read(path: &Path) -> Result<String, Report> {
    let file = path.display().to_string();
    let unreadable = |error: std::io::Error| {
        let text = error.to_string();
        let reason = text.split(" (os error").next().unwrap_or_default();
        Report::whole(&file, format!("cannot read the file: {}", reason.to_lowercase()))
    };
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(path).map_err(unreadable)?;
    opened.take(LARGEST_FILE as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > LARGEST_FILE {
        return Err(too_large(&file));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let shown = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let at = Some(good..good + '\u{fffd}'.len_utf8());
        let message = "the file is not UTF-8".to_string();
        Report::new(&file, &shown, Mistake { at, message, expected: "save the file as UTF-8".into(), help: None })
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_string).unwrap_or(text))
}

/// The report of a file above [`LARGEST_FILE`].
pub(super) fn too_large(file: &str) -> Report {
    let expected = format!("a scenario file has at most {} MiB", LARGEST_FILE >> 20);
    Report { expected, ..Report::whole(file, "the file is too large".into()) }
}
