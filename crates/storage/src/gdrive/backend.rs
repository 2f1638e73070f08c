//! The storage itself, in restic's layout.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use backstay_core::{CallContext, ErrorKind, FileId, FileKind, Handle, Storage, StorageError};
use backstay_net::google::drive::About;
use backstay_net::google::{Account, Call, FOLDER, File};
use parking_lot::Mutex;
use serde_json::json;

use super::place::Place;
use crate::{Http, failure, layout};

/// How many calls at once serve best: more meet Google's limits of requests per minute.
const CONNECTIONS: usize = 4;
/// The ids of so many packs are remembered, some 20 MB of them.
const MOST_KNOWN: usize = 100_000;

/// Keeps a repository's files in a folder of Google Drive.
pub struct GoogleDrive {
    place: Place,
    connections: usize,
    /// The ids of packs that were listed, written or read: a pack that is there keeps its id.
    packs: Mutex<HashMap<FileId, String>>,
}

impl std::fmt::Debug for GoogleDrive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GoogleDrive").field("location", &self.place.location()).finish_non_exhaustive()
    }
}

impl GoogleDrive {
    /// The repository in the folder at a path. No request is sent.
    ///
    /// # Errors
    /// When the path is not plain, or there is no HTTP client with these settings.
    pub fn new(
        path: &str,
        account: Arc<Account>,
        http: &Http,
        connections: Option<usize>,
    ) -> Result<Self, StorageError> {
        Ok(Self {
            place: Place::new(path, account, http)?,
            connections: connections.unwrap_or(CONNECTIONS).max(1),
            packs: Mutex::default(),
        })
    }

    /// Whose Drive it is, and how much room there is.
    ///
    /// # Errors
    /// As the service fails.
    pub fn about(&self, context: CallContext<'_>) -> Result<About, StorageError> {
        self.place.drive.about(Call::new(context, "connect", &"to Google Drive"))
    }

    /// Removes the folder with all in it. Fine if there is none.
    ///
    /// # Errors
    /// As the service fails.
    pub fn remove_all(&self, context: CallContext<'_>) -> Result<(), StorageError> {
        let location = self.place.location();
        let call = Call::new(context, "remove", &location);
        self.place.forget();
        self.packs.lock().clear();
        let folders = self.place.folders(call, "")?;
        self.place.forget();
        folders.iter().try_for_each(|id| self.place.drive.remove(call, id))
    }

    /// All files that there are of a handle, the one that counts first.
    fn copies(&self, call: Call<'_>, handle: &Handle) -> Result<Vec<File>, StorageError> {
        self.place.files(call, &layout::folder(handle), &layout::name(handle))
    }

    fn file(&self, call: Call<'_>, handle: &Handle) -> Result<File, StorageError> {
        let first = self.copies(call, handle)?.into_iter().next();
        let first = first.ok_or_else(|| failure::not_found(call.action, handle))?;
        self.remember(handle, &first.id);
        Ok(first)
    }

    fn remember(&self, handle: &Handle, id: &str) {
        let mut packs = self.packs.lock();
        if handle.kind == FileKind::Pack && packs.len() < MOST_KNOWN {
            packs.insert(handle.id, id.to_owned());
        }
    }

    fn known(&self, handle: &Handle) -> Option<String> {
        if handle.kind == FileKind::Pack { self.packs.lock().get(&handle.id).cloned() } else { None }
    }

    /// Reads from a file by its id. A pack that is not there any more by the id that is remembered may have another one.
    fn reading<T>(
        &self,
        call: Call<'_>,
        handle: &Handle,
        mut read: impl FnMut(&str) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        if let Some(id) = self.known(handle) {
            match read(&id) {
                Err(error) if error.kind == ErrorKind::NotFound => {
                    self.packs.lock().remove(&handle.id);
                }
                read => return read,
            }
        }
        let file = self.file(call, handle)?;
        read(&file.id)
    }

    /// The folders of packs with the first digits of those in them; what there is of them is remembered.
    fn shards(&self, call: Call<'_>) -> Result<HashMap<String, String>, StorageError> {
        let data = self.place.folders(call, FileKind::Pack.folder())?;
        let folders = self.place.children(call, &data, &format!("mimeType = '{FOLDER}'"))?;
        let (mut shards, mut known) = (HashMap::new(), HashMap::<String, Vec<String>>::new());
        for folder in folders.into_iter().filter(|folder| layout::shards().any(|name| name == folder.name)) {
            known.entry(format!("data/{}", folder.name)).or_default().push(folder.id.clone());
            shards.insert(folder.id, folder.name);
        }
        self.place.learn(known);
        Ok(shards)
    }

