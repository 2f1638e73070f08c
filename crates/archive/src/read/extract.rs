//! Taking items out of an archive, and out of those it leans on.
//!
//! All that is wanted is read and compared before the target is touched. Then contents are written, then links, devices and all
//! metadata put in place, so that a symbolic link never stands where something is written through it; the target in turn opens
//! beneath its folder only.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Read};

use backstay_core::{Control, EntryKind, Events, FileId, ItemAction, Meta, RestoreTarget, TargetError};

use super::verify::{PIECE, open_link};
use super::{Archive, Neighbours, Paths, Stored, path};
use crate::ArchiveError;
use crate::error::is_damage;
use crate::hashing::{HashingReader, path_key};
use crate::manifest::{ArchiveId, Item, ItemKind, Manifest};

/// How much may be taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that files take beside what those in their places have: the room there is in the target.
    pub bytes: Option<u64>,
    /// Items.
    pub items: u64,
    /// How many times more than the archive's own bytes its files may have. Looked at from a GiB on.
    pub ratio: u64,
}

impl Default for Limits {
    /// Any size, ten million items, twenty thousand times: more than the formats reach with honest content.
    fn default() -> Self {
        Self { bytes: None, items: 10_000_000, ratio: 20_000 }
    }
}

/// Below this, no ratio is looked at.
const RATIO_FROM: u64 = 1 << 30;

/// What is taken out, and how.
pub struct ExtractOptions<'a> {
    /// Which items, by their paths.
    pub select: &'a dyn Fn(&[u8]) -> bool,
    /// How much may be taken out.
    pub limits: Limits,
    /// Only look whether all could be taken out: nothing is written.
    pub dry_run: bool,
    /// Pauses and cancels.
    pub control: &'a Control,
    /// Is told of progress and of what cannot be restored.
    pub events: &'a dyn Events,
}

/// What was taken out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExtractReport {
    /// Files.
    pub files: u64,
    /// Folders, links, devices and pipes.
    pub others: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Items that could not be restored. Each was reported.
    pub failed: u64,
    /// Those among them for which there was no room at the target.
    pub without_room: u64,
}

