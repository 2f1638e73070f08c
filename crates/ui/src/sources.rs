//! What the dashboard is built from, and a fingerprint of it: by that a stale build is known.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Files and folders of `ui/` that a build is made of.
pub(crate) const PARTS: [&str; 6] =
    ["index.html", "package.json", "package-lock.json", "public", "src", "vite.config.ts"];

/// What is made by a check and not by hand.
const GENERATED: &str = "src/api/schema.d.ts";

/// All files of the parts, by their paths within the folder, in order.
pub(crate) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = PARTS.map(PathBuf::from).into();
    while let Some(path) = open.pop() {
        if folder.join(&path).is_dir() {
            for entry in fs::read_dir(folder.join(&path))? {
                open.push(path.join(entry?.file_name()));
            }
        } else if path != Path::new(GENERATED) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// SHA-256 of the names and contents of these files, in hexadecimal digits.
pub(crate) fn fingerprint(folder: &Path, files: &[PathBuf]) -> io::Result<String> {
    let mut hash = Sha256::new();
    for path in files {
        let content = fs::read(folder.join(path))?;
        hash.update(format!("{}\0{}\0", path.display(), content.len()));
        hash.update(content);
    }
    Ok(hash.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
