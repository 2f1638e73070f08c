//! What is backed up, and what is done for each repository that it goes to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstay_core::{Control, CutHint, Events, Sink, Timestamp};
use backstay_engine::backup::{
    BackupOptions, BackupOutcome, ChangeDetection, Destination, SnapshotDetails, save_snapshot,
};
use backstay_engine::chunker::Polynomial;
use backstay_engine::index::Index;
use backstay_engine::journal::Journal;
use backstay_engine::repository::{SnapshotEntry, SnapshotSelector};
use backstay_model::source::FilesSpec;
use backstay_model::{ConnectionSettings, Level, PlanId, RepositoryId, SourceId};
use backstay_policy::point_in_time::Base;
use backstay_sources::files::{Capture, CaptureReport, scan};
use backstay_sources::s3;
use serde::{Deserialize, Serialize};

use super::bucket::{self, BucketSource};
use super::cold::InstanceCopy;
use super::meter::Meter;
use super::mongo::MongoSource;
use super::note::Note;
use super::repository::{Access, Open, make_folder};
use super::sqlite::{self, SqliteCopy};
use super::{Class, Job, Result, WorkError, Workshop, excludes, remove_if_there};
use crate::host::bytes;

/// What is backed up, and as what.
#[derive(Debug, Clone, Copy)]
pub struct Backup<'a> {
    /// The plan; its snapshots carry it as a tag.
    pub plan: PlanId,
    /// The source.
    pub source: SourceId,
    /// What is read.
    pub content: Content<'a>,
    /// Tags for the snapshot, beside the plan's.
    pub tags: &'a [String],
    /// Folders that are left out too: other repositories on this host.
    pub leave_out: &'a [PathBuf],
}

