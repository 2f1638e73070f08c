//! The walk: a few threads, a stack of folders, one `stat` for each item.
//!
//! Every item is reached by its name in a folder that is held open, never by its path, so that trees
//! deeper than the longest path can be walked and nothing is taken for another thing that was moved in
//! its place. A folder in the sink is closed once its entries are handed over and each folder in it has
//! been opened; until then its children hold it. So the number of open folders is the depth of the tree
//! and what the sink has waiting.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use backstay_core::{Content, Control, CutHint, Entry, EntryKind, Events, Folder, Meta, Sink, SinkError};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::capture::{CaptureOptions, Tally};
use super::opener::{FileOpener, quiet_open};
use super::queue::Queue;
use super::stat::{Describer, kind};
use super::targets::Place;
use super::{attributes, listing, path};

/// A folder of the file system that is held open.
#[derive(Debug)]
struct Source {
    fd: OwnedFd,
    /// Its absolute path.
    path: Vec<u8>,
    /// The file system it is on.
    device: u64,
    /// The file system that it and everything below it is to be on.
    home: u64,
    /// Names of the tag files in it, each of which keeps all but itself out.
    tags: Vec<Vec<u8>>,
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A folder of the sink that is being filled. The last to hold it closes it.
struct Filling {
    sink: Box<dyn Folder>,
    meta: Meta,
}

/// An item to look at.
struct Job {
    source: Arc<Source>,
    into: Arc<Filling>,
    name: Vec<u8>,
    /// Its name in the sink, where that is another one.
    stored: Option<Vec<u8>>,
    /// What the listing said it is.
    hint: FileType,
    /// Excludes do not apply.
    explicit: bool,
}

impl Job {
    fn stored_name(&self) -> &[u8] {
        self.stored.as_deref().unwrap_or(&self.name)
    }
}

/// A folder on both sides, with what is in it.
struct Opened {
    source: Arc<Source>,
    into: Arc<Filling>,
    entries: Vec<(Vec<u8>, FileType)>,
}

/// What a thread of the walk has for itself.
#[derive(Default)]
struct Worker {
    listing: Vec<u8>,
    path: Vec<u8>,
    names: Vec<u8>,
    /// The thread has a working folder of its own, apart from the rest of the process.
    can_move: bool,
    /// The working folder is the one in hand, and names alone lead to its items.
    is_there: bool,
}

impl Worker {
    fn new() -> Self {
        // Sandboxes may forbid this; then items are named by their paths.
        let can_move = nix::sched::unshare(nix::sched::CloneFlags::CLONE_FS).is_ok();
        Self { can_move, ..Self::default() }
    }

    fn move_to(&mut self, folder: &Source) {
        self.is_there = self.can_move && rustix::process::fchdir(folder).is_ok();
    }

