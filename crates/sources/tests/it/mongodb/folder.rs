//! A sink that writes what it gets into a folder.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use backstay_core::{Content, CutHint, Entry, Folder, Meta, Pushed, Sink, SinkError};
use tempfile::TempDir;

type OnWrite = Box<dyn Fn(usize) + Send + Sync>;

pub(super) struct FolderSink {
    folder: TempDir,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    is_closed: AtomicBool,
    open: AtomicUsize,
    most: AtomicUsize,
    writes: AtomicUsize,
    failed: Mutex<Vec<String>>,
    on_write: Mutex<Option<OnWrite>>,
}

const LIMIT: usize = 3;

impl FolderSink {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), shared: Arc::default() }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.shared.is_closed.load(Ordering::SeqCst)
    }

    pub(super) fn failed(&self) -> Vec<String> {
        self.shared.failed.lock().unwrap().clone()
    }

    /// Called before each write with how many there were.
    pub(super) fn on_write(&self, call: impl Fn(usize) + Send + Sync + 'static) {
        *self.shared.on_write.lock().unwrap() = Some(Box::new(call));
    }

    pub(super) fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path.strip_prefix(self.path()).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        files.sort();
        files
    }
}

impl Sink for FolderSink {
    fn root(&self) -> Result<Box<dyn Folder>, SinkError> {
        Ok(Box::new(OnDisk { path: self.path().to_owned(), is_root: true, shared: Arc::clone(&self.shared) }))
    }

    fn open_limit(&self) -> usize {
        LIMIT
    }
}

struct OnDisk {
    path: PathBuf,
    is_root: bool,
    shared: Arc<Shared>,
}

impl OnDisk {
    fn at(&self, name: &[u8]) -> PathBuf {
        self.path.join(std::ffi::OsStr::from_bytes(name))
    }
}

impl Folder for OnDisk {
    fn folder(&self, name: &[u8]) -> Result<Box<dyn Folder>, SinkError> {
        let path = self.at(name);
        fs::create_dir(&path).unwrap();
        Ok(Box::new(Self { path, is_root: false, shared: Arc::clone(&self.shared) }))
    }

    fn add(&self, entry: Entry) -> Result<(), SinkError> {
        let Content::Lazy(opener, _) = entry.content else { panic!("content") };
        let mut data = Vec::new();
        let _ = opener.open().unwrap().read_to_end(&mut data).unwrap();
        assert_eq!(entry.meta.size, data.len() as u64);
        File::create_new(self.at(&entry.name)).unwrap().write_all(&data).unwrap();
        Ok(())
    }

    fn begin(&self, name: &[u8], _: CutHint) -> Result<Box<dyn Pushed>, SinkError> {
        let open = self.shared.open.fetch_add(1, Ordering::SeqCst) + 1;
        assert!(open <= LIMIT, "too many are open");
        let _ = self.shared.most.fetch_max(open, Ordering::SeqCst);
        let path = self.at(name);
        let file = File::create_new(&path).unwrap();
        Ok(Box::new(Growing { path, file, size: 0, is_whole: false, shared: Arc::clone(&self.shared) }))
    }

    fn failed(&self, name: &[u8], error: &str) {
        self.shared.failed.lock().unwrap().push(format!("{}: {error}", String::from_utf8_lossy(name)));
    }

    fn close(self: Box<Self>, _: Meta) -> Result<(), SinkError> {
        if self.is_root {
            self.shared.is_closed.store(true, Ordering::SeqCst);
        }
        Ok(())
    }
}

struct Growing {
    path: PathBuf,
    file: File,
    size: u64,
    is_whole: bool,
    shared: Arc<Shared>,
}

impl Pushed for Growing {
    fn write(&mut self, data: &[u8]) -> Result<(), SinkError> {
        let count = self.shared.writes.fetch_add(1, Ordering::SeqCst);
        if let Some(call) = &*self.shared.on_write.lock().unwrap() {
            call(count);
        }
        self.file.write_all(data).unwrap();
        self.size += data.len() as u64;
        Ok(())
    }

    fn finish(mut self: Box<Self>, meta: Meta) -> Result<(), SinkError> {
        assert_eq!(meta.size, self.size);
        self.is_whole = true;
        Ok(())
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        let _ = self.shared.open.fetch_sub(1, Ordering::SeqCst);
        if !self.is_whole {
            fs::remove_file(&self.path).unwrap();
        }
    }
}
