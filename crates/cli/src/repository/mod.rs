//! Opening and making repositories: address, storage, password, cache and lock.

mod failures;
mod keys;
mod locking;
mod place;

use std::sync::{Arc, OnceLock};

use backstay_core::{CallContext, ErrorKind, FileId, FileKind, Handle, Storage};
use backstay_engine::crypto::KeyBytes;
use backstay_engine::format::{BlobKind, Tree};
use backstay_engine::index::Index;
use backstay_engine::repository::{
    BlobReader, InitOptions, Lock, Repository, SnapshotEntry, TreeCache, init,
};
use parking_lot::Mutex;

use crate::app::App;
use crate::failure::{Exit, Failure, Outcome};

pub(crate) use place::{Place, identity, patience_for_frozen, storage_options};

/// What a command is going to do with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Only read: a shared lock, none with `--no-lock`.
    Read,
    /// Add to it: a shared lock.
    Append,
    /// Change what is there: an exclusive lock.
    Exclusive,
    /// Nothing that needs a lock.
    Unlocked,
}

/// An open repository, locked as the command needs it. The lock ends with it.
pub(crate) struct Opened {
    engine: Repository,
    lock: Option<Arc<Lock>>,
    /// For `cat masterkey`; not known of a repository that was just made.
    master: Option<KeyBytes>,
    trees: OnceLock<TreeCache>,
    reader: Mutex<Option<BlobReader>>,
}

impl Opened {
    /// Opens and locks the repository of `-r`, or the default one.
    pub(crate) fn open(app: &App, access: Access) -> Outcome<Self> {
        Self::open_at(app, &Place::main(app), access)
    }

    /// Opens and locks the repository at a place.
    pub(crate) fn open_at(app: &App, place: &Place, access: Access) -> Outcome<Self> {
        let storage: Arc<dyn Storage> = Arc::from(place.storage(app)?);
        let key = keys::find(app, place, &storage)
            .map_err(|failure| failures::configuration_is_gone(failure, &*storage))?;
        let environment = place::environment(app);
        let settings = place.engine_settings(app);
        let master = key.master.clone();
        let plain = Repository::new(Arc::clone(&storage), key, environment, settings);
        let engine = match place.with_cache(app, &plain) {
            Some(storage) => plain.through(storage),
            None => plain,
        }
        .with_control(app.control.clone());
        let config = engine.config();
        app.console.say_on_terminal(format!(
            "repository {} opened (version {})",
            config.id.short(),
            config.version
        ));
        Self::new(engine, Some(master)).locked(app, access)
    }

    /// Takes the lock that the command needs.
    pub(crate) fn locked(mut self, app: &App, access: Access) -> Outcome<Self> {
        self.lock = match access {
            Access::Unlocked => None,
            Access::Read if app.settings.no_lock => None,
            access => Some(Arc::new(locking::take(app, &self.engine, access == Access::Exclusive)?)),
        };
        Ok(self)
    }

    /// What really went wrong: work is also cancelled when the lock is lost.
    pub(crate) fn explain(&self, failure: Failure) -> Failure {
        match self.lock.as_ref().and_then(|lock| lock.lost()) {
            Some(why) if failure.exit == Exit::Interrupted => backstay_engine::Error::LockLost { why }.into(),
            _ => failure,
        }
    }

    fn new(engine: Repository, master: Option<KeyBytes>) -> Self {
        Self { engine, lock: None, master, trees: OnceLock::new(), reader: Mutex::new(None) }
    }

    /// The engine's repository.
    pub(crate) const fn engine(&self) -> &Repository {
        &self.engine
    }

    /// The lock, unless the command works without one.
    pub(crate) const fn lock(&self) -> Option<&Arc<Lock>> {
        self.lock.as_ref()
    }

    /// Waits until the lock holds for sure. To be called before the first change.
    pub(crate) fn confirm_lock(&self) -> Outcome {
        self.lock.as_ref().map_or(Ok(()), |lock| Ok(lock.confirm()?))
    }

