//! The one place where an archive is written, one item at a time.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use backstay_core::{Control, EntryKind, Events, ItemAction, Meta, Opener, Silent, SinkError};
use backstay_mongodump::names::Entry;
use parking_lot::Mutex;

use super::body::{Body, Small, pack};
use super::dump::unfit;
use super::outer::{Outer, Output};
use super::packer::{Packed, Packer};
use super::{Compare, Finished, Intake, Parent, Settings};
use crate::ArchiveError;
use crate::hashing::{HashingReader, sha256};
use crate::manifest::{Format, INSIDE, Item, ItemKind, ItemSpool, Manifest, Sha256Text, Totals};
use crate::press::State;
use crate::zip::Method;

/// Files up to this size are read and compressed where they come from, before it is their turn.
const SMALL: u64 = 1 << 20;

/// The longest path; zip has sixteen bits for it.
const LONGEST_PATH: usize = 60_000;

pub(super) struct Writer {
    state: Mutex<Progress>,
    parent: Option<Parent>,
    format: Format,
    method: Method,
    level: u32,
    pub(super) spool: PathBuf,
    pub(super) control: Control,
    pub(super) events: Arc<dyn Events>,
    name: String,
    packers: Mutex<Vec<State>>,
    failed: AtomicU64,
    pub(super) pushing: AtomicUsize,
}

struct Progress {
    /// Gone once the archive is finished or its output failed.
    open: Option<Open>,
    /// The path under which a file with several names was written and its item, by inode and device.
    originals: HashMap<(u64, u64), Item>,
    totals: Totals,
}

struct Open {
    body: Body,
    items: ItemSpool,
}

impl Writer {
    pub(super) fn new(
        output: Output,
        settings: &Settings,
        manifest: &Manifest,
        parent: Option<Parent>,
        control: Control,
        events: Arc<dyn Events>,
    ) -> Result<Self, ArchiveError> {
        let name = &manifest.name;
        let outer =
            Outer::new(output, settings.recipients.as_ref()).map_err(ArchiveError::io("write", name))?;
        let unmade = || ArchiveError::io("make a file in", settings.spool.display().to_string());
        let items = ItemSpool::new(&settings.spool).map_err(unmade())?;
        let body = Body::new(outer, settings, manifest).map_err(unmade())?;
        let open = Some(Open { body, items });
        Ok(Self {
            state: Mutex::new(Progress { open, originals: HashMap::new(), totals: Totals::default() }),
            parent,
            format: settings.format,
            method: settings.method(),
            level: settings.deflate_level(),
            spool: settings.spool.clone(),
            control,
            events,
            name: name.clone(),
            packers: Mutex::default(),
            failed: AtomicU64::new(0),
            pushing: AtomicUsize::new(0),
        })
    }

