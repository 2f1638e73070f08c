//! The content of an object, and what is told along with it.

use std::io::{Cursor, Error, ErrorKind, Read, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use backstay_core::{
    CallContext, Control, ErrorKind as Class, Events, Meta, Opener, StorageError, Timestamp, Xattr,
};
use backstay_net::s3::client::{Ask, Call, Client};
use backstay_net::s3::fetch::{Fetcher, Wanted, Whole};
use backstay_net::s3::refusal::Refusal;
use backstay_net::text::date;
use http::header::{CONTENT_LENGTH, ETAG, IF_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, Method};
use serde::Deserialize;

use super::Lost;
use super::attributes::{of_headers, of_tag, tag_count};
use super::keys::is_askable;

/// Objects up to this size are fetched whole, ahead of the time when they are needed.
pub(super) const SMALL: u64 = 4 << 20;

/// What all objects of a capture are read by.
pub(super) struct Reader {
    pub(super) fetcher: Fetcher,
    pub(super) client: Arc<Client>,
    pub(super) control: Control,
    pub(super) events: Arc<dyn Events>,
    pub(super) with_tags: bool,
    /// Why nothing more can be read, once the bucket is lost.
    pub(super) lost: Arc<OnceLock<Lost>>,
    /// Whether it was told that tags may not be read.
    pub(super) tags_refused: AtomicBool,
}

/// An object, as it was listed.
pub(super) struct ObjectOpener {
    pub(super) reader: Arc<Reader>,
    pub(super) key: String,
    pub(super) etag: String,
    pub(super) size: u64,
    pub(super) begun: Option<Whole>,
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

impl ObjectOpener {
    fn wanted(&self, as_listed: bool) -> Wanted {
        let condition = HeaderValue::from_str(&self.etag).ok().filter(|_| as_listed && !self.etag.is_empty());
        Wanted {
            name: self.key.clone(),
            headers: condition.map(|etag| (IF_MATCH, etag)).into_iter().collect(),
        }
    }

    /// A failure of reading it. That it is not there counts only where it is not listed any more either.
    fn failed(&self, error: StorageError) -> Error {
        if error.kind != Class::NotFound {
            return self.reader.failed(error);
        }
        match self.reader.is_listed(&self.key) {
            Ok(false) => self.reader.failed(error),
            Ok(true) => {
                Error::other("the service lists it, and says when it is asked for it that it is not there")
            }
            Err(error) => self.reader.failed(error),
        }
    }

    /// Asks for it as it was listed, or, if it has been replaced since, as it is now.
    fn current<T>(&self, ask: impl Fn(&Wanted) -> std::result::Result<T, StorageError>) -> Result<(T, bool)> {
        match ask(&self.wanted(true)) {
            Ok(answer) => Ok((answer, false)),
            Err(error) if error.kind == Class::Exists => {
                Ok((ask(&self.wanted(false)).map_err(|error| self.failed(error))?, true))
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    fn amend(
        &self,
        meta: &mut Meta,
        headers: &HeaderMap,
        size: Option<u64>,
        is_replaced: bool,
    ) -> Result<()> {
        let told = headers.get(ETAG).and_then(|etag| etag.to_str().ok());
        let is_listed_one = !is_replaced && told.is_none_or(|told| told == self.etag);
        if let Some(size) = size {
            if is_listed_one && size != self.size {
                let text = format!("the service lists it with {} bytes, and delivers {size}", self.size);
                return Err(Error::other(text));
            }
            meta.size = size;
        }
        if is_replaced {
            let written = headers.get(LAST_MODIFIED).and_then(|time| date(time.to_str().ok()?));
            let written =
                written.unwrap_or(Timestamp { seconds: meta.modified.seconds + 1, ..meta.modified });
            (meta.modified, meta.changed) = (written, written);
            self.reader
                .events
                .message(&format!("{}: it was replaced meanwhile and is taken as it is now", self.key));
        }
        meta.xattrs = of_headers(headers);
        if self.reader.with_tags && tag_count(headers) > 0 {
            meta.xattrs.extend(self.reader.tags(&self.key)?);
        }
        Ok(())
    }
}

impl Opener for ObjectOpener {
    fn open(self: Box<Self>) -> Result<Box<dyn Read + Send>> {
        self.open_with(&mut Meta::default())
    }

    fn duplicate(&self) -> Option<Box<dyn Opener>> {
        let (reader, key, etag) = (Arc::clone(&self.reader), self.key.clone(), self.etag.clone());
        Some(Box::new(Self { reader, key, etag, size: self.size, begun: None }))
    }

    fn prepare(&mut self) {
        if self.size <= SMALL && self.begun.is_none() && is_askable(&self.key) {
            self.begun = self.reader.fetcher.begin(&self.wanted(true), self.size);
        }
    }

    fn amends(&self) -> bool {
        true
    }

    fn open_with(mut self: Box<Self>, meta: &mut Meta) -> Result<Box<dyn Read + Send>> {
        check(&self.key)?;
        if let Some(why) = self.reader.lost.get() {
            return Err(Error::other(why.clone()));
        }
        let reader = Arc::clone(&self.reader);
        let small = (self.size <= SMALL).then(|| match self.begun.take() {
            Some(begun) => reader.fetcher.finish(begun, &self.key),
            None => reader.fetcher.now(&self.wanted(true), self.size),
        });
        match small {
            Some(Ok(fetched)) => {
                self.amend(meta, &fetched.headers, Some(fetched.body.len() as u64), false)?;
                return Ok(Box::new(Cursor::new(fetched.body)));
            }
            Some(Err(error)) if error.kind != Class::Exists => return Err(self.failed(error)),
            // What took its place may be of any length.
            _ => {}
        }
        let (stream, is_replaced) = self.current(|wanted| reader.fetcher.stream(wanted))?;
        let length = stream.headers.get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        self.amend(meta, &stream.headers.clone(), length, is_replaced)?;
        Ok(Box::new(stream))
    }

    fn describe(&self, meta: &mut Meta) -> Result<()> {
        check(&self.key)?;
        let call = Call::new(CallContext::with(&self.reader.control), "look at", &self.key);
        let ask = || match self.etag.as_str() {
            "" => Ask::of(Method::HEAD, &self.key),
            etag => Ask::of(Method::HEAD, &self.key).header("if-match", etag),
        };
        let answer = self.reader.client.insist(call, ask).map_err(|error| self.failed(error))?;
        self.amend(meta, &answer.headers, None, false)
    }
}

impl Reader {
    /// A failure of the service as one of reading. Where the service is out of reach or does not take our key any more, nothing more is read.
    fn failed(&self, error: StorageError) -> Error {
        let is_away = matches!(error.kind, Class::Transient | Class::Timeout) && !is_about_one_object(&error);
        if is_about_key(&error) {
            self.lost.get_or_init(|| Lost::KeyRefused(error.to_string()));
        } else if is_away {
            self.lost.get_or_init(|| Lost::OutOfReach(error.to_string()));
        }
        of_service(error)
    }

    /// Whether an object is in the listing.
    fn is_listed(&self, key: &str) -> std::result::Result<bool, StorageError> {
        let call = Call::new(CallContext::with(&self.control), "list", &key);
        let mut found = false;
        self.client.objects(call, key, &mut |name, _| {
            found |= name == key;
            Ok(())
        })?;
        Ok(found)
    }

    /// The tags of an object. Who may not read them backs up without, and is told so once.
    fn tags(&self, key: &str) -> Result<Vec<Xattr>> {
        if self.tags_refused.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        match tags_of(&self.client, &self.control, key) {
            Ok(tags) => Ok(tags.iter().map(|(key, value)| of_tag(key, value)).collect()),
            Err(error) if error.kind == Class::Denied && !is_about_key(&error) => {
                if !self.tags_refused.swap(true, Ordering::Relaxed) {
                    self.events
                        .warning(&format!("tags are not backed up, since they may not be read: {error}"));
                }
                Ok(Vec::new())
            }
            Err(error) if error.kind == Class::NotFound => Ok(Vec::new()),
            Err(error) => Err(self.failed(error)),
        }
    }
}

/// The tags of an object.
pub(super) fn tags_of(
    client: &Client,
    control: &Control,
    key: &str,
) -> std::result::Result<Vec<(String, String)>, StorageError> {
    let call = Call::new(CallContext::with(control), "read the tags of", &key);
    let answer = client.insist(call, || Ask::of(Method::GET, key).query("tagging", ""))?;
    let Tagging { tag_set } = call.read(&answer, "its tags")?;
    Ok(tag_set.tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

/// Whether the service answers, and has trouble with what it was asked for alone.
fn is_about_one_object(error: &StorageError) -> bool {
    error.cause.downcast_ref::<Refusal>().is_some_and(|refusal| refusal.code() == "InternalError")
}

/// Whether the service takes nothing from us any more, whatever it is asked for.
pub(super) fn is_about_key(error: &StorageError) -> bool {
    error.cause.downcast_ref::<Refusal>().is_some_and(Refusal::is_about_key)
}

fn check(key: &str) -> Result<()> {
    if is_askable(key) {
        return Ok(());
    }
    Err(Error::other("a part of its key is `.` or `..`, and no address of HTTP can have such a part"))
}

/// The same as an error of reading.
fn of_service(error: StorageError) -> Error {
    let kind = match error.kind {
        Class::NotFound => ErrorKind::NotFound,
        Class::Denied => ErrorKind::PermissionDenied,
        Class::Timeout => ErrorKind::TimedOut,
        _ => ErrorKind::Other,
    };
    Error::new(kind, error)
}
