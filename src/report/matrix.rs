//! Tables of figures that fit the terminal: several rows and columns, each with a name.
//!
//! A table that is too wide is turned, so that its rows are columns; if that is too wide as well, its cells are written
//! on two lines; at last it is cut into blocks of columns that stand below each other. No text is ever cut off. What
//! stands in the cells is for [`super::standing`].

const GAP: usize = 2;

/// A table. A cell may have two lines, parted by a line break; they stand beside each other where there is room.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Matrix {
    /// Names of columns.
    pub columns: Vec<String>,
    /// Names of rows, and their cells, one for each column.
    pub rows: Vec<(String, Vec<String>)>,
}

impl Matrix {
    /// The same with rows as columns.
    pub fn turned(&self) -> Matrix {
        let cell = |column: usize| self.rows.iter().map(move |(_, cells)| cells[column].clone()).collect();
        Matrix {
            columns: self.rows.iter().map(|(name, _)| name.clone()).collect(),
            rows: self.columns.iter().enumerate().map(|(n, name)| (name.clone(), cell(n))).collect(),
        }
    }

    fn on_one_line(&self) -> Matrix {
        let flat = |cells: &[String]| cells.iter().map(|cell| cell.replace('\n', " ")).collect();
        let rows = self.rows.iter().map(|(name, cells)| (name.clone(), flat(cells)));
        Matrix { columns: self.columns.clone(), rows: rows.collect() }
    }

    /// The table in at most `width` columns of text, if any way of writing it fits.
    pub fn text(&self, width: usize) -> String {
        let turned = self.turned();
        let whole = [&self.on_one_line(), &turned.on_one_line(), self, &turned];
        if let Some(text) = whole.into_iter().find_map(|table| table.whole(width)) {
            return text;
        }
        let (upright, lying) = (Grid::of(self, LOWEST, width / 4), Grid::of(&turned, LOWEST, width / 4));
        let turn = lying.blocks(width).len() < upright.blocks(width).len();
        if turn { lying.in_blocks(width) } else { upright.in_blocks(width) }
    }

    /// The same with its rows as rows, whatever its width.
    pub fn upright(&self, width: usize) -> String {
        let text = self.on_one_line().whole(width).or_else(|| self.whole(width));
        text.unwrap_or_else(|| Grid::of(self, LOWEST, width / 4).in_blocks(width))
    }

    /// The table in one piece, if it fits; heads in two lines where there is room for that.
    fn whole(&self, width: usize) -> Option<String> {
        let ways = [(2, width * 2 / 5), (2, width / 4), (LOWEST, width * 2 / 5), (LOWEST, width / 4)];
        let grids = ways.into_iter().map(|(heads, left)| Grid::of(self, heads, left));
        let fitting = grids.into_iter().find(|grid| grid.fits(width))?;
        Some(fitting.draw(0..self.columns.len()))
    }
}

/// Heads may be broken into as many lines as they have parts.
const LOWEST: usize = usize::MAX;

/// A table with the widths of its columns.
struct Grid<'a> {
    table: &'a Matrix,
    left: usize,
    widths: Vec<usize>,
}

