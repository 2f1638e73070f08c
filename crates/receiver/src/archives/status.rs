//! How far uploads are, for people and for clients that verify what they sent.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use serde::Serialize;

use super::upload::find;
use crate::clients::Client;
use crate::outflow;
use crate::problem::Problem;
use crate::receiver::Receiver;
use crate::text;
use crate::uploads::range_hash;

#[derive(Serialize)]
struct Status<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    length: u64,
    /// Bytes that count.
    offset: u64,
    /// Bytes beyond, of the piece that is coming in.
    arriving: u64,
    expires: String,
    /// Whether the file has its name.
    finished: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
}

/// A chunk as it lies on the disk; a line of the answer.
#[derive(Serialize)]
struct Chunk {
    index: u64,
    offset: u64,
    size: u64,
    sha256: String,
}

pub(super) fn status(receiver: &Receiver, client: &Client, id: &str) -> Result<Response, Problem> {
    let upload = find(receiver, client, id)?;
    let state = upload.state();
    let status = Status {
        id: &upload.id,
        name: upload.record.name.as_deref(),
        length: upload.record.length,
        offset: state.offset,
        arriving: upload.arriving.load(Ordering::Relaxed),
        expires: state.expires.to_string(),
        finished: state.finished.is_some(),
        sha256: state.finished.as_deref().or(upload.record.sha256.as_deref()),
    };
    let text = serde_json::to_vec(&status).map_err(|error| Problem::internal("tell of the upload", error))?;
    Ok(with_type(Body::from(text), "application/json"))
}

/// The SHA-256 of each chunk of `size` bytes that counts, read back; a line of JSON each, as it is read.
pub(super) async fn chunks(
    receiver: Receiver,
    client: &Client,
    id: &str,
    query: Option<&str>,
) -> Result<Response, Problem> {
    let upload = find(&receiver, client, id)?;
    let size = query.unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("size="));
    let size = size.and_then(|size| size.parse::<u64>().ok()).filter(|size| *size > 0);
    let size = size.ok_or_else(|| Problem::bad_request("`size` has to be a number of bytes from 1 up"))?;
    let place = receiver.place().await?;
    // Nothing is written to it meanwhile, since the turn is ours; the client's next request takes it.
    let turn = upload.take_turn().await?;
    let state = upload.state();
    if state.offset.div_ceil(size) > 10_000_000 {
        return Err(Problem::bad_request("the chunks are too small for so large a file"));
    }
    let file = {
        let upload = Arc::clone(&upload);
        let open = move |receiver: &Receiver| match &upload.record.name {
            Some(name) if upload.state().finished.is_some() => {
                receiver.open_archive(&upload.record.folder, name)
            }
            _ => receiver.open_data(&upload).map_err(|error| Problem::io("read the upload", &error)),
        };
        receiver.blocking(open).await?
    };
    let (offset, length) = (state.offset, upload.record.length);
    let body = outflow::body(place, move |out| {
        let turn = turn;
        let mut index = 0;
        while let Some(begin) = size.checked_mul(index).filter(|begin| *begin < offset) {
            let end = begin.saturating_add(size).min(length);
            if end > offset || turn.interrupt.has_changed().unwrap_or(true) {
                break;
            }
            let sha256 = text::hex(&range_hash(&file, begin, end - begin)?);
            serde_json::to_writer(&mut *out, &Chunk { index, offset: begin, size: end - begin, sha256 })?;
            out.write_all(b"\n")?;
            // Each line at once: whoever waits sees that there is progress.
            out.flush()?;
            index += 1;
        }
        if turn.interrupt.has_changed().unwrap_or(true) {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        out.write_all(b"{\"end\":true}\n")
    });
    Ok(with_type(body, "application/x-ndjson"))
}

pub(crate) fn with_type(body: Body, kind: &'static str) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
