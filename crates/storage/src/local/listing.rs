//! Walks a repository's folders for files whose names are ids.

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

use backstay_core::{CallContext, FileId, StorageError};

use crate::{failure, layout};

/// How many entries are taken between two looks at the context.
const CHECK_EVERY: usize = 512;

/// Lists the packs below `data`, in the subfolders named by the first two digits of their ids.
pub(super) fn shards(
    data: &Path,
    context: CallContext<'_>,
    each: &mut dyn FnMut(FileId, u64),
) -> Result<(), StorageError> {
    for entry in entries(data)? {
        let entry = entry.map_err(|error| failure::from_io("list", data.display(), error))?;
        let name = entry.file_name();
        let Some(shard) = name.to_str().filter(|name| is_shard(name)) else { continue };
        flat(&data.join(shard), Some(shard), context, each)?;
    }
    Ok(())
}

/// Lists the files of one folder, only those that begin with `shard` if there is one.
pub(super) fn flat(
    folder: &Path,
    shard: Option<&str>,
    context: CallContext<'_>,
    each: &mut dyn FnMut(FileId, u64),
) -> Result<(), StorageError> {
    for (count, entry) in entries(folder)?.enumerate() {
        if count.is_multiple_of(CHECK_EVERY) {
            failure::check(context, "list", folder.display())?;
        }
        let entry = entry.map_err(|error| failure::from_io("list", folder.display(), error))?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| shard.is_none_or(|shard| name.starts_with(shard)))
        else {
            continue;
        };
        let Some(id) = layout::id(name) else { continue };
        match size(&entry) {
            Ok(size) => each(id, size),
            // Removed by somebody since the folder was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failure::from_io("list", entry.path().display(), error)),
        }
    }
    Ok(())
}

fn is_shard(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The entries of a folder; none if it does not exist or is no folder.
fn entries(folder: &Path) -> Result<impl Iterator<Item = io::Result<DirEntry>>, StorageError> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(Some(entries).into_iter().flatten()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None.into_iter().flatten())
        }
        Err(error) => Err(failure::from_io("list", folder.display(), error)),
    }
}

/// The length of a file, or of what a link to a file points at. Whatever else has the name of a file counts as empty: it is listed, so that
/// whoever reads it is told.
fn size(entry: &DirEntry) -> io::Result<u64> {
    let mut meta = entry.metadata()?;
    if meta.is_symlink() {
        match fs::metadata(entry.path()) {
            Ok(target) => meta = target,
            Err(_) => return Ok(0),
        }
    }
    Ok(if meta.is_file() { meta.len() } else { 0 })
}
