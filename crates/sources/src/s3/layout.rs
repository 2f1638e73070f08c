//! From keys in order to folders and names.
//!
//! Keys come in the order of their bytes, so what is in a folder comes in one piece, but not right behind an object of the folder's name:
//! `a`, `a-b`, `a/c`. So an object is held back until the keys are past all that could lie in a folder of its name.

use std::sync::Arc;

use backstay_core::sink::escape_name;
use backstay_core::{Meta, SinkError};

use crate::filling::{Filling, finish};

/// An object with its place.
pub(super) struct Placed<T> {
    pub(super) into: Arc<Filling>,
    pub(super) name: Vec<u8>,
    pub(super) object: T,
}

/// The folders on the way to the key at hand.
pub(super) struct Layout<T> {
    levels: Vec<Level<T>>,
    folder_meta: Meta,
    last: Option<Vec<u8>>,
}

/// A folder that is open, and the objects in it that may have a folder of their name beside them.
struct Level<T> {
    name: Vec<u8>,
    filling: Arc<Filling>,
    held: Vec<(Vec<u8>, T)>,
}

/// Why keys cannot be laid out.
#[derive(Debug, thiserror::Error)]
pub(super) enum LayoutError {
    #[error("the service lists keys in no order: {0:?} comes behind {1:?}")]
    Order(String, String),
    #[error(transparent)]
    Sink(#[from] SinkError),
}

impl<T> Layout<T> {
    /// Lays out keys below a folder.
    pub(super) fn new(root: Arc<Filling>, folder_meta: Meta) -> Self {
        let root = Level { name: Vec::new(), filling: root, held: Vec::new() };
        Self { levels: vec![root], folder_meta, last: None }
    }

    /// Takes the next object, by its key below the folder, and hands on those whose names are known by that.
    pub(super) fn add(
        &mut self,
        key: &[u8],
        object: T,
        each: &mut dyn FnMut(Placed<T>) -> Result<(), SinkError>,
    ) -> Result<(), LayoutError> {
        match self.last.as_deref() {
            Some(last) if key == last => return Ok(()),
            Some(last) if key < last => {
                let text = |key: &[u8]| String::from_utf8_lossy(key).into_owned();
                return Err(LayoutError::Order(text(key), text(last)));
            }
            _ => self.last = Some(key.to_vec()),
        }
        let mut names: Vec<_> = key.split(|byte| *byte == b'/').collect();
        let name = names.pop().unwrap_or_default();
        let open = self.levels.iter().skip(1);
        let common = open.zip(&names).take_while(|(level, name)| level.name == **name).count();
        while self.levels.len() > common + 1 {
            self.leave(each)?;
        }
        let mut rest = key;
        for (depth, level) in self.levels.iter_mut().enumerate() {
            if depth > 0 {
                rest = rest.get(level.name.len() + 1..).unwrap_or_default();
            }
            level.release(rest, each)?;
        }
        for folder in names.into_iter().skip(common) {
            let Some(above) = self.levels.last() else { break };
            let sink = above.filling.sink.folder(&escape_name(folder))?;
            let filling = Arc::new(Filling { sink, meta: self.folder_meta.clone() });
            self.levels.push(Level { name: folder.to_vec(), filling, held: Vec::new() });
        }
        if let Some(level) = self.levels.last_mut() {
            level.held.push((name.to_vec(), object));
        }
        Ok(())
    }

    /// No key comes any more: hands on what is left, and closes all folders.
    pub(super) fn finish(
        mut self,
        each: &mut dyn FnMut(Placed<T>) -> Result<(), SinkError>,
    ) -> Result<(), LayoutError> {
        while !self.levels.is_empty() {
            self.leave(each)?;
        }
        Ok(())
    }