    pub(super) fn fail(&self, path: &[u8], error: &str) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.events.item_failed(path, "archival", error);
    }

    /// Whether an item can be in an archive at all.
    fn takes(&self, path: &[u8]) -> bool {
        if path == INSIDE.as_bytes() {
            self.fail(path, "the archive's own manifest has this path");
            return false;
        }
        if path.len() > LONGEST_PATH {
            self.fail(path, "its path is too long for an archive");
            return false;
        }
        true
    }

    /// Writes an item without content.
    pub(super) fn plain(&self, path: &[u8], meta: &Meta) -> Result<(), SinkError> {
        self.control.checkpoint()?;
        if !self.takes(path) {
            return Ok(());
        }
        match meta.kind {
            EntryKind::Socket | EntryKind::Irregular => {
                self.fail(path, "an archive cannot hold an item of this kind");
                return Ok(());
            }
            EntryKind::Folder => {}
            _ if self.format == Format::Mongodump => {
                self.fail(path, "an archive of mongodump holds files only");
                return Ok(());
            }
            EntryKind::BlockDevice | EntryKind::CharDevice | EntryKind::Fifo
                if self.format == Format::Zip =>
            {
                let path = String::from_utf8_lossy(path);
                self.events.warning(&format!("{path}: zip cannot hold it; only the manifest tells of it"));
            }
            _ => {}
        }
        self.write(Item::new(path, meta), |body, _| body.plain(path, meta))?;
        if meta.kind == EntryKind::Folder {
            self.events.folder_done(path, ItemAction::New);
        }
        Ok(())
    }

    /// Lists a file whose source knows that it is as it was.
    pub(super) fn same_as_parent(&self, path: &[u8], meta: &Meta) -> Result<(), SinkError> {
        let Some(parent) = &self.parent else {
            self.fail(path, "an archive has no backup before it to take the content from");
            return Ok(());
        };
        match parent.seen(path, meta) {
            Some(seen) => self.unchanged(path, meta, parent, &seen),
            None => {
                self.fail(path, "the backup before does not have it in this size");
                Ok(())
            }
        }
    }

    /// Writes a file, or lists it where it is as it was.
    pub(super) fn file(&self, path: &[u8], meta: &Meta, opener: Box<dyn Opener>) -> Result<(), SinkError> {
        self.take(path, meta, opener, &*self.events)
    }

    /// The same with content that was put aside, and counted as it came.
    pub(super) fn spooled(&self, path: &[u8], meta: &Meta, opener: Box<dyn Opener>) -> Result<(), SinkError> {
        self.take(path, meta, opener, &Silent)
    }

    /// Writes a file; `read` hears of each byte.
    fn take(
        &self,
        path: &[u8],
        meta: &Meta,
        opener: Box<dyn Opener>,
        read: &dyn Events,
    ) -> Result<(), SinkError> {
        self.control.checkpoint()?;
        if !self.takes(path) {
            return Ok(());
        }
        self.events.file_started(path);
        if let Some(parent) = &self.parent
            && let Some(seen) = parent.seen(path, meta)
        {
            let is_same = match parent.compare() {
                Compare::Times => seen.has_times_of(meta),
                Compare::Content => {
                    opener.duplicate().is_some_and(|twin| self.hash_of(twin) == Some(seen.hash()))
                }
            };
            if is_same {
                if opener.amends() {
                    let meta = Meta { xattrs: parent.attributes(path), ..meta.clone() };
                    return self.unchanged(path, &meta, parent, &seen);
                }
                return self.unchanged(path, meta, parent, &seen);
            }
        }
        if self.link(path, meta)? {
            return Ok(());
        }
        let mut meta = meta.clone();
        let may_be_gone = opener.amends();
        let mut content = match opener.open_with(&mut meta) {
            Ok(content) => content,
            Err(error) if may_be_gone && error.kind() == io::ErrorKind::NotFound => {
                self.events.message(&format!("{}: it was removed meanwhile", String::from_utf8_lossy(path)));
                return Ok(());
            }
            Err(error) => {
                self.fail(path, &format!("cannot open it: {error}"));
                return Ok(());
            }
        };
        let (item, trouble) = if meta.size <= SMALL {
            self.small(path, &meta, (&mut *content, read))?
        } else {
            self.large(path, &meta, (&mut *content, read))?
        };
        self.events.file_done(path, ItemAction::New, item.size, item.size);
        if let Some(trouble) = trouble {
            self.fail(path, &trouble);
        }
        Ok(())
    }

    /// What compresses a content as it comes; nothing where the format takes contents in one by one.
    pub(super) fn packer(&self, path: &[u8]) -> io::Result<Option<Packer>> {
        let is_packed = self.format == Format::Mongodump && matches!(Entry::at(path), Entry::Documents(_));
        is_packed.then(|| Packer::new(&self.spool, self.level)).transpose()
    }

    /// Writes documents that are compressed already.
    pub(super) fn packed(&self, path: &[u8], meta: &Meta, packed: Packed) -> Result<(), SinkError> {
        self.control.checkpoint()?;
        let mut item = Item::new(path, meta);
        (item.size, item.sha256) = (packed.size, Some(Sha256Text(packed.hash)));
        let item = self.write(item, |body, _| body.packed(path, packed))?;
        self.events.file_done(path, ItemAction::New, item.size, item.size);
        Ok(())
    }

    fn hash_of(&self, opener: Box<dyn Opener>) -> Option<backstay_core::FileId> {
        let mut reader = HashingReader::new(opener.open().ok()?);
        let mut buffer = vec![0; 256 << 10];
        loop {
            self.control.checkpoint().ok()?;
            match reader.read(&mut buffer) {
                Ok(0) => return Some(reader.finish().1),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }

    fn unchanged(
        &self,
        path: &[u8],
        meta: &Meta,
        parent: &Parent,
        seen: &super::parent::Seen,
    ) -> Result<(), SinkError> {
        let mut item = Item::new(path, meta);
        item.sha256 = Some(Sha256Text(seen.hash()));
        item.archive = parent.archive(seen);
        if meta.is_hard_linked() {
            let mut state = self.state.lock();
            match state.originals.get(&(meta.inode, meta.device_id)) {
                Some(original) => item.hard_link = Some(original.path.clone()),
                None => drop(state.originals.insert((meta.inode, meta.device_id), item.clone())),
            }
        }
        self.write(item, |_, _| Ok(()))?;
        self.events.bytes_done(meta.size);
        self.events.file_done(path, ItemAction::Unchanged, meta.size, 0);
        Ok(())
    }

    /// Writes a further name of a file that is in a tar archive. False where there is no such file.
    fn link(&self, path: &[u8], meta: &Meta) -> Result<bool, SinkError> {
        if self.format != Format::TarZst || !meta.is_hard_linked() {
            return Ok(false);
        }
        let original = self.state.lock().originals.get(&(meta.inode, meta.device_id)).cloned();
        let Some(original) = original.filter(|original| original.archive.is_none()) else { return Ok(false) };
        let mut item = Item::new(path, meta);
        (item.size, item.sha256) = (original.size, original.sha256);
        item.hard_link = Some(original.path.clone());
        self.write(item, |body, _| body.hard_link(path, meta, &original.path.0))?;
        self.events.file_done(path, ItemAction::New, meta.size, 0);
        Ok(true)
    }

    /// Reads a small file, then writes it.
    fn small(
        &self,
        path: &[u8],
        meta: &Meta,
        (content, read): (&mut dyn Read, &dyn Events),
    ) -> Result<(Item, Option<String>), SinkError> {
        let mut bytes = Vec::with_capacity(usize::try_from(meta.size).unwrap_or(0));
        let mut intake = Intake::new(content, meta.size, false, &self.control, read);
        intake.read_to_end(&mut bytes).map_err(|error| self.broken(error))?;
        let (count, _, trouble) = intake.finish();
        let mut item = Item::new(path, meta);
        item.size = count;
        item.sha256 = Some(Sha256Text(sha256(&bytes)));
        item.problem.clone_from(&trouble);
        let packed = match self.format {
            Format::TarZst | Format::Mongodump => None,
            Format::Zip => {
                let mut packer = self.packers.lock().pop();
                let packed = pack(self.method, &mut packer, &bytes).map_err(|error| self.broken(error))?;
                self.packers.lock().extend(packer);
                Some(packed)
            }
        };
        let small = Small { bytes, packed };
        let item = self.content(item, meta, |body, _| body.small(path, meta, &small))?;
        Ok((item, trouble))
    }

    /// Writes a large file as it is read.
    fn large(
        &self,
        path: &[u8],
        meta: &Meta,
        (content, read): (&mut dyn Read, &dyn Events),
    ) -> Result<(Item, Option<String>), SinkError> {
        let pads = self.format == Format::TarZst;
        let mut trouble = None;
        let item = self.content(Item::new(path, meta), meta, |body, item| {
            let mut intake = Intake::new(content, meta.size, pads, &self.control, read);
            body.large(path, meta, &mut intake)?;
            let (count, hash, found) = intake.finish();
            item.size = count;
            item.sha256 = Some(Sha256Text(hash));
            trouble = found.map(|why| if pads { format!("{why}; zeros stand for the rest") } else { why });
            item.problem.clone_from(&trouble);
            Ok(())
        })?;
        Ok((item, trouble))
    }

    /// Writes a file with its content, noting that it may have further names.
    fn content(
        &self,
        mut item: Item,
        meta: &Meta,
        write: impl FnOnce(&mut Body, &mut Item) -> io::Result<()>,
    ) -> Result<Item, SinkError> {
        let mut state = self.state.lock();
        let group = meta.is_hard_linked().then_some((meta.inode, meta.device_id));
        if let Some(original) = group.and_then(|group| state.originals.get(&group)) {
            item.hard_link = Some(original.path.clone());
        }
        let item = self.write_locked(&mut state, item, write)?;
        if let Some(group) = group {
            state.originals.entry(group).or_insert_with(|| item.clone());
        }
        Ok(item)
    }

    fn write(
        &self,
        item: Item,
        write: impl FnOnce(&mut Body, &mut Item) -> io::Result<()>,
    ) -> Result<Item, SinkError> {
        self.write_locked(&mut self.state.lock(), item, write)
    }

    fn write_locked(
        &self,
        state: &mut Progress,
        mut item: Item,
        write: impl FnOnce(&mut Body, &mut Item) -> io::Result<()>,
    ) -> Result<Item, SinkError> {
        let open = state.open.as_mut().ok_or_else(ended)?;
        let written = write(&mut open.body, &mut item).and_then(|()| open.items.push(&item));
        if let Err(error) = written {
            // Half an item is in the output: nothing sound can follow it.
            state.open = None;
            return Err(self.broken(error));
        }
        count(&mut state.totals, &item);
        Ok(item)
    }

    /// Documents that are not what the format takes, or cannot be kept.
    pub(super) fn unfit(&self, path: &[u8], error: io::Error) -> SinkError {
        self.broken(unfit(path, error))
    }

    fn broken(&self, error: io::Error) -> SinkError {
        ArchiveError::io("write", &self.name)(error).into()
    }

    pub(super) fn finish(&self, mut manifest: Manifest) -> Result<Finished, ArchiveError> {
        self.control.checkpoint()?;
        let mut state = self.state.lock();
        let broken = || ArchiveError::io("write", &self.name);
        let Open { body, items } = state.open.take().ok_or_else(|| broken()(io::Error::other(ENDED)))?;
        manifest.totals = Totals { failed: self.failed.load(Ordering::Relaxed), ..state.totals };
        let meta = Meta {
            permissions: 0o600,
            modified: manifest.created,
            accessed: manifest.created,
            ..Meta::default()
        };
        let spooled = items.finish(&manifest).map_err(broken())?;
        let (size, sha256) = body.finish(spooled, &meta).map_err(broken())?;
        Ok(Finished { manifest: manifest.beside(size, sha256), size, sha256 })
    }
}

fn count(totals: &mut Totals, item: &Item) {
    match item.kind {
        ItemKind::File => {
            totals.files += 1;
            totals.bytes += item.size;
            if item.archive.is_none() {
                totals.stored_files += 1;
                totals.stored_bytes += item.size;
            }
        }
        ItemKind::Folder => totals.folders += 1,
        _ => totals.others += 1,
    }
}

const ENDED: &str = "the archive is finished, or its output failed before";

fn ended() -> SinkError {
    SinkError::failed(ENDED)
}