impl ExtractReport {
    fn fail(&mut self, error: &TargetError, events: &dyn Events) {
        let is_full = matches!(error.cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        self.failed += 1;
        self.without_room += u64::from(is_full);
        events.item_failed(&error.path, "restore", &error.to_string());
    }
}

/// Extracts items into a target. Verifies all of them first: when something is damaged, nothing is written.
///
/// # Errors
/// When the archive or one it leans on is damaged, missing or not safe, when it holds more than the limits allow, when it cannot be
/// read, or the work is cancelled. What the target refuses of single items is reported and counted.
pub fn extract(
    archive: &Archive,
    neighbours: &dyn Neighbours,
    target: &dyn RestoreTarget,
    options: &ExtractOptions<'_>,
) -> Result<ExtractReport, ArchiveError> {
    let plan = Plan::make(archive, target, options)?;
    options.events.totals(plan.files, plan.bytes, true);
    let mut sources = Vec::new();
    for (id, wanted) in &plan.wanted {
        let source = match id {
            None => None,
            Some(id) => {
                let link = plan
                    .manifest
                    .as_ref()
                    .and_then(|manifest| manifest.chain.iter().find(|link| link.id == *id));
                let link = link.ok_or_else(|| {
                    ArchiveError::damaged(
                        archive.label(),
                        format!("it needs the archive {id}, which is not in its chain"),
                    )
                })?;
                Some(open_link(archive, link, neighbours)?)
            }
        };
        let from = source.as_ref().unwrap_or(archive);
        let aliases = aliases(from, wanted)?;
        if !from.is_compared_by_listing() {
            read(from, wanted, &aliases, options.control, &mut |_, _, content| {
                let mut content = content;
                io::copy(&mut content, &mut io::sink()).map(|_| Written::Whole)
            })?;
        }
        sources.push((source, wanted, aliases));
    }
    if options.dry_run {
        let Plan { files, others, bytes, .. } = plan;
        return Ok(ExtractReport { files, others, bytes, ..ExtractReport::default() });
    }
    let mut report = ExtractReport::default();
    let mut failed = HashSet::new();
    for (source, wanted, aliases) in &sources {
        let from = source.as_ref().unwrap_or(archive);
        read(from, wanted, aliases, options.control, &mut |path, size, content| {
            options.events.file_started(path);
            match write(target, path, size, content, options.events) {
                Ok(()) => Ok(Written::Whole),
                Err(Failed::Reading(error)) => Err(error),
                Err(Failed::Target(error)) => {
                    report.fail(&error, options.events);
                    failed.insert(path_key(path));
                    Ok(Written::Not)
                }
            }
        })?;
    }
    settle(archive, target, options, &failed, &mut report)?;
    Ok(report)
}

/// A content that is wanted.
struct Want {
    size: u64,
    /// Not known in archives of other programs.
    hash: Option<FileId>,
}

/// Contents by what stands for their path.
type Wanted = HashMap<u128, Want>;

/// What is to be taken out of which archive; `None` is the one that was asked for.
#[derive(Default)]
struct Plan {
    manifest: Option<Manifest>,
    wanted: BTreeMap<Option<ArchiveId>, Wanted>,
    files: u64,
    others: u64,
    bytes: u64,
    /// Bytes that are not taken by files in these places already.
    growth: u64,
}

impl Plan {
    fn make(
        archive: &Archive,
        target: &dyn RestoreTarget,
        options: &ExtractOptions<'_>,
    ) -> Result<Self, ArchiveError> {
        let what = archive.label();
        let mut plan = Self::default();
        let mut seen = Paths::default();
        let mut not_folders = Paths::default();
        let mut items = 0_u64;
        archive.list_under(options.control, &mut |item| {
            options.control.checkpoint()?;
            let path = &item.path.0;
            path::check(path, what)?;
            if !seen.is_new(path) {
                return Err(refused(what, path, "its path comes twice"));
            }
            if item.kind != ItemKind::Folder {
                not_folders.is_new(path);
            }
            items += 1;
            if items > options.limits.items {
                return Err(too_much(what, items, options.limits.items, "items"));
            }
            Ok(())
        })?;
        plan.manifest = archive.list_under(options.control, &mut |item| {
            let path = &item.path.0;
            if path::above(path).any(|folder| not_folders.has(folder)) {
                return Err(refused(what, path, "something above it is no folder"));
            }
            if (options.select)(path) {
                plan.add(item, target, options.select, &seen, what)?;
            }
            Ok(())
        })?;
        if let Some(free) = options.limits.bytes.filter(|free| plan.growth > *free) {
            return Err(ArchiveError::NoRoom { what: what.to_owned(), needed: plan.growth, free });
        }
        let most = archive.size().saturating_mul(options.limits.ratio).max(RATIO_FROM);
        let own = plan.wanted.get(&None).map_or(0, |own| own.values().map(|want| want.size).sum());
        if own > most {
            return Err(too_much(what, own, most, "bytes"));
        }
        Ok(plan)
    }

