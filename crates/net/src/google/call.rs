//! What a request is about, for errors, and how it is run.

use std::fmt::Display;
use std::time::Duration;

use backstay_core::{CallContext, ErrorKind, StorageError};
use http::{HeaderMap, StatusCode};
use reqwest::{RequestBuilder, Response};
use serde::Deserialize;

use super::refusal::Refusal;
use crate::http::fault;
use crate::http::runtime::Background;

/// Bytes that an answer may have which is held in memory: a page of a listing has less.
const LONGEST_ANSWER: usize = 16 << 20;

/// What a request is about, for errors.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// How long the caller waits.
    pub context: CallContext<'a>,
    /// What is done.
    pub action: &'static str,
    /// On what.
    pub what: &'a dyn Display,
}

/// An answer that is not what the protocol says.
#[derive(Debug, thiserror::Error)]
#[error("the answer of Google cannot be understood: {0}")]
pub struct Strange(pub &'static str);

impl<'a> Call<'a> {
    /// Something that is done to something.
    pub fn new(context: CallContext<'a>, action: &'static str, what: &'a dyn Display) -> Self {
        Self { context, action, what }
    }

    /// Why it failed.
    pub fn failed(
        &self,
        kind: ErrorKind,
        cause: impl std::error::Error + Send + Sync + 'static,
    ) -> StorageError {
        StorageError::new(kind, self.action, self.what, cause)
    }

    /// What cannot be understood of an answer.
    #[must_use]
    pub fn strange(&self, what: &'static str) -> StorageError {
        self.failed(ErrorKind::Other, Strange(what))
    }

    pub(super) fn of_client(&self, error: reqwest::Error) -> StorageError {
        fault::of_client(self.action, self.what, error)
    }

    /// The answer to a request before its body is read.
    pub(super) fn response(
        &self,
        runtime: &Background,
        patience: Duration,
        request: RequestBuilder,
    ) -> Result<Response, StorageError> {
        runtime.run(self.context, self.action, self.what, patience, async {
            request.send().await.map_err(|error| self.of_client(error))
        })
    }

    /// The whole of an answer.
    pub(super) fn whole(
        &self,
        runtime: &Background,
        patience: Duration,
        mut response: Response,
    ) -> Result<Answer, StorageError> {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        runtime.run(self.context, self.action, self.what, patience, async {
            while let Some(piece) = response.chunk().await.map_err(|error| self.of_client(error))? {
                body.extend_from_slice(&piece);
                if body.len() > LONGEST_ANSWER {
                    break;
                }
            }
            Ok(())
        })?;
        Ok(Answer { status, headers, body })
    }
}

/// An answer, whatever it says.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Reads it, if it is a success.
    pub(super) fn read<T: for<'de> Deserialize<'de>>(
        &self,
        call: Call<'_>,
        what: &'static str,
    ) -> Result<T, StorageError> {
        self.checked(call)?;
        serde_json::from_slice(&self.body).map_err(|_| call.strange(what))
    }

    /// Fails unless it is a success.
    pub(super) fn checked(&self, call: Call<'_>) -> Result<(), StorageError> {
        if self.status.is_success() { Ok(()) } else { Err(self.refused(call)) }
    }

    pub(super) fn refused(&self, call: Call<'_>) -> StorageError {
        let refusal = Refusal::of(self.status.as_u16(), &self.headers, &self.body);
        call.failed(refusal.kind(), refusal)
    }
}
