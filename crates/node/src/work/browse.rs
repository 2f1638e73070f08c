//! Looks into repositories and into the host, for people who choose what to back up or to bring back.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use backstay_core::Control;
use backstay_model::command::{FolderItem, FolderPage, ItemKind, SnapshotInfo};
use backstay_model::link::SealedRepository;
use backstay_model::{Limits, PlanId, Time};
use backstay_policy::point_in_time::BASE;

use super::listings::Listed;
use super::repository::{Access, Open};
use super::restore::{find, find_snapshot};
use super::shipping::backups;
use super::{Class, Job, Result, Unheard, WorkError, Workshop, items};
use crate::seals::Opened;

/// Items of one folder of a host that are looked at.
const MOST: usize = 1_000_000;

impl Workshop {
    /// The snapshots of a repository, the newest first.
    ///
    /// # Errors
    /// When the repository cannot be opened.
    pub fn snapshots(&self, repository: &SealedRepository, secrets: &Opened) -> Result<Vec<SnapshotInfo>> {
        if repository.holds.is_archives() {
            return self.with_look(repository, secrets, |job| self.archives(job));
        }
        let open = self.look(repository, secrets)?;
        let (snapshots, _) = backups(&open)?;
        let info = |entry: backstay_engine::repository::SnapshotEntry| {
            let summary = entry.snapshot.summary;
            SnapshotInfo {
                id: entry.id.to_hex(),
                repository: repository.id,
                name: None,
                time: items::time(&entry.snapshot.time).unwrap_or(Time::UNIX_EPOCH),
                host: entry.snapshot.hostname,
                paths: entry.snapshot.paths,
                tags: entry.snapshot.tags.into_iter().filter(|tag| !tag.starts_with(BASE)).collect(),
                files: summary.map(|summary| summary.total_files_processed),
                bytes: summary.map(|summary| summary.total_bytes_processed),
                bytes_added: summary.map(|summary| summary.data_added_packed),
                damaged: None,
            }
        };
        Ok(snapshots.into_iter().rev().map(info).collect())
    }

    /// The plan that made a snapshot where it lies, if its tags say so.
    ///
    /// # Errors
    /// When the repository cannot be opened, or has no such snapshot.
    pub fn plan_of(&self, job: &Job<'_>, snapshot: &str) -> Result<Option<PlanId>> {
        let job = Job { report: Arc::new(Unheard), ..*job };
        if job.repository.holds.is_archives() {
            let archives = self.archives(&job)?;
            let found = archives.iter().find(|archive| archive.id == snapshot);
            return Ok(found.and_then(|archive| PlanId::of_tags(&archive.tags)));
        }
        let open = self.open(&job, Access::Look, true)?;
        Ok(PlanId::of_tags(&find_snapshot(&open, snapshot)?.snapshot.tags))
    }

    /// Items of a folder of a snapshot, and how many there are of the kind asked for.
    ///
    /// # Errors
    /// When there is no such snapshot or folder.
    pub fn folder(
        &self,
        repository: &SealedRepository,
        secrets: &Opened,
        snapshot: &str,
        path: &str,
        page: &FolderPage,
    ) -> Result<(Vec<FolderItem>, u64)> {
        if repository.holds.is_archives() {
            return self.with_look(repository, secrets, |job| self.archive_folder(job, snapshot, path, page));
        }
        let open = self.look(repository, secrets)?;
        let entry = find_snapshot(&open, snapshot)?;
        let trees = open.trees()?;
        let tree = match find(&trees, &entry.snapshot.tree, path.as_bytes())? {
            None => entry.snapshot.tree,
            Some(node) => node.subtree.filter(|_| node.is_folder()).ok_or_else(|| no_folder(path))?,
        };
        let listed = Listed::Tree(repository.id, tree);
        let items = match self.listings.of(&listed) {
            Some(items) => items,
            None => self.listings.keep(listed, trees.tree(&tree)?.nodes.iter().map(items::item).collect()),
        };
        Ok(items::page(&items, page))
    }

    /// Items of a folder of this host, as far as its owner lets it be looked at, and how many there are of the kind asked for.
    ///
    /// # Errors
    /// When it may not be, or cannot.
    pub fn host_folder(&self, path: &str, page: &FolderPage) -> Result<(Vec<FolderItem>, u64)> {
        let folder = Path::new(path);
        let shown = self.policy.check_browse(folder)?;
        let listed = Listed::Host(shown.folder.clone());
        if let Some(items) = self.listings.of(&listed).filter(|_| page.skip > 0) {
            return Ok(items::page(&items, page));
        }
        let cannot = |error: &std::io::Error| {
            WorkError::new(Class::Other, format!("{} cannot be listed", folder.display())).because(error)
        };
        let mut items = Vec::new();
        for entry in fs::read_dir(&shown.folder).map_err(|error| cannot(&error))?.take(MOST) {
            let entry = entry.map_err(|error| cannot(&error))?;
            if shown.names.as_ref().is_some_and(|names| !names.contains(&entry.file_name())) {
                continue;
            }
            let meta = entry.metadata().ok();
            let kind = match entry.file_type() {
                Ok(kind) if kind.is_dir() => ItemKind::Folder,
                Ok(kind) if kind.is_file() => ItemKind::File,
                Ok(kind) if kind.is_symlink() => ItemKind::Link,
                _ => ItemKind::Other,
            };
            items.push(FolderItem {
                name: String::from_utf8_lossy(entry.file_name().as_bytes()).into_owned(),
                kind,
                size: meta.as_ref().filter(|_| kind == ItemKind::File).map(fs::Metadata::len),
                modified: meta
                    .and_then(|meta| meta.modified().ok())
                    .and_then(|time| Time::try_from(time).ok()),
            });
        }
        Ok(items::page(&self.listings.keep(listed, items), page))
    }

    /// Does something that only looks.
    pub(super) fn with_look<T>(
        &self,
        repository: &SealedRepository,
        secrets: &Opened,
        look: impl FnOnce(&Job<'_>) -> Result<T>,
    ) -> Result<T> {
        let (limits, control) = (Limits::default(), Control::new());
        look(&Job { repository, secrets, limits: &limits, control: &control, report: Arc::new(Unheard) })
    }

    pub(super) fn look(&self, repository: &SealedRepository, secrets: &Opened) -> Result<Open> {
        self.look_with(repository, secrets, &Control::new())
    }

    /// Opens a repository to look at it, with these reins.
    pub(super) fn look_with(
        &self,
        repository: &SealedRepository,
        secrets: &Opened,
        control: &Control,
    ) -> Result<Open> {
        let limits = Limits::default();
        let job = Job { repository, secrets, limits: &limits, control, report: Arc::new(Unheard) };
        self.open(&job, Access::Look, true)
    }
}

fn no_folder(path: &str) -> WorkError {
    WorkError::new(Class::NotFound, format!("{path} is no folder of the snapshot"))
}