    /// The key that everything is encrypted with, as restic shows it.
    pub(crate) fn master_key_json(&self) -> Outcome<zeroize::Zeroizing<String>> {
        use base64::Engine;
        let text = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let Some(KeyBytes { encrypt, mac_k, mac_r }) = &self.master else {
            return Err(Failure::fatal("the master key is not at hand"));
        };
        let (k, r, encrypt) = (text(mac_k), text(mac_r), text(encrypt));
        Ok(format!("{{\"mac\":{{\"k\":\"{k}\",\"r\":\"{r}\"}},\"encrypt\":\"{encrypt}\"}}").into())
    }

    /// Removes the key that opened the repository; another one has taken its place.
    pub(crate) fn remove_own_key(&self) -> Outcome {
        let handle = Handle::new(FileKind::Key, self.engine.key_id());
        Ok(self.engine.storage().remove(&handle, CallContext::with(self.engine.control()))?)
    }

    /// All snapshots, oldest first; one that cannot be read fails the command.
    pub(crate) fn snapshots(&self) -> Outcome<Vec<SnapshotEntry>> {
        let (snapshots, damaged) = self.engine.load_snapshots()?;
        match damaged.into_iter().next() {
            Some((_, error)) => Err(error.into()),
            None => Ok(snapshots),
        }
    }

    /// The id of the one file that begins so.
    pub(crate) fn find_id(&self, kind: FileKind, prefix: &str) -> Outcome<FileId> {
        Ok(self.engine.find_file(kind, prefix)?)
    }

    /// Loads the index; whatever reads blobs needs it first.
    pub(crate) fn load_index(&self, app: &App) -> Outcome<&Arc<Index>> {
        if self.trees.get().is_none() {
            app.console.detail("load index files");
            let index = self.engine.load_index()?;
            *self.reader.lock() = Some(BlobReader::new(&self.engine, Arc::clone(&index)));
            let _ = self.trees.set(TreeCache::new(&self.engine, index));
        }
        self.trees.get().map(TreeCache::index).ok_or_else(index_missing)
    }

    /// The trees of the repository.
    pub(crate) fn trees(&self) -> Outcome<&TreeCache> {
        self.trees.get().ok_or_else(index_missing)
    }

    /// A tree.
    pub(crate) fn tree(&self, id: &FileId) -> Outcome<Arc<Tree>> {
        Ok(self.trees()?.tree(id)?)
    }

    /// The content of a blob, handed to a function while it lies in the reader's buffer.
    pub(crate) fn with_blob<T>(
        &self,
        kind: BlobKind,
        id: &FileId,
        use_it: impl FnOnce(&[u8]) -> Outcome<T>,
    ) -> Outcome<T> {
        let mut reader = self.reader.lock();
        use_it(reader.as_mut().ok_or_else(index_missing)?.read(kind, id)?)
    }
}

/// Makes a repository and opens it.
pub(crate) fn create(app: &App, place: &Place, options: InitOptions) -> Outcome<Opened> {
    let storage: Arc<dyn Storage> = Arc::from(place.storage(app)?);
    let location = storage.location();
    // Nobody is asked for a password in vain.
    if storage.size(&Handle::CONFIG, CallContext::NONE).is_ok() {
        return Err(backstay_engine::Error::RepositoryExists { location }.into());
    }
    let password = keys::new_password(app, place)?;
    let engine = init(storage, &password, options, place::environment(app), place.engine_settings(app))
        .map_err(|error| Failure::from(error).context(format!("create repository at {location} failed")))?;
    Ok(Opened::new(engine.with_control(app.control.clone()), None))
}

/// Whether there is no repository at a place yet.
pub(crate) fn is_missing(app: &App, place: &Place) -> Outcome<bool> {
    match place.storage(app)?.size(&Handle::CONFIG, CallContext::NONE) {
        Ok(_) => Ok(false),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn index_missing() -> Failure {
    Failure::fatal("the index of the repository was not loaded")
}
