//! Opening and making repositories: address, storage, password, cache and lock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_core::{CallContext, ErrorKind, FileId, FileKind, Handle, Storage};
use backstay_engine::crypto::KeyBytes;
use backstay_engine::format::{BlobKind, Tree};
use backstay_engine::index::Index;
use backstay_engine::pack::Compression;
use backstay_engine::repository::{
    BlobReader, Environment, Identity, InitOptions, Lock, Repository, Settings as EngineSettings,
    SnapshotEntry, TreeCache, init, unlock,
};
use backstay_storage::limit::Rates;
use backstay_storage::{Address, Options};
use parking_lot::Mutex;

use crate::app::App;
use crate::args::CompressionMode;
use crate::default_repository;
use crate::failure::{Exit, Failure, Outcome};
use crate::password::{self, Password, PasswordSource};

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

/// Which repository, and how to get in.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// `None` is the default repository.
    address: Option<String>,
    password: PasswordSource,
    key_hint: Option<String>,
    /// How many files are read at once; `None` lets the engine choose.
    threads: Option<usize>,
    /// For dry runs: nothing is written, whatever the command does.
    discards: bool,
    /// Whether a local cache may stand in for the storage.
    caches: bool,
}

impl Place {
    /// The repository of `-r`, or the default one.
    pub(crate) fn main(app: &App) -> Self {
        Self {
            address: app.settings.repository.clone(),
            password: app.settings.password.clone(),
            key_hint: app.settings.key_hint.clone(),
            threads: None,
            discards: false,
            caches: true,
        }
    }

    /// The repository that `copy` and `init` read from.
    pub(crate) fn secondary(args: &crate::args::Secondary) -> Outcome<Option<Self>> {
        let parts = crate::settings::secondary(args)?;
        Ok(parts.map(|(address, password, key_hint)| Self {
            address: Some(address),
            password,
            key_hint,
            threads: None,
            discards: false,
            caches: true,
        }))
    }

    /// The same place, with so many files read at once.
    pub(crate) fn reading_with(mut self, threads: Option<usize>) -> Self {
        self.threads = threads;
        self
    }

    /// The same place, but nothing is ever written to it.
    pub(crate) fn discarding_writes(mut self) -> Self {
        self.discards = true;
        self
    }

    /// The same place, read without a local cache.
    pub(crate) fn without_cache(mut self) -> Self {
        self.caches = false;
        self
    }

    /// Whether nobody named a repository.
    pub(crate) const fn is_default(&self) -> bool {
        self.address.is_none()
    }

    fn storage(&self, app: &App) -> Outcome<Box<dyn Storage>> {
        let address = match &self.address {
            Some(text) => Address::parse(text)
                .map_err(|error| Failure::fatal("parsing repository location failed").because(&error))?,
            None => Address::Local(default_repository::location()?),
        };
        let storage = backstay_storage::open(&address, &storage_options(app)?)?;
        Ok(if self.discards { Box::new(crate::commands::Discard(storage)) } else { storage })
    }

    fn given_password(&self) -> Outcome<Option<Password>> {
        match self.password.given()? {
            None if self.is_default() => default_repository::stored_password(),
            given => Ok(given),
        }
    }
}

