//! Listing a bucket, and handing its objects over: both by several hands.
//!
//! A level that has some folders is listed folder by folder, at once; one that has very many, or none, as one stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use backstay_core::sink::escape_name;
use backstay_core::{
    CallContext, Content, Control, CutHint, Entry, EntryKind, ErrorKind, Events, Meta, Sink, SinkError,
    StorageError, Timestamp,
};
use backstay_net::s3::client::Call;
use backstay_net::s3::listing::Object;
use backstay_net::text::moment;
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use super::Bucket;
use super::capture::{CaptureError, CaptureOptions};
use super::content::{ObjectOpener, Reader};
use super::layout::{Layout, LayoutError, Placed};
use crate::filling::{Filling, finish};
use crate::queue::Queue;
use crate::report::Tally;

/// Objects that are listed and not handed over yet.
const AHEAD: usize = 1024;
/// Hands that list, and hands that hand over: where the sink reads an object while it takes it, as many are read at once.
const LISTERS: usize = 4;
const FEEDERS: usize = 8;
/// A level with more folders is not listed folder by folder: most of them may have little in them.
const MOST_FOLDERS: usize = 200;

pub(super) struct Walk<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) options: &'a CaptureOptions,
    pub(super) reader: Arc<Reader>,
    pub(super) control: &'a Control,
    pub(super) events: &'a dyn Events,
    pub(super) tally: &'a Tally,
    /// What is listed so far.
    pub(super) objects: AtomicU64,
    pub(super) bytes: AtomicU64,
}

/// A listed object, with its whole key.
struct Listed {
    key: String,
    object: Object,
}

/// A level to be listed, and the folder that it goes to.
struct Job {
    prefix: String,
    into: Arc<Filling>,
}

type Jobs = Queue<Job, CaptureError>;

/// Why a feeder stopped.
#[derive(Default)]
struct Stop {
    is_set: AtomicBool,
    error: Mutex<Option<SinkError>>,
}

