//! Bringing a snapshot back to files.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use backstay_core::FileId;
use backstay_engine::repository::{SnapshotEntry, SnapshotSelector, TreeCache};
use backstay_engine::restore::{self, Overwrite, RestoreOptions, RestoreReport, Selected, restore};
use backstay_engine::{Error as EngineError, format};
use backstay_model::Level;
use backstay_model::run::{OverwriteMode, RestoreRequest};
use backstay_sources::files::restore as target;

use super::discard::{Older, older, validate_in_place};
use super::meter::Meter;
use super::pin::Pinned;
use super::repository::{Access, Open};
use super::shipping::backups;
use super::sqlite::refuse_over_databases;
use super::{Class, Job, Result, WorkError, Workshop, excludes, note};
use crate::host::bytes;

/// What to do where the target had no room for all.
pub(super) const NO_ROOM: &str = "free some space there and restore again: what is right already is not written again, and what had no room was not left half written";

/// What a restore did; on a dry run, what it would have done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreDone {
    /// The snapshot's id.
    pub snapshot: String,
    /// Files that were restored.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
    /// Bytes of them that were there already.
    pub bytes_unchanged: u64,
    /// Files that were left alone.
    pub skipped: u64,
    /// Items that were removed.
    pub deleted: u64,
    /// Files that were read again and found to be as in the snapshot.
    pub verified: u64,
    /// Items that could not be restored, or are not as in the snapshot.
    pub failures: u64,
    /// Those among them for which what is stored is damaged or missing.
    pub damaged: u64,
    /// Those among them for which there was no room.
    pub without_room: u64,
    /// The first of them, and why.
    pub trouble: Option<String>,
    /// What to do about them.
    pub hint: Option<String>,
    /// The older snapshot that has what failed, if one has.
    pub instead: Option<String>,
}

impl Workshop {
    /// Restores a snapshot, or paths of it, into a folder, and reads again what it wrote. `others` are repositories on this host, which it
    /// never touches.
    ///
    /// # Errors
    /// When the work cannot be done; single items that fail are counted and told, and the others are restored.
    pub fn restore(
        &self,
        job: &Job<'_>,
        request: &RestoreRequest,
        others: &[PathBuf],
    ) -> Result<RestoreDone> {
        if job.repository.holds.is_archives() {
            return self.restore_archive(job, request, others);
        }
        let folder = self.policy.check_write(Path::new(&request.target))?;
        let open = self.open(job, Access::Shared, true)?;
        let entry = find_snapshot(&open, &request.snapshot)?;
        let index = open.index()?;
        let trees = TreeCache::new(&open.engine, index.clone());
        let wanted: Vec<Vec<u8>> = request.paths.iter().map(|path| relative(path.as_bytes())).collect();
        for path in &wanted {
            find(&trees, &entry.snapshot.tree, path).map_err(|error| open.explain(error))?;
        }
        // Where the note is damaged, what it speaks of can still be brought back.
        if let Ok(Some(facts)) = note::read(&open.engine, &trees, &entry.snapshot.tree, note::SQLITE) {
            refuse_over_databases(&facts, &folder, &wanted, request.overwrite)?;
        }
        let text = format!(
            "restoring {} of snapshot {} from {} to {}{}",
            if request.paths.is_empty() { "all".to_owned() } else { request.paths.join(", ") },
            entry.id.short(),
            format::time::to_text(&entry.snapshot.time),
            folder.display(),
            if request.dry_run { ", as a dry run: nothing is written" } else { "" }
        );
        job.report.log(Level::Info, "write", &text);

        let cannot = |error: std::io::Error| cannot_restore(&folder, &error);
        let pinned = Pinned::open(&folder, !request.dry_run).map_err(cannot)?;
        let at = pinned.as_ref().map_or_else(|| folder.clone(), Pinned::path);
        let mut options = target::RestoreOptions::default();
        options.replace_full_folders = request.delete;
        options.look_only = request.dry_run;
        let into = target::FolderTarget::open(&at, options).map_err(cannot)?;

        let own = self.own_below(job, &folder, others)?;
        let select = |path: &[u8], is_folder: bool| select(path, is_folder, &wanted, &own);
        let options = RestoreOptions {
            overwrite: match request.overwrite {
                OverwriteMode::Always => Overwrite::Always,
                OverwriteMode::IfChanged => Overwrite::IfChanged,
                OverwriteMode::IfNewer => Overwrite::IfNewer,
                OverwriteMode::Never => Overwrite::Never,
            },
            delete: request.delete,
            dry_run: request.dry_run,
            verify: !request.dry_run,
            ..RestoreOptions::default()
        };
        if !request.dry_run && options.overwrite != Overwrite::Never {
            validate_in_place(job, &open, &entry, &select, &into, options.overwrite)?;
        }
        let meter = Meter::new(&job.report, if request.dry_run { "comparing" } else { "restoring" });
        let report = restore(&open.engine, &index, entry.snapshot.tree, &into, &select, options, &meter)
            .map_err(|error| open.explain(error))?;
        meter.finish();
        let mut done = RestoreDone::new(&entry, &report);
        job.report.log(Level::Info, "verify", &done.describe(request.dry_run));
        if report.failures > 0 {
            let failed = meter.failed();
            done.trouble = failed.first().map(|(_, what)| what.clone());
            done.hint = Some(match report.damaged {
                0 if report.without_room > 0 => NO_ROOM.to_owned(),
                0 => "all else was restored; what failed can be tried again by another restore: what is right already is not written again"
                    .to_owned(),
                _ => {
                    let select = |path: &[u8], _: bool| {
                        let is_failed = |(failed, _): &(Vec<u8>, String)| excludes::lies_in(failed, path);
                        Selected { item: failed.iter().any(is_failed), below: failed.iter().any(is_failed) }
                    };
                    let Older { said, whole } = older(job, &open, &entry, &select)?;
                    done.instead = whole;
                    format!("all else was restored; of what failed, {said}")
                }
            });
        }
        Ok(done)
    }

