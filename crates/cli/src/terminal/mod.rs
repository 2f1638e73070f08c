//! Progress of long work: a status line on a terminal, lines or JSON messages elsewhere.

mod backup;
mod counter;
mod rate;
mod restore;
mod ticker;

pub(crate) use backup::BackupProgress;
pub(crate) use counter::StepProgress;
pub(crate) use restore::RestoreProgress;
pub(crate) use ticker::Bell;

/// Cuts a line to the width of the terminal, so that it takes one row.
fn fit(line: &str) -> String {
    use unicode_width::UnicodeWidthChar;
    let width =
        terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)).saturating_sub(1);
    let mut used = 0;
    line.chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= width
        })
        .collect()
}
