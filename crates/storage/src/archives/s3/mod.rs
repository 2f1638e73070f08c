//! Archives in a bucket of an S3 service, by its uploads in parts (multipart upload).
//!
//! A file is one upload, each chunk one of its parts, and it is there, whole, when the upload is completed: with `If-None-Match`, so that
//! nothing is overwritten, or where the service does not know that, after a look. Each part is signed together with its SHA-256, which the
//! service compares with what arrives. Services that know `x-amz-checksum-sha256` keep it too, and most tell it again; of others it is noted
//! in the bucket under the ETag of the part, which is another as soon as the part is. No service compares the whole file with its SHA-256: who
//! sends has to look that the chunks which lie there are those of the file ([`ArchiveStore::proves_whole`]).

mod finish;
mod notes;
mod small;
mod uploads;

use std::collections::HashMap;
use std::io::Read;
use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use backstay_core::{ArchiveStore, CallContext, Chunk, ErrorKind, NewFile, StorageError, StoredFile};
use http::{Method, StatusCode};
use parking_lot::Mutex;

use self::notes::Begun;
use super::names;
use crate::s3::Settings;
use crate::{Http, S3Address};
use backstay_net::s3::client::{Answer, Ask, Call, Client, Strange};
use backstay_net::text::{date, moment};

/// How many parts are sent at once.
const CONNECTIONS: usize = 4;
/// What all services take as a part that is not the last.
const LEAST_PART: u64 = 5 << 20;
const LARGEST_PART: u64 = 5 << 30;
const MOST_PARTS: u64 = 10_000;
/// Bytes that the key of an object may have.
const LONGEST_KEY: usize = 1024;
/// The media type of archives.
const KIND: &str = "application/octet-stream";
/// Buckets that lock take nothing without a checksum.
const MD5_OF_NOTHING: &str = "1B2M2Y8AsgTpgAmY7PhCfg==";
/// What the SHA-256 of a whole file is kept under.
const META_SHA256: &str = "x-amz-meta-backstay-sha256";

/// What is in the way.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the file ends before byte {0}")]
    TooShort(u64),
    #[error("a file of this name is there, or was begun with other content")]
    Exists,
    #[error("nothing was begun under this token, or it was given up")]
    Unknown,
    #[error("{0} of its {1} chunks are there")]
    Missing(u64, u64),
    #[error("a chunk is in the wrong place")]
    Place,
    #[error("the file that became of it is not what its parts were")]
    NotIt,
    #[error("it goes in chunks of {least} to {most} bytes, 10,000 at most", least = .0.start(), most = .0.end())]
    Chunks(RangeInclusive<u64>),
    #[error("its name and the prefix have more than 1024 bytes together")]
    LongKey,
}

/// Keeps archives in a bucket.
pub struct S3 {
    location: String,
    client: Client,
    /// How files are kept.
    settings: Settings,
    connections: usize,
    parts: RangeInclusive<u64>,
    /// Whether the service is still believed to know conditional creation.
    conditional: AtomicBool,
    /// Whether it is still believed to know checksums of parts.
    checksums: AtomicBool,
    /// Whether it tells them in lists of parts, once that was asked.
    lists_checksums: OnceLock<bool>,
    /// What was begun, as far as it was asked for, by token.
    known: Mutex<HashMap<String, Begun>>,
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3").field("location", &self.location).finish_non_exhaustive()
    }
}

impl S3 {
    /// The archives at this address. Only to find out the region of one of Amazon's buckets is a request sent.
    ///
    /// # Errors
    /// When credentials are missing or incomplete, certificates cannot be read, or the settings make no sense.
    pub fn new(
        address: &S3Address,
        settings: &Settings,
        http: &Http,
        connections: Option<usize>,
    ) -> Result<Self, StorageError> {
        Ok(Self {
            location: address.to_string(),
            client: Client::open(address, settings, http)?,
            settings: settings.clone(),
            connections: connections.unwrap_or(CONNECTIONS).max(1),
            parts: LEAST_PART..=LARGEST_PART,
            conditional: AtomicBool::new(true),
            checksums: AtomicBool::new(true),
            lists_checksums: OnceLock::new(),
            known: Mutex::default(),
        })
    }

    /// The same at a service that takes parts of at least so many bytes, fewer than the 5 MiB that all take.
    #[must_use]
    pub fn with_least_part(self, bytes: u64) -> Self {
        Self { parts: bytes.clamp(1, LEAST_PART)..=LARGEST_PART, ..self }
    }

