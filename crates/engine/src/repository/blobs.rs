//! Reading blobs.

use std::collections::HashMap;
use std::sync::Arc;

use backstay_core::{FileId, FileKind, Handle};
use parking_lot::Mutex;

use super::Repository;
use crate::crypto::{IV, MAC, hash};
use crate::format::{Blob, BlobKind, Tree};
use crate::index::{Index, Location};
use crate::pack::Decompressor;
use crate::{Error, Result};

/// How often each place of a blob is tried again.
const TRIES: usize = 2;

/// Reads blobs one at a time, with buffers that are used again. One for each thread.
pub struct BlobReader {
    repository: Repository,
    index: Arc<Index>,
    sealed: Vec<u8>,
    content: Vec<u8>,
    decompressor: Decompressor,
}

impl BlobReader {
    /// A reader of the blobs that the index names.
    #[must_use]
    pub fn new(repository: &Repository, index: Arc<Index>) -> Self {
        Self {
            repository: repository.clone(),
            index,
            sealed: Vec::new(),
            content: Vec::new(),
            decompressor: Decompressor::default(),
        }
    }

    /// The content of a blob. Where the index names several places, each is tried until one is sound.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the index does not name it, [`Error::Damaged`] when no place has it whole.
    pub fn read(&mut self, kind: BlobKind, id: &FileId) -> Result<&[u8]> {
        let index = Arc::clone(&self.index);
        let Some(first) = index.find(kind, id) else {
            return Err(Error::NotFound(format!("{} blob {id} is not in the index", kind.name())));
        };
        let mut outcome = self.load(&first);
        // What a cable garbled comes whole another time, and a repair gives up for good what it cannot read here.
        for _ in 0..TRIES {
            if matches!(&outcome, Err(error) if !error.is_interrupted()) {
                let others = index.find_all(kind, id).filter(|other| *other != first);
                if others.chain([first]).any(|location| self.load(&location).is_ok()) {
                    outcome = Ok(());
                }
            }
        }
        outcome.map(|()| self.content.as_slice())
    }

    /// Reads a tree.
    ///
    /// # Errors
    /// As [`BlobReader::read`]; also [`Error::Damaged`] when the blob is no tree.
    pub fn read_tree(&mut self, id: &FileId) -> Result<Tree> {
        Tree::parse(self.read(BlobKind::Tree, id)?).map_err(|error| match error {
            Error::Damaged { why, .. } => Error::damaged(format!("tree {id}"), why),
            other => other,
        })
    }

    fn load(&mut self, location: &Location) -> Result<()> {
        let handle = Handle::new(FileKind::Pack, location.pack);
        let blob = &location.blob;
        if blob.kind == BlobKind::Tree {
            self.repository.storage().note_tree_pack(&location.pack);
        }
        self.repository.confirm_range(location.pack, blob.offset, blob.length as usize)?;
        self.sealed.resize(blob.length as usize, 0);
        let context = self.repository.context();
        self.repository.storage().read_at(&handle, u64::from(blob.offset), &mut self.sealed, context)?;
        let opened =
            open_blob(&self.repository, blob, &mut self.sealed, &mut self.decompressor, &mut self.content);
        if let Err(error) = opened {
            return Err(match error {
                Error::Damaged { why, what } => {
                    Error::damaged(format!("{what} in pack {}", location.pack), why)
                }
                other => other,
            });
        }
        if blob.raw_length == 0 {
            let plain = self.sealed.get(IV..self.sealed.len().saturating_sub(MAC)).unwrap_or_default();
            self.content.clear();
            self.content.extend_from_slice(plain);
        }
        Ok(())
    }
}

/// Longer than this no file's chunk is, so that a blob that claims to be is looked at twice.
const LONG: usize = 16 << 20;

