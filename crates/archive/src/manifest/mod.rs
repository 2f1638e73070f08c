//! The manifest: what an archive is, what it needs, and what is in it.
//!
//! It is JSON, and lies in two places. *Inside*, as the last entry of the archive, [`INSIDE`], it has the list of all items of the
//! backup, each with its SHA-256. *Beside* the archive, as the archive's name with [`BESIDE`] behind it, it has the length and the
//! SHA-256 of the archive itself, and no list of items. So a folder of archives can be listed, kept in order and checked without
//! opening one, and beside an encrypted archive nothing is told of the names of files. What stands beside is not secret and not
//! authenticated; where an archive is opened, the one inside counts.

mod item;
mod stream;
mod text;

use backstay_core::{FileId, Timestamp};
use backstay_policy::BackupType;
use serde::{Deserialize, Serialize};

pub use item::{Attribute, Item, ItemKind};
pub use stream::read;
pub(crate) use stream::{ItemSpool, Spooled};
pub use text::{ArchiveId, FileTime, RawText, Sha256Text};

/// The format that is written, and the newest that is read.
pub const FORMAT: u32 = 1;

/// The path of the manifest within an archive.
pub const INSIDE: &str = ".backstay/manifest.json";

/// What is put behind an archive's name for the manifest beside it.
pub const BESIDE: &str = ".manifest.json";

/// The longest manifest beside an archive, in bytes. A longer one is something else.
pub const LONGEST_BESIDE: u64 = 4 << 20;

/// A manifest, without its list of items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of the manifest: [`FORMAT`]. Readers refuse newer ones; fields may be added within one format.
    pub format: u32,
    /// What tells this archive from all others.
    pub id: ArchiveId,
    /// The archive's file name, with its suffix and without folders.
    pub name: String,
    /// When the backup was begun.
    #[serde(with = "text::moment")]
    pub created: Timestamp,
    /// How much of the backup lies in this archive.
    #[serde(rename = "type")]
    pub backup_type: BackupType,
    /// The archives that this one needs, from the full one on; empty for a full one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Link>,
    /// What was backed up.
    pub source: SourceFacts,
    /// The program that made it, with its version.
    pub program: String,
    /// How it is packed.
    pub container: Container,
    /// What is in it, in numbers.
    pub totals: Totals,
    /// The archive itself; only beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileFacts>,
}

/// An archive that another one needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its id.
    pub id: ArchiveId,
    /// Its name when it was made. It lies in the same folder; should it have been renamed, its id tells.
    pub name: String,
}

/// What was backed up, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourceFacts {
    /// What kind of source it is: `files`, `mysql` …
    pub kind: String,
    /// The host it is on.
    pub host: String,
    /// The name its owner gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The plan that asked for the backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Its tags, by which plans know their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The paths that were backed up, as they were given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<RawText>,
    /// The database server's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The database server's version, as it tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<String>,
    /// The data directory on the source's host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_directory: Option<RawText>,
    /// The databases that are in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<String>,
    /// Up to where the binary log's changes are in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binlog: Option<BinlogPosition>,
}

/// A place in a database server's binary log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BinlogPosition {
    /// The log's file.
    pub file: String,
    /// The first byte that is not in the backup any more.
    pub position: u64,
    /// The set of global transaction ids that are in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtid: Option<String>,
}

/// How an archive is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// The format of the file.
    pub format: Format,
    /// How contents are compressed.
    pub compression: Compression,
    /// How much work went into it, on the compression's own scale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<i32>,
    /// Whether it is encrypted, as a whole, in the format of age.
    pub encrypted: bool,
}

/// The format of an archive's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Format {
    /// A zip archive.
    #[default]
    #[serde(rename = "zip")]
    Zip,
    /// A tar archive in frames of zstd.
    #[serde(rename = "tar.zst")]
    TarZst,
    /// A dump of MongoDB as `mongodump --archive --gzip` writes it.
    #[serde(rename = "mongodump")]
    Mongodump,
}

impl Format {
    /// What a file of this format has behind its name.
    #[must_use]
    pub const fn extension(self, encrypted: bool) -> &'static str {
        match (self, encrypted) {
            (Self::Zip, false) => ".zip",
            (Self::Zip, true) => ".zip.age",
            (Self::TarZst, false) => ".tar.zst",
            (Self::TarZst, true) => ".tar.zst.age",
            (Self::Mongodump, false) => ".archive.gz",
            (Self::Mongodump, true) => ".archive.gz.age",
        }
    }
}

/// How contents are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all; only in zip archives.
    Store,
    /// As every zip program reads it, and in archives of mongodump as gzip; not in tar archives.
    #[default]
    Deflate,
    /// Faster and smaller; few zip programs read it.
    Zstd,
}

/// What is in a backup, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Files.
    pub files: u64,
    /// Folders.
    pub folders: u64,
    /// Links, devices and pipes.
    pub others: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Files whose content lies in this archive and not in an earlier one.
    pub stored_files: u64,
    /// Bytes of these, before compression.
    pub stored_bytes: u64,
    /// Items that are missing or not whole, as they could not be read.
    pub failed: u64,
}

/// An archive's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Its length in bytes.
    pub size: u64,
    /// The SHA-256 of all of it.
    pub sha256: Sha256Text,
}

impl Manifest {
    /// Reads a manifest that lies beside an archive.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_json(bytes: &[u8], what: &str) -> Result<Self, crate::ArchiveError> {
        read(bytes, what, &mut |_| Ok(()))
    }

    /// As it is written beside an archive.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, crate::ArchiveError> {
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| crate::ArchiveError::damaged(&self.name, error.to_string()))?;
        text.push(b'\n');
        Ok(text)
    }

    /// The same, told of the archive file.
    #[must_use]
    pub fn beside(mut self, size: u64, sha256: FileId) -> Self {
        self.file = Some(FileFacts { size, sha256: Sha256Text(sha256) });
        self
    }

    /// The same as it stands inside.
    #[must_use]
    pub fn inside(mut self) -> Self {
        self.file = None;
        self
    }

    /// This archive, as others name it that need it.
    #[must_use]
    pub fn link(&self) -> Link {
        Link { id: self.id, name: self.name.clone() }
    }
}

/// The name of the manifest beside an archive of this name.
#[must_use]
pub fn beside_name(archive: &str) -> String {
    format!("{archive}{BESIDE}")
}

#[cfg(test)]
mod tests;
