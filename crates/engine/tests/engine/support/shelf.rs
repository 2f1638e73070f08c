//! A restore target in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use backstay_core::{EntryKind, Meta, RestoreTarget, TargetError, TargetFile};
use parking_lot::Mutex;

type Content = Arc<Mutex<Vec<u8>>>;

/// What was restored, by path. Refuses paths that could lead out of a folder.
#[derive(Default)]
pub(crate) struct Shelf {
    files: Mutex<BTreeMap<Vec<u8>, Content>>,
    others: Mutex<BTreeMap<Vec<u8>, EntryKind>>,
    metas: Arc<Mutex<BTreeMap<Vec<u8>, Meta>>>,
}

struct Handle {
    path: Vec<u8>,
    content: Content,
    metas: Arc<Mutex<BTreeMap<Vec<u8>, Meta>>>,
}

impl TargetFile for Handle {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        let content = self.content.lock();
        let rest = content.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        let mut content = self.content.lock();
        let end = offset as usize + data.len();
        assert!(end <= content.len(), "a restore writes beyond the file's final length");
        content[offset as usize..end].copy_from_slice(data);
        Ok(())
    }

    fn set_metadata(&self, meta: &Meta) -> std::io::Result<()> {
        self.metas.lock().insert(self.path.clone(), meta.clone());
        Ok(())
    }
}

#[track_caller]
fn inside(path: &[u8]) -> Vec<u8> {
    let bad = |part: &[u8]| matches!(part, b"" | b"." | b"..") || part.contains(&0);
    assert!(path.is_empty() || !path.split(|byte| *byte == b'/').any(bad), "{path:?} leads astray");
    path.to_vec()
}

impl Shelf {
    /// All files with their content.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let name = |path: &Vec<u8>| String::from_utf8_lossy(path).into_owned();
        self.files.lock().iter().map(|(path, content)| (name(path), content.lock().clone())).collect()
    }

    /// The kind of an item that is not a file.
    pub(crate) fn kind(&self, path: &str) -> Option<EntryKind> {
        self.others.lock().get(path.as_bytes()).copied()
    }

    fn handle(&self, path: &[u8], content: Content) -> Box<dyn TargetFile> {
        Box::new(Handle { path: path.to_vec(), content, metas: Arc::clone(&self.metas) })
    }

    pub(crate) fn meta(&self, path: &str) -> Option<Meta> {
        self.metas.lock().get(path.as_bytes()).cloned()
    }
}

impl RestoreTarget for Shelf {
    fn existing(&self, path: &[u8]) -> Result<Option<Meta>, TargetError> {
        let size = self.files.lock().get(&inside(path)).map(|content| content.lock().len());
        Ok(size.map(|size| Meta { size: size as u64, links: 1, ..Meta::default() }))
    }

    fn names(&self, _: &[u8]) -> Result<Vec<Vec<u8>>, TargetError> {
        Ok(Vec::new())
    }

    fn make_folder(&self, path: &[u8]) -> Result<(), TargetError> {
        self.others.lock().insert(inside(path), EntryKind::Folder);
        Ok(())
    }

    fn open_file(&self, path: &[u8], size: u64) -> Result<Box<dyn TargetFile>, TargetError> {
        let content = self.files.lock().entry(inside(path)).or_default().clone();
        content.lock().resize(size as usize, 0);
        Ok(self.handle(path, content))
    }

    fn read_file(&self, path: &[u8]) -> Result<Box<dyn TargetFile>, TargetError> {
        let missing = || TargetError {
            action: "open",
            path: path.to_vec(),
            cause: std::io::ErrorKind::NotFound.into(),
        };
        let content = self.files.lock().get(&inside(path)).cloned().ok_or_else(missing)?;
        Ok(self.handle(path, content))
    }

    fn make_special(&self, path: &[u8], meta: &Meta) -> Result<(), TargetError> {
        self.others.lock().insert(inside(path), meta.kind);
        Ok(())
    }

    fn hard_link(&self, original: &[u8], path: &[u8]) -> Result<(), TargetError> {
        let content = self.files.lock().get(&inside(original)).cloned().unwrap_or_default();
        self.files.lock().insert(inside(path), content);
        Ok(())
    }

    fn set_metadata(&self, path: &[u8], meta: &Meta) -> Result<(), TargetError> {
        self.metas.lock().insert(inside(path), meta.clone());
        Ok(())
    }

    fn remove(&self, path: &[u8]) -> Result<(), TargetError> {
        self.files.lock().remove(&inside(path));
        Ok(())
    }
}
