//! Locks, by restic's rules: any number of shared ones, or one exclusive one and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use backstay_core::{Control, FileId, FileKind, Handle, Timestamp};
use parking_lot::{Condvar, Mutex};

use super::Repository;
use crate::format::{LockFile, time};
use crate::{Error, Result};

/// Time between making a lock and looking whether somebody made another meanwhile.
const SETTLE: Duration = Duration::from_millis(200);
/// A lock is refreshed this often.
const REFRESH: Duration = Duration::from_secs(5 * 60);
/// How long removing a lock may take at the end: a storage that does not answer must not hold the program.
const PARTING: Duration = Duration::from_secs(30);
/// A lock older than this is taken to be left behind, in seconds.
const STALE: i64 = 30 * 60;
/// A holder who could not refresh its lock for this long gives up before others take it for stale, in seconds.
const GIVE_UP: i64 = STALE - REFRESH.as_secs() as i64 * 3 / 2;

/// A lock of ours. It is refreshed while it lives and removed when dropped.
pub struct Lock {
    shared: Arc<Shared>,
    refresher: Option<JoinHandle<()>>,
}

struct Shared {
    repository: Repository,
    exclusive: bool,
    state: Mutex<State>,
    wake: Condvar,
    made: Timestamp,
    confirmed: AtomicBool,
    /// Steers the refreshing, which ends with the lock and not with the work.
    refreshing: Control,
}

struct State {
    id: FileId,
    refreshed: i64,
    ended: bool,
    lost: Option<String>,
}

impl Lock {
    /// Takes a lock. It counts only once it is [confirmed](Lock::confirm), before the first change of the repository; until then
    /// the caller may read, so that the waiting costs nothing.
    ///
    /// When the lock is lost later (somebody removed it, or it could not be refreshed), `repository`'s control is cancelled.
    ///
    /// # Errors
    /// [`Error::Locked`] when another lock stands in the way, [`Error::UnreadableLock`] when one cannot be read.
    pub fn acquire(repository: &Repository, exclusive: bool) -> Result<Self> {
        refuse_conflict(repository, exclusive, None)?;
        let id = write(repository, exclusive)?;
        // Somebody may have made one while ours was on its way, which can take long. What is read from here on is read under
        // a lock that everybody who comes later sees.
        if let Err(error) = refuse_conflict(repository, exclusive, Some(id)) {
            part_with(repository, id);
            return Err(error);
        }
        let shared = Arc::new(Shared {
            repository: repository.clone(),
            exclusive,
            state: Mutex::new(State {
                id,
                refreshed: repository.environment().clock.now().seconds,
                ended: false,
                lost: None,
            }),
            wake: Condvar::new(),
            made: repository.environment().clock.now(),
            confirmed: AtomicBool::new(false),
            refreshing: Control::new(),
        });
        let refresher = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name("lock".into()).spawn(move || shared.keep_fresh()).ok()
        };
        Ok(Self { shared, refresher })
    }

    /// Waits until nobody can have missed the lock, and checks that nobody else made one. Fast when called again.
    ///
    /// # Errors
    /// [`Error::Locked`] when somebody did; [`Error::LockLost`] when the lock is no longer ours.
    pub fn confirm(&self) -> Result<()> {
        self.confirm_through(&self.shared.repository)
    }

    /// The same by another handle of the repository, as when the work is over.
    pub(crate) fn confirm_through(&self, repository: &Repository) -> Result<()> {
        let shared = &self.shared;
        let clock = &shared.repository.environment().clock;
        {
            let mut state = shared.state.lock();
            // A machine that slept: others may have taken the lock for one that was left behind.
            if state.lost.is_none() && clock.now().seconds - state.refreshed > GIVE_UP {
                state.lost = Some("it was not refreshed in time".into());
                shared.repository.control().cancel();
            }
            if let Some(why) = state.lost.clone() {
                return Err(Error::LockLost { why });
            }
        }
        if shared.confirmed.load(Ordering::Acquire) {
            return Ok(());
        }
        clock.sleep(SETTLE.saturating_sub(since(shared.made, clock.now())));
        let own = shared.state.lock().id;
        let is_there = refuse_conflict(repository, shared.exclusive, Some(own))?;
        // A refresh meanwhile has put another one in its place.
        if !is_there && shared.state.lock().id == own {
            return Err(Error::LockLost { why: "somebody removed it".into() });
        }
        shared.confirmed.store(true, Ordering::Release);
        Ok(())
    }

    /// Why the lock is no longer ours, if it is not.
    #[must_use]
    pub fn lost(&self) -> Option<String> {
        self.shared.state.lock().lost.clone()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.shared.state.lock().ended = true;
        self.shared.wake.notify_all();
        self.shared.refreshing.cancel();
        if let Some(refresher) = self.refresher.take() {
            let _ = refresher.join();
        }
        let id = self.shared.state.lock().id;
        part_with(&self.shared.repository, id);
    }
}

