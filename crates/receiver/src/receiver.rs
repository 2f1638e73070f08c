//! A receiver over its folder.

use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use backstay_core::{Clock, Random};
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::clients::{Client, Clients};
use crate::folder::Folder;
use crate::ledger::{Ledger, Promise};
use crate::problem::Problem;
use crate::throttle::Throttle;
use crate::uploads::Uploads;
use crate::{archives, refusal, repo, text};

/// The folder of the receiver's own state, within its folder.
const STATE: &str = ".receiver";
/// Bodies that are taken or sent at once, all clients together; each holds a thread and less than a mebibyte.
const PLACES: usize = 256;
/// For how long a request waits for one of those places.
const PLACE_PATIENCE: Duration = Duration::from_secs(30);

/// How a receiver is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its folder, which must exist.
    pub folder: PathBuf,
    /// Bytes that stay free on the disk: what would need them is refused.
    pub min_free: u64,
    /// How long an upload is kept that nobody goes on with.
    pub upload_lifetime: Duration,
    /// Uploads that one client may have under way.
    pub max_uploads: usize,
    /// Whether no client may remove or replace anything, whatever its own setting.
    pub append_only: bool,
}

impl Settings {
    /// The defaults for a folder: 1 GiB stays free, uploads are kept for 7 days, 64 at once for each client.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            min_free: 1 << 30,
            upload_lifetime: Duration::from_secs(7 * 86_400),
            max_uploads: 64,
            append_only: false,
        }
    }
}

/// Why a receiver cannot be opened over its folder.
#[derive(Debug, thiserror::Error)]
pub enum CannotOpen {
    /// The folder or what is in it cannot be used.
    #[error("cannot use the receiver's folder {}: {cause}", folder.display())]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Another receiver has the folder.
    #[error("another receiver uses the folder {}", .0.display())]
    InUse(PathBuf),
}

impl CannotOpen {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Folder { .. } => "make the folder, and give it to the user that the receiver runs as",
            Self::InUse(_) => "end it first, or name another folder",
        }
    }
}

/// Where the state of the receiver over `folder` lies: its clients are managed there, with [`Clients::new`]. Made if it is not there.
///
/// # Errors
/// When it cannot be made.
pub fn state_folder(folder: &Path) -> Result<PathBuf, CannotOpen> {
    let failed = |cause| CannotOpen::Folder { folder: folder.to_owned(), cause };
    Folder::open(folder).and_then(|root| root.make(STATE)).map_err(failed)?;
    Ok(folder.join(STATE))
}

/// A receiver. It is cheap to clone.
#[derive(Clone)]
pub struct Receiver(Arc<Inner>);

/// What all requests share.
pub struct Inner {
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) archives: Folder,
    pub(crate) repo: Folder,
    /// Files of repositories that are coming in.
    pub(crate) incoming: Folder,
    pub(crate) sums: Folder,
    pub(crate) clients: Clients,
    pub(crate) throttle: Throttle,
    pub(crate) ledger: Ledger,
    pub(crate) uploads: Uploads,
    places: Arc<Semaphore>,
    pub(crate) ending: watch::Sender<u64>,
    _lock: std::fs::File,
}

