//! A batch of files: what must be written, and the workers that write it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use backstay_core::{EntryKind, FileId, FileKind, Handle, ItemAction};
use parking_lot::Mutex;

use super::files::{FileState, OpenFiles};
use super::plan::{Plan, Stretch, Use};
use super::present::holds;
use super::run::{Counts, Run};
use crate::crypto::{hash, hash_both};
use crate::format::{Blob, BlobKind, Node};
use crate::pack::Decompressor;
use crate::repository::{BlobReader, compare_hash, open_content};
use crate::{Error, Result};

/// Files whose content is restored together.
#[derive(Default)]
pub(super) struct Batch {
    files: Vec<(Vec<u8>, Node)>,
    blobs: usize,
}

/// Files in a batch.
const FILES: usize = 16_384;
/// Blobs in a batch: about 20 MB of plan.
const BLOBS: usize = 200_000;

impl Batch {
    pub(super) fn push(&mut self, path: &[u8], node: Node) {
        self.blobs += node.blobs().len();
        self.files.push((path.to_vec(), node));
    }

    pub(super) fn is_full(&self) -> bool {
        self.files.len() >= FILES || self.blobs >= BLOBS
    }
}

/// Whether a file at the target has content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Nothing,
    Content,
}

/// What is decided about a file before anything is written.
enum Decision {
    /// Leave it alone.
    Skip,
    /// Write these blobs: position in the file and id. Together with what is there already the file has `size` bytes.
    Write {
        blobs: Vec<(u64, FileId)>,
        size: u64,
        existing: Existing,
    },
    Fail(String),
}

