//! Index files written anew.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use backstay_core::{ErrorKind, Events, FileId, FileKind, Handle};
use parking_lot::Mutex;

use crate::check::pack_length;
use crate::crypto::Key;
use crate::format::IndexFile;
use crate::format::index::PackIndex;
use crate::format::pack::{TRAILER, header_length, parse_header};
use crate::repository::{INDEX_HELD, Repository};
use crate::room::Room;
use crate::side_by_side::try_for_each;
use crate::{Error, Result};

/// Blobs that an index file gets.
const BLOBS: usize = 50_000;

/// Writes anew the index files that name one of the packs in `remove`, without these, and adds the packs in `add`; then removes
/// the old files. Files in `damaged` are removed too if they cannot be read; the caller has found their packs by other
/// means. At each moment all other packs are in at least one file.
///
/// # Errors
/// When another file cannot be read, or something cannot be stored or removed.
pub fn rewrite_index(
    repository: &Repository,
    remove: &HashSet<FileId>,
    add: Vec<PackIndex>,
    damaged: &[FileId],
    events: &dyn Events,
) -> Result<()> {
    let writer = IndexWriter { repository, file: IndexFile::default(), blobs: 0 };
    let files = repository.index_files()?;
    let small = files.iter().filter(|(_, length)| *length < SMALL).count() > SMALL_FILES;
    let rewrite = Mutex::new(Rewrite { writer, old: Vec::new(), written: HashSet::new(), done: 0 });
    let room = Room::new(INDEX_HELD);
    let threads = repository.storage().small_calls();
    try_for_each(&files, threads, |(id, length)| {
        repository.control().checkpoint()?;
        let _taken = room.take(*length);
        let file = repository.load_index_file(*id);
        let mut rewrite = rewrite.lock();
        match file {
            Ok(file) => {
                if file.packs.iter().any(|pack| remove.contains(&pack.id)) || (small && *length < SMALL) {
                    let left = file.packs.into_iter().filter(|pack| !remove.contains(&pack.id));
                    rewrite.take(*id, left)?;
                }
            }
            Err(Error::Damaged { .. }) if damaged.contains(id) => rewrite.old.push(*id),
            Err(error) => return Err(error),
        }
        rewrite.done += 1;
        events.step("indexes processed", rewrite.done, files.len() as u64);
        Ok(())
    })?;
    let Rewrite { mut writer, old, .. } = rewrite.into_inner();
    add.into_iter().try_for_each(|pack| writer.add(pack))?;
    writer.flush()?;
    try_for_each(&old, threads, |id| repository.remove_file(Handle::new(FileKind::Index, *id)))
}

/// What has come of a rewriting.
struct Rewrite<'a> {
    writer: IndexWriter<'a>,
    /// The files whose packs are written.
    old: Vec<FileId>,
    /// The packs that are, with what was said of them.
    written: HashSet<(FileId, u64)>,
    done: u64,
}

impl Rewrite<'_> {
    /// Takes over what is left of a file.
    fn take(&mut self, id: FileId, packs: impl Iterator<Item = PackIndex>) -> Result<()> {
        for pack in packs {
            // Old programs split a pack over two files: only what says the same is said once.
            let mut said = DefaultHasher::new();
            for blob in &pack.blobs {
                (blob.kind, blob.id, blob.offset).hash(&mut said);
            }
            if self.written.insert((pack.id, said.finish())) {
                self.writer.add(pack)?;
            }
        }
        self.old.push(id);
        Ok(())
    }
}

/// Writes index files of these packs.
///
/// # Errors
/// When one cannot be stored.
pub(crate) fn write_index(repository: &Repository, packs: impl IntoIterator<Item = PackIndex>) -> Result<()> {
    let mut writer = IndexWriter { repository, file: IndexFile::default(), blobs: 0 };
    packs.into_iter().try_for_each(|pack| writer.add(pack))?;
    writer.flush()
}

/// Index files shorter than this are put together once there are many.
const SMALL: u64 = 256 << 10;
/// How many small files are many.
const SMALL_FILES: usize = 16;

struct IndexWriter<'a> {
    repository: &'a Repository,
    file: IndexFile,
    blobs: usize,
}

impl IndexWriter<'_> {
    fn add(&mut self, pack: PackIndex) -> Result<()> {
        self.blobs += pack.blobs.len();
        self.file.packs.push(pack);
        if self.blobs >= BLOBS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if !self.file.packs.is_empty() {
            self.repository.save_unpacked(FileKind::Index, &self.file.to_json())?;
            self.file.packs.clear();
            self.blobs = 0;
        }
        Ok(())
    }
}

