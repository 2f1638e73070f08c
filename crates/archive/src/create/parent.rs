//! The backup that a new one leans on: what is as it was there is only listed.

use std::collections::HashMap;
use std::io::Read;

use backstay_core::{FileId, Meta, Xattr};
use backstay_policy::BackupType;

use crate::ArchiveError;
use crate::hashing::path_key;
use crate::manifest::{self, ArchiveId, Attribute, FileTime, Item, ItemKind, Link, Manifest};

/// How it is told that a file did not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compare {
    /// By its size and the times of its last changes.
    #[default]
    Times,
    /// By its content, which is read for it.
    Content,
}

/// What is known of the files of an earlier backup. About 100 bytes of memory for each file.
#[derive(Debug)]
pub struct Parent {
    files: HashMap<u128, Seen>,
    /// The extended attributes of those that have any.
    attributes: HashMap<u128, Vec<Attribute>>,
    chain: Vec<Link>,
    compare: Compare,
}

/// A file of an earlier backup.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    size: u64,
    modified: FileTime,
    changed: Option<FileTime>,
    hash: FileId,
    /// Its place in the chain.
    archive: u32,
}

impl Parent {
    /// Reads the manifest inside an archive, as that is, for a new backup of this type to lean on.
    ///
    /// # Errors
    /// When the manifest cannot be read, or a backup of this type cannot lean on that one.
    pub fn read(
        backup_type: BackupType,
        compare: Compare,
        source: impl FnOnce(
            &mut dyn FnMut(manifest::Item) -> Result<(), ArchiveError>,
        ) -> Result<Manifest, ArchiveError>,
    ) -> Result<Self, ArchiveError> {
        let (mut files, mut attributes) = (HashMap::new(), HashMap::new());
        let mut archives = Vec::<Option<ArchiveId>>::new();
        let manifest = source(&mut |item| {
            let (ItemKind::File, Some(hash), None) = (item.kind, item.hash(), &item.problem) else {
                return Ok(());
            };
            if item.size == 0 {
                return Ok(());
            }
            let place = match archives.iter().position(|known| *known == item.archive) {
                Some(place) => place,
                None => {
                    archives.push(item.archive);
                    archives.len() - 1
                }
            };
            let archive = u32::try_from(place).unwrap_or(u32::MAX);
            let Item { size, modified, changed, .. } = item;
            let key = path_key(&item.path.0);
            if !item.xattrs.is_empty() {
                attributes.insert(key, item.xattrs);
            }
            files.insert(key, Seen { size, modified, changed, hash, archive });
            Ok(())
        })?;
        let name = &manifest.name;
        match backup_type {
            BackupType::Full => {
                return Err(ArchiveError::Parent("a full backup leans on no other".to_owned()));
            }
            BackupType::Differential if manifest.backup_type != BackupType::Full => {
                let found = manifest.backup_type;
                return Err(ArchiveError::Parent(format!(
                    "a differential backup leans on a full one, and {name} is {found}"
                )));
            }
            _ => {}
        }
        let mut chain = manifest.chain.clone();
        chain.push(manifest.link());
        // From places in the order of appearance to places in the chain.
        let mut places = Vec::with_capacity(archives.len());
        for archive in archives {
            let id = archive.unwrap_or(manifest.id);
            let place = chain.iter().position(|link| link.id == id).ok_or_else(|| {
                ArchiveError::damaged(name, format!("it names the archive {id}, which is not in its chain"))
            })?;
            places.push(u32::try_from(place).unwrap_or(u32::MAX));
        }
        for seen in files.values_mut() {
            let place = usize::try_from(seen.archive).ok().and_then(|place| places.get(place));
            seen.archive = place.copied().unwrap_or(u32::MAX);
        }
        Ok(Self { files, attributes, chain, compare })
    }

    /// The same from a manifest's text.
    ///
    /// # Errors
    /// As [`Parent::read`].
    pub fn from_manifest(
        backup_type: BackupType,
        compare: Compare,
        text: impl Read,
        what: &str,
    ) -> Result<Self, ArchiveError> {
        Self::read(backup_type, compare, |each| manifest::read(text, what, each))
    }

    /// The archives that a backup needs that leans on this one.
    #[must_use]
    pub fn chain(&self) -> &[Link] {
        &self.chain
    }

    pub(super) const fn compare(&self) -> Compare {
        self.compare
    }

    /// The file at this path, if there was one of this size.
    pub(super) fn seen(&self, path: &[u8], meta: &Meta) -> Option<Seen> {
        self.files.get(&path_key(path)).copied().filter(|seen| seen.size == meta.size)
    }

    /// The extended attributes that the file at this path had.
    pub(super) fn attributes(&self, path: &[u8]) -> Vec<Xattr> {
        let of = self.attributes.get(&path_key(path)).into_iter().flatten();
        of.map(|one| Xattr { name: one.name.clone(), value: one.value.0.clone() }).collect()
    }

    /// Where the content of a file lies.
    pub(super) fn archive(&self, seen: &Seen) -> Option<ArchiveId> {
        let place = usize::try_from(seen.archive).ok()?;
        self.chain.get(place).map(|link| link.id)
    }
}

impl Seen {
    pub(super) const fn hash(&self) -> FileId {
        self.hash
    }

    /// Whether the times tell that nothing changed.
    pub(super) fn has_times_of(&self, meta: &Meta) -> bool {
        let changed = FileTime::from(meta.changed);
        let is_known = changed != FileTime::default();
        self.modified == FileTime::from(meta.modified)
            && self.changed.is_none_or(|seen| !is_known || seen == FileTime::default() || seen == changed)
    }
}
