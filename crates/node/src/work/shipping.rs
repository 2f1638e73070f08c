//! What is written to a source between its backups: what a repository has of the source's log, and adding to it.
//!
//! Each piece of a log is a snapshot of its own with plain files in it, so that adding needs no more than a backup does, and other programs see
//! nothing that they do not know. What it is a piece of, its tags say (see [`backstay_policy::point_in_time`]). The tag of the plan is not among
//! them: pieces are no backups, and what deals with backups passes them over.

mod thin;
mod way;

use std::sync::Arc;

use backstay_core::{Control, CutHint, EntryKind, Meta, Sink, Timestamp};
use backstay_engine::backup::{BackupOptions, BackupSink, SnapshotDetails, save_snapshot};
use backstay_engine::format::Snapshot;
use backstay_engine::index::Index;
use backstay_engine::repository::{SnapshotEntry, Unreadable};
use backstay_model::link::SealedRepository;
use backstay_model::{Limits, Moments, PlanId, Time};
use backstay_policy::point_in_time::{Base, Chain, Piece, Stretch, chains, stretches};

use super::backup::PROGRAM;
use super::repository::{Access, Open};
use super::{Job, Result, WorkError, Workshop};
use crate::seals::Opened;
pub(super) use thin::{bases_for, pieces_in_vain};
pub(super) use way::way_back;

/// What the paths of a piece end with, so that nobody takes it for a backup of the same.
const OF_LOG: &str = "#log";
/// Where nothing is written, it is noted this often until when that was so, in seconds.
const QUIET: i64 = 600;
/// A snapshot of pieces has no more files than this; what is left goes into the next.
const MOST: usize = 64;

/// A log that can be followed.
pub trait Log {
    /// What was written after what it gave before, up to now or as much as fits into memory. The first entry is the last one of before.
    ///
    /// # Errors
    /// When it cannot be read, or no longer has what follows.
    fn next(&mut self, control: &Control) -> Result<Shipment, LogError>;
}

/// A part of a log on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment {
    /// A name for its file, which sorts by time.
    pub name: String,
    /// Which part.
    pub piece: Piece,
    /// Whether there is more to be had at once.
    pub has_more: bool,
    /// The bytes.
    pub data: Vec<u8>,
}

/// Why a log could not be followed.
#[derive(Debug)]
pub enum LogError {
    /// The source no longer has what follows on what is stored: a new backup has to come first.
    Gap(WorkError),
    /// Anything else.
    Failed(WorkError),
}

impl<E: Into<WorkError>> From<E> for LogError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Whose log it is.
#[derive(Debug, Clone)]
pub struct LogOf {
    /// The plan.
    pub plan: PlanId,
    /// What snapshots of the source are called.
    pub paths: Vec<String>,
}

/// What a repository has of a source and its log.
#[derive(Debug, Default)]
pub struct Kept {
    /// Backups of one moment, the oldest first.
    pub(super) bases: Vec<(SnapshotEntry, Base)>,
    /// Pieces of the log.
    pub(super) pieces: Vec<(SnapshotEntry, Piece)>,
    /// When the newest backup was made, and whether the log can follow on it.
    pub newest: Option<(Time, bool)>,
}

impl Kept {
    /// Finds out what of these snapshots is of a source and its log.
    pub(super) fn of(snapshots: Vec<SnapshotEntry>, plan: PlanId, paths: &[String]) -> Self {
        let (plan, log) = (plan.tag(), plan.log_tag());
        let of_log = paths_of_log(paths);
        let mut kept = Self::default();
        for entry in snapshots {
            let tags = &entry.snapshot.tags;
            if entry.snapshot.paths == paths && tags.contains(&plan) {
                let base = Base::of(tags);
                let time = super::items::time(&entry.snapshot.time);
                kept.newest = kept.newest.max(time.map(|time| (time, base.is_some())));
                kept.bases.extend(base.map(|base| (entry, base)));
            } else if entry.snapshot.paths == of_log && tags.contains(&log) {
                let piece = Piece::of(tags);
                kept.pieces.extend(piece.map(|piece| (entry, piece)));
            }
        }
        kept
    }

    /// For each backup what follows on it.
    #[must_use]
    pub fn chains(&self) -> Vec<Chain> {
        let bases: Vec<Base> = self.bases.iter().map(|(_, base)| *base).collect();
        let pieces: Vec<Piece> = self.pieces.iter().map(|(_, piece)| *piece).collect();
        chains(&bases, &pieces)
    }

    /// The moments that can be gone back to.
    #[must_use]
    pub fn moments(&self) -> Vec<Moments> {
        stretches(&self.chains()).into_iter().filter_map(moments).collect()
    }
}

