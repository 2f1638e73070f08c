//! The files of repositories: listed, fetched, saved and removed.

use std::io::{self, Write};
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use backstay_core::{FileId, FileKind, Handle};
use serde::Serialize;

use crate::archives::with_type;
use crate::clients::Client;
use crate::folder::Folder;
use crate::intake::{self, Algorithm, End, Taken};
use crate::ledger::Promise;
use crate::problem::Problem;
use crate::receiver::{Receiver, empty};
use crate::{outflow, text};

/// The type of listings that tell sizes.
const V2: &str = "application/vnd.x.restic.rest.v2";
const V1: &str = "application/vnd.x.restic.rest.v1";
/// Room that a file is promised whose length is not told: twice restic's largest target size.
const UNTOLD: u64 = 256 << 20;

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    size: u64,
}

pub(super) async fn list(
    receiver: Receiver,
    client: Arc<Client>,
    place: String,
    kind: FileKind,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let accepts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let sizes = accepts.flat_map(|value| value.split(',')).any(|kind| kind.trim() == V2);
    let open = {
        let (client, place) = (Arc::clone(&client), place.clone());
        receiver.blocking(move |receiver| receiver.repository(&client, &place)).await?
    };
    let permit = receiver.place().await?;
    let body = outflow::body(permit, move |out| {
        out.write_all(b"[")?;
        let mut first = true;
        let mut list = |folder: &Folder, shard: Option<&str>| -> io::Result<()> {
            for entry in folder.entries()? {
                let is_id = FileId::from_hex(&entry.name).is_some_and(|id| id.to_hex() == entry.name);
                if entry.is_folder || !is_id || shard.is_some_and(|shard| !entry.name.starts_with(shard)) {
                    continue;
                }
                if !std::mem::take(&mut first) {
                    out.write_all(b",")?;
                }
                if sizes {
                    serde_json::to_writer(&mut *out, &Listed { name: &entry.name, size: entry.size })?;
                } else {
                    serde_json::to_writer(&mut *out, &entry.name)?;
                }
            }
            Ok(())
        };
        match open.enter(kind.folder()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(folder) if kind == FileKind::Pack => {
                for shard in
                    folder.entries()?.into_iter().filter(|entry| entry.is_folder && entry.name.len() == 2)
                {
                    list(&folder.enter(&shard.name)?, Some(&shard.name))?;
                }
            }
            Ok(folder) => list(&folder, None)?,
        }
        out.write_all(b"]")
    });
    Ok(with_type(body, if sizes { V2 } else { V1 }))
}

pub(super) async fn fetch(
    receiver: Receiver,
    client: Arc<Client>,
    place: String,
    handle: Handle,
    headers: &HeaderMap,
    is_head: bool,
) -> Result<Response, Problem> {
    let opened = receiver.blocking(move |receiver| {
        let repository = receiver.repository(&client, &place)?;
        let file = folder_of(&repository, &handle).and_then(|folder| folder.read(&name_of(&handle)));
        file.map_err(|error| Problem::io("read the file", &error))
    });
    let file = opened.await?;
    let permit = receiver.place().await?;
    outflow::file(permit, file, headers, is_head)
}

pub(super) async fn save(
    receiver: Receiver,
    client: Arc<Client>,
    place: String,
    handle: Handle,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let told = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    // Whoever writes more than a kind has room for gets it back as damaged; what is stored is theirs.
    let longest = FileKind::Pack.longest();
    if told.is_some_and(|told| told > longest) {
        return Err(too_long(longest));
    }
    let only_new = headers.get(IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == b"*");
    let permit = receiver.place().await?;
    let room = told.unwrap_or(UNTOLD).min(longest);
    let temporary = text::random_id(&*receiver.random);
    let (promise, repository, file) = {
        let (client, place, temporary) = (Arc::clone(&client), place.clone(), temporary.clone());
        let open = move |receiver: &Receiver| {
            let repository = receiver.repository(&client, &place)?;
            if only_new && has(&repository, &handle)? {
                return Err(Problem::new(
                    StatusCode::PRECONDITION_FAILED,
                    "exists",
                    "the file exists already",
                ));
            }
            let promise = receiver.promise(&client, room, true)?;
            let file =
                receiver.incoming.create(&temporary).map_err(|error| Problem::io("save the file", &error))?;
            Ok((promise, repository, file))
        };
        receiver.blocking(open).await?
    };
    let writing = file.try_clone().map_err(|error| Problem::io("save the file", &error))?;
    let mut interrupt = receiver.ending.subscribe();
    let algorithm = (handle.kind != FileKind::Config).then_some(Algorithm::Sha256);
    let taken = intake::take(body, writing, 0, room, algorithm, &mut interrupt, |_, _| Ok(())).await;
    let outcome = receiver.blocking(move |receiver| {
        let saved = taken.map_err(|error| Problem::io("save the file", &error)).and_then(|taken| {
            receiver.keep_file(&client, &repository, &handle, &file, &temporary, &taken, promise, only_new)
        });
        // Where it got its name this finds nothing.
        let _ = receiver.incoming.remove(&temporary);
        drop(permit);
        saved
    });
    outcome.await?;
    Ok(empty(StatusCode::OK))
}

