//! A copy of files below another folder, as fast as the file system can make it: by sharing blocks where it knows how to, else in several
//! threads, without bytes passing through this process where the kernel can copy by itself. Holes stay holes.
//!
//! A copy of `/var/lib/db` below `/spool` is `/spool/var/lib/db`; [`CaptureOptions::root`](super::CaptureOptions::root) reads it back under its own name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use backstay_core::{Control, Events};
use parking_lot::Mutex;
use rustix::fs::{AtFlags, CWD, Gid, SeekFrom as Seeking, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use super::attributes::{self, Item};

/// Bytes that are copied between two looks at whether that is still wanted.
const STEP: u64 = 16 << 20;
/// More threads do not help: the disk is the limit.
const THREADS: usize = 8;

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Regular files.
    pub files: u64,
    /// Their lengths together, in bytes.
    pub bytes: u64,
    /// Files that share their blocks with the original, and took neither time nor space.
    pub shared: u64,
}

/// How much a copy takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// Regular files.
    pub files: u64,
    /// Bytes that they take on disk.
    pub allocated: u64,
    /// Their lengths together, in bytes.
    pub bytes: u64,
}

/// Why a copy could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Something could not be read or written.
    #[error("cannot copy {}: {cause}", path.display())]
    Failed {
        /// What.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It is not wanted any more.
    #[error("cancelled")]
    Interrupted,
}

/// One regular file to copy.
struct Task {
    from: PathBuf,
    to: PathBuf,
    size: u64,
}

/// What there is to copy.
#[derive(Default)]
struct Plan {
    folders: Vec<(PathBuf, PathBuf)>,
    files: Vec<Task>,
    links: Vec<(PathBuf, PathBuf)>,
    extent: Extent,
}

/// How much a copy of these files and folders takes, with all in them.
///
/// # Errors
/// When one of them cannot be looked at.
pub fn extent(paths: &[PathBuf]) -> Result<Extent, CopyError> {
    Ok(Plan::of(paths, Path::new("/"))?.extent)
}

/// Whether a copy from one folder to another shares its blocks, found out by a small file in the other.
#[must_use]
pub fn shares_blocks(from: &Path, to: &Path) -> bool {
    let same = |path: &Path| fs::metadata(path).map(|meta| meta.dev());
    let (Ok(one), Ok(other)) = (same(from), same(to)) else { return false };
    let try_it = || -> io::Result<()> {
        let mut original = tempfile::tempfile_in(to)?;
        original.write_all(&[1; 4096])?;
        rustix::fs::ioctl_ficlone(&tempfile::tempfile_in(to)?, &original)?;
        Ok(())
    };
    one == other && try_it().is_ok()
}

/// Copies files and folders with all in them below a folder, each to its own absolute path there, with owners, permissions, attributes
/// and times. Sockets, pipes and devices are passed over. The totals and the bytes of each step are told to `events`.
///
/// # Errors
/// At the first thing that cannot be copied, or when the control is cancelled; what was copied until then stays.
pub fn copy(
    paths: &[PathBuf],
    below: &Path,
    control: &Control,
    events: &dyn Events,
) -> Result<Copied, CopyError> {
    let mut plan = Plan::of(paths, below)?;
    events.totals(plan.extent.files, plan.extent.bytes, true);
    for (from, to) in &plan.folders {
        fs::create_dir_all(to).map_err(failed(from))?;
    }
    for (from, to) in &plan.links {
        make_parent(to)?;
        fs::read_link(from).and_then(|target| symlink(target, to)).map_err(failed(from))?;
        finish(from, to)?;
    }
    // The largest first, so that no thread is left with one at the end.
    plan.files.sort_by_key(|task| task.size);
    let copied = copy_files(plan.files, control, events)?;
    // Times of folders last, since what is put into one changes them; the deepest first.
    for (from, to) in plan.folders.iter().rev() {
        finish(from, to)?;
    }
    Ok(copied)
}