    /// Has the service keep an archive so. Nobody may take what is noted for it as long.
    fn kept<'a>(&self, ask: Ask<'a>) -> Ask<'a> {
        let Settings { storage_class, lock, encryption, .. } = &self.settings;
        ask.in_class(storage_class.as_deref()).locked(lock.as_ref()).encrypted(encryption.as_ref())
    }

    fn head(&self, call: Call<'_>, name: &str) -> Result<Option<Answer>, StorageError> {
        let ask = Ask::of(Method::HEAD, name).header("x-amz-checksum-mode", "ENABLED");
        let answer = self.client.answer(call, ask)?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(answer)),
            StatusCode::FORBIDDEN => {
                Err(self.client.denial(call, name).unwrap_or_else(|| answer.refusal(call)))
            }
            _ => Err(answer.refusal(call)),
        }
    }

    fn stored(&self, call: Call<'_>, name: &str) -> Result<StoredFile, StorageError> {
        let answer = self.head(call, name)?;
        let answer = answer.ok_or_else(|| call.failed(ErrorKind::NotFound, Strange("no such file")))?;
        stored(call, name, &answer)
    }

    /// Calls `each` with the objects whose names below the prefix begin so.
    fn objects(
        &self,
        call: Call<'_>,
        begin: &str,
        each: &mut dyn FnMut(StoredFile) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.client.objects(call, begin, &mut |name, object| {
            let modified = moment(&object.last_modified)
                .ok_or_else(|| call.failed(ErrorKind::Other, Strange("a time in its listing")))?;
            each(StoredFile { name: name.to_owned(), size: object.size, modified })
        })
    }
}

fn stored(call: Call<'_>, name: &str, answer: &Answer) -> Result<StoredFile, StorageError> {
    let size = answer.header("content-length").and_then(|size| size.parse().ok());
    let modified = answer.header("last-modified").and_then(date);
    match (size, modified) {
        (Some(size), Some(modified)) => Ok(StoredFile { name: name.to_owned(), size, modified }),
        _ => Err(call.failed(ErrorKind::Other, Strange("it tells no length or no time"))),
    }
}

impl ArchiveStore for S3 {
    fn location(&self) -> String {
        self.location.clone()
    }

    fn connections(&self) -> usize {
        self.connections
    }

    fn chunk_sizes(&self) -> RangeInclusive<u64> {
        self.parts.clone()
    }

    fn proves_whole(&self) -> bool {
        false
    }

    fn prepare(&self, context: CallContext<'_>) -> Result<(), StorageError> {
        let connection = &self.client.connection;
        connection.runtime.run(context, "prepare", &self.location, connection.patience, async {
            let ensured = connection.bucket.ensure().await;
            ensured.map_err(|error| error.into_error("prepare", &self.location))
        })
    }

    fn list(&self, context: CallContext<'_>, each: &mut dyn FnMut(StoredFile)) -> Result<(), StorageError> {
        self.objects(Call::new(context, "list", &self.location), "", &mut |file| {
            // Also what we note ourselves, and what stands for folders.
            if names::check("list", &file.name).is_ok() {
                each(file);
            }
            Ok(())
        })
    }

    fn stat(&self, name: &str, context: CallContext<'_>) -> Result<StoredFile, StorageError> {
        names::check("stat", name)?;
        self.stored(Call::new(context, "stat", &name), name)
    }

    fn read_at(
        &self,
        name: &str,
        offset: u64,
        buffer: &mut [u8],
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        names::check("read", name)?;
        let call = Call::new(context, "read", &name);
        let end = offset.saturating_add(buffer.len() as u64);
        let too_short = || call.failed(ErrorKind::Corrupt, Trouble::TooShort(end));
        if buffer.is_empty() {
            let size = self.stored(call, name)?.size;
            return if offset <= size { Ok(()) } else { Err(too_short()) };
        }
        match self.client.read_at(call, name, offset, buffer) {
            Ok(length) if length == buffer.len() => Ok(()),
            Ok(_) => Err(too_short()),
            Err(error) if error.kind == ErrorKind::Corrupt => Err(too_short()),
            Err(error) => Err(error),
        }
    }

    fn remove(&self, name: &str, context: CallContext<'_>) -> Result<(), StorageError> {
        names::check("remove", name)?;
        let call = Call::new(context, "remove", &name);
        // The service says the same of one that was not there.
        self.stored(call, name)?;
        self.client.success(call, Ask::of(Method::DELETE, name)).map(drop)
    }

    fn begin(&self, file: &NewFile, context: CallContext<'_>) -> Result<String, StorageError> {
        self.begin_upload(file, Call::new(context, "begin", &file.name))
    }

    fn sent(
        &self,
        file: &NewFile,
        token: &str,
        context: CallContext<'_>,
    ) -> Result<Vec<Chunk>, StorageError> {
        self.chunks_there(file, token, Call::new(context, "resume", &file.name))
    }

    fn send(
        &self,
        file: &NewFile,
        token: &str,
        chunk: &Chunk,
        content: &mut (dyn Read + Send),
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        self.send_part(file, token, chunk, content, Call::new(context, "write", &file.name))
    }

    fn finish(
        &self,
        file: &NewFile,
        token: &str,
        context: CallContext<'_>,
    ) -> Result<StoredFile, StorageError> {
        self.complete(file, token, Call::new(context, "finish", &file.name))
    }

    fn abandon(&self, token: &str, context: CallContext<'_>) -> Result<(), StorageError> {
        self.give_up(token, Call::new(context, "abandon", &"upload"))
    }
}
