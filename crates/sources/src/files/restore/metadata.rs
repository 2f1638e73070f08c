//! Puts owner, attributes, permissions and times on what was restored, in the order in which none undoes
//! another: a change of owner clears special bits and capabilities, and everything else moves times.

use std::fmt::Write as _;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use backstay_core::{EntryKind, Meta, Timestamp};
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use super::RestoreOptions;
use super::beneath::Spot;
use crate::files::attributes::{self, Item};
use crate::files::owners::Owners;

/// Puts metadata on items of a target.
#[derive(Debug)]
pub(super) struct Finisher {
    pub(super) options: RestoreOptions,
    pub(super) is_root: bool,
    owners: Owners,
}

/// The first failure of several steps.
struct Failure {
    is_root: bool,
    first: Result<(), Errno>,
}

impl Failure {
    /// Notes how a step ended; whether it did what it should.
    fn note(&mut self, outcome: Result<(), Errno>) -> bool {
        let done = outcome.is_ok();
        match outcome {
            // Who is not root cannot give files away, and restores what may be restored.
            Err(Errno::PERM | Errno::ACCESS) if !self.is_root => {}
            Err(error) if self.first.is_ok() => self.first = Err(error),
            _ => {}
        }
        done
    }
}

impl Finisher {
    pub(super) fn new(options: RestoreOptions) -> Self {
        Self { options, is_root: rustix::process::geteuid().is_root(), owners: Owners::default() }
    }

    /// Sets everything, going on after a failure; gives the first failure.
    pub(super) fn apply(&self, spot: &Spot<'_>, meta: &Meta) -> Result<(), Errno> {
        // One descriptor is cheaper than walking to the item again for each step.
        let openable = matches!(meta.kind, EntryKind::File | EntryKind::Folder);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = openable.then(|| rustix::fs::openat(spot.fd(), spot.name, flags, Mode::empty()));
        match opened {
            Some(Ok(fd)) => self.apply_to_open(fd.as_fd(), meta),
            Some(Err(error @ (Errno::NOENT | Errno::LOOP))) => Err(error),
            _ => self.apply_by_name(spot, meta),
        }
    }

    /// The same for an item that is open.
    pub(super) fn apply_to_open(&self, fd: BorrowedFd<'_>, meta: &Meta) -> Result<(), Errno> {
        let mut failure = Failure { is_root: self.is_root, first: Ok(()) };
        let stat = rustix::fs::fstat(fd);
        let (uid, gid) = self.owner(meta);
        let owned = is_owned(&stat, uid, gid) || failure.note(rustix::fs::fchown(fd, Some(uid), Some(gid)));
        failure.note(attributes::write(Item::Open(fd), &meta.xattrs, &*self.options.attributes));
        failure.note(rustix::fs::fchmod(fd, mode(meta, owned)));
        failure.note(rustix::fs::futimens(fd, &times(meta)));
        failure.first
    }

    fn apply_by_name(&self, spot: &Spot<'_>, meta: &Meta) -> Result<(), Errno> {
        let mut failure = Failure { is_root: self.is_root, first: Ok(()) };
        let stat = rustix::fs::statat(spot.fd(), spot.name, AtFlags::SYMLINK_NOFOLLOW);
        let (uid, gid) = self.owner(meta);
        let nofollow = AtFlags::SYMLINK_NOFOLLOW;
        let owned = is_owned(&stat, uid, gid)
            || failure.note(rustix::fs::chownat(spot.fd(), spot.name, Some(uid), Some(gid), nofollow));
        let mut path = Vec::new();
        // No path of ours leads there safely, so the way goes through the open folder.
        if let Some(path) = attributes::path_through(spot.fd(), spot.name, &mut path) {
            failure.note(attributes::write(Item::Path(path), &meta.xattrs, &*self.options.attributes));
        }
        if meta.kind != EntryKind::Symlink {
            failure.note(change_mode(spot, mode(meta, owned)));
        }
        failure.note(rustix::fs::utimensat(spot.fd(), spot.name, &times(meta), AtFlags::SYMLINK_NOFOLLOW));
        failure.first
    }

    fn owner(&self, meta: &Meta) -> (Uid, Gid) {
        let (mut uid, mut gid) = (meta.uid, meta.gid);
        if self.options.owner_by_name {
            uid = self.owners.uid(&meta.user).unwrap_or(uid);
            gid = self.owners.gid(&meta.group).unwrap_or(gid);
        }
        (Uid::from_raw(uid), Gid::from_raw(gid))
    }
}

/// Changes the mode of what cannot be opened. The plain call would follow a link put there meanwhile.
pub(super) fn change_mode(spot: &Spot<'_>, mode: Mode) -> Result<(), Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(spot.fd(), spot.name, flags, Mode::empty())?;
    let mut path = String::new();
    write!(path, "/proc/self/fd/{}", fd.as_raw_fd()).map_err(|_| Errno::NOMEM)?;
    rustix::fs::chmod(path, mode)
}

/// The permissions to set. A program that ran as its owner must not run as somebody else, who is the owner now.
fn mode(meta: &Meta, owned: bool) -> Mode {
    Mode::from_raw_mode(meta.permissions & if owned { 0o7777 } else { 0o1777 })
}

fn is_owned(stat: &Result<Stat, Errno>, uid: Uid, gid: Gid) -> bool {
    stat.as_ref().is_ok_and(|stat| stat.st_uid == uid.as_raw() && stat.st_gid == gid.as_raw())
}

fn times(meta: &Meta) -> Timestamps {
    let time = |moment: &Timestamp| Timespec { tv_sec: moment.seconds, tv_nsec: i64::from(moment.nanos) };
    Timestamps { last_access: time(&meta.accessed), last_modification: time(&meta.modified) }
}
