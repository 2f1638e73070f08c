//! The backup that files are brought back from beside their places, to be checked there before they take them: a snapshot or an archive.

use std::path::Path;

use backstay_core::{Control, EntryKind, FileId};
use backstay_engine::format::Node;
use backstay_engine::repository::{Next, PathVisitor, SnapshotEntry, TreeCache, walk_paths};
use backstay_engine::restore::{Overwrite, RestoreOptions, Selected, restore};
use backstay_sources::files::restore as target;
use serde::de::DeserializeOwned;

use super::archives::Source;
use super::discard::{Older, older};
use super::meter::Meter;
use super::repository::{Access, Open, make_folder};
use super::restore::{bring_back, cannot_restore, find_snapshot};
use super::{Class, Job, Result, WorkError, Workshop, excludes, note};

/// What files are brought back from.
pub(super) enum Origin {
    Snapshot(Box<Snapshot>),
    Archive(Box<Source>),
}

/// A snapshot in a repository that is open.
pub(super) struct Snapshot {
    open: Open,
    entry: SnapshotEntry,
}

impl Workshop {
    /// Finds a backup. `is_read` tells which of its paths will be read, so that what lies in an archive class is asked for at once.
    pub(super) fn origin(
        &self,
        job: &Job<'_>,
        name: &str,
        is_read: &(dyn Fn(&[u8]) -> bool + Send + Sync),
    ) -> Result<Origin> {
        if job.repository.holds.is_archives() {
            return Ok(Origin::Archive(Box::new(self.archive_source(job, name)?)));
        }
        let open = self.open(job, Access::Shared, true)?;
        let entry = find_snapshot(&open, name)?;
        bring_back(&open, &[entry.snapshot.tree], is_read)?;
        Ok(Origin::Snapshot(Box::new(Snapshot { open, entry })))
    }
}

impl Origin {
    pub(super) fn id(&self) -> String {
        match self {
            Self::Snapshot(from) => from.entry.id.to_hex(),
            Self::Archive(source) => source.id(),
        }
    }

    /// Says with what is damaged which older backup is whole.
    pub(super) fn offer_older(&self, job: &Job<'_>, error: WorkError) -> WorkError {
        match self {
            Self::Snapshot(from) => from.offer_older(job, error),
            Self::Archive(source) => source.offer_older(job, error),
        }
    }

    /// The note of this name, if there is one.
    pub(super) fn note<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        match self {
            Self::Snapshot(from) => {
                let trees = TreeCache::new(&from.open.engine, from.open.index()?);
                note::read(&from.open.engine, &trees, &from.entry.snapshot.tree, name)
            }
            Self::Archive(source) => source.note(name),
        }
    }

    /// How many files lie at these paths or below, and their bytes.
    pub(super) fn extent(&self, control: &Control, wanted: Vec<Vec<u8>>) -> Result<(u64, u64)> {
        match self {
            Self::Snapshot(from) => {
                let trees = TreeCache::new(&from.open.engine, from.open.index()?);
                let mut size = Size { control, wanted, files: 0, bytes: 0 };
                let walked = walk_paths(&trees, &from.entry.snapshot.tree, &mut size);
                walked.map_err(|error| from.open.explain(error))?;
                Ok((size.files, size.bytes))
            }
            Self::Archive(source) => source.extent(&wanted),
        }
    }

    /// Brings what is wanted back into a folder, under the paths that it had, and reads it again.
    ///
    /// # Errors
    /// When any of it is not as it was backed up.
    pub(super) fn stage(&self, job: &Job<'_>, folder: &Path, wanted: &[Vec<u8>]) -> Result<()> {
        make_folder(folder).map_err(|error| cannot_restore(folder, &error))?;
        let failures = match self {
            Self::Snapshot(from) => from.restore(job, folder, wanted)?,
            Self::Archive(source) => {
                let select = |path: &[u8]| wanted.iter().any(|wanted| leads_or_lies(path, wanted));
                source.restore(job, folder, folder, &select, false)?.failures
            }
        };
        if failures == 0 {
            return Ok(());
        }
        let text = format!("{failures} items of the backup could not be brought back as they were");
        Err(WorkError::new(Class::Damaged, text)
            .hint("nothing that is in use was touched; an older backup may be whole, and the log says what is wrong with this one"))
    }
}

/// Whether a path lies in a folder, or on the way to it.
fn leads_or_lies(path: &[u8], folder: &[u8]) -> bool {
    excludes::lies_in(path, folder) || excludes::lies_in(folder, path)
}

impl Snapshot {
    /// Brings what is wanted back into a folder, and reads it again. Says how much of it failed.
    fn restore(&self, job: &Job<'_>, folder: &Path, wanted: &[Vec<u8>]) -> Result<u64> {
        let cannot = |error: std::io::Error| cannot_restore(folder, &error);
        let into = target::FolderTarget::open(folder, target::RestoreOptions::default()).map_err(cannot)?;
        let select = |path: &[u8], _: bool| {
            let chosen = wanted.iter().any(|wanted| excludes::lies_in(path, wanted));
            Selected { item: chosen, below: wanted.iter().any(|wanted| leads_or_lies(path, wanted)) }
        };
        let meter = Meter::new(&job.report, "restoring");
        let options =
            RestoreOptions { overwrite: Overwrite::Always, verify: true, ..RestoreOptions::default() };
        let Self { open, entry } = self;
        let report =
            restore(&open.engine, &open.index()?, entry.snapshot.tree, &into, &select, options, &meter)
                .map_err(|error| open.explain(error))?;
        meter.finish();
        if report.damaged == 0 {
            return Ok(report.failures);
        }
        let text = format!("{} items of the backup cannot be read from the repository", report.failures);
        Err(self.offer_older(job, WorkError::new(Class::Damaged, text)))
    }

    /// Says with what is damaged which older snapshot of the source is whole. Any other error stays as it is.
    fn offer_older(&self, job: &Job<'_>, error: WorkError) -> WorkError {
        if error.class() != Class::Damaged {
            return error;
        }
        match older(job, &self.open, &self.entry, &|_, _| Selected::ALL) {
            Ok(Older { said, whole }) => {
                error.hint(format!("nothing that is in use was touched; {said}")).offering(whole)
            }
            // Damage is what matters, also where it cannot be looked any further.
            Err(_) => error,
        }
    }
}

/// Counts files.
struct Size<'a> {
    control: &'a Control,
    wanted: Vec<Vec<u8>>,
    files: u64,
    bytes: u64,
}

impl PathVisitor for Size<'_> {
    type Error = WorkError;

    fn node(&mut self, path: &[u8], node: &Node, _parent: &FileId) -> Result<Next> {
        self.control.checkpoint()?;
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let lies_in = |wanted: &Vec<u8>| excludes::lies_in(path, wanted);
        if node.meta.kind == EntryKind::File && self.wanted.iter().any(lies_in) {
            self.files += 1;
            self.bytes += node.meta.size;
        }
        Ok(Next::Into)
    }
}
