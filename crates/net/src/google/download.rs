//! Content on its way from Google Drive.

use backstay_core::StorageError;
use http::Method;
use reqwest::Response;

use super::Call;
use super::drive::{Ask, Drive};
use super::refusal::named_wait;
use crate::http::download::Download;

impl Drive {
    /// Replaces the content of `buffer` by that of a file, but reads no more than a little beyond `most` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](backstay_core::ErrorKind::NotFound) when there is none.
    pub fn read(
        &self,
        call: Call<'_>,
        id: &str,
        most: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<(), StorageError> {
        self.download(call).whole(most, buffer, &mut |range| self.content(call, id, range))
    }

    /// Fills a buffer with what a file has from `offset` on; tells how much of it there was.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](backstay_core::ErrorKind::NotFound) when there is no such file,
    /// [`ErrorKind::Corrupt`](backstay_core::ErrorKind::Corrupt) when it ends before `offset`.
    pub fn read_at(
        &self,
        call: Call<'_>,
        id: &str,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, StorageError> {
        self.download(call).fill(offset, buffer, &mut |range| self.content(call, id, range))
    }

    fn download<'a>(&'a self, call: Call<'a>) -> Download<'a> {
        Download {
            runtime: &self.runtime,
            patience: self.patience,
            context: call.context,
            action: call.action,
            what: call.what,
            named_wait: |error| named_wait(error).unwrap_or_default(),
        }
    }

    /// The answer with the content of a file, or with a range of it.
    fn content(&self, call: Call<'_>, id: &str, range: Option<&str>) -> Result<Response, StorageError> {
        let ask = Ask::new(Method::GET, &self.file(id), &[("alt", "media")]);
        let ask = match range {
            Some(range) => ask.header("range", range),
            None => ask,
        };
        let response = self.response(call, &ask)?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(call.whole(&self.runtime, self.patience, response)?.refused(call))
    }
}
