//! Listing and looking at every file: the floor of a backup in which nothing has changed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::crew::Crew;

/// Walks `source` with all threads and asks for the metadata of each entry.
pub(crate) fn run(source: &Path) -> Result<()> {
    let counts = Crew::run(vec![source.to_owned()], |crew| {
        let (mut files, mut bytes) = (0u64, 0u64);
        while let Some(folder) = crew.take() {
            let mut folders: Vec<PathBuf> = Vec::new();
            for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
                let entry = entry?;
                let metadata = entry.metadata()?;
                if metadata.is_dir() {
                    folders.push(entry.path());
                } else {
                    files += 1;
                    bytes += metadata.len();
                }
            }
            crew.add(folders);
            crew.done();
        }
        Ok((files, bytes))
    })?;
    let (files, bytes) = counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    println!("{files} files, {bytes} bytes");
    Ok(())
}
