//! Which blobs the repository has, and where they lie.
//!
//! What the index files say is held in sorted tables of 48 bytes a blob; what is stored while the
//! program runs is added to small hash tables beside them.

mod marks;
mod table;

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::hash::{BuildHasherDefault, Hasher};

use backstay_core::FileId;
use parking_lot::{Mutex, RwLock};

use crate::format::index::PackIndex;
use crate::format::{Blob, BlobKind};
use table::{Entry, Table};

pub use marks::{Mark, Marks};

/// Where a blob lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// The pack.
    pub pack: FileId,
    /// The blob in it.
    pub blob: Blob,
}

/// A number that stands for a pack within one [`Index`].
pub type PackNumber = u32;

/// The index of one repository.
#[derive(Default)]
pub struct Index {
    packs: RwLock<Vec<FileId>>,
    loaded: [Table; 2],
    added: Shards,
}

const SHARDS: usize = 16;

#[derive(Default)]
struct Shards([Shard; SHARDS]);

type Shard = Mutex<HashMap<(BlobKind, FileId), State, BuildHasherDefault<IdHasher>>>;

/// What is known of a blob that is being stored or was stored since the index was loaded.
#[derive(Clone, Copy)]
enum State {
    /// Somebody is about to store it.
    Claimed,
    /// It lies in a pack.
    Stored(Entry),
}

/// Ids are hashes already: eight of their bytes serve as the hash.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.get(8..16).and_then(|bytes| bytes.try_into().ok()) {
            self.0 ^= u64::from_le_bytes(first);
        }
    }
    fn write_isize(&mut self, number: isize) {
        self.0 ^= (number as u64) << 63;
    }
}

impl Index {
    /// An index of these packs.
    pub fn new(packs: impl IntoIterator<Item = PackIndex>) -> Self {
        let mut index = Self::default();
        for pack in packs {
            index.load(pack);
        }
        index.seal();
        index
    }

    /// Adds a pack of an index file. Call [`Index::seal`] when all are in.
    pub(crate) fn load(&mut self, pack: PackIndex) {
        let packs = self.packs.get_mut();
        let number = packs.len() as PackNumber;
        packs.push(pack.id);
        for blob in pack.blobs {
            self.loaded[slot(blob.kind)].push(Entry::new(number, &blob));
        }
    }

    /// Sorts what was loaded.
    pub(crate) fn seal(&mut self) {
        for table in &mut self.loaded {
            table.seal();
        }
    }

    fn shard(&self, id: &FileId) -> &Shard {
        &self.added.0[usize::from(id.0[0]) % SHARDS]
    }

    /// Whether the repository has the blob.
    #[must_use]
    pub fn contains(&self, kind: BlobKind, id: &FileId) -> bool {
        self.loaded[slot(kind)].find(id).is_some()
            || matches!(self.shard(id).lock().get(&(kind, *id)), Some(State::Stored(_)))
    }

    /// Whether the caller is to store this blob: nobody has it or is about to store it. Whoever is told so once has to.
    #[must_use]
    pub fn claim(&self, kind: BlobKind, id: &FileId) -> bool {
        if self.loaded[slot(kind)].find(id).is_some() {
            return false;
        }
        match self.shard(id).lock().entry((kind, *id)) {
            Slot::Occupied(_) => false,
            Slot::Vacant(slot) => {
                slot.insert(State::Claimed);
                true
            }
        }
    }

    /// Takes in a pack that was stored.
    pub fn add(&self, pack: FileId, blobs: &[Blob]) {
        let number = {
            let mut packs = self.packs.write();
            packs.push(pack);
            (packs.len() - 1) as PackNumber
        };
        for blob in blobs {
            let state = State::Stored(Entry::new(number, blob));
            self.shard(&blob.id).lock().insert((blob.kind, blob.id), state);
        }
    }

    /// Where a blob lies. Of several places one is chosen.
    #[must_use]
    pub fn find(&self, kind: BlobKind, id: &FileId) -> Option<Location> {
        let entry = self.loaded[slot(kind)].find(id).copied().or_else(|| {
            match self.shard(id).lock().get(&(kind, *id)) {
                Some(State::Stored(entry)) => Some(*entry),
                _ => None,
            }
        })?;
        self.location(kind, &entry)
    }

    /// All places of a blob that the index files name.
    pub fn find_all(&self, kind: BlobKind, id: &FileId) -> impl Iterator<Item = Location> {
        self.loaded[slot(kind)].find_all(id).iter().filter_map(move |entry| self.location(kind, entry))
    }

    /// The content length of a blob, in bytes.
    #[must_use]
    pub fn content_length(&self, kind: BlobKind, id: &FileId) -> Option<u32> {
        self.find(kind, id).map(|location| location.blob.content_length())
    }

