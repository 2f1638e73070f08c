//! What the service keeps: buckets, and in them the versions of objects.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::Checksum;
use s3s::{S3Result, s3_error};

use super::parts::Upload;

/// The version of what is kept where versions are not.
pub(super) const NULL: &str = "null";

/// What belongs to an object beside its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// `Content-Type`; `binary/octet-stream` if none.
    pub content_type: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `x-amz-website-redirect-location`.
    pub redirect: Option<String>,
    /// `x-amz-meta-…`, without that beginning.
    pub metadata: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its class; `STANDARD` if none.
    pub storage_class: Option<String>,
    /// Until when it is locked.
    pub retention: Option<Retention>,
    /// Whether it is held back from deletion without an end.
    pub legal_hold: bool,
    /// How the service encrypts it.
    pub encryption: Option<Encryption>,
}

/// A lock that ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// `GOVERNANCE` or `COMPLIANCE`.
    pub mode: String,
    /// When it ends.
    pub until: SystemTime,
}

/// How the service encrypts an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// With keys of the service.
    Aes256,
    /// With a key of the key service, of this id if one was named.
    Kms(Option<String>),
    /// With the client's key, of which the MD5 is kept.
    Customer(String),
}

/// An object as it is kept.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its content.
    pub bytes: Bytes,
    /// What belongs to it.
    pub attributes: Attributes,
    /// Its ETag without quotes: the MD5, or that of the parts' with their number.
    pub etag: String,
    /// When it was written, in whole seconds.
    pub modified: SystemTime,
    /// Its version; `null` where versions are not kept.
    pub version: String,
    pub(super) checksum: Checksum,
    pub(super) parts: Option<i32>,
    pub(super) thaw: Option<Thaw>,
}

/// A copy of a cold object that can be read for a while.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thaw {
    pub(super) ready: Instant,
    pub(super) until: SystemTime,
}

/// One version of an object, or a mark that it was deleted.
#[derive(Debug, Clone)]
pub(super) enum Version {
    Object(Box<Object>),
    Marker { version: String, modified: SystemTime },
}

/// Whether versions are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Versioning {
    #[default]
    Off,
    On,
    Suspended,
}

#[derive(Debug, Default)]
pub(super) struct Bucket {
    pub(super) versioning: Versioning,
    /// Whether objects may be locked.
    pub(super) locks: bool,
    /// Mode and days of the lock that new objects get which ask for none.
    pub(super) default_lock: Option<(String, u64)>,
    /// The versions of each key, the newest last. There is at least one.
    pub(super) objects: BTreeMap<String, Vec<Version>>,
    pub(super) uploads: BTreeMap<String, Upload>,
}

#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) buckets: BTreeMap<String, Bucket>,
    number: u64,
}

/// What a deletion did.
#[derive(Debug, Default)]
pub(super) struct Deleted {
    pub(super) version: Option<String>,
    pub(super) marker: bool,
}

impl Object {
    /// Content as it arrives, before it has a place.
    pub(super) fn new(bytes: Bytes, attributes: Attributes) -> Self {
        let etag = hex(&Md5::checksum(&bytes));
        let (modified, version) = (now(), NULL.to_owned());
        let checksum = Checksum::default();
        Self { bytes, attributes, etag, modified, version, checksum, parts: None, thaw: None }
    }

    /// Its class.
    #[must_use]
    pub fn storage_class(&self) -> &str {
        self.attributes.storage_class.as_deref().unwrap_or("STANDARD")
    }

    /// Whether it can be read only once it was restored.
    pub(super) fn is_cold(&self) -> bool {
        matches!(self.storage_class(), "GLACIER" | "DEEP_ARCHIVE")
    }

    /// Whether it cannot be read now.
    pub(super) fn is_frozen(&self) -> bool {
        let thawed = |thaw: Thaw| thaw.ready <= Instant::now() && thaw.until > SystemTime::now();
        self.is_cold() && !self.thaw.is_some_and(thawed)
    }

    /// Whether it must not be deleted.
    pub(super) fn is_locked(&self, bypass_governance: bool) -> bool {
        let retained = self.attributes.retention.as_ref().is_some_and(|retention| {
            retention.until > SystemTime::now() && !(bypass_governance && retention.mode == "GOVERNANCE")
        });
        retained || self.attributes.legal_hold
    }
}

