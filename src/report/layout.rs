//! Places the lines of a story on a terminal: columns, wrapping, arrows, colour.
//!
//! Cells wrap inside their column and no text is ever cut off. Where columns would become too narrow to read, the same
//! lines are written below each other with the node's name in front. Every character is one column wide.

use super::lines::{Arrow, Line, Piece, Tone};
use super::story::Style;
use crate::sim::{NodeId, Time};

/// A column narrower than this is no longer a column.
const NARROWEST: usize = 14;
const GAP: usize = 2;

/// Draws the lines for nodes of these names, the server last if there is one.
pub fn render(names: &[String], lines: &[Line], style: Style) -> String {
    let clock = Clock::of(lines, style.steps);
    let width = style.width.clamp(30, 1_000);
    let left = clock.width + GAP;
    let room = width.saturating_sub(left + GAP * (names.len() - 1));
    let mut paper = Paper::default();
    match column_widths(names, lines, room) {
        Some(columns) => {
            let grid = Grid { left, columns, width };
            grid.header(names, clock.width, &mut paper);
            for line in lines {
                grid.line(line, &clock, &mut paper);
            }
        }
        None => {
            for line in lines {
                listed(names, line, &clock, width, &mut paper);
            }
        }
    }
    paper.print(style.color)
}

/// How instants are written: seconds, or hours and days where the story is that long.
struct Clock {
    width: usize,
    decimals: usize,
    longest: u64,
}

impl Clock {
    fn of(lines: &[Line], steps: bool) -> Clock {
        let longest = lines.iter().map(|line| line.at.0).max().unwrap_or(0);
        let mut clock = Clock { width: 0, decimals: if steps { 6 } else { 3 }, longest };
        clock.width = clock.write(Time(longest)).len().max(9);
        clock
    }

    fn write(&self, at: Time) -> String {
        let (secs, micros) = (at.0 / 1_000_000, at.0 % 1_000_000);
        let fraction = format!("{micros:06}")[..self.decimals].to_string();
        let (days, hours, mins) = (secs / 86_400, secs / 3_600 % 24, secs / 60 % 60);
        match self.longest / 1_000_000 {
            86_400.. => format!("{days}d {hours:02}:{mins:02}:{:02}.{fraction}", secs % 60),
            3_600.. => format!("{hours}:{mins:02}:{:02}.{fraction}", secs % 60),
            _ => format!("{secs}.{fraction}"),
        }
    }
}

fn column_of(node: NodeId, columns: usize) -> usize {
    if node.is_server() { columns - 1 } else { node.index() - 1 }
}

/// As wide as the widest cell, then the widest made narrower until all fit; `None` if they cannot.
fn column_widths(names: &[String], lines: &[Line], room: usize) -> Option<Vec<usize>> {
    let mut widths: Vec<usize> = names.iter().map(|name| name.chars().count().max(NARROWEST)).collect();
    let least: Vec<usize> = widths.clone();
    for line in lines {
        for (node, pieces) in &line.cells {
            let arrow = if line.arrow.is_some() { 2 } else { 0 };
            let column = column_of(*node, names.len());
            widths[column] = widths[column].max(length(pieces) + arrow);
        }
    }
    if least.iter().sum::<usize>() > room {
        return None;
    }
    while widths.iter().sum::<usize>() > room {
        let shrinkable = (0..widths.len()).filter(|column| widths[*column] > least[*column]);
        let widest = shrinkable.max_by_key(|column| widths[*column])?;
        widths[widest] -= 1;
    }
    Some(widths)
}

fn length(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| piece.text.chars().count()).sum::<usize>() + 3 * pieces.len().saturating_sub(1)
}

type Row = Vec<(char, Tone)>;

/// Breaks pieces, parted by ` · `, into rows of at most `width` characters.
fn wrap(pieces: &[Piece], width: usize) -> Vec<Row> {
    let mut words: Vec<Row> = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            words.push(vec![('·', Tone::Quiet)]);
        }
        let parts = piece.text.split(' ').filter(|word| !word.is_empty());
        words.extend(parts.map(|word| word.chars().map(|c| (c, piece.tone)).collect()));
    }
    let mut rows: Vec<Row> = vec![Vec::new()];
    for mut word in words {
        loop {
            let row = rows.last_mut().expect("there is always a row");
            let space = usize::from(!row.is_empty());
            if row.len() + space + word.len() <= width {
                if space == 1 {
                    row.push((' ', Tone::Plain));
                }
                row.extend(word);
                break;
            }
            if !row.is_empty() {
                rows.push(Vec::new());
                continue;
            }
            let hyphen = word[..width].iter().rposition(|(c, _)| matches!(c, '-' | '.' | '_'));
            let rest = word.split_off(hyphen.map_or(width, |at| at + 1));
            row.extend(word);
            word = rest;
            rows.push(Vec::new());
        }
    }
    rows
}