    /// Our own folders that lie in a target, as paths below it: no restore touches them.
    ///
    /// # Errors
    /// When the target is one of them, or lies in one.
    pub(super) fn own_below(&self, job: &Job<'_>, folder: &Path, others: &[PathBuf]) -> Result<Vec<Vec<u8>>> {
        let target = folder.as_os_str().as_bytes();
        let own = self.guarded_folders(job, others);
        if own.iter().any(|own| excludes::lies_in(target, own)) {
            return Err(guarded(folder));
        }
        let inside = own.iter().filter(|own| excludes::lies_in(own, target));
        Ok(inside
            .filter_map(|own| own.get(target.len()..))
            .map(|own| own.strip_prefix(b"/").unwrap_or(own).to_vec())
            .collect())
    }

    /// What no restore touches: our own data, and repositories on this host.
    pub(super) fn guarded_folders(&self, job: &Job<'_>, others: &[PathBuf]) -> Vec<Vec<u8>> {
        let mut own = self.own_folders(job, others);
        own.extend_from_slice(&self.guarded);
        excludes::with_real_names(&own)
    }
}

/// A restore may not go there.
pub(super) fn guarded(place: &Path) -> WorkError {
    let text = format!(
        "{} belongs to Backstay itself, or lies in a repository: no restore writes there",
        place.display()
    );
    WorkError::new(Class::Forbidden, text).hint("restore to another folder")
}

/// Asks for what will be read of some trees, all at once, where it lies in an archive class: a run waits for that before it begins. `is_read`
/// tells it of a path, and of the folders that lead to it.
pub(super) fn bring_back(
    open: &Open,
    trees: &[FileId],
    is_read: &(dyn Fn(&[u8]) -> bool + Send + Sync),
) -> Result<()> {
    let select = |path: &[u8], _: bool| {
        let yes = is_read(path);
        Selected { item: yes, below: yes }
    };
    restore::bring_back(&open.engine, &open.index()?, trees, &select).map_err(|error| open.explain(error))
}

/// Whether an item, as a path below the target, is restored or removed, and whether anything in it may be.
pub(super) fn select(path: &[u8], is_folder: bool, wanted: &[Vec<u8>], own: &[Vec<u8>]) -> Selected {
    let chosen =
        wanted.is_empty() || wanted.iter().any(|wanted| excludes::lies_in(path, wanted) || wanted.is_empty());
    let leads_to = |other: &Vec<u8>| excludes::lies_in(other, path);
    if own.iter().any(|own| excludes::lies_in(path, own)) {
        return Selected { item: false, below: false };
    }
    // What holds a folder of ours is not removed, nor does a file take its place.
    let holds_own = !is_folder && own.iter().any(leads_to);
    Selected { item: chosen && !holds_own, below: chosen || wanted.iter().any(leads_to) }
}

/// Why nothing can be restored to a folder.
pub(super) fn cannot_restore(folder: &Path, error: &std::io::Error) -> WorkError {
    WorkError::from_io(error, format_args!("cannot restore to {}", folder.display()))
        .hint("check that the folder, or the one it is made in, can be written to and has no link on its way")
}

/// A path in a snapshot, without the slash that it begins with.
pub(super) fn relative(path: &[u8]) -> Vec<u8> {
    let clean = backstay_sources::files::path::clean(path);
    clean.strip_prefix(b"/").unwrap_or(&clean).to_vec()
}

