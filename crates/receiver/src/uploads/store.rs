//! Making, finding again and removing uploads.

use std::io;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Known, Record, State, Upload, full_name};
use crate::clients::Client;
use crate::folder::Folder;
use crate::names::Name;
use crate::problem::Problem;
use crate::receiver::Inner;
use crate::text;

pub(super) const DATA: &str = "data";
const RECORD: &str = "record.json";
const STATE: &str = "state.json";
/// Bytes that a record or a state may have.
const LONGEST: u64 = 1 << 20;

/// An upload that is to be made.
#[derive(Debug)]
pub(crate) struct NewUpload {
    /// None for a part.
    pub(crate) name: Option<Name>,
    pub(crate) length: u64,
    pub(crate) sha256: Option<String>,
    pub(crate) parts: Vec<String>,
    pub(crate) held: bool,
    pub(crate) metadata: String,
}

impl Inner {
    /// Makes an upload, durably, with room promised and its name taken.
    pub(crate) fn create_upload(&self, client: &Client, new: NewUpload) -> Result<Arc<Upload>, Problem> {
        let taken = new.name.as_ref().map(|name| full_name(&client.folder, name.text()));
        if let Some(name) = &new.name
            && self.has_archive(&client.folder, name)?
        {
            return Err(Problem::exists("a file of that name"));
        }
        let id = text::random_id(&*self.random);
        {
            let mut known = self.uploads.known.lock();
            let is_own = |upload: &&Arc<Upload>| {
                upload.record.client == client.name && upload.state.lock().finished.is_none()
            };
            if known.by_id.values().filter(is_own).count() >= self.settings.max_uploads {
                return Err(Problem::too_many("too many uploads of this client are under way", 60)
                    .hint("finish or end some of them first"));
            }
            if let Some(taken) = &taken
                && !known.names.insert(taken.clone())
            {
                let problem = Problem::exists("an upload of a file of that name")
                    .hint("go on with that upload, or end it first");
                // A client that did not keep the address of the same upload learns it again.
                let same = known.by_id.values().find(|upload| {
                    let record = &upload.record;
                    is_own(upload)
                        && new.name.as_ref().is_some_and(|name| record.name.as_deref() == Some(name.text()))
                        && (record.length, &record.sha256, record.held) == (new.length, &new.sha256, new.held)
                        && record.sha256.is_some()
                });
                return Err(match same {
                    Some(upload) => problem.location(&upload.id),
                    None => problem,
                });
            }
        }
        let made = self.make_upload(client, new, &id);
        let mut known = self.uploads.known.lock();
        match made {
            Ok(upload) => {
                known.by_id.insert(id, Arc::clone(&upload));
                Ok(upload)
            }
            Err(problem) => {
                forget_name(&mut known, taken.as_deref());
                Err(problem)
            }
        }
    }

    fn make_upload(&self, client: &Client, new: NewUpload, id: &str) -> Result<Arc<Upload>, Problem> {
        // What is put together from parts takes the place of their promises.
        let promise = self.promise(client, new.length, new.parts.is_empty())?;
        let record = Record {
            client: client.name.clone(),
            folder: client.folder.clone(),
            partial: new.name.is_none(),
            name: new.name.map(|name| name.text().to_owned()),
            length: new.length,
            sha256: new.sha256,
            parts: new.parts,
            held: new.held,
            metadata: new.metadata,
        };
        let state = State {
            offset: 0,
            expires: text::later(self.now(), self.settings.upload_lifetime),
            finished: None,
        };
        let failed = |error: io::Error| Problem::io("make the upload", &error);
        let staging = format!(".{id}.new");
        let uploads = &self.uploads.folder;
        let made = uploads.make(&staging).and_then(|folder| {
            folder.create(DATA)?.sync_all()?;
            put(&folder, RECORD, &record)?;
            put(&folder, STATE, &state)?;
            uploads.rename(&staging, id)
        });
        if let Err(error) = made {
            // The next start removes it otherwise.
            let _ = uploads.remove_flat(&staging);
            return Err(failed(error));
        }
        tracing::info!(
            client = client.name,
            upload = id,
            bytes = record.length,
            name = record.name,
            "an upload was begun"
        );
        Ok(Arc::new(Upload::new(id.to_owned(), record, state, Some(promise))))
    }

