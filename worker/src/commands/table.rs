//! Tables for terminals: at most 100 columns wide, whatever is in them.

use std::fmt::Write;

/// Columns of a terminal that a table keeps to.
const WIDTH: usize = 100;
/// Between two columns.
const GAP: usize = 2;
/// A column is not made narrower than this.
const NARROWEST: usize = 8;

/// Rows under a line of headings. When they are too wide, the widest column of text is cut, again and again.
pub(super) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// Columns that are never cut: ids are copied from here.
    whole: Vec<usize>,
}

impl Table {
    pub(super) fn new(headings: &[&'static str], whole: &[usize]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new(), whole: whole.to_vec() }
    }

    /// As many cells as there are headings; control characters become spaces.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let clean = |cell: String| cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.rows.push(cells.into_iter().map(clean).collect());
    }

    pub(super) fn render(&self) -> String {
        let mut widths: Vec<usize> = self.headings.iter().map(|heading| heading.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let room = WIDTH.saturating_sub(GAP * (widths.len() - 1));
        while widths.iter().sum::<usize>() > room {
            let excess = widths.iter().sum::<usize>() - room;
            let candidates = (0..widths.len()).filter(|column| !self.whole.contains(column));
            let Some(widest) = candidates.max_by_key(|column| widths[*column]) else { break };
            if widths[widest] <= NARROWEST {
                break;
            }
            widths[widest] = (widths[widest] - excess.min(widths[widest])).max(NARROWEST);
        }
        let mut text = String::new();
        let headings: Vec<String> = self.headings.iter().map(|heading| (*heading).to_owned()).collect();
        for row in std::iter::once(&headings).chain(&self.rows) {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let _ = write!(line, "{:<width$}{:GAP$}", cut(cell, *width), "");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_their_headings() {
        let mut table = Table::new(&["NAME", "N"], &[]);
        table.row(["a".into(), "1".into()]);
        table.row(["longer".into(), "20".into()]);
        assert_eq!(table.render(), "NAME    N\na       1\nlonger  20\n");
    }

    #[test]
    fn wide_text_is_cut_and_ids_are_not() {
        let mut table = Table::new(&["ID", "KIND", "REASON"], &[0]);
        let id = "01930000-0000-7000-8000-000000000001";
        table.row([id.into(), "k".repeat(48), "because\nof ".repeat(40)]);
        let text = table.render();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(text.contains(id) && text.contains('…'));
        assert_eq!(text.lines().count(), 2);
    }
}
