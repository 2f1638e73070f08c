//! The records of a journal: how they are written, and read back from a file that may end anywhere.

use std::collections::HashMap;
use std::io::Read;

use backstay_core::{FileId, Meta};

use crate::crypto::Key;
use crate::format::index::PackIndex;
use crate::format::pack::{parse_header, write_header};
use crate::records;

/// What an earlier, interrupted backup noted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Packs that were stored.
    pub packs: Vec<PackIndex>,
    /// Trees of folders, by path.
    pub folders: HashMap<Vec<u8>, FileId>,
    /// Contents of big files, by path.
    pub files: HashMap<Vec<u8>, FileNote>,
}

/// A big file whose content is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileNote {
    pub(super) stamp: Stamp,
    pub(super) content: Vec<FileId>,
}

/// What must be the same for a file to be taken as unchanged: size, inode, and both times.
pub(super) type Stamp = [u64; 6];

/// The first byte of a record says what it is.
const PACK: u8 = 1;
const FOLDER: u8 = 2;
const FILE: u8 = 3;

pub(super) fn stamp(meta: &Meta) -> Stamp {
    let (modified, changed) = (meta.modified, meta.changed);
    [
        meta.size,
        meta.inode,
        modified.seconds as u64,
        u64::from(modified.nanos),
        changed.seconds as u64,
        u64::from(changed.nanos),
    ]
}

pub(super) fn pack(pack: &PackIndex) -> Vec<u8> {
    let mut record = vec![PACK];
    record.extend_from_slice(&pack.id.0);
    record.extend_from_slice(&write_header(&pack.blobs));
    record
}

pub(super) fn folder(path: &[u8], tree: &FileId) -> Vec<u8> {
    let mut record = vec![FOLDER];
    record.extend_from_slice(&tree.0);
    record.extend_from_slice(path);
    record
}

pub(super) fn file(path: &[u8], meta: &Meta, content: &[FileId]) -> Option<Vec<u8>> {
    let count = u32::try_from(content.len()).ok()?;
    let mut record = vec![FILE];
    for number in stamp(meta) {
        record.extend_from_slice(&number.to_le_bytes());
    }
    record.extend_from_slice(&count.to_le_bytes());
    for id in content {
        record.extend_from_slice(&id.0);
    }
    record.extend_from_slice(path);
    Some(record)
}

impl Notes {
    /// Reads records up to the first that is torn, garbled or of another key; returns them and the bytes they take.
    #[must_use]
    pub fn read(file: impl Read, key: &Key) -> (Self, u64) {
        let mut notes = Self::default();
        let whole = records::read(file, key, |record| {
            notes.take(record);
        });
        (notes, whole)
    }

    /// Takes in one record. `None` when it cannot be understood; nothing is taken then.
    pub fn take(&mut self, record: &[u8]) -> Option<()> {
        let (tag, rest) = record.split_first()?;
        match *tag {
            PACK => {
                let (id, header) = rest.split_first_chunk::<32>()?;
                self.packs.push(PackIndex { id: FileId(*id), blobs: parse_header(header).ok()? });
            }
            FOLDER => {
                let (id, path) = rest.split_first_chunk::<32>()?;
                self.folders.insert(path.to_vec(), FileId(*id));
            }
            FILE => {
                let (numbers, rest) = rest.split_first_chunk::<48>()?;
                let mut stamp = Stamp::default();
                for (number, bytes) in stamp.iter_mut().zip(numbers.as_chunks::<8>().0) {
                    *number = u64::from_le_bytes(*bytes);
                }
                let (count, rest) = rest.split_first_chunk::<4>()?;
                let (ids, path) = rest.split_at_checked(u32::from_le_bytes(*count) as usize * 32)?;
                let content = ids.as_chunks::<32>().0.iter().map(|id| FileId(*id)).collect();
                self.files.insert(path.to_vec(), FileNote { stamp, content });
            }
            _ => return None,
        }
        Some(())
    }
}
