//! Where restores go: a tree in memory that can be compared.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use backstay_core::{EntryKind, Meta, RestoreTarget, TargetError, TargetFile};
use parking_lot::Mutex;

/// A tree by path: time of the last change, and what it is.
pub(crate) type Image = BTreeMap<Vec<u8>, (i64, Thing)>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Thing {
    Folder,
    File(Arc<[u8]>),
    Link(Vec<u8>),
}

/// The first difference between what should be there and what is. `exact` minds also what is there but should not be.
pub(crate) fn difference(expected: &Image, found: &Image, exact: bool) -> Option<String> {
    for (path, thing) in expected {
        let name = String::from_utf8_lossy(path);
        match found.get(path) {
            Some(other) if other == thing => {}
            Some((_, other)) => {
                let what = match (&thing.1, other) {
                    (Thing::File(a), Thing::File(b)) if a == b => "time",
                    (Thing::File(_), Thing::File(_)) => "content",
                    (a, b) if a == b => "time",
                    _ => "kind",
                };
                return Some(format!("{name:?} came back with another {what}"));
            }
            None => return Some(format!("{name:?} did not come back")),
        }
    }
    let extra = found.keys().find(|path| exact && !expected.contains_key(*path))?;
    Some(format!("{:?} came back and was never there", String::from_utf8_lossy(extra)))
}

/// Collects what is restored.
#[derive(Debug, Default)]
pub(crate) struct Collector(Arc<Mutex<Slots>>);

type Slots = BTreeMap<Vec<u8>, Slot>;

#[derive(Debug, Clone, Default)]
struct Slot {
    meta: Meta,
    file: Option<Arc<Mutex<Vec<u8>>>>,
}

struct OpenFile {
    path: Vec<u8>,
    content: Arc<Mutex<Vec<u8>>>,
    slots: Arc<Mutex<Slots>>,
}

impl TargetFile for OpenFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let content = self.content.lock();
        let rest = content.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(count)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut content = self.content.lock();
        let start = offset as usize;
        match content.get_mut(start..start + data.len()) {
            Some(place) => place.copy_from_slice(data),
            None => return Err(io::Error::other("written beyond the announced length")),
        }
        Ok(())
    }

    fn set_metadata(&self, meta: &Meta) -> io::Result<()> {
        match self.slots.lock().get_mut(&self.path) {
            Some(slot) => slot.meta = meta.clone(),
            None => return Err(io::ErrorKind::NotFound.into()),
        }
        Ok(())
    }
}

impl Collector {
    fn open(&self, path: &[u8], content: Arc<Mutex<Vec<u8>>>) -> Box<dyn TargetFile> {
        Box::new(OpenFile { path: path.to_vec(), content, slots: Arc::clone(&self.0) })
    }

    /// What was restored whole, that is up to its metadata.
    pub(crate) fn image(&self) -> Image {
        let slots = self.0.lock();
        let done = slots.iter().filter(|(path, slot)| !path.is_empty() && slot.meta.permissions != 0);
        done.map(|(path, slot)| {
            let thing = match (&slot.file, slot.meta.kind) {
                (Some(content), _) => Thing::File(content.lock().as_slice().into()),
                (None, EntryKind::Symlink) => Thing::Link(slot.meta.link_target.clone().unwrap_or_default()),
                (None, _) => Thing::Folder,
            };
            (path.clone(), (slot.meta.modified.seconds, thing))
        })
        .collect()
    }
}

impl RestoreTarget for Collector {
    fn existing(&self, _: &[u8]) -> Result<Option<Meta>, TargetError> {
        Ok(None)
    }

    fn names(&self, _: &[u8]) -> Result<Vec<Vec<u8>>, TargetError> {
        Ok(Vec::new())
    }

    fn make_folder(&self, path: &[u8]) -> Result<(), TargetError> {
        self.0.lock().entry(path.to_vec()).or_default();
        Ok(())
    }

    fn open_file(&self, path: &[u8], size: u64) -> Result<Box<dyn TargetFile>, TargetError> {
        let mut slots = self.0.lock();
        let content = slots.entry(path.to_vec()).or_default().file.get_or_insert_default();
        content.lock().resize(size as usize, 0);
        Ok(self.open(path, Arc::clone(content)))
    }

    fn read_file(&self, path: &[u8]) -> Result<Box<dyn TargetFile>, TargetError> {
        match self.0.lock().get(path).and_then(|slot| slot.file.clone()) {
            Some(content) => Ok(self.open(path, content)),
            None => Err(missing("open", path)),
        }
    }

    fn make_special(&self, path: &[u8], meta: &Meta) -> Result<(), TargetError> {
        self.0.lock().entry(path.to_vec()).or_default().meta = meta.clone();
        Ok(())
    }

    fn hard_link(&self, original: &[u8], path: &[u8]) -> Result<(), TargetError> {
        let mut slots = self.0.lock();
        let slot = slots.get(original).cloned().ok_or_else(|| missing("link", original))?;
        slots.insert(path.to_vec(), slot);
        Ok(())
    }

    fn set_metadata(&self, path: &[u8], meta: &Meta) -> Result<(), TargetError> {
        match self.0.lock().get_mut(path) {
            Some(slot) => slot.meta = meta.clone(),
            None => return Err(missing("set metadata of", path)),
        }
        Ok(())
    }

    fn remove(&self, path: &[u8]) -> Result<(), TargetError> {
        self.0.lock().remove(path);
        Ok(())
    }
}

fn missing(action: &'static str, path: &[u8]) -> TargetError {
    TargetError { action, path: path.to_vec(), cause: io::ErrorKind::NotFound.into() }
}
