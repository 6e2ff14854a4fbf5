//! What a hunt for canaries came to, as a table for people and as JSON for programs.

use super::builtin::Canary;
use super::exit::Exit;
use super::failure::Failure;
use super::output::Out;
use crate::campaign::{Hunt, Size, Tale};
use crate::report::words::{plural, thousands};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Steps by which a story may be longer than the catalogue's.
const LEEWAY: u32 = 2;

/// How one canary was found.
pub struct Row {
    /// The canary.
    pub canary: &'static Canary,
    /// Runs allowed in each range.
    pub budget: u64,
    /// Runs to the first breach in each range, fewest first; `None`, which stands last, where none was found.
    pub runs: Vec<Option<u64>>,
    /// Median seconds of a range.
    pub seconds: f64,
    /// How large its story is.
    pub size: Option<Size>,
    /// Where the story is kept.
    pub saved: Option<PathBuf>,
}

impl Row {
    /// What the ranges and the story say of a canary.
    pub fn of(canary: &'static Canary, budget: u64, hunts: &[(Hunt, f64)], tale: Option<&Tale>) -> Row {
        let mut runs: Vec<Option<u64>> = hunts.iter().map(|(hunt, _)| hunt.seed.map(|_| hunt.runs)).collect();
        runs.sort_unstable_by_key(|runs| runs.unwrap_or(u64::MAX));
        let mut seconds: Vec<f64> = hunts.iter().map(|(_, seconds)| *seconds).collect();
        seconds.sort_unstable_by(f64::total_cmp);
        let seconds = seconds[seconds.len() / 2];
        Row { canary, budget, runs, seconds, size: tale.map(|tale| tale.size), saved: None }
    }

    /// Runs to the first breach: the median of the ranges (the later of two), if that many found it.
    fn median(&self) -> Option<u64> {
        self.runs[self.runs.len() / 2]
    }

    /// The same for the unluckiest range, if all found it.
    fn worst(&self) -> Option<u64> {
        self.runs.last().copied().flatten()
    }

    /// Whether it escaped in half of the ranges or more.
    pub fn is_missed(&self) -> bool {
        self.median().is_none()
    }

    /// Whether its story is larger than the catalogue allows.
    fn is_long(&self) -> bool {
        let (Some(size), Some((devices, steps, faults))) = (self.size, self.canary.size) else { return false };
        size.beyond(Size { faults, devices, steps }) > (0, LEEWAY)
    }
}

/// The line above the table.
///
/// # Errors
/// If stdout cannot be written.
pub fn head(canaries: usize, ranges: u16, profile: &str, threads: usize, out: &mut Out) -> Result<(), Failure> {
    out.line(format!(
        "squall {} · {} · profile {profile} · {} of seeds · {}\n",
        env!("CARGO_PKG_VERSION"),
        match canaries {
            1 => "1 canary".to_string(),
            n => format!("{n} canaries"),
        },
        plural(u64::from(ranges), "range"),
        plural(threads as u64, "thread")
    ))
}

/// The table of those of `all` canaries whose hunt came to an end, and what it comes to.
///
/// # Errors
/// If stdout cannot be written.
pub fn show(rows: &[Row], all: usize, exit: Exit, seconds: f64, out: &mut Out) -> Result<(), Failure> {
    let width = |text: &dyn Fn(&Row) -> usize, head: &str| rows.iter().map(text).max().unwrap_or(0).max(head.len());
    let wide = width(&|row| row.canary.id.len(), "canary");
    let promise = width(&|row| row.canary.invariant.len(), "invariant");
    out.line(format!(
        "{:<wide$}  {:<promise$}  {:>8}  {:>8}  {:>8}  {:<10}  {}",
        "canary", "invariant", "median", "worst", "seconds", "story", "catalogue"
    ))?;
    for row in rows {
        let runs = |runs: Option<u64>| runs.map_or_else(|| format!(">{}", thousands(row.budget)), thousands);
        let listed = match row.canary.size {
            Some((devices, steps, faults)) => format!("{devices}d {steps}s {faults}f"),
            None => "-".into(),
        };
        let story =
            row.size.map_or_else(|| "-".into(), |size| format!("{}d {}s {}f", size.devices, size.steps, size.faults));
        let note = match (row.is_missed(), row.is_long()) {
            (true, _) => "  MISSED",
            (_, true) if row.canary.longer.is_some() => "  longer",
            (_, true) => "  LONGER",
            _ => "",
        };
        out.line(format!(
            "{:<wide$}  {:<promise$}  {:>8}  {:>8}  {:>8.3}  {story:<10}  {listed}{note}",
            row.canary.id,
            row.canary.invariant,
            runs(row.median()),
            runs(row.worst()),
            row.seconds,
        ))?;
    }
    let saved = rows.iter().filter(|row| row.saved.is_some()).count();
    let caught = rows.iter().filter(|row| !row.is_missed()).count();
    out.line(format!(
        "\n{caught} of {} caught{}{}{} · {seconds:.1} s · exit {}",
        rows.len(),
        match all - rows.len() {
            0 => String::new(),
            n => format!(" · {n} not hunted to the end"),
        },
        match rows.iter().filter(|row| row.is_long()).count() {
            0 => String::new(),
            n => format!(" · {} longer than listed", plural(n as u64, "story").replace("storys", "stories")),
        },
        if saved > 0 { format!(" · {saved} saved") } else { String::new() },
        exit.code()
    ))
}

