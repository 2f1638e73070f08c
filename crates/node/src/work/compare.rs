//! Tells two snapshots apart: what is new, gone or changed, and which folders grew by it.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use backstay_core::{EntryKind, FileId};
use backstay_engine::format::{Node, Tree};
use backstay_engine::repository::{TreeCache, join};
use backstay_model::command::{ChangeKind, Comparison, FolderChange, ItemChange};
use backstay_model::link::SealedRepository;

use super::items::item;
use super::restore::find_snapshot;
use super::{Result, Workshop};
use crate::seals::Opened;

/// Folders that are told of.
const FOLDERS: usize = 50;

impl Workshop {
    /// What differs between two snapshots; of the changes at most `limit` are told one by one.
    ///
    /// # Errors
    /// When there is no such snapshot, or the repository cannot be opened or read.
    pub fn compare(
        &self,
        repository: &SealedRepository,
        secrets: &Opened,
        (from, to): (&str, &str),
        limit: usize,
    ) -> Result<Comparison> {
        if repository.holds.is_archives() {
            return self.with_look(repository, secrets, |job| self.compare_archives(job, (from, to), limit));
        }
        let open = self.look(repository, secrets)?;
        let (from, to) = (find_snapshot(&open, from)?, find_snapshot(&open, to)?);
        let trees = open.trees()?;
        let mut difference =
            Difference { trees, limit, found: Comparison::default(), folders: HashMap::new() };
        difference.trees(from.snapshot.tree, to.snapshot.tree).map_err(|error| open.explain(error))?;
        Ok(difference.finish())
    }
}

struct Difference {
    trees: TreeCache,
    limit: usize,
    found: Comparison,
    /// By how much each folder grew, with all that is below it.
    folders: HashMap<Vec<u8>, i64>,
}

/// A folder that is gone through on both sides; where it is on one side only, the other one is empty.
struct Level {
    path: Vec<u8>,
    sides: [(Arc<Tree>, usize); 2],
    grown: i64,
}

impl Difference {
    fn trees(&mut self, before: FileId, after: FileId) -> backstay_engine::Result<()> {
        if before == after {
            return Ok(());
        }
        // How far each folder on the way is done; no recursion, for trees may be deep.
        let mut levels = vec![self.open(b"/".to_vec(), [Some(before), Some(after)])?];
        while let Some(level) = levels.last_mut() {
            let [(left, gone_at), (right, new_at)] = &mut level.sides;
            let (left, right) = (Arc::clone(left), Arc::clone(right));
            let (gone, new) = (left.nodes.get(*gone_at), right.nodes.get(*new_at));
            let order = match (gone, new) {
                (Some(gone), Some(new)) => gone.name.cmp(&new.name),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => {
                    let Some(done) = levels.pop() else { break };
                    if let Some(above) = levels.last_mut() {
                        above.grown = above.grown.saturating_add(done.grown);
                    }
                    if done.grown != 0 {
                        self.folders.insert(done.path, done.grown);
                    }
                    continue;
                }
            };
            *gone_at += usize::from(order.is_le());
            *new_at += usize::from(order.is_ge());
            let (gone, new) = (gone.filter(|_| order.is_le()), new.filter(|_| order.is_ge()));
            let Some(name) = gone.or(new).map(|node| node.name.as_slice()) else { continue };
            let path = join(&level.path, name);
            let (grown, below) = self.item(&path, gone, new);
            level.grown = level.grown.saturating_add(grown);
            if below != [None, None] {
                let opened = self.open(path, below)?;
                levels.push(opened);
            }
        }
        Ok(())
    }

    fn open(&self, path: Vec<u8>, sides: [Option<FileId>; 2]) -> backstay_engine::Result<Level> {
        let [before, after] = sides;
        let open = |id: Option<FileId>| -> backstay_engine::Result<(Arc<Tree>, usize)> {
            Ok((id.map(|id| self.trees.tree(&id)).transpose()?.unwrap_or_default(), 0))
        };
        Ok(Level { path, sides: [open(before)?, open(after)?], grown: 0 })
    }

    /// Compares what has a name on both sides. Gives the bytes by which it grew itself, and the folders to go into.
    fn item(&mut self, path: &[u8], gone: Option<&Node>, new: Option<&Node>) -> (i64, [Option<FileId>; 2]) {
        let length = |node: &Node| (node.meta.kind == EntryKind::File).then_some(node.meta.size);
        let (before, after) = (gone.and_then(length), new.and_then(length));
        let grown = signed(after.unwrap_or(0)).saturating_sub(signed(before.unwrap_or(0)));
        let below = [gone.and_then(|node| node.subtree), new.and_then(|node| node.subtree)];
        let change = match (gone, new) {
            (None, _) => Some(ChangeKind::Added),
            (_, None) => Some(ChangeKind::Removed),
            (Some(gone), Some(new)) if gone.meta.kind != new.meta.kind => Some(ChangeKind::Kind),
            (Some(gone), Some(new)) => {
                let is_same = gone.content == new.content && gone.meta.link_target == new.meta.link_target;
                (!is_same).then_some(ChangeKind::Content)
            }
        };
        if let Some(change) = change {
            self.note(path, gone, new, change, (before, after));
        }
        match below {
            [Some(before), Some(after)] if before == after => (grown, [None, None]),
            below => (grown, below),
        }
    }

    fn note(
        &mut self,
        path: &[u8],
        gone: Option<&Node>,
        new: Option<&Node>,
        change: ChangeKind,
        (before, after): (Option<u64>, Option<u64>),
    ) {
        let (old, now) = (before.unwrap_or(0), after.unwrap_or(0));
        let (sum, bytes) = match change {
            ChangeKind::Added => (&mut self.found.added, now),
            ChangeKind::Removed => (&mut self.found.removed, old),
            ChangeKind::Content | ChangeKind::Kind if now > old => (&mut self.found.grown, now - old),
            ChangeKind::Content | ChangeKind::Kind => (&mut self.found.shrunk, old.saturating_sub(now)),
        };
        sum.items = sum.items.saturating_add(1);
        sum.bytes = sum.bytes.saturating_add(bytes);
        if self.found.changes.len() >= self.limit {
            self.found.truncated = true;
        } else if let Some(node) = new.or(gone) {
            let path = String::from_utf8_lossy(path).into_owned();
            self.found.changes.push(ItemChange { path, kind: item(node).kind, change, before, after });
        }
    }

    fn finish(self) -> Comparison {
        let folder = |(path, bytes): (Vec<u8>, i64)| FolderChange {
            path: String::from_utf8_lossy(&path).into_owned(),
            bytes,
        };
        let folders = most_changed(self.folders.into_iter().map(folder).collect());
        Comparison { folders, ..self.found }
    }
}

/// The folders that changed most, those that grew most first.
pub(super) fn most_changed(mut folders: Vec<FolderChange>) -> Vec<FolderChange> {
    folders.sort_by(|one, other| {
        (other.bytes.unsigned_abs(), &one.path).cmp(&(one.bytes.unsigned_abs(), &other.path))
    });
    folders.truncate(FOLDERS);
    folders.sort_by(|one, other| (other.bytes, &one.path).cmp(&(one.bytes, &other.path)));
    folders
}

pub(super) fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