    fn list_once(
        &self,
        call: Call<'_>,
        kind: FileKind,
        each: &mut dyn FnMut(FileId, u64),
    ) -> Result<(), StorageError> {
        let (parents, shards) = if kind == FileKind::Pack {
            let shards = self.shards(call)?;
            (shards.keys().cloned().collect(), Some(shards))
        } else {
            (self.place.folders(call, kind.folder())?, None)
        };
        let mut told = HashSet::new();
        self.place.each_child(call, &parents, &format!("mimeType != '{FOLDER}'"), &mut |file| {
            let Some(id) = layout::id(&file.name) else { return Ok(()) };
            let is_at_home = shards.as_ref().is_none_or(|shards| {
                file.parents.iter().any(|parent| shards.get(parent) == Some(&layout::shard(&id)))
            });
            if is_at_home && told.insert(id) {
                let size = file.size().ok_or_else(|| call.strange("a file without a length"))?;
                self.remember(&Handle::new(kind, id), &file.id);
                each(id, size);
            }
            Ok(())
        })
    }

    fn upload(&self, call: Call<'_>, handle: &Handle, content: &[u8]) -> Result<File, StorageError> {
        let folder = self.place.folder(call, &layout::folder(handle))?;
        let metadata = json!({
            "name": layout::name(handle), "parents": [folder], "mimeType": "application/octet-stream",
        });
        self.place.drive.upload(call, &metadata, content)
    }
}

impl Storage for GoogleDrive {
    fn location(&self) -> String {
        self.place.location()
    }

    fn connections(&self) -> usize {
        self.connections
    }

    fn prepare(&self, context: CallContext<'_>) -> Result<(), StorageError> {
        self.place.prepare(context)
    }

    fn size(&self, handle: &Handle, context: CallContext<'_>) -> Result<u64, StorageError> {
        let call = Call::new(context, "stat", handle);
        let file = self.file(call, handle)?;
        file.size().ok_or_else(|| call.strange("a file without a length"))
    }

    fn list(
        &self,
        kind: FileKind,
        context: CallContext<'_>,
        each: &mut dyn FnMut(FileId, u64),
    ) -> Result<(), StorageError> {
        if kind == FileKind::Config {
            return Ok(());
        }
        let what = kind.folder();
        let call = Call::new(context, "list", &what);
        let mut any = false;
        let listed = self.list_once(call, kind, &mut |id, size| {
            any = true;
            each(id, size);
        });
        match listed {
            // A folder that was remembered is gone; nothing may be told twice.
            Err(error) if error.kind == ErrorKind::NotFound => {
                self.place.forget();
                if any {
                    return Err(StorageError { kind: ErrorKind::Transient, ..error });
                }
                self.list_once(call, kind, each)
            }
            listed => listed,
        }
    }

    fn read(
        &self,
        handle: &Handle,
        buffer: &mut Vec<u8>,
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        let call = Call::new(context, "read", handle);
        self.reading(call, handle, |id| self.place.drive.read(call, id, handle.kind.longest(), buffer))?;
        failure::check_length(handle, buffer.len() as u64)
    }

    fn read_at(
        &self,
        handle: &Handle,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        if buffer.is_empty() {
            return self.size(handle, context).map(|_| ());
        }
        let call = Call::new(context, "read", handle);
        let length = buffer.len();
        let read = self.reading(call, handle, |id| self.place.drive.read_at(call, id, offset, buffer));
        match read {
            Ok(count) if count == length => Ok(()),
            Ok(_) => Err(failure::too_short(handle, offset, length)),
            Err(error) if error.kind == ErrorKind::Corrupt => Err(failure::too_short(handle, offset, length)),
            Err(error) => Err(error),
        }
    }

    fn write(&self, handle: &Handle, content: &[u8], context: CallContext<'_>) -> Result<(), StorageError> {
        let call = Call::new(context, "write", handle);
        if let [first, others @ ..] = self.copies(call, handle)?.as_slice() {
            self.place.tidy(call, first, others);
            return Err(failure::exists("write", handle));
        }
        let file = match self.upload(call, handle, content) {
            // A folder that was remembered is gone.
            Err(error) if error.kind == ErrorKind::NotFound => {
                self.place.forget();
                self.upload(call, handle, content)?
            }
            file => file?,
        };
        let copies = self.copies(call, handle)?;
        match copies.first() {
            Some(first) if first.id != file.id => {
                // Somebody was quicker. Ours is in nobody's way if it stays.
                let _ = self.place.drive.remove(call, &file.id);
                Err(failure::exists("write", handle))
            }
            _ => {
                self.remember(handle, &file.id);
                Ok(())
            }
        }
    }

    fn remove(&self, handle: &Handle, context: CallContext<'_>) -> Result<(), StorageError> {
        let call = Call::new(context, "remove", handle);
        let copies = self.copies(call, handle)?;
        if copies.is_empty() {
            return Err(failure::not_found("remove", handle));
        }
        self.packs.lock().remove(&handle.id);
        // The one that counts goes last, so that none takes its place.
        for copy in copies.iter().rev() {
            match self.place.drive.remove(call, &copy.id) {
                Err(error) if error.kind == ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
        Ok(())
    }
}