impl Repository {
    /// Asks whether a pack reaches this far, before memory is taken for an unusually long read: an index may lie.
    pub(crate) fn confirm_range(&self, pack: FileId, start: u32, length: usize) -> Result<()> {
        if length <= LONG {
            return Ok(());
        }
        let handle = Handle::new(FileKind::Pack, pack);
        if u64::from(start) + length as u64 > self.storage().size(&handle, self.context())? {
            return Err(Error::damaged(handle, "the index names a blob beyond its end"));
        }
        Ok(())
    }
}

/// Opens a sealed blob in place and decompresses it, into `unpacked` if it is compressed. Its hash is the caller's to compare.
pub(crate) fn open_content<'a>(
    repository: &Repository,
    blob: &Blob,
    sealed: &'a mut [u8],
    decompressor: &mut Decompressor,
    unpacked: &'a mut Vec<u8>,
) -> Result<&'a [u8]> {
    let what = || format!("{} blob {}", blob.kind.name(), blob.id);
    let plain = repository.key().open(sealed).map_err(|error| Error::damaged(what(), error))?;
    if blob.raw_length == 0 {
        return Ok(plain);
    }
    decompressor.decompress(plain, blob.raw_length as usize, unpacked).map_err(|error| match error {
        Error::Damaged { why, .. } => Error::damaged(what(), why),
        other => other,
    })?;
    Ok(unpacked)
}

/// Opens and decompresses a sealed blob, and compares its hash.
pub(crate) fn open_blob<'a>(
    repository: &Repository,
    blob: &Blob,
    sealed: &'a mut [u8],
    decompressor: &mut Decompressor,
    unpacked: &'a mut Vec<u8>,
) -> Result<&'a [u8]> {
    let content = open_content(repository, blob, sealed, decompressor, unpacked)?;
    compare_hash(blob, hash(content))?;
    Ok(content)
}

/// Whether the content of a blob has the hash that it is named by.
pub(crate) fn compare_hash(blob: &Blob, hash: FileId) -> Result<()> {
    if hash == blob.id {
        return Ok(());
    }
    Err(Error::damaged(format!("{} blob {}", blob.kind.name(), blob.id), "its content does not fit its id"))
}

/// Reads trees from many threads, keeping the readers (and their buffers) for the next.
pub struct TreeCache {
    repository: Repository,
    index: Arc<Index>,
    readers: Mutex<Vec<BlobReader>>,
    recent: Mutex<HashMap<FileId, Arc<Tree>>>,
}

/// Trees that are kept: unchanged folders of neighbouring snapshots share theirs.
const RECENT: usize = 512;

impl TreeCache {
    /// A cache over the trees that the index names.
    #[must_use]
    pub fn new(repository: &Repository, index: Arc<Index>) -> Self {
        Self { repository: repository.clone(), index, readers: Mutex::default(), recent: Mutex::default() }
    }

    /// The index it reads by.
    #[must_use]
    pub fn index(&self) -> &Arc<Index> {
        &self.index
    }

    /// Reads a tree, or gives the one that was read before.
    ///
    /// # Errors
    /// As [`BlobReader::read_tree`].
    pub fn tree(&self, id: &FileId) -> Result<Arc<Tree>> {
        if let Some(tree) = self.recent.lock().get(id) {
            return Ok(Arc::clone(tree));
        }
        let tree = Arc::new(self.tree_once(id)?);
        let mut recent = self.recent.lock();
        if recent.len() >= RECENT {
            recent.clear();
        }
        recent.insert(*id, Arc::clone(&tree));
        Ok(tree)
    }

    /// Reads a tree that will not be asked for again.
    ///
    /// # Errors
    /// As [`BlobReader::read_tree`].
    pub fn tree_once(&self, id: &FileId) -> Result<Tree> {
        let reader = self.readers.lock().pop();
        let mut reader = reader.unwrap_or_else(|| BlobReader::new(&self.repository, Arc::clone(&self.index)));
        let tree = reader.read_tree(id);
        self.readers.lock().push(reader);
        tree
    }
}