/// What a repair of the index did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RepairIndexReport {
    /// Packs that were added to it or read again.
    pub added: Vec<FileId>,
    /// Packs that were taken out, since they are not there.
    pub removed: Vec<FileId>,
    /// Packs whose headers cannot be read. What the old index knew of them stays in it.
    pub unreadable: Vec<(FileId, String)>,
    /// Index files that could not be read.
    pub damaged: Vec<FileId>,
}

/// Makes the index fit the packs that are there. With `read_all` no old index file is trusted. Needs an exclusive lock.
///
/// # Errors
/// When files cannot be listed, stored or removed.
pub fn repair_index(
    repository: &Repository,
    read_all: bool,
    events: &dyn Events,
) -> Result<RepairIndexReport> {
    let mut report = RepairIndexReport::default();
    let mut indexed: HashMap<FileId, u64> = HashMap::new();
    let (index, damaged) = repository.load_index_leniently()?;
    report.damaged = damaged.into_iter().map(|(id, _)| id).collect();
    let packs = index.packs();
    if !read_all {
        indexed = packs.iter().map(|pack| (pack.id, pack_length(pack))).collect();
    }
    let mut replace: HashSet<FileId> = HashSet::new();
    if read_all {
        replace.extend(packs.iter().map(|pack| pack.id));
    }
    let mut to_read = Vec::new();
    for (id, length) in repository.list(FileKind::Pack)? {
        if indexed.remove(&id) != Some(length) {
            to_read.push((id, length));
            replace.insert(id);
        }
    }
    for id in indexed.into_keys() {
        events.warning(&format!("removing pack {id} from the index: it is not there"));
        replace.insert(id);
        report.removed.push(id);
    }
    let read = read_headers(repository, &to_read, events)?;
    let mut add = Vec::new();
    for (id, outcome) in read {
        match outcome {
            Ok(pack) => {
                report.added.push(id);
                add.push(pack);
            }
            // A storage that does not answer says nothing about the pack.
            Err(Error::Storage(error)) if !matches!(error.kind, ErrorKind::Corrupt | ErrorKind::NotFound) => {
                return Err(error.into());
            }
            Err(error) => {
                // What the old index says of a pack without an end still leads to what is whole in it.
                replace.remove(&id);
                report.unreadable.push((id, error.to_string()));
            }
        }
    }
    if !replace.is_empty() || !report.damaged.is_empty() {
        rewrite_index(repository, &replace, add, &report.damaged, events)?;
    }
    Ok(report)
}

/// Reads the headers of packs, several at once.
fn read_headers(
    repository: &Repository,
    packs: &[(FileId, u64)],
    events: &dyn Events,
) -> Result<Vec<(FileId, Result<PackIndex>)>> {
    let read = Mutex::new(Vec::new());
    let threads = repository.storage().small_calls().max(repository.settings().threads);
    try_for_each(packs, threads, |(id, length)| {
        repository.control().checkpoint()?;
        let outcome = read_header(repository, *id, *length);
        let mut read = read.lock();
        read.push((*id, outcome));
        events.step("packs read", read.len() as u64, packs.len() as u64);
        Ok::<_, Error>(())
    })?;
    repository.control().checkpoint()?;
    Ok(read.into_inner())
}

/// Reads a pack's header from its end; once more if it is not sound, since what a cable garbled comes whole the second time.
pub(crate) fn read_header(repository: &Repository, id: FileId, length: u64) -> Result<PackIndex> {
    read_header_once(repository, id, length).or_else(|error| match error {
        Error::Damaged { .. } | Error::Storage(_) if !error.is_interrupted() => {
            read_header_once(repository, id, length)
        }
        other => Err(other),
    })
}

fn read_header_once(repository: &Repository, id: FileId, length: u64) -> Result<PackIndex> {
    let handle = Handle::new(FileKind::Pack, id);
    let short = || Error::damaged(handle, "too short");
    let named = |error| match error {
        Error::Damaged { why, .. } => Error::damaged(handle, why),
        other => other,
    };
    let mut trailer = [0; TRAILER];
    let at = length.checked_sub(TRAILER as u64).ok_or_else(short)?;
    repository.storage().read_at(&handle, at, &mut trailer, repository.context())?;
    let header = header_length(trailer, length).map_err(named)?;
    let start = at.checked_sub(header as u64).ok_or_else(short)?;
    let mut sealed = vec![0; header];
    repository.storage().read_at(&handle, start, &mut sealed, repository.context())?;
    let key: &Key = repository.key();
    let plain = key.open(&mut sealed).map_err(|error| Error::damaged(handle, error))?;
    let blobs = parse_header(plain).map_err(named)?;
    let filled = blobs.last().map_or(0, |blob| u64::from(blob.offset) + u64::from(blob.length));
    if filled != start {
        return Err(Error::damaged(handle, "its header does not fit its length"));
    }
    Ok(PackIndex { id, blobs })
}