/// An open repository, locked as the command needs it. The lock ends with it.
pub(crate) struct Opened {
    engine: Repository,
    lock: Option<Arc<Lock>>,
    /// For `cat masterkey`; not known of a repository that was just made.
    master: Option<KeyBytes>,
    trees: std::sync::OnceLock<TreeCache>,
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
        let (master, key_id) = find_key(app, place, &storage)?;
        let environment = environment(app);
        let settings = engine_settings(app, place);
        let plain =
            Repository::open(Arc::clone(&storage), master.clone(), key_id, environment.clone(), settings)?;
        let cached = with_cache(app, place, &plain);
        let engine = match cached {
            Some(storage) => Repository::open(storage, master.clone(), key_id, environment, settings)?,
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
            access => Some(Arc::new(take_lock(app, &self.engine, access == Access::Exclusive)?)),
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
        Self { engine, lock: None, master, trees: std::sync::OnceLock::new(), reader: Mutex::new(None) }
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

    /// One snapshot.
    pub(crate) fn snapshot(&self, id: &FileId) -> Outcome<SnapshotEntry> {
        Ok(self.engine.load_snapshot(*id)?)
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
    let password = new_password(app, place)?;
    let engine = init(storage, &password, options, environment(app), engine_settings(app, place))
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

fn new_password(app: &App, place: &Place) -> Outcome<Password> {
    if let Some(password) = place.given_password()? {
        return Ok(password);
    }
    if place.is_default() && !password::can_ask() {
        let (path, password) = default_repository::make_key_file(&*app.random)?;
        app.console.complain(format!(
            "no password was given, so a key was made for the new repository: {}\n\
             hint: keep a copy of this file in another place; without it the backups cannot be read",
            path.display()
        ));
        return Ok(password);
    }
    password::ask_new("enter password for new repository: ")
}

fn find_key(
    app: &App,
    place: &Place,
    storage: &Arc<dyn Storage>,
) -> Outcome<(backstay_engine::crypto::KeyBytes, FileId)> {
    let hint = place.key_hint.as_deref();
    if let Some(password) = place.given_password()? {
        return Ok(unlock(storage, &password, hint)?);
    }
    // Nobody is asked for the password of what is not there.
    if let Err(error) = storage.size(&Handle::CONFIG, CallContext::NONE)
        && error.kind == ErrorKind::NotFound
    {
        return Err(backstay_engine::Error::NoRepository { location: storage.location() }.into());
    }
    let mut tries = if password::can_ask() { 3 } else { 1 };
    loop {
        tries -= 1;
        let password = password::ask("enter password for repository: ")?;
        match unlock(storage, &password, hint) {
            Err(error @ backstay_engine::Error::WrongPassword { .. }) if tries > 0 => {
                app.console.complain(format!("{error}. Try again"));
            }
            found => return Ok(found?),
        }
    }
}

/// The same storage with a local cache, where one helps. Trouble with the cache is told and survived.
fn with_cache(app: &App, place: &Place, repository: &Repository) -> Option<Arc<dyn Storage>> {
    let base = app.settings.cache_folder.as_deref().filter(|_| place.caches)?;
    let is_local = match &place.address {
        None => true,
        Some(text) => matches!(Address::parse(text), Ok(Address::Local(_))),
    };
    if is_local {
        return None;
    }
    let open = || -> Result<Arc<dyn Storage>, Box<dyn std::error::Error>> {
        std::fs::create_dir_all(base)?;
        let inner = place.storage(app).map_err(|failure| failure.to_string())?;
        let cache = backstay_storage::Cache::new(inner, base, &repository.config().id.to_hex())?;
        Ok(Arc::new(cache))
    };
    match open() {
        Ok(cached) => {
            if app.settings.cleanup_cache {
                if let Err(failure) = crate::commands::clean_up_cache(app, base, crate::commands::OLD_CACHE) {
                    app.console.complain(failure.to_string());
                }
            }
            Some(cached)
        }
        Err(error) => {
            app.console.complain(format!("unable to open cache: {error}"));
            None
        }
    }
}

/// Takes the lock, trying again for as long as `--retry-lock` says.
fn take_lock(app: &App, repository: &Repository, exclusive: bool) -> Outcome<Lock> {
    let give_up = Instant::now() + app.settings.retry_lock;
    let mut pause = Duration::from_secs(5);
    loop {
        let error = match Lock::acquire(repository, exclusive) {
            Ok(lock) => return Ok(lock),
            Err(error @ backstay_engine::Error::Locked { .. }) => error,
            Err(error) => return Err(error.into()),
        };
        let left = give_up.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(error.into());
        }
        app.console.say(format!("repo already locked, waiting up to {}s for the lock", left.as_secs()));
        wait(app, pause.min(left))?;
        pause = (pause * 2).min(Duration::from_secs(60));
    }
}

/// Sleeps, but not through Ctrl-C.
fn wait(app: &App, duration: Duration) -> Outcome {
    let end = Instant::now() + duration;
    while Instant::now() < end {
        app.control.checkpoint()?;
        std::thread::sleep(Duration::from_millis(100).min(end.saturating_duration_since(Instant::now())));
    }
    Ok(())
}

fn storage_options(app: &App) -> Outcome<Options> {
    let mut options = Options {
        rates: Rates { upload: app.settings.upload_limit, download: app.settings.download_limit },
        ..Options::default()
    };
    for (key, value) in &app.settings.options {
        options.set_extended(key, value).map_err(Failure::fatal)?;
    }
    options.retry.try_timeout = app.settings.try_timeout;
    let console = Arc::clone(&app.console);
    options.on_retry = Some(Arc::new(move |error, pause| {
        console.complain(format!("{error}, retrying after {:.1}s", pause.as_secs_f64()));
    }));
    Ok(options)
}

fn environment(app: &App) -> Environment {
    Environment { clock: app.clock.clone(), random: app.random.clone(), identity: identity() }
}

/// Who runs this process.
fn identity() -> Identity {
    let uid = rustix::process::getuid().as_raw();
    Identity {
        host: crate::environment::host_name(),
        user: uzers::get_user_by_uid(uid)
            .map(|user| user.name().to_string_lossy().into_owned())
            .unwrap_or_default(),
        uid,
        gid: rustix::process::getgid().as_raw(),
        pid: std::process::id(),
    }
}

fn engine_settings(app: &App, place: &Place) -> EngineSettings {
    let mut settings = EngineSettings {
        compression: match app.settings.compression {
            CompressionMode::Auto => Compression::Auto,
            CompressionMode::Off => Compression::Off,
            CompressionMode::Fastest => Compression::Fastest,
            CompressionMode::Better => Compression::Better,
            CompressionMode::Max => Compression::Max,
        },
        ..EngineSettings::default()
    };
    if let Some(threads) = place.threads {
        settings.threads = threads.max(1);
    }
    if let Some(size) = app.settings.pack_size {
        settings.pack_size = size as usize;
    }
    settings
}

fn index_missing() -> Failure {
    Failure::fatal("the index of the repository was not loaded")
}

impl From<backstay_core::StorageError> for Failure {
    fn from(error: backstay_core::StorageError) -> Self {
        backstay_engine::Error::from(error).into()
    }
}

impl From<backstay_engine::Error> for Failure {
    fn from(error: backstay_engine::Error) -> Self {
        use backstay_engine::Error;
        if error.is_interrupted() {
            return Self::interrupted();
        }
        match &error {
            Error::NoRepository { location } => Self::new(
                Exit::NoRepository,
                format!("Fatal: repository does not exist: unable to open config file\nIs there a repository at the following location?\n{location}"),
            )
            .hint("`init` makes a repository, -r or BACKSTAY_REPOSITORY names another one"),
            Error::RepositoryExists { .. } => Self::fatal(&error).hint("name another place with -r"),
            Error::WrongPassword { .. } => Self::new(Exit::WrongPassword, "Fatal: wrong password or no key found")
                .hint("check the password, --password-file and BACKSTAY_PASSWORD"),
            Error::Locked { .. } => Self::new(Exit::Locked, format!("unable to create lock in backend: {error}"))
                .hint("wait for it with --retry-lock, or remove stale locks with the `unlock` command"),
            Error::LockLost { .. } => Self::fatal(&error).hint("run the command again; nothing that was saved is lost"),
            Error::Damaged { .. } => {
                Self::fatal(&error).hint("`check` finds all damage and says how to repair it")
            }
            Error::Storage(cause) => {
                let failure = Self::fatal(&error);
                match cause.kind {
                    ErrorKind::NoSpace => failure.hint("free some space, then run the command again; `prune` may help"),
                    ErrorKind::Denied => failure.hint("check the credentials, and who owns the repository's files"),
                    ErrorKind::ReadOnly => failure.hint("the storage is read-only; commands that only read work with --no-lock"),
                    _ => failure,
                }
            }
            Error::NotFound(_) | Error::Invalid(_) | Error::Version(_) | Error::Interrupted(_) => Self::fatal(&error),
        }
    }
}
