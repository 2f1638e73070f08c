//! Buckets of S3 services as sources.

use serde::{Deserialize, Serialize};

use crate::{ConnectionId, Invalid};

/// A bucket of an S3 service: all of it, or what begins with some prefixes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BucketSpec {
    /// The connection that reaches it, of the type `s3` and on the same node.
    pub connection: ConnectionId,
    /// What keys begin with, as `photos/` or `logs/2026-`; all keys when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<String>,
    /// Patterns of what is left out, as those of files, over `/BUCKET/KEY`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excludes: Vec<String>,
    /// Leave out objects larger than this, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_larger_than: Option<u64>,
    /// Take the tags of objects along, which takes a request more for each object that is read and has some.
    #[serde(default = "yes")]
    pub tags: bool,
}

const fn yes() -> bool {
    true
}

/// Bytes that a key may have.
const LONGEST_KEY: usize = 1024;

/// Refuses what no key can begin with.
///
/// # Errors
/// When it is that.
pub fn check_prefix(field: &str, prefix: &str) -> Result<(), Invalid> {
    if prefix.len() > LONGEST_KEY {
        return Err(Invalid::new(field, "a key has at most 1024 bytes"));
    }
    if prefix.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(Invalid::new(field, "it must not hold `.` or `..` as a part"));
    }
    Ok(())
}

impl BucketSpec {
    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        let mut prefixes = self.prefixes.iter().enumerate();
        prefixes.try_for_each(|(place, prefix)| check_prefix(&format!("spec.prefixes[{place}]"), prefix))
    }
}