fn copy_files(tasks: Vec<Task>, control: &Control, events: &dyn Events) -> Result<Copied, CopyError> {
    let (files, bytes, shared) =
        (tasks.len() as u64, tasks.iter().map(|task| task.size).sum(), AtomicU64::new(0));
    let threads =
        std::thread::available_parallelism().map_or(2, usize::from).clamp(1, THREADS).min(tasks.len());
    let (tasks, trouble, is_over) = (Mutex::new(tasks), Mutex::new(None), AtomicBool::new(false));
    let work = || {
        let mut buffer = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            let Some(task) = tasks.lock().pop() else { break };
            match copy_file(&task, control, events, &mut buffer) {
                Ok(is_shared) => {
                    shared.fetch_add(u64::from(is_shared), Ordering::Relaxed);
                }
                Err(error) => {
                    is_over.store(true, Ordering::Relaxed);
                    trouble.lock().get_or_insert(error);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    match trouble.into_inner() {
        None => Ok(Copied { files, bytes, shared: shared.into_inner() }),
        Some(error) => Err(error),
    }
}

/// Copies one file; whether it shares its blocks with the original.
fn copy_file(
    task: &Task,
    control: &Control,
    events: &dyn Events,
    buffer: &mut Vec<u8>,
) -> Result<bool, CopyError> {
    if control.checkpoint().is_err() {
        return Err(CopyError::Interrupted);
    }
    make_parent(&task.to)?;
    let from = File::open(&task.from).map_err(failed(&task.from))?;
    let to = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&task.to)
        .map_err(failed(&task.to))?;
    let is_shared = rustix::fs::ioctl_ficlone(&to, &from).is_ok();
    if is_shared {
        events.bytes_done(task.size);
    } else {
        copy_content(&from, &to, control, events, buffer).map_err(|error| match error {
            CopyError::Failed { cause, .. } => CopyError::Failed { path: task.from.clone(), cause },
            CopyError::Interrupted => CopyError::Interrupted,
        })?;
    }
    finish(&task.from, &task.to)?;
    Ok(is_shared)
}

/// Copies the parts of a file that hold data.
fn copy_content(
    mut from: &File,
    mut to: &File,
    control: &Control,
    events: &dyn Events,
    buffer: &mut Vec<u8>,
) -> Result<(), CopyError> {
    let size = from.metadata().map_err(failed(Path::new("")))?.len();
    to.set_len(size).map_err(failed(Path::new("")))?;
    let (mut at, mut by_kernel) = (0, true);
    while let Some(data) = next_data(from, at, size) {
        let end = rustix::fs::seek(from, Seeking::Hole(data)).unwrap_or(size).clamp(data, size);
        at = data;
        while at < end {
            if control.checkpoint().is_err() {
                return Err(CopyError::Interrupted);
            }
            let length = usize::try_from(STEP.min(end - at)).unwrap_or(1 << 20);
            let done = if by_kernel {
                let (mut read_at, mut write_at) = (at, at);
                match rustix::fs::copy_file_range(from, Some(&mut read_at), to, Some(&mut write_at), length) {
                    // File systems that cannot copy between one another, or not at all.
                    Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::IO) => {
                        by_kernel = false;
                        continue;
                    }
                    done => done.map_err(|error| failed(Path::new(""))(error.into()))? as u64,
                }
            } else {
                buffer.resize(1 << 20, 0);
                let room = buffer.len().min(length);
                let copied = from.seek(SeekFrom::Start(at)).and_then(|_| {
                    let read = from.read(buffer.get_mut(..room).unwrap_or_default())?;
                    to.seek(SeekFrom::Start(at))?;
                    to.write_all(buffer.get(..read).unwrap_or_default())?;
                    Ok(read)
                });
                copied.map_err(failed(Path::new("")))? as u64
            };
            if done == 0 {
                let cause = io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter meanwhile");
                return Err(failed(Path::new(""))(cause));
            }
            events.bytes_done(done);
            at += done;
        }
    }
    Ok(())
}

/// Where the next data begins; a file system that knows no holes has data everywhere.
fn next_data(file: &File, at: u64, size: u64) -> Option<u64> {
    if at >= size {
        return None;
    }
    match rustix::fs::seek(file, Seeking::Data(at)) {
        Ok(data) => Some(data).filter(|data| *data < size),
        Err(Errno::NXIO) => None,
        Err(_) => Some(at),
    }
}

impl Plan {
    fn of(paths: &[PathBuf], below: &Path) -> Result<Self, CopyError> {
        let mut plan = Self::default();
        let mut waiting: Vec<PathBuf> = paths.to_vec();
        while let Some(path) = waiting.pop() {
            let meta = fs::symlink_metadata(&path).map_err(failed(&path))?;
            let kind = meta.file_type();
            let to = below.join(path.strip_prefix("/").unwrap_or(&path));
            if kind.is_dir() {
                for entry in fs::read_dir(&path).map_err(failed(&path))? {
                    waiting.push(entry.map_err(failed(&path))?.path());
                }
                plan.folders.push((path, to));
            } else if kind.is_symlink() {
                plan.links.push((path, to));
            } else if kind.is_file() {
                plan.extent.files += 1;
                plan.extent.bytes += meta.len();
                plan.extent.allocated += meta.blocks() * 512;
                plan.files.push(Task { from: path, to, size: meta.len() });
            } else {
                debug_assert!(
                    kind.is_socket() || kind.is_fifo() || kind.is_char_device() || kind.is_block_device()
                );
            }
        }
        Ok(plan)
    }
}

fn make_parent(path: &Path) -> Result<(), CopyError> {
    path.parent().map_or(Ok(()), |parent| fs::create_dir_all(parent).map_err(failed(parent)))
}

/// Gives a copy the owner, permissions, attributes and times of the original.
fn finish(from: &Path, to: &Path) -> Result<(), CopyError> {
    let meta = fs::symlink_metadata(from).map_err(failed(from))?;
    let at = |error: Errno| failed(to)(error.into());
    let owner = (Some(Uid::from_raw(meta.uid())), Some(Gid::from_raw(meta.gid())));
    match rustix::fs::chownat(CWD, to, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW) {
        // Who is not root keeps what is its own.
        Err(Errno::PERM) => {}
        done => done.map_err(at)?,
    }
    if !meta.is_symlink() {
        attributes_of(from, to);
        fs::set_permissions(to, meta.permissions()).map_err(failed(to))?;
    }
    let time = |seconds, nanos| Timespec { tv_sec: seconds, tv_nsec: nanos };
    let times = Timestamps {
        last_access: time(meta.atime(), meta.atime_nsec()),
        last_modification: time(meta.mtime(), meta.mtime_nsec()),
    };
    rustix::fs::utimensat(CWD, to, &times, AtFlags::SYMLINK_NOFOLLOW).map_err(at)
}

/// Attributes that the copy's file system does not take are left out: the content is what counts.
fn attributes_of(from: &Path, to: &Path) {
    if let (Ok(from), Ok(to)) = (File::open(from), File::open(to))
        && let Ok(read) = attributes::read(Item::Open(from.as_fd()), &mut Vec::new())
        && !read.attributes.is_empty()
    {
        let _ = attributes::write(Item::Open(to.as_fd()), &read.attributes, &|_| true);
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> CopyError {
    let path = path.to_owned();
    move |cause| CopyError::Failed { path, cause }
}

#[cfg(test)]
#[path = "copy_tests.rs"]
mod tests;
