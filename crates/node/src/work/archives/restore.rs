//! Bringing files back from an archive.

use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use backstay_archive::manifest::{Item, ItemKind};
use backstay_archive::read::{ExtractOptions, Limits, extract};
use backstay_core::{Control, FileId, RestoreTarget};
use backstay_model::Level;
use backstay_model::run::{OverwriteMode, RestoreRequest};
use backstay_sources::files::restore as target;
use backstay_sources::mongodb::{ArchiveDump, MANIFEST, MongoError};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::Place;
use super::browse::{each_item, find_item};
use super::content::copy_content;
use super::known::{Chain, Inventory, Known};
use super::upkeep::verify_contents;
use crate::host::{self, bytes};
use crate::work::excludes::lies_in;
use crate::work::meter::Meter;
use crate::work::note;
use crate::work::pin::Pinned;
use crate::work::restore::{NO_ROOM, RestoreDone, cannot_restore, relative};
use crate::work::sqlite::refuse_over_databases;
use crate::work::{Class, Job, Result, WorkError, Workshop};

const BLOCK: usize = 256 << 10;
/// What a dump of MongoDB says about itself is no longer than this.
const LONGEST_MANIFEST: u64 = 256 << 20;

/// An archive that something is brought back from.
pub(in crate::work) struct Source {
    pub(super) place: Place,
    pub(super) inventory: Inventory,
    pub(super) known: Known,
}

impl Workshop {
    /// Opens an archive to bring something back from it. One that cannot be whole is refused, with the newest older one that is.
    pub(in crate::work) fn archive_source(&self, job: &Job<'_>, name: &str) -> Result<Source> {
        let (place, inventory) = self.stock(job)?;
        let known = inventory.named(name)?.clone();
        let source = Source { place, inventory, known };
        match source.inventory.check(&source.known) {
            Ok(()) => Ok(source),
            Err(error) => Err(source.offer_older(job, error)),
        }
    }

    /// Restores an archive, or paths of it, into a folder. All of it is read and compared before anything is written.
    pub(in crate::work) fn restore_archive(
        &self,
        job: &Job<'_>,
        request: &RestoreRequest,
        others: &[PathBuf],
    ) -> Result<RestoreDone> {
        let folder = self.policy.check_write(Path::new(&request.target))?;
        if request.delete || request.overwrite == OverwriteMode::IfNewer {
            return Err(WorkError::new(
                Class::Other,
                "a restore from an archive neither removes what is not in it nor compares times",
            )
            .hint("restore to an empty folder, or choose to write over what is there or to leave it alone"));
        }
        let source = self.archive_source(job, &request.snapshot)?;
        let wanted: Vec<_> = request.paths.iter().map(|path| relative(path.as_bytes())).collect();
        source.check_paths(&wanted).map_err(|error| source.offer_older(job, error))?;
        if source.known.manifest.source.kind == "sqlite"
            && let Ok(Some(facts)) = source.note(note::SQLITE)
        {
            refuse_over_databases(&facts, &folder, &wanted, request.overwrite)?;
        }
        let what = if request.paths.is_empty() { "all".to_owned() } else { request.paths.join(", ") };
        let dry = if request.dry_run { ", as a dry run: nothing is written" } else { "" };
        let text = format!("restoring {what} of {} to {}{dry}", source.known.file.name, folder.display());
        job.report.log(Level::Info, "write", &text);
        let own = self.own_below(job, &folder, others)?;
        let pinned =
            Pinned::open(&folder, !request.dry_run).map_err(|error| cannot_restore(&folder, &error))?;
        let at = pinned.as_ref().map_or_else(|| folder.clone(), Pinned::path);
        let keeps = request.overwrite == OverwriteMode::Never;
        let is_kept = |path: &[u8]| {
            let there = fs::symlink_metadata(at.join(std::ffi::OsStr::from_bytes(path)));
            keeps && there.is_ok_and(|meta| !meta.is_dir())
        };
        let select = |path: &[u8]| {
            let chosen =
                wanted.is_empty() || wanted.iter().any(|wanted| wanted.is_empty() || lies_in(path, wanted));
            chosen && !own.iter().any(|own| lies_in(path, own)) && !is_kept(path)
        };
        source.restore(job, &at, &folder, &select, request.dry_run)
    }
}

impl Source {
    /// The id of the archive.
    pub(in crate::work) fn id(&self) -> String {
        self.known.id()
    }

    /// What people call it.
    pub(in crate::work) fn name(&self) -> &str {
        &self.known.manifest.name
    }

    /// Refuses paths that are not in it.
    pub(in crate::work) fn check_paths(&self, wanted: &[Vec<u8>]) -> Result<()> {
        let mut missing: Vec<_> = wanted.iter().filter(|path| !path.is_empty()).collect();
        if !missing.is_empty() {
            each_item(&self.place, &self.known, &mut |item| {
                missing.retain(|path| **path != item.path.0);
                Ok(())
            })?;
        }
        match missing.first() {
            None => Ok(()),
            Some(path) => {
                let text = format!("/{} is not in the archive", String::from_utf8_lossy(path));
                Err(WorkError::new(Class::NotFound, text).hint("browse the archive for what is in it"))
            }
        }
    }