    fn location(&self, kind: BlobKind, entry: &Entry) -> Option<Location> {
        Some(Location { pack: self.pack(entry.pack)?, blob: entry.blob(kind) })
    }

    /// The number of the pack that a blob lies in, of those that the index files name.
    pub(crate) fn pack_of(&self, kind: BlobKind, id: &FileId) -> Option<PackNumber> {
        self.loaded[slot(kind)].find(id).map(|entry| entry.pack)
    }

    /// How long the trees are together that lie in each pack, by its number.
    pub(crate) fn tree_pack_lengths(&self) -> Vec<u64> {
        let mut lengths = vec![0; self.pack_count()];
        for entry in self.loaded[slot(BlobKind::Tree)].iter() {
            if let Some(length) = lengths.get_mut(entry.pack as usize) {
                *length += u64::from(entry.blob(BlobKind::Tree).length);
            }
        }
        lengths
    }

    /// The id of a pack.
    #[must_use]
    pub fn pack(&self, number: PackNumber) -> Option<FileId> {
        self.packs.read().get(number as usize).copied()
    }

    /// How many packs were loaded or added. A pack that two index files name counts twice.
    #[must_use]
    pub fn pack_count(&self) -> usize {
        self.packs.read().len()
    }

    /// How many blobs of a kind the index files name.
    #[must_use]
    pub fn blob_count(&self, kind: BlobKind) -> usize {
        self.loaded[slot(kind)].len()
    }

    /// Every blob that the index files name, by kind and id, with its pack.
    pub fn loaded(&self) -> impl Iterator<Item = (PackNumber, Blob)> {
        [BlobKind::Data, BlobKind::Tree]
            .into_iter()
            .flat_map(|kind| self.loaded[slot(kind)].iter().map(move |entry| (entry.pack, entry.blob(kind))))
    }

    /// All packs with their blobs in the order in which they lie; a pack that is named twice comes once.
    #[must_use]
    pub fn packs(&self) -> Vec<PackIndex> {
        let ids = self.packs.read();
        let mut numbers: HashMap<FileId, usize> = HashMap::with_capacity(ids.len());
        let mut packs: Vec<PackIndex> = Vec::new();
        let slots: Vec<usize> = ids
            .iter()
            .map(|id| {
                *numbers.entry(*id).or_insert_with(|| {
                    packs.push(PackIndex { id: *id, blobs: Vec::new() });
                    packs.len() - 1
                })
            })
            .collect();
        for (number, blob) in self.loaded() {
            if let Some(pack) = slots.get(number as usize).and_then(|slot| packs.get_mut(*slot)) {
                pack.blobs.push(blob);
            }
        }
        for pack in &mut packs {
            pack.blobs.sort_unstable_by_key(|blob| (blob.offset, blob.id));
            pack.blobs.dedup();
        }
        packs
    }
}

fn slot(kind: BlobKind) -> usize {
    match kind {
        BlobKind::Data => 0,
        BlobKind::Tree => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hash;
    use proptest::prelude::*;

    fn blob(number: u32) -> Blob {
        let kind = if number.is_multiple_of(3) { BlobKind::Tree } else { BlobKind::Data };
        Blob { id: hash(&number.to_le_bytes()), kind, offset: number, length: 100, raw_length: number % 2 }
    }

    #[test]
    fn a_blob_takes_at_most_50_bytes() {
        assert!(size_of::<Entry>() <= 50);
    }

    proptest! {
        #[test]
        fn what_goes_in_is_found(loaded in 0_u32..400, added in 0_u32..50) {
            let packs = (0..loaded).map(|number| PackIndex { id: hash(b"pack"), blobs: vec![blob(number)] });
            let index = Index::new(packs);
            for number in loaded..loaded + added {
                prop_assert!(index.claim(blob(number).kind, &blob(number).id));
                prop_assert!(!index.claim(blob(number).kind, &blob(number).id));
                prop_assert!(!index.contains(blob(number).kind, &blob(number).id));
                index.add(hash(b"new"), &[blob(number)]);
            }
            for number in 0..loaded + added {
                let found = index.find(blob(number).kind, &blob(number).id).unwrap();
                prop_assert_eq!(found.blob, blob(number));
                prop_assert_eq!(found.pack, hash(if number < loaded { b"pack" } else { &b"new"[..] }));
                prop_assert!(!index.claim(blob(number).kind, &blob(number).id));
            }
            prop_assert!(index.find(BlobKind::Data, &hash(b"nowhere")).is_none());
            prop_assert_eq!(index.packs().iter().map(|pack| pack.blobs.len()).sum::<usize>(), loaded as usize);
        }
    }
}
