//! What is noted in the bucket of a file that was begun.
//!
//! ```text
//!  PREFIX/.backstay-parts/TOKEN/begun                 what the file is to become, and the id of its upload
//!  PREFIX/.backstay-parts/TOKEN/part-INDEX-ETAG-HASH  empty: the SHA-256 of a part, where the service keeps none itself
//! ```
//!
//! Services forget what an upload was begun for: its own data are told only with the finished file. And the ETag of a part tells whether it
//! is another than before, but not what it is. So both are noted beside. The token is made of the name, which is thereby taken.

use backstay_core::{FileId, NewFile};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The folder of all notes. No archive's name begins with a dot.
const PARTS: &str = ".backstay-parts";

/// What is noted of a file that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    /// Its name below the prefix.
    pub(super) name: String,
    size: u64,
    sha256: String,
    /// The id of its upload.
    pub(super) upload: String,
    /// Whether the service keeps the parts' SHA-256.
    pub(super) checksums: bool,
}

impl Begun {
    pub(super) fn new(file: &NewFile, upload: String, checksums: bool) -> Self {
        let (name, sha256) = (file.name.clone(), file.sha256.to_hex());
        Self { name, size: file.size, sha256, upload, checksums }
    }

    /// Whether it is this file that was begun.
    pub(super) fn is(&self, file: &NewFile) -> bool {
        (self.name.as_str(), self.size) == (&file.name, file.size) && self.sha256 == file.sha256.to_hex()
    }
}

/// Digits of a token: half a SHA-256, since keys have an end.
const DIGITS: usize = 32;

/// The token for a name.
pub(super) fn token(name: &str) -> String {
    let mut token = FileId(Sha256::digest(name).into()).to_hex();
    token.truncate(DIGITS);
    token
}

pub(super) fn is_token(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What the notes of a token begin with.
pub(super) fn folder(token: &str) -> String {
    format!("{PARTS}/{token}/")
}

/// The note of what was begun.
pub(super) fn begun(token: &str) -> String {
    format!("{PARTS}/{token}/begun")
}

/// What the notes of a part begin with.
pub(super) fn of_part(token: &str, index: u64) -> String {
    format!("{PARTS}/{token}/part-{index}-")
}

/// The note of a part.
pub(super) fn part(token: &str, index: u64, etag: &str, sha256: &FileId) -> String {
    format!("{}{}-{}", of_part(token, index), plain(etag), URL_SAFE_NO_PAD.encode(sha256.0))
}

/// The SHA-256 of a part that lies there with this ETag, by the names of the notes.
pub(super) fn noted(names: &[String], token: &str, index: u64, etag: &str) -> Option<FileId> {
    let begin = format!("{}{}-", of_part(token, index), plain(etag));
    if etag.is_empty() {
        return None;
    }
    names.iter().find_map(|name| {
        let sha256 = URL_SAFE_NO_PAD.decode(name.strip_prefix(&begin)?).ok()?;
        Some(FileId(sha256.try_into().ok()?))
    })
}

/// An ETag as a name may hold it.
fn plain(etag: &str) -> String {
    etag.chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_known_by_its_etag() {
        let (token, hash, other) = (token("Data.zip"), FileId([7; 32]), FileId([8; 32]));
        assert!(is_token(&token) && !is_token("../x") && !is_token(&"x".repeat(32)));
        let names = [part(&token, 1, "\"ab-2\"", &hash), part(&token, 1, "\"cd\"", &other), begun(&token)];
        assert_eq!(noted(&names, &token, 1, "ab-2"), Some(hash));
        assert_eq!(noted(&names, &token, 1, "\"cd\""), Some(other));
        for (index, etag) in [(1, "ef"), (11, "cd"), (2, "cd"), (1, "")] {
            assert_eq!(noted(&names, &token, index, etag), None, "{index} {etag}");
        }
    }
}
