//! Archives as what a destination holds: how they are made, named and encrypted.

use backstay_policy::naming;
use serde::{Deserialize, Serialize};

use crate::Invalid;

/// The layout of folders where none is given. Each node has a folder of its own around it, unless all share one.
const FOLDER: &str = "{plan}";

/// What a destination holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Holds {
    /// Repositories: deduplicated, encrypted, every snapshot whole.
    #[default]
    Repository,
    /// Plain archives, as files under names.
    Archives(ArchiveSettings),
}

/// How archives are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ArchiveSettings {
    /// The format.
    pub format: ArchiveFormat,
    /// The format of archives of MongoDB sources.
    pub mongodb: MongodbArchives,
    /// How contents are compressed; deflate in zip and zstd in tar.zst when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<ArchiveCompression>,
    /// Whether they are encrypted. The key is made with the first archive and is part of the recovery kit.
    pub encryption: ArchiveEncryption,
    /// The pattern of their names, as `{source}-{type}-{date:%Y%m%dT%H%M%SZ}`. The fields are server, database, type, plan, host, source,
    /// date and n.
    pub name: String,
    /// The layout of the folders that they lie in, as `{host}/{plan}`; empty for the destination's top.
    pub folder: String,
    /// What lies between full archives.
    pub between: Between,
    /// Every how many archives of a source are full: 1 for all of them. Archives of mongodump are full, whatever stands here.
    pub full_every: u32,
    /// Archives of more bytes than this are split into chunks on their way; 100 GB when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_over: Option<u64>,
}

/// The format of archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ArchiveFormat {
    /// Zip, which every system reads.
    #[default]
    #[serde(rename = "zip")]
    Zip,
    /// Tar in frames of zstd.
    #[serde(rename = "tar.zst")]
    TarZst,
}

/// The format of archives of MongoDB sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum MongodbArchives {
    /// As `mongodump --archive --gzip` writes it, for `mongorestore` to read; always full.
    #[default]
    Mongodump,
    /// As archives of other sources are, with two files in it for each collection.
    Files,
}

/// How the contents of archives are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ArchiveCompression {
    /// Not at all.
    Store,
    /// As every zip program reads it.
    Deflate,
    /// Smaller and faster; few zip programs read it.
    Zstd,
}

/// Whether archives are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ArchiveEncryption {
    /// As a whole, by age.
    #[default]
    Age,
    /// Not: who can read the file has everything.
    Plain,
}

/// What lies between full archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Between {
    /// What changed since the archive before: small, and each needs all before it.
    #[default]
    Incremental,
    /// What changed since the last full archive: each needs that one alone.
    Differential,
}

impl Default for ArchiveSettings {
    fn default() -> Self {
        Self {
            format: ArchiveFormat::default(),
            mongodb: MongodbArchives::default(),
            compression: None,
            encryption: ArchiveEncryption::default(),
            name: naming::DEFAULT_NAME.to_owned(),
            folder: FOLDER.to_owned(),
            between: Between::default(),
            full_every: 1,
            split_over: None,
        }
    }
}

impl Holds {
    /// Whether archives lie there.
    #[must_use]
    pub const fn is_archives(&self) -> bool {
        matches!(self, Self::Archives(_))
    }

    /// Whether it can be made so.
    ///
    /// # Errors
    /// The first field that cannot.
    pub fn validate(&self) -> Result<(), Invalid> {
        match self {
            Self::Repository => Ok(()),
            Self::Archives(archives) => archives.validate(),
        }
    }
}

impl ArchiveSettings {
    fn validate(&self) -> Result<(), Invalid> {
        naming::Pattern::parse(&self.name).map_err(|error| Invalid::new("holds.name", error))?;
        if !self.folder.is_empty() {
            naming::Layout::parse(&self.folder).map_err(|error| Invalid::new("holds.folder", error))?;
        }
        if self.format == ArchiveFormat::TarZst
            && !matches!(self.compression, None | Some(ArchiveCompression::Zstd))
        {
            return Err(Invalid::new("holds.compression", "a tar.zst archive is compressed by zstd"));
        }
        if !(1..=1000).contains(&self.full_every) {
            return Err(Invalid::new("holds.full_every", "it has to be from 1 to 1000"));
        }
        if self.split_over == Some(0) {
            return Err(Invalid::new("holds.split_over", "it has to be a number of bytes from 1 up"));
        }
        Ok(())
    }
}
