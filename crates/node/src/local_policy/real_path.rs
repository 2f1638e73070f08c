//! Where a path really leads.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::{fs, io};

/// Follows all links and `..` of an absolute path. What is not there is taken as it is named.
pub(super) fn real_path(path: &Path) -> io::Result<PathBuf> {
    let mut real = PathBuf::from("/");
    if !path.is_absolute() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no absolute path"));
    }
    for component in path.components() {
        match component {
            Component::Normal(name) => real = follow(&real, name)?,
            Component::ParentDir => {
                real.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Ok(real)
}

/// An item of a folder, or what it links to. A link that leads nowhere is an error: what is written through it would be made
/// somewhere else.
fn follow(folder: &Path, name: &OsStr) -> io::Result<PathBuf> {
    let path = folder.join(name);
    match fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_symlink() => path.canonicalize(),
        Ok(_) => Ok(path),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(path)
        }
        Err(error) => Err(error),
    }
}
