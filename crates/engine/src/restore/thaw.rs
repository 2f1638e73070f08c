//! Packs that lie in an archive: all are asked for before anything is restored, and each is waited for where it is needed.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use backstay_core::{ErrorKind, FileId, FileKind, Frozen, Handle, StorageError};
use parking_lot::Mutex;

use super::Select;
use super::plan::Stretch;
use super::run::{Run, join};
use crate::format::{BlobKind, Node};
use crate::index::Index;
use crate::repository::{Repository, TreeCache};
use crate::{Error, Result};

/// The packs of a restore that are on their way.
#[derive(Default)]
pub(super) struct Thaw(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    frozen: HashSet<FileId>,
    /// How many were asked for.
    total: u64,
    look_again_in: Duration,
    waited: Duration,
}

/// Waiting is cut in pieces of this length, to notice that nobody waits any more.
const PIECE: Duration = Duration::from_secs(1);

/// Why a restore cannot go on yet.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("they lie in an archive class and were asked for{0}")]
    Asked(String),
    #[error("they lie in an archive class and did not come back within {0}")]
    Late(String),
}

/// Packs that have to be brought back.
struct Asked {
    frozen: Frozen,
    /// Of how many.
    what: String,
    trouble: Trouble,
}

/// Asks for those of these packs that lie in an archive; `None` when all can be read.
fn ask(repository: &Repository, packs: BTreeSet<FileId>) -> Result<Option<Asked>> {
    let packs: Vec<Handle> = packs.into_iter().map(|pack| Handle::new(FileKind::Pack, pack)).collect();
    let frozen = repository.storage().frozen(&packs, true, repository.context())?;
    if frozen.files.is_empty() {
        return Ok(None);
    }
    let when = frozen.ready_in.map(|time| format!("; all can be read within about {}", rough(time)));
    let what = format!("{} of {} packs", frozen.files.len(), packs.len());
    Ok(Some(Asked { frozen, what, trouble: Trouble::Asked(when.unwrap_or_default()) }))
}

impl Asked {
    fn into_error(self) -> Error {
        StorageError::new(ErrorKind::Frozen, "bring back", self.what, self.trouble).into()
    }
}

/// Has the packs brought back that the chosen files of some trees have blobs in, where they lie in an archive class. For who reads contents
/// otherwise than by a [restore](super::restore): all that will be read is asked for at once, since each wait may take half a day.
///
/// # Errors
/// [`ErrorKind::Frozen`] with the time that it takes, until all can be read; when the storage cannot be asked, or the work is cancelled.
pub fn bring_back(
    repository: &Repository,
    index: &Arc<Index>,
    roots: &[FileId],
    select: &Select<'_>,
) -> Result<()> {
    if !repository.storage().may_freeze() {
        return Ok(());
    }
    let trees = TreeCache::new(repository, Arc::clone(index));
    let mut packs = BTreeSet::new();
    for root in roots {
        add_packs(repository, &trees, *root, select, &|_, _| true, &mut packs)?;
    }
    ask(repository, packs)?.map_or(Ok(()), |asked| Err(asked.into_error()))
}

