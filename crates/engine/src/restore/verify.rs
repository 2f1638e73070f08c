//! Reading restored files again.

use std::sync::atomic::{AtomicUsize, Ordering};

use backstay_core::{EntryKind, FileId};

use super::present::holds;
use super::run::{Counts, Run};
use crate::Result;
use crate::format::{BlobKind, Node};

/// Files that are compared together.
const BATCH: usize = 4096;

/// Compares all files that were restored with the snapshot; what was left as it is has no need to be as there.
pub(super) fn verify(run: &Run<'_>, root: FileId) -> Result<()> {
    let mut batch = Vec::new();
    run.walk(root, &mut |path, node, _| {
        if node.meta.kind == EntryKind::File && !run.has_kept(path) {
            batch.push((path.to_vec(), node));
        }
        if batch.len() >= BATCH { verify_batch(run, std::mem::take(&mut batch)) } else { Ok(()) }
    })?;
    verify_batch(run, batch)
}

fn verify_batch(run: &Run<'_>, files: Vec<(Vec<u8>, Node)>) -> Result<()> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..run.repository.settings().threads {
            scope.spawn(|| {
                let mut buffer = Vec::new();
                while let Some((path, node)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if run.repository.control().checkpoint().is_err() {
                        break;
                    }
                    match compare(run, path, node, &mut buffer) {
                        Ok(()) => Counts::add(&run.counts.verified, 1),
                        Err(why) => run.fail(path, &why),
                    }
                }
            });
        }
    });
    Ok(run.repository.control().checkpoint()?)
}

fn compare(run: &Run<'_>, path: &[u8], node: &Node, buffer: &mut Vec<u8>) -> Result<(), String> {
    let existing = run.target.existing(path).map_err(|error| error.to_string())?;
    let Some(existing) = existing.filter(|existing| existing.kind == EntryKind::File) else {
        return Err("verification: the file is not there".into());
    };
    let file = run.target.read_file(path).map_err(|error| error.to_string())?;
    let mut offset = 0;
    for id in node.blobs() {
        let length = u64::from(run.index.content_length(BlobKind::Data, id).unwrap_or_default());
        if !holds(&*file, offset, length, id, buffer).map_err(|error| error.to_string())? {
            return Err(format!("verification: its content differs from byte {offset} on"));
        }
        offset += length;
    }
    if existing.size != offset {
        return Err(format!("verification: it has {} bytes instead of {offset}", existing.size));
    }
    Ok(())
}
