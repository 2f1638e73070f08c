//! Opening a repository: storage, key, cache and lock.
//!
//! A repository that this node has once seen is never made anew in silence. Where it should be and is not, a disk is not mounted
//! or somebody took it away; an empty one in its place would look as if all were well.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_core::{CallContext, ErrorKind, FileKind, Handle, Storage};
use backstay_engine::chunker::Polynomial;
use backstay_engine::index::Index;
use backstay_engine::repository::{
    InitOptions, Lock, Repository, Settings, TreeCache, init, list_locks, unlock,
};
use backstay_engine::{Error as EngineError, format};
use backstay_model::command::Answer;
use backstay_model::destination::Layout;
use backstay_model::link::SealedRepository;
use backstay_model::{ConnectionSettings, Level, Limits, RepositoryId};
use parking_lot::{Mutex, MutexGuard};

use super::indexes::Indexes;
use super::leash::Leash;
use super::{Class, Job, Result, Unheard, WorkError, Workshop};
use crate::seals::Opened;
use backstay_storage::Cache;

/// What is going to be done with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Look only, for a moment: without a lock.
    Look,
    /// Read or add: a shared lock.
    Shared,
    /// Change what is there: an exclusive lock.
    Exclusive,
}

/// For how long somebody else's lock is waited for before the run gives up its place.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether it is gone.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A lock is refreshed every five minutes by who holds it. One that was not for so long, in seconds, and whose process is gone, was left behind.
const NOT_REFRESHED: i64 = 8 * 60;

/// An open repository, locked as the work needs it. The lock ends with it.
pub(super) struct Open {
    pub(super) engine: Repository,
    lock: Option<Arc<Lock>>,
    indexes: Arc<Indexes>,
    /// Whether it was made just now.
    pub(super) is_new: bool,
}

impl Open {
    /// The lock, which all but looks have.
    pub(super) const fn lock(&self) -> Option<&Arc<Lock>> {
        self.lock.as_ref()
    }

    /// What really went wrong: work is also cancelled when its lock is lost.
    pub(super) fn explain(&self, error: impl Into<WorkError>) -> WorkError {
        let error = error.into();
        match self.lock.as_ref().and_then(|lock| lock.lost()) {
            Some(why) if error.class() == Class::Interrupted => EngineError::LockLost { why }.into(),
            _ => error,
        }
    }

    /// Reads the index, without which no content is found.
    pub(super) fn index(&self) -> Result<Arc<Index>> {
        self.engine.load_index().map_err(|error| self.explain(error))
    }

    /// The trees, to look into. The index is kept for the next look.
    pub(super) fn trees(&self) -> Result<TreeCache> {
        let index = self.indexes.of(&self.engine).map_err(|error| self.explain(error))?;
        Ok(TreeCache::new(&self.engine, index))
    }
}

impl Workshop {
    /// Opens a repository for a job, or makes it where it may be made and never was. What was cached before is used where it is trusted.
    pub(super) fn open(&self, job: &Job<'_>, access: Access, trusts_cache: bool) -> Result<Open> {
        self.open_alike(job, access, trusts_cache, None)
    }

    /// The same; where it is made, it cuts files as `alike` says.
    pub(super) fn open_alike(
        &self,
        job: &Job<'_>,
        access: Access,
        trusts_cache: bool,
        alike: Option<Polynomial>,
    ) -> Result<Open> {
        let location = describe(job.repository);
        job.report.log(Level::Info, "connect", &format!("connecting to {location}"));
        let turn = (!self.known_path(job.repository).exists()).then(|| self.turn(job.repository.id));
        let turn = turn.as_ref().map(|turn| hold(turn, job)).transpose()?;
        let (engine, is_new) = match self.open_existing(job, trusts_cache) {
            Err(error) if error.class() == Class::NoRepository && access != Access::Look => {
                let error = self.missed(job.repository, error);
                if error.class() != Class::NoRepository || !job.repository.may_create {
                    return Err(error);
                }
                match self.create(job, alike)? {
                    Some(made) => (made, true),
                    // Another host was quicker.
                    None => (self.open_existing(job, trusts_cache)?, false),
                }
            }
            opened => (opened?, false),
        };
        drop(turn);
        let short = engine.config().id.short();
        let text =
            if is_new { format!("made repository {short}") } else { format!("repository {short} is open") };
        job.report.log(Level::Info, "connect", &text);
        job.report.moved();
        let mut open = Open { engine, lock: None, indexes: Arc::clone(&self.indexes), is_new };
        if access != Access::Look {
            open.lock = Some(Arc::new(self.take_lock(job, &open.engine, access == Access::Exclusive)?));
        }
        Ok(open)
    }

