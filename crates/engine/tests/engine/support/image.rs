//! What a folder holds, in a form that can be compared.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use backstay_core::FileId;
use backstay_engine::crypto::hash;

/// One item, with everything that a backup has to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    kind: &'static str,
    mode: u32,
    owner: (u32, u32),
    modified: (i64, i64),
    length: u64,
    content: Option<FileId>,
    target: Option<Vec<u8>>,
    attributes: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The first path of the same inode, for files with several names.
    linked_to: Option<Vec<u8>>,
}

/// All items below a folder, and the folder itself, by path.
pub(crate) type Image = BTreeMap<Vec<u8>, Item>;

/// Takes the image of a folder.
#[track_caller]
pub(crate) fn image(folder: &Path) -> Image {
    let mut image = Image::new();
    add(folder, b"", &mut image, &mut BTreeMap::new());
    image
}

/// Both folders hold the same.
#[track_caller]
pub(crate) fn same(expected: &Image, found: &Path) {
    let found = image(found);
    let show = |path: &Vec<u8>| String::from_utf8_lossy(path).into_owned();
    let missing: Vec<_> = expected.keys().filter(|path| !found.contains_key(*path)).map(show).collect();
    let extra: Vec<_> = found.keys().filter(|path| !expected.contains_key(*path)).map(show).collect();
    assert_eq!((missing, extra), (Vec::new(), Vec::new()), "missing and extra items");
    for (path, item) in expected {
        assert_eq!(Some(item), found.get(path), "at {}", show(path));
    }
}

fn add(folder: &Path, below: &[u8], image: &mut Image, inodes: &mut BTreeMap<u64, Vec<u8>>) {
    let path = folder.join(OsStr::from_bytes(below));
    let path = if below.is_empty() { folder } else { &path };
    let meta = std::fs::symlink_metadata(path).unwrap();
    let kind = meta.file_type();
    let kind = match () {
        () if kind.is_file() => "file",
        () if kind.is_dir() => "folder",
        () if kind.is_symlink() => "symlink",
        () if kind.is_fifo() => "fifo",
        () if kind.is_char_device() => "chardev",
        () => "other",
    };
    let linked_to = (kind == "file" && meta.nlink() > 1)
        .then(|| inodes.entry(meta.ino()).or_insert_with(|| below.to_vec()).clone());
    let is_file = kind == "file";
    let item = Item {
        kind,
        mode: meta.mode() & 0o7777,
        owner: (meta.uid(), meta.gid()),
        modified: (meta.mtime(), meta.mtime_nsec()),
        length: if is_file { meta.len() } else { 0 },
        content: is_file.then(|| hash(&std::fs::read(path).unwrap())),
        target: meta.is_symlink().then(|| std::fs::read_link(path).unwrap().into_os_string().into_vec()),
        attributes: attributes(path),
        linked_to,
    };
    image.insert(below.to_vec(), item);
    if kind == "folder" {
        let mut names: Vec<_> =
            std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_vec()).collect();
        names.sort();
        for name in names {
            let path = if below.is_empty() { name } else { [below, &name[..]].join(&b'/') };
            add(folder, &path, image, inodes);
        }
    }
}

fn attributes(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut names = vec![0; 4096];
    let length = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or_default();
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let value = |name: &[u8]| {
        let mut value = vec![0; 4096];
        let length = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap();
        value[..length].to_vec()
    };
    names.map(|name| (name.to_vec(), value(name))).collect()
}
