//! Making an archive of a backup.
//!
//! Items come in any order from many threads; each is written when its content is at hand, one at a time. Small files are read,
//! hashed and compressed in the threads that bring them, large ones as they are written, on all cores. A folder's own entry comes
//! behind what is in it, so that whoever unpacks sets its times when nothing changes them any more. The list of items waits in a
//! file without a name and comes last, as the [manifest](crate::manifest).
//!
//! Zip holds files, folders and symbolic links, with permissions, owners and times to the second. All else, attributes, devices,
//! pipes, times to the nanosecond, and that two names are one file, is told in the manifest, from which
//! [`read::extract`](crate::read::extract()) restores it; other programs see two files.
//!
//! An archive of mongodump holds a dump of MongoDB, in files that are named as mongodump names them, and nothing else.

mod body;
mod dump;
mod folder;
mod intake;
mod outer;
mod packer;
mod parent;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use backstay_core::{Control, Events, FileId, Folder, Sink, SinkError, Timestamp};
use backstay_policy::BackupType;

pub(crate) use self::body::{TRAILER, TRAILER_MAGIC, TRAILER_TAG};
use self::folder::ArchiveFolder;
use self::intake::Intake;
pub use self::outer::Output;
pub use self::parent::{Compare, Parent};
use self::writer::Writer;
use crate::crypt::Recipients;
use crate::manifest::{ArchiveId, Compression, Container, Format, Manifest, SourceFacts};
use crate::press::DEFLATE_LEVEL;
use crate::zip::Method;
use crate::{ArchiveError, manifest};

/// Pushed contents that may be open at once; each is an open file.
const OPEN_LIMIT: usize = 64;

/// The level of zstd where none is given, as the program zstd has it.
const ZSTD_LEVEL: i32 = 3;

/// How an archive is made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The format of the file.
    pub format: Format,
    /// How contents are compressed. A tar archive is compressed by zstd and one of mongodump by gzip, whatever stands here.
    pub compression: Compression,
    /// How much work goes into it: 0 to 9 for deflate, 1 to 22 for zstd.
    pub level: Option<i32>,
    /// To whom it is encrypted; `None` leaves it as it is.
    pub recipients: Option<Recipients>,
    /// A folder for files without names that are there while the archive is made: the list of items, and contents that are pushed.
    pub spool: PathBuf,
}

impl Settings {
    /// A zip archive that every program reads, not encrypted.
    #[must_use]
    pub const fn plain_zip(spool: PathBuf) -> Self {
        let (format, compression) = (Format::Zip, Compression::Deflate);
        Self { format, compression, level: None, recipients: None, spool }
    }

    /// Whether an archive can be made so.
    ///
    /// # Errors
    /// When the level is none of the compression.
    pub fn validate(&self) -> Result<(), ArchiveError> {
        let (name, least, most) = match (self.format, self.compression) {
            (Format::Mongodump, _) | (Format::Zip, Compression::Deflate) => ("deflate", 0, 9),
            (Format::TarZst, _) | (_, Compression::Zstd) => ("zstd", 1, 22),
            (_, Compression::Store) => return Ok(()),
        };
        match self.level {
            Some(level) if level < least || level > most => Err(ArchiveError::Setting(format!(
                "{level} is no level of {name}; the levels are {least} to {most}"
            ))),
            _ => Ok(()),
        }
    }

    /// What the file's name ends with.
    #[must_use]
    pub const fn extension(&self) -> &'static str {
        self.format.extension(self.recipients.is_some())
    }

    pub(crate) fn zstd_level(&self) -> i32 {
        self.level.unwrap_or(ZSTD_LEVEL)
    }

    pub(crate) fn deflate_level(&self) -> u32 {
        let level = self.level.and_then(|level| u32::try_from(level).ok());
        level.unwrap_or(DEFLATE_LEVEL).min(9)
    }

    pub(crate) fn method(&self) -> Method {
        match self.compression {
            Compression::Store => Method::Store,
            Compression::Deflate => Method::Deflate(self.deflate_level()),
            Compression::Zstd => Method::Zstd(self.zstd_level()),
        }
    }

    fn container(&self) -> Container {
        let compression = match self.format {
            Format::Zip => self.compression,
            Format::TarZst => Compression::Zstd,
            Format::Mongodump => Compression::Deflate,
        };
        let level = match compression {
            Compression::Store => None,
            Compression::Deflate => i32::try_from(self.deflate_level()).ok(),
            Compression::Zstd => Some(self.zstd_level()),
        };
        Container { format: self.format, compression, level, encrypted: self.recipients.is_some() }
    }
}

