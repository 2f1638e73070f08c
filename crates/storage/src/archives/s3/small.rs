//! Small objects: those that have to be new, and the notes of what was begun.

use std::sync::atomic::Ordering;

use backstay_core::{ErrorKind, StorageError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use md5::{Digest, Md5};

use super::notes::{self, Begun};
use super::{S3, Trouble};
use crate::failure;
use backstay_net::s3::client::{Ask, Call};

/// What came of an attempt to write an object.
pub(super) enum Written {
    Now,
    /// There is one already.
    Before,
}

impl S3 {
    /// What was begun under a token, as it was last noted.
    pub(super) fn note(&self, call: Call<'_>, token: &str) -> Result<Option<Begun>, StorageError> {
        let answer = self.client.answer(call, Ask::of(Method::GET, &notes::begun(token)))?;
        let begun = match answer.status {
            status if status.is_success() => serde_json::from_str::<Begun>(&answer.text).ok(),
            StatusCode::NOT_FOUND if answer.code() != "NoSuchBucket" => None,
            _ => return Err(answer.refusal(call)),
        };
        let mut known = self.known.lock();
        match &begun {
            Some(begun) => known.insert(token.to_owned(), begun.clone()),
            None => known.remove(token),
        };
        Ok(begun)
    }

    /// What was begun under a token.
    pub(super) fn begun(&self, call: Call<'_>, token: &str) -> Result<Begun, StorageError> {
        let unknown = || call.failed(ErrorKind::NotFound, Trouble::Unknown);
        failure::check(call.context, call.action, call.what)?;
        if !notes::is_token(token) {
            return Err(unknown());
        }
        let known = self.known.lock().get(token).cloned();
        match known {
            Some(begun) => Ok(begun),
            None => self.note(call, token)?.ok_or_else(unknown),
        }
    }

    pub(super) fn write_new(
        &self,
        call: Call<'_>,
        name: &str,
        content: Vec<u8>,
    ) -> Result<Written, StorageError> {
        self.write_with(call, name, content, &|ask| {
            ask.header("content-type", "application/json").encrypted(self.settings.encryption.as_ref())
        })
    }

    /// Writes a small object, unless there is one of that name.
    pub(super) fn write_with(
        &self,
        call: Call<'_>,
        name: &str,
        content: Vec<u8>,
        arrange: &dyn for<'a> Fn(Ask<'a>) -> Ask<'a>,
    ) -> Result<Written, StorageError> {
        // Buckets that lock take nothing without a checksum.
        let md5 = STANDARD.encode(Md5::digest(&content));
        loop {
            let conditional = self.conditional.load(Ordering::Relaxed);
            if !conditional && self.head(call, name)?.is_some() {
                return Ok(Written::Before);
            }
            let ask = arrange(Ask::of(Method::PUT, name)).header("content-md5", &md5).body(content.clone());
            let ask = if conditional { ask.header("if-none-match", "*") } else { ask };
            let answer = self.client.answer(call, ask)?;
            if conditional && answer.is_not_implemented() {
                self.conditional.store(false, Ordering::Relaxed);
            } else if answer.status.is_success() {
                return Ok(Written::Now);
            } else {
                let error = answer.refusal(call);
                return if error.kind == ErrorKind::Exists { Ok(Written::Before) } else { Err(error) };
            }
        }
    }

    /// Removes what is noted under a token.
    pub(super) fn forget(&self, call: Call<'_>, token: &str) -> Result<(), StorageError> {
        let mut names = self.names(call, &notes::folder(token))?;
        let begun = notes::begun(token);
        names.retain(|name| *name != begun);
        // Last, since without it nobody finds the others.
        names.push(begun);
        for name in &names {
            self.client.success(call, Ask::of(Method::DELETE, name))?;
        }
        self.known.lock().remove(token);
        Ok(())
    }
}
