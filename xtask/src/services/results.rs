//! The raw results, as they are kept in `bench/results/`, and the table of medians.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::repository::{History, Source};
use super::{MONGODUMP, OURS, RCLONE, RESTIC};
use crate::bench::machine::{self, Machine};
use crate::bench::measure::Cost;
use crate::bench::results::{slug, write_new};

/// No work of ours may take more memory, in bytes.
const MEMORY: u64 = 200 << 20;

#[derive(Serialize)]
pub(super) struct Results {
    date: String,
    machine: Machine,
    versions: BTreeMap<&'static str, String>,
    rounds: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) history: Option<History>,
    /// Objects of the bucket, and their bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bucket: Option<serde_json::Value>,
    /// Bytes of the documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mongodb_bytes: Option<u64>,
    samples: Vec<Sample>,
}

/// One work in one round.
#[derive(Serialize)]
pub(super) struct Sample {
    work: &'static str,
    by: &'static str,
    round: u32,
    /// Of runs of a plan: from when it was asked for until it ended.
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    processor_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_bytes: Option<u64>,
    /// Requests of S3's protocol, by operation.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    requests: BTreeMap<String, u64>,
}

impl Sample {
    pub(super) fn new(work: &'static str, by: &'static str, round: u32, seconds: f64) -> Self {
        eprintln!("round {round}: {work}, {by}: {seconds:.2} s");
        let (processor_seconds, peak_bytes, requests) = (None, None, BTreeMap::new());
        Self { work, by, round, seconds, processor_seconds, peak_bytes, requests }
    }

    pub(super) fn cost(self, cost: &Cost) -> Self {
        Self { processor_seconds: Some(cost.user + cost.system), ..self }.peak(cost.peak)
    }

    pub(super) fn peak(self, bytes: u64) -> Self {
        Self { peak_bytes: Some(bytes), ..self }
    }

    pub(super) fn requests(self, requests: BTreeMap<String, u64>) -> Self {
        Self { requests, ..self }
    }
}

/// What is compared, and how many times as fast ours has to be.
struct Row {
    title: &'static str,
    work: &'static str,
    other: &'static str,
    others_work: &'static str,
    bar: Option<f64>,
}

const fn row(title: &'static str, work: &'static str, other: &'static str, bar: Option<f64>) -> Row {
    Row { title, work, other, others_work: work, bar }
}

const ROWS: [Row; 11] = [
    row("backup", "backup", RESTIC, Some(1.5)),
    row("backup, nothing changed", "backup, unchanged", RESTIC, None),
    row("restore", "restore", RESTIC, Some(1.5)),
    row("50 ms: snapshots", "snapshots", RESTIC, Some(4.0)),
    row("50 ms: ls latest", "ls latest", RESTIC, None),
    row("50 ms: check", "check", RESTIC, Some(4.0)),
    row("50 ms: prune", "prune", RESTIC, Some(4.0)),
    row("bucket, first", "bucket, first", RCLONE, Some(1.2)),
    row("bucket, nothing changed", "bucket, unchanged", RCLONE, Some(5.0)),
    row("MongoDB", "mongodb", MONGODUMP, Some(1.0)),
    Row {
        title: "MongoDB, beside a packed archive",
        work: "mongodb",
        other: MONGODUMP,
        others_work: "mongodb, packed",
        bar: None,
    },
];

impl Results {
    pub(super) fn new(rounds: u32) -> Result<Self> {
        Ok(Self {
            date: machine::today()?,
            machine: Machine::describe()?,
            versions: BTreeMap::new(),
            rounds,
            source: None,
            history: None,
            bucket: None,
            mongodb_bytes: None,
            samples: Vec::new(),
        })
    }

    pub(super) fn version(&mut self, of: &'static str, version: String) {
        self.versions.insert(of, version);
    }

    pub(super) fn add(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    /// The median of something of a work.
    fn median(&self, work: &str, by: &str, of: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        let samples = self.samples.iter().filter(|one| (one.work, one.by) == (work, by));
        let mut values: Vec<f64> = samples.filter_map(of).collect();
        values.sort_unstable_by(f64::total_cmp);
        let (low, high) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
        Some((low + high) / 2.0)
    }

    /// How many times as fast ours is.
    fn ratio(&self, row: &Row) -> Option<f64> {
        let seconds = |work, by| self.median(work, by, |sample| Some(sample.seconds));
        Some(seconds(row.others_work, row.other)? / seconds(row.work, OURS)?)
    }

    /// The most memory that a work took in any round.
    fn peak(&self, work: &str, by: &str) -> Option<u64> {
        self.samples
            .iter()
            .filter(|one| (one.work, one.by) == (work, by))
            .filter_map(|one| one.peak_bytes)
            .max()
    }

    /// Whether all bars are reached, of what was measured.
    pub(super) fn holds(&self) -> bool {
        let reached = |row: &Row| match (self.ratio(row), row.bar) {
            (Some(ratio), Some(bar)) => ratio >= bar,
            _ => true,
        };
        let fits = |sample: &Sample| sample.by != OURS || sample.peak_bytes.is_none_or(|peak| peak <= MEMORY);
        ROWS.iter().all(reached) && self.samples.iter().all(fits)
    }

    pub(super) fn render(&self) -> String {
        let mut text = format!(
            "Medians of {} rounds; requests are S3's, memory is the most of any round.\n\n\
             | what | beside | ours, s | the other's, s | times as fast | bar | ours, MiB | the other's, MiB | our requests | the \
             other's |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
            self.rounds
        );
        let show = |value: Option<f64>, decimals: usize| {
            value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
        };
        for row in &ROWS {
            if self.ratio(row).is_none() {
                continue;
            }
            let seconds = |work, by| show(self.median(work, by, |sample| Some(sample.seconds)), 2);
            let peak = |work, by| show(self.peak(work, by).map(|bytes| bytes as f64 / f64::from(1 << 20)), 0);
            let requests = |work, by| {
                let count = |sample: &Sample| Some(sample.requests.values().sum::<u64>() as f64);
                show(self.median(work, by, count).filter(|count| *count > 0.0), 0)
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                row.title,
                row.other,
                seconds(row.work, OURS),
                seconds(row.others_work, row.other),
                show(self.ratio(row), 2),
                show(row.bar, 1),
                peak(row.work, OURS),
                peak(row.others_work, row.other),
                requests(row.work, OURS),
                requests(row.others_work, row.other),
            );
        }
        text.push('\n');
        text
    }

    /// Writes a new file into `folder`; gives its name.
    pub(super) fn write(&self, folder: &Path) -> Result<String> {
        write_new(folder, &format!("{}-{}-services", self.date, slug(&self.machine.processor)), self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_of_medians_of_what_was_measured_and_of_memory() {
        let mut results = Results::new(3).unwrap();
        assert!(results.holds());
        for (round, ours) in [(1, 10.0), (2, 30.0), (3, 12.0)] {
            results.add(Sample::new("check", OURS, round, ours).peak(100 << 20));
            results.add(Sample::new("check", RESTIC, round, 48.0).peak(300 << 20));
        }
        assert!(results.holds(), "{}", results.render());
        assert!(
            results
                .render()
                .contains("| 50 ms: check | restic | 12.00 | 48.00 | 4.00 | 4.0 | 100 | 300 | – | – |")
        );
        results.add(Sample::new("check", OURS, 4, 1.0).peak(201 << 20));
        assert!(!results.holds());
        results.samples.pop();
        results.add(Sample::new("mongodb", OURS, 1, 2.0));
        results.add(Sample::new("mongodb", MONGODUMP, 1, 1.9));
        assert!(!results.holds());
    }
}
