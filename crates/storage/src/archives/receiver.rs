//! Archives on a Backstay receiver, by tus 1.0 (<https://tus.io/protocols/resumable-upload>) and what the receiver adds to it.
//!
//! A file is one upload, whose pieces are its chunks in their order, each with its checksum: the receiver then needs no second copy to
//! put it together, and has read back and hashed most of it by the time the last chunk comes. The token is the upload's id.

use std::io::Read;
use std::time::Duration;

use backstay_core::{ArchiveStore, CallContext, Chunk, ErrorKind, FileId, NewFile, StorageError, StoredFile};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LAST_MODIFIED, LOCATION, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use reqwest::Response;
use serde::Deserialize;
use url::Url;

use super::names;
use crate::http::service::Service;
use crate::rest::Credentials;
use crate::{Http, failure};
use backstay_net::text::{date, encoded, moment};

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
/// What reading a file back takes at the slowest.
const READ_BACK_BYTES_PER_SECOND: u64 = 20 << 20;
/// Bytes that a line of an answer may have.
const LONGEST_LINE: usize = 64 << 10;

/// An answer that cannot be understood.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the receiver's answer cannot be understood: {0}")]
    Answer(&'static str),
    #[error("this is no token of a receiver")]
    Token,
    #[error("the file ends before byte {0}")]
    TooShort(u64),
    #[error("chunks have to be sent in their order, and this one comes too early")]
    Order,
    #[error("a file of this name is there, with other content")]
    Exists,
}

/// A file as the receiver lists it.
#[derive(Deserialize)]
struct Listed {
    name: String,
    size: u64,
    modified: String,
}

/// A line of the answer about chunks.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Chunk { index: u64, offset: u64, size: u64, sha256: String },
    End { end: bool },
}

/// Keeps archives on a receiver.
#[derive(Debug)]
pub struct Receiver {
    service: Service,
}

impl Receiver {
    /// The archives at this address (`https://HOST:PORT`, to which `/archives/` is added). No request is sent.
    ///
    /// # Errors
    /// When the address is none, it holds credentials, or certificates cannot be read.
    pub fn new(address: &str, credentials: &Credentials, http: &Http) -> Result<Self, StorageError> {
        let bad =
            |why: &'static str| StorageError::new(ErrorKind::Config, "open", "the receiver's address", why);
        let url = Url::parse(address).map_err(|_| bad("it is no URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("it must not hold credentials: give the token as a secret"));
        }
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(bad("it is to be https://HOST:PORT"));
        }
        let is_here = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if url.scheme() == "http" && !is_here {
            return Err(bad("without TLS everybody on the way could read the token: write https://"));
        }
        let base = url.as_str().trim_end_matches('/');
        let base = base.strip_suffix("/archives").unwrap_or(base);
        Ok(Self { service: Service::new(&format!("{base}/archives/"), credentials, http)? })
    }

    fn ask(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.service.ask(method, path).header(TUS_RESUMABLE, "1.0.0")
    }

    fn answered<T>(
        action: &'static str,
        what: &str,
        found: Option<T>,
        why: &'static str,
    ) -> Result<T, StorageError> {
        found.ok_or_else(|| StorageError::new(ErrorKind::Other, action, what, Trouble::Answer(why)))
    }

    /// Calls `each` with every line of an answer.
    fn lines(
        &self,
        context: CallContext<'_>,
        action: &'static str,
        what: &str,
        response: &mut Response,
        each: &mut dyn FnMut(&[u8]) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let mut rest = Vec::new();
        self.service.body(context, action, &what, response, &mut |piece| {
            rest.extend_from_slice(piece);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                each(rest.get(..end).unwrap_or_default())?;
                rest.drain(..=end);
            }
            let fits = (rest.len() <= LONGEST_LINE).then_some(());
            Self::answered(action, what, fits, "a line is too long")
        })
    }
}