    fn add(
        &mut self,
        item: &Item,
        target: &dyn RestoreTarget,
        select: &dyn Fn(&[u8]) -> bool,
        seen: &Paths,
        what: &str,
    ) -> Result<(), ArchiveError> {
        if item.kind != ItemKind::File {
            self.others += 1;
            return Ok(());
        }
        self.files += 1;
        if let Some(original) = &item.hard_link {
            path::check(&original.0, what)?;
            if select(&original.0) && seen.has(&original.0) {
                return Ok(());
            }
        }
        self.bytes = self.bytes.saturating_add(item.size);
        let there = target.existing(&item.path.0).ok().flatten().filter(keeps_content);
        let there = there.map_or(0, |there| there.size);
        self.growth = self.growth.saturating_add(item.size.saturating_sub(there));
        let want = Want { size: item.size, hash: item.hash() };
        self.wanted.entry(item.archive).or_default().insert(path_key(&item.path.0), want);
        Ok(())
    }
}

fn refused(what: &str, path: &[u8], why: &'static str) -> ArchiveError {
    let path = String::from_utf8_lossy(path.get(..200).unwrap_or(path)).into_owned();
    ArchiveError::Unsafe { what: what.to_owned(), path, why }
}

fn too_much(what: &str, found: u64, most: u64, unit: &'static str) -> ArchiveError {
    ArchiveError::TooMuch { what: what.to_owned(), found, most, unit }
}

/// Further names of files: what stands for the first name's path, and the paths that are wanted in its stead.
type Aliases = HashMap<u128, Vec<Vec<u8>>>;

/// Of wanted names that are links to others in this archive, the names under which the content lies.
fn aliases(archive: &Archive, wanted: &Wanted) -> Result<Aliases, ArchiveError> {
    let mut aliases = Aliases::new();
    if matches!(archive.kind(), super::Kind::Zip | super::Kind::Mongodump) {
        return Ok(aliases);
    }
    archive.list(&mut |item| {
        if let Some(original) = item.hard_link.as_ref().filter(|_| item.archive.is_none())
            && wanted.contains_key(&path_key(&item.path.0))
        {
            aliases.entry(path_key(&original.0)).or_default().push(item.path.0.clone());
        }
        Ok(())
    })?;
    Ok(aliases)
}

/// Whether a content went where it should.
enum Written {
    Whole,
    Not,
}

/// Takes a content with its path and size.
type Take<'a> = &'a mut dyn FnMut(&[u8], u64, &mut dyn Read) -> io::Result<Written>;

/// Reads what is wanted of an archive, and hands each content on with its path and size; compares it afterwards.
fn read(
    archive: &Archive,
    wanted: &Wanted,
    aliases: &Aliases,
    control: &Control,
    each: Take<'_>,
) -> Result<(), ArchiveError> {
    let what = archive.label();
    let mut done = HashSet::new();
    let wants = |path: &[u8]| {
        let key = path_key(path);
        wanted.contains_key(&key) || aliases.contains_key(&key)
    };
    archive.visit(&wants, control, &mut |item, stored| {
        control.checkpoint()?;
        let Stored::Content(content) = stored else { return Ok(()) };
        let key = path_key(&item.path.0);
        let mut name = wanted.contains_key(&key).then_some(&item.path.0);
        if name.is_none() {
            name = aliases.get(&key).and_then(|names| names.first());
        }
        let Some(name) = name else { return Ok(()) };
        let Some(want) = wanted.get(&path_key(name)) else { return Ok(()) };
        // The item that is a link tells of the same content; other programs do not tell its size there.
        let size = if want.hash.is_none() { item.size } else { want.size };
        let mut reader =
            Checked { reader: HashingReader::new(content.take(size.saturating_add(1))), control };
        let outcome = each(name, size, &mut reader);
        let damaged =
            |why: String| ArchiveError::damaged(what, format!("{}: {why}", String::from_utf8_lossy(name)));
        let written = outcome.map_err(|error| match ArchiveError::io("read", what)(error) {
            ArchiveError::Io { cause, .. } if is_damage(&cause) => damaged(cause.to_string()),
            other => other,
        })?;
        done.insert(path_key(name));
        if matches!(written, Written::Not) {
            return Ok(());
        }
        let (count, hash) = reader.reader.finish();
        if count != size {
            return Err(damaged(format!("its content is not of the {size} bytes it should have")));
        }
        if want.hash.is_some_and(|expected| expected != hash) {
            return Err(damaged("its SHA-256 is not that of the manifest".to_owned()));
        }
        Ok(())
    })?;
    match wanted.keys().filter(|key| !done.contains(*key)).count() - extra(aliases, &done) {
        0 => Ok(()),
        missing => {
            Err(ArchiveError::damaged(what, format!("{missing} contents that are needed are not in it")))
        }
    }
}

/// Further names beyond the first that stand for a content that was read: they are linked to that one.
fn extra(aliases: &Aliases, done: &HashSet<u128>) -> usize {
    let further = aliases.iter().map(|(key, names)| {
        let of_original = done.contains(key);
        names.iter().skip(usize::from(!of_original)).filter(|name| !done.contains(&path_key(name))).count()
    });
    further.sum()
}

/// Looks at each piece whether the work is still wanted.
struct Checked<'a, R> {
    reader: HashingReader<R>,
    control: &'a Control,
}

