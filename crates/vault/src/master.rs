//! The master key: the one secret that people have to keep. It seals the keys of the ring and nothing else.

use std::fmt;
use std::path::Path;

use backstay_core::Random;
use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::cipher::{KEY, Key};
use crate::{KeyId, PassphraseCost, Result, Secret, VaultError, passphrase, private_file};

const WHAT: &str = "master key file";

/// Opens the key ring. It comes from a file, from text or from a passphrase.
#[derive(Clone)]
pub struct MasterKey(pub(crate) Key);

impl MasterKey {
    /// The key of 32 raw bytes in a file that only its owner may read (0600 or less).
    ///
    /// # Errors
    /// [`VaultError::TooOpen`] when others may read it, [`VaultError::Damaged`] when it has another length,
    /// [`VaultError::File`] when it cannot be read or is not there.
    pub fn from_file(path: &Path) -> Result<Self> {
        read_key(path, WHAT)?.map(Self).ok_or_else(|| missing(path))
    }

    /// The same; where there is no file, it is made with a new key. It is durable before this returns.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file), or when the file cannot be made.
    pub fn from_file_or_new(path: &Path, random: &dyn Random) -> Result<Self> {
        read_or_make_key(path, WHAT, random).map(Self)
    }

    /// The key of text: 64 hexadecimal digits, or 32 bytes in base64 (either alphabet, padded or not). Space around it is
    /// passed over.
    ///
    /// # Errors
    /// [`VaultError::Text`] when it is neither; the text is not shown.
    pub fn from_text(text: &Secret) -> Result<Self> {
        key_of_text(text, "the master key").map(Self)
    }

    /// The key that argon2id makes of a passphrase. Salt and cost lie in a small file, `path`, with a value that tells a
    /// wrong passphrase; where there is none, it is made with this cost, and the passphrase is taken as the right one. The
    /// file is no secret, but without it the passphrase opens nothing.
    ///
    /// # Errors
    /// [`VaultError::WrongPassphrase`]; [`VaultError::EmptyPassphrase`]; [`VaultError::Damaged`] when the file makes no sense
    /// or asks for more than 1 GiB of memory; as [`from_file`](Self::from_file) otherwise.
    pub fn from_passphrase(
        passphrase: &Secret,
        path: &Path,
        cost: PassphraseCost,
        random: &dyn Random,
    ) -> Result<Self> {
        passphrase::open_or_make(passphrase, path, cost, random).map(Self)
    }

    /// By what the key is told apart. It is no secret.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.0.id()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id())
    }
}

/// Reads a file of 32 raw bytes; `None` when there is none.
pub(crate) fn read_key(path: &Path, what: &'static str) -> Result<Option<Key>> {
    let Some(bytes) = private_file::read(path, what)? else { return Ok(None) };
    let length = bytes.len();
    let bad = || VaultError::damaged(what, path, format_args!("it has {length} bytes and not {KEY}"));
    Key::from_slice(&bytes).map(Some).ok_or_else(bad)
}

pub(crate) fn read_or_make_key(path: &Path, what: &'static str, random: &dyn Random) -> Result<Key> {
    if let Some(key) = read_key(path, what)? {
        return Ok(key);
    }
    let key = Key::generate(random);
    if private_file::create(path, key.expose(), random)? {
        return Ok(key);
    }
    // Somebody else was first: both go on with the same key.
    read_key(path, what)?.ok_or_else(|| missing(path))
}

/// Reads a key that is written as text.
pub(crate) fn key_of_text(text: &Secret, what: &'static str) -> Result<Key> {
    let trimmed = text.expose().trim();
    let bytes = if trimmed.len() == 2 * KEY && trimmed.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        from_hex(trimmed)
    } else {
        from_base64(trimmed)
    };
    bytes.and_then(|bytes| Key::from_slice(&bytes)).ok_or_else(|| VaultError::Text {
        what,
        why: "it has to be 64 hexadecimal digits, or 32 bytes in base64".into(),
    })
}

fn from_hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY));
    for pair in text.as_bytes().chunks_exact(2) {
        let pair = std::str::from_utf8(pair).ok()?;
        bytes.push(u8::from_str_radix(pair, 16).ok()?);
    }
    Some(bytes)
}

fn from_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let read = |alphabet| GeneralPurpose::new(alphabet, lenient).decode(text).ok().map(Zeroizing::new);
    read(&STANDARD).or_else(|| read(&URL_SAFE))
}

fn missing(path: &Path) -> VaultError {
    VaultError::file("open", path)(std::io::ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::testing::TestRandom;

    #[test]
    fn a_file_is_made_once_and_then_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        assert!(matches!(MasterKey::from_file(&path), Err(VaultError::File { .. })));
        let made = MasterKey::from_file_or_new(&path, &TestRandom::seeded(1)).unwrap();
        let again = MasterKey::from_file_or_new(&path, &TestRandom::seeded(2)).unwrap();
        assert_eq!((made.id(), again.id()), (MasterKey::from_file(&path).unwrap().id(), made.id()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::metadata(&path).unwrap().len(), 32);
    }

    #[test]
    fn a_file_of_another_length_or_open_to_others_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        for length in [0, 31, 33, 64] {
            fs::write(&path, vec![7; length]).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let error = MasterKey::from_file_or_new(&path, &TestRandom::seeded(1)).unwrap_err();
            assert!(error.to_string().contains(&format!("{length} bytes and not 32")), "{error}");
            assert_eq!(fs::read(&path).unwrap().len(), length);
        }
        fs::write(&path, [7; 32]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = MasterKey::from_file_or_new(&path, &TestRandom::seeded(1)).unwrap_err();
        assert!(matches!(error, VaultError::TooOpen { mode: 0o640, .. }), "{error}");
    }

    #[test]
    fn the_forms_of_text_are_read() {
        let bytes = [0xfb; KEY];
        let id = Key::from_slice(&bytes).unwrap().id();
        let padded = base64::engine::general_purpose::STANDARD.encode(bytes);
        let url = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        assert!(padded.contains('+') && url.contains('-'));
        for text in [format!(" {padded}\n"), padded.trim_end_matches('=').to_owned(), url, "fB".repeat(32)] {
            assert_eq!(MasterKey::from_text(&Secret::new(&*text)).unwrap().id(), id, "{text}");
        }
        for bad in ["", "short", &"fb".repeat(31), &"fg".repeat(32), &"G".repeat(64), "ключ"] {
            let error = MasterKey::from_text(&Secret::new(bad)).unwrap_err();
            assert!(bad.is_empty() || !error.to_string().contains(bad), "{error}");
        }
    }

    #[test]
    fn debug_shows_the_id_alone() {
        let key = MasterKey(Key::from_slice(&[0xfb; KEY]).unwrap());
        assert_eq!(format!("{key:?}"), format!("MasterKey({})", key.id()));
    }
}
