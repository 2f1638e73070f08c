//! Uploads under way: what is known of them in memory and on disk, so that each can be gone on with after a restart.
//!
//! ```text
//!  .receiver/uploads/ID/record.json   what it is to become; written once
//!                       state.json    how much of it counts, until when it is kept, whether it is finished
//!                       data          its bytes; renamed to the file's own name in the end
//! ```
//!
//! What lies in `data` beyond the offset of `state.json` does not count. One request at a time has an upload's turn; the next one to
//! come interrupts it, since it comes from a client whose former connection is gone without our knowing.

mod concat;
mod finish;
mod hashing;
mod store;
mod write;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedMutexGuard, watch};

use crate::folder::Folder;
use crate::ledger::Promise;
use crate::problem::Problem;

pub(crate) use hashing::range_hash;
pub(crate) use store::NewUpload;
pub(crate) use write::Piece;

/// For how long a request waits until the one before it has let go.
const TURN_PATIENCE: Duration = Duration::from_secs(20);

/// What an upload is to become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The client's name.
    pub(crate) client: String,
    /// The client's folder at that time.
    pub(crate) folder: String,
    /// The name of the file; none for a part that is put together with others.
    pub(crate) name: Option<String>,
    /// Its bytes.
    pub(crate) length: u64,
    /// The SHA-256 that the whole file has to have, where it was told.
    pub(crate) sha256: Option<String>,
    /// The uploads that it was put together from.
    #[serde(default)]
    pub(crate) parts: Vec<String>,
    /// Whether it is a part.
    #[serde(default)]
    pub(crate) partial: bool,
    /// Whether it gets its name only when it is asked to, by an empty PATCH at its end.
    #[serde(default)]
    pub(crate) held: bool,
    /// The metadata as the client gave it.
    pub(crate) metadata: String,
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Bytes that count.
    pub(crate) offset: u64,
    /// Until when it is kept.
    pub(crate) expires: Timestamp,
    /// The SHA-256 of the whole file, once that has its name.
    #[serde(default)]
    pub(crate) finished: Option<String>,
}

/// An upload.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) id: String,
    pub(crate) record: Record,
    state: Mutex<State>,
    promise: Mutex<Option<Promise>>,
    /// Bytes of the piece that is coming in.
    pub(crate) arriving: AtomicU64,
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Counts the requests that want the turn.
    calls: watch::Sender<u64>,
    hashed: Mutex<hashing::Hashed>,
    /// Whether the whole file was found not to be what was announced.
    refused: AtomicBool,
}

/// The right to change an upload.
pub(crate) struct Turn {
    _guard: OwnedMutexGuard<()>,
    /// Changes when somebody else wants it.
    pub(crate) interrupt: watch::Receiver<u64>,
}

impl Upload {
    fn new(id: String, record: Record, state: State, promise: Option<Promise>) -> Self {
        Self {
            id,
            record,
            state: Mutex::new(state),
            promise: Mutex::new(promise),
            arriving: AtomicU64::new(0),
            turn: Arc::default(),
            calls: watch::Sender::new(0),
            hashed: Mutex::default(),
            refused: AtomicBool::new(false),
        }
    }

    /// How far it is.
    pub(crate) fn state(&self) -> State {
        self.state.lock().clone()
    }

    /// Takes its turn, from whoever has it.
    pub(crate) async fn take_turn(&self) -> Result<Turn, Problem> {
        self.interrupt();
        match tokio::time::timeout(TURN_PATIENCE, Arc::clone(&self.turn).lock_owned()).await {
            Ok(guard) => Ok(Turn { _guard: guard, interrupt: self.calls.subscribe() }),
            Err(_) => {
                let status = axum::http::StatusCode::LOCKED;
                Err(Problem::new(status, "locked", "another request is at work on this upload"))
            }
        }
    }

    fn interrupt(&self) {
        self.calls.send_modify(|calls| *calls += 1);
    }

    /// Whether nobody has its turn.
    pub(crate) fn is_idle(&self) -> bool {
        self.turn.try_lock().is_ok()
    }

    /// Whether nothing is missing but its name.
    pub(crate) fn is_complete(&self) -> bool {
        let state = self.state.lock();
        state.offset == self.record.length && state.finished.is_none()
    }
}

/// All uploads.
#[derive(Debug)]
pub(crate) struct Uploads {
    folder: Folder,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_id: HashMap<String, Arc<Upload>>,
    /// The names, with their clients' folders, that uploads under way have taken.
    names: HashSet<String>,
}

impl Uploads {
    pub(crate) fn new(folder: Folder) -> Self {
        Self { folder, known: Mutex::default() }
    }

    /// The upload of this id, if it is this client's.
    pub(crate) fn get(&self, id: &str, client: &crate::Client) -> Result<Arc<Upload>, Problem> {
        let found = self.known.lock().by_id.get(id).cloned();
        // Somebody else's is as good as none, and nobody learns that it is there.
        found
            .filter(|upload| upload.record.client == client.name && upload.record.folder == client.folder)
            .ok_or_else(|| Problem::not_found("upload"))
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Upload>> {
        self.known.lock().by_id.values().cloned().collect()
    }

    /// Interrupts all that are at work.
    pub(crate) fn interrupt_all(&self) {
        self.all().iter().for_each(|upload| upload.interrupt());
    }
}

/// A name together with its client's folder.
pub(crate) fn full_name(folder: &str, name: &str) -> String {
    format!("{folder}/{name}")
}
