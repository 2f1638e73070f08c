//! What runs do: backups, copies, restores, checks and clean-ups, as blocking code over the engine.
//!
//! Nothing here knows plans, queues or states. A [`Workshop`] is given a [`Job`] (which repository, with which secrets, within
//! which limits, on whose reins), does the work on the calling thread, tells what it does to a [`Report`], and ends with what it
//! did or a [`WorkError`]. Its [class](failure::Class) says what may be done about it: what is out of reach is waited for.
//! All work obeys its [`Control`]; what a cancelled backup has stored is taken up by the next one from its
//! [journal](Workshop::discard_journal).
//!
//! What the host's owner forbids ([`LocalPolicy`]) is asked here, at the last place before it is done.

pub mod archives;
pub mod backup;
mod browse;
pub mod bucket;
mod catch_up;
pub mod cold;
mod command;
mod compare;
pub mod copy;
mod discard;
mod excludes;
pub mod extract;
pub mod failure;
mod google;
pub mod hooks;
mod http;
mod indexes;
pub mod instance;
pub mod into_bucket;
pub mod into_sqlite;
mod items;
mod keys;
mod label;
mod leash;
mod listings;
mod meter;
pub mod mongo;
mod note;
mod origin;
mod pin;
pub mod probe;
pub mod prune;
mod repository;
pub mod restore;
mod search;
pub mod service;
pub mod shipping;
pub mod sqlite;
pub mod state;
mod storage;
pub mod swap;
pub mod together;
pub mod verify;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstay_core::{Control, Timestamp};
use backstay_engine::Environment;
use backstay_engine::crypto::KdfParams;
use backstay_model::link::SealedRepository;
use backstay_model::run::Progress;
use backstay_model::{ConnectionSettings, Level, Limits, RepositoryId, RunId};
use parking_lot::Mutex;

use crate::host;
use crate::local_policy::LocalPolicy;
use crate::seals::Opened;

pub use failure::{Class, WorkError};

/// The result of work.
pub type Result<T, E = WorkError> = std::result::Result<T, E>;

/// Takes down what work tells. Called from many threads.
pub trait Report: Send + Sync {
    /// A line for the log.
    fn log(&self, level: Level, step: &str, text: &str);

    /// How far the work is; told about twice a second at most.
    fn progress(&self, progress: Progress);

    /// The work got on, if only by a little: it has not come to a halt.
    fn moved(&self) {}
}

/// A place to work at: what all work of a node shares.
pub struct Workshop {
    environment: Environment,
    data_dir: PathBuf,
    policy: LocalPolicy,
    guarded: Vec<PathBuf>,
    keys: keys::KeyRing,
    google: google::Accounts,
    indexes: Arc<indexes::Indexes>,
    listings: listings::Listings,
    manifests: archives::Manifests,
    new_keys: KdfParams,
    opened: Timestamp,
    /// Whose turn it is to use each repository for the first time.
    turns: Mutex<HashMap<RepositoryId, Arc<Mutex<()>>>>,
}

/// Bytes that lie in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored(pub u64);

/// What work on a repository needs.
#[derive(Clone)]
pub struct Job<'a> {
    /// The repository, and the way to it.
    pub repository: &'a SealedRepository,
    /// Its secrets.
    pub secrets: &'a Opened,
    /// How much of the host the work may take.
    pub limits: &'a Limits,
    /// The reins of the work.
    pub control: &'a Control,
    /// Who is told of it.
    pub report: Arc<dyn Report>,
}

impl Workshop {
    /// A workshop that keeps journals and caches below `data_dir`.
    #[must_use]
    pub fn new(environment: Environment, data_dir: PathBuf, policy: LocalPolicy) -> Self {
        let opened = environment.clock.now();
        Self {
            environment,
            data_dir,
            policy,
            guarded: Vec::new(),
            keys: keys::KeyRing::default(),
            google: google::Accounts::default(),
            indexes: Arc::default(),
            listings: listings::Listings::default(),
            manifests: archives::Manifests::default(),
            new_keys: KdfParams::DEFAULT,
            opened,
            turns: Mutex::default(),
        }
    }

    /// The same workshop, which lets no restore touch these folders either.
    #[must_use]
    pub fn guarding(mut self, folders: Vec<PathBuf>) -> Self {
        self.guarded = folders;
        self
    }

    /// The same workshop, but the keys of new repositories cost this much to derive. Cheap keys are no protection: they are for
    /// tests.
    #[must_use]
    pub fn with_key_cost(mut self, cost: KdfParams) -> Self {
        self.new_keys = cost;
        self
    }

    /// What the host's owner lets it do.
    #[must_use]
    pub const fn policy(&self) -> &LocalPolicy {
        &self.policy
    }

    /// The folder that journals and caches are kept in.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Lets go what is kept for the next question and was not asked for in a while.
    pub fn tidy(&self) {
        self.indexes.tidy();
        self.listings.tidy();
    }

    /// Bytes that are free where a repository is, where that can be told.
    #[must_use]
    pub fn free(&self, repository: &SealedRepository) -> Option<u64> {
        match &repository.settings {
            ConnectionSettings::Local(local) => {
                let (total, free) = host::disk(&storage::local_folder(&local.path, &repository.path));
                (total > 0).then_some(free)
            }
            ConnectionSettings::S3(_)
            | ConnectionSettings::Mysql(_)
            | ConnectionSettings::Receiver(_)
            | ConnectionSettings::GoogleDrive(_)
            | ConnectionSettings::Mongodb(_) => None,
        }
    }

    /// Where work notes under this name what it has done, for when it is interrupted.
    fn notes_path(&self, name: &str) -> PathBuf {
        self.data_dir.join("journals").join(name)
    }

    /// The folder of what a restore into a service keeps here until it ends.
    fn spool_of(&self, run: RunId) -> PathBuf {
        self.data_dir.join("restores").join(run.to_string())
    }
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    unless_gone(std::fs::remove_file(path))
}

/// The same for a folder, with all in it.
fn remove_folder_if_there(path: &Path) -> std::io::Result<()> {
    unless_gone(std::fs::remove_dir_all(path))
}

fn unless_gone(removed: std::io::Result<()>) -> std::io::Result<()> {
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Hears nothing, for work that nobody watches.
pub(crate) struct Unheard;

impl Report for Unheard {
    fn log(&self, _: Level, _: &str, _: &str) {}

    fn progress(&self, _: Progress) {}
}