/// The path of an upload.
fn upload(action: &'static str, token: &str) -> Result<String, StorageError> {
    let is_token = token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    let path = is_token.then(|| format!(".uploads/{token}"));
    path.ok_or_else(|| StorageError::new(ErrorKind::NotFound, action, "upload", Trouble::Token))
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn read_back(size: u64) -> Duration {
    Duration::from_secs(size / READ_BACK_BYTES_PER_SECOND)
}

impl ArchiveStore for Receiver {
    fn location(&self) -> String {
        self.service.url.clone()
    }

    fn connections(&self) -> usize {
        1
    }

    fn prepare(&self, context: CallContext<'_>) -> Result<(), StorageError> {
        let request = self.ask(Method::HEAD, "");
        self.service.success(context, "prepare", &self.service.url, request).map(drop)
    }

    fn list(&self, context: CallContext<'_>, each: &mut dyn FnMut(StoredFile)) -> Result<(), StorageError> {
        let what = self.service.url.clone();
        let request = self.ask(Method::GET, "");
        let mut response = self.service.success(context, "list", &what, request)?;
        let mut ended = false;
        self.lines(context, "list", &what, &mut response, &mut |line| {
            let line = line.strip_suffix(b",").unwrap_or(line);
            if line == b"]}" {
                ended = true;
            } else if line.starts_with(b"{\"name\"") {
                let listed = serde_json::from_slice::<Listed>(line).ok();
                let Listed { name, size, modified } =
                    Self::answered("list", &what, listed, "a line of its listing")?;
                let modified = Self::answered("list", &what, moment(&modified), "a time in its listing")?;
                each(StoredFile { name, size, modified });
            }
            Ok(())
        })?;
        Self::answered("list", &what, ended.then_some(()), "its listing breaks off")
    }

    fn stat(&self, name: &str, context: CallContext<'_>) -> Result<StoredFile, StorageError> {
        names::check("stat", name)?;
        let request = self.ask(Method::HEAD, &encoded(name));
        let response = self.service.success(context, "stat", &name, request)?;
        let size = header(response.headers(), &CONTENT_LENGTH).and_then(|size| size.parse().ok());
        let size = Self::answered("stat", name, size, "it tells no length")?;
        let modified = header(response.headers(), &LAST_MODIFIED).and_then(|text| date(&text));
        let modified = Self::answered("stat", name, modified, "it tells no time")?;
        Ok(StoredFile { name: name.to_owned(), size, modified })
    }

    fn read_at(
        &self,
        name: &str,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        names::check("read", name)?;
        let end = offset.saturating_add(buffer.len() as u64);
        let too_short = || StorageError::new(ErrorKind::Corrupt, "read", name, Trouble::TooShort(end));
        if buffer.is_empty() {
            let size = self.stat(name, context)?.size;
            return if offset <= size { Ok(()) } else { Err(too_short()) };
        }
        let request =
            self.ask(Method::GET, &encoded(name)).header(RANGE, format!("bytes={offset}-{}", end - 1));
        let mut response = self.service.success(context, "read", &name, request)?;
        let is_part = (response.status() == StatusCode::PARTIAL_CONTENT).then_some(());
        Self::answered("read", name, is_part, "it sends no range")?;
        let mut target = &mut *buffer;
        self.service.body(context, "read", &name, &mut response, &mut |piece| {
            let count = piece.len().min(target.len());
            let (head, tail) = std::mem::take(&mut target).split_at_mut(count);
            head.iter_mut().zip(piece).for_each(|(to, from)| *to = *from);
            target = tail;
            Ok(())
        })?;
        if target.is_empty() { Ok(()) } else { Err(too_short()) }
    }

    fn remove(&self, name: &str, context: CallContext<'_>) -> Result<(), StorageError> {
        names::check("remove", name)?;
        let request = self.ask(Method::DELETE, &encoded(name));
        self.service.success(context, "remove", &name, request).map(drop)
    }

    fn begin(&self, file: &NewFile, context: CallContext<'_>) -> Result<String, StorageError> {
        names::check("begin", &file.name)?;
        let sha256 = file.sha256.to_hex();
        let metadata =
            format!("filename {},sha256 {}", STANDARD.encode(&file.name), STANDARD.encode(&sha256));
        let request = self
            .ask(Method::POST, "")
            .header("upload-length", file.size)
            .header("upload-metadata", metadata)
            .header("backstay-finish", "asked");
        let response = self.service.answer(context, "begin", &file.name, Duration::ZERO, request)?;
        let token = header(response.headers(), &LOCATION)
            .and_then(|address| address.rsplit('/').next().map(str::to_owned))
            .filter(|token| upload("begin", token).is_ok());
        // The same file was begun before, and its token not kept: it is told again.
        if response.status() == StatusCode::CONFLICT
            && let Some(token) = token
        {
            return Ok(token);
        }
        self.service.checked(context, "begin", &file.name, response)?;
        Self::answered("begin", &file.name, token, "it tells no address of the upload")
    }

    fn sent(
        &self,
        file: &NewFile,
        token: &str,
        context: CallContext<'_>,
    ) -> Result<Vec<Chunk>, StorageError> {
        let path = format!("{}/chunks?size={}", upload("resume", token)?, file.chunk_size);
        let request = self.ask(Method::GET, &path);
        let patience = read_back(file.chunk_size);
        let response = self.service.answer(context, "resume", &file.name, patience, request)?;
        let mut response = self.service.checked(context, "resume", &file.name, response)?;
        let (mut chunks, mut ended) = (Vec::new(), false);
        self.lines(context, "resume", &file.name, &mut response, &mut |line| {
            let line = serde_json::from_slice::<Line>(line).ok();
            match Self::answered("resume", &file.name, line, "a line about a chunk")? {
                Line::End { end } => ended = end,
                Line::Chunk { index, offset, size, sha256 } => {
                    let chunk = FileId::from_hex(&sha256)
                        .map(|sha256| Chunk { index, offset, size, sha256 })
                        .filter(|chunk| file.place(index) == Some((chunk.offset, chunk.size)));
                    chunks.push(Self::answered("resume", &file.name, chunk, "a chunk in the wrong place")?);
                }
            }
            Ok(())
        })?;
        if !ended {
            let cause = Trouble::Answer("it breaks off");
            return Err(StorageError::new(ErrorKind::Transient, "resume", &file.name, cause));
        }
        Ok(chunks)
    }

    fn send(
        &self,
        file: &NewFile,
        token: &str,
        chunk: &Chunk,
        content: &mut (dyn Read + Send),
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        let path = upload("write", token)?;
        let mut headers = HeaderMap::new();
        headers.insert(TUS_RESUMABLE, HeaderValue::from_static("1.0.0"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/offset+octet-stream"));
        headers.insert("upload-offset", chunk.offset.into());
        headers.insert("backstay-replace", HeaderValue::from_static("true"));
        let checksum = format!("sha256 {}", STANDARD.encode(chunk.sha256.0));
        if let Ok(checksum) = HeaderValue::from_str(&checksum) {
            headers.insert("upload-checksum", checksum);
        }
        let request = (Method::PATCH, path.as_str(), headers);
        let response = self.service.send(context, "write", &file.name, request, chunk.size, content)?;
        let status = response.status();
        match self.service.checked(context, "write", &file.name, response) {
            Ok(_) => Ok(()),
            Err(_) if status == StatusCode::CONFLICT => {
                Err(StorageError::new(ErrorKind::Other, "write", &file.name, Trouble::Order))
            }
            // The body was cut on its way.
            Err(error) if status == StatusCode::BAD_REQUEST => {
                Err(StorageError { kind: ErrorKind::Transient, ..error })
            }
            Err(error) => Err(error),
        }
    }

    fn finish(
        &self,
        file: &NewFile,
        token: &str,
        context: CallContext<'_>,
    ) -> Result<StoredFile, StorageError> {
        let path = upload("finish", token)?;
        let request = self
            .ask(Method::PATCH, &path)
            .header(CONTENT_TYPE, "application/offset+octet-stream")
            .header("upload-offset", file.size)
            .header(CONTENT_LENGTH, 0);
        // The receiver may have to read all of it back.
        let patience = read_back(file.size);
        let response = self.service.answer(context, "finish", &file.name, patience, request)?;
        let status = response.status();
        match self.service.checked(context, "finish", &file.name, response) {
            Ok(_) => self.stat(&file.name, context),
            Err(error) if error.kind == ErrorKind::NotFound => {
                // Finished long ago, so that the receiver has forgotten the token.
                if self.has(file, context)? { self.stat(&file.name, context) } else { Err(error) }
            }
            Err(_) if status == StatusCode::CONFLICT => {
                let there = self.stat(&file.name, context).is_ok();
                let (kind, cause) = if there {
                    (ErrorKind::Exists, Trouble::Exists)
                } else {
                    (ErrorKind::Corrupt, Trouble::Order)
                };
                Err(StorageError::new(kind, "finish", &file.name, cause))
            }
            Err(error) => Err(error),
        }
    }

    fn abandon(&self, token: &str, context: CallContext<'_>) -> Result<(), StorageError> {
        failure::check(context, "abandon", "upload")?;
        let Ok(path) = upload("abandon", token) else { return Ok(()) };
        let request = self.ask(Method::DELETE, &path);
        match self.service.success(context, "abandon", &"upload", request) {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
            done => done.map(drop),
        }
    }
}

impl Receiver {
    /// Whether the file is there with this content.
    fn has(&self, file: &NewFile, context: CallContext<'_>) -> Result<bool, StorageError> {
        let request = self.ask(Method::HEAD, &encoded(&file.name));
        let response = self.service.answer(context, "finish", &file.name, Duration::ZERO, request)?;
        let sum = header(response.headers(), &HeaderName::from_static("backstay-sha256"));
        Ok(response.status().is_success() && sum.is_some_and(|sum| sum == file.sha256.to_hex()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_checked() {
        upload("x", &"0a".repeat(16)).unwrap();
        for bad in ["", "../../x", &"0g".repeat(16)] {
            upload("x", bad).unwrap_err();
        }
    }

    #[test]
    fn addresses_hold_no_credentials() {
        let open = |address: &str| Receiver::new(address, &Credentials::default(), &Http::default());
        assert_eq!(open("https://host:8421").unwrap().location(), "https://host:8421/archives/");
        assert_eq!(open("https://host:8421/archives/").unwrap().location(), "https://host:8421/archives/");
        for bad in ["https://me:hidden@host", "host:1", "ftp://host", "https://host/?hidden"] {
            let error = open(bad).unwrap_err();
            assert!(error.kind == ErrorKind::Config && !error.to_string().contains("hidden"), "{error}");
        }
    }
}
