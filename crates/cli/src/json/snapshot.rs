//! Snapshots as messages show them: with their ids.

use backstay_engine::format::Snapshot;
use backstay_policy::GroupKey;
use serde::Serialize;

use backstay_engine::repository::SnapshotEntry;

/// A snapshot and its id.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    #[serde(flatten)]
    snapshot: Snapshot,
    id: String,
    short_id: String,
}

impl From<SnapshotEntry> for Entry {
    fn from(loaded: SnapshotEntry) -> Self {
        Self { id: loaded.id.to_hex(), short_id: loaded.id.short(), snapshot: loaded.snapshot }
    }
}

/// The head of a listing.
#[derive(Debug, Serialize)]
pub(crate) struct Head {
    #[serde(flatten)]
    pub(crate) entry: Entry,
    pub(crate) message_type: &'static str,
    pub(crate) struct_type: &'static str,
}

/// A group of snapshots.
#[derive(Debug, Serialize)]
pub(crate) struct Group {
    pub(crate) group_key: Key,
    pub(crate) snapshots: Vec<Entry>,
}

/// What they have in common.
#[derive(Debug, Serialize)]
pub(crate) struct Key {
    hostname: String,
    paths: Option<Vec<String>>,
    tags: Option<Vec<String>>,
}

impl From<GroupKey> for Key {
    fn from(key: GroupKey) -> Self {
        Self { hostname: key.host, paths: key.paths, tags: key.tags }
    }
}

/// What `forget` decided over a group.
#[derive(Debug, Serialize)]
pub(crate) struct Forgotten {
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) host: String,
    pub(crate) paths: Option<Vec<String>>,
    pub(crate) keep: Option<Vec<Entry>>,
    pub(crate) remove: Option<Vec<Entry>>,
    pub(crate) reasons: Option<Vec<Reason>>,
}

/// Why a snapshot stays.
#[derive(Debug, Serialize)]
pub(crate) struct Reason {
    pub(crate) snapshot: Entry,
    pub(crate) matches: Vec<String>,
}

/// Go writes an empty list that was never made as `null`.
pub(crate) fn list<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}
