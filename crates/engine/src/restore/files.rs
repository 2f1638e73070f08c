//! Files that are being written: open as long as blobs are missing, but never too many.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use backstay_core::{ItemAction, Meta, RestoreTarget, TargetError, TargetFile};
use parking_lot::Mutex;

use super::run::{Counts, Run};

/// A file of a batch.
pub(super) struct FileState {
    pub(super) path: Vec<u8>,
    pub(super) meta: Meta,
    /// Blobs that are not written yet.
    missing: AtomicU32,
    /// Leave holes. Not in a file that had content: zeros must replace it.
    sparse: bool,
    /// Whether it has no content but what the restore writes.
    is_new: bool,
    failed: AtomicBool,
    /// Whether the target has not taken its content.
    refused: AtomicBool,
}

impl FileState {
    pub(super) fn new(path: Vec<u8>, meta: Meta, missing: u32, sparse: bool, is_new: bool) -> Self {
        let missing = AtomicU32::new(missing);
        Self { path, meta, missing, sparse, is_new, failed: false.into(), refused: false.into() }
    }

    /// Marks the file as failed; whether it was not before.
    pub(super) fn mark_failed(&self) -> bool {
        !self.failed.swap(true, Ordering::Relaxed)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}

/// Files that stay open between blobs.
#[derive(Default)]
pub(super) struct OpenFiles(Mutex<HashMap<u32, Arc<dyn TargetFile>>>);

/// Files that are open at once.
const LIMIT: usize = 128;

impl OpenFiles {
    fn get(
        &self,
        number: u32,
        file: &FileState,
        target: &dyn RestoreTarget,
    ) -> Result<Arc<dyn TargetFile>, TargetError> {
        let mut open = self.0.lock();
        if let Some(handle) = open.get(&number) {
            return Ok(Arc::clone(handle));
        }
        if open.len() >= LIMIT
            && let Some(victim) = open.keys().next().copied()
        {
            open.remove(&victim);
        }
        let handle: Arc<dyn TargetFile> = target.open_file(&file.path, file.meta.size)?.into();
        open.insert(number, Arc::clone(&handle));
        Ok(handle)
    }

    /// Takes a file out, if it is open.
    fn close(&self, number: u32) -> Option<Arc<dyn TargetFile>> {
        self.0.lock().remove(&number)
    }
}

impl Run<'_> {
    /// Writes a blob to its place in a file; ends the file if it was the last.
    pub(super) fn write(&self, open: &OpenFiles, number: u32, file: &FileState, offset: u64, content: &[u8]) {
        let length = content.len() as u64;
        if file.has_failed() {
            return self.blob_done(open, number, file, length);
        }
        let is_whole = file.missing.load(Ordering::Acquire) == 1 && file.meta.size == length;
        let handle = if is_whole {
            self.target.open_file(&file.path, file.meta.size).map(Arc::from)
        } else {
            open.get(number, file, self.target)
        };
        let failed = |cause| TargetError { action: "write", path: file.path.clone(), cause };
        let written = handle.and_then(|handle| {
            write_content(&*handle, offset, content, file.sparse).map_err(failed).map(|()| handle)
        });
        match written {
            Ok(handle) if is_whole => {
                self.events.bytes_done(length);
                file.missing.store(0, Ordering::Release);
                return self.end_file(file, Some(&*handle));
            }
            Ok(_) => {}
            Err(error) => {
                file.refused.store(true, Ordering::Relaxed);
                if file.mark_failed() {
                    self.fail_to_write(&error);
                }
            }
        }
        self.blob_done(open, number, file, length);
    }

    /// Counts a blob as done.
    pub(super) fn blob_done(&self, open: &OpenFiles, number: u32, file: &FileState, length: u64) {
        self.events.bytes_done(length);
        if file.missing.fetch_sub(1, Ordering::AcqRel) == 1 {
            let handle = open.close(number);
            self.end_file(file, handle.as_deref());
        }
    }

    /// Sets a file's metadata once all its content is there.
    pub(super) fn end_file(&self, file: &FileState, handle: Option<&dyn TargetFile>) {
        if file.has_failed() {
            // Nobody is to take it for the file that it was to become.
            if file.is_new && file.refused.load(Ordering::Relaxed) {
                let _ = self.target.remove(&file.path);
            }
            return;
        }
        let failed = |cause| TargetError { action: "set the metadata of", path: file.path.clone(), cause };
        let outcome = match handle {
            _ if self.options.dry_run => Ok(()),
            Some(handle) => handle.set_metadata(&file.meta).map_err(failed),
            None => self.target.set_metadata(&file.path, &file.meta),
        };
        if let Err(error) = outcome {
            return self.fail_to_write(&error);
        }
        Counts::add(&self.counts.items, 1);
        Counts::add(&self.counts.files, 1);
        Counts::add(&self.counts.bytes, file.meta.size);
        self.events.file_done(&file.path, ItemAction::New, file.meta.size, 0);
    }
}

/// Pages of zeros that are left out of sparse files.
const PAGE: usize = 4096;

fn write_content(file: &dyn TargetFile, offset: u64, content: &[u8], sparse: bool) -> std::io::Result<()> {
    if !sparse {
        return file.write_at(offset, content);
    }
    let mut from = 0;
    let pages = content.chunks(PAGE).map(|page| (page.len(), page.iter().all(|byte| *byte == 0)));
    let mut at = 0;
    for (length, zero) in pages {
        if zero {
            if let Some(data) = content.get(from..at).filter(|data| !data.is_empty()) {
                file.write_at(offset + from as u64, data)?;
            }
            from = at + length;
        }
        at += length;
    }
    match content.get(from..) {
        Some(data) if !data.is_empty() => file.write_at(offset + from as u64, data),
        _ => Ok(()),
    }
}
