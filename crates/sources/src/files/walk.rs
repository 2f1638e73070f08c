//! The walk: a few threads, a stack of folders, one `stat` for each item.
//!
//! Every item is reached by its name in a folder that is held open, never by its path, so that trees
//! deeper than the longest path can be walked and nothing is taken for another thing that was moved in
//! its place. A folder in the sink is closed once its entries are handed over and each folder in it has
//! been opened; until then its children hold it. So the number of open folders is the depth of the tree
//! and what the sink has waiting.

use std::os::fd::AsFd;
use std::sync::Arc;

use backstay_core::{Content, Control, Entry, EntryKind, Events, Meta, Sink, SinkError};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::capture::CaptureOptions;
use super::opener::{FileOpener, quiet_open};
use super::selection::Selection;
use super::source::{Source, beneath};
use super::stat::{Describer, kind};
use super::targets::Place;
use super::worker::Worker;
use super::{attributes, listing, path};
use crate::filling::{Filling, finish};
use crate::queue::Queue;
use crate::report::Tally;

/// How many items of a folder are looked at before they are handed over.
const BATCH: usize = 256;

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

type Jobs = Queue<Job, SinkError>;

pub(super) struct Walk<'a> {
    options: &'a CaptureOptions,
    tally: &'a Tally,
    control: &'a Control,
    selection: Selection<'a>,
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
        let selection = Selection::new(options, events, working_folder, targets);
        Self { options, tally, control, selection, describer: Describer::new(options.with_atime) }
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
        let absolute = self.selection.absolute(target);
        let home = self.selection.home(&absolute).unwrap_or(device);
        let path = path::split(&absolute).0.to_vec();
        let tags = if explicit { Vec::new() } else { self.selection.tags(fd.as_fd(), &path) };
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
        if job.explicit || !self.selection.is_excluded_by_name(&job.source, &job.name, &mut worker.path) {
            match rustix::fs::statat(&job.source, &job.name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) if kind(&stat) == EntryKind::Folder => return self.visit_folder(job, jobs, worker),
                Ok(stat) => {
                    let Some(meta) = self.look(&job, &stat) else { return finish(job.into) };
                    let source = Arc::clone(&job.source);
                    return self.hand_over(&source, vec![(job, meta)], worker);
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
            if self.selection.is_excluded_by_name(&source, &name, &mut worker.path) {
                continue;
            }
            match hint {
                FileType::Directory => folders.push(job(name, hint)),
                _ => items.push(name),
            }
        }
        jobs.push(folders.into_iter().rev());
        let mut items = items.into_iter();
        while items.len() > 0 {
            let mut found = Vec::with_capacity(items.len().min(BATCH));
            for name in items.by_ref().take(BATCH) {
                self.control.checkpoint()?;
                let item = job(name, FileType::Unknown);
                match rustix::fs::statat(&source, &item.name, AtFlags::SYMLINK_NOFOLLOW) {
                    // Some file systems do not tell folders in their listings.
                    Ok(stat) if kind(&stat) == EntryKind::Folder => {
                        jobs.push([Job { hint: FileType::Directory, ..item }]);
                    }
                    Ok(stat) => found.extend(self.look(&item, &stat).map(|meta| (item, meta))),
                    Err(error) => self.fail_in(&item, "lstat", error),
                }
            }
            self.hand_over(&source, found, worker)?;
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
        if !job.explicit && self.selection.is_excluded_by_meta(&job.source, &path, &stat, &meta) {
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
        let tags = self.selection.tags(fd.as_fd(), &path);
        let source = Source { fd, path, device: stat.st_dev, home: job.source.home, tags };
        Ok(Some(Opened { source: Arc::new(source), into, entries }))
    }

    /// The metadata of anything but a folder; nothing when it stays out.
    fn look(&self, item: &Job, stat: &Stat) -> Option<Meta> {
        let Job { source, name, .. } = item;
        let mut meta = self.describer.meta(stat);
        if !item.explicit
            && self.selection.has_meta_rules()
            && self.selection.is_excluded_by_meta(source, &beneath(&source.path, name), stat, &meta)
        {
            return None;
        }
        match meta.kind {
            // Nobody could be at the other end of a restored socket.
            EntryKind::Socket => return None,
            EntryKind::Irregular => {
                self.fail_in(item, "back up", Errno::OPNOTSUPP);
                return None;
            }
            EntryKind::Symlink => match rustix::fs::readlinkat(source, name, Vec::new()) {
                Ok(target) => meta.link_target = Some(target.into_bytes()),
                Err(error) => {
                    self.fail_in(item, "readlink", error);
                    return None;
                }
            },
            _ => {}
        }
        Some(meta)
    }

    /// Reads the attributes of items of one folder and gives the items to the sink.
    fn hand_over(
        &self,
        source: &Source,
        mut items: Vec<(Job, Meta)>,
        worker: &mut Worker,
    ) -> Result<(), SinkError> {
        if self.options.with_attributes && !items.is_empty() {
            worker.within(source, |reader| {
                for (item, meta) in &mut items {
                    self.take_attributes(reader.read(&item.name), meta, item);
                }
            });
        }
        for (item, meta) in items {
            self.control.checkpoint()?;
            self.tally.count(&meta);
            let Job { source, into, name, stored, .. } = item;
            let stored = stored.unwrap_or_else(|| name.clone());
            let content = if meta.kind == EntryKind::File {
                let identity = (meta.device_id, meta.inode);
                let opener = FileOpener { folder: source, name, identity };
                Content::Lazy(Box::new(opener), self.options.cut.clone())
            } else {
                Content::None
            };
            into.sink.add(Entry { name: stored, meta, content })?;
            finish(into)?;
        }
        Ok(())
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

    fn fail_in(&self, job: &Job, action: &str, error: Errno) {
        // A listed item that is not there any more is no failure; one that somebody named is.
        if error != Errno::NOENT || job.explicit {
            self.fail(&job.into, job.stored_name(), action, &beneath(&job.source.path, &job.name), error);
        }
    }

    fn fail(&self, into: &Filling, stored: &[u8], action: &str, full_path: &[u8], error: Errno) {
        self.tally.count_failure();
        let text = format!("{action} {}: {error}", String::from_utf8_lossy(full_path));
        into.sink.failed(stored, &text);
    }
}