impl<'a> Grid<'a> {
    /// Heads of columns take at most so many lines, names of rows at most `left` characters, if their parts let them.
    fn of(table: &'a Matrix, heads: usize, left: usize) -> Grid<'a> {
        let longest = table.rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let least = table.rows.iter().map(|(name, _)| narrowest(name)).max().unwrap_or(0);
        let wide = |(column, name): (usize, &String)| {
            let cells = table.rows.iter().flat_map(|(_, cells)| cells[column].lines());
            let widest = cells.map(|line| line.chars().count()).max().unwrap_or(0);
            let from = widest.max(narrowest(name));
            (from..).find(|width| wrapped(name, *width).len() <= heads).expect("a line that is long enough holds all")
        };
        let widths = table.columns.iter().enumerate().map(wide).collect();
        Grid { table, left: longest.min(left.max(least)), widths }
    }

    fn fits(&self, width: usize) -> bool {
        self.left + self.widths.iter().map(|wide| GAP + wide).sum::<usize>() <= width
    }

    /// Columns that fit beside each other, in order; a column that is too wide by itself stands alone.
    fn blocks(&self, width: usize) -> Vec<std::ops::Range<usize>> {
        let (mut blocks, mut from, mut used) = (Vec::new(), 0, self.left);
        for (column, wide) in self.widths.iter().enumerate() {
            if used + GAP + wide > width && column > from {
                blocks.push(from..column);
                (from, used) = (column, self.left);
            }
            used += GAP + wide;
        }
        blocks.push(from..self.widths.len());
        blocks
    }

    fn in_blocks(&self, width: usize) -> String {
        self.blocks(width).into_iter().map(|block| self.draw(block)).collect::<Vec<_>>().join("\n")
    }

    fn draw(&self, block: std::ops::Range<usize>) -> String {
        let Grid { table, left, .. } = *self;
        let widths = &self.widths[block.clone()];
        let heads: Vec<Vec<String>> =
            table.columns[block.clone()].iter().zip(widths).map(|(name, wide)| wrapped(name, *wide)).collect();
        let deepest = heads.iter().map(Vec::len).max().unwrap_or(0);
        let mut text = String::new();
        for line in 0..deepest {
            let mut row = " ".repeat(left);
            for (head, wide) in heads.iter().zip(widths) {
                // A head stands on its column.
                let part = (line + head.len()).checked_sub(deepest).map_or("", |n| &head[n]);
                row += &format!("  {part:>wide$}");
            }
            text += row.trim_end();
            text.push('\n');
        }
        for (name, cells) in &table.rows {
            let names = wrapped(name, left);
            let lines: Vec<Vec<&str>> = cells[block.clone()].iter().map(|cell| cell.lines().collect()).collect();
            let deepest = lines.iter().map(Vec::len).max().unwrap_or(0).max(names.len());
            for n in 0..deepest {
                let mut row = format!("{:<left$}", names.get(n).map_or("", String::as_str));
                for (cell, wide) in lines.iter().zip(widths) {
                    row += &format!("  {:>wide$}", cell.get(n).copied().unwrap_or(""));
                }
                text += row.trim_end();
                text.push('\n');
            }
        }
        text
    }
}

/// The parts of a name that are never torn apart.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    name.split_inclusive([' ', '-', '+', '='])
}

fn narrowest(name: &str) -> usize {
    parts(name).map(|part| part.trim_end().chars().count()).max().unwrap_or(0)
}

/// Breaks a name behind spaces and hyphens.
pub fn wrapped(name: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in parts(name) {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && line.chars().count() + part.trim_end().chars().count() > width {
            lines.push(part.to_string());
        } else {
            line.push_str(part);
        }
    }
    lines.iter().map(|line| line.trim_end().to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(columns: usize) -> Matrix {
        let names = (1..=columns).map(|n| format!("some-promise-number-{n}"));
        let cells = |row: usize| (1..=columns).map(|n| format!("{}\n±{n}", row * 1_000 * n)).collect();
        Matrix {
            columns: names.collect(),
            rows: vec![("first-system".into(), cells(1)), ("second-system".into(), cells(2))],
        }
    }

    fn widest(text: &str) -> usize {
        text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
    }

    #[test]
    fn a_small_table_stands_as_it_is() {
        insta::assert_snapshot!(matrix(3).text(60));
    }

    #[test]
    fn a_wide_one_is_turned() {
        insta::assert_snapshot!(matrix(9).text(60));
    }

    #[test]
    fn no_table_is_wider_than_the_terminal_and_none_loses_a_cell() {
        for width in [30, 40, 60, 80, 100, 200] {
            for columns in [1, 2, 5, 9, 24] {
                let text = matrix(columns).text(width);
                assert!(widest(&text) <= width, "{width} {columns}:\n{text}");
                assert_eq!(text.matches('±').count(), 2 * columns, "{width} {columns}:\n{text}");
                let upright = matrix(columns).upright(width);
                assert!(widest(&upright) <= width, "{width} {columns}:\n{upright}");
                assert_eq!(upright.matches('±').count(), 2 * columns, "{width} {columns}:\n{upright}");
            }
        }
    }

    #[test]
    fn an_upright_table_keeps_its_rows_and_is_cut_into_blocks() {
        insta::assert_snapshot!(matrix(5).upright(60));
    }

    #[test]
    fn a_name_breaks_behind_its_hyphens() {
        assert_eq!(wrapped("seri-2026-01-16", 10), ["seri-2026-", "01-16"]);
        assert_eq!(wrapped("sale to server", 8), ["sale to", "server"]);
    }
}
