//! The files that are whole: their list, their content, their removal.

use std::io::{self, Write};
use std::sync::Arc;

use axum::http::header::{CONTENT_SECURITY_POLICY, LAST_MODIFIED};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::status::with_type;
use crate::clients::Client;
use crate::folder::{Entry, Folder};
use crate::names::Name;
use crate::outflow;
use crate::problem::Problem;
use crate::receiver::{Receiver, empty};
use crate::text;

/// A file as it is listed.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    size: u64,
    modified: String,
    /// Of files that became whole here.
    sha256: Option<String>,
}

/// All files of a client: `{"files": [{"name", "size", "modified", "sha256"}, …]}`.
pub(super) async fn list(receiver: Receiver, client: Arc<Client>) -> Result<Response, Problem> {
    let place = receiver.place().await?;
    let body = outflow::body(place, move |out| {
        out.write_all(b"{\"files\":[")?;
        let mut first = true;
        let mut each = |name: &str, entry: &Entry| -> io::Result<()> {
            out.write_all(if std::mem::take(&mut first) { b"\n" } else { b",\n" })?;
            let sha256 = receiver.sum_of(&client.folder, name, entry);
            let file = Listed { name, size: entry.size, modified: entry.modified.to_string(), sha256 };
            Ok(serde_json::to_writer(&mut *out, &file)?)
        };
        match receiver.archives.walk(client.folder.split('/')) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => found?.each_file(&mut each)?,
        }
        out.write_all(b"\n]}\n")
    });
    Ok(with_type(body, "application/json"))
}

pub(super) async fn fetch(
    receiver: Receiver,
    client: Arc<Client>,
    path: String,
    headers: HeaderMap,
    is_head: bool,
) -> Result<Response, Problem> {
    let name = Name::parse(&path)?;
    let opened = receiver.blocking(move |receiver| {
        let failed = |error: io::Error| Problem::io("read the file", &error);
        let (folder, file) = folder_of(receiver, &client, &name)?;
        let file = folder.read(file).map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        let modified = meta.modified().ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
        let modified = modified.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let entry = Entry { name: String::new(), is_folder: false, size: meta.len(), modified };
        let sum = receiver.sum_of(&client.folder, name.text(), &entry);
        Ok((file, modified, sum))
    });
    let (file, modified, sum) = opened.await?;
    let place = receiver.place().await?;
    let mut response = outflow::file(place, file, &headers, is_head)?;
    let answer = response.headers_mut();
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.insert(name, value);
        }
    };
    set(LAST_MODIFIED.as_str(), text::http_date(modified));
    if let Some(sum) = sum {
        set("backstay-sha256", sum);
    }
    // Whatever it holds, a browser is to save it and not to show it.
    set("content-disposition", "attachment".to_owned());
    set("x-content-type-options", "nosniff".to_owned());
    set(CONTENT_SECURITY_POLICY.as_str(), "default-src 'none'; sandbox".to_owned());
    Ok(response)
}

pub(super) async fn remove(
    receiver: Receiver,
    client: Arc<Client>,
    path: String,
) -> Result<Response, Problem> {
    if receiver.is_append_only(&client) {
        return Err(Problem::forbidden("this client may add files and not remove any"));
    }
    let name = Name::parse(&path)?;
    receiver.blocking(move |receiver| receiver.remove_archive(&client, &name)).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

impl Receiver {
    /// Removes a file, and the folders that are empty then.
    pub(crate) fn remove_archive(&self, client: &Client, name: &Name) -> Result<(), Problem> {
        let failed = |error: io::Error| Problem::io("remove the file", &error);
        let (folder, file) = folder_of(self, client, name)?;
        // Only what could be fetched can be removed.
        let size = folder.read(file).and_then(|file| file.metadata()).map_err(failed)?.len();
        folder.remove(file).map_err(failed)?;
        folder.sync().map_err(failed)?;
        self.ledger.removed(&client.folder, size);
        self.forget_sum(&client.folder, name.text());
        self.remove_empty_folders(client, name);
        tracing::info!(client = client.name, name = name.text(), "a file was removed");
        Ok(())
    }

    fn remove_empty_folders(&self, client: &Client, name: &Name) {
        let (folders, _) = name.split();
        let mut steps: Vec<&str> = folders.collect();
        while let Some(last) = steps.pop() {
            let above = self.archives.walk(client.folder.split('/').chain(steps.iter().copied()));
            // One that is not empty, or just got a file, stays.
            if above.and_then(|above| above.remove_folder(last)).is_err() {
                return;
            }
        }
    }
}

/// The folder that a file of a client lies in, and the file's own name.
fn folder_of<'a>(
    receiver: &Receiver,
    client: &'a Client,
    name: &'a Name,
) -> Result<(Folder, &'a str), Problem> {
    let (folders, file) = name.split();
    let folder = receiver.archives.walk(client.folder.split('/').chain(folders));
    Ok((folder.map_err(|error| Problem::io("find the file", &error))?, file))
}
