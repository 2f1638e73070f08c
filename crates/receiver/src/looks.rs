//! What a receiver holds, for who runs it: room, use, files and running uploads.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;

use jiff::Timestamp;

use crate::clients::Client;
use crate::folder::Entry;
use crate::receiver::{Inner, Settings};

/// How much room there is on a receiver's disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Free on the disk.
    pub free: u64,
    /// Of those, the reserve that stays free.
    pub reserve: u64,
    /// Of those, what running uploads were promised and have not written yet.
    pub promised: u64,
}

impl Room {
    /// What can be taken in still.
    #[must_use]
    pub const fn left(self) -> u64 {
        self.free.saturating_sub(self.reserve).saturating_sub(self.promised)
    }
}

/// An archive or what lies beside one, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveFile {
    /// Its name within its client's folder.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// When it was put there.
    pub modified: Timestamp,
    /// The SHA-256 of its content, of files that became whole here.
    pub sha256: Option<String>,
}

/// Some of a client's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesPage {
    /// In the order of their names.
    pub files: Vec<ArchiveFile>,
    /// Whether there are more after these.
    pub has_more: bool,
}

/// An upload that is not whole yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningUpload {
    /// Whose it is.
    pub client: String,
    /// The name that the file is to have; none for a part that is put together with others.
    pub name: Option<String>,
    /// The bytes that it is to have.
    pub size: u64,
    /// The bytes that lie here and count.
    pub received: u64,
    /// The bytes of the piece that is coming in, which do not count yet.
    pub arriving: u64,
    /// Until when it is kept if nobody goes on with it.
    pub expires: Timestamp,
}

impl Inner {
    /// How it is set up.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How much room there is.
    ///
    /// # Errors
    /// When the file system does not tell.
    pub fn room(&self) -> io::Result<Room> {
        let free = self.archives.free()?;
        Ok(Room { free, reserve: self.settings.min_free, promised: self.ledger.outstanding() })
    }

    /// Bytes that a client has stored here, and that its running uploads were promised. The first time it counts, and blocks.
    ///
    /// # Errors
    /// When its folder cannot be read.
    pub fn used(&self, client: &Client) -> io::Result<(u64, u64)> {
        self.count_once(&client.folder)?;
        Ok(self.ledger.used(&client.folder))
    }

    /// A client's files in the order of their names, `limit` at most, from the one after `after` on. It blocks.
    ///
    /// # Errors
    /// When its folder cannot be read.
    pub fn files(&self, client: &Client, after: Option<&str>, limit: usize) -> io::Result<FilesPage> {
        let mut found = BTreeMap::<String, Entry>::new();
        let mut has_more = false;
        let mut each = |name: &str, entry: &Entry| {
            if after.is_none_or(|after| name > after) {
                found.insert(name.to_owned(), entry.clone());
                // Only as many are held as are given, however many there are.
                if found.len() > limit {
                    found.pop_last();
                    has_more = true;
                }
            }
            Ok(())
        };
        match self.archives.walk(client.folder.split('/')) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            folder => folder?.each_file(&mut each)?,
        }
        let files = found.into_iter().map(|(name, entry)| {
            let sha256 = self.sum_of(&client.folder, &name, &entry);
            ArchiveFile { name, size: entry.size, modified: entry.modified, sha256 }
        });
        Ok(FilesPage { files: files.collect(), has_more })
    }

    /// The uploads that are not whole yet, by client and name.
    #[must_use]
    pub fn running_uploads(&self) -> Vec<RunningUpload> {
        let all = self.uploads.all().into_iter().filter_map(|upload| {
            let state = upload.state();
            state.finished.is_none().then(|| RunningUpload {
                client: upload.record.client.clone(),
                name: upload.record.name.clone(),
                size: upload.record.length,
                received: state.offset,
                arriving: upload.arriving.load(Ordering::Relaxed),
                expires: state.expires,
            })
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by(|a, b| (&a.client, &a.name, a.expires).cmp(&(&b.client, &b.name, b.expires)));
        all
    }
}
