//! Tables that line up: wide characters (한글, 日本) count as two columns. On a terminal that is too narrow the columns
//! that may shrink do, from the last to the first; then empty and spare columns go; then every row becomes a block of
//! lines. Nothing is cut where output goes to a file or a pipe.

use comfy_table::{Cell, CellAlignment, ContentArrangement};
use unicode_width::UnicodeWidthStr as _;

use super::paint::{Paint, clean};

/// A column: its heading, and whether it may be cut to fit the terminal.
#[derive(Debug, Clone)]
pub struct Column {
    heading: &'static str,
    shrinks: bool,
    spare: bool,
    right: bool,
}

impl Column {
    /// A column that keeps its width.
    pub const fn fixed(heading: &'static str) -> Self {
        Self { heading, shrinks: false, spare: false, right: false }
    }

    /// A column of numbers, which end below each other.
    pub const fn number(heading: &'static str) -> Self {
        Self { right: true, ..Self::fixed(heading) }
    }

    /// A column that is shortened in the middle (`~/work…/SPEC-1`) where the terminal is too narrow.
    pub const fn shrinking(heading: &'static str) -> Self {
        Self { shrinks: true, ..Self::fixed(heading) }
    }

    /// The same column, left out where the terminal is too narrow for all; the last one first.
    #[must_use]
    pub const fn spare(self) -> Self {
        Self { spare: true, ..self }
    }
}

/// Rows of plain text; a style may be given per cell and is applied after fitting.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<(String, Style)>>,
}

/// How a cell looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// As it is.
    #[default]
    Plain,
    /// The row's name.
    Bold,
    /// May be skipped.
    Dim,
    /// Good.
    Green,
    /// Look here.
    Yellow,
    /// Wrong.
    Red,
}

impl Style {
    fn paint(self, text: &str, paint: Paint) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Bold => paint.bold(text),
            Self::Dim => paint.dim(text),
            Self::Green => paint.green(text),
            Self::Yellow => paint.yellow(text),
            Self::Red => paint.red(text),
        }
    }
}

impl Table {
    /// An empty table with these columns.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row; text is cleaned of control characters here.
    pub fn row<I, T>(&mut self, cells: I)
    where
        I: IntoIterator<Item = (T, Style)>,
        T: AsRef<str>,
    {
        self.rows.push(
            cells.into_iter().map(|(text, style)| (clean(text.as_ref()).replace(['\n', '\t'], " "), style)).collect(),
        );
    }

    /// The table as text for a terminal of `width` columns (`None`: as wide as it needs).
    pub fn render(&self, width: Option<u16>, paint: Paint) -> String {
        let limit = width.map_or(usize::MAX, usize::from);
        let mut kept: Vec<usize> = (0..self.columns.len()).collect();
        loop {
            if let Some(widths) = self.fit(&kept, limit) {
                return self.lines(&kept, &widths, paint);
            }
            let Some(at) = self.to_spare(&kept) else { return self.blocks(paint) };
            kept.remove(at);
        }
    }

    /// The place in `kept` of the column that is missed least.
    fn to_spare(&self, kept: &[usize]) -> Option<usize> {
        let is_empty =
            |index: usize| self.rows.iter().all(|row| row.get(index).is_none_or(|(text, _)| text.is_empty()));
        let is_spare = |index: usize| self.columns.get(index).is_some_and(|column| column.spare);
        kept.iter().position(|index| is_empty(*index)).or_else(|| kept.iter().rposition(|index| is_spare(*index)))
    }

