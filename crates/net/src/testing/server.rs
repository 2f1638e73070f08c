//! The service on a port of its own, and what tests do with it beside its protocol.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::host::SingleDomain;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError, S3Error, S3ErrorCode, S3Result, s3_error};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::answers::time_for;
use super::behaviour::{Asked, Behaviour, Control, Refused};
use super::service::Service;
use super::store::{Attributes, Bucket, Object, Store, Versioning};
use crate::Secret;
use crate::s3::{Credentials, S3Address, Settings};

/// The key that the service knows.
pub const KEY: &str = "the-key";
/// The secret that belongs to it.
pub const SECRET: &str = "the-secret-of-the-key";

/// The header by which an operation says another status than its crate gives it. It is not sent.
pub(super) const STATUS: &str = "x-status-of-the-answer";

type Hook = Arc<dyn Fn(&Asked, &Buckets) + Send + Sync>;

#[derive(Default)]
pub(super) struct Shared {
    store: Mutex<Store>,
    control: Mutex<Control>,
    hook: Mutex<Option<Hook>>,
}

impl Shared {
    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn behaviour(&self) -> Behaviour {
        self.control().behaviour.clone()
    }
}

/// The buckets of a service, without its protocol.
#[derive(Clone)]
pub struct Buckets(Arc<Shared>);

/// An S3 service; it ends when dropped. What is in its buckets is reached through [`Buckets`].
pub struct S3Server {
    /// Its URL.
    pub url: String,
    buckets: Buckets,
    runtime: Option<Runtime>,
}

impl fmt::Debug for S3Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Server").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Deref for S3Server {
    type Target = Buckets;

    fn deref(&self) -> &Buckets {
        &self.buckets
    }
}

impl Buckets {
    /// Makes a bucket.
    pub fn create_bucket(&self, name: &str) {
        self.0.store().buckets.insert(name.to_owned(), Bucket::default());
    }

    /// Makes a bucket that keeps versions.
    pub fn create_bucket_of_versions(&self, name: &str) {
        let bucket = Bucket { versioning: Versioning::On, ..Bucket::default() };
        self.0.store().buckets.insert(name.to_owned(), bucket);
    }

    /// Makes a bucket that keeps versions, and locks where that is asked for.
    pub fn create_bucket_of_locks(&self, name: &str) {
        let bucket = Bucket { versioning: Versioning::On, locks: true, ..Bucket::default() };
        self.0.store().buckets.insert(name.to_owned(), bucket);
    }

    /// Makes a bucket with what is in another one.
    pub fn copy_bucket(&self, name: &str, to: &str) {
        let mut store = self.0.store();
        let objects = store.buckets.get(name).map(|bucket| bucket.objects.clone()).unwrap_or_default();
        store.buckets.insert(to.to_owned(), Bucket { objects, ..Bucket::default() });
    }

    /// Removes a bucket with all that is in it.
    pub fn remove_bucket(&self, name: &str) {
        self.0.store().buckets.remove(name);
    }

    /// Has a bucket lock each new object that asks for no lock of its own.
    ///
    /// # Panics
    /// When the bucket is not there, or takes no locks.
    pub fn lock_new_objects(&self, bucket: &str, mode: &str, days: u64) {
        let mut store = self.0.store();
        let bucket = store.bucket(bucket).unwrap();
        assert!(bucket.locks, "the bucket takes no locks");
        bucket.default_lock = Some((mode.to_owned(), days));
    }

    /// Puts an object there, and gives its ETag. The bucket is made if it is not there.
    ///
    /// # Panics
    /// When the bucket takes no locks and the object has one.
    pub fn put(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>, attributes: Attributes) -> String {
        let mut store = self.0.store();
        store.buckets.entry(bucket.to_owned()).or_default();
        store.put(bucket, key, Object::new(bytes.into(), attributes)).unwrap().etag
    }

    /// The object as it is now.
    #[must_use]
    pub fn get(&self, bucket: &str, key: &str) -> Option<Object> {
        self.0.store().buckets.get(bucket)?.newest(key).cloned()
    }

