//! The buckets of a service that is in another process: all that a test does there goes over the protocol.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use backstay_core::{CallContext, StorageError};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Deserialize;

use super::any_service::{AnyService, Keeps};
use super::server::{KEY, SECRET};
use super::store::{Attributes, Object, Retention};
use crate::s3::client::{Ask, Call, Client, read};
use crate::s3::{Credentials, S3Address, Settings};
use crate::text::{encoded, moment, told};
use crate::{Http, Secret};

const CALL: Call<'static> =
    Call { context: CallContext::NONE, action: "ask for", what: &"an object of a test" };

/// The buckets of a service at a URL.
pub struct OverHttp {
    url: String,
    clients: Mutex<BTreeMap<String, Arc<Client>>>,
}

/// A version in a listing.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedVersion {
    /// The object's key.
    pub key: String,
    /// The version's id.
    pub version_id: String,
    /// Whether it is the newest one.
    pub is_latest: bool,
}

/// The versions in a bucket, as a listing has them.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Versions {
    /// Those of objects.
    #[serde(default, rename = "Version")]
    pub objects: Vec<ListedVersion>,
    /// Those that say that an object was deleted.
    #[serde(default, rename = "DeleteMarker")]
    pub markers: Vec<ListedVersion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagging {
    tag_set: TagSet,
}

#[derive(Deserialize)]
struct TagSet {
    #[serde(default, rename = "Tag")]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

impl OverHttp {
    pub(super) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), clients: Mutex::default() }
    }

    fn client(&self, bucket: &str) -> Arc<Client> {
        let mut clients = self.clients.lock().unwrap();
        let open = || {
            let http = Http { patience: Some(Duration::from_secs(60)), ..Http::default() };
            Arc::new(Client::open(&self.address(bucket, ""), &self.settings(), &http).unwrap())
        };
        Arc::clone(clients.entry(bucket.to_owned()).or_insert_with(open))
    }

    /// Whether a bucket can be made, and an object put there.
    pub(super) fn takes_objects(&self) -> bool {
        let client = self.client("is-it-there");
        client.answer(CALL, Ask::of_bucket(Method::PUT)).is_ok_and(|answer| answer.status.as_u16() < 500)
            && client.success(CALL, Ask::of(Method::PUT, "x").body(b"x".to_vec())).is_ok()
    }

    /// Puts an object there, and gives the headers of the answer.
    ///
    /// # Errors
    /// When the service says no.
    pub fn try_put(
        &self,
        bucket: &str,
        key: &str,
        bytes: Vec<u8>,
        like: &Attributes,
    ) -> Result<HeaderMap, StorageError> {
        let headers = described(like);
        let answer = self.client(bucket).insist(CALL, || {
            let ask = Ask::of(Method::PUT, key).body(bytes.clone());
            headers.iter().fold(ask, |ask, (name, value)| ask.header_of(name.clone(), value.clone()))
        });
        Ok(answer?.headers)
    }

    /// Deletes an object, or a version of it, and gives the headers of the answer.
    ///
    /// # Errors
    /// When the service says no.
    pub fn try_delete(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> Result<HeaderMap, StorageError> {
        let ask = || Ask::of(Method::DELETE, key);
        let answer = self.client(bucket).insist(CALL, || match version {
            Some(version) => ask().query("versionId", version),
            None => ask(),
        });
        Ok(answer?.headers)
    }

    /// All versions in a bucket, as far as one page goes.
    ///
    /// # Panics
    /// When the service does not tell them.
    #[must_use]
    pub fn versions(&self, bucket: &str) -> Versions {
        let answer =
            self.client(bucket).success(CALL, Ask::of_bucket(Method::GET).query("versions", "")).unwrap();
        read(&answer.text).unwrap_or_else(|| panic!("{}", answer.text))
    }

    fn tags(&self, client: &Client, key: &str) -> BTreeMap<String, String> {
        let answer = client.success(CALL, Ask::of(Method::GET, key).query("tagging", "")).unwrap();
        let Tagging { tag_set } = read(&answer.text).unwrap_or_else(|| panic!("{}", answer.text));
        tag_set.tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
    }
}

impl AnyService for OverHttp {
    fn address(&self, bucket: &str, prefix: &str) -> S3Address {
        S3Address { endpoint: self.url.clone(), bucket: bucket.to_owned(), prefix: prefix.to_owned() }
    }

    fn settings(&self) -> Settings {
        let credentials = Credentials {
            access_key_id: KEY.to_owned(),
            secret_access_key: Secret::new(SECRET),
            session_token: None,
        };
        Settings { credentials: Some(credentials), ..Settings::default() }
    }