impl Version {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Object(object) => &object.version,
            Self::Marker { version, .. } => version,
        }
    }

    pub(super) fn object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            Self::Marker { .. } => None,
        }
    }
}

impl Bucket {
    /// The newest version of an object that was not deleted.
    pub(super) fn newest(&self, key: &str) -> Option<&Object> {
        self.objects.get(key)?.last()?.object()
    }

    /// The objects that are there, by key.
    pub(super) fn present(&self) -> impl Iterator<Item = (&String, &Object)> {
        self.objects.iter().filter_map(|(key, versions)| Some((key, versions.last()?.object()?)))
    }

    /// The version that is meant: the newest if none is named.
    pub(super) fn find(&mut self, key: &str, version: Option<&str>) -> S3Result<&mut Object> {
        let named = version.is_some();
        let versions = self.objects.get_mut(key).ok_or_else(|| s3_error!(NoSuchKey))?;
        let found = match version {
            Some(id) => versions.iter_mut().find(|version| version.id() == id),
            None => versions.last_mut(),
        };
        match found {
            Some(Version::Object(object)) => Ok(object),
            Some(Version::Marker { .. }) if named => Err(s3_error!(MethodNotAllowed)),
            Some(Version::Marker { .. }) => Err(s3_error!(NoSuchKey)),
            None => Err(s3_error!(NoSuchVersion)),
        }
    }
}

impl Store {
    pub(super) fn bucket(&mut self, name: &str) -> S3Result<&mut Bucket> {
        self.buckets.get_mut(name).ok_or_else(|| s3_error!(NoSuchBucket))
    }

    /// An id that nothing has yet.
    pub(super) fn number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// Puts an object in its place. Gives it with its version.
    pub(super) fn put(&mut self, bucket: &str, key: &str, mut object: Object) -> S3Result<Object> {
        let number = self.number();
        let bucket = self.bucket(bucket)?;
        bucket.lock(&mut object.attributes)?;
        let versions = bucket.objects.entry(key.to_owned()).or_default();
        if bucket.versioning == Versioning::On {
            object.version = format!("v{number:09}");
        } else {
            versions.retain(|version| version.id() != NULL);
        }
        versions.push(Version::Object(Box::new(object.clone())));
        Ok(object)
    }

    /// Deletes an object as its bucket does it: for good, or by a mark.
    pub(super) fn delete(
        &mut self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        bypass: bool,
        refuses_locked: bool,
    ) -> S3Result<Deleted> {
        let number = self.number();
        let bucket = self.bucket(bucket)?;
        let versioning = bucket.versioning;
        let is_locked = |version: &Version| version.object().is_some_and(|object| object.is_locked(bypass));
        let Some(id) = version else {
            let newest = bucket.objects.get(key).and_then(|versions| versions.last());
            if newest.is_some_and(is_locked) && (refuses_locked || versioning != Versioning::On) {
                return Err(s3_error!(AccessDenied, "the object is locked"));
            }
            if versioning == Versioning::Off {
                bucket.objects.remove(key);
                return Ok(Deleted::default());
            }
            let on = versioning == Versioning::On;
            let version = if on { format!("v{number:09}") } else { NULL.to_owned() };
            let versions = bucket.objects.entry(key.to_owned()).or_default();
            versions.retain(|version| on || version.id() != NULL);
            versions.push(Version::Marker { version: version.clone(), modified: now() });
            return Ok(Deleted { version: Some(version), marker: true });
        };
        let Some(versions) = bucket.objects.get_mut(key) else { return Ok(Deleted::default()) };
        let Some(place) = versions.iter().position(|version| version.id() == id) else {
            return Err(s3_error!(NoSuchVersion));
        };
        if versions.get(place).is_some_and(is_locked) {
            return Err(s3_error!(AccessDenied, "the object is locked"));
        }
        let marker = versions.remove(place).object().is_none();
        if versions.is_empty() {
            bucket.objects.remove(key);
        }
        Ok(Deleted { version: Some(id.to_owned()), marker })
    }
}

/// The time in whole seconds, as the service keeps it.
pub(super) fn now() -> SystemTime {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
