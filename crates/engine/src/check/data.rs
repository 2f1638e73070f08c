//! Reading packs whole.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use backstay_core::{Events, FileId, FileKind, Handle, Random};
use parking_lot::Mutex;

use super::{CheckOptions, CheckReport, Place, ReadData};
use crate::crypto::{Hasher, hash_beside};
use crate::format::index::PackIndex;
use crate::format::pack::parse_pack;
use crate::format::{Blob, BlobKind};
use crate::index::Index;
use crate::pack::Decompressor;
use crate::repository::{Repository, compare_hash, open_content};
use crate::{Error, Result};

/// The packs that are to be read.
pub(super) struct Chosen {
    /// Those that are left to read.
    pub(super) left: Vec<PackIndex>,
    /// How many were read before, and were sound.
    pub(super) done: usize,
}

impl Chosen {
    pub(super) const fn is_empty(&self) -> bool {
        self.left.is_empty() && self.done == 0
    }
}

/// Chooses the packs that are to be read, or goes on with the choice that was made at this place.
pub(super) fn choose(
    repository: &Repository,
    options: &CheckOptions,
    packs: Vec<(PackIndex, u64)>,
    place: Option<&Place>,
) -> Chosen {
    let Some(chosen) = place.and_then(|place| place.choice(&options.read_data)) else {
        let left = choose_anew(repository, options, packs);
        if let Some(place) = place {
            place.begin(&options.read_data, &left);
        }
        return Chosen { left, done: 0 };
    };
    let chosen = packs.into_iter().map(|(pack, _)| pack).filter(|pack| chosen.contains(&pack.id));
    let is_sound = |pack: &PackIndex| place.is_some_and(|place| place.is_sound(&pack.id));
    let (done, left): (Vec<_>, Vec<_>) = chosen.partition(is_sound);
    Chosen { left, done: done.len() }
}

fn choose_anew(
    repository: &Repository,
    options: &CheckOptions,
    mut packs: Vec<(PackIndex, u64)>,
) -> Vec<PackIndex> {
    let random = &*repository.environment().random;
    match options.read_data {
        ReadData::Nothing => packs.clear(),
        ReadData::All => {}
        ReadData::Part { number, parts } => {
            packs.retain(|(pack, _)| u64::from(pack.id.0[0]) % parts.max(1) == number.saturating_sub(1));
        }
        ReadData::Percent(percent) => {
            let count = (packs.len() as f64 * percent / 100.0).ceil() as usize;
            shuffle(&mut packs, random);
            packs.truncate(count.max(1));
        }
        ReadData::Bytes(bytes) => {
            shuffle(&mut packs, random);
            let mut total = 0;
            packs.retain(|(_, length)| {
                let wanted = total < bytes;
                total += length;
                wanted
            });
        }
    }
    packs.into_iter().map(|(pack, _)| pack).collect()
}

fn shuffle<T>(items: &mut [T], random: &dyn Random) {
    for last in (1..items.len()).rev() {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        items.swap(last, (u64::from_le_bytes(bytes) % (last as u64 + 1)) as usize);
    }
}

/// Leaves out the packs that lie in an archive and cannot be read.
pub(super) fn leave_out_frozen(
    repository: &Repository,
    chosen: &mut Chosen,
    report: &mut CheckReport,
) -> Result<()> {
    if !repository.storage().may_freeze() {
        return Ok(());
    }
    let packs: Vec<Handle> = chosen.left.iter().map(|pack| Handle::new(FileKind::Pack, pack.id)).collect();
    let frozen = repository.storage().frozen(&packs, false, repository.context())?.files;
    if !frozen.is_empty() {
        report.hint(format!(
            "{} of {} packs lie in an archive class and were not read",
            frozen.len(),
            packs.len()
        ));
        let frozen: HashSet<FileId> = frozen.into_iter().map(|file| file.id).collect();
        chosen.left.retain(|pack| !frozen.contains(&pack.id));
    }
    Ok(())
}

