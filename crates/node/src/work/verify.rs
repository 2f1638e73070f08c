//! Checks a repository: is everything there, and as it was written?

use std::path::{Path, PathBuf};

use backstay_engine::check::{CheckOptions, Place, ReadData, check_from};
use backstay_model::{Level, RepositoryId, RunId};

use super::meter::Meter;
use super::repository::{Access, Open, make_folder};
use super::{Class, Job, Result, Stored, WorkError, Workshop, remove_if_there};

/// Findings that are told one by one; the rest is counted.
const TOLD: usize = 100;

impl Workshop {
    /// Checks structure and, of the stored data, a random choice of so many percent.
    ///
    /// When the work is cancelled, the same run goes on with the data that it has not read yet. Gives the bytes that are stored.
    ///
    /// # Errors
    /// When something is missing or damaged, or the work cannot be done.
    pub fn verify(&self, job: &Job<'_>, run: RunId, read_percent: f64) -> Result<Stored> {
        if job.repository.holds.is_archives() {
            return self.verify_archives(job, read_percent);
        }
        // What is checked is the repository, not the copy of it.
        let open = self.open(job, Access::Exclusive, false)?;
        let read_data = match read_percent {
            percent if percent >= 100.0 => ReadData::All,
            percent if percent > 0.0 => ReadData::Percent(percent),
            _ => ReadData::Nothing,
        };
        job.report.log(
            Level::Info,
            "verify",
            &format!("checking the structure and {read_percent} % of the data"),
        );
        let meter = Meter::new(&job.report, "verifying");
        let options = CheckOptions { read_data, ..CheckOptions::default() };
        let place = place(job, &open, &self.place_path(run, job.repository.id));
        let report = check_from(&open.engine, &options, place.as_ref(), &meter)
            .map_err(|error| open.explain(error))?;
        meter.finish();
        if let Some(Err(error)) = place.map(|place| place.complete()) {
            let text = format!("the notes on what was read cannot be removed: {error}");
            job.report.log(Level::Warning, "verify", &text);
        }
        for finding in report.findings.iter().take(TOLD) {
            let level = if finding.is_error { Level::Error } else { Level::Info };
            job.report.log(level, "verify", &finding.text);
        }
        if let Some(more) = report.findings.len().checked_sub(TOLD).filter(|more| *more > 0) {
            job.report.log(Level::Warning, "verify", &format!("and {more} more"));
        }
        match report.errors() {
            0 => {
                job.report.log(Level::Info, "verify", "no errors were found");
                Ok(Stored(report.stored_bytes))
            }
            errors => {
                let text =
                    format!("the check found {errors} errors; the first: {}", first_error(&report.findings));
                Err(WorkError::new(Class::Damaged, text)
                    .hint("`backstay check --read-data` on this repository says how to repair it; take a new backup to another place first"))
            }
        }
    }

    /// Removes what an interrupted check noted. Nothing to remove is fine.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn discard_place(&self, run: RunId, repository: RepositoryId) -> std::io::Result<()> {
        remove_if_there(&self.place_path(run, repository))
    }

    fn place_path(&self, run: RunId, repository: RepositoryId) -> PathBuf {
        self.notes_path(&format!("{run}.{repository}"))
    }
}

/// Opens the notes on what this run has read before it was interrupted. `None` where there can be none: the check goes well without.
fn place(job: &Job<'_>, open: &Open, path: &Path) -> Option<Place> {
    let opened = path.parent().map_or(Ok(()), make_folder).and_then(|()| Place::open(&open.engine, path));
    opened.unwrap_or_else(|error| {
        let text = format!(
            "it cannot be noted in {} what was read, so an interruption would cost time: {error}",
            path.display()
        );
        job.report.log(Level::Warning, "verify", &text);
        None
    })
}

fn first_error(findings: &[backstay_engine::check::Finding]) -> &str {
    findings.iter().find(|finding| finding.is_error).map_or("", |finding| finding.text.as_str())
}