/// Rows of characters with their tones.
#[derive(Default)]
struct Paper {
    rows: Vec<Row>,
}

impl Paper {
    fn put(&mut self, row: usize, column: usize, text: impl IntoIterator<Item = (char, Tone)>) {
        while self.rows.len() <= row {
            self.rows.push(Vec::new());
        }
        let cells = &mut self.rows[row];
        for (offset, cell) in text.into_iter().enumerate() {
            while cells.len() <= column + offset {
                cells.push((' ', Tone::Plain));
            }
            cells[column + offset] = cell;
        }
    }

    fn text(&mut self, row: usize, column: usize, text: &str, tone: Tone) {
        self.put(row, column, text.chars().map(|c| (c, tone)));
    }

    fn print(&self, color: bool) -> String {
        let mut out = String::new();
        for row in &self.rows {
            let end = row.iter().rposition(|(c, _)| *c != ' ').map_or(0, |at| at + 1);
            let mut tone = Tone::Plain;
            for (c, of) in &row[..end] {
                if color && *of != tone && *c != ' ' {
                    out += code(*of);
                    tone = *of;
                }
                out.push(*c);
            }
            if tone != Tone::Plain {
                out += code(Tone::Plain);
            }
            out.push('\n');
        }
        out
    }
}

fn code(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "\u{1b}[0m",
        Tone::Good => "\u{1b}[0;32m",
        Tone::Bad => "\u{1b}[0;31m",
        Tone::Quiet => "\u{1b}[0;2m",
    }
}

struct Grid {
    left: usize,
    columns: Vec<usize>,
    width: usize,
}

impl Grid {
    fn start(&self, column: usize) -> usize {
        self.left + self.columns[..column].iter().map(|width| width + GAP).sum::<usize>()
    }

    fn header(&self, names: &[String], clock: usize, paper: &mut Paper) {
        paper.text(0, clock - 4, "time", Tone::Quiet);
        for (column, name) in names.iter().enumerate() {
            paper.text(0, self.start(column), name, Tone::Plain);
        }
    }

    fn line(&self, line: &Line, clock: &Clock, paper: &mut Paper) {
        let top = paper.rows.len();
        let time = clock.write(line.at);
        paper.text(top, clock.width.saturating_sub(time.len()), &time, Tone::Quiet);
        let top = match &line.banner {
            Some(banner) => {
                let text = format!("── {banner} ");
                let rule = self.width.saturating_sub(self.left + text.chars().count());
                paper.text(top, self.left, &(text + &"─".repeat(rule)), Tone::Quiet);
                if line.cells.is_empty() && line.broke.is_empty() {
                    return;
                }
                paper.rows.len()
            }
            None => top,
        };
        let crossed = self.cells(line, top, paper);
        for column in 0..self.columns.len() {
            let empty = !line.cells.iter().any(|(node, _)| column_of(*node, self.columns.len()) == column);
            if empty && !crossed.contains(&column) && !line.cells.is_empty() {
                paper.text(top, self.start(column), "·", Tone::Quiet);
            }
        }
        self.breaches(line, top, paper);
    }