    /// A version of an object.
    #[must_use]
    pub fn get_version(&self, bucket: &str, key: &str, version: &str) -> Option<Object> {
        self.0.store().buckets.get_mut(bucket)?.find(key, Some(version)).ok().cloned()
    }

    /// Changes an object where it is: no new version, no new time.
    ///
    /// # Panics
    /// When it is not there.
    pub fn change(&self, bucket: &str, key: &str, change: impl FnOnce(&mut Object)) {
        change(self.0.store().bucket(bucket).unwrap().find(key, None).unwrap());
    }

    /// Deletes an object as if it had never been.
    pub fn erase(&self, bucket: &str, key: &str) {
        if let Some(bucket) = self.0.store().buckets.get_mut(bucket) {
            bucket.objects.remove(key);
        }
    }

    /// Deletes an object as the protocol does: where versions are kept, by a mark.
    ///
    /// # Panics
    /// When it is locked.
    pub fn delete(&self, bucket: &str, key: &str) {
        self.0.store().delete(bucket, key, None, false, false).unwrap();
    }

    /// The keys of the objects that are there, in order.
    #[must_use]
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let store = self.0.store();
        store
            .buckets
            .get(bucket)
            .map(|bucket| bucket.present().map(|(key, _)| key.clone()).collect())
            .unwrap_or_default()
    }

    /// The names of the buckets.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.store().buckets.keys().cloned().collect()
    }

    /// How many uploads in parts are neither ended nor given up.
    #[must_use]
    pub fn open_uploads(&self, bucket: &str) -> usize {
        self.0.store().buckets.get(bucket).map_or(0, |bucket| bucket.uploads.len())
    }

    /// Ends all waiting for cold objects: those that were asked for can be read now.
    pub fn thaw(&self) {
        let mut store = self.0.store();
        for version in store.buckets.values_mut().flat_map(|bucket| bucket.objects.values_mut()).flatten() {
            if let super::store::Version::Object(object) = version {
                object.thaw.iter_mut().for_each(|thaw| thaw.ready = Instant::now());
            }
        }
    }

    /// How the service behaves from now on.
    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.0.control().behaviour);
    }

    /// Answers so many requests with this code, such as `SlowDown`, `InternalError`, `ExpiredToken` or `AccessDenied`.
    pub fn refuse(&self, code: &str, times: u32) {
        self.0.control().refused.push(Refused { code: code.to_owned(), operation: None, times });
    }

    /// The same for requests of one operation, such as `GetObject`.
    pub fn refuse_operation(&self, operation: &str, code: &str, times: u32) {
        let operation = Some(operation.to_owned());
        self.0.control().refused.push(Refused { code: code.to_owned(), operation, times });
    }

    /// Ends all refusals.
    pub fn accept(&self) {
        self.0.control().refused.clear();
    }

    /// Calls this at each request, before it does anything.
    pub fn hook(&self, hook: impl Fn(&Asked, &Buckets) + Send + Sync + 'static) {
        *self.0.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(hook));
    }

    /// How many requests there were of this operation, such as `ListObjectsV2`.
    #[must_use]
    pub fn count(&self, operation: &str) -> u64 {
        self.0.control().counts.get(operation).copied().unwrap_or(0)
    }

    /// How many requests there were, by operation.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.0.control().counts.clone()
    }

    /// Begins to count anew.
    pub fn forget_counts(&self) {
        self.0.control().counts.clear();
    }
}

impl S3Server {
    /// Starts a service whose buckets are named in the path.
    #[must_use]
    pub fn start() -> Self {
        Self::with(|_| ())
    }

    /// Starts one whose buckets are named by hosts below this domain.
    ///
    /// # Panics
    /// When the domain is none.
    #[must_use]
    pub fn of_domain(domain: &str) -> Self {
        Self::with(|builder| builder.set_host(SingleDomain::new(domain).unwrap()))
    }