impl<R: Read> Read for Checked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.control.checkpoint().map_err(|_| crate::error::interrupted())?;
        self.reader.read(buffer)
    }
}

/// Why a content was not written.
enum Failed {
    Reading(io::Error),
    Target(TargetError),
}

fn write(
    target: &dyn RestoreTarget,
    path: &[u8],
    size: u64,
    content: &mut dyn Read,
    events: &dyn Events,
) -> Result<(), Failed> {
    let there = target.existing(path).map_err(Failed::Target)?;
    let written = write_into(target, path, size, content, events);
    if matches!(written, Err(Failed::Target(_))) && there.is_none_or(|there| !keeps_content(&there)) {
        // Nobody is to take it for the file that it was to become.
        let _ = target.remove(path);
    }
    written
}

/// Whether a file is written into where it is, rather than replaced.
fn keeps_content(there: &Meta) -> bool {
    there.kind == EntryKind::File && there.size > 0 && there.links <= 1
}

fn write_into(
    target: &dyn RestoreTarget,
    path: &[u8],
    size: u64,
    content: &mut dyn Read,
    events: &dyn Events,
) -> Result<(), Failed> {
    let file = target.open_file(path, size).map_err(Failed::Target)?;
    let failed = |cause| Failed::Target(TargetError { action: "write", path: path.to_vec(), cause });
    let mut buffer = vec![0; PIECE];
    let mut offset = 0;
    loop {
        let count = match content.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failed::Reading(error)),
        };
        // What is beyond the size is not written; that it is there ends the extraction.
        let room = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let piece = buffer.get(..count.min(room)).unwrap_or_default();
        file.write_at(offset, piece).map_err(failed)?;
        offset += piece.len() as u64;
        events.bytes_done(piece.len() as u64);
        if count == 0 {
            return Ok(());
        }
    }
}

/// Puts links, devices and folders in place, and metadata on everything.
fn settle(
    archive: &Archive,
    target: &dyn RestoreTarget,
    options: &ExtractOptions<'_>,
    failed: &HashSet<u128>,
    report: &mut ExtractReport,
) -> Result<(), ArchiveError> {
    // The first of the names under which a file was written whose own first name is not wanted.
    let mut stand_ins = HashMap::<u128, Vec<u8>>::new();
    archive.list_under(options.control, &mut |item| {
        options.control.checkpoint()?;
        let path = &item.path.0;
        if !(options.select)(path) || failed.contains(&path_key(path)) {
            return Ok(());
        }
        let meta = item.meta();
        let placed = match item.kind {
            ItemKind::Folder => target.make_folder(path).and_then(|()| target.set_metadata(path, &meta)),
            ItemKind::File => match &item.hard_link {
                Some(original) if (options.select)(&original.0) => target.hard_link(&original.0, path),
                Some(original) => match stand_ins.get(&path_key(&original.0)) {
                    Some(first) => target.hard_link(first, path),
                    None => {
                        stand_ins.insert(path_key(&original.0), path.clone());
                        target.set_metadata(path, &meta)
                    }
                },
                None => target.set_metadata(path, &meta),
            },
            _ => target.make_special(path, &meta).and_then(|()| target.set_metadata(path, &meta)),
        };
        match placed {
            Ok(()) if item.kind == ItemKind::File => {
                report.files += 1;
                report.bytes += item.size;
                options.events.file_done(path, ItemAction::New, item.size, item.size);
            }
            Ok(()) => {
                report.others += 1;
                options.events.folder_done(path, ItemAction::New);
            }
            Err(error) => report.fail(&error, options.events),
        }
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod room_tests;
