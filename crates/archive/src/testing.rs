//! What the tests of this crate make archives with.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use backstay_core::{
    Content, Control, CutHint, Entry, EntryKind, Events, Folder, Meta, Opener, Silent, Sink, Timestamp,
};
use backstay_policy::BackupType;

use crate::create::{ArchiveSink, Compare, Description, Parent, Settings};
use crate::crypt::Identities;
use crate::manifest::{ArchiveId, Compression, Format, Link, Manifest, SourceFacts};
use crate::read::{Alone, FileInput, Neighbours, VerifyReport, verify};
use crate::{Archive, ArchiveError};

/// Content out of memory.
pub(crate) struct Bytes(pub(crate) std::io::Result<Vec<u8>>);

impl Opener for Bytes {
    fn open(self: Box<Self>) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(std::io::Cursor::new(self.0?)))
    }

    fn duplicate(&self) -> Option<Box<dyn Opener>> {
        Some(Box::new(Self(Ok(self.0.as_ref().ok()?.clone()))))
    }
}

pub(crate) fn lazy(content: &[u8]) -> Content {
    Content::Lazy(Box::new(Bytes(Ok(content.to_vec()))), CutHint::ByContent)
}

pub(crate) fn entry(name: &[u8], meta: Meta, content: Content) -> Entry {
    Entry { name: name.to_vec(), meta, content }
}

pub(crate) fn file(size: usize) -> Meta {
    let time = Timestamp::utc(1_700_000_000, 123_456_789);
    Meta {
        size: size as u64,
        permissions: 0o640,
        modified: time,
        accessed: time,
        changed: time,
        links: 1,
        ..Meta::default()
    }
}

pub(crate) fn folder() -> Meta {
    Meta { kind: EntryKind::Folder, permissions: 0o751, ..file(0) }
}

/// Bytes that nothing can make smaller.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(length).collect()
}

pub(crate) fn settings(spool: &Path, format: Format, compression: Compression) -> Settings {
    Settings { format, compression, level: None, recipients: None, spool: spool.to_owned() }
}

static NUMBER: AtomicU8 = AtomicU8::new(1);

pub(crate) fn description(name: &str, backup_type: BackupType) -> Description {
    Description {
        id: ArchiveId([NUMBER.fetch_add(1, Ordering::Relaxed); 16]),
        name: name.to_owned(),
        created: Timestamp { seconds: 1_700_000_000, nanos: 123_456_789, offset: 3_600 },
        backup_type,
        source: SourceFacts { kind: "files".into(), host: "here".into(), ..SourceFacts::default() },
        program: "backstay 0.0.0".into(),
    }
}

/// An archive that was made.
pub(crate) struct Made {
    pub(crate) path: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) failed: u64,
}

impl Made {
    pub(crate) fn open(&self) -> Archive {
        self.try_open(&Identities::none()).unwrap()
    }

    pub(crate) fn try_open(&self, identities: &Identities) -> Result<Archive, ArchiveError> {
        open(&self.path, identities)
    }

    pub(crate) fn verify(&self) -> VerifyReport {
        verify(&self.open(), Some(&self.manifest), &Alone, &Control::new(), &Silent).unwrap()
    }

    pub(crate) fn description(&self) -> Description {
        description(&self.manifest.name, self.manifest.backup_type)
    }
}

pub(crate) fn open(path: &Path, identities: &Identities) -> Result<Archive, ArchiveError> {
    let input = FileInput::new(std::fs::File::open(path).unwrap()).unwrap();
    Archive::open(Arc::new(input), path.file_name().unwrap().to_string_lossy(), identities)
}

/// Opens archives of one folder by their names.
pub(crate) struct Beside<'a>(pub(crate) &'a Path);

impl Neighbours for Beside<'_> {
    fn open(&self, link: &Link) -> Result<Archive, ArchiveError> {
        if !self.0.join(&link.name).exists() {
            return Err(ArchiveError::Parent("it is not there".into()));
        }
        open(&self.0.join(&link.name), &Identities::none())
    }
}

/// Makes an archive in a folder, which leans on another one if that is given.
pub(crate) fn make(
    folder: &Path,
    settings: &Settings,
    parent: Option<(BackupType, &Made, Compare)>,
    fill: impl FnOnce(&dyn Folder),
) -> Made {
    let backup_type = parent.as_ref().map_or(BackupType::Full, |(backup_type, ..)| *backup_type);
    let parent = parent.map(|(backup_type, made, compare)| {
        Parent::read(backup_type, compare, |each| {
            made.open().list(&mut |item| each(item.clone())).map(Option::unwrap)
        })
        .unwrap()
    });
    let number = std::fs::read_dir(folder).unwrap().count();
    let name = format!("{backup_type}-{number}{}", settings.extension());
    let path = folder.join(&name);
    let output = Box::new(std::fs::File::create(&path).unwrap());
    let events: Arc<dyn Events> = Arc::new(Silent);
    let description = description(&name, backup_type);
    let sink = ArchiveSink::new(output, settings, description, parent, Control::new(), events).unwrap();
    let root = sink.root().unwrap();
    fill(&*root);
    root.close(self::folder()).unwrap();
    let finished = sink.finish().unwrap();
    Made { path, failed: finished.failed(), manifest: finished.manifest }
}