impl Walk<'_> {
    pub(super) fn run(&self, sink: &dyn Sink) -> Result<(), CaptureError> {
        let root = sink.root()?;
        let bucket = root.folder(&escape_name(self.bucket.name.as_bytes()))?;
        let bucket = Arc::new(Filling { sink: bucket, meta: folder() });
        root.close(folder())?;
        let (sender, receiver) = bounded(AHEAD);
        let stop = Stop::default();
        let listed = std::thread::scope(|scope| {
            for _ in 0..FEEDERS {
                let receiver = receiver.clone();
                scope.spawn(|| self.feed(receiver, &stop));
            }
            drop(receiver);
            let listed = self.list(bucket, &sender, &stop);
            if listed.is_err() {
                // What is listed and not handed over yet is of no use to anybody.
                stop.is_set.store(true, Ordering::Relaxed);
            }
            drop(sender);
            listed
        });
        if let Some(error) = stop.error.lock().take() {
            return Err(error.into());
        }
        listed?;
        if let Some(why) = self.reader.lost.get() {
            return Err(CaptureError::Lost(why.clone()));
        }
        let (objects, bytes) = (self.objects.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        self.events.totals(objects, bytes, true);
        Ok(())
    }

    fn list(
        &self,
        bucket: Arc<Filling>,
        sender: &Sender<Placed<Listed>>,
        stop: &Stop,
    ) -> Result<(), CaptureError> {
        let prefixes = minimal(&self.options.prefixes);
        match prefixes.as_slice() {
            [prefix] if prefix.is_empty() || prefix.ends_with('/') => {
                let mut into = bucket;
                for name in prefix.split_terminator('/') {
                    let sink = into.sink.folder(&escape_name(name.as_bytes()))?;
                    finish(into)?;
                    into = Arc::new(Filling { sink, meta: folder() });
                }
                let jobs = Jobs::new();
                jobs.push([Job { prefix: prefix.clone(), into }]);
                jobs.work(LISTERS, || (), |(), job| self.level(job, &jobs, sender, stop))
            }
            prefixes => {
                // The keys below prefixes in order, none of which begins with another, are in order.
                let mut layout = Layout::new(bucket, folder());
                for prefix in prefixes {
                    self.stream(prefix, &mut |listed| {
                        Ok(layout.add(&listed.key.clone().into_bytes(), listed, &mut |placed| {
                            hand_on(sender, stop, placed)
                        })?)
                    })?;
                }
                Ok(layout.finish(&mut |placed| hand_on(sender, stop, placed))?)
            }
        }
    }

    /// Lists a level: folder by folder where that pays.
    fn level(
        &self,
        job: Job,
        jobs: &Jobs,
        sender: &Sender<Placed<Listed>>,
        stop: &Stop,
    ) -> Result<(), CaptureError> {
        let Job { prefix, into } = job;
        let call = Call::new(CallContext::with(self.control), "list", self.bucket);
        let level = self.client_call(|| self.bucket.client.level(call, &prefix))?;
        let below = |name: &str| name.get(prefix.len()..).unwrap_or_default().to_owned();
        let mut each = |placed| hand_on(sender, stop, placed);
        if !level.is_whole || level.folders.is_empty() || level.folders.len() > MOST_FOLDERS {
            let mut layout = Layout::new(into, folder());
            self.stream(&prefix, &mut |listed| {
                let name = below(&listed.key);
                Ok(layout.add(name.as_bytes(), listed, &mut each)?)
            })?;
            return Ok(layout.finish(&mut each)?);
        }
        let folders: Vec<_> = level.folders.iter().map(|name| below(name)).collect();
        for (key, object) in level.objects {
            self.count(&object);
            let name = below(&key);
            let is_beside = folders.iter().any(|folder| folder.strip_suffix('/') == Some(&name));
            let mut stored = escape_name(name.as_bytes());
            if is_beside {
                stored.push(b'%');
            }
            each(Placed { into: Arc::clone(&into), name: stored, object: Listed { key, object } })?;
        }
        for name in folders.iter().rev() {
            let name = name.strip_suffix('/').unwrap_or(name);
            let sink = into.sink.folder(&escape_name(name.as_bytes()))?;
            let prefix = format!("{prefix}{name}/");
            jobs.push([Job { prefix, into: Arc::new(Filling { sink, meta: folder() }) }]);
        }
        Ok(finish(into)?)
    }

    /// Lists all that begins so.
    fn stream(
        &self,
        prefix: &str,
        each: &mut dyn FnMut(Listed) -> Result<(), CaptureError>,
    ) -> Result<(), CaptureError> {
        let call = Call::new(CallContext::with(self.control), "list", self.bucket);
        let mut failed = None;
        let outcome = self.bucket.client.objects(call, prefix, &mut |key, object| {
            self.count(object);
            let listed = Listed { key: key.to_owned(), object: object.clone() };
            let taken = self.control.checkpoint().map_err(CaptureError::from).and_then(|()| each(listed));
            taken.map_err(|error| {
                failed = Some(error);
                StorageError::new(ErrorKind::Cancelled, "list", self.bucket, Ended)
            })
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(outcome?),
        }
    }

    fn client_call<T>(&self, ask: impl FnOnce() -> Result<T, StorageError>) -> Result<T, CaptureError> {
        self.control.checkpoint().map_err(SinkError::from)?;
        Ok(ask()?)
    }

    fn count(&self, object: &Object) {
        let objects = self.objects.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes = self.bytes.fetch_add(object.size, Ordering::Relaxed).saturating_add(object.size);
        if objects.is_multiple_of(1000) {
            self.events.totals(objects, bytes, false);
        }
    }

    fn feed(&self, objects: Receiver<Placed<Listed>>, stop: &Stop) {
        let mut excluded = Excluded::default();
        for placed in objects {
            if stop.is_set.load(Ordering::Relaxed) || self.reader.lost.get().is_some() {
                continue;
            }
            if let Err(error) = self.hand_over(placed, &mut excluded) {
                stop.error.lock().get_or_insert(error);
                stop.is_set.store(true, Ordering::Relaxed);
            }
        }
    }

    fn hand_over(&self, placed: Placed<Listed>, excluded: &mut Excluded) -> Result<(), SinkError> {
        let Placed { into, name, object: Listed { key, object } } = placed;
        self.control.checkpoint()?;
        let is_large = self.options.exclude_larger_than.is_some_and(|most| object.size > most);
        if is_large || excluded.holds(self.options, &self.bucket.name, &key) {
            return finish(into);
        }
        let written = moment(&object.last_modified).unwrap_or_default();
        let meta = Meta {
            kind: EntryKind::File,
            permissions: 0o600,
            modified: written,
            accessed: written,
            changed: written,
            inode: number(&object.etag),
            size: object.size,
            links: 1,
            ..Meta::default()
        };
        self.tally.count(&meta);
        let (size, etag) = (object.size, object.etag);
        let opener = ObjectOpener { reader: Arc::clone(&self.reader), key, etag, size, begun: None };
        into.sink.add(Entry { name, meta, content: Content::Lazy(Box::new(opener), CutHint::ByContent) })?;
        finish(into)
    }
}

/// Ends a listing that nobody wants any more.
#[derive(Debug, thiserror::Error)]
#[error("nothing more is wanted of it")]
struct Ended;

fn hand_on(sender: &Sender<Placed<Listed>>, stop: &Stop, placed: Placed<Listed>) -> Result<(), SinkError> {
    if stop.is_set.load(Ordering::Relaxed) || sender.send(placed).is_err() {
        return Err(SinkError::failed(Ended));
    }
    Ok(())
}

impl From<LayoutError> for CaptureError {
    fn from(error: LayoutError) -> Self {
        match error {
            LayoutError::Sink(error) => Self::Sink(error),
            error @ LayoutError::Order(..) => Self::Order(error.to_string()),
        }
    }
}

/// Whether keys are left out, with what is known of the folder of the last one.
#[derive(Default)]
pub(super) struct Excluded {
    folder: String,
    is_out: bool,
}

impl Excluded {
    pub(super) fn holds(&mut self, options: &CaptureOptions, bucket: &str, key: &str) -> bool {
        let Some(rules) = options.exclude.as_ref().filter(|rules| !rules.is_empty()) else { return false };
        let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
        if self.folder != folder {
            let mut path = format!("/{bucket}");
            self.is_out = folder.split('/').any(|name| {
                path.push('/');
                path.push_str(name);
                rules.is_match(path.as_bytes())
            });
            folder.clone_into(&mut self.folder);
        }
        self.is_out || rules.is_match(format!("/{bucket}/{key}").as_bytes())
    }
}

/// The prefixes without those that begin with another, in order; nothing stands for all keys.
fn minimal(prefixes: &[String]) -> Vec<String> {
    let mut sorted = prefixes.to_vec();
    sorted.sort();
    let mut kept = Vec::<String>::new();
    for prefix in sorted {
        if !kept.last().is_some_and(|last| prefix.starts_with(last.as_str())) {
            kept.push(prefix);
        }
    }
    if kept.is_empty() { vec![String::new()] } else { kept }
}

fn folder() -> Meta {
    let time = Timestamp::utc(0, 0);
    Meta {
        kind: EntryKind::Folder,
        permissions: 0o700,
        modified: time,
        accessed: time,
        changed: time,
        ..Meta::default()
    }
}

/// A number that is another one when the ETag is: FNV-1a. It stands where files have their inode's.
fn number(etag: &str) -> u64 {
    let hash = etag.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::filter::{Case, List};

    #[test]
    fn prefixes_that_others_begin_are_listed_once() {
        let of =
            |prefixes: &[&str]| minimal(&prefixes.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&[]), [""]);
        assert_eq!(of(&["b", "a/", "a/b", "a/"]), ["a/", "b"]);
        assert_eq!(of(&["x", ""]), [""]);
    }

    #[test]
    fn what_lies_in_an_excluded_folder_is_left_out() {
        let patterns = ["*.tmp".to_owned(), "cache".to_owned(), "/bucket/a/only".to_owned()];
        let exclude = Some(List::parse(&patterns, Case::Sensitive).unwrap());
        let options = CaptureOptions { exclude, ..CaptureOptions::default() };
        let mut excluded = Excluded::default();
        for (key, is_out) in [
            ("a.tmp", true),
            ("a", false),
            ("x/cache/y/z", true),
            ("x/cached", false),
            ("a/only", true),
            ("b/only", false),
            ("b/x.tmp/y", true),
        ] {
            assert_eq!(excluded.holds(&options, "bucket", key), is_out, "{key}");
        }
    }

    #[test]
    fn another_etag_is_another_number() {
        assert_ne!(number("\"a\""), number("\"b\""));
        assert_ne!(number(""), 0);
    }
}
