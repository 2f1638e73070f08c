//! What is noted in Google Drive of a file that was begun.
//!
//! ```text
//!  FOLDER/.backstay-parts/TOKEN.json   what the file is to become, the address of its upload, and the hashes of its chunks
//!  FOLDER/.backstay-parts/TOKEN.part   the file itself, once all of it is there
//! ```
//!
//! The token is made of the name, which is thereby taken. The address of an upload lets whoever knows it send to it, and nothing else; it
//! is kept where the file itself will be.

use std::collections::BTreeMap;

use backstay_core::{FileId, NewFile};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The folder of all notes. No archive's name begins with a dot.
pub(super) const PARTS: &str = ".backstay-parts";
/// What the SHA-256 of a whole file is noted under, at the file itself.
pub(super) const NOTED_SHA256: &str = "backstay-sha256";
/// Digits of a token.
const DIGITS: usize = 32;

/// What is noted of a file that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    name: String,
    size: u64,
    sha256: String,
    /// The address of its upload; an empty file has none.
    pub(super) session: Option<String>,
    /// The SHA-256 of the chunks that were sent, by their indexes.
    chunks: BTreeMap<u64, String>,
}

impl Begun {
    pub(super) fn new(file: &NewFile, session: Option<String>) -> Self {
        let (name, sha256) = (file.name.clone(), file.sha256.to_hex());
        Self { name, size: file.size, sha256, session, chunks: BTreeMap::new() }
    }

    /// Whether it is this file that was begun.
    pub(super) fn is(&self, file: &NewFile) -> bool {
        (self.name.as_str(), self.size) == (&file.name, file.size) && self.sha256 == file.sha256.to_hex()
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn chunk(&self, index: u64) -> Option<FileId> {
        FileId::from_hex(self.chunks.get(&index)?)
    }

    pub(super) fn chunks(&self) -> impl Iterator<Item = (u64, FileId)> {
        self.chunks.iter().filter_map(|(index, sha256)| Some((*index, FileId::from_hex(sha256)?)))
    }

    pub(super) fn note(&mut self, index: u64, sha256: &FileId) {
        self.chunks.insert(index, sha256.to_hex());
    }
}

/// The token for a name.
pub(super) fn token(name: &str) -> String {
    let mut token = FileId(Sha256::digest(name).into()).to_hex();
    token.truncate(DIGITS);
    token
}

pub(super) fn is_token(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The name of the note of a token.
pub(super) fn begun(token: &str) -> String {
    format!("{token}.json")
}

/// The name of the file itself until it is finished.
pub(super) fn part(token: &str) -> String {
    format!("{token}.part")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_tell_what_was_begun() {
        let file = NewFile { name: "Data.zip".into(), size: 10, sha256: FileId([7; 32]), chunk_size: 5 };
        let mut begun = Begun::new(&file, Some("https://x".into()));
        begun.note(1, &FileId([8; 32]));
        let begun: Begun = serde_json::from_slice(&serde_json::to_vec(&begun).unwrap()).unwrap();
        assert!(begun.is(&file) && !begun.is(&NewFile { size: 11, ..file.clone() }));
        assert_eq!((begun.chunk(0), begun.chunk(1)), (None, Some(FileId([8; 32]))));
        assert!(is_token(&token("Data.zip")) && !is_token("../x") && !is_token(&"x".repeat(32)));
    }
}