    /// Draws the cells and the arrow; returns the columns that the arrow touches.
    fn cells(&self, line: &Line, top: usize, paper: &mut Paper) -> std::ops::RangeInclusive<usize> {
        let last = self.columns.len() - 1;
        let rows_of = |column: usize, narrower: usize| {
            let cell = line.cells.iter().find(|(node, _)| column_of(*node, last + 1) == column);
            cell.map_or_else(Vec::new, |(_, pieces)| wrap(pieces, self.columns[column] - narrower))
        };
        let Some(Arrow { from, to, lost }) = line.arrow else {
            for column in 0..=last {
                for (row, text) in rows_of(column, 0).into_iter().enumerate() {
                    paper.put(top + row, self.start(column), text);
                }
            }
            #[allow(clippy::reversed_empty_ranges)]
            return 1..=0;
        };
        let (from, to) = (column_of(from, last + 1), column_of(to, last + 1));
        let (column, far, up) = (from.min(to), from.max(to), to > from);
        let near = rows_of(column, 2);
        let row = top + near.len().saturating_sub(1);
        let mut from_at = self.start(column);
        for (index, text) in near.into_iter().enumerate() {
            from_at = self.start(column) + text.len() + usize::from(!text.is_empty());
            paper.put(top + index, self.start(column), text);
        }
        let to_at = self.start(far) - 2;
        let tone = if lost { Tone::Bad } else { Tone::Plain };
        paper.text(row, from_at, &"─".repeat(to_at + 1 - from_at), tone);
        match (up, lost) {
            (true, false) => paper.text(row, to_at, "▶", tone),
            (true, true) => paper.text(row, to_at, "╳", tone),
            (false, false) => paper.text(row, from_at, "◀", tone),
            (false, true) => paper.text(row, from_at, "╳", tone),
        }
        for (index, text) in rows_of(far, 0).into_iter().enumerate() {
            paper.put(row + index, self.start(far), text);
        }
        column..=far
    }

    /// Names the invariants that broke: to the right where there is room, else below.
    fn breaches(&self, line: &Line, top: usize, paper: &mut Paper) {
        for name in &line.broke {
            let text = format!("✗ {name}");
            let bottom = paper.rows.len() - 1;
            let end = paper.rows[bottom].iter().rposition(|(c, _)| *c != ' ').map_or(0, |at| at + 1);
            let at = (end + 2).max(self.start(self.columns.len() - 1));
            if bottom >= top && at + text.chars().count() <= self.width && !line.cells.is_empty() {
                paper.text(bottom, at, &text, Tone::Bad);
            } else {
                let at = self.start(self.columns.len() - 1).min(self.width.saturating_sub(text.chars().count()));
                paper.text(bottom + 1, at.max(self.left), &text, Tone::Bad);
            }
        }
    }
}

/// A line where there is no room for columns: each node's name in front of what it does.
fn listed(names: &[String], line: &Line, clock: &Clock, width: usize, paper: &mut Paper) {
    let top = paper.rows.len();
    let time = clock.write(line.at);
    paper.text(top, clock.width.saturating_sub(time.len()), &time, Tone::Quiet);
    let left = clock.width + GAP;
    let name = |node: NodeId| format!("{}:", names[column_of(node, names.len())]);
    let mut cells: Vec<&(NodeId, Vec<Piece>)> = line.cells.iter().collect();
    if let Some(arrow) = line.arrow {
        cells.sort_by_key(|(node, _)| *node != arrow.from);
    }
    let silent = |node: NodeId| line.cells.iter().all(|(other, _)| *other != node);
    let mut entries: Vec<Vec<Piece>> = Vec::new();
    if let Some(banner) = &line.banner {
        entries.push(vec![Piece { text: format!("── {banner} ──"), tone: Tone::Quiet }]);
    }
    for (node, pieces) in cells.into_iter().filter(|(_, pieces)| !pieces.is_empty()) {
        let mut pieces = pieces.clone();
        pieces[0].text = format!("{} {}", name(*node), pieces[0].text);
        match line.arrow {
            Some(arrow) if arrow.from == *node => {
                let end = if arrow.lost { "─╳" } else { "─▶" };
                let last = pieces.last_mut().expect("empty cells were left out");
                last.text += &format!(" {end} {}", names[column_of(arrow.to, names.len())]);
            }
            Some(arrow) if !arrow.lost && (arrow.from.is_server() || silent(arrow.from)) => {
                let last = pieces.last_mut().expect("empty cells were left out");
                last.text += &format!(" ◀─ {}", names[column_of(arrow.from, names.len())]);
            }
            _ => {}
        }
        entries.push(pieces);
    }
    for name in &line.broke {
        entries.push(vec![Piece { text: format!("✗ {name}"), tone: Tone::Bad }]);
    }
    let mut row = top;
    for (index, pieces) in entries.iter().enumerate() {
        for (part, text) in wrap(pieces, width.saturating_sub(left + 2)).into_iter().enumerate() {
            paper.put(row, left + if part > 0 || (index > 0 && line.banner.is_none()) { 2 } else { 0 }, text);
            row += 1;
        }
    }
}
