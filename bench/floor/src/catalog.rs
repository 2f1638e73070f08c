//! What is stored where: one text file beside the packs.
//!
//! Lines: `p NAME` opens a pack, `b HASH LENGTH STORED` is its next piece, `f HASH,HASH,… PATH` a file. The files are those
//! of the last backup; the packs are all that were ever written.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::codec::Hash;

#[derive(Default)]
pub(crate) struct Catalog {
    pub(crate) packs: Vec<Pack>,
    pub(crate) files: Vec<File>,
}

/// A file in `packs/`, named by its SHA-256.
pub(crate) struct Pack {
    pub(crate) name: Hash,
    /// In their order in the pack.
    pub(crate) blobs: Vec<Blob>,
}

/// A stored piece.
pub(crate) struct Blob {
    pub(crate) hash: Hash,
    /// Of the piece, in bytes.
    pub(crate) length: usize,
    /// Of its stored form, in bytes.
    pub(crate) stored: usize,
}

/// A file of the source, with its pieces in order.
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) pieces: Vec<Hash>,
}

impl Catalog {
    /// The catalog of `folder`; empty when there is none yet.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("catalog");
        let mut catalog = Self::default();
        if !path.exists() {
            return Ok(catalog);
        }
        let text = fs::read_to_string(&path).context("cannot read the catalog")?;
        for line in text.lines() {
            let mut words = line.splitn(4, ' ');
            let kind = words.next().unwrap_or_default();
            let mut word = || words.next().with_context(|| format!("a line of the catalog is short: {line}"));
            match kind {
                "p" => catalog.packs.push(Pack { name: unhex(word()?)?, blobs: Vec::new() }),
                "b" => {
                    let blob =
                        Blob { hash: unhex(word()?)?, length: word()?.parse()?, stored: word()?.parse()? };
                    catalog.packs.last_mut().context("a piece without a pack")?.blobs.push(blob);
                }
                "f" => {
                    let (hashes, path) = line
                        .get(2..)
                        .and_then(|rest| rest.split_once(' '))
                        .context("a file without a path")?;
                    let pieces = hashes.split_terminator(',').map(unhex).collect::<Result<_>>()?;
                    catalog.files.push(File { path: path.into(), pieces });
                }
                _ => bail!("a line of the catalog is strange: {line}"),
            }
        }
        Ok(catalog)
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let mut text = String::new();
        for pack in &self.packs {
            writeln!(text, "p {}", hex(&pack.name))?;
            for blob in &pack.blobs {
                writeln!(text, "b {} {} {}", hex(&blob.hash), blob.length, blob.stored)?;
            }
        }
        for file in &self.files {
            text.push_str("f ");
            for piece in &file.pieces {
                write!(text, "{},", hex(piece))?;
            }
            writeln!(text, " {}", file.path.display())?;
        }
        fs::write(folder.join("catalog"), text).context("cannot write the catalog")
    }

    /// The hashes of all stored pieces.
    pub(crate) fn known(&self) -> HashSet<Hash> {
        self.packs.iter().flat_map(|pack| &pack.blobs).map(|blob| blob.hash).collect()
    }

    #[cfg(test)]
    pub(crate) fn blobs(&self) -> usize {
        self.packs.iter().map(|pack| pack.blobs.len()).sum()
    }
}

/// The path of a pack.
pub(crate) fn pack_path(folder: &Path, name: &Hash) -> PathBuf {
    folder.join("packs").join(hex(name))
}

fn hex(hash: &Hash) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    hash.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect()
}

fn unhex(text: &str) -> Result<Hash> {
    let mut hash = [0; 32];
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() == 64).context("not a hash")?;
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair.iter().fold(0, |value, &digit| value << 4 | digit) as u8;
    }
    Ok(hash)
}
