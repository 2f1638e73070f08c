//! The raw results, as they are kept in `bench/results/`, and the table of medians.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::upload::By;
use super::{OURS, ZIP};
use crate::bench::machine::{self, Machine};
use crate::bench::measure::Cost;
use crate::bench::results::{slug, write_new};
use crate::large_archive::Report;

#[derive(Serialize)]
pub(super) struct Results {
    date: String,
    machine: Machine,
    versions: BTreeMap<&'static str, String>,
    /// Bytes that were asked for, and that the data directory has.
    size: u64,
    data_bytes: u64,
    rounds: u32,
    pub(super) samples: Vec<Sample>,
    #[serde(skip_serializing_if = "Option::is_none")]
    large_archive: Option<Report>,
}

/// One work in one round.
#[derive(Serialize)]
pub(super) struct Sample {
    /// `downtime`, `archive` or `upload`.
    work: &'static str,
    place: &'static str,
    by: &'static str,
    round: u32,
    /// Of downtimes: for how long a client got no answer.
    seconds: f64,
    /// Of downtimes: as the run, or the clock around the script, tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) told_seconds: Option<f64>,
    /// Of a plan's run: from its start until it is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<u64>,
    /// What a run says of its copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) copy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processor_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_bytes: Option<u64>,
}

impl Sample {
    pub(super) fn new(
        work: &'static str,
        place: &'static str,
        by: &'static str,
        round: u32,
        seconds: f64,
    ) -> Self {
        eprintln!("round {round}: {work} on {place}, {by}: {seconds:.2} s");
        let (told_seconds, run_seconds, bytes) = (None, None, None);
        let (copy, processor_seconds, peak_bytes) = (None, None, None);
        Self {
            work,
            place,
            by,
            round,
            seconds,
            told_seconds,
            run_seconds,
            bytes,
            copy,
            processor_seconds,
            peak_bytes,
        }
    }

    pub(super) fn cost(self, cost: &Cost) -> Self {
        Self { processor_seconds: Some(cost.user + cost.system), peak_bytes: Some(cost.peak), ..self }
    }
}

/// What is compared, and how much of the other's time ours may take.
struct Row {
    title: &'static str,
    work: &'static str,
    place: &'static str,
    other: &'static str,
    bar: Option<f64>,
}

const ROWS: [Row; 5] = [
    Row { title: "downtime", work: "downtime", place: "disk", other: ZIP, bar: Some(1.0 / 8.0) },
    Row {
        title: "downtime, blocks shared",
        work: "downtime",
        place: "xfs",
        other: ZIP,
        bar: Some(1.0 / 8.0),
    },
    Row { title: "zip path", work: "archive", place: "disk", other: ZIP, bar: Some(1.0 / 3.0) },
    Row { title: "upload", work: "upload", place: "disk", other: By::RestServer.name(), bar: Some(1.0) },
    Row { title: "upload", work: "upload", place: "disk", other: By::OurReceiver.name(), bar: None },
];

impl Results {
    pub(super) fn new(size: u64, rounds: u32) -> Result<Self> {
        let (date, machine) = (machine::today()?, Machine::describe()?);
        let versions = BTreeMap::new();
        Ok(Self {
            date,
            machine,
            versions,
            size,
            data_bytes: 0,
            rounds,
            samples: Vec::new(),
            large_archive: None,
        })
    }

    pub(super) fn version(&mut self, of: &'static str, version: String) {
        self.versions.insert(of, version);
    }

    pub(super) fn data(&mut self, bytes: u64) {
        self.data_bytes = bytes;
    }

    pub(super) fn large_archive(&mut self, report: Report) {
        self.large_archive = Some(report);
    }

    /// The median of a work, and of a field of it.
    fn median(&self, row: &Row, by: &str, of: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        let samples = self.samples.iter();
        let samples = samples.filter(|one| (one.work, one.place, one.by) == (row.work, row.place, by));
        let mut values: Vec<f64> = samples.filter_map(of).collect();
        values.sort_unstable_by(f64::total_cmp);
        let (low, high) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
        Some((low + high) / 2.0)
    }

    fn ratio(&self, row: &Row) -> Option<f64> {
        let seconds = |by| self.median(row, by, |sample| Some(sample.seconds));
        Some(seconds(OURS)? / seconds(row.other)?)
    }

    /// Whether all bars are reached, of what was measured.
    pub(super) fn holds(&self) -> bool {
        let reached = |row: &Row| match (self.ratio(row), row.bar) {
            (Some(ratio), Some(bar)) => ratio <= bar,
            _ => true,
        };
        ROWS.iter().all(reached) && self.large_archive.as_ref().is_none_or(Report::holds)
    }

    pub(super) fn render(&self) -> String {
        let mut text = format!(
            "{:.2} GB of data, medians of {} rounds\n\n| what | beside | ours, s | the other's, s | ratio | bar | ours, MB | the \
             other's, MB |\n|---|---|---:|---:|---:|---:|---:|---:|\n",
            self.data_bytes as f64 / 1e9,
            self.rounds
        );
        let show = |value: Option<f64>, decimals: usize| {
            value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
        };
        for row in &ROWS {
            let of = |by: &str| self.median(row, by, |sample| Some(sample.seconds));
            let megabytes =
                |by: &str| self.median(row, by, |sample| sample.bytes.map(|bytes| bytes as f64 / 1e6));
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} |",
                row.title,
                row.other,
                show(of(OURS), 2),
                show(of(row.other), 2),
                show(self.ratio(row), 3),
                show(row.bar, 3),
                show(megabytes(OURS), 1),
                show(megabytes(row.other), 1)
            );
        }
        for row in ROWS.iter().filter(|row| row.work == "downtime") {
            let told = self.median(row, OURS, |sample| sample.told_seconds);
            // Later runs store what did not change since.
            let first = |sample: &Sample| sample.run_seconds.filter(|_| sample.round == 1);
            let run = self.median(row, OURS, first);
            let copies = self
                .samples
                .iter()
                .filter(|one| one.place == row.place)
                .filter_map(|one| one.copy.as_deref());
            let copies: Vec<&str> = copies.collect();
            let _ = writeln!(
                text,
                "\n{}: told {} s, the first stored after {} s; {}",
                row.title,
                show(told, 2),
                show(run, 1),
                copies.join("; ")
            );
        }
        if let Some(report) = &self.large_archive {
            let _ = write!(text, "\n{}", report.render());
        }
        text.push('\n');
        text
    }

    /// Writes a new file into `folder`; gives its name.
    pub(super) fn write(&self, folder: &Path) -> Result<String> {
        write_new(folder, &format!("{}-{}-full-file", self.date, slug(&self.machine.processor)), self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_of_medians_and_of_what_was_measured() {
        let mut results = Results::new(4 << 30, 3).unwrap();
        assert!(results.holds());
        for (round, ours) in [(1, 10.0), (2, 30.0), (3, 12.0)] {
            results.samples.push(Sample::new("downtime", "disk", OURS, round, ours));
            results.samples.push(Sample::new("downtime", "disk", ZIP, round, 96.0));
        }
        assert!(results.holds(), "{}", results.render());
        assert!(results.render().contains("| downtime | zip | 12.00 | 96.00 | 0.125 | 0.125 |"));
        results.samples.push(Sample::new("upload", "disk", OURS, 1, 2.0));
        results.samples.push(Sample::new("upload", "disk", By::RestServer.name(), 1, 1.0));
        assert!(!results.holds());
    }
}