impl Shared {
    fn keep_fresh(&self) {
        let mut state = self.state.lock();
        while !state.ended {
            self.wake.wait_for(&mut state, REFRESH);
            if state.ended {
                return;
            }
            let old = state.id;
            let repository = self.repository.with_control(self.refreshing.clone());
            let outcome =
                parking_lot::MutexGuard::unlocked(&mut state, || refresh(&repository, old, self.exclusive));
            let now = repository.environment().clock.now().seconds;
            match outcome {
                Ok(id) => {
                    state.id = id;
                    state.refreshed = now;
                }
                Err(error) if error.is_not_found() => state.lost = Some("somebody removed it".into()),
                Err(error) if now - state.refreshed > GIVE_UP => state.lost = Some(error.to_string()),
                Err(_) => {}
            }
            if state.lost.is_some() {
                self.repository.control().cancel();
                return;
            }
        }
    }
}

/// The time from one moment to a later one; none when the clock was set back.
fn since(earlier: Timestamp, later: Timestamp) -> Duration {
    let nanos = |time: Timestamp| i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    Duration::from_nanos(u64::try_from(nanos(later) - nanos(earlier)).unwrap_or_default())
}

/// Makes a fresh lock, then removes the old one, so that there is one at each moment.
fn refresh(repository: &Repository, old: FileId, exclusive: bool) -> Result<FileId> {
    let handle = Handle::new(FileKind::Lock, old);
    repository.storage().size(&handle, repository.context())?;
    let id = write(repository, exclusive)?;
    part_with(repository, old);
    Ok(id)
}

/// Removes a lock of ours, also when the work was cancelled. One that stays behind is stale soon.
fn part_with(repository: &Repository, id: FileId) {
    let _ = repository.at_parting(PARTING).remove_file(Handle::new(FileKind::Lock, id));
}

fn write(repository: &Repository, exclusive: bool) -> Result<FileId> {
    let environment = repository.environment();
    let identity = &environment.identity;
    let lock = LockFile {
        time: environment.clock.now(),
        exclusive,
        hostname: identity.host.clone(),
        username: identity.user.clone(),
        pid: i64::from(identity.pid),
        uid: Some(identity.uid).filter(|uid| *uid != 0),
        gid: Some(identity.gid).filter(|gid| *gid != 0),
    };
    repository.save_unpacked(FileKind::Lock, &lock.to_json())
}

/// Whether our own lock is there; an error when another one stands in the way.
fn refuse_conflict(repository: &Repository, exclusive: bool, own: Option<FileId>) -> Result<bool> {
    let (mine, others): (Vec<_>, Vec<_>) =
        repository.list(FileKind::Lock)?.into_iter().map(|(id, _)| id).partition(|id| Some(*id) == own);
    for info in load_locks(repository, others) {
        let file = info.file.map_err(|error| match error {
            Error::Damaged { why, .. } => Error::UnreadableLock { lock: info.id, why },
            error => error,
        })?;
        if exclusive || file.exclusive {
            return Err(Error::Locked {
                holder: format!("process {} of {} on {}", file.pid, file.username, file.hostname),
                since: time::to_text(&file.time),
                exclusive: file.exclusive,
                lock: info.id,
            });
        }
    }
    Ok(!mine.is_empty())
}

/// A lock in the repository.
pub struct LockInfo {
    /// Its id.
    pub id: FileId,
    /// What it says, if it can be read.
    pub file: Result<LockFile>,
}

impl LockInfo {
    /// Whether the lock was left behind: older than 30 minutes, or its process on this host is gone.
    fn is_stale(&self, repository: &Repository, is_alive: &dyn Fn(i64) -> bool) -> bool {
        let Ok(file) = &self.file else { return false };
        let environment = repository.environment();
        environment.clock.now().seconds - file.time.seconds > STALE
            || (file.hostname == environment.identity.host && !is_alive(file.pid))
    }
}

/// All locks. One that vanishes meanwhile is not among them.
///
/// # Errors
/// When they cannot be listed.
pub fn list_locks(repository: &Repository) -> Result<Vec<LockInfo>> {
    let ids = repository.list(FileKind::Lock)?.into_iter().map(|(id, _)| id);
    Ok(load_locks(repository, ids).collect())
}

/// Those of these locks that are still there.
fn load_locks(
    repository: &Repository,
    ids: impl IntoIterator<Item = FileId>,
) -> impl Iterator<Item = LockInfo> {
    let load = |id| repository.load_unpacked(FileKind::Lock, id).and_then(|json| LockFile::parse(&json));
    let infos = ids.into_iter().map(move |id| LockInfo { id, file: load(id) });
    infos.filter(|info| !matches!(&info.file, Err(error) if error.is_not_found()))
}

/// What became of the locks of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unlocked {
    /// How many were removed.
    pub removed: usize,
    /// Those that nobody can read, and that stay.
    pub unreadable: Vec<FileId>,
}

/// Removes locks that were left behind, or all of them. `is_alive` tells whether a process of this host lives.
///
/// # Errors
/// When a lock cannot be removed.
pub fn remove_locks(repository: &Repository, all: bool, is_alive: &dyn Fn(i64) -> bool) -> Result<Unlocked> {
    let mut outcome = Unlocked::default();
    for info in list_locks(repository)? {
        if all || info.is_stale(repository, is_alive) {
            repository.remove_file(Handle::new(FileKind::Lock, info.id))?;
            outcome.removed += 1;
        } else if info.file.is_err() {
            outcome.unreadable.push(info.id);
        }
    }
    Ok(outcome)
}