/// The same for programs.
pub fn value(rows: &[Row], profile: &str, seconds: f64) -> Value {
    let canaries: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "id": row.canary.id,
                "system": row.canary.system(),
                "invariant": row.canary.invariant,
                "found": !row.is_missed(),
                "runs": row.runs,
                "runs_median": row.median(),
                "runs_worst": row.worst(),
                "seconds_median": row.seconds,
                "budget": row.budget,
                "devices": row.size.map(|size| size.devices),
                "steps": row.size.map(|size| size.steps),
                "faults": row.size.map(|size| size.faults),
                "listed": row.canary.size.map(|(devices, steps, faults)| json!({
                    "devices": devices, "steps": steps, "faults": faults,
                })),
                "longer": row.is_long(),
                "saved": row.saved.as_ref().map(|path| path.display().to_string()),
            })
        })
        .collect();
    json!({ "profile": profile, "seconds": seconds, "canaries": canaries })
}

#[cfg(test)]
mod tests {
    use super::super::output::Format;
    use super::super::tests::Page;
    use super::*;

    static SHORT: Canary = Canary {
        id: "B01-unchecked",
        mechanism: "two devices sell the same last unit",
        base: "seri-sound",
        flaw: ("validation", "none"),
        companions: &[],
        invariant: "stock-never-negative",
        domain: "retail",
        longer: None,
        size: Some((2, 6, 0)),
        faulty: false,
        recommended: false,
    };
    static OPEN: Canary = Canary { id: "C04-no-size", size: None, faulty: true, ..SHORT };

    fn row(canary: &'static Canary, runs: &[Option<u64>], size: Option<(u32, u32, u32)>) -> Row {
        let hunts: Vec<(Hunt, f64)> =
            runs.iter().map(|runs| (Hunt { runs: runs.unwrap_or(canary.budget()), seed: *runs }, 0.25)).collect();
        let mut row = Row::of(canary, canary.budget(), &hunts, None);
        row.size = size.map(|(devices, steps, faults)| Size { faults, devices, steps });
        row
    }

    fn rows() -> Vec<Row> {
        let mut rows = vec![
            row(&SHORT, &[Some(9), Some(1_200), Some(3)], Some((2, 8, 0))),
            row(&SHORT, &[Some(9), None, Some(3)], Some((2, 9, 0))),
            row(&OPEN, &[Some(9), None, None], Some((3, 40, 2))),
            row(&OPEN, &[None], None),
        ];
        rows[0].saved = Some("stories/B01-unchecked.json".into());
        rows
    }

    #[test]
    fn the_table_shows_the_median_the_worst_the_story_and_what_is_wrong_with_it() {
        let page = Page::default();
        let mut out = Out::onto(Box::new(page.clone()), Format::Text);
        head(4, 3, "default", 2, &mut out).unwrap();
        show(&rows(), 4, Exit::Broken, 1.25, &mut out).unwrap();
        insta::assert_snapshot!(page.text().replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    }

    #[test]
    fn the_json_has_every_promised_key() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&value(&rows()[..1], "default", 1.25)).unwrap());
    }

    #[test]
    fn a_canary_that_escapes_in_half_of_the_ranges_is_missed() {
        let missed = |runs: &[Option<u64>]| row(&SHORT, runs, None).is_missed();
        assert!(!missed(&[Some(1), Some(2), None]));
        assert!(missed(&[Some(1), None]) && missed(&[None]));
        assert_eq!(row(&SHORT, &[Some(1), Some(5), Some(2), Some(9)], None).median(), Some(5));
    }
}
