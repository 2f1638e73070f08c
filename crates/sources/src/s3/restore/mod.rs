//! A bucket as the target of a restore.
//!
//! Content may come in any order and from many threads, and an object is written in one go: so it is kept until it is whole, in memory or
//! in a file without a name, and then sent. Each object is compared with what the service says it has stored, and at the end with a new
//! listing. What a restore replaces or removes is copied beside first, below a prefix of its own, unless the bucket keeps versions, and is
//! removed there once all that was restored is found to be right.

mod replaced;
mod sending;
mod staging;
mod there;

use std::collections::{HashMap, HashSet};
use std::io::Error;
use std::path::PathBuf;
use std::sync::Arc;

use backstay_core::{
    Control, EntryKind, ErrorKind, Events, Meta, RestoreTarget, StorageError, TargetError, TargetFile,
};
use parking_lot::Mutex;

use self::sending::{Job, Senders};
use self::staging::Staged;
use self::there::There;
use super::keys::{is_askable, key_of};
use super::{Bucket, CaptureOptions};

/// Objects that are sent at once.
const SENDERS: usize = 12;
/// Bytes that a key may have.
const LONGEST_KEY: usize = 1024;
/// Where restores put aside what they replace, below the prefix that they restore to.
pub const ASIDE: &str = ".backstay-replaced/";

/// How objects are restored.
#[derive(Debug, Clone)]
pub struct TargetOptions {
    /// The folder that the paths of all objects lie in, which is no part of their keys; empty for none.
    pub root: Vec<u8>,
    /// What the keys of all restored objects begin with.
    pub prefix: String,
    /// Where content waits that is too long for memory.
    pub spool: PathBuf,
    /// The engine is to look at what is there: it may leave it alone.
    pub shows_existing: bool,
    /// Nothing is written: it is only found out what would be.
    pub looks_only: bool,
    /// What replaced objects are copied to: a prefix. None to let them go.
    pub aside: Option<String>,
    /// What of the keys below the prefix is removed that is not restored, once all that is restored is right.
    pub remove: Vec<Extra>,
    /// What was left out of the backup on purpose is spared: the rules that it was made by, and the bucket's name in them.
    pub spare: Option<(CaptureOptions, String)>,
}

/// Keys that may be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extra {
    /// This one.
    Key(String),
    /// All that begin so.
    Prefix(String),
}

/// What was restored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetReport {
    /// Objects that were written.
    pub written: u64,
    /// Objects that were there already, with this content and what belongs to it.
    pub unchanged: u64,
    /// Objects that took the place of others.
    pub replaced: u64,
    /// Objects that were removed.
    pub removed: u64,
    /// Objects that were compared after they were written, and are right.
    pub verified: u64,
    /// Objects that could not be written, or are not as they should be. Each was told, up to what ended all.
    pub failures: u64,
    /// Why nothing more was written: the bucket is full, or takes nothing from our key.
    pub ended: Option<(ErrorKind, String)>,
    /// Where the replaced ones are still, if they are.
    pub kept_at: Option<String>,
}

/// What a restore would come upon.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Foreseen {
    /// Objects whose keys are there already: they would be compared, and written where they differ.
    pub there: u64,
    /// Objects that would be removed.
    pub removed: u64,
}

/// A bucket that is restored into.
pub struct BucketTarget(Arc<Shared>);

/// What the target and the objects that are open share.
struct Shared {
    inner: Arc<Inner>,
    senders: Senders,
    /// Content that is not whole yet, by key.
    staged: Mutex<HashMap<String, Arc<Staged>>>,
}

/// What those who send need.
struct Inner {
    bucket: Bucket,
    options: TargetOptions,
    control: Control,
    events: Arc<dyn Events>,
    there: There,
    done: Mutex<Done>,
}

#[derive(Default)]
struct Done {
    report: TargetReport,
    /// The keys that are restored, where others are removed or nothing is written.
    kept: HashSet<String>,
    written: Vec<Written>,
    /// Copies of what was replaced, by their keys.
    aside: Vec<String>,
}

/// An object that was written.
struct Written {
    key: String,
    size: u64,
    etag: String,
    /// What its content has to be, where the service's ETag does not tell.
    sha256: Option<[u8; 32]>,
}

impl BucketTarget {
    /// Looks what is in the bucket below the prefix, and gets ready to write.
    ///
    /// # Errors
    /// When the bucket cannot be listed.
    pub fn open(
        bucket: &Bucket,
        options: TargetOptions,
        control: &Control,
        events: &Arc<dyn Events>,
    ) -> Result<Self, StorageError> {
        let mut options = options;
        let there = There::list(bucket, &options.prefix, control)?;
        if !there.is_empty()
            && options.aside.is_some()
            && bucket.probe(&options.prefix, control)?.is_versioned
        {
            options.aside = None;
        }
        let inner = Arc::new(Inner {
            bucket: bucket.clone(),
            options,
            control: control.clone(),
            events: Arc::clone(events),
            there,
            done: Mutex::default(),
        });
        let senders = Senders::start(&inner, SENDERS);
        Ok(Self(Arc::new(Shared { inner, senders, staged: Mutex::default() })))
    }

    /// What would come of all that was asked for, where nothing is written.
    #[must_use]
    pub fn foresee(self) -> Foreseen {
        self.0.senders.finish();
        let kept = std::mem::take(&mut self.0.inner.done.lock().kept);
        let there = kept.iter().filter(|key| self.0.inner.there.get(key).is_some()).count() as u64;
        Foreseen { there, removed: self.0.inner.others(&kept).len() as u64 }
    }

