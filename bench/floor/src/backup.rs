//! Source to packs. Pieces that an earlier run stored are read and hashed, and no more.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::catalog::{self, Blob, Catalog, Pack};
use crate::codec::{self, Encoder, Hash, PIECE};
use crate::crew::Crew;

/// A pack is written when it has grown to this many bytes.
const PACK: usize = 16 << 20;

enum Job {
    Folder(PathBuf),
    /// One piece of a file that has several.
    Piece {
        path: PathBuf,
        number: u64,
    },
}

/// A piece of a file, as one thread saw it. An empty file has one line, without a hash.
type Seen = (PathBuf, u64, Option<Hash>);

pub(crate) fn run(source: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder.join("packs")).context("cannot make the folder")?;
    let mut catalog = Catalog::read(folder)?;
    let known = catalog.known();

    let outcomes = Crew::run(vec![Job::Folder(source.to_owned())], |crew| {
        let mut worker = Worker::new(source, folder, &known)?;
        while let Some(job) = crew.take() {
            match job {
                Job::Folder(path) => crew.add(worker.folder(&path)?),
                Job::Piece { path, number } => worker.piece(path, number)?,
            }
            crew.done();
        }
        worker.write_pack()?;
        Ok((worker.packs, worker.seen))
    })?;

    let mut seen: Vec<Seen> = Vec::new();
    for (packs, part) in outcomes {
        catalog.packs.extend(packs);
        seen.extend(part);
    }
    seen.sort_unstable();
    catalog.files.clear();
    for (path, _, hash) in seen {
        match catalog.files.last_mut().filter(|file| file.path == path) {
            Some(file) => file.pieces.extend(hash),
            None => catalog.files.push(catalog::File { path, pieces: hash.into_iter().collect() }),
        }
    }
    catalog.write(folder)
}

/// What one thread carries from piece to piece.
struct Worker<'a> {
    source: &'a Path,
    folder: &'a Path,
    known: &'a HashSet<Hash>,
    encoder: Encoder,
    content: Vec<u8>,
    pack: Vec<u8>,
    blobs: Vec<Blob>,
    packs: Vec<Pack>,
    seen: Vec<Seen>,
}

impl<'a> Worker<'a> {
    fn new(source: &'a Path, folder: &'a Path, known: &'a HashSet<Hash>) -> Result<Self> {
        Ok(Self {
            source,
            folder,
            known,
            encoder: Encoder::new()?,
            content: Vec::with_capacity(PIECE),
            pack: Vec::with_capacity(PACK + PIECE),
            blobs: Vec::new(),
            packs: Vec::new(),
            seen: Vec::new(),
        })
    }

    /// Takes the small files of a folder; gives back its folders and the pieces of its large files.
    fn folder(&mut self, folder: &Path) -> Result<Vec<Job>> {
        let mut jobs = Vec::new();
        for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let entry = entry?;
            let (kind, path) = (entry.file_type()?, entry.path());
            if kind.is_dir() {
                jobs.push(Job::Folder(path));
            } else if kind.is_file() {
                let mut file = fs::File::open(&path)?;
                let length = file.metadata()?.len();
                if length > PIECE as u64 {
                    let pieces = length.div_ceil(PIECE as u64);
                    jobs.extend((0..pieces).map(|number| Job::Piece { path: path.clone(), number }));
                    continue;
                }
                self.content.clear();
                file.read_to_end(&mut self.content)?;
                self.take(path, 0)?;
            }
        }
        Ok(jobs)
    }

    fn piece(&mut self, path: PathBuf, number: u64) -> Result<()> {
        let file = fs::File::open(&path)?;
        self.content.resize(PIECE, 0);
        let mut filled = 0;
        while let Some(rest) = self.content.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, number * PIECE as u64 + filled as u64)? {
                0 => break,
                count => filled += count,
            }
        }
        self.content.truncate(filled);
        self.take(path, number)
    }

    /// Stores the piece in `self.content`, unless it is known.
    fn take(&mut self, path: PathBuf, number: u64) -> Result<()> {
        let path = path.strip_prefix(self.source)?.to_owned();
        if self.content.is_empty() {
            self.seen.push((path, number, None));
            return Ok(());
        }
        let hash = codec::hash(&self.content);
        if !self.known.contains(&hash) {
            let stored = self.encoder.append(&self.content, &hash, &mut self.pack)?;
            self.blobs.push(Blob { hash, length: self.content.len(), stored });
            if self.pack.len() >= PACK {
                self.write_pack()?;
            }
        }
        self.seen.push((path, number, Some(hash)));
        Ok(())
    }

    fn write_pack(&mut self) -> Result<()> {
        if self.blobs.is_empty() {
            return Ok(());
        }
        let name = codec::hash(&self.pack);
        fs::write(catalog::pack_path(self.folder, &name), &self.pack).context("cannot write a pack")?;
        self.packs.push(Pack { name, blobs: std::mem::take(&mut self.blobs) });
        self.pack.clear();
        Ok(())
    }
}
