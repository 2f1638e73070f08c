//! Content of objects on its way here, asked for by who waits for it.

use std::time::Duration;

use backstay_core::StorageError;
use http::Method;
use reqwest::Response;

use super::client::{Ask, Call, Client};
use crate::http::download::Download;

impl Client {
    /// Replaces the content of `buffer` by that of an object, but reads no more than a little beyond `most` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](backstay_core::ErrorKind::NotFound) when there is none.
    pub fn read(
        &self,
        call: Call<'_>,
        name: &str,
        most: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<(), StorageError> {
        self.download(call).whole(most, buffer, &mut |range| self.content(call, name, range))
    }

    /// Fills a buffer with what an object has from `offset` on; tells how much of it there was.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](backstay_core::ErrorKind::NotFound) when there is no such object,
    /// [`ErrorKind::Corrupt`](backstay_core::ErrorKind::Corrupt) when it ends before `offset`.
    pub fn read_at(
        &self,
        call: Call<'_>,
        name: &str,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, StorageError> {
        self.download(call).fill(offset, buffer, &mut |range| self.content(call, name, range))
    }

    fn download<'a>(&'a self, call: Call<'a>) -> Download<'a> {
        Download {
            runtime: &self.connection.runtime,
            patience: self.connection.patience,
            context: call.context,
            action: call.action,
            what: call.what,
            named_wait: |_| Duration::ZERO,
        }
    }

    /// The answer with the content of an object, or with a range of it.
    fn content(&self, call: Call<'_>, name: &str, range: Option<&str>) -> Result<Response, StorageError> {
        let ask = Ask::of(Method::GET, name);
        let ask = match range {
            Some(range) => ask.header("range", range),
            None => ask,
        };
        let response = self.response(call, ask)?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.whole(call, Duration::ZERO, response)?.refusal(call))
    }
}