    fn make_bucket(&self, name: &str, keeps: Keeps) {
        let client = self.client(name);
        let make = || match keeps {
            Keeps::Locks => Ask::of_bucket(Method::PUT).header("x-amz-bucket-object-lock-enabled", "true"),
            _ => Ask::of_bucket(Method::PUT),
        };
        client.insist(CALL, make).unwrap();
        if keeps == Keeps::Versions {
            let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
            let ask = || Ask::of_bucket(Method::PUT).query("versioning", "").body(on.into());
            client.insist(CALL, ask).unwrap();
        }
    }

    fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>, attributes: Attributes) -> String {
        let headers =
            self.try_put(bucket, key, bytes, &attributes).unwrap_or_else(|error| panic!("{key}: {error}"));
        text(&headers, "etag").unwrap_or_default().trim_matches('"').to_owned()
    }

    fn get(&self, bucket: &str, key: &str) -> Option<Object> {
        let client = self.client(bucket);
        let response = client.response(CALL, Ask::of(Method::HEAD, key)).unwrap();
        if response.status().as_u16() == 404 {
            return None;
        }
        assert!(response.status().is_success(), "{key}: {}", response.status());
        let headers = response.headers().clone();
        let mut bytes = Vec::new();
        client.read(CALL, key, u64::MAX, &mut bytes).unwrap();
        let mut attributes = of_headers(&headers);
        attributes.tags = self.tags(&client, key);
        let mut object = Object::new(bytes.into(), attributes);
        object.etag = text(&headers, "etag").unwrap_or_default().trim_matches('"').to_owned();
        object.version = text(&headers, "x-amz-version-id").unwrap_or(object.version);
        Some(object)
    }

    fn delete(&self, bucket: &str, key: &str) {
        self.try_delete(bucket, key, None).unwrap();
    }

    fn keys(&self, bucket: &str) -> Vec<String> {
        let mut keys = Vec::new();
        let mut each = |key: &str, _: &_| {
            keys.push(key.to_owned());
            Ok(())
        };
        self.client(bucket).objects(CALL, "", &mut each).unwrap();
        keys
    }
}

/// The headers that give a new object what belongs to it.
fn described(like: &Attributes) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    let mut add = |name: &str, value: Option<&str>| {
        headers.extend(
            value.map(|value| (name.parse().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())),
        );
    };
    add("content-type", like.content_type.as_deref());
    add("cache-control", like.cache_control.as_deref());
    add("content-encoding", like.content_encoding.as_deref());
    add("content-disposition", like.content_disposition.as_deref());
    add("content-language", like.content_language.as_deref());
    add("x-amz-website-redirect-location", like.redirect.as_deref());
    add("x-amz-storage-class", like.storage_class.as_deref());
    for (name, value) in &like.metadata {
        add(&format!("x-amz-meta-{name}"), Some(value));
    }
    let part = |text: &String| encoded(text).replace('/', "%2F");
    let tags: Vec<_> =
        like.tags.iter().map(|(key, value)| format!("{}={}", part(key), part(value))).collect();
    add("x-amz-tagging", Some(tags.join("&")).filter(|tags| !tags.is_empty()).as_deref());
    if let Some(Retention { mode, until }) = &like.retention {
        add("x-amz-object-lock-mode", Some(mode));
        add("x-amz-object-lock-retain-until-date", Some(&told(*until)));
    }
    headers
}

/// What belongs to an object, as the headers of an answer tell it: all but tags and encryption.
fn of_headers(headers: &HeaderMap) -> Attributes {
    let metadata = headers.keys().filter_map(|name| {
        Some((name.as_str().strip_prefix("x-amz-meta-")?.to_owned(), text(headers, name.as_str())?))
    });
    let until = text(headers, "x-amz-object-lock-retain-until-date").and_then(|time| moment(&time));
    let until = until.map(|time| UNIX_EPOCH + Duration::from_secs(time.seconds.try_into().unwrap()));
    Attributes {
        content_type: text(headers, "content-type"),
        cache_control: text(headers, "cache-control"),
        content_encoding: text(headers, "content-encoding"),
        content_disposition: text(headers, "content-disposition"),
        content_language: text(headers, "content-language"),
        redirect: text(headers, "x-amz-website-redirect-location"),
        metadata: metadata.collect(),
        storage_class: text(headers, "x-amz-storage-class"),
        retention: text(headers, "x-amz-object-lock-mode")
            .zip(until)
            .map(|(mode, until)| Retention { mode, until }),
        ..Attributes::default()
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