    fn lines(&self, kept: &[usize], widths: &[usize], paint: Paint) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        let columns = || kept.iter().filter_map(|index| self.columns.get(*index));
        let rows: Vec<Vec<&(String, Style)>> =
            self.rows.iter().map(|row| kept.iter().filter_map(|index| row.get(*index)).collect()).collect();
        table.set_header(columns().map(|column| Cell::new(column.heading)));
        for row in &rows {
            table.add_row(row.iter().zip(widths).map(|((text, _), width)| Cell::new(shorten(text, *width))));
        }
        let count = table.column_count();
        for index in 0..count {
            if let Some(column) = table.column_mut(index) {
                column.set_padding((0, if index + 1 == count { 0 } else { 2 }));
                if columns().nth(index).is_some_and(|column| column.right) {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        let plain = table.to_string();
        let mut lines = plain.lines().map(str::trim_end);
        let mut out = vec![paint.dim(lines.next().unwrap_or_default())];
        for (line, row) in lines.zip(&rows) {
            out.push(paint_line(line, row, widths, paint));
        }
        out.join("\n")
    }

    /// A row as a block: what has no heading and the name on a line of their own, then a line for each other cell.
    fn blocks(&self, paint: Paint) -> String {
        let label = self.columns.iter().map(|column| column.heading.width()).max().unwrap_or_default();
        let mut out = Vec::new();
        for row in &self.rows {
            let mut title = Vec::new();
            let mut named = false;
            for (column, (text, style)) in self.columns.iter().zip(row).filter(|(_, (text, _))| !text.is_empty()) {
                if !named {
                    title.push(style.paint(text, paint));
                    named = !column.heading.trim().is_empty();
                    if named {
                        out.push(title.join(" "));
                    }
                    continue;
                }
                let heading = paint.dim(&format!("{:<label$}", column.heading));
                out.push(format!("  {heading} {}", style.paint(text, paint)));
            }
        }
        out.join("\n")
    }

    /// The widths of the `kept` columns, shrinking from the last shrinking one on; `None` where they do not fit.
    fn fit(&self, kept: &[usize], limit: usize) -> Option<Vec<usize>> {
        const NARROWEST: usize = 12;
        let columns: Vec<&Column> = kept.iter().filter_map(|index| self.columns.get(*index)).collect();
        let mut widths: Vec<usize> = columns.iter().map(|column| column.heading.width()).collect();
        for row in &self.rows {
            for (width, (text, _)) in widths.iter_mut().zip(kept.iter().filter_map(|index| row.get(*index))) {
                *width = (*width).max(text.width());
            }
        }
        let gaps = 2 * widths.len().saturating_sub(1);
        let mut over = (widths.iter().sum::<usize>() + gaps).saturating_sub(limit);
        for (width, column) in widths.iter_mut().zip(&columns).rev() {
            if over > 0 && column.shrinks {
                let cut = over.min(width.saturating_sub(NARROWEST));
                *width -= cut;
                over -= cut;
            }
        }
        (over == 0).then_some(widths)
    }
}

/// Styles are laid over the finished line, so that escapes never disturb the widths.
fn paint_line(line: &str, row: &[&(String, Style)], widths: &[usize], paint: Paint) -> String {
    let mut rest = line;
    let mut painted = String::new();
    for ((text, style), width) in row.iter().zip(widths) {
        let shown = shorten(text, *width);
        let Some((before, after)) = rest.split_once(shown.as_str()).filter(|_| !shown.is_empty()) else { continue };
        painted.push_str(before);
        painted.push_str(&style.paint(&shown, paint));
        rest = after;
    }
    painted + rest
}

/// `text` in at most `width` columns, the middle replaced by `…`: both ends of a path say something.
fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let head = take_width(text.chars(), room / 3);
    let tail: String = take_width(text.chars().rev(), room - room / 3).chars().rev().collect();
    format!("{head}…{tail}")
}

fn take_width(chars: impl Iterator<Item = char>, room: usize) -> String {
    let mut used = 0;
    let mut taken = String::new();
    for c in chars {
        let width = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        if used + width > room {
            break;
        }
        used += width;
        taken.push(c);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new([Column::fixed("SPEC"), Column::fixed("branch"), Column::shrinking("path")]);
        table.row([
            ("SPEC-1", Style::Bold),
            ("기능/로그인", Style::Plain),
            ("/home/user/worktrees/한글-프로젝트/SPEC-1", Style::Dim),
        ]);
        table.row([("SPEC-22", Style::Bold), ("main", Style::Plain), ("/w/x", Style::Dim)]);
        table
    }

    #[test]
    fn wide_characters_line_up() {
        let text = sample().render(None, Paint::new(false, false));
        let starts: Vec<usize> =
            text.lines().map(|line| line.split_once(['/', 'p']).map_or(0, |(head, _)| head.width())).collect();
        let path = text.lines().nth(2).unwrap().find("/w/x").unwrap();
        assert_eq!(text.lines().nth(2).unwrap()[..path].width(), text.lines().next().unwrap().find("path").unwrap());
        assert!(starts[0] > 0, "{text}");
    }

    #[test]
    fn a_narrow_terminal_cuts_the_middle_of_the_path_only() {
        let text = sample().render(Some(48), Paint::new(false, false));
        for line in text.lines() {
            assert!(line.width() <= 48, "{line}");
        }
        assert!(text.contains("SPEC-1\n"), "{text}");
        assert!(text.contains('…'), "{text}");
    }

    #[test]
    fn colours_do_not_move_anything() {
        let coloured = sample().render(None, Paint::new(true, false));
        assert!(coloured.contains("\u{1b}[1mSPEC-1\u{1b}[0m"), "{coloured}");
        assert!(coloured.contains("\u{1b}[1mSPEC-22\u{1b}[0m"), "{coloured}");
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_in_the_end_stacked() {
        let mut table = Table::new([
            Column::fixed(" "),
            Column::fixed("SPEC"),
            Column::shrinking("branch"),
            Column::fixed("remote"),
            Column::fixed("age").spare(),
            Column::shrinking("path").spare(),
        ]);
        let row = ["@", "SPEC-로그인", "feature/SPEC-로그인", "", "5 days ago", "/home/user/worktrees/SPEC-로그인"];
        table.row(row.map(|text| (text, Style::Plain)));
        let at = |width: u16| table.render(Some(width), Paint::new(false, false));
        for width in 16..100 {
            let text = at(width);
            let stacked = text.starts_with('@');
            assert!(stacked || text.lines().all(|line| line.width() <= usize::from(width)), "{width}\n{text}");
        }
        assert!(at(100).lines().next().unwrap().contains("remote"));
        assert!(!at(60).contains("remote") && at(60).contains("path"), "the empty column goes first\n{}", at(60));
        assert!(!at(40).contains("path") && at(40).contains("branch"), "{}", at(40));
        assert_eq!(
            at(20),
            "@ SPEC-로그인\n  branch feature/SPEC-로그인\n  age    5 days ago\n  path   /home/user/worktrees/SPEC-로그인"
        );
    }
}
