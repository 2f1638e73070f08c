//! Tables of text with lines beneath the head and at the end, as restic draws them.

use unicode_width::UnicodeWidthStr;

/// A table that is being filled. Cells may hold several lines.
#[derive(Debug, Default)]
pub(crate) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    footer: Vec<String>,
    /// Whether rows are set apart by empty lines.
    pub(crate) spaced: bool,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(ToString::to_string).collect(), ..Self::default() }
    }

    /// Adds a row with a cell for each column.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Adds a line beneath the table.
    pub(crate) fn footer(&mut self, line: impl Into<String>) {
        self.footer.push(line.into());
    }

    /// Draws it, without a newline at the end.
    pub(crate) fn draw(&self) -> String {
        let mut widths: Vec<usize> = self.head.iter().map(|name| name.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.lines().map(UnicodeWidthStr::width).fold(*width, usize::max);
            }
        }
        let total = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
        let rule = "-".repeat(total);
        let mut lines = draw_row(&self.head, &widths);
        lines.push(rule.clone());
        for (index, row) in self.rows.iter().enumerate() {
            if self.spaced && index > 0 {
                lines.push(String::new());
            }
            lines.extend(draw_row(row, &widths));
        }
        lines.push(rule);
        lines.extend(self.footer.iter().cloned());
        lines.join("\n")
    }
}

fn draw_row(cells: &[String], widths: &[usize]) -> Vec<String> {
    let height = cells.iter().map(|cell| cell.lines().count()).max().unwrap_or(0).max(1);
    (0..height)
        .map(|line| {
            let mut text = String::new();
            for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
                let part = cell.lines().nth(line).unwrap_or("");
                if index > 0 {
                    text.push_str("  ");
                }
                text.push_str(part);
                text.extend(std::iter::repeat_n(' ', width.saturating_sub(part.width())));
            }
            text.trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["ID", "Paths"]);
        table.row(vec!["1".into(), "/a\n/bücher".into()]);
        table.row(vec!["22".into(), "/日本".into()]);
        table.footer("2 snapshots");
        let expected = "ID  Paths\n-----------\n1   /a\n    /bücher\n22  /日本\n-----------\n2 snapshots";
        assert_eq!(table.draw(), expected);
    }
}
