//! What long work tells whoever watches it. Paths are raw bytes as the source names them.

/// What became of an entry in a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemAction {
    /// Not in the parent snapshot.
    New,
    /// In the parent with other content or metadata.
    Changed,
    /// As in the parent; its content was not read.
    Unchanged,
}

/// Listener for progress. Called from many threads; must return quickly.
#[allow(unused_variables)]
pub trait Events: Send + Sync {
    /// The totals known so far: of a scan that is still running, or final.
    fn totals(&self, files: u64, bytes: u64, complete: bool) {}
    /// Work on a file began.
    fn file_started(&self, path: &[u8]) {}
    /// So many more bytes were read, restored or checked.
    fn bytes_done(&self, bytes: u64) {}
    /// A file is done.
    fn file_done(&self, path: &[u8], action: ItemAction, size: u64, stored: u64) {}
    /// A folder is done.
    fn folder_done(&self, path: &[u8], action: ItemAction) {}
    /// A restore removed an item that the snapshot does not have; on a dry run, it would have.
    fn item_deleted(&self, path: &[u8]) {}
    /// Something went wrong that the work survives. `during` names the step: `scan`, `archival`, `restore`.
    fn item_failed(&self, path: &[u8], during: &str, error: &str) {}
    /// A step of work without files: `done` of `total` units, as of packs checked.
    fn step(&self, name: &str, done: u64, total: u64) {}
    /// Something worth telling that is no failure.
    fn message(&self, text: &str) {}
    /// Something worth warning about.
    fn warning(&self, text: &str) {}
}

/// A listener that hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Events for Silent {}
