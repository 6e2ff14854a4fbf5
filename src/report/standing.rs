//! What several systems break and cost, as tables and as JSON.
//!
//! Two tables: runs in which each promise broke, and what users feel. A promise that held everywhere is named below the
//! first, not in it. Nothing is computed here but formats.

use super::json as values;
use super::matrix::{Matrix, wrapped};
use super::words::thousands;
use crate::campaign::estimate::PARTS;
use crate::campaign::{Cell, Estimate, FIGURES, Figure, Quantile, Standing, Tested};
use crate::sim::Span;
use serde_json::{Map, Value, json};

/// A standing under the name that its row has.
pub type Named<'a> = (String, &'a Standing);

/// Whether rows may become columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// If that fits better.
    Any,
    /// Each stays a row.
    Rows,
}

impl Shape {
    fn draw(self, matrix: &Matrix, width: usize) -> String {
        match self {
            Shape::Any => matrix.text(width),
            Shape::Rows => matrix.upright(width),
        }
    }
}

/// The columns of the second table: the figures of [`FIGURES`] first, in their order.
pub const FELT: [&str; 11] = [
    "sales refused at the till",
    "sales rejected after the receipt",
    "edits lost",
    "conflicts shown",
    "bytes per op",
    "requests per op",
    "longest queue",
    "sale to server p50",
    "sale to server p99",
    "sale to tills p50",
    "sale to tills p99",
];

/// Runs in which each promise broke; what held everywhere is named below.
pub fn broken(rows: &[Named<'_>], shape: Shape, width: usize) -> String {
    let Some((_, first)) = rows.first() else { return String::new() };
    let count = first.cells.len();
    let cell = |n: usize| rows.iter().map(move |(_, standing)| &standing.cells[n]);
    let shown: Vec<usize> = (0..count).filter(|n| cell(*n).any(|cell| cell.runs > 0)).collect();
    let held = |n: &usize| cell(*n).all(|cell| cell.runs == 0);
    let tested = |n: &usize| cell(*n).any(|cell| cell.tested == Tested::Exercised);
    let unchecked = |n: &usize| cell(*n).all(|cell| matches!(cell.tested, Tested::NotChecked(_)));
    let names = |wanted: &dyn Fn(&usize) -> bool| -> Vec<&str> {
        (0..count).filter(held).filter(wanted).map(|n| first.cells[n].invariant).collect()
    };
    let mut text = String::new();
    if shown.is_empty() {
        text += "no promise broke\n";
    } else {
        let mut columns: Vec<String> = shown.iter().map(|n| first.cells[*n].invariant.to_string()).collect();
        columns.push("any promise".into());
        let rows = rows.iter().map(|(name, standing)| {
            let mut cells: Vec<String> = shown.iter().map(|n| runs(&standing.cells[*n])).collect();
            cells.push(if standing.report.failed == 0 { "·".into() } else { thousands(standing.report.failed) });
            (name.clone(), cells)
        });
        text += &shape.draw(&Matrix { columns, rows: rows.collect() }, width);
    }
    let lists = [
        ("held everywhere", names(&tested)),
        ("never tested", names(&|n| !tested(n) && !unchecked(n))),
        ("not checked", names(&unchecked)),
    ];
    for (what, names) in lists {
        if !names.is_empty() {
            text += &indented(what, &names.join(", "), width);
        }
    }
    text
}

fn runs(cell: &Cell) -> String {
    match (cell.runs, cell.tested) {
        (0, Tested::Exercised) => "·".into(),
        (0, Tested::Never) => "?".into(),
        (0, Tested::NotChecked(_)) => "–".into(),
        (runs, _) => thousands(runs),
    }
}

/// What the cells of the first table mean, for so many runs.
pub fn legend(runs: u64, width: usize) -> String {
    let none = crate::campaign::estimate::share(0, runs);
    let half = crate::campaign::estimate::share(runs / 2, runs);
    let what = format!(
        "runs in which the promise broke, of {}; · none (at most {} of all days), ? its situation never came up, – not \
         checked. Half of the runs would be within ±{}. What users feel is with its 95 % interval; times are to \
         a third of a doubling, and a sale that never arrives counts as the longest.",
        thousands(runs),
        percent(none.high),
        percent(half.margin())
    );
    indented("a cell", &what, width)
}

/// A word, and a text beside it that wraps.
pub fn indented(word: &str, text: &str, width: usize) -> String {
    let left = word.chars().count() + 3;
    let lines = wrapped_words(text, width.saturating_sub(left).max(20));
    let lines = lines.iter().enumerate().map(|(n, line)| match n {
        0 => format!("{word}   {line}\n"),
        _ => format!("{}{line}\n", " ".repeat(left)),
    });
    lines.collect()
}

fn wrapped_words(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            *line += &format!(" {word}");
        } else {
            lines.push(word.into());
        }
    }
    lines
        .iter()
        .flat_map(|line| if line.chars().count() > width { wrapped(line, width) } else { vec![line.clone()] })
        .collect()
}