impl Receiver {
    /// Makes a repository's folders. Fine if they are there, as long as there is no configuration yet.
    pub(super) fn make_repository(&self, client: &Client, place: &str) -> Result<(), Problem> {
        let failed = |error: io::Error| Problem::io("make the repository", &error);
        let root = self.repo.make_walk(steps(client, place)).map_err(failed)?;
        for kind in FileKind::FOLDERS {
            let folder = root.make(kind.folder()).map_err(failed)?;
            if kind == FileKind::Pack {
                for shard in 0..=u8::MAX {
                    folder.make(&format!("{shard:02x}")).map_err(failed)?;
                }
            }
        }
        Ok(())
    }

    /// The folder of a repository.
    fn repository(&self, client: &Client, place: &str) -> Result<Folder, Problem> {
        self.repo.walk(steps(client, place)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Problem::not_found("repository"),
            _ => Problem::io("find the repository", &error),
        })
    }

    /// Gives what came the name that it was sent to, if it is what the name says.
    #[allow(clippy::too_many_arguments)]
    fn keep_file(
        &self,
        client: &Client,
        repository: &Folder,
        handle: &Handle,
        file: &std::fs::File,
        temporary: &str,
        taken: &Taken,
        promise: Promise,
        only_new: bool,
    ) -> Result<(), Problem> {
        let failed = |error: io::Error| Problem::io("save the file", &error);
        match taken.end {
            End::Whole => {}
            End::TooLong => return Err(too_long(FileKind::Pack.longest())),
            End::Cut => return Err(Problem::bad_request("the body ended before its time")),
            End::Interrupted => return Err(Problem::unavailable("the receiver ends")),
        }
        if handle.kind != FileKind::Config && taken.digest != handle.id.0 {
            return Err(Problem::bad_request(
                "the content is not what its name says: its SHA-256 is another",
            )
            .hint("something changed it on the way; send it again"));
        }
        // Read-only, as restic and our own local storage leave it.
        rustix::fs::fchmod(file, rustix::fs::Mode::RUSR).map_err(|error| failed(error.into()))?;
        file.sync_all().map_err(failed)?;
        let folder = match folder_of(repository, handle) {
            // A repository that was made without all its folders gets the missing one.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_folder_of(repository, handle).map_err(failed)?
            }
            folder => folder.map_err(failed)?,
        };
        let name = name_of(handle);
        match self.incoming.publish(temporary, &folder, &name) {
            Ok(()) => {
                drop(promise);
                self.ledger.added(&client.folder, taken.written);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // The same content once more is a client that did not hear the answer. The name vouches for the content.
                let there = folder.read(&name).and_then(|there| there.metadata()).map_err(failed)?.len();
                let is_same = handle.kind != FileKind::Config && there == taken.written;
                if only_new {
                    let text = "the file exists already";
                    Err(Problem::new(StatusCode::PRECONDITION_FAILED, "exists", text))
                } else if is_same {
                    Ok(())
                } else {
                    Err(Problem::new(
                        StatusCode::FORBIDDEN,
                        "exists",
                        "the file exists already, and nothing is overwritten",
                    ))
                }
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Removes a file of a repository.
    pub(super) fn remove_file(&self, client: &Client, place: &str, handle: &Handle) -> Result<(), Problem> {
        let failed = |error: io::Error| Problem::io("remove the file", &error);
        let repository = self.repository(client, place)?;
        let folder = folder_of(&repository, handle).map_err(failed)?;
        let name = name_of(handle);
        let size = folder.read(&name).and_then(|file| file.metadata()).map_err(failed)?.len();
        folder.remove(&name).map_err(failed)?;
        folder.sync().map_err(failed)?;
        self.ledger.removed(&client.folder, size);
        Ok(())
    }
}

/// The folders that lead to a repository.
fn steps<'a>(client: &'a Client, place: &'a str) -> impl Iterator<Item = &'a str> {
    client.folder.split('/').chain(place.split('/').filter(|part| !part.is_empty()))
}

/// The folder of a file in restic's layout.
fn folder_of(repository: &Folder, handle: &Handle) -> io::Result<Folder> {
    match handle.kind {
        FileKind::Config => repository.again(),
        FileKind::Pack => repository.enter(handle.kind.folder())?.enter(&shard(&handle.id)),
        kind => repository.enter(kind.folder()),
    }
}

fn make_folder_of(repository: &Folder, handle: &Handle) -> io::Result<Folder> {
    match handle.kind {
        FileKind::Config => repository.again(),
        FileKind::Pack => repository.make(handle.kind.folder())?.make(&shard(&handle.id)),
        kind => repository.make(kind.folder()),
    }
}

fn shard(id: &FileId) -> String {
    let mut name = id.to_hex();
    name.truncate(2);
    name
}

fn name_of(handle: &Handle) -> String {
    match handle.kind {
        FileKind::Config => FileKind::Config.folder().to_owned(),
        _ => handle.id.to_hex(),
    }
}

fn has(repository: &Folder, handle: &Handle) -> Result<bool, Problem> {
    match folder_of(repository, handle).and_then(|folder| folder.has(&name_of(handle))) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        found => found.map_err(|error| Problem::io("look for the file", &error)),
    }
}

fn too_long(longest: u64) -> Problem {
    let text = format!("a file of this kind has {longest} bytes at most");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_long", text)
}
