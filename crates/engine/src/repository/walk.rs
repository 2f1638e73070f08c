//! Visiting the trees of snapshots, each once, on several threads.

use backstay_core::FileId;
use parking_lot::{Condvar, Mutex};

use super::{Repository, TreeCache};
use crate::format::{BlobKind, Tree};
use crate::room::Room;
use crate::{Error, Result};

/// How much of packs of trees is held at once.
const PACKS_HELD: u64 = 96 << 20;

/// What is done at each tree. Called from several threads.
pub trait Visitor: Sync {
    /// Whether this tree, and what is below it, is to be visited: usually whether it was not met before.
    fn enter(&self, id: &FileId) -> bool;

    /// A tree, or why it cannot be read. An error ends the walk.
    ///
    /// # Errors
    /// Whatever makes going on useless.
    fn visit(&self, id: &FileId, tree: Result<&Tree>) -> Result<()>;
}

struct State {
    stack: Vec<FileId>,
    busy: usize,
    failure: Option<Error>,
}

/// Ends the walk if a visitor panics: nobody would wait for its tree in vain.
struct Watch<'a>(&'a Mutex<State>, &'a Condvar);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut state = self.0.lock();
            state.busy -= 1;
            state.failure = Some(Error::Invalid("a thread that walks trees ended unexpectedly".into()));
            self.1.notify_all();
        }
    }
}

/// Visits the trees at and below the roots.
///
/// # Errors
/// What a visitor returns, or that the work was cancelled.
pub fn walk_trees(
    repository: &Repository,
    trees: &TreeCache,
    roots: impl IntoIterator<Item = FileId>,
    visitor: &dyn Visitor,
) -> Result<()> {
    let stack = roots.into_iter().filter(|id| visitor.enter(id)).collect();
    let state = Mutex::new(State { stack, busy: 0, failure: None });
    let wake = Condvar::new();
    let room = Room::new(PACKS_HELD);
    let lengths = trees.index().tree_pack_lengths();
    let step = |id: &FileId| -> Result<Vec<FileId>> {
        repository.control().checkpoint()?;
        let tree = {
            // A cache fetches the whole pack.
            let pack = trees.index().pack_of(BlobKind::Tree, id);
            let length = pack.and_then(|pack| lengths.get(pack as usize).copied());
            let _taken = room.take(length.unwrap_or_default());
            trees.tree_once(id)
        };
        if matches!(&tree, Err(error) if error.is_interrupted()) {
            tree?;
            return Ok(Vec::new());
        }
        let below: Vec<FileId> = tree
            .as_ref()
            .map(|tree| tree.nodes.iter().filter_map(|node| node.subtree).collect())
            .unwrap_or_default();
        match &tree {
            Ok(tree) => visitor.visit(id, Ok(tree))?,
            Err(_) => {
                if let Err(error) = tree {
                    visitor.visit(id, Err(error))?;
                }
                return Ok(Vec::new());
            }
        }
        Ok(below.into_iter().filter(|id| visitor.enter(id)).collect())
    };
    let threads = repository.settings().threads.max(repository.storage().small_calls());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut guard = state.lock();
                while guard.failure.is_none() {
                    let Some(id) = guard.stack.pop() else {
                        if guard.busy == 0 {
                            break;
                        }
                        wake.wait(&mut guard);
                        continue;
                    };
                    guard.busy += 1;
                    drop(guard);
                    let watch = Watch(&state, &wake);
                    let outcome = step(&id);
                    drop(watch);
                    guard = state.lock();
                    guard.busy -= 1;
                    match outcome {
                        Ok(below) => guard.stack.extend(below),
                        Err(error) => guard.failure = Some(error),
                    }
                    wake.notify_all();
                }
                wake.notify_all();
            });
        }
    });
    match state.into_inner().failure {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