/// As it is told.
pub(super) fn moments(stretch: Stretch) -> Option<Moments> {
    let time = |seconds| Time::from_second(seconds).ok();
    Some(Moments { from: time(stretch.from)?, until: time(stretch.until)? })
}

/// Whether a snapshot is a piece of a log and no backup.
pub(super) fn is_piece(snapshot: &Snapshot) -> bool {
    backstay_policy::point_in_time::is_piece(&snapshot.tags)
}

/// All backups, the oldest first.
pub(super) fn backups(open: &Open) -> Result<(Vec<SnapshotEntry>, Unreadable)> {
    let (mut snapshots, damaged) = open.engine.load_snapshots().map_err(|error| open.explain(error))?;
    snapshots.retain(|entry| !is_piece(&entry.snapshot));
    Ok((snapshots, damaged))
}

fn paths_of_log(paths: &[String]) -> Vec<String> {
    paths.iter().map(|path| format!("{path}{OF_LOG}")).collect()
}

impl Workshop {
    /// What a repository has of a source and its log.
    ///
    /// # Errors
    /// When the repository cannot be opened.
    pub fn kept(
        &self,
        repository: &SealedRepository,
        secrets: &Opened,
        of: &LogOf,
        control: &Control,
    ) -> Result<Kept> {
        let open = self.look_with(repository, secrets, control)?;
        let (snapshots, _) = open.engine.load_snapshots()?;
        Ok(Kept::of(snapshots, of.plan, &of.paths))
    }

    /// Stores what was written since, if anything was: true when there is more to be had at once.
    ///
    /// # Errors
    /// When the log cannot be followed, or the repository does not take it. What is stored is whole in any case.
    pub fn ship(
        &self,
        job: &Job<'_>,
        of: &LogOf,
        kept: &mut Kept,
        log: &mut dyn Log,
    ) -> Result<bool, LogError> {
        let first = log.next(job.control)?;
        let is_quiet = first.piece.from == first.piece.to;
        let is_due = kept.chains().last().is_none_or(|chain| match chain.pieces.is_empty() {
            // From the first piece on one can go back to any moment.
            true => first.piece.until > chain.moments.until,
            false => first.piece.until >= chain.moments.until.saturating_add(QUIET),
        });
        if is_quiet && !is_due {
            return Ok(false);
        }
        let limits = Limits { concurrency: Some(1), ..job.limits.clone() };
        let job = Job { limits: &limits, ..job.clone() };
        let open = self.open(&job, Access::Shared, true)?;
        let started = self.environment.clock.now();
        let options = BackupOptions::default();
        // What is in a log is new, so that the index of what is there need not be read for it.
        let sink = BackupSink::start(
            &open.engine,
            Arc::new(Index::default()),
            open.lock().cloned(),
            options,
            Arc::new(backstay_core::Silent),
        )
        .map_err(|error| open.explain(error))?;
        let (piece, has_more) = fill(&sink, first, log, job.control, started)?;
        let outcome = sink.finish().map_err(|error| open.explain(error))?;
        if let Some(lock) = open.lock() {
            lock.confirm().map_err(|error| open.explain(error))?;
        }
        job.control.checkpoint()?;
        let details = SnapshotDetails {
            time: None,
            started,
            parent: None,
            paths: paths_of_log(&of.paths),
            host: None,
            tags: vec![of.plan.log_tag(), piece.tag()],
            excludes: Vec::new(),
            program: PROGRAM.to_owned(),
        };
        let (id, snapshot) =
            save_snapshot(&open.engine, &outcome, details).map_err(|error| open.explain(error))?;
        kept.pieces.push((SnapshotEntry { id, snapshot }, piece));
        Ok(has_more)
    }
}

/// Hands over what there is, file by file.
fn fill(
    sink: &BackupSink,
    first: Shipment,
    log: &mut dyn Log,
    control: &Control,
    at: Timestamp,
) -> Result<(Piece, bool), LogError> {
    let meta = |kind, permissions, size| Meta {
        kind,
        permissions,
        size,
        modified: at,
        accessed: at,
        changed: at,
        links: 1,
        ..Meta::default()
    };
    let root = sink.root()?;
    let (mut shipment, mut count) = (first, 0);
    let mut whole = shipment.piece;
    loop {
        let mut file = root.begin(shipment.name.as_bytes(), CutHint::ByContent)?;
        file.write(&shipment.data)?;
        file.finish(meta(EntryKind::File, 0o600, shipment.data.len() as u64))?;
        (whole.to, whole.until) = (shipment.piece.to, shipment.piece.until);
        count += 1;
        if !shipment.has_more || count == MOST {
            root.close(meta(EntryKind::Folder, 0o700, 0))?;
            return Ok((whole, shipment.has_more));
        }
        shipment = log.next(control)?;
    }
}
