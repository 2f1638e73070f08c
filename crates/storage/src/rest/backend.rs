//! The storage itself: each call is one request.

use std::time::Duration;

use backstay_core::{CallContext, ErrorKind, FileId, FileKind, Handle, Storage, StorageError};
use http::header::{ACCEPT, CONTENT_LENGTH, IF_NONE_MATCH, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::Credentials;
use super::listing::{Reader, Unreadable};
use crate::address::RestAddress;
use crate::http::service::Service;
use crate::{Http, failure};

/// How many calls at once serve best: what restic uses.
const CONNECTIONS: usize = 5;
/// The same for calls that carry little: there the wait for the answer is all.
const SMALL_CALLS: usize = 32;
const V2: &str = "application/vnd.x.restic.rest.v2";

/// Keeps a repository's files behind restic's REST protocol.
#[derive(Debug)]
pub struct Rest {
    location: String,
    connections: usize,
    small_calls: usize,
    service: Service,
}

impl Rest {
    /// The repository at this address. No request is sent.
    ///
    /// # Errors
    /// When certificates cannot be read, or the settings make no sense.
    pub fn new(
        address: &RestAddress,
        credentials: &Credentials,
        http: &Http,
        connections: Option<usize>,
    ) -> Result<Self, StorageError> {
        Ok(Self {
            location: address.to_string(),
            connections: connections.unwrap_or(CONNECTIONS).max(1),
            // Who says how many are to be opened means all of them.
            small_calls: connections.unwrap_or(SMALL_CALLS).max(1),
            service: Service::new(&address.url, credentials, http)?,
        })
    }
}

fn path(handle: &Handle) -> String {
    match handle.kind {
        FileKind::Config => FileKind::Config.folder().to_owned(),
        kind => format!("{}/{}", kind.folder(), handle.id.to_hex()),
    }
}

/// A length that the answer to HEAD tells.
fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl Storage for Rest {
    fn location(&self) -> String {
        self.location.clone()
    }

    fn connections(&self) -> usize {
        self.connections
    }

    fn small_calls(&self) -> usize {
        self.small_calls
    }

    fn prepare(&self, context: CallContext<'_>) -> Result<(), StorageError> {
        let request = self.service.ask(Method::POST, "?create=true");
        self.service.success(context, "prepare", &self.location, request).map(drop)
    }

    fn size(&self, handle: &Handle, context: CallContext<'_>) -> Result<u64, StorageError> {
        let request = self.service.ask(Method::HEAD, &path(handle));
        let response = self.service.success(context, "stat", handle, request)?;
        length(response.headers()).ok_or_else(|| {
            StorageError::new(ErrorKind::Other, "stat", handle, "the service does not tell the file's length")
        })
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
        let request = self.service.ask(Method::GET, &format!("{what}/")).header(ACCEPT, V2);
        let response = self.service.answer(context, "list", &what, Duration::ZERO, request)?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(());
        }
        let mut response = self.service.checked(context, "list", &what, response)?;
        let unreadable = |error: Unreadable| StorageError::new(ErrorKind::Other, "list", what, error);
        let mut reader = Reader::default();
        let mut without_size = Vec::new();
        self.service.body(context, "list", &what, &mut response, &mut |piece| {
            reader
                .take(piece, &mut |id, size| match size {
                    Some(size) => each(id, size),
                    None => without_size.push(id),
                })
                .map_err(unreadable)
        })?;
        if !reader.is_at_end() {
            return Err(unreadable(Unreadable));
        }
        for id in without_size {
            match self.size(&Handle::new(kind, id), context) {
                Ok(size) => each(id, size),
                // Gone meanwhile.
                Err(error) if error.kind == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(
        &self,
        handle: &Handle,
        buffer: &mut Vec<u8>,
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        buffer.clear();
        let request = self.service.ask(Method::GET, &path(handle));
        let mut response = self.service.success(context, "read", handle, request)?;
        self.service.body(context, "read", handle, &mut response, &mut |piece| {
            buffer.extend_from_slice(piece);
            // A service that never stops sending must not fill the memory.
            failure::check_length(handle, buffer.len() as u64)
        })
    }

    fn read_at(
        &self,
        handle: &Handle,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        if buffer.is_empty() {
            return self.size(handle, context).map(drop);
        }
        let length = buffer.len();
        let last = offset.saturating_add(length as u64 - 1);
        let request =
            self.service.ask(Method::GET, &path(handle)).header(RANGE, format!("bytes={offset}-{last}"));
        let mut response = self.service.success(context, "read", handle, request)?;
        // A service that knows no ranges sends all.
        let mut skip = if response.status() == StatusCode::PARTIAL_CONTENT { 0 } else { offset };
        let mut filled = 0;
        self.service.body(context, "read", handle, &mut response, &mut |piece| {
            let skipped = usize::try_from(skip).unwrap_or(usize::MAX).min(piece.len());
            skip -= skipped as u64;
            let piece = piece.get(skipped..).unwrap_or_default();
            let target = buffer.get_mut(filled..).unwrap_or_default();
            let count = piece.len().min(target.len());
            for (to, from) in target.iter_mut().zip(piece) {
                *to = *from;
            }
            filled += count;
            Ok(())
        })?;
        if filled == length { Ok(()) } else { Err(failure::too_short(handle, offset, length)) }
    }

    fn write(&self, handle: &Handle, content: &[u8], context: CallContext<'_>) -> Result<(), StorageError> {
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
        let path = path(handle);
        let request = (Method::POST, path.as_str(), headers);
        let length = content.len() as u64;
        let response = self.service.send(context, "write", handle, request, length, &mut &*content)?;
        let status = response.status();
        match self.service.checked(context, "write", handle, response) {
            Ok(_) => Ok(()),
            // What rest-server says of files that are there, too.
            Err(error) if status == StatusCode::FORBIDDEN => match self.size(handle, context) {
                Ok(_) => Err(failure::exists("write", handle)),
                Err(_) => Err(error),
            },
            // The folder is missing: there is no repository here.
            Err(error) if error.kind == ErrorKind::NotFound => {
                Err(StorageError { kind: ErrorKind::Config, ..error })
            }
            Err(error) => Err(error),
        }
    }

    fn remove(&self, handle: &Handle, context: CallContext<'_>) -> Result<(), StorageError> {
        let request = self.service.ask(Method::DELETE, &path(handle));
        self.service.success(context, "remove", handle, request).map(drop)
    }
}
