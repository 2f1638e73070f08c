//! The storage itself: each call is one request or a few, run to its end on a small runtime.

use std::collections::{HashMap, HashSet};
use std::future::{Future, IntoFuture};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use backstay_core::{CallContext, ErrorKind, FileId, FileKind, Frozen, Handle, Storage, StorageError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::TryStreamExt;
use http::Method;
use md5::{Digest, Md5};
use opendal::{HttpTransporter, OperationContext, Operator, services};
use opendal_http_transport_reqwest::ReqwestTransport;

use super::classify;
use crate::{Http, S3Address, failure, layout};
use backstay_net::http::runtime::SLOWEST_BYTES_PER_SECOND;
use backstay_net::s3::bucket;
use backstay_net::s3::client::{Ask, Call, Client};
use backstay_net::s3::connection::Connection;
use backstay_net::s3::{ArchiveClass, Credentials, Encryption, Settings};
use backstay_net::text::moment;
use parking_lot::Mutex;

/// How many calls at once serve best: what restic uses.
const CONNECTIONS: usize = 5;
/// The same for calls that carry little: there the wait for the answer is all.
const SMALL_CALLS: usize = 64;
/// Files up to this size, which all packs have, go in one request; longer ones in parts.
const LONGEST_REQUEST: usize = 160 << 20;
const PART_SIZE: usize = 64 << 20;

/// Keeps a repository's files in a bucket of an S3 service.
pub struct S3 {
    location: String,
    connections: usize,
    small_calls: usize,
    asking: Operator,
    /// The same for long files on their way there, in parts.
    in_parts: Operator,
    /// Requests that say how files are to be kept.
    pub(super) client: Client,
    /// How files are kept.
    pub(super) settings: Settings,
    /// Whether the service is still believed to know conditional creation.
    conditional: AtomicBool,
    /// Packs that hold trees, as far as somebody said so.
    tree_packs: Mutex<HashSet<FileId>>,
    /// Packs that were asked for, and when.
    pub(super) asked: Mutex<HashMap<FileId, Instant>>,
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3").field("location", &self.location).finish_non_exhaustive()
    }
}

impl S3 {
    /// The repository at this address. Only to find out the region of one of Amazon's buckets is a request
    /// sent.
    ///
    /// # Errors
    /// When credentials are missing or incomplete, certificates cannot be read, or the settings make no sense.
    pub fn new(
        address: &S3Address,
        settings: &Settings,
        http: &Http,
        connections: Option<usize>,
    ) -> Result<Self, StorageError> {
        let client = Client::open(address, settings, http)?;
        let Connection { bucket, sending, credentials, virtual_host, .. } = &client.connection;
        let operator = |client: &reqwest::Client| {
            let region = bucket.region.as_str();
            match Operator::new(builder(address, settings, credentials.as_ref(), region, *virtual_host)) {
                Ok(operator) => {
                    let transport = HttpTransporter::new(ReqwestTransport::new(client.clone()));
                    Ok(operator.with_context(OperationContext::new().with_http_transport(transport)))
                }
                Err(error) => Err(classify::error("open", address, &error)),
            }
        };
        Ok(Self {
            location: address.to_string(),
            connections: connections.unwrap_or(CONNECTIONS).max(1),
            // Who says how many are to be opened means all of them.
            small_calls: connections.unwrap_or(SMALL_CALLS).max(1),
            asking: operator(&bucket.client)?,
            in_parts: operator(sending)?,
            client,
            settings: settings.clone(),
            conditional: AtomicBool::new(true),
            tree_packs: Mutex::default(),
            asked: Mutex::default(),
        })
    }

    /// Runs a request to its end, or until nobody wants it any more or it has taken too long.
    fn run<T, E>(
        &self,
        context: CallContext<'_>,
        action: &'static str,
        what: &dyn std::fmt::Display,
        bytes: u64,
        classify: impl FnOnce(E) -> StorageError,
        request: impl Future<Output = Result<T, E>>,
    ) -> Result<T, StorageError> {
        let Connection { runtime, patience, .. } = &self.client.connection;
        let patience = *patience + Duration::from_secs(bytes / SLOWEST_BYTES_PER_SECOND);
        runtime.run(context, action, what, patience, async { request.await.map_err(classify) })
    }

