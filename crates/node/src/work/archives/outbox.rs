//! Archives that wait on this host to be sent.
//!
//! ```text
//!  archives/PLAN.SOURCE.REPOSITORY/RUN/NAME, NAME.manifest.json, note.json
//! ```
//!
//! An archive that could not be sent stays, whatever became of its run, and the next one sends it first.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use backstay_archive::local::{read_beside, write_new};
use backstay_archive::manifest::Manifest;
use backstay_archive::read::FileInput;
use backstay_model::{PlanId, RepositoryId, RunId, SourceId};
use serde::{Deserialize, Serialize};

use crate::work::backup::BackupDone;
use crate::work::repository::make_folder;
use crate::work::{Class, Result, WorkError, Workshop, remove_folder_if_there, remove_if_there};

const NOTE: &str = "note.json";
/// A file that says that it arrived.
const SENT: &str = "sent";

/// The folder of all that waits for one destination.
#[derive(Debug, Clone)]
pub(super) struct Outbox(PathBuf);

/// An archive that waits to be sent.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The run that made it.
    pub run: RunId,
    folder: PathBuf,
    note: Note,
}

/// What is noted beside a waiting archive.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Note {
    /// Its file name.
    name: String,
    /// The folder at the destination that it goes to.
    folder: String,
    /// What its backup did.
    done: BackupDone,
}

impl Workshop {
    /// The outbox of a plan's source for a destination. It lies in `spool` where one is named.
    pub(super) fn outbox(
        &self,
        spool: Option<&Path>,
        (plan, source, repository): (PlanId, SourceId, RepositoryId),
    ) -> Outbox {
        let base = match spool {
            Some(folder) => folder.join("backstay-archives"),
            None => self.data_dir.join("archives"),
        };
        Outbox(base.join(format!("{plan}.{source}.{repository}")))
    }

    /// Archives that wait to be sent from there, the oldest first.
    pub fn waiting(&self, spool: Option<&Path>, of: (PlanId, SourceId, RepositoryId)) -> Vec<Waiting> {
        self.outbox(spool, of).waiting()
    }

    /// Removes what waits for plans that are gone, once nobody has touched it for so long, from the node's own folder.
    pub fn tidy_outboxes(&self, plans: &[PlanId], patience: Duration) {
        for entry in fs::read_dir(self.data_dir.join("archives")).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let plan = name.to_str().and_then(|name| name.split('.').next());
            let is_known = plan.is_some_and(|plan| plans.iter().any(|known| known.to_string() == plan));
            let changed = entry.metadata().and_then(|meta| meta.modified());
            let is_old = changed.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > patience));
            if !is_known && is_old {
                let _ = remove_folder_if_there(&entry.path());
            }
        }
    }

    /// Removes what a run made to be sent. Nothing to remove is fine.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn discard_archive(
        &self,
        spool: Option<&Path>,
        of: (PlanId, SourceId, RepositoryId),
        run: RunId,
    ) -> std::io::Result<()> {
        remove_folder_if_there(&self.outbox(spool, of).0.join(run.to_string()))
    }
}

impl Outbox {
    /// The folder that a run makes its archive in, empty.
    pub(super) fn begin(&self, run: RunId) -> std::io::Result<PathBuf> {
        let folder = self.0.join(run.to_string());
        remove_folder_if_there(&folder)?;
        make_folder(&folder)?;
        Ok(folder)
    }

    fn waiting(&self) -> Vec<Waiting> {
        let mut found: Vec<_> = fs::read_dir(&self.0)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| waiting_in(&entry.path()))
            .collect();
        // Ids of runs begin with their time.
        found.sort_by_key(|waiting| waiting.run.to_string());
        found
    }
}

fn waiting_in(folder: &Path) -> Option<Waiting> {
    let run = folder.file_name()?.to_str()?.parse().ok()?;
    let note: Note = serde_json::from_slice(&fs::read(folder.join(NOTE)).ok()?).ok()?;
    let is_plain = Path::new(&note.name).file_name().is_some_and(|name| name == note.name.as_str());
    (is_plain && folder.join(&note.name).is_file()).then(|| Waiting { run, folder: folder.to_owned(), note })
}

impl Waiting {
    /// Notes an archive that was made in a folder of the outbox.
    pub(super) fn keep(
        run: RunId,
        folder: PathBuf,
        name: String,
        to: String,
        done: BackupDone,
    ) -> Result<Self> {
        let note = Note { name, folder: to, done };
        let text = serde_json::to_vec(&note).map_err(|error| {
            WorkError::new(Class::Other, "what was archived cannot be noted").because(&error)
        })?;
        write_new(&folder, NOTE, &text)?;
        Ok(Self { run, folder, note })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.note.name)
    }

    /// Its file name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.note.name
    }

    /// The folder at the destination that it goes to.
    pub(super) fn to(&self) -> &str {
        &self.note.folder
    }

    /// What its backup did.
    #[must_use]
    pub fn done(&self) -> BackupDone {
        self.note.done.clone()
    }

    /// Its manifest, and its content.
    pub(super) fn open(&self) -> Result<(Manifest, FileInput)> {
        let path = self.path();
        let manifest = read_beside(&path)?.ok_or_else(|| {
            let text = format!("the archive {} has lost its manifest", path.display());
            WorkError::new(Class::Other, text)
        })?;
        let input = File::open(&path).and_then(FileInput::new).map_err(|error| {
            WorkError::from_io(&error, format_args!("the archive {} cannot be read", path.display()))
        })?;
        Ok((manifest, input))
    }

    /// Whether it arrived.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.folder.join(SENT).exists()
    }

    /// Notes that it arrived. The file stays until the run has done all it has to.
    pub(super) fn mark_sent(&self) -> Result<()> {
        Ok(write_new(&self.folder, SENT, b"")?)
    }

    /// Removes it from this host: first what makes it one that waits.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn discard(&self) -> std::io::Result<()> {
        remove_if_there(&self.folder.join(NOTE))?;
        remove_folder_if_there(&self.folder)
    }
}
