//! One stream of entries into several sinks at once.
//!
//! Every sink gets every entry and decides for itself what it stores. Content that is pushed is written to each; content
//! that is read when wanted is opened once for each sink, or read once and put aside where it can be opened only once.

use std::fs::File;
use std::io::{Read, Seek};
use std::sync::Arc;

use backstay_core::{Content, CutHint, Entry, Folder, Meta, Opener, Pushed, Sink, SinkError};
use parking_lot::Mutex;

/// A sink that hands all it is given to several others.
///
/// A failure of any of them is a failure of the whole. [`Content::SameAsParent`] goes to all: use it only where all sinks
/// hold the same parent.
pub struct Tee(Vec<Box<dyn Sink>>);

impl Tee {
    /// Hands everything to each of these.
    #[must_use]
    pub fn new(sinks: Vec<Box<dyn Sink>>) -> Self {
        Self(sinks)
    }
}

impl Sink for Tee {
    fn root(&self) -> Result<Box<dyn Folder>, SinkError> {
        Ok(Box::new(TeeFolder(self.0.iter().map(|sink| sink.root()).collect::<Result<_, _>>()?)))
    }

    fn open_limit(&self) -> usize {
        self.0.iter().map(|sink| sink.open_limit()).min().unwrap_or_default()
    }
}

/// A folder in each of the sinks.
struct TeeFolder(Vec<Box<dyn Folder>>);

impl Folder for TeeFolder {
    fn folder(&self, name: &[u8]) -> Result<Box<dyn Folder>, SinkError> {
        Ok(Box::new(Self(self.0.iter().map(|folder| folder.folder(name)).collect::<Result<_, _>>()?)))
    }

    fn add(&self, entry: Entry) -> Result<(), SinkError> {
        let Entry { name, meta, content } = entry;
        for (folder, content) in self.0.iter().zip(share(content, self.0.len())) {
            folder.add(Entry { name: name.clone(), meta: meta.clone(), content })?;
        }
        Ok(())
    }

    fn begin(&self, name: &[u8], cut: CutHint) -> Result<Box<dyn Pushed>, SinkError> {
        let begun = self.0.iter().map(|folder| folder.begin(name, cut.clone()));
        Ok(Box::new(TeePushed(begun.collect::<Result<_, _>>()?)))
    }

    fn failed(&self, name: &[u8], error: &str) {
        self.0.iter().for_each(|folder| folder.failed(name, error));
    }

    fn close(self: Box<Self>, meta: Meta) -> Result<(), SinkError> {
        self.0.into_iter().try_for_each(|folder| folder.close(meta.clone()))
    }
}

/// A content that is pushed to each of the sinks.
struct TeePushed(Vec<Box<dyn Pushed>>);

impl Pushed for TeePushed {
    fn write(&mut self, data: &[u8]) -> Result<(), SinkError> {
        self.0.iter_mut().try_for_each(|pushed| pushed.write(data))
    }

    fn finish(self: Box<Self>, meta: Meta) -> Result<(), SinkError> {
        self.0.into_iter().try_for_each(|pushed| pushed.finish(meta.clone()))
    }
}

/// The content as often as there are sinks.
fn share(content: Content, count: usize) -> Vec<Content> {
    match content {
        Content::None => (0..count).map(|_| Content::None).collect(),
        Content::SameAsParent => (0..count).map(|_| Content::SameAsParent).collect(),
        Content::Lazy(opener, hint) => {
            openers(opener, count).into_iter().map(|opener| Content::Lazy(opener, hint.clone())).collect()
        }
        Content::Patched { opener, ranges } => openers(opener, count)
            .into_iter()
            .map(|opener| Content::Patched { opener, ranges: ranges.clone() })
            .collect(),
    }
}

fn openers(opener: Box<dyn Opener>, count: usize) -> Vec<Box<dyn Opener>> {
    let mut openers = Vec::with_capacity(count);
    while openers.len() + 1 < count {
        match opener.duplicate() {
            Some(twin) => openers.push(twin),
            None => {
                let shared = Arc::new(Mutex::new(Once::Unread(opener)));
                return (0..count).map(|_| Box::new(SpooledOnce(Arc::clone(&shared))) as _).collect();
            }
        }
    }
    if count > 0 {
        openers.push(opener);
    }
    openers
}

/// A content that can be opened only once.
enum Once {
    Unread(Box<dyn Opener>),
    /// All of it, in an unnamed temporary file.
    Read(Arc<File>),
    /// Reading it failed, for this reason.
    Failed(String),
}

/// One sink's way to a content that the first who wants it puts aside for all.
struct SpooledOnce(Arc<Mutex<Once>>);

impl Opener for SpooledOnce {
    fn open(self: Box<Self>) -> std::io::Result<Box<dyn Read + Send>> {
        let mut once = self.0.lock();
        let unread = std::mem::replace(&mut *once, Once::Failed("reading it failed".into()));
        *once = match unread {
            Once::Unread(opener) => match spool(opener) {
                Ok(file) => Once::Read(Arc::new(file)),
                Err(error) => {
                    *once = Once::Failed(error.to_string());
                    return Err(error);
                }
            },
            other => other,
        };
        match &*once {
            Once::Read(file) => Ok(Box::new(Spool { file: Arc::clone(file), at: 0 })),
            Once::Failed(why) => Err(std::io::Error::other(why.clone())),
            Once::Unread(_) => Err(std::io::Error::other("it was not read")),
        }
    }
}

fn spool(opener: Box<dyn Opener>) -> std::io::Result<File> {
    let mut file = tempfile::tempfile()?;
    std::io::copy(&mut opener.open()?, &mut file)?;
    file.rewind()?;
    Ok(file)
}

/// A reader with a place of its own in a shared file.
struct Spool {
    file: Arc<File>,
    at: u64,
}

impl Read for Spool {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        use std::os::unix::fs::FileExt;
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