/// Reads packs on all threads and notes what is wrong with them.
pub(super) fn check_packs(
    repository: &Repository,
    index: &Index,
    Chosen { left: packs, done: before }: &Chosen,
    place: Option<&Place>,
    events: &dyn Events,
    report: &mut CheckReport,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(*before);
    let broken = Mutex::new(Vec::new());
    let total = (before + packs.len()) as u64;
    events.step("packs", *before as u64, total);
    let settings = repository.settings();
    std::thread::scope(|scope| {
        for _ in 0..settings.threads.max(repository.storage().connections().min(8)).min(packs.len()) {
            scope.spawn(|| {
                let mut reader = PackReader::default();
                while let Some(pack) = packs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if repository.control().checkpoint().is_err() {
                        break;
                    }
                    let problems = reader.check(repository, pack);
                    // Nobody waited for the answer.
                    if problems.unanswered && repository.control().checkpoint().is_err() {
                        break;
                    }
                    if !problems.found.is_empty() {
                        broken.lock().push((pack, problems));
                    } else if let Some(place) = place {
                        place.note(&pack.id);
                    }
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    events.step("packs", done as u64, total);
                }
            });
        }
    });
    repository.control().checkpoint()?;
    report.packs_read += total;
    for (pack, Problems { found, unanswered }) in broken.into_inner() {
        for problem in found {
            report.error(format!("pack {}: {problem}", pack.id));
        }
        if unanswered {
            continue;
        }
        // A pack whose blobs are all found whole in others harms nobody.
        let only_here = |blob: &Blob| index.find_all(blob.kind, &blob.id).all(|other| other.pack == pack.id);
        if !pack.blobs.iter().any(only_here) {
            report.hint(format!("pack {}: all its blobs are in other packs too", pack.id));
        }
        report.broken_packs.push(pack.id);
    }
    Ok(())
}

/// Reads one pack whole; returns what is wrong with it.
pub fn check_pack(repository: &Repository, pack: &PackIndex) -> Vec<String> {
    PackReader::default().check(repository, pack).found
}

/// What is wrong with a pack.
#[derive(Default)]
struct Problems {
    found: Vec<String>,
    /// The storage did not give it, which says nothing about the pack.
    unanswered: bool,
}

#[derive(Default)]
struct PackReader {
    bytes: Vec<u8>,
    content: Vec<u8>,
    decompressor: Decompressor,
}

impl PackReader {
    fn check(&mut self, repository: &Repository, pack: &PackIndex) -> Problems {
        let problems = self.check_once(repository, pack);
        // What a cable garbled comes whole the second time.
        if problems.found.is_empty() { problems } else { self.check_once(repository, pack) }
    }

    fn check_once(&mut self, repository: &Repository, pack: &PackIndex) -> Problems {
        let handle = Handle::new(FileKind::Pack, pack.id);
        let mut problems = Vec::new();
        if let Err(error) = repository.storage().read(&handle, &mut self.bytes, repository.context()) {
            let error = Error::from(error);
            return Problems { found: vec![error.to_string()], unanswered: !error.is_about_content() };
        }
        match parse_pack(&self.bytes, repository.key()) {
            Ok(header) => compare(&header, &pack.blobs, &mut problems),
            Err(Error::Damaged { what, why }) => problems.push(format!("{what} is damaged: {why}")),
            Err(error) => problems.push(error.to_string()),
        }
        // The pack's hash goes on beside those of its blobs, but always ahead of where a blob is opened in place.
        let mut hasher = Hasher::default();
        let mut hashed = 0;
        for blob in &pack.blobs {
            let (start, end) = (blob.offset as usize, blob.offset as usize + blob.length as usize);
            if end > self.bytes.len() {
                problems.push(format!("it ends before {} blob {}", blob.kind.name(), blob.id));
                continue;
            }
            if hashed < end {
                hasher.update(self.bytes.get(hashed..end).unwrap_or_default());
                hashed = end;
            }
            let (opened, ahead) = self.bytes.split_at_mut(hashed);
            let sealed = opened.get_mut(start..end).unwrap_or_default();
            match open_content(repository, blob, sealed, &mut self.decompressor, &mut self.content) {
                Ok(content) => {
                    let (id, taken) = hash_beside(content, &mut hasher, ahead);
                    hashed += taken;
                    if let Err(error) = compare_hash(blob, id) {
                        problems.push(error.to_string());
                    }
                }
                Err(error) => problems.push(error.to_string()),
            }
        }
        hasher.update(self.bytes.get(hashed..).unwrap_or_default());
        if hasher.finish() != pack.id {
            problems.push("its content does not fit its name".into());
        }
        Problems { found: problems, unanswered: false }
    }
}

/// What header and index disagree about.
fn compare(header: &[Blob], indexed: &[Blob], problems: &mut Vec<String>) {
    let key = |blob: &Blob| (blob.kind, blob.id, blob.offset);
    let header: HashMap<(BlobKind, FileId, u32), &Blob> =
        header.iter().map(|blob| (key(blob), blob)).collect();
    for blob in indexed {
        if header.get(&key(blob)) != Some(&blob) {
            problems.push(format!(
                "its header does not have {} blob {} as the index does",
                blob.kind.name(),
                blob.id
            ));
        }
    }
    if indexed.len() < header.len() {
        problems.push(format!("the index has only {} of its {} blobs", indexed.len(), header.len()));
    }
}
