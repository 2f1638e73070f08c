//! Checks a repository: is everything there, and as it was written?

use backstay_engine::check::{CheckOptions, ReadData, check};
use backstay_model::Level;
use backstay_model::run::Outcome;

use super::meter::Meter;
use super::repository::Access;
use super::{Class, Job, Result, WorkError, Workshop};

/// Findings that are told one by one; the rest is counted.
const TOLD: usize = 100;

impl Workshop {
    /// Checks structure and, of the stored data, a random choice of so many percent.
    ///
    /// # Errors
    /// When something is missing or damaged, or the work cannot be done.
    pub fn verify(&self, job: &Job<'_>, read_percent: f64) -> Result<Outcome> {
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
        let report = check(&open.engine, &options, &meter).map_err(|error| open.explain(error))?;
        meter.finish();
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
                Ok(Outcome::default())
            }
            errors => {
                let text =
                    format!("the check found {errors} errors; the first: {}", first_error(&report.findings));
                Err(WorkError::new(Class::Damaged, text)
                    .hint("`backstay check --read-data` on this repository says how to repair it; take a new backup to another place first"))
            }
        }
    }
}

fn first_error(findings: &[backstay_engine::check::Finding]) -> &str {
    findings.iter().find(|finding| finding.is_error).map_or("", |finding| finding.text.as_str())
}