    /// Runs that are the first to use a repository take turns: one makes it, and no other finds it half made.
    fn turn(&self, repository: RepositoryId) -> Arc<Mutex<()>> {
        Arc::clone(self.turns.lock().entry(repository).or_default())
    }

    fn open_existing(&self, job: &Job<'_>, trusts_cache: bool) -> Result<Repository> {
        let id = job.repository.id;
        let storage = || -> Result<Box<dyn Storage>> {
            let inner = self.storage(
                &job.repository.settings,
                &job.repository.path,
                job.secrets,
                job.limits,
                &job.report,
            )?;
            Ok(Box::new(Leash { inner, control: job.control.clone() }))
        };
        let password = password(job.secrets)?;
        let plain: Arc<dyn Storage> = Arc::from(storage()?);
        let (environment, settings) = (self.environment.clone(), self.settings(job.limits));
        let known = self.keys.get(id, password).map(|(master, key)| {
            Repository::open(Arc::clone(&plain), master, key, environment.clone(), settings)
        });
        let engine = match known {
            Some(Ok(engine)) => engine,
            Some(Err(error)) if error.is_interrupted() || !error.is_about_content() => {
                return Err(error.into());
            }
            // The repository may have been replaced, and with it its key.
            known => {
                if known.is_some() {
                    self.keys.forget(id);
                }
                let key = unlock(&plain, password, None).map_err(|error| self.missing(job, &plain, error))?;
                self.keys.put(id, password, &key.master, key.id);
                Repository::new(plain, key, environment, settings)
            }
        };
        self.note_known(job, &engine);
        let is_local = matches!(job.repository.settings, ConnectionSettings::Local(_));
        let engine = if is_local { engine } else { self.cached(job, engine, storage, trusts_cache) };
        Ok(engine.with_control(job.control.clone()))
    }

    /// A repository that is not there, explained by what else is known of it.
    fn missing(&self, job: &Job<'_>, storage: &Arc<dyn Storage>, error: EngineError) -> WorkError {
        if !matches!(error, EngineError::NoRepository { .. }) {
            return error.into();
        }
        let mut keys = 0;
        let listed = storage.list(FileKind::Key, CallContext::with(job.control), &mut |_, _| keys += 1);
        let error = WorkError::from(error);
        if listed.is_ok() && keys > 0 {
            return WorkError::new(Class::Damaged, error.message()).hint(
                "there are keys of a repository, only its file `config` is gone: bring it back from a copy",
            );
        }
        error
    }

    /// The same repository with a local cache: the one that is kept, or a new one. Trouble with the cache is told and survived.
    fn cached(
        &self,
        job: &Job<'_>,
        plain: Repository,
        storage: impl Fn() -> Result<Box<dyn Storage>>,
        is_kept: bool,
    ) -> Repository {
        let base = self.data_dir.join("cache");
        let cache = make_folder(&base).map_err(|error| error.to_string()).and_then(|()| {
            let inner = storage().map_err(|error| error.to_string())?;
            let make = if is_kept { Cache::new } else { Cache::passing };
            make(inner, &base, &plain.config().id.to_hex()).map_err(|error| error.to_string())
        });
        match cache {
            Ok(cache) => plain.through(Arc::new(cache)),
            Err(error) => {
                job.report.log(Level::Warning, "connect", &format!("there is no local cache: {error}"));
                plain
            }
        }
    }

