//! Master keys from passphrases, by argon2id (RFC 9106).
//!
//! A small JSON file keeps salt and cost, so that the same passphrase gives the same key again, and a value sealed with that
//! key, which tells a wrong passphrase from a right one before anything else is tried.

use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use backstay_core::Random;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::cipher::{KEY, Key};
use crate::{RecordId, Result, Sealed, Secret, VaultError, private_file};

const WHAT: &str = "passphrase file";
const SALT: usize = 16;
/// Most that a file may ask for: it is read before anything is authenticated.
const MEMORY_LIMIT: u32 = 1 << 20;
const PASSES_LIMIT: u32 = 64;
const LANES_LIMIT: u32 = 64;

/// What a guess at the passphrase costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassphraseCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes that could be worked on at once.
    pub lanes: u32,
}

impl PassphraseCost {
    /// What RFC 9106 recommends where memory is not plenty: 64 MiB, three passes, four lanes.
    pub const DEFAULT: Self = Self { memory_kib: 64 << 10, passes: 3, lanes: 4 };
}

impl Default for PassphraseCost {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    function: String,
    #[serde(flatten)]
    cost: PassphraseCost,
    salt: String,
    check: String,
}

const FUNCTION: &str = "argon2id";

pub(crate) fn open_or_make(
    passphrase: &Secret,
    path: &Path,
    cost: PassphraseCost,
    random: &dyn Random,
) -> Result<Key> {
    if passphrase.is_empty() {
        return Err(VaultError::EmptyPassphrase);
    }
    if let Some(content) = private_file::read(path, WHAT)? {
        return open(passphrase, path, &content);
    }
    let mut salt = [0; SALT];
    random.fill(&mut salt);
    let key = derive(passphrase, &salt, cost).map_err(|why| VaultError::Text { what: "the cost", why })?;
    let file = File {
        version: 1,
        function: FUNCTION.into(),
        cost,
        salt: STANDARD.encode(salt),
        check: key.seal(&check_record(), b"", random)?.to_text(),
    };
    let json = serde_json::to_vec_pretty(&file).map_err(|error| VaultError::damaged(WHAT, path, error))?;
    if private_file::create(path, &json, random)? {
        return Ok(key);
    }
    // Somebody else was first, with a passphrase that ours has to fit.
    match private_file::read(path, WHAT)? {
        Some(content) => open(passphrase, path, &content),
        None => Err(VaultError::damaged(WHAT, path, "it went away")),
    }
}

fn open(passphrase: &Secret, path: &Path, content: &[u8]) -> Result<Key> {
    let damaged = |why: String| VaultError::damaged(WHAT, path, why);
    let file: File = serde_json::from_slice(content).map_err(|error| damaged(error.to_string()))?;
    if file.version != 1 || file.function != FUNCTION {
        return Err(damaged(format!("version {} with {:?} is not known", file.version, file.function)));
    }
    let salt = STANDARD.decode(&file.salt).map_err(|error| damaged(format!("its salt: {error}")))?;
    let check = Sealed::from_text(&file.check).map_err(|error| damaged(error.to_string()))?;
    check.key_id().map_err(|error| damaged(error.to_string()))?;
    let key = derive(passphrase, &salt, file.cost).map_err(damaged)?;
    match key.open(&check_record(), &check) {
        Ok(_) => Ok(key),
        Err(_) => Err(VaultError::WrongPassphrase { path: path.to_owned() }),
    }
}

fn check_record() -> RecordId {
    RecordId::new("master-key", "passphrase", "check")
}

/// The key, or what is wrong with salt and cost.
fn derive(passphrase: &Secret, salt: &[u8], cost: PassphraseCost) -> Result<Key, String> {
    let PassphraseCost { memory_kib, passes, lanes } = cost;
    if memory_kib > MEMORY_LIMIT || passes > PASSES_LIMIT || lanes > LANES_LIMIT {
        return Err(format!(
            "{memory_kib} KiB, {passes} passes and {lanes} lanes are too much: at most {MEMORY_LIMIT} KiB, {PASSES_LIMIT} and {LANES_LIMIT}"
        ));
    }
    let params = Params::new(memory_kib, passes, lanes, Some(KEY)).map_err(|error| error.to_string())?;
    let mut bytes = Zeroizing::new([0; KEY]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.expose().as_bytes(), salt, &mut *bytes)
        .map_err(|error| error.to_string())?;
    Ok(Key::new(bytes))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::MasterKey;
    use crate::testing::TestRandom;

    const CHEAP: PassphraseCost = PassphraseCost { memory_kib: 64, passes: 1, lanes: 1 };

    fn master(passphrase: &str, path: &Path) -> Result<MasterKey> {
        MasterKey::from_passphrase(&passphrase.into(), path, CHEAP, &TestRandom::seeded(3))
    }

    #[test]
    fn the_same_passphrase_opens_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase.json");
        let made = master("aye aye", &path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        let other_cost = PassphraseCost { passes: 2, ..CHEAP };
        let random = TestRandom::seeded(4);
        let again = MasterKey::from_passphrase(&"aye aye".into(), &path, other_cost, &random).unwrap();
        assert_eq!(again.id(), made.id(), "the cost is the file's");
        for wrong in ["aye ay", "aye aye ", "Aye aye"] {
            assert!(matches!(master(wrong, &path), Err(VaultError::WrongPassphrase { .. })), "{wrong}");
        }
        assert!(matches!(master("", &path), Err(VaultError::EmptyPassphrase)));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("argon2id") && !text.contains("aye"), "{text}");
    }

    #[test]
    fn the_salt_is_new_for_each_file() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, seed| {
            let random = TestRandom::seeded(seed);
            MasterKey::from_passphrase(&"aye".into(), &folder.path().join(name), CHEAP, &random).unwrap().id()
        };
        assert_ne!(make("a", 1), make("b", 2));
    }

    #[test]
    fn a_damaged_file_is_told_from_a_wrong_passphrase_and_asks_for_no_fortune() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase.json");
        master("aye", &path).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        let changed = [
            String::new(),
            good[..good.len() / 2].to_owned(),
            good.replace("\"version\": 1", "\"version\": 2"),
            good.replace("argon2id", "md5"),
            good.replace("\"memory_kib\": 64", "\"memory_kib\": 4294967295"),
            good.replace("\"memory_kib\": 64", "\"memory_kib\": 0"),
            good.replace("\"passes\": 1", "\"passes\": 1000000"),
            good.replace("\"lanes\": 1", "\"lanes\": 0"),
            good.replace("\"salt\": \"", "\"salt\": \"!"),
            good.replace("\"check\": \"", "\"check\": \"????"),
            good.replace("\"check\": \"A", "\"check\": \"Z"),
        ];
        for text in changed {
            assert_ne!(text, good);
            fs::write(&path, &text).unwrap();
            let error = master("aye", &path).unwrap_err();
            assert!(matches!(error, VaultError::Damaged { .. }), "{text}: {error}");
        }
    }
}