/// Adds the packs that the chosen files of a tree have blobs in, if they are wanted.
fn add_packs(
    repository: &Repository,
    trees: &TreeCache,
    root: FileId,
    select: &Select<'_>,
    is_wanted: &dyn Fn(&[u8], &Node) -> bool,
    packs: &mut BTreeSet<FileId>,
) -> Result<()> {
    let mut stack = vec![(Vec::new(), root)];
    while let Some((folder, id)) = stack.pop() {
        repository.control().checkpoint()?;
        // What cannot be read is told when it is restored.
        let Ok(tree) = trees.tree_once(&id) else { continue };
        for node in tree.nodes {
            let path = join(&folder, &node.name);
            let selected = select(&path, node.is_folder());
            match node.subtree {
                Some(subtree) if node.is_folder() && selected.below => stack.push((path, subtree)),
                None if selected.item && is_wanted(&path, &node) => {
                    let found = node.blobs().iter().filter_map(|id| trees.index().find(BlobKind::Data, id));
                    packs.extend(found.map(|location| location.pack));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

impl Run<'_> {
    /// Asks for all packs that the restore reads and that lie in an archive. Where nobody waits for them, that is the end of it.
    pub(super) fn bring_back(&self, root: FileId) -> Result<()> {
        if self.options.dry_run || !self.repository.storage().may_freeze() {
            return Ok(());
        }
        self.events.message("looking which packs have to be brought back from an archive class");
        let mut packs = BTreeSet::new();
        let is_wanted = |path: &[u8], node: &Node| self.is_wanted(path, node);
        add_packs(self.repository, &self.trees, root, self.select, &is_wanted, &mut packs)?;
        let Some(asked) = ask(self.repository, packs)? else { return Ok(()) };
        if self.options.wait_for_frozen.is_none() {
            return Err(asked.into_error());
        }
        let Asked { frozen: Frozen { files, look_again_in, .. }, what, trouble } = asked;
        self.events.message(&format!("bring back {what}: {trouble}"));
        let (frozen, total) = (files.iter().map(|file| file.id).collect(), files.len() as u64);
        *self.thaw.0.lock() = Waiting { frozen, total, look_again_in, waited: Duration::ZERO };
        self.events.step("packs brought back", 0, total);
        Ok(())
    }

    fn is_wanted(&self, path: &[u8], node: &Node) -> bool {
        let there = self.target.existing(path).ok().flatten();
        there.is_none_or(|there| self.options.overwrite.touches(&there, &node.meta))
    }

    /// Those of these stretches that can be read now, at least one, and those that have to wait.
    pub(super) fn readable<'p>(
        &self,
        stretches: Vec<Stretch<'p>>,
    ) -> Result<(Vec<Stretch<'p>>, Vec<Stretch<'p>>)> {
        loop {
            let is_frozen = |stretch: &Stretch<'_>| self.thaw.0.lock().frozen.contains(&stretch.pack);
            if stretches.is_empty() || !stretches.iter().all(is_frozen) {
                return Ok(stretches.into_iter().partition(|stretch| !is_frozen(stretch)));
            }
            self.wait_for_frozen()?;
        }
    }

    /// Waits, and looks again which packs are there.
    fn wait_for_frozen(&self) -> Result<()> {
        let Waiting { look_again_in, waited, .. } = *self.thaw.0.lock();
        let patience = self.options.wait_for_frozen.unwrap_or_default();
        let mut left = look_again_in.min(patience.saturating_sub(waited));
        if left.is_zero() && waited >= patience {
            let what = format!("{} packs", self.thaw.0.lock().frozen.len());
            let late = Trouble::Late(rough(patience));
            return Err(StorageError::new(ErrorKind::Frozen, "bring back", what, late).into());
        }
        self.thaw.0.lock().waited += left;
        while !left.is_zero() {
            self.repository.control().checkpoint()?;
            self.repository.environment().clock.sleep(left.min(PIECE));
            left = left.saturating_sub(PIECE);
        }
        self.look_again()
    }

    fn look_again(&self) -> Result<()> {
        let mut files: Vec<Handle> =
            self.thaw.0.lock().frozen.iter().map(|pack| Handle::new(FileKind::Pack, *pack)).collect();
        files.sort_unstable();
        let found = self.repository.storage().frozen(&files, true, self.repository.context());
        let found = match found {
            // A service that is away for a moment is no reason to begin anew: this took hours.
            Err(error) if error.kind.is_transient() => {
                self.events.warning(&format!("{error}; it is looked again later"));
                return Ok(());
            }
            found => found?,
        };
        let mut waiting = self.thaw.0.lock();
        waiting.frozen = found.files.iter().map(|file| file.id).collect();
        waiting.look_again_in = found.look_again_in;
        let (total, left) = (waiting.total, waiting.frozen.len() as u64);
        drop(waiting);
        self.events.step("packs brought back", total.saturating_sub(left), total);
        if let Some(time) = found.ready_in.filter(|_| left > 0) {
            let text = format!("waiting for {left} packs; all can be read within about {}", rough(time));
            self.events.message(&text);
        }
        Ok(())
    }
}

/// A time as people say it.
fn rough(time: Duration) -> String {
    let minutes = time.as_secs().div_ceil(60);
    match minutes {
        0..=90 => format!("{minutes} min"),
        _ => format!("{} h", minutes.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_roughly() {
        let said = |minutes: u64| rough(Duration::from_secs(minutes * 60));
        assert_eq!(
            [said(0), said(5), said(90), said(91), said(720)],
            ["0 min", "5 min", "90 min", "2 h", "12 h"]
        );
    }
}