    /// Makes a repository; `None` when there is one by now. This runs to its end even when the work is cancelled: half of one would be in everybody's way.
    fn create(&self, job: &Job<'_>, polynomial: Option<Polynomial>) -> Result<Option<Repository>> {
        job.control.checkpoint()?;
        let SealedRepository { id, settings, path, .. } = job.repository;
        let storage = Arc::from(self.storage(settings, path, job.secrets, job.limits, &job.report)?);
        let password = password(job.secrets)?;
        let settings = self.settings(job.limits);
        let options = InitOptions { polynomial, ..InitOptions::default() };
        let engine = match init(storage, password, options, self.environment.clone(), settings) {
            Err(EngineError::RepositoryExists { .. }) => return Ok(None),
            Err(error) => return Err(WorkError::from(error).context("the repository could not be made")),
            Ok(engine) => engine,
        };
        self.keys.forget(*id);
        self.note_known(job, &engine);
        Ok(Some(engine.with_control(job.control.clone())))
    }

    pub(super) fn settings(&self, limits: &Limits) -> Settings {
        let mut settings = Settings { kdf: self.new_keys, ..Settings::default() };
        if let Some(threads) = limits.concurrency {
            settings.threads = usize::try_from(threads).unwrap_or(1).max(1);
        }
        settings
    }

    /// Where it is noted that a repository was seen.
    pub(super) fn known_path(&self, repository: &SealedRepository) -> PathBuf {
        self.data_dir.join("repositories").join(repository.id.to_string())
    }

    /// Remembers a repository, and tells when another one is in its place.
    fn note_known(&self, job: &Job<'_>, engine: &Repository) {
        let (path, id) = (self.known_path(job.repository), engine.config().id.to_hex());
        match fs::read_to_string(&path) {
            Ok(known) if known == id => return,
            Ok(known) => {
                let known: String = known.chars().take(8).collect();
                let text =
                    format!("this is another repository than before ({known}): nothing of that one is in it");
                job.report.log(Level::Warning, "connect", &text);
            }
            Err(_) => {}
        }
        let noted = path.parent().map_or(Ok(()), make_folder).and_then(|()| fs::write(&path, id));
        if let Err(error) = noted {
            let text =
                format!("it cannot be noted in {} that there is a repository: {error}", path.display());
            job.report.log(Level::Warning, "connect", &text);
        }
    }

    /// What it means that there is no repository: where there was one, none is made.
    fn missed(&self, repository: &SealedRepository, error: WorkError) -> WorkError {
        if !self.known_path(repository).exists() {
            return error;
        }
        let location = describe(repository);
        match repository.settings {
            // A disk that is attached at times is out of reach as a service is whose network is down.
            ConnectionSettings::Local(_) => {
                WorkError::new(Class::Unreachable, format!("the repository in {location} is not there any more"))
                    .hint("if it is on a disk that is attached at times, attach and mount it; it is never replaced by an empty one")
            }
            ConnectionSettings::S3(_)
            | ConnectionSettings::Mysql(_)
            | ConnectionSettings::Receiver(_)
            | ConnectionSettings::GoogleDrive(_)
            | ConnectionSettings::Mongodb(_) => {
                WorkError::new(Class::NoRepository, format!("the repository in {location} is not there any more"))
                    .hint("bring it back from a copy; to begin anew, make a destination with another path")
            }
        }
        .because(&error)
    }