/// The snapshot of a name: an id, the beginning of one, or `latest`.
pub(super) fn find_snapshot(open: &Open, name: &str) -> Result<SnapshotEntry> {
    if name == "latest" {
        let (mut snapshots, mut damaged) = backups(open)?;
        if let Some((id, error)) = damaged.pop() {
            let error = open.explain(error).context(format!(
                "snapshot {} cannot be read, so that it is not known which is the latest",
                id.short()
            ));
            return Err(match snapshots.pop() {
                Some(newest) if error.class() == Class::Damaged => {
                    let time = format::time::to_text(&newest.snapshot.time);
                    error
                        .hint(format!(
                            "the newest that can be read is {} of {time}: restore that one",
                            newest.id.short()
                        ))
                        .offering(Some(newest.id.to_hex()))
                }
                _ => error,
            });
        }
        return snapshots.pop().ok_or_else(|| {
            WorkError::new(Class::NotFound, "there is no snapshot in the repository yet")
                .hint("take a backup first")
        });
    }
    let found = open.engine.find_snapshot(name, &SnapshotSelector::default());
    found.map(|(entry, _)| entry).map_err(|error| match error {
        EngineError::NotFound(_) | EngineError::Invalid(_) => {
            WorkError::new(Class::NotFound, format!("there is no one snapshot {name:?}"))
                .because(&error)
                .hint("list the snapshots of the repository and give the whole id; it may have been forgotten meanwhile")
        }
        error if error.is_not_found() => WorkError::new(Class::NotFound, format!("there is no snapshot {name}"))
            .hint("list the snapshots of the repository; it may have been forgotten meanwhile"),
        error => open.explain(error),
    })
}

/// The item at a path of a snapshot; `None` is the root.
pub(super) fn find(trees: &TreeCache, root: &FileId, path: &[u8]) -> Result<Option<format::Node>> {
    let shown = || String::from_utf8_lossy(path).trim_start_matches('/').to_owned();
    let missing = || {
        WorkError::new(Class::NotFound, format!("/{} is not in the snapshot", shown()))
            .hint("browse the snapshot for what is in it")
    };
    let mut node: Option<format::Node> = None;
    for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        let tree = match &node {
            None => *root,
            Some(node) => node.subtree.filter(|_| node.is_folder()).ok_or_else(missing)?,
        };
        node = Some(trees.tree(&tree)?.find(name).cloned().ok_or_else(missing)?);
    }
    Ok(node)
}

impl RestoreDone {
    pub(super) fn new(entry: &SnapshotEntry, report: &RestoreReport) -> Self {
        Self {
            snapshot: entry.id.to_hex(),
            files: report.files_restored,
            bytes: report.bytes_restored + report.bytes_unchanged,
            bytes_unchanged: report.bytes_unchanged,
            skipped: report.files_skipped,
            deleted: report.deleted,
            verified: report.verified,
            failures: report.failures,
            damaged: report.damaged,
            without_room: report.without_room,
            trouble: None,
            hint: None,
            instead: None,
        }
    }

    pub(super) fn describe(&self, dry_run: bool) -> String {
        let Self { files, skipped, deleted, verified, failures, .. } = self;
        let (all, there) = (bytes(self.bytes), bytes(self.bytes_unchanged));
        if dry_run {
            return format!(
                "would restore {files} files ({all}), leave {skipped} alone and remove {deleted} items"
            );
        }
        format!(
            "restored {files} files ({all}, of which {there} were there already), left {skipped} alone, removed {deleted} items; \
             {verified} files were read again and are as in the snapshot, {failures} items failed"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(path: &str, is_folder: bool, wanted: &[&str], own: &[&str]) -> (bool, bool) {
        let bytes = |list: &[&str]| list.iter().map(|path| path.as_bytes().to_vec()).collect::<Vec<_>>();
        let Selected { item, below } = select(path.as_bytes(), is_folder, &bytes(wanted), &bytes(own));
        (item, below)
    }

    #[test]
    fn paths_are_chosen_with_what_is_in_them_and_the_way_to_them() {
        assert_eq!(selected("a", true, &[], &[]), (true, true));
        assert_eq!(selected("a", true, &["a/b"], &[]), (false, true));
        assert_eq!(selected("a/b", true, &["a/b"], &[]), (true, true));
        assert_eq!(selected("a/b/c", false, &["a/b"], &[]), (true, true));
        assert_eq!(selected("a/bc", true, &["a/b"], &[]), (false, false));
        assert_eq!(selected("x", true, &[""], &[]), (true, true));
        assert_eq!(relative(b"/a//b/"), b"a/b");
        assert_eq!(relative(b"/"), b"");
    }

    #[test]
    fn our_own_folders_are_never_touched() {
        assert_eq!(selected("home/.data", true, &[], &["home/.data"]), (false, false));
        assert_eq!(selected("home/.data/x", false, &[], &["home/.data"]), (false, false));
        // The way there is restored as a folder, but never removed.
        assert_eq!(selected("home", true, &[], &["home/.data"]), (true, true));
        assert!(!selected("home", false, &[], &["home/.data"]).0);
    }
}
