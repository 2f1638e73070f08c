//! Hands content to the server that has asked for it.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use backstay_model::command::{CommandError, Refusal};
use backstay_model::{NodeId, TransferId};
use tokio::sync::mpsc::{self, Receiver};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::asks::refusal;
use crate::uplink::{Chunk, Uplink};
use crate::work::extract::Extract;

/// What is handed over at once; each holds a thread and some megabytes.
const PLACES: usize = 4;
/// The largest part that is handed over.
const CHUNK: usize = 256 << 10;
/// Parts that wait to be taken.
const WAITING: usize = 4;
/// For how long nobody may take any part.
const PATIENCE: Duration = Duration::from_secs(120);

/// Hands over content, a few at once.
pub(crate) struct Sender {
    uplink: Arc<dyn Uplink>,
    places: Arc<Semaphore>,
}

impl Sender {
    pub(crate) fn new(uplink: Arc<dyn Uplink>) -> Self {
        Self { uplink, places: Arc::new(Semaphore::new(PLACES)) }
    }

    /// A place, which is taken until the content is handed over.
    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit, CommandError> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let text = format!("{PLACES} downloads from this node are under way");
            let hint = Some("try again when one of them has ended".to_owned());
            CommandError { hint, ..refusal(Refusal::Conflict, &text) }
        })
    }

    /// Begins to hand content over, on a thread of its own.
    pub(crate) fn send(
        &self,
        place: OwnedSemaphorePermit,
        node: NodeId,
        transfer: TransferId,
        extract: Extract,
    ) -> Result<(), CommandError> {
        let (parts, content) = mpsc::channel(WAITING);
        let control = extract.control();
        let spawned = std::thread::Builder::new().name("send".to_owned()).spawn(move || {
            let _place = place;
            let mut out = Parts { parts, buffer: Vec::with_capacity(CHUNK) };
            let last = match extract.write(&mut out) {
                Ok(()) => out.flush().map(|()| Ok(Vec::new())),
                Err(error) => Ok(Err(error.to_run_error().message)),
            };
            // Where nobody takes parts any more, nobody hears this either.
            let _ = last.map(|last| out.parts.blocking_send(last));
        });
        spawned.map_err(|error| {
            refusal(Refusal::Failed, &format!("no thread could be started for it: {error}"))
        })?;
        let uplink = Arc::clone(&self.uplink);
        tokio::spawn(async move {
            // Why it was not taken concerns whoever asked, and is told there.
            let _ = uplink.send(node, transfer, watched(content)).await;
            control.cancel();
        });
        Ok(())
    }
}

/// Passes parts on, as long as they are taken.
fn watched(mut content: Receiver<Chunk>) -> Receiver<Chunk> {
    let (parts, watched) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(part) = content.recv().await {
            let taken = tokio::time::timeout(PATIENCE, parts.send(part)).await;
            if !matches!(taken, Ok(Ok(()))) {
                return;
            }
        }
    });
    watched
}

/// Cuts what is written into parts.
struct Parts {
    parts: mpsc::Sender<Chunk>,
    buffer: Vec<u8>,
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = CHUNK - self.buffer.len().min(CHUNK);
        let taken = bytes.len().min(room);
        self.buffer.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let part = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        self.parts.blocking_send(Ok(part)).map_err(|_| std::io::Error::from(std::io::ErrorKind::BrokenPipe))
    }
}