    fn take_lock(&self, job: &Job<'_>, engine: &Repository, exclusive: bool) -> Result<Lock> {
        let give_up = Instant::now() + LOCK_PATIENCE;
        let mut told = false;
        loop {
            let error = match Lock::acquire(engine, exclusive) {
                Ok(lock) => return Ok(lock),
                Err(error @ EngineError::Locked { .. }) => error,
                Err(error) => return Err(error.into()),
            };
            if self.remove_left_behind(job, engine)? > 0 {
                continue;
            }
            if Instant::now() >= give_up {
                return Err(error.into());
            }
            if !std::mem::replace(&mut told, true) {
                job.report.log(Level::Info, "lock", &error.to_string());
            }
            let next = Instant::now() + LOOK_EVERY;
            while Instant::now() < next {
                job.control.checkpoint()?;
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }

    /// Removes locks that processes of this host left behind when they were killed; returns how many.
    ///
    /// Where others share the repository, somebody may have the name of this host in a world of its own, as containers have; so there a
    /// lock has to be too old to be held as well.
    fn remove_left_behind(&self, job: &Job<'_>, engine: &Repository) -> Result<usize> {
        let now = self.environment.clock.now().seconds;
        let own = &self.environment.identity;
        let is_ours_alone = job.repository.layout == Layout::PerNode;
        let mut removed = 0;
        for info in list_locks(engine)? {
            let Ok(format::LockFile { time, hostname, pid, .. }) = &info.file else { continue };
            let is_gone =
                if *pid == i64::from(own.pid) { time.seconds < self.opened.seconds } else { !is_alive(*pid) };
            let is_old = is_ours_alone || now - time.seconds > NOT_REFRESHED;
            if *hostname != own.host || !is_gone || !is_old {
                continue;
            }
            let handle = Handle::new(FileKind::Lock, info.id);
            match engine.storage().remove(&handle, CallContext::with(job.control)) {
                Err(error) if error.kind != ErrorKind::NotFound => return Err(error.into()),
                _ => removed += 1,
            }
            let text =
                format!("removed lock {} that process {pid} of this host left behind", info.id.short());
            job.report.log(Level::Warning, "lock", &text);
        }
        Ok(removed)
    }

    /// Opens a repository for once, or makes it where `create` says so and it may be made; says what is in it.
    ///
    /// # Errors
    /// Whatever keeps it closed.
    pub fn open_or_create(
        &self,
        repository: &SealedRepository,
        secrets: &Opened,
        create: bool,
    ) -> Result<Answer> {
        if repository.holds.is_archives() {
            return self.with_look(repository, secrets, |job| self.open_archives(job, create));
        }
        let repository =
            SealedRepository { may_create: create && repository.may_create, ..repository.clone() };
        let (limits, control) = (Limits::default(), backstay_core::Control::new());
        let job = Job {
            repository: &repository,
            secrets,
            limits: &limits,
            control: &control,
            report: Arc::new(Unheard),
        };
        let open = self.open(&job, if create { Access::Shared } else { Access::Look }, true)?;
        let snapshots = open.engine.list(FileKind::Snapshot)?.len();
        Ok(Answer::Opened {
            repository_id: open.engine.config().id.to_hex(),
            created: open.is_new,
            snapshots: snapshots as u64,
        })
    }
}

/// Waits for a turn, unless the work is cancelled.
fn hold<'a>(turn: &'a Mutex<()>, job: &Job<'_>) -> Result<MutexGuard<'a, ()>> {
    loop {
        job.control.checkpoint()?;
        if let Some(held) = turn.try_lock_for(Duration::from_millis(100)) {
            return Ok(held);
        }
    }
}

/// A repository for people: its destination's name and where that is.
pub(super) fn describe(repository: &SealedRepository) -> String {
    let name = &repository.destination.name;
    match &repository.settings {
        ConnectionSettings::Local(local) => {
            format!("{name} ({})", super::storage::local_folder(&local.path, &repository.path).display())
        }
        ConnectionSettings::S3(s3) => {
            let endpoint = s3.endpoint.as_deref().unwrap_or("Amazon S3");
            let slash = if repository.path.is_empty() { "" } else { "/" };
            format!("{name} (bucket {}{slash}{} at {endpoint})", s3.bucket, repository.path)
        }
        ConnectionSettings::Receiver(receiver) => {
            let slash = if repository.path.is_empty() { "" } else { " in " };
            format!("{name} (receiver {}{slash}{})", receiver.url(), repository.path)
        }
        ConnectionSettings::GoogleDrive(drive) => {
            format!("{name} (folder {} of Google Drive)", super::google::folder(drive, &repository.path))
        }
        ConnectionSettings::Mysql(_) | ConnectionSettings::Mongodb(_) => name.clone(),
    }
}

/// Makes a folder, and those above it, that nobody else may look into.
pub(super) fn make_folder(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn password(secrets: &Opened) -> Result<&str> {
    secrets.get("password").ok_or_else(|| {
        WorkError::new(Class::WrongPassword, "the password of the repository has not reached this node")
            .hint("enter it anew at the destination")
    })
}

/// Whether a process of this host lives.
fn is_alive(pid: i64) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else { return false };
    !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}