    fn leave(&mut self, each: &mut dyn FnMut(Placed<T>) -> Result<(), SinkError>) -> Result<(), SinkError> {
        let Some(Level { filling, held, .. }) = self.levels.pop() else { return Ok(()) };
        for (name, object) in held {
            each(Placed { into: Arc::clone(&filling), name: escape_name(&name), object })?;
        }
        finish(filling)
    }
}

impl<T> Level<T> {
    /// Hands on the objects that a key, below this folder, tells the names of.
    fn release(
        &mut self,
        key: &[u8],
        each: &mut dyn FnMut(Placed<T>) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        let mut place = 0;
        while let Some((name, _)) = self.held.get(place) {
            let inside = key.strip_prefix(name.as_slice()).is_some_and(|rest| rest.starts_with(b"/"));
            let past = key > [name.as_slice(), b"/"].concat().as_slice();
            if !inside && !past {
                place += 1;
                continue;
            }
            let (raw, object) = self.held.remove(place);
            let mut name = escape_name(&raw);
            if inside {
                name.push(b'%');
            }
            each(Placed { into: Arc::clone(&self.filling), name, object })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use backstay_core::{CutHint, Entry, Folder, Pushed};

    use super::*;

    /// A folder that notes what is done with it.
    struct Noting {
        path: String,
        log: Arc<Mutex<Vec<String>>>,
    }

    impl Folder for Noting {
        fn folder(&self, name: &[u8]) -> Result<Box<dyn Folder>, SinkError> {
            let path = format!("{}{}/", self.path, String::from_utf8_lossy(name));
            self.log.lock().unwrap().push(format!("open {path}"));
            Ok(Box::new(Self { path, log: Arc::clone(&self.log) }))
        }

        fn add(&self, entry: Entry) -> Result<(), SinkError> {
            self.log.lock().unwrap().push(format!("{}{}", self.path, String::from_utf8_lossy(&entry.name)));
            Ok(())
        }

        fn begin(&self, _: &[u8], _: CutHint) -> Result<Box<dyn Pushed>, SinkError> {
            Err(SinkError::failed("nothing is pushed here"))
        }

        fn failed(&self, _: &[u8], _: &str) {}

        fn close(self: Box<Self>, _: Meta) -> Result<(), SinkError> {
            self.log.lock().unwrap().push(format!("close {}", self.path));
            Ok(())
        }
    }

    /// What becomes of keys, in order: the objects by their paths, and folders that are opened and closed.
    fn lay_out(keys: &[&str]) -> Result<Vec<String>, LayoutError> {
        let log = Arc::new(Mutex::new(Vec::new()));
        let sink = Box::new(Noting { path: String::new(), log: Arc::clone(&log) });
        let root = Arc::new(Filling { sink, meta: Meta::default() });
        let mut layout = Layout::new(root, Meta::default());
        let mut each = |placed: Placed<()>| {
            let Placed { into, name, .. } = placed;
            into.sink.add(Entry { name, meta: Meta::default(), content: backstay_core::Content::None })?;
            finish(into)
        };
        for key in keys {
            layout.add(key.as_bytes(), (), &mut each)?;
        }
        layout.finish(&mut each)?;
        Ok(Arc::into_inner(log).unwrap().into_inner().unwrap())
    }

    fn objects(keys: &[&str]) -> Vec<String> {
        let mut all = lay_out(keys).unwrap();
        all.retain(|line| !line.contains(' '));
        all.sort();
        all
    }

    #[test]
    fn an_object_beside_a_folder_of_its_name_gets_another_one_wherever_the_folder_comes() {
        assert_eq!(objects(&["a", "a-b", "a/c"]), ["a%", "a-b", "a/c"]);
        assert_eq!(objects(&["a", "a-", "a--", "a/c", "a0"]), ["a%", "a-", "a--", "a/c", "a0"]);
        assert_eq!(objects(&["a", "a-b"]), ["a", "a-b"]);
        assert_eq!(objects(&["a", "a-b/x", "a/b", "a/b/c"]), ["a%", "a-b/x", "a/b%", "a/b/c"]);
        assert_eq!(objects(&["x/", "x//", "x//y"]), ["x/%%", "x/%/%", "x/%/y"]);
        assert_eq!(objects(&["a%", "b"]), ["a%25", "b"]);
        assert_eq!(objects(&["", "/", "a"]), ["%%", "%/%", "a"]);
    }

    #[test]
    fn folders_are_opened_once_and_closed_when_the_keys_are_past_them() {
        assert_eq!(
            lay_out(&["a/1", "a/b/2", "a/c", "b/3"]).unwrap(),
            [
                "open a/",
                "a/1",
                "open a/b/",
                "a/b/2",
                "close a/b/",
                "a/c",
                "close a/",
                "open b/",
                "b/3",
                "close b/",
                "close "
            ]
        );
        assert!(matches!(lay_out(&["b", "a"]), Err(LayoutError::Order(..))));
        assert_eq!(objects(&["a", "a", "b"]), ["a", "b"]);
    }

    #[test]
    fn all_of_many_keys_arrive_once_and_come_back_as_they_were() {
        let mut keys = Vec::new();
        let parts = ["", "a", "a-", "a.b", "a%", "%", "é", "a\u{1}", "~"];
        for one in parts {
            for two in parts {
                for three in parts {
                    keys.extend([one.to_owned(), format!("{one}/{two}"), format!("{one}/{two}/{three}")]);
                }
            }
        }
        keys.retain(|key| !key.is_empty());
        keys.sort();
        keys.dedup();
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        let paths = objects(&keys);
        let mut distinct = paths.clone();
        distinct.dedup();
        assert_eq!(distinct.len(), keys.len());
        let mut back: Vec<_> = paths.iter().map(|path| crate::s3::key_of(path.as_bytes())).collect();
        back.sort();
        assert_eq!(back, keys.iter().map(|key| key.as_bytes().to_vec()).collect::<Vec<_>>());
    }
}
