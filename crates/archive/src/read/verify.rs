//! Verifying archives: whether they are what they were.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;

use backstay_core::{Control, Events, FileId};

use super::input::Cursor;
use super::{Archive, Neighbours, Paths, ReadAt, Stored, path};
use crate::ArchiveError;
use crate::error::is_damage;
use crate::hashing::{HashingReader, path_key};
use crate::manifest::{ArchiveId, Item, ItemKind, Link, Manifest};

/// More problems than these are counted, not told.
const MOST_TOLD: usize = 1_000;

/// Contents are read in pieces of this size.
pub(super) const PIECE: usize = 256 << 10;

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Files whose content was read and is what it should be.
    pub files: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Items that were not whole when they were backed up, as the manifest tells.
    pub incomplete: u64,
    /// Archives that this one needs and that were read.
    pub chain: u64,
    /// Whether there is a manifest with hashes. Without one, only the format's own checksums were compared.
    pub has_manifest: bool,
    /// What is wrong, the first of it.
    pub problems: Vec<Problem>,
    /// How much is wrong.
    pub problem_count: u64,
}

/// Something that is wrong with an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The archive.
    pub archive: String,
    /// The item; empty where it is the archive as a whole.
    pub path: Vec<u8>,
    /// What is wrong.
    pub what: String,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.problem_count == 0
    }

    fn add(&mut self, archive: &Archive, path: &[u8], what: impl Into<String>) {
        self.problem_count += 1;
        if self.problems.len() < MOST_TOLD {
            let archive = archive.label().to_owned();
            self.problems.push(Problem { archive, path: path.to_vec(), what: what.into() });
        }
    }
}

/// Compares an archive's file with the manifest beside it: length and SHA-256. It needs no identity.
///
/// # Errors
/// [`ArchiveError::Damaged`] when it is not what it should be, else when it cannot be read.
pub fn verify_file(
    raw: &Arc<dyn ReadAt>,
    label: &str,
    beside: &Manifest,
    control: &Control,
    events: &dyn Events,
) -> Result<(), ArchiveError> {
    let Some(facts) = beside.file else {
        return Err(ArchiveError::damaged(label, "the manifest beside it does not tell of its file"));
    };
    if raw.size() != facts.size {
        let why = format!("it has {} bytes, and {} were written", raw.size(), facts.size);
        return Err(ArchiveError::damaged(label, why));
    }
    let read = hash(Cursor::new(Arc::clone(raw)), control, events);
    let (_, found) = read.map_err(ArchiveError::io("read", label))?;
    if found == facts.sha256.0 {
        return Ok(());
    }
    Err(ArchiveError::damaged(label, "its SHA-256 is not that of the manifest beside it"))
}

/// Reads an archive and what it needs of others, and compares all with its manifests. Damage that leaves the rest readable is told
/// in the report; so is other damage, with which reading ends.
///
/// # Errors
/// When something cannot be read, or the work is cancelled.
pub fn verify(
    archive: &Archive,
    beside: Option<&Manifest>,
    neighbours: &dyn Neighbours,
    control: &Control,
    events: &dyn Events,
) -> Result<VerifyReport, ArchiveError> {
    let mut report = VerifyReport { has_manifest: archive.has_manifest(), ..VerifyReport::default() };
    if let Some(beside) = beside {
        let compared = verify_file(&archive.raw, archive.label(), beside, control, events);
        note(compared, &mut report, archive)?;
    }
    let mut seen = Paths::default();
    let mut elsewhere = HashMap::<ArchiveId, HashMap<u128, FileId>>::new();
    let visited = archive.visit(&|_| false, control, &mut |item, stored| {
        control.checkpoint()?;
        if let Some(why) = path::why_unsafe(&item.path.0) {
            report.add(archive, &item.path.0, why);
        }
        if !seen.is_new(&item.path.0) {
            report.add(archive, &item.path.0, "its path comes twice");
        }
        report.incomplete += u64::from(item.problem.is_some());
        if let (Some(other), Some(hash)) = (item.archive, item.hash()) {
            elsewhere.entry(other).or_default().insert(path_key(&item.path.0), hash);
        }
        match stored {
            Stored::Content(content) => compare(item, content, &mut report, archive, control, events)?,
            Stored::Passed => {
                report.files += 1;
                report.bytes += item.size;
                events.bytes_done(item.size);
            }
            Stored::Here | Stored::Elsewhere => {}
        }
        Ok(())
    });
    let Some(manifest) = note(visited, &mut report, archive)?.flatten() else { return Ok(report) };
    if let Some(beside) = beside
        && beside.clone().inside() != manifest
    {
        report.add(archive, b"", "the manifest beside it is not the one inside");
    }
    for link in &manifest.chain {
        let wanted = elsewhere.remove(&link.id).unwrap_or_default();
        let verified = verify_link(archive, link, wanted, neighbours, &mut report, control, events);
        match verified {
            Ok(()) => report.chain += 1,
            Err(
                error @ (ArchiveError::Interrupted(_) | ArchiveError::Io { .. } | ArchiveError::Store(_)),
            ) => {
                return Err(error);
            }
            Err(error) => report.add(archive, b"", error.to_string()),
        }
    }
    if let Some(id) = elsewhere.keys().next() {
        report.add(archive, b"", format!("it needs the archive {id}, which is not in its chain"));
    }
    Ok(report)
}