impl Run<'_> {
    pub(super) fn run_batch(&self, batch: Batch) -> Result<()> {
        // The sizes are what the trees claim, however absurd.
        let bytes = batch.files.iter().fold(0_u64, |sum, (_, node)| sum.saturating_add(node.meta.size));
        self.expect(batch.files.len() as u64, bytes);
        let decisions = self.decide_all(&batch)?;
        let mut files = Vec::with_capacity(batch.files.len());
        let mut plan = Plan::default();
        for ((path, mut node), decision) in batch.files.into_iter().zip(decisions) {
            match decision {
                Decision::Skip => {
                    let size = node.meta.size;
                    self.keep(&path, &node.meta);
                    Counts::add(&self.counts.skipped, 1);
                    Counts::add(&self.counts.bytes_skipped, size);
                    self.events.bytes_done(size);
                    self.events.file_done(&path, ItemAction::Unchanged, size, 0);
                }
                Decision::Fail(error) => self.fail(&path, &error),
                Decision::Write { blobs, size, existing } => {
                    if size != node.meta.size {
                        self.events.warning(&format!(
                            "{}: the snapshot says {} bytes but holds {size}; these are restored",
                            String::from_utf8_lossy(&path),
                            node.meta.size
                        ));
                        node.meta.size = size;
                    }
                    let number = files.len() as u32;
                    let is_new = existing == Existing::Nothing;
                    let sparse = self.options.sparse && is_new;
                    let file = FileState::new(path, node.meta, blobs.len() as u32, sparse, is_new);
                    let nothing = blobs.is_empty();
                    for (offset, id) in blobs {
                        // `decide` looked each of them up.
                        plan.need(self.index, &id, Use { file: number, offset });
                    }
                    if nothing {
                        self.write_empty(&file);
                    }
                    files.push(file);
                }
            }
        }
        if self.options.dry_run {
            files.iter().for_each(|file| self.end_file(file, None));
            return Ok(());
        }
        self.run_plan(&mut plan, &files)
    }

    /// A file without blobs to write: empty, or all of it is there.
    fn write_empty(&self, file: &FileState) {
        if self.options.dry_run {
            return;
        }
        match self.target.open_file(&file.path, file.meta.size) {
            Ok(handle) => self.end_file(file, Some(&*handle)),
            Err(error) => self.fail_to_write(&error),
        }
    }

    /// Decides about all files of a batch, on all threads: comparing content takes time.
    fn decide_all(&self, batch: &Batch) -> Result<Vec<Decision>> {
        let next = AtomicUsize::new(0);
        let decided = Mutex::new(Vec::with_capacity(batch.files.len()));
        std::thread::scope(|scope| {
            for _ in 0..self.repository.settings().threads {
                scope.spawn(|| {
                    let (mut own, mut buffer) = (Vec::new(), Vec::new());
                    loop {
                        let start = next.fetch_add(64, Ordering::Relaxed);
                        let Some(files) = batch.files.get(start..batch.files.len().min(start + 64)) else {
                            break;
                        };
                        if files.is_empty() || self.repository.control().checkpoint().is_err() {
                            break;
                        }
                        for (offset, (path, node)) in files.iter().enumerate() {
                            own.push((start + offset, self.decide(path, node, &mut buffer)));
                        }
                    }
                    decided.lock().append(&mut own);
                });
            }
        });
        self.repository.control().checkpoint()?;
        let mut decided = decided.into_inner();
        decided.sort_unstable_by_key(|(number, _)| *number);
        Ok(decided.into_iter().map(|(_, decision)| decision).collect())
    }

    fn decide(&self, path: &[u8], node: &Node, buffer: &mut Vec<u8>) -> Decision {
        let existing = match self.target.existing(path) {
            Ok(existing) => existing,
            Err(error) => return Decision::Fail(error.to_string()),
        };
        if existing.as_ref().is_some_and(|existing| !self.options.overwrite.touches(existing, &node.meta)) {
            return Decision::Skip;
        }
        if node.content.is_none() && node.meta.size > 0 {
            return Decision::Fail("the snapshot does not say what is in it".into());
        }
        let mut blobs = Vec::with_capacity(node.blobs().len());
        let mut offset = 0;
        for id in node.blobs() {
            let Some(location) = self.index.find(BlobKind::Data, id) else {
                return Decision::Fail(format!("its blob {id} is not in the repository's index"));
            };
            if !location.blob.is_plausible() {
                return Decision::Fail(format!(
                    "the index claims a length of its blob {id} that is beyond reason"
                ));
            }
            let length = u64::from(location.blob.content_length());
            blobs.push((offset, *id, length));
            offset += length;
        }
        let has_content = existing.is_some_and(|existing| {
            existing.kind == EntryKind::File && existing.size > 0 && existing.links <= 1
        });
        if has_content && !self.options.dry_run {
            self.drop_present(path, &mut blobs, buffer);
        }
        let existing = if has_content { Existing::Content } else { Existing::Nothing };
        let blobs = blobs.into_iter().map(|(offset, id, _)| (offset, id)).collect();
        Decision::Write { blobs, size: offset, existing }
    }

    /// Takes out the blobs that the file at the target has in their places.
    fn drop_present(&self, path: &[u8], blobs: &mut Vec<(u64, FileId, u64)>, buffer: &mut Vec<u8>) {
        let Ok(file) = self.target.read_file(path) else { return };
        blobs.retain(|(offset, id, length)| {
            let present = holds(&*file, *offset, *length, id, buffer).unwrap_or(false);
            if present {
                Counts::add(&self.counts.unchanged, *length);
                self.events.bytes_done(*length);
            }
            !present
        });
    }

    fn run_plan(&self, plan: &mut Plan, files: &[FileState]) -> Result<()> {
        let open = OpenFiles::default();
        let mut stretches = plan.stretches();
        while !stretches.is_empty() {
            let (now, later) = self.readable(stretches)?;
            self.run_stretches(&now, files, &open)?;
            stretches = later;
        }
        Ok(())
    }

    fn run_stretches(&self, stretches: &[Stretch<'_>], files: &[FileState], open: &OpenFiles) -> Result<()> {
        let next = AtomicUsize::new(0);
        let settings = self.repository.settings();
        let threads =
            settings.threads.max(self.repository.storage().connections().min(8)).min(stretches.len());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut worker = Worker::default();
                    while let Some(stretch) = stretches.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if self.repository.control().checkpoint().is_err() {
                            break;
                        }
                        self.restore_stretch(stretch, files, open, &mut worker);
                    }
                });
            }
        });
        Ok(self.repository.control().checkpoint()?)
    }

    fn restore_stretch(
        &self,
        stretch: &Stretch<'_>,
        files: &[FileState],
        open: &OpenFiles,
        worker: &mut Worker,
    ) {
        if let Err(error) = self.repository.confirm_range(stretch.pack, stretch.start, stretch.length) {
            for (_, _, uses) in stretch.blobs() {
                self.write_uses(uses, files, open, &Err(error.again()));
            }
            return;
        }
        if worker.sealed.len() < stretch.length {
            worker.sealed.resize(stretch.length, 0);
        }
        let sealed = worker.sealed.get_mut(..stretch.length).unwrap_or_default();
        let handle = Handle::new(FileKind::Pack, stretch.pack);
        let read = self.repository.storage().read_at(
            &handle,
            u64::from(stretch.start),
            sealed,
            self.repository.context(),
        );
        let read = read.map_err(Error::from);
        // A stretch's blobs ascend and do not overlap, so each has a part of its own.
        let (mut rest, mut taken) = (sealed, 0);
        let mut part = |blob: &Blob, at: usize| -> Result<&mut [u8]> {
            if let Err(error) = &read {
                return Err(error.again());
            }
            let (_, from) = std::mem::take(&mut rest).split_at_mut_checked(at - taken).unwrap_or_default();
            let split = from.split_at_mut_checked(blob.length as usize);
            let (own, later) = split.ok_or_else(|| Error::damaged(handle, "too short"))?;
            (rest, taken) = (later, at + own.len());
            Ok(own)
        };
        let Worker { contents: [buffer, next_buffer], decompressor, .. } = worker;
        let mut blobs = stretch.blobs();
        while let Some((blob, at, uses)) = blobs.next() {
            let first = part(&blob, at)
                .and_then(|sealed| open_content(self.repository, &blob, sealed, decompressor, buffer));
            let Some((next_blob, next_at, next_uses)) = blobs.next() else {
                let first = first.and_then(|content| compare_hash(&blob, hash(content)).map(|()| content));
                self.write_opened(&blob, first, uses, files, open);
                break;
            };
            let second = part(&next_blob, next_at).and_then(|sealed| {
                open_content(self.repository, &next_blob, sealed, decompressor, next_buffer)
            });
            // Two hashes at once take little longer than one.
            let none: &[u8] = &[];
            let (id, next_id) =
                hash_both(first.as_deref().unwrap_or(none), second.as_deref().unwrap_or(none));
            let first = first.and_then(|content| compare_hash(&blob, id).map(|()| content));
            let second = second.and_then(|content| compare_hash(&next_blob, next_id).map(|()| content));
            self.write_opened(&blob, first, uses, files, open);
            self.write_opened(&next_blob, second, next_uses, files, open);
        }
    }

    /// Writes a blob that was opened. A damaged one may lie in another pack too, or come whole when read again.
    fn write_opened(
        &self,
        blob: &Blob,
        opened: Result<&[u8]>,
        uses: impl Iterator<Item = Use>,
        files: &[FileState],
        open: &OpenFiles,
    ) {
        match opened {
            Ok(content) => self.write_uses(uses, files, open, &Ok(content)),
            Err(error) => {
                let mut reader = BlobReader::new(self.repository, Arc::clone(self.index));
                let content = match reader.read(BlobKind::Data, &blob.id) {
                    // Its place in the files was reckoned with this length.
                    Ok(content) if content.len() == blob.content_length() as usize => Ok(content),
                    // This one names the pack too.
                    Err(again) if again.is_about_content() => Err(again),
                    _ => Err(error),
                };
                self.write_uses(uses, files, open, &content);
            }
        }
    }

    /// Writes a blob to all its places, or gives up the files that it would have gone to.
    fn write_uses(
        &self,
        uses: impl Iterator<Item = Use>,
        files: &[FileState],
        open: &OpenFiles,
        content: &Result<&[u8]>,
    ) {
        for to in uses {
            let Some(file) = files.get(to.file as usize) else { continue };
            match content {
                Ok(content) => self.write(open, to.file, file, to.offset, content),
                Err(error) => {
                    if file.mark_failed() {
                        self.fail_to_read(&file.path, error);
                    }
                    self.blob_done(open, to.file, file, 0);
                }
            }
        }
    }
}

/// A worker's buffers.
#[derive(Default)]
struct Worker {
    sealed: Vec<u8>,
    contents: [Vec<u8>; 2],
    decompressor: Decompressor,
}