    /// The folder of an upload.
    pub(super) fn upload_folder(&self, upload: &Upload) -> io::Result<Folder> {
        self.uploads.folder.enter(&upload.id)
    }

    /// Puts how far an upload is onto the disk, and then into memory.
    pub(super) fn put_state(&self, upload: &Upload, state: State) -> io::Result<()> {
        put(&self.upload_folder(upload)?, STATE, &state)?;
        if let Some(promise) = &mut *upload.promise.lock() {
            promise.written(state.offset);
        }
        *upload.state.lock() = state;
        Ok(())
    }

    /// Removes an upload with all that it has on disk. The file that became of it stays.
    pub(crate) fn remove_upload(&self, upload: &Upload) -> Result<(), Problem> {
        let gone = self.uploads.folder.remove_flat(&upload.id);
        gone.map_err(|error| Problem::io("remove the upload", &error))?;
        let mut known = self.uploads.known.lock();
        known.by_id.remove(&upload.id);
        if upload.state.lock().finished.is_none() {
            let name = upload.record.name.as_deref();
            forget_name(&mut known, name.map(|name| full_name(&upload.record.folder, name)).as_deref());
        }
        *upload.promise.lock() = None;
        Ok(())
    }

    /// An upload has become a file, whose name is now its own.
    pub(super) fn release_name(&self, upload: &Upload) {
        let name = upload.record.name.as_deref().map(|name| full_name(&upload.record.folder, name));
        forget_name(&mut self.uploads.known.lock(), name.as_deref());
        if let Some(promise) = upload.promise.lock().take() {
            promise.keep();
        }
    }

    /// Takes up the uploads that lie on the disk.
    pub(crate) fn load_uploads(&self) -> io::Result<()> {
        for entry in self.uploads.folder.entries_with_hidden()? {
            if !entry.is_folder {
                self.uploads.folder.remove(&entry.name)?;
            } else if entry.name.starts_with('.') {
                self.uploads.folder.remove_flat(&entry.name)?;
            } else if let Err(error) = self.load_upload(&entry.name) {
                tracing::error!(upload = entry.name, cause = %error, "an upload cannot be taken up; it is left as it is");
            }
        }
        Ok(())
    }

    fn load_upload(&self, id: &str) -> io::Result<()> {
        let folder = self.uploads.folder.enter(id)?;
        let record: Record = get(&folder, RECORD)?;
        let mut state: State = get(&folder, STATE)?;
        match folder.update(DATA) {
            // What counts was brought to the disk before it was counted; a disk that lost it all the same gets it again.
            Ok(data) => {
                state.offset = state.offset.min(data.metadata()?.len());
                // What lies beyond is left of a piece that did not count.
                data.set_len(state.offset)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && state.finished.is_none() => {
                // It got its name, and the process ended before that was written down.
                let sum =
                    record.name.as_deref().and_then(|name| self.sum_of_upload(&record.folder, name, id));
                let Some(sum) = sum else { return Err(error) };
                state.finished = Some(sum);
                put(&folder, STATE, &state)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let is_open = state.finished.is_none();
        let promise = is_open.then(|| self.ledger.resume(&record.folder, record.length, state.offset));
        let mut known = self.uploads.known.lock();
        if is_open && let Some(name) = &record.name {
            known.names.insert(full_name(&record.folder, name));
        }
        known.by_id.insert(id.to_owned(), Arc::new(Upload::new(id.to_owned(), record, state, promise)));
        Ok(())
    }
}

fn forget_name(known: &mut Known, name: Option<&str>) {
    if let Some(name) = name {
        known.names.remove(name);
    }
}

pub(crate) fn put(folder: &Folder, name: &str, value: &impl Serialize) -> io::Result<()> {
    folder.write(name, &serde_json::to_vec(value)?)
}

pub(crate) fn get<T: DeserializeOwned>(folder: &Folder, name: &str) -> io::Result<T> {
    use io::Read;
    let mut text = Vec::new();
    folder.read(name)?.take(LONGEST).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
