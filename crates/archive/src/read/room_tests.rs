use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use backstay_core::{Silent, TargetFile};
use backstay_sources::files::restore::{FolderTarget, RestoreOptions};

use super::*;
use crate::manifest::{Compression, Format};
use crate::read::{Alone, Limits};
use crate::testing::{entry, file, lazy, make, noise, settings};

/// A folder on a disk that has room for so many bytes.
struct Small {
    folder: FolderTarget,
    room: Arc<AtomicUsize>,
}

struct SmallFile {
    file: Box<dyn TargetFile>,
    room: Arc<AtomicUsize>,
}

impl TargetFile for SmallFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let less = |room: usize| room.checked_sub(data.len());
        let fits = self.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        fits.map_err(|_| io::Error::from(io::ErrorKind::StorageFull))?;
        self.file.write_at(offset, data)
    }

    fn set_metadata(&self, meta: &Meta) -> io::Result<()> {
        self.file.set_metadata(meta)
    }
}

impl RestoreTarget for Small {
    fn existing(&self, path: &[u8]) -> Result<Option<Meta>, TargetError> {
        self.folder.existing(path)
    }

    fn names(&self, path: &[u8]) -> Result<Vec<Vec<u8>>, TargetError> {
        self.folder.names(path)
    }

    fn make_folder(&self, path: &[u8]) -> Result<(), TargetError> {
        self.folder.make_folder(path)
    }

    fn open_file(&self, path: &[u8], size: u64) -> Result<Box<dyn TargetFile>, TargetError> {
        let file = self.folder.open_file(path, size)?;
        Ok(Box::new(SmallFile { file, room: Arc::clone(&self.room) }))
    }

    fn read_file(&self, path: &[u8]) -> Result<Box<dyn TargetFile>, TargetError> {
        self.folder.read_file(path)
    }

    fn make_special(&self, path: &[u8], meta: &Meta) -> Result<(), TargetError> {
        self.folder.make_special(path, meta)
    }

    fn hard_link(&self, original: &[u8], path: &[u8]) -> Result<(), TargetError> {
        self.folder.hard_link(original, path)
    }

    fn set_metadata(&self, path: &[u8], meta: &Meta) -> Result<(), TargetError> {
        self.folder.set_metadata(path, meta)
    }

    fn remove(&self, path: &[u8]) -> Result<(), TargetError> {
        self.folder.remove(path)
    }
}

#[test]
fn a_file_that_there_is_no_room_for_is_not_left_half_written() {
    let place = tempfile::tempdir().unwrap();
    for format in [Format::Zip, Format::TarZst] {
        let settings = settings(place.path(), format, Compression::Zstd);
        let (long, little) = (noise(3_000_000), noise(1000));
        let made = make(place.path(), &settings, None, |root| {
            for (name, content) in [(b"long".as_slice(), &long), (b"small", &little)] {
                root.add(entry(name, file(content.len()), lazy(content))).unwrap();
            }
        });
        let out = place.path().join(format!("out {format:?}"));
        let folder = FolderTarget::open(&out, RestoreOptions::default()).unwrap();
        let target = Small { folder, room: Arc::new(AtomicUsize::new(2_000_000)) };
        let control = Control::new();
        let options = ExtractOptions {
            select: &|_| true,
            limits: Limits::default(),
            dry_run: false,
            control: &control,
            events: &Silent,
        };
        // The disk is filled by others after the look at its room.
        let report = extract(&made.open(), &Alone, &target, &options).unwrap();
        assert_eq!((report.failed, report.without_room, report.files), (1, 1, 1), "{format:?}");
        assert!(!out.join("long").exists(), "{format:?}");
        assert!(std::fs::read(out.join("small")).unwrap() == little);

        target.room.store(usize::MAX, Ordering::SeqCst);
        assert_eq!(extract(&made.open(), &Alone, &target, &options).unwrap().failed, 0);
        assert!(std::fs::read(out.join("long")).unwrap() == long);
    }
}
