//! An open repository: its files, sealed and opened.

mod blobs;
mod contents;
mod index_load;
mod keys;
mod lock;
mod open;
mod paths;
mod snapshots;
mod walk;

use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_core::storage::{ErrorKind, StorageError};
use backstay_core::{CallContext, Clock, Control, FileId, FileKind, Handle, Random, Storage};

use crate::chunker::ChunkSizes;
use crate::crypto::{self, KdfParams, Key, KeyBytes};
use crate::format::Config;
use crate::pack::{Compression, DEFAULT_PACK_SIZE};
use crate::{Error, Result, pack};

pub use blobs::{BlobReader, TreeCache};
pub(crate) use blobs::{compare_hash, open_blob, open_content};
pub use contents::read_content;
pub(crate) use index_load::INDEX_HELD;
use keys::read_config;
pub use keys::{KeyInfo, UnlockedKey, add_key, list_keys, remove_key, unlock};
pub use lock::{Lock, LockInfo, Unlocked, list_locks, remove_locks};
pub use open::{InitOptions, init};
pub use paths::{Next, PathVisitor, join, walk_paths};
pub use snapshots::{SnapshotEntry, SnapshotSelector, Unreadable};
pub use walk::{Visitor, walk_trees};

/// Who is at work, as locks, keys and snapshots say.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// The host's name.
    pub host: String,
    /// The user's name.
    pub user: String,
    /// The user's number.
    pub uid: u32,
    /// The user's group.
    pub gid: u32,
    /// The process.
    pub pid: u32,
}

/// The outside world of an engine operation.
#[derive(Clone)]
pub struct Environment {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes keys, nonces and salts.
    pub random: Arc<dyn Random>,
    /// Who is at work.
    pub identity: Identity,
}

/// How a repository is used. None of this is stored in it.
///
/// ```
/// # use std::sync::Arc;
/// # use backstay_core::Silent;
/// # use backstay_engine::testing::{CountingRandom, TestClock};
/// # use backstay_engine::{Environment, Identity};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (clock, random) = (Arc::new(TestClock::default()), Arc::new(CountingRandom::default()));
/// # let environment = Environment { clock, random, identity: Identity::default() };
/// # let storage = Arc::new(backstay_storage::Memory::new());
/// use backstay_engine::Settings;
/// use backstay_engine::crypto::KdfParams;
/// use backstay_engine::pack::Compression;
/// use backstay_engine::repository::{InitOptions, init};
///
/// let settings = Settings {
///     compression: Compression::Better,
///     pack_size: 64 << 20,
///     threads: 2,
///     kdf: KdfParams::CHEAP, // for tests; the default takes half a second
///     ..Settings::default()
/// };
/// let repository = init(storage, "password", InitOptions::default(), environment, settings)?;
/// assert_eq!(repository.settings().pack_size, 64 << 20);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How hard to compress.
    pub compression: Compression,
    /// Bytes that a pack should have before it is closed.
    pub pack_size: usize,
    /// Where files are cut. Anything but the default gives up deduplication with what restic wrote.
    pub chunk_sizes: ChunkSizes,
    /// Threads that read, cut, hash, compress and encrypt.
    pub threads: usize,
    /// Cost of new keys.
    pub kdf: KdfParams,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            compression: Compression::Auto,
            pack_size: DEFAULT_PACK_SIZE,
            chunk_sizes: ChunkSizes::RESTIC,
            threads: std::thread::available_parallelism().map_or(2, usize::from),
            kdf: KdfParams::DEFAULT,
        }
    }
}

/// An open repository. Clones share everything but the [`Control`] and the deadline.
#[derive(Clone)]
pub struct Repository {
    inner: Arc<Inner>,
    control: Control,
    /// When work through this handle gives up what it asks of the storage.
    deadline: Option<Instant>,
}

struct Inner {
    storage: Arc<dyn Storage>,
    key: Key,
    master: KeyBytes,
    key_id: FileId,
    config: Config,
    environment: Environment,
    settings: Settings,
}

impl Repository {
    /// Opens a repository with the key that [`unlock`] found. Asks nothing of the storage.
    #[must_use]
    pub fn new(
        storage: Arc<dyn Storage>,
        key: UnlockedKey,
        environment: Environment,
        settings: Settings,
    ) -> Self {
        let UnlockedKey { master, id: key_id, config } = key;
        // Without a thread nothing would be done, and nothing would say so.
        let settings = Settings { threads: settings.threads.max(1), ..settings };
        let key = Key::new(&master);
        let inner = Inner { storage, key, master, key_id, config, environment, settings };
        Self { inner: Arc::new(inner), control: Control::new(), deadline: None }
    }

    /// Opens a repository with a master key that [`unlock`] found before. Fast: key derivation is all that takes time when
    /// a repository is opened, and it is apart.
    ///
    /// # Errors
    /// [`Error::NoRepository`] when there is no configuration, [`Error::Damaged`] when it cannot be read.
    pub fn open(
        storage: Arc<dyn Storage>,
        master: KeyBytes,
        key_id: FileId,
        environment: Environment,
        settings: Settings,
    ) -> Result<Self> {
        let mut sealed = read_config(&*storage)?;
        let plain = Key::new(&master).open(&mut sealed);
        let config = Config::parse(plain.map_err(|error| Error::damaged("the configuration", error))?)?;
        Ok(Self::new(storage, UnlockedKey { master, id: key_id, config }, environment, settings))
    }

    /// The same repository, reached through another storage, such as a cache before the one it has.
    #[must_use]
    pub fn through(&self, storage: Arc<dyn Storage>) -> Self {
        let Inner { key: _, storage: _, master, key_id, config, environment, settings } = &*self.inner;
        let inner = Inner {
            storage,
            key: Key::new(master),
            master: master.clone(),
            key_id: *key_id,
            config: *config,
            environment: environment.clone(),
            settings: *settings,
        };
        Self { inner: Arc::new(inner), control: self.control.clone(), deadline: self.deadline }
    }