/// What an archive says of itself.
#[derive(Debug, Clone)]
pub struct Description {
    /// What tells it from all others: 16 random bytes.
    pub id: ArchiveId,
    /// Its file name, without folders.
    pub name: String,
    /// When the backup was begun.
    pub created: Timestamp,
    /// Its type. Differential and incremental ones have a [`Parent`].
    pub backup_type: BackupType,
    /// What is backed up.
    pub source: SourceFacts,
    /// The program that makes it, with its version.
    pub program: String,
}

/// What came of an archive.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The manifest as it is to lie beside the archive.
    pub manifest: Manifest,
    /// The length of the file in bytes.
    pub size: u64,
    /// The SHA-256 of the file.
    pub sha256: FileId,
}

impl Finished {
    /// Items that are missing or not whole. Each was reported.
    #[must_use]
    pub const fn failed(&self) -> u64 {
        self.manifest.totals.failed
    }
}

/// Writes what it is given as an archive.
pub struct ArchiveSink {
    writer: Arc<Writer>,
    manifest: Manifest,
}

impl std::fmt::Debug for ArchiveSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArchiveSink").field("name", &self.manifest.name).finish_non_exhaustive()
    }
}

impl ArchiveSink {
    /// An archive that goes to `output`. Troubles with single items are told to `events`.
    ///
    /// # Errors
    /// When the settings do not go together, or the output or the spool folder cannot be written to.
    pub fn new(
        output: Output,
        settings: &Settings,
        description: Description,
        parent: Option<Parent>,
        control: Control,
        events: Arc<dyn Events>,
    ) -> Result<Self, ArchiveError> {
        settings.validate()?;
        let Description { id, name, created, backup_type, source, program } = description;
        match (backup_type, &parent) {
            (BackupType::Full, Some(_)) => {
                return Err(ArchiveError::Parent("a full backup leans on no other".to_owned()));
            }
            (_, Some(_)) if settings.format == Format::Mongodump => {
                return Err(ArchiveError::Parent("an archive of mongodump is always full".to_owned()));
            }
            (BackupType::Differential | BackupType::Incremental, None) => {
                return Err(ArchiveError::Parent(format!(
                    "a backup of type {backup_type} needs one before it"
                )));
            }
            _ => {}
        }
        let manifest = Manifest {
            format: manifest::FORMAT,
            id,
            name,
            // As precise as it is written.
            created: Timestamp { nanos: 0, ..created },
            backup_type,
            chain: parent.as_ref().map(|parent| parent.chain().to_vec()).unwrap_or_default(),
            source,
            program,
            container: settings.container(),
            totals: manifest::Totals::default(),
            file: None,
        };
        let writer = Writer::new(output, settings, &manifest, parent, control, events)?;
        Ok(Self { writer: Arc::new(writer), manifest })
    }

    /// Writes the manifest and the end of the archive, which takes nothing more. The file's owner makes it durable.
    ///
    /// # Errors
    /// When the output failed, now or before, or the work was cancelled.
    pub fn finish(&self) -> Result<Finished, ArchiveError> {
        self.writer.finish(self.manifest.clone())
    }
}

impl Sink for ArchiveSink {
    fn root(&self) -> Result<Box<dyn Folder>, SinkError> {
        Ok(Box::new(ArchiveFolder::root(Arc::clone(&self.writer))))
    }

    fn open_limit(&self) -> usize {
        OPEN_LIMIT
    }
}

#[cfg(test)]
mod tests;