/// What a backup reads.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// Files and folders of the host.
    Files(&'a FilesSpec),
    /// The files of a stopped instance, or a copy of them.
    Instance(&'a InstanceCopy),
    /// Objects of a bucket.
    Bucket(&'a BucketSource),
    /// A server of MongoDB.
    Mongodb(&'a MongoSource),
    /// Copies of databases of SQLite.
    Sqlite(&'a SqliteCopy),
}

/// What a backup did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupDone {
    /// The snapshot's id.
    pub snapshot: String,
    /// Files that the snapshot before does not have.
    pub files_new: u64,
    /// Files that had changed.
    pub files_changed: u64,
    /// Files that were as before, and were not read.
    pub files_unmodified: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes added to the repository, as stored.
    pub bytes_added: u64,
    /// Items that could not be read. The snapshot is without them.
    pub failures: u64,
    /// Whether it took up what an interrupted backup had done.
    pub resumed: bool,
}

pub(super) const PROGRAM: &str = concat!("backstay ", env!("CARGO_PKG_VERSION"));

/// A repository that is ready to take a backup in.
pub(super) struct Ready {
    pub(super) open: Open,
    index: Arc<Index>,
    parent: Option<SnapshotEntry>,
    journal: Option<Noted>,
}

impl Ready {
    /// As the engine takes it.
    pub(super) fn destination(&self, reading: &Reading) -> Destination {
        Destination {
            repository: self.open.engine.clone(),
            index: Arc::clone(&self.index),
            lock: self.open.lock().cloned(),
            options: BackupOptions {
                parent_tree: self.parent.as_ref().map(|parent| parent.snapshot.tree),
                journal: self.journal.as_ref().map(|noted| Arc::clone(&noted.journal)),
                change_detection: match &reading.capture {
                    // The files of a copy are new ones with the times of the old.
                    Taking::Files(capture) if capture.options.root.is_some() => {
                        ChangeDetection {
                            ignore_ctime: true,
                            ignore_inode: true,
                            // What is in a write-ahead log leaves the time of its database as it is.
                            all: reading.databases.is_some(),
                        }
                    }
                    _ => ChangeDetection::default(),
                },
                ..BackupOptions::default()
            },
        }
    }
}

/// What was read, by when, and what could not be.
pub(super) struct Read<'a> {
    pub(super) reading: &'a Reading,
    pub(super) report: &'a CaptureReport,
    pub(super) started: Timestamp,
    pub(super) meter: &'a Meter,
}

impl Workshop {
    /// Opens a repository, or makes one that cuts as `alike` says where it may be made, and finds out what of the source it has.
    pub(super) fn ready(
        &self,
        job: &Job<'_>,
        backup: &Backup<'_>,
        reading: &Reading,
        alike: Option<Polynomial>,
    ) -> Result<Ready> {
        let open = self.open_alike(job, Access::Shared, true, alike)?;
        let parent = self.parent(&open, backup.plan, &reading.paths).map_err(|error| open.explain(error))?;
        job.report.log(
            Level::Info,
            "read",
            &match &parent {
                Some(parent) => format!("comparing with snapshot {}", parent.id.short()),
                None => "there is no snapshot to compare with: everything is read".to_owned(),
            },
        );
        let index = open.index()?;
        let path = self.journal_path(backup.plan, backup.source, job.repository.id);
        let journal = journal(job, &open, &index, &path)?;
        Ok(Ready { open, index, parent, journal })
    }

    /// Saves the snapshot of what is stored in a repository.
    pub(super) fn save(
        &self,
        job: &Job<'_>,
        backup: &Backup<'_>,
        ready: Ready,
        outcome: &BackupOutcome,
        read: &Read<'_>,
    ) -> Result<BackupDone> {
        read.reading.check()?;
        let Ready { open, parent, journal, .. } = ready;
        let failures = outcome.failures.max(read.meter.errors()) + read.report.missing.len() as u64;
        let nothing = outcome.summary.total_files_processed == 0 && read.report.others == 0;
        if nothing && failures > 0 {
            return Err(nothing_read(failures));
        }
        // Where nothing new was stored, nothing has waited for the lock yet.
        if let Some(lock) = open.lock() {
            lock.confirm()?;
        }
        job.control.checkpoint().map_err(|error| open.explain(error))?;
        let mut tags = backup.tags.to_vec();
        tags.push(backup.plan.tag());
        tags.extend(read.reading.base().map(|base| base.tag()));
        let details = SnapshotDetails {
            time: None,
            started: read.started,
            parent: parent.map(|parent| parent.id),
            paths: read.reading.paths.clone(),
            host: None,
            tags,
            excludes: read.reading.excludes.clone(),
            program: PROGRAM.to_owned(),
        };
        let (id, _) = save_snapshot(&open.engine, outcome, details).map_err(|error| open.explain(error))?;
        let resumed = journal.as_ref().is_some_and(|journal| journal.is_resumed);
        if let Some(Err(error)) = journal.map(|noted| noted.journal.complete()) {
            job.report.log(
                Level::Warning,
                "save",
                &format!("the journal of this backup cannot be removed: {error}"),
            );
        }
        let summary = outcome.summary;
        let text = format!(
            "{} of new data were compressed to {}, of {} looked at",
            bytes(summary.data_added),
            bytes(summary.data_added_packed),
            bytes(summary.total_bytes_processed)
        );
        job.report.log(Level::Info, "compress", &text);
        let done = BackupDone {
            snapshot: id.to_hex(),
            files_new: summary.files_new,
            files_changed: summary.files_changed,
            files_unmodified: summary.files_unmodified,
            bytes: summary.total_bytes_processed,
            bytes_added: summary.data_added_packed,
            failures,
            resumed,
        };
        job.report.log(Level::Info, "save", &done.to_string());
        Ok(done)
    }

    /// Removes what an interrupted backup noted, so that it is never taken up. Nothing to remove is fine.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn discard_journal(
        &self,
        plan: PlanId,
        source: SourceId,
        repository: RepositoryId,
    ) -> std::io::Result<()> {
        remove_if_there(&self.journal_path(plan, source, repository))
    }

    fn journal_path(&self, plan: PlanId, source: SourceId, repository: RepositoryId) -> PathBuf {
        self.notes_path(&format!("{plan}.{source}.{repository}"))
    }

    /// What is read, if the host's owner lets all of it be read.
    pub(super) fn reading(&self, job: &Job<'_>, backup: &Backup<'_>) -> Result<Reading> {
        match backup.content {
            Content::Files(files) => {
                let mut capture = Capture::new(self.allowed_paths(files)?);
                capture.options = excludes::options(files, &self.own_folders(job, backup.leave_out))?;
                let (paths, excludes) = (files.paths.clone(), files.excludes.clone());
                Ok(Reading { capture: Taking::Files(capture), paths, excludes, facts: None, databases: None })
            }
            Content::Instance(copy) => {
                let mut capture = Capture::new(copy.paths());
                capture.options.root.clone_from(&copy.root);
                let facts = Note::of_instance(&copy.facts)?;
                let paths = vec![copy.facts.data_dir.clone()];
                let capture = Taking::Files(capture);
                Ok(Reading { capture, paths, excludes: Vec::new(), facts: Some(facts), databases: None })
            }
            Content::Sqlite(copy) => {
                let mut capture = Capture::new(copy.paths().into_iter().map(PathBuf::from).collect());
                capture.options.root = Some(copy.root().to_owned());
                capture.options.cut = CutHint::Fixed(sqlite::CUT);
                Ok(Reading {
                    capture: Taking::Files(capture),
                    paths: copy.paths(),
                    excludes: Vec::new(),
                    facts: Some(Note::of_sqlite(&copy.facts)?),
                    databases: Some(copy.clone()),
                })
            }
            Content::Bucket(bucket) => Ok(Reading {
                capture: Taking::Bucket(bucket.capture.clone()),
                paths: bucket.paths(),
                excludes: bucket.excludes.clone(),
                facts: Some(Note::of_bucket(&bucket.facts)?),
                databases: None,
            }),
            Content::Mongodb(mongo) => Ok(Reading {
                capture: Taking::Mongodb(mongo.clone()),
                paths: mongo.paths(),
                excludes: Vec::new(),
                facts: None,
                databases: None,
            }),
        }
    }

    /// The paths of a source, if the host's owner lets all of them be read.
    fn allowed_paths(&self, files: &FilesSpec) -> Result<Vec<PathBuf>> {
        for path in &files.paths {
            self.policy.check_read(Path::new(path))?;
        }
        Ok(files.paths.iter().map(PathBuf::from).collect())
    }

    /// Folders that no backup takes in and no restore touches: our own data, and repositories on this host.
    pub(super) fn own_folders(&self, job: &Job<'_>, others: &[PathBuf]) -> Vec<PathBuf> {
        let mut own = vec![self.data_dir.clone()];
        own.extend_from_slice(others);
        if let ConnectionSettings::Local(local) = &job.repository.settings {
            own.push(super::storage::local_folder(&local.path, &job.repository.path));
        }
        own
    }

    /// The newest snapshot of the same paths on this host: of the plan, or of others where the plan has none yet.
    fn parent(&self, open: &Open, plan: PlanId, paths: &[String]) -> Result<Option<SnapshotEntry>> {
        let selector = SnapshotSelector {
            hosts: vec![self.environment.identity.host.clone()],
            paths: paths.to_vec(),
            ..SnapshotSelector::default()
        };
        // One that cannot be read costs time and no data: everything is read again.
        let (mut snapshots, _) = open.engine.load_snapshots()?;
        snapshots.retain(|entry| selector.matches(&entry.snapshot));
        let tag = plan.tag();
        let of_plan = snapshots.iter().rposition(|entry| entry.snapshot.tags.contains(&tag));
        let place = of_plan.or_else(|| snapshots.len().checked_sub(1));
        Ok(place.and_then(|place| snapshots.into_iter().nth(place)))
    }
}

/// Hands the source over to the sink. Of files, a second walk finds out meanwhile how much there is.
pub(super) fn take(
    job: &Job<'_>,
    reading: &Reading,
    sink: &dyn Sink,
    meter: &Arc<Meter>,
) -> Result<CaptureReport> {
    let beside = reading.facts.as_ref().map(|note| note.beside(sink));
    let sink = beside.as_ref().map_or(sink, |beside| beside as &dyn Sink);
    if let Some(databases) = &reading.databases {
        databases.tell(&**meter);
    }
    let report = match &reading.capture {
        Taking::Files(capture) => {
            let scanning = Control::new();
            std::thread::scope(|scope| {
                // The totals are for the display only, and the capture itself reports what is wrong.
                scope.spawn(|| drop(scan(capture, &scanning, &**meter)));
                let captured = capture.run(sink, job.control, &**meter);
                scanning.cancel();
                captured.map_err(WorkError::from)
            })?
        }
        Taking::Bucket(capture) => {
            let events: Arc<dyn Events> = meter.clone();
            capture.run(sink, job.control, &events)?
        }
        Taking::Mongodb(mongo) => mongo.take(sink, job, &**meter)?,
    };
    job.report.log(Level::Info, "upload", "everything is looked at; storing what is left");
    Ok(report)
}

/// What is read, and how the snapshot calls it.
pub(super) struct Reading {
    capture: Taking,
    pub(super) paths: Vec<String>,
    excludes: Vec<String>,
    facts: Option<Note>,
    /// Databases of SQLite, where they are what is read.
    databases: Option<SqliteCopy>,
}

impl Reading {
    /// Where in its source's log the backup is, if that is of one moment.
    fn base(&self) -> Option<Base> {
        match &self.capture {
            Taking::Mongodb(mongo) => mongo.base(),
            Taking::Files(_) | Taking::Bucket(_) => None,
        }
    }

    /// Whether all of the source could be read to its end, after the last of it was stored.
    pub(super) fn check(&self) -> Result<()> {
        match &self.capture {
            Taking::Bucket(capture) => capture.bucket.lost().map_or(Ok(()), |why| Err(bucket::lost(why))),
            Taking::Files(_) | Taking::Mongodb(_) => Ok(()),
        }
    }
}

/// Who reads.
enum Taking {
    Files(Capture),
    Bucket(s3::Capture),
    Mongodb(MongoSource),
}

/// Nothing could be read that was to be backed up.
pub(super) fn nothing_read(failures: u64) -> WorkError {
    WorkError::new(Class::NothingRead, format!("nothing could be read: {failures} items had errors")).hint(
        "the log lists them; run the node as a user who may read them, or correct the paths of the source",
    )
}

struct Noted {
    journal: Arc<Journal>,
    is_resumed: bool,
}

/// Opens the journal, and makes use of what an interrupted backup had stored. `None` where there can be none: the backup goes well
/// without.
fn journal(job: &Job<'_>, open: &Open, index: &Index, path: &Path) -> Result<Option<Noted>> {
    let Some(lock) = open.lock() else { return Ok(None) };
    let opened = path.parent().map_or(Ok(()), make_folder).and_then(|()| Journal::open(&open.engine, path));
    let journal = match opened {
        Ok(Some(journal)) => journal,
        Ok(None) => {
            job.report.log(
                Level::Warning,
                "read",
                "the same backup is running already, so this one keeps no journal",
            );
            return Ok(None);
        }
        Err(error) => {
            let text = format!(
                "no journal is kept at {}, so an interruption would cost time: {error}",
                path.display()
            );
            job.report.log(Level::Warning, "read", &text);
            return Ok(None);
        }
    };
    let is_resumed = journal.is_resumed();
    if is_resumed {
        let packs = journal.adopt_packs(&open.engine, index, lock).map_err(|error| open.explain(error))?;
        let text = format!(
            "going on with an interrupted backup; {packs} packs that it stored were added to the index"
        );
        job.report.log(Level::Info, "read", &text);
    }
    Ok(Some(Noted { journal: Arc::new(journal), is_resumed }))
}

/// For the log.
impl std::fmt::Display for BackupDone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short: String = self.snapshot.chars().take(8).collect();
        write!(
            f,
            "saved snapshot {short}: {} files new, {} changed, {} unmodified; {} looked at, {} added",
            self.files_new,
            self.files_changed,
            self.files_unmodified,
            bytes(self.bytes),
            bytes(self.bytes_added)
        )?;
        if self.failures > 0 {
            write!(f, "; {} items could not be read and are not in it", self.failures)?;
        }
        Ok(())
    }
}
