//! Drives a sink from a stream whose files come mixed.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use backstay_core::{Content, Control, CutHint, Entry, EntryKind, Meta, Pushed, Sink};

use super::chunk::{Chunk, ChunkReader, StreamError};
use super::folders::{Folders, clean, conflict};
use super::spool::Spool;

/// How much is read at once.
const PIECE: u64 = 64 << 10;

/// What the stream does not say: metadata of its files and folders. Kinds and sizes are filled in.
#[derive(Debug, Clone, Default)]
pub struct Template {
    /// For each file.
    pub file: Meta,
    /// For each folder.
    pub folder: Meta,
    /// How files are cut.
    pub cut: CutHint,
}

/// What a stream held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamReport {
    /// Whole files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that had to wait in a temporary file, as the sink takes only so many at once.
    pub spooled: u64,
}

/// Takes a stream apart into files.
///
/// # Errors
/// Anything wrong with the stream or the sink. The sink is left as it is then, with folders that are not
/// closed, and whoever owns it gives it up.
pub fn capture(
    stream: impl Read,
    sink: &dyn Sink,
    template: &Template,
    control: &Control,
) -> Result<StreamReport, StreamError> {
    let mut intake = Intake {
        sink,
        template,
        folders: Folders::new(sink.root()?),
        open: HashMap::new(),
        pushing: 0,
        done: HashSet::new(),
        report: StreamReport::default(),
    };
    let mut reader = ChunkReader::new(stream);
    let mut piece = vec![0; PIECE as usize];
    while let Some(chunk) = reader.next()? {
        control.checkpoint()?;
        match chunk {
            Chunk::Payload { path, offset, length, checksum } => {
                let path = clean(&path)?;
                let file = intake.file(&path)?;
                let name = || String::from_utf8_lossy(&path).into_owned();
                if file.length != offset {
                    return Err(StreamError::Gap { path: name(), expected: file.length, found: offset });
                }
                let mut hasher = crc32fast::Hasher::new();
                let mut left = length;
                while left > 0 {
                    control.checkpoint()?;
                    let data = piece.get_mut(..left.min(PIECE) as usize).unwrap_or_default();
                    reader.exact(data)?;
                    hasher.update(data);
                    file.write(data)?;
                    left -= data.len() as u64;
                }
                if hasher.finalize() != checksum {
                    return Err(StreamError::Checksum { path: name(), offset });
                }
            }
            Chunk::End { path } => intake.finish(clean(&path)?)?,
            Chunk::Ignored { length } => {
                let mut left = length;
                while left > 0 {
                    let data = piece.get_mut(..left.min(PIECE) as usize).unwrap_or_default();
                    reader.exact(data)?;
                    left -= data.len() as u64;
                }
            }
        }
    }
    intake.end()
}

struct Intake<'a> {
    sink: &'a dyn Sink,
    template: &'a Template,
    folders: Folders,
    open: HashMap<Vec<u8>, OpenFile>,
    /// How many of the open ones are pushed to the sink.
    pushing: usize,
    done: HashSet<Vec<u8>>,
    report: StreamReport,
}

/// A file of which more is to come.
struct OpenFile {
    content: Destination,
    length: u64,
}

enum Destination {
    Pushed(Box<dyn Pushed>),
    Spooled(Spool),
}

impl OpenFile {
    fn write(&mut self, data: &[u8]) -> Result<(), StreamError> {
        match &mut self.content {
            Destination::Pushed(pushed) => pushed.write(data)?,
            Destination::Spooled(spool) => spool.write(data).map_err(StreamError::Spool)?,
        }
        self.length += data.len() as u64;
        Ok(())
    }
}

impl Intake<'_> {
    /// The open file of this path; begins it where it is new.
    fn file(&mut self, path: &[u8]) -> Result<&mut OpenFile, StreamError> {
        if !self.open.contains_key(path) {
            let content = self.begin(path)?;
            self.open.insert(path.to_vec(), OpenFile { content, length: 0 });
        }
        self.open.get_mut(path).ok_or_else(|| conflict(path))
    }

    fn begin(&mut self, path: &[u8]) -> Result<Destination, StreamError> {
        if self.done.contains(path) || self.folders.contains(path) {
            return Err(conflict(path));
        }
        let taken = |path: &[u8]| self.open.contains_key(path) || self.done.contains(path);
        let folder = self.folders.of(path, taken)?;
        if self.pushing < self.sink.open_limit() {
            let pushed = folder.begin(name_of(path), self.template.cut.clone())?;
            self.pushing += 1;
            return Ok(Destination::Pushed(pushed));
        }
        self.report.spooled += 1;
        Spool::new().map(Destination::Spooled).map_err(StreamError::Spool)
    }

    /// Hands a whole file over. One without any payload is empty.
    fn finish(&mut self, path: Vec<u8>) -> Result<(), StreamError> {
        self.file(&path)?;
        let Some(OpenFile { content, length }) = self.open.remove(&path) else {
            return Err(conflict(&path));
        };
        let meta = Meta { kind: EntryKind::File, size: length, ..self.template.file.clone() };
        match content {
            Destination::Pushed(pushed) => {
                self.pushing -= 1;
                pushed.finish(meta)?;
            }
            Destination::Spooled(spool) => {
                let opener = Box::new(spool.into_opener());
                let content = Content::Lazy(opener, self.template.cut.clone());
                let folder = self.folders.of(&path, |_| false)?;
                folder.add(Entry { name: name_of(&path).to_vec(), meta, content })?;
            }
        }
        self.report.files += 1;
        self.report.bytes += length;
        self.done.insert(path);
        Ok(())
    }

    fn end(self) -> Result<StreamReport, StreamError> {
        if let Some(path) = self.open.keys().min() {
            let path = String::from_utf8_lossy(path).into_owned();
            return Err(StreamError::Unfinished { count: self.open.len(), path });
        }
        let folder = Meta { kind: EntryKind::Folder, ..self.template.folder.clone() };
        self.folders.close(&folder)?;
        Ok(self.report)
    }
}

fn name_of(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