    fn with(arrange: impl FnOnce(&mut S3ServiceBuilder)) -> Self {
        let shared = Arc::new(Shared::default());
        let mut builder = S3ServiceBuilder::new(Service(Arc::clone(&shared)));
        arrange(&mut builder);
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        builder.set_access(Gate(Arc::clone(&shared)));
        let runtime = Runtime::new().unwrap();
        // Without waiting, so that it can be started from within another runtime.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener).unwrap()
        };
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(serve(listener, builder.build(), Arc::clone(&shared)));
        Self { url, buckets: Buckets(shared), runtime: Some(runtime) }
    }

    /// The buckets by themselves, for another thread.
    #[must_use]
    pub fn buckets(&self) -> Buckets {
        self.buckets.clone()
    }

    /// The address of a folder in a bucket.
    #[must_use]
    pub fn address(&self, bucket: &str, prefix: &str) -> S3Address {
        S3Address { endpoint: self.url.clone(), bucket: bucket.to_owned(), prefix: prefix.to_owned() }
    }

    /// Settings with the key that the service knows.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let credentials = Credentials {
            access_key_id: KEY.to_owned(),
            secret_access_key: Secret::new(SECRET),
            session_token: None,
        };
        Settings { credentials: Some(credentials), ..Settings::default() }
    }
}

async fn serve(listener: TcpListener, service: S3Service, shared: Arc<Shared>) {
    while let Ok((socket, _)) = listener.accept().await {
        let _ = socket.set_nodelay(true);
        let (service, shared) = (service.clone(), Arc::clone(&shared));
        let answer = service_fn(move |request: Request<Incoming>| {
            let (service, shared) = (service.clone(), Arc::clone(&shared));
            async move {
                // Read to its end whatever the answer, since hyper closes the connection otherwise.
                let (head, body) = request.into_parts();
                let body = body.collect().await.map_err(|error| HttpError::new(error.into()))?.to_bytes();
                let Behaviour { latency, bytes_per_second, .. } = shared.behaviour();
                let sending = bytes_per_second.map_or(Duration::ZERO, |speed| time_for(body.len(), speed));
                if !(latency + sending).is_zero() {
                    tokio::time::sleep(latency + sending).await;
                }
                let mut answer = service.call(Request::from_parts(head, Body::from(body))).await?;
                let status = answer.headers_mut().remove(STATUS);
                if let Some(status) = status.and_then(|status| StatusCode::from_bytes(status.as_bytes()).ok())
                {
                    *answer.status_mut() = status;
                }
                Ok::<_, HttpError>(answer)
            }
        });
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), answer);
        tokio::spawn(connection);
    }
}

/// Who sees each request first.
struct Gate(Arc<Shared>);

#[async_trait::async_trait]
impl S3Access for Gate {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let operation = context.s3_op().name().to_owned();
        let (bucket, key) = match context.s3_path().as_object() {
            Some((bucket, key)) => (bucket.to_owned(), key.to_owned()),
            None => (context.s3_path().as_bucket().unwrap_or_default().to_owned(), String::new()),
        };
        let conditional =
            [header::IF_MATCH, header::IF_NONE_MATCH].iter().any(|name| context.headers().contains_key(name));
        let refusal = {
            let mut control = self.0.control();
            *control.counts.entry(operation.clone()).or_default() += 1;
            let ignorant = !control.behaviour.knows_conditions && conditional && is_write(&operation);
            let ignorant = ignorant.then(|| S3Error::new(S3ErrorCode::NotImplemented));
            control.refusal(&operation).or(ignorant)
        };
        let hook = self.0.hook.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(hook) = hook {
            hook(&Asked { operation, bucket, key }, &Buckets(Arc::clone(&self.0)));
        }
        match refusal {
            Some(refusal) => Err(refusal),
            None if context.credentials().is_none() => Err(s3_error!(AccessDenied, "Signature is required")),
            None => Ok(()),
        }
    }
}

fn is_write(operation: &str) -> bool {
    matches!(operation, "PutObject" | "CompleteMultipartUpload" | "CopyObject" | "DeleteObject")
}
