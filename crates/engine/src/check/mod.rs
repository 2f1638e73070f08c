//! Checking: is everything there that the snapshots need, and is it as it was written?

mod data;
mod place;
mod structure;

use backstay_core::{Events, FileId};

use crate::Result;
use crate::repository::Repository;

pub use data::check_pack;
pub use place::Place;
pub(crate) use structure::pack_length;

/// Which packs are read whole.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ReadData {
    /// None: only what the index and the trees say is checked.
    #[default]
    Nothing,
    /// All.
    All,
    /// Of `parts` equal parts the one with this number, counted from 1.
    Part {
        /// Which part.
        number: u64,
        /// How many parts there are.
        parts: u64,
    },
    /// A random choice of so many percent of the packs.
    Percent(f64),
    /// A random choice of about so many bytes.
    Bytes(u64),
}

/// How thoroughly to check.
///
/// ```
/// # use std::sync::Arc;
/// # use backstay_core::Silent;
/// # use backstay_engine::testing::{CountingRandom, TestClock};
/// # use backstay_engine::{Environment, Identity};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (clock, random) = (Arc::new(TestClock::default()), Arc::new(CountingRandom::default()));
/// # let environment = Environment { clock, random, identity: Identity::default() };
/// # let storage = Arc::new(backstay_storage::Memory::new());
/// # use backstay_engine::crypto::KdfParams;
/// # use backstay_engine::repository::{InitOptions, init};
/// # use backstay_engine::Settings;
/// # let settings = Settings { kdf: KdfParams::CHEAP, ..Settings::default() };
/// # let repository = init(storage, "password", InitOptions::default(), environment, settings)?;
/// use backstay_engine::check::{CheckOptions, ReadData, check};
///
/// let options = CheckOptions { read_data: ReadData::Percent(10.0), ..CheckOptions::default() };
/// let report = check(&repository, &options, &Silent)?;
/// assert_eq!(report.errors(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CheckOptions {
    /// Which packs are read.
    pub read_data: ReadData,
    /// Only check what these snapshots need; `None` stands for all snapshots, and for data that none needs too.
    pub snapshots: Option<Vec<FileId>>,
    /// Count blobs that no snapshot needs.
    pub check_unused: bool,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether data is missing or damaged. The rest is untidy at worst.
    pub is_error: bool,
    /// What it is, for people.
    pub text: String,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckReport {
    /// Everything found.
    pub findings: Vec<Finding>,
    /// Packs that cannot be read as they were written, the missing ones too.
    pub broken_packs: Vec<FileId>,
    /// Packs that are not there at all.
    pub missing_packs: Vec<FileId>,
    /// `repair index` would help.
    pub suggest_repair_index: bool,
    /// `prune` would tidy up.
    pub suggest_prune: bool,
    /// There is data and no snapshot: unless that is meant, `recover` would bring back what can be found.
    pub suggest_recover: bool,
    /// Packs that were read whole, before an interruption too.
    pub packs_read: u64,
    /// Bytes of the packs that are there and that the index names.
    pub stored_bytes: u64,
    /// Blobs that no snapshot needs, if they were counted.
    pub unused_blobs: Vec<FileId>,
}

impl CheckReport {
    /// How many findings are errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.is_error).count()
    }

    pub(super) fn error(&mut self, text: impl Into<String>) {
        self.findings.push(Finding { is_error: true, text: text.into() });
    }

    pub(super) fn hint(&mut self, text: impl Into<String>) {
        self.findings.push(Finding { is_error: false, text: text.into() });
    }
}

/// Checks a repository.
///
/// # Errors
/// When the work is cancelled or files cannot be listed. Damage is no error of this function: it is in the report.
pub fn check(repository: &Repository, options: &CheckOptions, events: &dyn Events) -> Result<CheckReport> {
    check_from(repository, options, None, events)
}

/// Checks a repository, and keeps this place meanwhile: when the check is interrupted, the next one with the same place and options
/// goes on with the packs that were not read yet. All else is checked again.
///
/// # Errors
/// As [`check`].
pub fn check_from(
    repository: &Repository,
    options: &CheckOptions,
    place: Option<&Place>,
    events: &dyn Events,
) -> Result<CheckReport> {
    let mut report = CheckReport::default();
    // Before the index: what a snapshot needs is in an index that was written before it, so a backup that ends meanwhile
    // is not taken for damage.
    let snapshots = structure::check_snapshots(repository, options, &mut report)?;
    events.message("load indexes");
    let index = structure::check_index(repository, &mut report)?;
    events.message("check all packs");
    let mut packs = structure::check_packs(repository, &index, &mut report)?;
    report.stored_bytes = packs.iter().map(|(_, length)| length).sum();
    events.message("check snapshots, trees and blobs");
    let needed = structure::check_trees(repository, &index, &snapshots, options, events, &mut report)?;
    if options.snapshots.is_some() {
        packs.retain(|(pack, _)| pack.blobs.iter().any(|blob| needed.has(blob.kind, &blob.id)));
    }
    let mut chosen = data::choose(repository, options, packs, place);
    data::leave_out_frozen(repository, &mut chosen, &mut report)?;
    if !chosen.is_empty() {
        match chosen.done {
            0 => events.message("read all data"),
            done => events.message(&format!("read the rest of the data: {done} packs were read before")),
        }
        data::check_packs(repository, &index, &chosen, place, events, &mut report)?;
    }
    let all = options.snapshots.is_none();
    report.suggest_recover = all && snapshots.is_empty() && (report.suggest_prune || index.pack_count() > 0);
    report.broken_packs.sort_unstable();
    report.broken_packs.dedup();
    Ok(report)
}