    /// [`S3::run`] for what opendal does on one file.
    fn on_file<T>(
        &self,
        context: CallContext<'_>,
        action: &'static str,
        handle: &Handle,
        bytes: usize,
        request: impl Future<Output = opendal::Result<T>>,
    ) -> Result<T, StorageError> {
        let classify = |error| classify::error(action, handle, &error);
        self.run(context, action, handle, bytes as u64, classify, request)
    }

    /// Writes a file; whether the service knows how to do that only if it is not there.
    fn put(
        &self,
        handle: &Handle,
        content: &[u8],
        conditional: bool,
        context: CallContext<'_>,
    ) -> Result<bool, StorageError> {
        // The other way cannot lock, and a service takes this much in one request.
        let lock = self.settings.lock.as_ref().filter(|_| handle.kind != FileKind::Lock);
        if content.len() > LONGEST_REQUEST && lock.is_none() {
            return self.put_in_parts(handle, content, conditional, context);
        }
        // Buckets with object lock demand a checksum. This one all services know.
        let md5 = STANDARD.encode(Md5::digest(content));
        let path = layout::path(handle);
        let ask = Ask::of(Method::PUT, &path)
            .header("content-md5", &md5)
            .header("content-type", "application/octet-stream")
            .in_class(self.class(handle))
            .locked(lock)
            .encrypted(self.settings.encryption.as_ref());
        let ask = if conditional { ask.header("if-none-match", "*") } else { ask };
        let call = Call::new(context, "write", handle);
        let answer = self.client.upload(call, ask, content)?;
        if conditional && answer.is_not_implemented() {
            return Ok(false);
        }
        match (answer.status.is_success(), lock) {
            (true, _) => Ok(true),
            (false, Some(_)) => Err(answer.refusal_of_locked(call)),
            (false, None) => Err(answer.refusal(call)),
        }
    }

    fn put_in_parts(
        &self,
        handle: &Handle,
        content: &[u8],
        conditional: bool,
        context: CallContext<'_>,
    ) -> Result<bool, StorageError> {
        let path = layout::path(handle);
        let (bytes, content) = (content.len() as u64, content.to_vec());
        let request = async {
            let write = self.in_parts.write_with(&path, content).chunk(PART_SIZE);
            Ok::<_, StorageError>(write.if_not_exists(conditional).await.map(|_| ()))
        };
        match self.run(context, "write", handle, bytes, |error| error, request)? {
            Ok(()) => Ok(true),
            Err(error) if conditional && classify::knows_no_conditions(&error) => Ok(false),
            Err(error) => Err(classify::error("write", handle, &error)),
        }
    }

    /// Why a file cannot be removed, if it is locked: the service only says that it is denied.
    fn retained(&self, handle: &Handle, context: CallContext<'_>) -> Option<StorageError> {
        let path = layout::path(handle);
        let call = Call::new(context, "remove", handle);
        let head = self.client.success(call, Ask::of(Method::HEAD, &path)).ok()?;
        let until = head.header("x-amz-object-lock-retain-until-date");
        let is_over = |until| moment(until).is_some_and(|until| until.seconds <= now());
        let why = match until.filter(|until| !is_over(until)) {
            Some(until) => format!("it is locked until {until}"),
            None if head.header("x-amz-object-lock-legal-hold") == Some("ON") => {
                "it is on legal hold".to_owned()
            }
            None => return None,
        };
        Some(StorageError::new(ErrorKind::Retained, "remove", handle, why))
    }

