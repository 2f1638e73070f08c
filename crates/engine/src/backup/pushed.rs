//! A content that its producer pushes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use backstay_core::{CutHint, Meta, Pushed, SinkError};

use super::content::ChunkStream;
use super::folder::FolderState;
use super::sink::Shared;

/// A pushed content on its way.
pub(super) struct PushedFile {
    shared: Arc<Shared>,
    folder: Arc<FolderState>,
    name: Vec<u8>,
    stream: ChunkStream,
    finished: bool,
}

impl PushedFile {
    pub(super) fn new(shared: Arc<Shared>, folder: Arc<FolderState>, name: Vec<u8>, hint: CutHint) -> Self {
        let stream = ChunkStream::new(&shared, hint);
        Self { shared, folder, name, stream, finished: false }
    }
}

impl Pushed for PushedFile {
    fn write(&mut self, data: &[u8]) -> Result<(), SinkError> {
        self.shared.check()?;
        let shared = Arc::clone(&self.shared);
        shared.pace.wait(&shared.repository, data.len());
        shared.push(&mut self.stream, data, None)
    }

    fn finish(mut self: Box<Self>, meta: Meta) -> Result<(), SinkError> {
        self.finished = true;
        let shared = Arc::clone(&self.shared);
        self.stream.flush(&shared, None)?;
        let (folder, name) = (Arc::clone(&self.folder), std::mem::take(&mut self.name));
        let meta = Meta { size: self.stream.size, ..meta };
        self.stream.file.end(
            &shared,
            Box::new(move |shared, content, stored| {
                shared.complete_file(&folder, name, meta, content, stored)
            }),
        )
    }
}

impl Drop for PushedFile {
    fn drop(&mut self) {
        self.shared.open_pushes.fetch_sub(1, Ordering::SeqCst);
        if !self.finished {
            self.shared.item_failed(
                &self.folder,
                &self.name,
                "archival",
                "its content ended before it was whole",
            );
            if let Err(error) = self.shared.settle(&self.folder, None) {
                self.shared.fail(error);
            }
        }
    }
}
