//! Bodies that are written by a blocking thread and read by a connection, a few pieces ahead and no more.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::problem::Problem;

/// Bytes of a piece.
const PIECE: usize = 128 << 10;
/// Pieces that wait for the connection.
const AHEAD: usize = 4;
/// For how long a connection may take nothing.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where a blocking thread writes a body to.
pub(crate) struct Outflow {
    sender: mpsc::Sender<io::Result<Bytes>>,
    runtime: tokio::runtime::Handle,
    buffer: Vec<u8>,
}

/// The body as the connection reads it.
struct Inflow(mpsc::Receiver<io::Result<Bytes>>);

/// A body that `write` makes in a thread of its own, for as long as it holds its place.
pub(crate) fn body(
    place: OwnedSemaphorePermit,
    write: impl FnOnce(&mut Outflow) -> io::Result<()> + Send + 'static,
) -> Body {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut outflow = Outflow { sender, runtime, buffer: Vec::new() };
        let outcome = write(&mut outflow).and_then(|()| outflow.flush());
        if let Err(error) = outcome {
            tracing::debug!(cause = %error, "a body could not be sent to its end");
            // The connection breaks off, so that nobody takes what there is for the whole.
            let _ = outflow.sender.try_send(Err(error));
        }
        drop(place);
    });
    Body::new(Inflow(receiver))
}

impl Outflow {
    fn send(&self, piece: Bytes) -> io::Result<()> {
        let sending = tokio::time::timeout(PATIENCE, self.sender.send(Ok(piece)));
        match self.runtime.block_on(sending) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Write for Outflow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.buffer);
        self.send(piece.into())
    }
}

impl http_body::Body for Inflow {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.get_mut().0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// Answers with a file, or the range of it that is asked for (RFC 9110, one range).
pub(crate) fn file(
    place: OwnedSemaphorePermit,
    mut file: File,
    headers: &HeaderMap,
    is_head: bool,
) -> Result<Response, Problem> {
    let length = file.metadata().map_err(|error| Problem::io("read the file", &error))?.len();
    let range = headers.get(RANGE).and_then(|range| range.to_str().ok());
    let (status, first, count) = match range.map(|range| part(range, length)) {
        None | Some(Part::All) => (StatusCode::OK, 0, length),
        Some(Part::Of(first, count)) => (StatusCode::PARTIAL_CONTENT, first, count),
        Some(Part::Beyond) => {
            let range = HeaderValue::from_str(&format!("bytes */{length}")).ok();
            let problem = Problem::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "range",
                format!("the file has {length} bytes, and the range begins or ends beyond them"),
            );
            return Err(range
                .into_iter()
                .fold(problem, |problem, range| problem.header(CONTENT_RANGE, range)));
        }
    };
    let content = if is_head || count == 0 {
        Body::empty()
    } else {
        body(place, move |out| {
            file.seek(SeekFrom::Start(first))?;
            let mut rest = file.take(count);
            let mut sent = 0;
            loop {
                let mut piece = vec![0; PIECE];
                let read = rest.read(&mut piece)?;
                if read == 0 {
                    break;
                }
                piece.truncate(read);
                sent += read as u64;
                out.send(piece.into())?;
            }
            if sent == count { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
        })
    };
    let mut response = Response::new(content);
    *response.status_mut() = status;
    let answer = response.headers_mut();
    answer.insert(CONTENT_LENGTH, count.into());
    answer.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    answer.insert(axum::http::header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(range) = HeaderValue::from_str(&format!("bytes {first}-{}/{length}", first + count - 1))
    {
        answer.insert(CONTENT_RANGE, range);
    }
    Ok(response)
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    All,
    Of(u64, u64),
    Beyond,
}

/// The part of a file of `length` bytes that a range asks for. What is no single range of bytes asks for all.
fn part(range: &str, length: u64) -> Part {
    let Some((first, last)) = range.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Part::All;
    };
    match (first.trim().parse::<u64>(), last.trim()) {
        (Ok(first), "") if first < length => Part::Of(first, length - first),
        (Ok(_), "") => Part::Beyond,
        (Ok(first), last) => match last.parse::<u64>() {
            Ok(last) if first > last => Part::All,
            Ok(_) if first >= length => Part::Beyond,
            Ok(last) => Part::Of(first, last.min(length - 1) - first + 1),
            Err(_) => Part::All,
        },
        (Err(_), last) if first.trim().is_empty() => match last.parse::<u64>() {
            Ok(0) => Part::Beyond,
            Ok(_) if length == 0 => Part::All,
            Ok(count) => Part::Of(length - count.min(length), count.min(length)),
            Err(_) => Part::All,
        },
        _ => Part::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_has_them() {
        for (range, expected) in [
            ("bytes=0-0", Part::Of(0, 1)),
            ("bytes=2-4", Part::Of(2, 3)),
            ("bytes=2-400", Part::Of(2, 8)),
            ("bytes=2-", Part::Of(2, 8)),
            ("bytes=-3", Part::Of(7, 3)),
            ("bytes=-300", Part::Of(0, 10)),
            ("bytes=10-", Part::Beyond),
            ("bytes=10-11", Part::Beyond),
            ("bytes=-0", Part::Beyond),
            ("bytes=4-2", Part::All),
            ("bytes=0-1,3-4", Part::All),
            ("pages=1-2", Part::All),
            ("bytes=x-y", Part::All),
            ("bytes=18446744073709551615-18446744073709551615", Part::Beyond),
        ] {
            assert_eq!(part(range, 10), expected, "{range}");
        }
        assert_eq!(part("bytes=0-0", 0), Part::Beyond);
        assert_eq!(part("bytes=-5", 0), Part::All);
    }
}