impl Receiver {
    /// Opens the receiver over its folder: takes up what uploads a former one has left, and removes what is of no use. It blocks.
    ///
    /// # Errors
    /// When the folder cannot be used, or another receiver uses it.
    pub fn open(
        settings: Settings,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, CannotOpen> {
        let path = settings.folder.clone();
        let failed = |cause| CannotOpen::Folder { folder: path.clone(), cause };
        let state = state_folder(&path)?;
        let root = Folder::open(&path).map_err(failed)?;
        let own = root.enter(STATE).map_err(failed)?;
        let lock = own.try_lock("lock").map_err(failed)?.ok_or_else(|| CannotOpen::InUse(path.clone()))?;
        let incoming = own.make("incoming").map_err(failed)?;
        for entry in incoming.entries_with_hidden().map_err(failed)? {
            incoming.remove(&entry.name).map_err(failed)?;
        }
        let inner = Inner {
            archives: root.make("archives").map_err(failed)?,
            repo: root.make("repo").map_err(failed)?,
            sums: own.make("sums").map_err(failed)?,
            uploads: Uploads::new(own.make("uploads").map_err(failed)?),
            incoming,
            clients: Clients::new(&state),
            throttle: Throttle::default(),
            ledger: Ledger::default(),
            places: Arc::new(Semaphore::new(PLACES)),
            ending: watch::Sender::new(0),
            settings,
            clock,
            random,
            _lock: lock,
        };
        inner.load_uploads().map_err(failed)?;
        Ok(Self(Arc::new(inner)))
    }

    /// The routes below `/archives` and `/repo`.
    pub fn router(&self) -> Router {
        let tus = |State(receiver): State<Self>, request: Request| async move {
            archives::answer(receiver, request).await
        };
        let rest = |State(receiver): State<Self>, request: Request| async move {
            repo::answer(receiver, request).await.unwrap_or_else(IntoResponse::into_response)
        };
        Router::new()
            .route("/archives", any(tus))
            .route("/archives/", any(tus))
            .route("/archives/{*path}", any(tus))
            .route("/repo", any(rest))
            .route("/repo/", any(rest))
            .route("/repo/{*path}", any(rest))
            .layer(axum::middleware::from_fn(refusal::heard))
            .with_state(self.clone())
    }

    /// The clients that are let in.
    #[must_use]
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Ends what is coming in, so that a server can stop: what came of uploads is kept, and their clients go on later.
    pub fn close(&self) {
        self.ending.send_modify(|times| *times += 1);
        self.uploads.interrupt_all();
    }

    /// Runs blocking work for a request.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let receiver = self.clone();
        let outcome = tokio::task::spawn_blocking(move || work(&receiver)).await;
        outcome.unwrap_or_else(|error| Err(Problem::internal("do what was asked for", error)))
    }

    /// A place for a body that is taken or sent; it is given back when this is dropped.
    pub(crate) async fn place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let waiting = tokio::time::timeout(PLACE_PATIENCE, Arc::clone(&self.places).acquire_owned());
        match waiting.await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Problem::unavailable("too many transfers are under way")),
        }
    }
}

impl Inner {
    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        text::now_of(&*self.clock)
    }

    /// Whether this client may only add and read.
    pub(crate) const fn is_append_only(&self, client: &Client) -> bool {
        self.settings.append_only || client.append_only
    }

    /// Promises a client room for so many bytes. `within_quota` is false for what replaces other promises of its.
    pub(crate) fn promise(
        &self,
        client: &Client,
        bytes: u64,
        within_quota: bool,
    ) -> Result<Promise, Problem> {
        let counted = self.count_once(&client.folder);
        counted.map_err(|error| Problem::io("count what is stored", &error))?;
        let free = self.archives.free().map_err(|error| Problem::io("see how much room there is", &error))?;
        let quota = client.quota.filter(|_| within_quota);
        self.ledger.promise(&client.folder, bytes, quota, free, self.settings.min_free)
    }

    /// Has the books know what lies in a client's folder.
    pub(crate) fn count_once(&self, folder: &str) -> io::Result<()> {
        if !self.ledger.knows(folder) {
            self.ledger.set(folder, self.stored_in(folder)?);
        }
        Ok(())
    }

    /// Bytes of whole files that lie in a client's folder.
    pub(crate) fn stored_in(&self, folder: &str) -> io::Result<u64> {
        let mut bytes = 0_u64;
        for root in [&self.archives, &self.repo] {
            match root.walk(folder.split('/')) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                found => found?.each_file(&mut |_, entry| {
                    bytes = bytes.saturating_add(entry.size);
                    Ok(())
                })?,
            }
        }
        Ok(bytes)
    }
}

impl Deref for Receiver {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("folder", &self.settings.folder).finish_non_exhaustive()
    }
}

/// A response without a body.
pub(crate) fn empty(status: axum::http::StatusCode) -> Response {
    status.into_response()
}