/// Turns damage into a problem of the report.
fn note<T>(
    outcome: Result<T, ArchiveError>,
    report: &mut VerifyReport,
    archive: &Archive,
) -> Result<Option<T>, ArchiveError> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(ArchiveError::Damaged { why, .. }) => {
            report.add(archive, b"", why);
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

/// Opens an archive that another one needs.
pub(super) fn open_link(
    archive: &Archive,
    link: &Link,
    neighbours: &dyn Neighbours,
) -> Result<Archive, ArchiveError> {
    let broken = |why: String| ArchiveError::Chain {
        what: archive.label().to_owned(),
        name: link.name.clone(),
        id: link.id.to_string(),
        why,
    };
    let opened = neighbours.open(link).map_err(|error| match error {
        ArchiveError::Interrupted(interrupted) => ArchiveError::Interrupted(interrupted),
        other => broken(other.to_string()),
    })?;
    match opened.manifest()? {
        Some(manifest) if manifest.id == link.id => Ok(opened),
        Some(manifest) => Err(broken(format!("{} has the id {}", opened.label(), manifest.id))),
        None => Err(broken(format!("{} has no manifest", opened.label()))),
    }
}

/// Reads of another archive what is needed of it.
fn verify_link(
    archive: &Archive,
    link: &Link,
    mut wanted: HashMap<u128, FileId>,
    neighbours: &dyn Neighbours,
    report: &mut VerifyReport,
    control: &Control,
    events: &dyn Events,
) -> Result<(), ArchiveError> {
    let other = open_link(archive, link, neighbours)?;
    let visited = other.visit(&|_| true, control, &mut |item, stored| {
        control.checkpoint()?;
        let Some(expected) = wanted.get(&path_key(&item.path.0)).copied() else { return Ok(()) };
        match stored {
            Stored::Elsewhere => {
                report.add(&other, &item.path.0, "its content should lie here and does not");
            }
            _ if item.hash() != Some(expected) => {
                report.add(&other, &item.path.0, "it is not the content that the later archive needs");
            }
            Stored::Content(content) => compare(item, content, report, &other, control, events)?,
            Stored::Here | Stored::Passed => {}
        }
        wanted.remove(&path_key(&item.path.0));
        Ok(())
    });
    if note(visited, report, &other)?.is_some() && !wanted.is_empty() {
        let count = wanted.len();
        report.add(&other, b"", format!("{count} contents that the later archive needs are not in it"));
    }
    Ok(())
}

/// Reads a content and compares it with what the manifest says.
fn compare(
    item: &Item,
    content: &mut dyn Read,
    report: &mut VerifyReport,
    archive: &Archive,
    control: &Control,
    events: &dyn Events,
) -> Result<(), ArchiveError> {
    // One byte more than it says shows that it is longer.
    let limited = content.take(item.size.saturating_add(1));
    let path = &item.path.0;
    match hash(limited, control, events) {
        Ok((size, _)) if size != item.size => {
            let more = if size > item.size { "more" } else { "less" };
            report.add(archive, path, format!("it has {more} than the {} bytes it should have", item.size));
        }
        Ok((_, found)) if item.hash().is_some_and(|expected| expected != found) => {
            report.add(archive, path, "its SHA-256 is not that of the manifest");
        }
        Ok((size, _)) => {
            report.files += u64::from(item.kind == ItemKind::File);
            report.bytes += size;
            if archive.has_manifest() && item.hash().is_none() {
                report.add(archive, path, "the manifest has no SHA-256 of it");
            }
        }
        Err(error) => match ArchiveError::io("read", archive.label())(error) {
            ArchiveError::Io { cause, .. } if is_damage(&cause) => {
                report.add(archive, path, format!("it cannot be unpacked: {cause}"));
            }
            other => return Err(other),
        },
    }
    Ok(())
}

pub(super) fn hash(reader: impl Read, control: &Control, events: &dyn Events) -> io::Result<(u64, FileId)> {
    let mut reader = HashingReader::new(reader);
    let mut buffer = vec![0; PIECE];
    loop {
        control.checkpoint().map_err(|_| crate::error::interrupted())?;
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(reader.finish()),
            Ok(count) => events.bytes_done(count as u64),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