    /// Restores what is chosen into a folder, which is at `at` and called `shown`, and reads it again.
    pub(in crate::work) fn restore(
        &self,
        job: &Job<'_>,
        at: &Path,
        shown: &Path,
        select: &dyn Fn(&[u8]) -> bool,
        dry_run: bool,
    ) -> Result<RestoreDone> {
        let mut options = target::RestoreOptions::default();
        options.look_only = dry_run;
        let into = target::FolderTarget::open(at, options).map_err(|error| cannot_restore(shown, &error))?;
        let meter = Meter::new(&job.report, if dry_run { "comparing" } else { "restoring" });
        let (size, free) = host::disk(shown);
        let limits = Limits { bytes: (size > 0).then_some(free), ..Limits::default() };
        let mut done = self.extract_into(job, &into, select, limits, dry_run, &meter)?;
        if !dry_run {
            meter.enter("verifying");
            let (verified, wrong) = self.compare(job, at, select)?;
            done.verified = verified;
            done.failures = done.failures.max(wrong);
        }
        meter.finish();
        job.report.log(Level::Info, "verify", &done.describe(dry_run));
        Ok(done)
    }

    /// Reads restored files again. Says how many are as they were backed up, and how many are not.
    fn compare(&self, job: &Job<'_>, at: &Path, select: &dyn Fn(&[u8]) -> bool) -> Result<(u64, u64)> {
        let (mut right, mut wrong) = (0, 0);
        each_item(&self.place, &self.known, &mut |item| {
            let Some(expected) = item.hash().filter(|_| item.kind == ItemKind::File && select(&item.path.0))
            else {
                return Ok(());
            };
            let path = at.join(std::ffi::OsStr::from_bytes(&item.path.0));
            match hash(&path, job.control)? {
                Ok(found) if found == expected => right += 1,
                found => {
                    wrong += 1;
                    tell_wrong(job, item, found.err());
                }
            }
            Ok(())
        })?;
        Ok((right, wrong))
    }

    /// The note of this name, if there is one.
    pub(in crate::work) fn note<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = format!("{}/{name}", note::FOLDER);
        let item = match find_item(&self.place, &self.known, path.as_bytes()) {
            Ok(item) => item,
            Err(error) if error.class() == Class::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = Vec::new();
        copy_content(&self.place, &self.inventory, &self.known, &item, note::LONGEST, &mut text)?;
        note::parse(&text).map(Some)
    }

    /// Restores what is chosen into a target of any kind. All of it is read and compared before anything is written.
    pub(in crate::work) fn extract_into(
        &self,
        job: &Job<'_>,
        target: &dyn RestoreTarget,
        select: &dyn Fn(&[u8]) -> bool,
        limits: Limits,
        dry_run: bool,
        meter: &Meter,
    ) -> Result<RestoreDone> {
        let options = ExtractOptions { select, limits, dry_run, control: job.control, events: meter };
        let chain = Chain { place: &self.place, inventory: &self.inventory };
        let extracted =
            self.known.open(&self.place).and_then(|archive| extract(&archive, &chain, target, &options));
        let report = extracted.map_err(|error| self.offer_older(job, error.into()))?;
        Ok(RestoreDone {
            snapshot: self.id(),
            files: report.files,
            bytes: report.bytes,
            bytes_unchanged: 0,
            skipped: 0,
            deleted: 0,
            verified: 0,
            failures: report.failed,
            damaged: 0,
            without_room: report.without_room,
            trouble: meter.failed().into_iter().next().map(|(_, what)| what),
            hint: (report.without_room > 0).then(|| NO_ROOM.to_owned()),
            instead: None,
        })
    }

    /// Reads all of an archive of mongodump and compares it with its manifest; then gives it as a dump of MongoDB. Nothing for an archive
    /// of another format.
    pub(in crate::work) fn dump(&self, job: &Job<'_>) -> Result<Option<ArchiveDump>> {
        self.verified_dump(job).map_err(|error| self.offer_older(job, error))
    }

    fn verified_dump(&self, job: &Job<'_>) -> Result<Option<ArchiveDump>> {
        let archive = self.known.open(&self.place)?;
        let Some(dump) = archive.dump() else { return Ok(None) };
        if !archive.has_manifest() {
            let text = format!(
                "{} is damaged: the manifest at its end is missing; mongorestore may be able to read it",
                self.name()
            );
            return Err(WorkError::new(Class::Damaged, text));
        }
        let meter = Meter::new(&job.report, "verifying");
        verify_contents(&self.place, &self.inventory, &self.known, None, &meter)?;
        meter.finish();
        let mut text = Vec::new();
        let item = find_item(&self.place, &self.known, MANIFEST.as_bytes())?;
        copy_content(&self.place, &self.inventory, &self.known, &item, LONGEST_MANIFEST, &mut text)?;
        let manifest = serde_json::from_slice(&text).map_err(|error| {
            WorkError::new(Class::Damaged, format!("{MANIFEST} in {} cannot be read", self.name()))
                .because(&error)
        })?;
        Ok(Some(ArchiveDump::open(dump, Some(manifest)).map_err(MongoError::from)?))
    }

    /// How many files lie in these folders, and their bytes.
    pub(in crate::work) fn extent(&self, folders: &[Vec<u8>]) -> Result<(u64, u64)> {
        let (mut files, mut all) = (0, 0);
        each_item(&self.place, &self.known, &mut |item| {
            if item.kind == ItemKind::File && folders.iter().any(|folder| lies_in(&item.path.0, folder)) {
                files += 1;
                all += item.size;
            }
            Ok(())
        })?;
        Ok((files, all))
    }
}

fn tell_wrong(job: &Job<'_>, item: &Item, error: Option<std::io::Error>) {
    let path = String::from_utf8_lossy(&item.path.0);
    let text = match error {
        Some(error) => format!("/{path} cannot be read again: {error}"),
        None => format!("/{path} is not as it was backed up ({})", bytes(item.size)),
    };
    job.report.log(Level::Warning, "verify", &text);
}

fn hash(path: &Path, control: &Control) -> Result<std::io::Result<FileId>> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BLOCK];
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) => return Ok(Err(error)),
    };
    loop {
        control.checkpoint()?;
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Ok(FileId(hash.finalize().into()))),
            Ok(count) => hash.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Err(error)),
        }
    }
}
