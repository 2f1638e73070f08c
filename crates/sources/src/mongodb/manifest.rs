//! What a dump says about itself, beside the files that other tools know.

use serde::{Deserialize, Serialize};

use super::Digest;

/// The name of the manifest in the root of a dump.
pub const MANIFEST: &str = "backstay-mongodb.json";

/// A place in the oplog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Seconds since 1970.
    pub seconds: u32,
    /// Which one of the second.
    pub counter: u32,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.seconds, self.counter)
    }
}

/// A stretch of the oplog, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OplogSpan {
    /// Where reading began: not after anything that the collections may lack.
    pub from: Position,
    /// The moment that the dump is of, once the oplog is replayed.
    pub to: Position,
    /// How many entries of the stretch are in the dump.
    pub entries: u64,
}

/// What was counted in a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Its database.
    pub database: String,
    /// Its name.
    pub collection: String,
    /// `collection`, `view`, `timeseries`.
    pub kind: String,
    /// Documents.
    pub documents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The sum of their SHA-256 hashes, which does not depend on their order.
    pub hash: String,
}

impl Counted {
    /// Whether these are the same documents.
    #[must_use]
    pub fn agrees(&self, digest: &Digest) -> bool {
        (self.documents, self.bytes, self.hash.as_str())
            == (digest.documents, digest.bytes, digest.hash().as_str())
    }
}

/// What a dump says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this record.
    pub format: u32,
    /// The server's version.
    pub server_version: String,
    /// The replica set that was read.
    pub replica_set: Option<String>,
    /// When it was taken, in seconds since 1970.
    pub taken_at: i64,
    /// What was selected; empty for all.
    pub include: Vec<String>,
    /// What was left out.
    pub exclude: Vec<String>,
    /// The oplog that goes with it.
    pub oplog: Option<OplogSpan>,
    /// Why the collections are not of one moment, when they are not.
    pub inconsistent_because: Option<String>,
    /// Collections that could not be read, as `database.collection`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Whether users and roles are in it.
    pub has_users: bool,
    /// Each collection and view.
    pub collections: Vec<Counted>,
}

impl Manifest {
    /// The place in the oplog that shipped oplog can follow on: none where that would lead to a moment that lacks collections.
    #[must_use]
    pub fn reaches_to(&self) -> Option<Position> {
        self.oplog.filter(|_| self.left_out.is_empty()).map(|span| span.to)
    }

    /// What it says about a collection.
    #[must_use]
    pub fn counted(&self, database: &str, collection: &str) -> Option<&Counted> {
        self.collections.iter().find(|counted| {
            (counted.database.as_str(), counted.collection.as_str()) == (database, collection)
        })
    }
}
