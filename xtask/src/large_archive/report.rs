//! What came of it, as a table and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

/// The most memory that a process may have.
const MEMORY: u64 = 200 << 20;

/// What TLS and HTTP add to a chunk, at most: one byte in so many.
const FRAMING: u64 = 400;
/// And what opening connections takes.
const HANDSHAKES: u64 = 64 << 10;

#[derive(Serialize)]
pub(crate) struct Report {
    /// Bytes of the file that does not compress; the other has a fifth as many.
    size: u64,
    seed: u64,
    archive_bytes: u64,
    chunk_bytes: u64,
    steps: Vec<Step>,
    breaks: Vec<Break>,
    /// Bytes that went to the receiver beyond those of the archive after the last break.
    again_at_last: u64,
    bars: Vec<Bar>,
}

#[derive(Serialize)]
struct Step {
    name: &'static str,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_bytes: Option<u64>,
}

/// Something that broke on the way.
#[derive(Serialize)]
pub(super) struct Break {
    pub(super) what: &'static str,
    /// Bytes on the network until then, with those of TLS.
    pub(super) at: u64,
    /// Bytes that count at the receiver.
    pub(super) counted: u64,
    /// Bytes since the last break that do not count and go again, with those of TLS.
    pub(super) again: u64,
}

/// Something that has to hold.
#[derive(Serialize)]
pub(super) struct Bar {
    what: String,
    bar: String,
    found: String,
    holds: bool,
}

impl Bar {
    pub(super) fn memory(whose: &str, peak: u64) -> Self {
        let (what, bar) = (format!("peak memory: {whose}"), format!("{} MiB", MEMORY >> 20));
        Self { what, bar, found: format!("{} MiB", peak >> 20), holds: peak <= MEMORY }
    }

    pub(super) fn at_least(what: &str, found: u64, least: u64) -> Self {
        Self {
            what: what.to_owned(),
            bar: format!("≥ {least}"),
            found: found.to_string(),
            holds: found >= least,
        }
    }

    pub(super) fn none(what: &str, found: u64) -> Self {
        Self { what: what.to_owned(), bar: "0".to_owned(), found: found.to_string(), holds: found == 0 }
    }

    pub(super) fn same(what: &str, one: &str, other: &str) -> Self {
        let found = if one == other { "the same" } else { "not the same" };
        let holds = one == other && !one.is_empty();
        Self { what: what.to_owned(), bar: "the same".to_owned(), found: found.to_owned(), holds }
    }
}

impl Report {
    pub(super) fn new(size: u64, seed: u64) -> Self {
        let (steps, breaks, bars) = (Vec::new(), Vec::new(), Vec::new());
        Self { size, seed, archive_bytes: 0, chunk_bytes: 0, steps, breaks, again_at_last: 0, bars }
    }

    pub(super) fn archive(&mut self, bytes: u64) {
        self.archive_bytes = bytes;
    }

    pub(super) fn chunk(&mut self, bytes: u64) {
        self.chunk_bytes = bytes;
    }

    pub(super) fn step(&mut self, name: &'static str, seconds: f64, peak_bytes: Option<u64>) {
        self.steps.push(Step { name, seconds, peak_bytes });
    }

    pub(super) fn broken(&mut self, broken: Break) {
        self.breaks.push(broken);
    }

    pub(super) fn rest(&mut self, again: u64) {
        self.again_at_last = again;
    }

    pub(super) fn bar(&mut self, bar: Bar) {
        self.bars.push(bar);
    }

    /// That each break cost a chunk at the most. What TLS adds to bytes that count is no cost of a break.
    pub(super) fn bar_of_breaks(&mut self) {
        let mut before = 0;
        let mut worst = 0;
        for broken in &self.breaks {
            let counted = broken.counted.saturating_sub(before);
            let framing = (counted + self.chunk_bytes) / FRAMING + HANDSHAKES;
            worst = worst.max(broken.again.saturating_sub(framing));
            before = broken.counted;
        }
        let framing = (self.archive_bytes - before) / FRAMING + HANDSHAKES;
        worst = worst.max(self.again_at_last.saturating_sub(framing));
        self.bars.push(Bar {
            what: "bytes that go again after a break, at most".to_owned(),
            bar: format!("a chunk, {}", self.chunk_bytes),
            found: worst.to_string(),
            holds: worst <= self.chunk_bytes,
        });
    }

    /// Whether all holds.
    pub(crate) fn holds(&self) -> bool {
        self.bars.iter().all(|bar| bar.holds)
    }

    pub(crate) fn render(&self) -> String {
        let mib = |bytes: u64| format!("{:.1}", bytes as f64 / f64::from(1 << 20));
        let mut text = format!(
            "an archive of {} MiB in chunks of {} MiB (seed {})\n\n| step | seconds | peak memory, MiB |\n|---|---:|---:|\n",
            mib(self.archive_bytes),
            mib(self.chunk_bytes),
            self.seed
        );
        for step in &self.steps {
            let peak = step.peak_bytes.map_or_else(|| "–".to_owned(), mib);
            let _ = writeln!(text, "| {} | {:.1} | {peak} |", step.name, step.seconds);
        }
        text.push_str("\n| break | after, MiB | counts, MiB | goes again, MiB |\n|---|---:|---:|---:|\n");
        for Break { what, at, counted, again } in &self.breaks {
            let _ = writeln!(text, "| {what} | {} | {} | {} |", mib(*at), mib(*counted), mib(*again));
        }
        text.push_str("\n| what | bar | found | |\n|---|---|---|---|\n");
        for Bar { what, bar, found, holds } in &self.bars {
            let _ =
                writeln!(text, "| {what} | {bar} | {found} | {} |", if *holds { "holds" } else { "FAILS" });
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_break_that_costs_more_than_a_chunk_does_not_hold() {
        let broken = |counted, again| Break { what: "connection cut", at: 0, counted, again };
        for (costs, holds) in [([60 << 20, 64 << 20], true), ([1, 66 << 20], false)] {
            let mut report = Report::new(1 << 30, 1);
            report.archive(1 << 30);
            report.chunk(64 << 20);
            report.broken(broken(100 << 20, costs[0]));
            report.broken(broken(300 << 20, costs[1]));
            report.bar_of_breaks();
            assert_eq!(report.holds(), holds, "{}", report.render());
            assert!(report.render().contains(if holds { "holds" } else { "FAILS" }));
        }
    }
}