    /// The class that a file goes to. What is read by each run stays where the service keeps new files.
    fn class(&self, handle: &Handle) -> Option<&str> {
        let is_data = handle.kind == FileKind::Pack && !self.tree_packs.lock().contains(&handle.id);
        self.settings.storage_class.as_deref().filter(|_| is_data)
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

fn builder(
    address: &S3Address,
    settings: &Settings,
    credentials: Option<&Credentials>,
    region: &str,
    virtual_host: bool,
) -> services::S3 {
    let mut builder = services::S3::default()
        .bucket(&address.bucket)
        .root(&format!("/{}", address.prefix))
        .endpoint(&shielded(&address.endpoint))
        .region(region)
        .disable_config_load()
        .disable_ec2_metadata();
    if virtual_host {
        builder = builder.enable_virtual_host_style();
    }
    builder = match &settings.encryption {
        None => builder,
        Some(Encryption::Aes256) => builder.server_side_encryption_with_s3_key(),
        Some(Encryption::Kms(None)) => builder.server_side_encryption_with_aws_managed_kms_key(),
        Some(Encryption::Kms(Some(key))) => builder.server_side_encryption_with_customer_managed_kms_key(key),
    };
    let Some(credentials) = credentials else { return builder.skip_signature() };
    builder = builder
        .access_key_id(&credentials.access_key_id)
        .secret_access_key(credentials.secret_access_key.expose());
    match &credentials.session_token {
        Some(token) => builder.session_token(token.expose()),
        None => builder,
    }
}

impl Storage for S3 {
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
        let classify = |error: bucket::Failed| error.into_error("prepare", &self.location);
        self.run(context, "prepare", &self.location, 0, classify, self.client.connection.bucket.ensure())
    }

    fn size(&self, handle: &Handle, context: CallContext<'_>) -> Result<u64, StorageError> {
        let path = layout::path(handle);
        let meta = self.on_file(context, "stat", handle, 0, self.asking.stat(&path)).map_err(|error| {
            let call = Call::new(context, "stat", handle);
            let denial = (error.kind == ErrorKind::Denied).then(|| self.client.denial(call, &path));
            denial.flatten().unwrap_or(error)
        })?;
        Ok(meta.content_length())
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
        let folder = format!("{what}/");
        let classify = |error: opendal::Error| classify::error("list", what, &error);
        let open = self.asking.lister_with(&folder).recursive(kind == FileKind::Pack);
        let mut lister = self.run(context, "list", &what, 0, classify, open.into_future())?;
        // Entry by entry, outside the runtime, so that `each` may call back into the storage.
        loop {
            let next = lister.try_next();
            let Some(entry) = self.run(context, "list", &what, 0, classify, next)? else { return Ok(()) };
            let Some(id) = layout::id(entry.name()) else { continue };
            if entry.path() == layout::path(&Handle::new(kind, id)) {
                each(id, entry.metadata().content_length());
            }
        }
    }

    fn read(
        &self,
        handle: &Handle,
        buffer: &mut Vec<u8>,
        context: CallContext<'_>,
    ) -> Result<(), StorageError> {
        let call = Call::new(context, "read", handle);
        self.client.read(call, &layout::path(handle), handle.kind.longest(), buffer)?;
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
        let too_short = failure::too_short(handle, offset, buffer.len());
        match self.client.read_at(call, &layout::path(handle), offset, buffer) {
            Ok(length) if length == buffer.len() => Ok(()),
            Ok(_) => Err(too_short),
            Err(error) if error.kind == ErrorKind::Corrupt => Err(too_short),
            Err(error) => Err(error),
        }
    }

    fn write(&self, handle: &Handle, content: &[u8], context: CallContext<'_>) -> Result<(), StorageError> {
        if self.conditional.load(Ordering::Relaxed) {
            if self.put(handle, content, true, context)? {
                return Ok(());
            }
            self.conditional.store(false, Ordering::Relaxed);
        }
        match self.size(handle, context) {
            Ok(_) => return Err(failure::exists("write", handle)),
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        self.put(handle, content, false, context).map(|_| ())
    }

    fn remove(&self, handle: &Handle, context: CallContext<'_>) -> Result<(), StorageError> {
        let path = layout::path(handle);
        let removed = self.on_file(context, "remove", handle, 0, self.asking.delete(&path));
        removed.map_err(|error| match error.kind {
            ErrorKind::Denied => self.retained(handle, context).unwrap_or(error),
            _ => error,
        })
    }

    fn note_tree_pack(&self, pack: &FileId) {
        self.tree_packs.lock().insert(*pack);
    }

    fn may_freeze(&self) -> bool {
        let class = self.settings.storage_class.as_deref();
        self.settings.thaw.is_some() || class.is_some_and(|class| ArchiveClass::of(class).is_some())
    }

    fn frozen(
        &self,
        files: &[Handle],
        bring_back: bool,
        context: CallContext<'_>,
    ) -> Result<Frozen, StorageError> {
        self.look_for_frozen(files, bring_back, context)
    }
}

/// The endpoint with its host in capitals. opendal takes a host that begins with the bucket's name for one
/// that holds the bucket, and cuts it; it compares before it turns the host to lower case.
fn shielded(endpoint: &str) -> String {
    match endpoint.split_once("://") {
        Some((scheme, host)) => format!("{scheme}://{}", host.to_ascii_uppercase()),
        None => endpoint.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_shielded_and_the_scheme_stays() {
        assert_eq!(shielded("https://backup.example.com:9000"), "https://BACKUP.EXAMPLE.COM:9000");
    }
}