    /// Waits until all is written, and compares it with what the bucket lists. Where something failed before it came here, nothing is
    /// removed, and what was replaced stays beside.
    ///
    /// # Errors
    /// When the bucket cannot be listed, or the work is cancelled. What is wrong with single objects is told and counted.
    pub fn finish(self, failed_before: u64) -> Result<TargetReport, StorageError> {
        self.0.senders.finish();
        self.0.inner.finish(failed_before)
    }
}

impl Shared {
    fn key(&self, action: &'static str, path: &[u8]) -> Result<String, TargetError> {
        let failed =
            |why: &'static str| TargetError { action, path: path.to_vec(), cause: Error::other(why) };
        let root = &self.inner.options.root;
        let below = match root.as_slice() {
            b"" => Some(path),
            root => path.strip_prefix(root).and_then(|rest| rest.strip_prefix(b"/")),
        };
        let below = below.ok_or_else(|| failed("it does not lie in the folder of the bucket"))?;
        let key = String::from_utf8(key_of(below));
        let key = key.map_err(|_| failed("no object can have this key: it is no text in UTF-8"))?;
        let key = format!("{}{key}", self.inner.options.prefix);
        match (key.len(), is_askable(&key)) {
            (0, _) => Err(failed("an object has to have a key")),
            (1..=LONGEST_KEY, true) => Ok(key),
            (_, true) => Err(failed("its key has more than 1024 bytes")),
            (_, false) => {
                Err(failed("a part of its key is `.` or `..`, and no address of HTTP can have such a part"))
            }
        }
    }

    /// Has the content of an object sent, which is whole.
    fn send(&self, key: &str, path: &[u8], meta: &Meta) -> std::io::Result<()> {
        let Some(content) = self.staged.lock().remove(key) else {
            return Err(Error::other("nothing was written of it"));
        };
        let (key, path, attributes) = (key.to_owned(), path.to_vec(), meta.xattrs.clone());
        self.senders.send(Job { key, path, content, attributes })
    }
}

/// An object whose content is coming in.
struct Incoming {
    shared: Arc<Shared>,
    path: Vec<u8>,
    key: String,
    content: Arc<Staged>,
}

impl TargetFile for Incoming {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.content.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.content.write_at(offset, data)
    }

    fn set_metadata(&self, meta: &Meta) -> std::io::Result<()> {
        self.shared.send(&self.key, &self.path, meta)
    }
}

/// An object that is there, and taken for another one.
struct Different;

impl TargetFile for Different {
    fn read_at(&self, _: u64, _: &mut [u8]) -> std::io::Result<usize> {
        Ok(0)
    }

    fn write_at(&self, _: u64, _: &[u8]) -> std::io::Result<()> {
        Err(Error::other("it was opened to be read"))
    }

    fn set_metadata(&self, _: &Meta) -> std::io::Result<()> {
        Err(Error::other("it was opened to be read"))
    }
}

impl RestoreTarget for BucketTarget {
    fn existing(&self, path: &[u8]) -> Result<Option<Meta>, TargetError> {
        let shared = &self.0;
        let there = &shared.inner.there;
        let folder = Meta { kind: EntryKind::Folder, ..Meta::default() };
        if shared.inner.options.root.starts_with(path) {
            return Ok(Some(folder));
        }
        let key = shared.key("look at", path)?;
        shared.inner.keep(&key);
        if shared.inner.options.shows_existing
            && let Some(object) = there.get(&key)
        {
            return Ok(Some(object.meta()));
        }
        Ok(there.has_below(&format!("{key}/")).then_some(folder))
    }

    fn names(&self, _: &[u8]) -> Result<Vec<Vec<u8>>, TargetError> {
        // What is to be removed is found out at the end: an object and a folder of one name are no more in each other's way than others.
        Ok(Vec::new())
    }

    fn make_folder(&self, _: &[u8]) -> Result<(), TargetError> {
        Ok(())
    }

    fn open_file(&self, path: &[u8], size: u64) -> Result<Box<dyn TargetFile>, TargetError> {
        let shared = Arc::clone(&self.0);
        let key = shared.key("open", path)?;
        shared.inner.keep(&key);
        let failed = |cause| TargetError { action: "keep the content of", path: path.to_vec(), cause };
        let mut staged = shared.staged.lock();
        let content = match staged.get(&key) {
            Some(content) => Arc::clone(content),
            None => {
                let content = Arc::new(Staged::new(size, &shared.inner.options.spool).map_err(failed)?);
                staged.insert(key.clone(), Arc::clone(&content));
                content
            }
        };
        drop(staged);
        Ok(Box::new(Incoming { shared, path: path.to_vec(), key, content }))
    }

    fn read_file(&self, _: &[u8]) -> Result<Box<dyn TargetFile>, TargetError> {
        // What is compared with it differs: it is written anew, unless the service says that it is the same.
        Ok(Box::new(Different))
    }

    fn make_special(&self, path: &[u8], _: &Meta) -> Result<(), TargetError> {
        let cause = Error::other("a bucket holds objects only, no links and no devices");
        Err(TargetError { action: "restore", path: path.to_vec(), cause })
    }

    fn hard_link(&self, _: &[u8], path: &[u8]) -> Result<(), TargetError> {
        let cause = Error::other("a bucket knows no links");
        Err(TargetError { action: "restore", path: path.to_vec(), cause })
    }

    fn set_metadata(&self, path: &[u8], meta: &Meta) -> Result<(), TargetError> {
        if meta.kind != EntryKind::File {
            return Ok(());
        }
        let key = self.0.key("send", path)?;
        self.0.send(&key, path, meta).map_err(|cause| TargetError {
            action: "send",
            path: path.to_vec(),
            cause,
        })
    }

    fn remove(&self, path: &[u8]) -> Result<(), TargetError> {
        let cause = Error::other("what is not restored is removed at the end");
        Err(TargetError { action: "remove", path: path.to_vec(), cause })
    }
}
