//! The contents of files, written out and as readers.

use std::io::{Read, Write};

use backstay_core::FileId;
use backstay_engine::format::{BlobKind, Node};
use backstay_engine::repository::read_content;

use crate::app::App;
use crate::failure::{Explain, Failure, Outcome};
use crate::repository::Opened;

/// Reads contents of a repository.
pub(super) struct Contents<'a> {
    app: &'a App,
    repository: &'a Opened,
}

impl<'a> Contents<'a> {
    pub(super) const fn new(app: &'a App, repository: &'a Opened) -> Self {
        Self { app, repository }
    }

    /// Writes the content of a file.
    pub(super) fn copy(&self, node: &Node, out: &mut dyn Write) -> Outcome {
        if let [only] = node.blobs() {
            return self.repository.with_blob(BlobKind::Data, only, |bytes| {
                out.write_all(bytes).explain("cannot write the content")
            });
        }
        let index = self.repository.trees()?.index();
        read_content(self.repository.engine(), index, node.blobs(), &mut |bytes| {
            out.write_all(bytes).explain("cannot write the content")
        })
    }

    /// How much content a file has, whatever its metadata says.
    pub(super) fn length(&self, node: &Node) -> Outcome<u64> {
        let index = self.repository.trees()?.index();
        let lengths = node.blobs().iter().map(|id| {
            let length = index.content_length(BlobKind::Data, id);
            length
                .map(u64::from)
                .ok_or_else(|| Failure::fatal(format!("blob {id} is not in the repository's index")))
        });
        lengths.sum()
    }

    /// The content as a reader, for archives that pull.
    pub(super) fn reader(&self, node: &'a Node) -> ContentReader<'_> {
        ContentReader { contents: self, blobs: node.blobs().iter(), buffer: Vec::new(), at: 0 }
    }
}

/// Gives the content of one file.
pub(super) struct ContentReader<'a> {
    contents: &'a Contents<'a>,
    blobs: std::slice::Iter<'a, FileId>,
    buffer: Vec<u8>,
    at: usize,
}

impl Read for ContentReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.buffer.len() {
            // Not as `Interrupted`: that asks the caller to try again.
            self.contents.app.control.checkpoint().map_err(std::io::Error::other)?;
            let Some(id) = self.blobs.next() else { return Ok(0) };
            self.buffer.clear();
            self.at = 0;
            let buffer = &mut self.buffer;
            self.contents
                .repository
                .with_blob(BlobKind::Data, id, |bytes| {
                    buffer.extend_from_slice(bytes);
                    Ok(())
                })
                .map_err(|failure| std::io::Error::other(failure.to_string()))?;
        }
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let length = rest.len().min(out.len());
        if let (Some(out), Some(rest)) = (out.get_mut(..length), rest.get(..length)) {
            out.copy_from_slice(rest);
        }
        self.at += length;
        Ok(length)
    }
}