/// What users feel; nothing of a figure that no system has.
pub fn felt(rows: &[Named<'_>], shape: Shape, width: usize) -> String {
    let rows: Vec<(String, Vec<String>)> = rows
        .iter()
        .map(|(name, standing)| {
            let mut cells: Vec<String> =
                FIGURES.iter().zip(&standing.figures).map(|(kind, one)| estimate(*kind, *one)).collect();
            let metrics = &standing.report.metrics;
            cells.extend(standing.to_server.iter().map(|one| quantile(*one, metrics.sales_due)));
            cells.extend(standing.to_others.iter().map(|one| quantile(*one, metrics.sales_due_elsewhere)));
            (name.clone(), cells)
        })
        .collect();
    let there = |column: &usize| rows.iter().any(|(_, cells)| cells[*column] != "–");
    let shown: Vec<usize> = (0..FELT.len()).filter(there).collect();
    let columns = shown.iter().map(|n| FELT[*n].to_string()).collect();
    let rows = rows.iter().map(|(name, cells)| (name.clone(), shown.iter().map(|n| cells[*n].clone()).collect()));
    shape.draw(&Matrix { columns, rows: rows.collect() }, width)
}

/// A figure with its margin.
pub fn estimate(kind: Figure, one: Estimate) -> String {
    if kind.is_share() && (one.value, one.high) == (0, PARTS) {
        return "–".into(); // of nothing at all
    }
    if kind == Figure::Queue && (one.value, one.high) == (0, 0) {
        return "–".into(); // no lamp was ever shown
    }
    if kind.is_share() && one.value == 0 && one.low == 0 {
        return format!("0 %\n<{}", percent(one.high));
    }
    if kind.is_share() {
        return format!("{}\n±{}", percent(one.value), percent(one.margin()));
    }
    format!("{}\n±{}", number(one.value), number(one.margin()))
}

/// A share in millionths: `0.4 %`, `12 %`.
pub fn percent(parts: i64) -> String {
    let sign = if parts < 0 { "−" } else { "" };
    let parts = parts.unsigned_abs();
    match parts {
        0 => "0 %".into(),
        1..10_000 => {
            let hundredths = parts.div_ceil(100);
            format!("{sign}{}.{:02} %", hundredths / 100, hundredths % 100)
        }
        _ => {
            let tenths = (parts + 500) / 1_000;
            format!("{sign}{}.{} %", tenths / 10, tenths % 10)
        }
    }
}

/// A number in millionths, with as many digits as say something.
pub fn number(parts: i64) -> String {
    let sign = if parts < 0 { "−" } else { "" };
    let (unit, parts) = (PARTS as u64, parts.unsigned_abs());
    if parts >= 100 * unit {
        return format!("{sign}{}", thousands((parts + unit / 2) / unit));
    }
    let hundredths = (parts + unit / 200) / (unit / 100);
    format!("{sign}{}.{:02}", hundredths / 100, hundredths % 100)
}

fn quantile(one: Quantile, due: u64) -> String {
    if due == 0 {
        return "–".into();
    }
    if one == Quantile::default() {
        return "never".into();
    }
    format!("{}\n{}–{}", span(one.value), span(one.low), span(one.high))
}

/// A span in two or three digits: `80ms`, `1.3s`, `12m`, `3.1h`, `never`.
pub fn span(span: Option<Span>) -> String {
    let Some(Span(micros)) = span else { return "never".into() };
    let units: [(u64, &str); 4] = [(86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s")];
    let unit = units.iter().find(|(unit, _)| micros >= *unit);
    let Some((unit, letter)) = unit else { return format!("{}ms", micros / 1_000) };
    match micros / unit {
        10.. => format!("{}{letter}", (micros + unit / 2) / unit),
        _ => {
            let tenths = (micros * 10 + unit / 2) / unit;
            format!("{}.{}{letter}", tenths / 10, tenths % 10)
        }
    }
}

fn interval(one: Estimate) -> Value {
    json!({ "value_ppm": one.value, "low_ppm": one.low, "high_ppm": one.high })
}

fn waits(of: &[Quantile; 2], due: u64) -> Value {
    let one = |quantile: Quantile| {
        let micros = |span: Option<Span>| span.map(|span| span.0);
        json!({ "value_us": micros(quantile.value), "low_us": micros(quantile.low), "high_us": micros(quantile.high) })
    };
    json!({ "due": due, "p50": one(of[0]), "p99": one(of[1]) })
}

/// A system's standing for programs: shares and figures in millionths, with their bounds.
pub fn value(name: &str, standing: &Standing) -> Value {
    let report = &standing.report;
    let cells = standing.cells.iter().map(|cell| {
        let tested = match cell.tested {
            Tested::Exercised => json!(true),
            Tested::Never => json!(false),
            Tested::NotChecked(why) => json!({ "not_checked": why }),
        };
        let first = report.broken.iter().filter(|one| one.identity.invariant == cell.invariant);
        let value = json!({
            "tested": tested,
            "runs": cell.runs,
            "first_seed": first.map(|one| one.first_seed).min(),
            "share": interval(cell.share),
            "newly_broken": cell.newly_broken,
            "newly_held": cell.newly_held,
            "difference": interval(cell.difference),
        });
        (cell.invariant.to_string(), value)
    });
    let figures: Map<String, Value> = FIGURES
        .iter()
        .enumerate()
        .map(|(n, figure)| {
            let mut value = interval(standing.figures[n]);
            value["difference"] = interval(standing.differences[n]);
            (figure.name().to_string(), value)
        })
        .collect();
    json!({
        "name": name,
        "system": report.system,
        "runs_broken": report.failed,
        "invariants": cells.collect::<Map<String, Value>>(),
        "figures": figures,
        "sale_to_server": waits(&standing.to_server, report.metrics.sales_due),
        "sale_to_others": waits(&standing.to_others, report.metrics.sales_due_elsewhere),
        "digest": format!("{:032x}", report.digest),
        "metrics": values::metrics(&report.metrics),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_numbers_and_spans_are_short() {
        assert_eq!([0, 384, 4_210, 123_456, PARTS].map(percent), ["0 %", "0.04 %", "0.43 %", "12.3 %", "100.0 %"]);
        assert_eq!([1_500_000, 99_999_000, 1_234 * PARTS, -250_000].map(number), ["1.50", "100.00", "1,234", "−0.25"]);
        let spans = [80_000, 1_300_000, 59_000_000, 252_000_000, 720_000_000, 11_160_000_000, 200_000_000_000];
        assert_eq!(spans.map(|us| span(Some(Span(us)))), ["80ms", "1.3s", "59s", "4.2m", "12m", "3.1h", "2.3d"]);
        assert_eq!(span(None), "never");
    }

    #[test]
    fn a_long_text_wraps_beside_its_word() {
        assert_eq!(
            indented("a cell", "one two three four five six", 30),
            "a cell   one two three four\n         five six\n"
        );
    }
}
