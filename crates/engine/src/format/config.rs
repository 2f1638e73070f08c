//! The configuration: written once, when a repository is made.

use backstay_core::FileId;
use serde::{Deserialize, Serialize};

use crate::chunker::Polynomial;
use crate::{Error, Result};

/// What a repository is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Format version, 1 or 2. Only version 2 compresses.
    pub version: u32,
    /// The repository's id.
    pub id: FileId,
    /// What its files are cut by.
    pub polynomial: Polynomial,
}

#[derive(Serialize, Deserialize)]
struct ConfigJson {
    version: u32,
    #[serde(with = "super::hex_id")]
    id: FileId,
    chunker_polynomial: String,
}

impl Config {
    /// Reads the decrypted configuration.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is none, [`Error::Version`] when it is of another version.
    pub fn parse(json: &[u8]) -> Result<Self> {
        let bad = |why: String| Error::damaged("the configuration", why);
        let config: ConfigJson = serde_json::from_slice(json).map_err(|error| bad(error.to_string()))?;
        if !(1..=2).contains(&config.version) {
            return Err(Error::Version(config.version));
        }
        let polynomial = u64::from_str_radix(&config.chunker_polynomial, 16).ok().and_then(Polynomial::new);
        let polynomial =
            polynomial.ok_or_else(|| bad("its polynomial is not irreducible of degree 53".into()))?;
        Ok(Self { version: config.version, id: config.id, polynomial })
    }

    /// The configuration as restic writes it.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        format!(
            "{{\"version\":{},\"id\":\"{}\",\"chunker_polynomial\":\"{:x}\"}}",
            self.version,
            self.id,
            self.polynomial.bits()
        )
        .into_bytes()
    }
}