    /// The attributes of an item of the folder that was [moved to](Self::move_to).
    fn attributes(&mut self, folder: &Source, name: &[u8]) -> Result<attributes::Read, Errno> {
        let item = if self.is_there {
            attributes::path_here(name, &mut self.path)
        } else {
            attributes::path_of(&folder.path, folder.as_fd(), name, &mut self.path)
        };
        attributes::read(attributes::Item::Path(item.ok_or(Errno::INVAL)?), &mut self.names)
    }
}

type Jobs = Queue<Job, SinkError>;

pub(super) struct Walk<'a> {
    options: &'a CaptureOptions,
    tally: &'a Tally,
    control: &'a Control,
    events: &'a dyn Events,
    working_folder: Vec<u8>,
    /// The file systems of the targets by absolute path, when no other may be walked.
    homes: Vec<(Vec<u8>, u64)>,
    describer: Describer,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        options: &'a CaptureOptions,
        tally: &'a Tally,
        control: &'a Control,
        events: &'a dyn Events,
        working_folder: Vec<u8>,
        targets: &[Vec<u8>],
    ) -> Self {
        let mut walk = Self {
            options,
            tally,
            control,
            events,
            working_folder,
            homes: Vec::new(),
            describer: Describer::new(options.with_atime),
        };
        if options.one_file_system {
            let device = |target: &Vec<u8>| {
                let stat = rustix::fs::statat(CWD, target, AtFlags::SYMLINK_NOFOLLOW).ok()?;
                Some((walk.absolute(target), stat.st_dev))
            };
            walk.homes = targets.iter().filter_map(device).collect();
        }
        walk
    }

    /// Walks everything in the layout into the sink.
    pub(super) fn run(&self, layout: &Place, sink: &dyn Sink) -> Result<(), SinkError> {
        let jobs = Jobs::new();
        let meta = Meta { kind: EntryKind::Folder, ..Meta::default() };
        let root = Arc::new(Filling { sink: sink.root()?, meta });
        let mut found = Vec::new();
        self.plant(layout, &root, &mut found)?;
        // The newest job is taken first.
        jobs.push(found.into_iter().rev());
        finish(root)?;
        let threads = self.options.thread_count();
        jobs.work(threads, Worker::new, |worker, job| self.visit(worker, job, &jobs))
    }

    /// Makes the folders on the way to the targets, and a job for each target.
    fn plant(&self, place: &Place, into: &Arc<Filling>, jobs: &mut Vec<Job>) -> Result<(), SinkError> {
        for (name, child) in &place.children {
            if let Some(source) = &child.source {
                match self.target(source, name, child.explicit, into) {
                    Ok(job) => jobs.push(job),
                    Err(error) => self.fail(into, name, "open the folder of", source, error),
                }
                continue;
            }
            match self.way_meta(&child.metadata_from) {
                Ok(meta) => {
                    self.tally.count(&meta);
                    let folder = Arc::new(Filling { sink: into.sink.folder(name)?, meta });
                    self.plant(child, &folder, jobs)?;
                    finish(folder)?;
                }
                Err(error) => self.fail(into, name, "read", &child.metadata_from, error),
            }
        }
        Ok(())
    }

    /// Metadata of a folder on the way to a target, through symbolic links. Its attributes may be secret.
    fn way_meta(&self, folder: &[u8]) -> Result<Meta, Errno> {
        let stat = rustix::fs::statat(CWD, folder, AtFlags::empty())?;
        if kind(&stat) != EntryKind::Folder {
            return Err(Errno::NOTDIR);
        }
        let mut meta = self.describer.meta(&stat);
        let mut name = folder.to_vec();
        name.push(0);
        if self.options.with_attributes
            && let Ok(name) = std::ffi::CStr::from_bytes_with_nul(&name)
        {
            match attributes::read(attributes::Item::Path(name), &mut Vec::new()) {
                Ok(read) => meta.xattrs = read.attributes,
                Err(Errno::PERM | Errno::ACCESS) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(meta)
    }

    fn target(
        &self,
        target: &[u8],
        stored: &[u8],
        explicit: bool,
        into: &Arc<Filling>,
    ) -> Result<Job, Errno> {
        let (folder, name) = path::split(target);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(CWD, folder, flags, Mode::empty())?;
        let device = rustix::fs::fstat(&fd)?.st_dev;
        let absolute = self.absolute(target);
        let home = self.home(&absolute).unwrap_or(device);
        let path = path::split(&absolute).0.to_vec();
        let tags = if explicit { Vec::new() } else { self.tags(fd.as_fd(), &path) };
        Ok(Job {
            source: Arc::new(Source { fd, path, device, home, tags }),
            into: Arc::clone(into),
            name: name.to_vec(),
            stored: (stored != name).then(|| stored.to_vec()),
            hint: FileType::Unknown,
            explicit,
        })
    }

    /// Takes a waiting item: a target, or a folder.
    fn visit(&self, worker: &mut Worker, job: Job, jobs: &Jobs) -> Result<(), SinkError> {
        self.control.checkpoint()?;
        if job.hint == FileType::Directory {
            return self.visit_folder(job, jobs, worker);
        }
        if job.explicit || !self.is_excluded_by_name(&job.source, &job.name, worker) {
            match rustix::fs::statat(&job.source, &job.name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) if kind(&stat) == EntryKind::Folder => return self.visit_folder(job, jobs, worker),
                Ok(stat) => {
                    worker.move_to(&job.source);
                    self.visit_item(&job, &stat, worker)?;
                }
                Err(error) => self.fail_in(&job, "lstat", error),
            }
        }
        finish(job.into)
    }

    /// Hands over what is in a folder, and leaves the folders in it as further jobs.
    fn visit_folder(&self, job: Job, jobs: &Jobs, worker: &mut Worker) -> Result<(), SinkError> {
        let opened = self.open_folder(&job, worker)?;
        // From here on nothing of the folder above is needed: it may close.
        let Job { source, into, .. } = job;
        drop(source);
        finish(into)?;
        let Some(Opened { source, into, entries }) = opened else {
            return Ok(());
        };
        let job = |name, hint| Job {
            source: Arc::clone(&source),
            into: Arc::clone(&into),
            name,
            stored: None,
            hint,
            explicit: false,
        };
        let mut items = Vec::with_capacity(entries.len());
        let mut folders = Vec::new();
        for (name, hint) in entries {
            if self.is_excluded_by_name(&source, &name, worker) {
                continue;
            }
            match hint {
                FileType::Directory => folders.push(job(name, hint)),
                _ => items.push(name),
            }
        }
        jobs.push(folders.into_iter().rev());
        if self.options.with_attributes && !items.is_empty() {
            worker.move_to(&source);
        }
        for name in items {
            self.control.checkpoint()?;
            let item = job(name, FileType::Unknown);
            match rustix::fs::statat(&source, &item.name, AtFlags::SYMLINK_NOFOLLOW) {
                // Some file systems do not tell folders in their listings.
                Ok(stat) if kind(&stat) == EntryKind::Folder => {
                    jobs.push([Job { hint: FileType::Directory, ..item }]);
                }
                Ok(stat) => self.visit_item(&item, &stat, worker)?,
                Err(error) => self.fail_in(&item, "lstat", error),
            }
        }
        finish(into)
    }

    /// Opens a folder and starts it in the sink; nothing when it is excluded or cannot be read.
    fn open_folder(&self, job: &Job, worker: &mut Worker) -> Result<Option<Opened>, SinkError> {
        let read = || {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
            let fd = quiet_open(&job.source, &job.name, flags).map_err(|error| ("open", error))?;
            let stat = rustix::fs::fstat(&fd).map_err(|error| ("stat", error))?;
            Ok((fd, stat))
        };
        let (fd, stat) = match read() {
            Ok(opened) => opened,
            Err((action, error)) => {
                self.fail_in(job, action, error);
                return Ok(None);
            }
        };
        let mut meta = self.describer.meta(&stat);
        let path = beneath(&job.source.path, &job.name);
        if !job.explicit && self.is_excluded_by_meta(&job.source, &path, &stat, &meta) {
            return Ok(None);
        }
        let entries = match listing::sorted(&fd, &mut worker.listing) {
            Ok(entries) => entries,
            Err(error) => {
                self.fail_in(job, "list", error);
                return Ok(None);
            }
        };
        if self.options.with_attributes {
            let read = attributes::read(attributes::Item::Open(fd.as_fd()), &mut worker.names);
            self.take_attributes(read, &mut meta, job);
        }
        self.tally.count(&meta);
        let into = Arc::new(Filling { sink: job.into.sink.folder(job.stored_name())?, meta });
        let tags = self.tags(fd.as_fd(), &path);
        let source = Source { fd, path, device: stat.st_dev, home: job.source.home, tags };
        Ok(Some(Opened { source: Arc::new(source), into, entries }))
    }

    /// Hands over anything but a folder.
    fn visit_item(&self, item: &Job, stat: &Stat, worker: &mut Worker) -> Result<(), SinkError> {
        let Job { source, into, name, .. } = item;
        let mut meta = self.describer.meta(stat);
        let judged = !item.explicit && self.has_meta_rules();
        if judged && self.is_excluded_by_meta(source, &beneath(&source.path, name), stat, &meta) {
            return Ok(());
        }
        match meta.kind {
            // Nobody could be at the other end of a restored socket.
            EntryKind::Socket => return Ok(()),
            EntryKind::Irregular => {
                self.fail_in(item, "back up", Errno::OPNOTSUPP);
                return Ok(());
            }
            EntryKind::Symlink => match rustix::fs::readlinkat(source, name, Vec::new()) {
                Ok(target) => meta.link_target = Some(target.into_bytes()),
                Err(error) => {
                    self.fail_in(item, "readlink", error);
                    return Ok(());
                }
            },
            _ => {}
        }
        if self.options.with_attributes {
            let read = worker.attributes(source, name);
            self.take_attributes(read, &mut meta, item);
        }
        self.tally.count(&meta);
        let content = if meta.kind == EntryKind::File {
            let opener = FileOpener { folder: Arc::clone(source), name: name.clone() };
            Content::Lazy(Box::new(opener), CutHint::ByContent)
        } else {
            Content::None
        };
        into.sink.add(Entry { name: item.stored_name().to_vec(), meta, content })
    }

    /// Keeps what could be read of the attributes and reports the rest; the item itself stays in.
    fn take_attributes(&self, read: Result<attributes::Read, Errno>, meta: &mut Meta, item: &Job) {
        match read {
            Ok(read) => {
                meta.xattrs = read.attributes;
                for (attribute, error) in read.unreadable {
                    self.fail_in(item, &format!("read extended attribute {attribute} of"), error);
                }
            }
            Err(error) => self.fail_in(item, "list extended attributes of", error),
        }
    }

    fn is_excluded_by_name(&self, source: &Source, name: &[u8], worker: &mut Worker) -> bool {
        if source.tags.iter().any(|tag| tag != name) {
            return true;
        }
        if self.options.name_rules.is_empty() {
            return false;
        }
        worker.path.clear();
        extend_beneath(&mut worker.path, &source.path, name);
        self.options.name_rules.iter().any(|rule| rule(&worker.path))
    }

    fn has_meta_rules(&self) -> bool {
        self.options.one_file_system
            || self.options.exclude_larger_than.is_some()
            || !self.options.meta_rules.is_empty()
    }

    fn is_excluded_by_meta(&self, source: &Source, full_path: &[u8], stat: &Stat, meta: &Meta) -> bool {
        let is_folder = meta.kind == EntryKind::Folder;
        if self.options.one_file_system && stat.st_dev != source.home {
            // The folder that another file system is mounted on is still ours.
            let is_mount_point = is_folder && source.device == source.home;
            if !is_mount_point {
                return true;
            }
        }
        if !is_folder && self.options.exclude_larger_than.is_some_and(|most| stat.st_size as u64 > most) {
            return true;
        }
        self.options.meta_rules.iter().any(|rule| rule(full_path, meta))
    }

    /// The tag files in a folder that keep its content out.
    fn tags(&self, folder: BorrowedFd<'_>, full_path: &[u8]) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        for tag in &self.options.exclude_if_present {
            match tag.is_in(folder) {
                Ok(true) => found.push(tag.name.clone()),
                Ok(false) => {}
                Err(problem) => {
                    let path = beneath(full_path, &tag.name);
                    let path = String::from_utf8_lossy(&path);
                    self.events.warning(&format!("exclusion tag file {path} {problem}"));
                }
            }
        }
        found
    }

    /// The file system of the nearest target at or above a path.
    fn home(&self, path: &[u8]) -> Option<u64> {
        let holds = |target: &[u8]| {
            path.strip_prefix(target)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/") || target.ends_with(b"/"))
        };
        let nearest =
            self.homes.iter().filter(|(target, _)| holds(target)).max_by_key(|(target, _)| target.len());
        nearest.map(|(_, device)| *device)
    }

    fn absolute(&self, target: &[u8]) -> Vec<u8> {
        if target.starts_with(b"/") { path::clean(target) } else { path::join(&self.working_folder, target) }
    }

    fn fail_in(&self, job: &Job, action: &str, error: Errno) {
        // A listed item that is not there any more is no failure.
        if error != Errno::NOENT {
            self.fail(&job.into, job.stored_name(), action, &beneath(&job.source.path, &job.name), error);
        }
    }

    fn fail(&self, into: &Filling, stored: &[u8], action: &str, full_path: &[u8], error: Errno) {
        self.tally.count_failure();
        let text = format!("{action} {}: {error}", String::from_utf8_lossy(full_path));
        into.sink.failed(stored, &text);
    }
}

/// Gives a folder back; closes it when nobody else holds it.
fn finish(folder: Arc<Filling>) -> Result<(), SinkError> {
    match Arc::into_inner(folder) {
        Some(Filling { sink, meta }) => sink.close(meta),
        None => Ok(()),
    }
}

fn beneath(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(folder.len() + name.len() + 1);
    extend_beneath(&mut path, folder, name);
    path
}

fn extend_beneath(path: &mut Vec<u8>, folder: &[u8], name: &[u8]) {
    path.extend_from_slice(folder);
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}