    /// The same repository, steered by this control.
    #[must_use]
    pub fn with_control(&self, control: Control) -> Self {
        Self { inner: Arc::clone(&self.inner), control, deadline: self.deadline }
    }

    /// The same repository for what is left to do when the work is over, whether it was cancelled or not: a storage that
    /// does not answer must not hold the program for long.
    pub(crate) fn at_parting(&self, patience: Duration) -> Self {
        let deadline = Instant::now().checked_add(patience);
        Self { inner: Arc::clone(&self.inner), control: Control::new(), deadline }
    }

    /// The control that steers work through this handle.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// How it is used.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The outside world.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.inner.environment
    }

    /// The key file that opened it.
    #[must_use]
    pub fn key_id(&self) -> FileId {
        self.inner.key_id
    }

    /// The storage's address.
    #[must_use]
    pub fn location(&self) -> String {
        self.inner.storage.location()
    }

    /// Where it is kept.
    #[must_use]
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.inner.storage
    }

    pub(crate) fn key(&self) -> &Key {
        &self.inner.key
    }

    pub(crate) fn random(&self) -> &dyn Random {
        &*self.inner.environment.random
    }

    pub(crate) fn master(&self) -> &KeyBytes {
        &self.inner.master
    }

    pub(crate) fn context(&self) -> CallContext<'_> {
        CallContext { deadline: self.deadline, control: Some(&self.control) }
    }

    /// The ids and lengths of all files of a kind.
    ///
    /// # Errors
    /// When the storage cannot list them.
    pub fn list(&self, kind: FileKind) -> Result<Vec<(FileId, u64)>> {
        let mut files = Vec::new();
        self.storage().list(kind, self.context(), &mut |id, length| files.push((id, length)))?;
        Ok(files)
    }

    /// Reads a file as it is stored, and checks that its content fits its name.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it does not, even when read twice.
    pub fn read_file(&self, kind: FileKind, id: FileId) -> Result<Vec<u8>> {
        let handle = Handle::new(kind, id);
        let mut bytes = Vec::new();
        for _ in 0..2 {
            self.storage().read(&handle, &mut bytes, self.context())?;
            if kind == FileKind::Config || crypto::hash(&bytes) == id {
                return Ok(bytes);
            }
        }
        Err(Error::damaged(handle, "its content does not fit its name"))
    }

    /// Reads, opens and decompresses an index, snapshot, lock or the configuration.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is not as it was written.
    pub fn load_unpacked(&self, kind: FileKind, id: FileId) -> Result<Vec<u8>> {
        let handle = Handle::new(kind, id);
        let mut sealed = self.read_file(kind, id)?;
        let plain = self.key().open(&mut sealed).map_err(|error| Error::damaged(handle, error))?;
        match plain.split_first() {
            _ if kind == FileKind::Config => Ok(plain.to_vec()),
            Some((b'{' | b'[', _)) => Ok(plain.to_vec()),
            Some((2, packed)) => pack::decompress_file(packed).map_err(|error| match error {
                Error::Damaged { why, .. } => Error::damaged(handle, why),
                other => other,
            }),
            _ => Err(Error::damaged(handle, "it has no known encoding")),
        }
    }

    /// Compresses, seals and stores an index, snapshot or lock; returns its id.
    ///
    /// # Errors
    /// When the storage cannot take it.
    pub fn save_unpacked(&self, kind: FileKind, json: &[u8]) -> Result<FileId> {
        let mut sealed = Vec::new();
        match pack::compress_file(json) {
            Some(packed) if self.config().version >= 2 => {
                let mut plain = Vec::with_capacity(packed.len() + 1);
                plain.push(2);
                plain.extend_from_slice(&packed);
                self.key().seal(self.random(), &plain, &mut sealed);
            }
            _ => self.key().seal(self.random(), json, &mut sealed),
        }
        let id = crypto::hash(&sealed);
        self.write_file(Handle::new(kind, id), &sealed)?;
        Ok(id)
    }

    /// Stores a file. One that is there already, under the name that its content gives, is fine.
    pub(crate) fn write_file(&self, handle: Handle, bytes: &[u8]) -> Result<()> {
        match self.storage().write(&handle, bytes, self.context()) {
            Err(StorageError { kind: ErrorKind::Exists, .. }) if handle.kind != FileKind::Config => Ok(()),
            other => Ok(other?),
        }
    }

    /// Removes a file; one that is gone already is fine.
    pub(crate) fn remove_file(&self, handle: Handle) -> Result<()> {
        match self.storage().remove(&handle, self.context()) {
            Err(StorageError { kind: ErrorKind::NotFound, .. }) => Ok(()),
            other => Ok(other?),
        }
    }

    /// The id of the one file of this kind whose name begins with `prefix`.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, [`Error::Invalid`] when there are several.
    pub fn find_file(&self, kind: FileKind, prefix: &str) -> Result<FileId> {
        if let Some(id) = FileId::from_hex(prefix) {
            return Ok(id);
        }
        let prefix = prefix.to_lowercase();
        let mut found = self.list(kind)?.into_iter().filter(|(id, _)| id.to_hex().starts_with(&prefix));
        match (found.next(), found.next()) {
            (Some((id, _)), None) if !prefix.is_empty() => Ok(id),
            (Some(_), Some(_)) => Err(Error::Invalid(format!("several ids begin with \"{prefix}\""))),
            _ => Err(Error::NotFound(format!("no matching ID found for prefix \"{prefix}\""))),
        }
    }
}
