//! `/archives/.uploads/ID`: how far an upload is, its next piece, and its end.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::headers::{self, UPLOAD_OFFSET};
use crate::clients::Client;
use crate::problem::Problem;
use crate::receiver::{Receiver, empty};
use crate::uploads::{Piece, Upload};

pub(super) fn too_long(length: u64) -> Problem {
    let text = format!("the body has more bytes than are left of the {length} that were announced");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_long", text)
}

/// An upload that is still kept.
pub(super) fn find(receiver: &Receiver, client: &Client, id: &str) -> Result<Arc<Upload>, Problem> {
    let upload = receiver.uploads.get(id, client)?;
    if upload.state().expires <= receiver.now() {
        return Err(Problem::new(StatusCode::GONE, "expired", "nobody went on with the upload in time")
            .hint("begin it again"));
    }
    Ok(upload)
}

pub(super) async fn head(receiver: Receiver, client: Arc<Client>, id: &str) -> Result<Response, Problem> {
    let upload = find(&receiver, &client, id)?;
    let _turn = upload.take_turn().await?;
    finish_if_due(&receiver, &upload).await?;
    let mut response = empty(StatusCode::OK);
    let answer = response.headers_mut();
    answer.insert(UPLOAD_OFFSET, upload.state().offset.into());
    answer.insert("upload-length", upload.record.length.into());
    if !upload.record.metadata.is_empty()
        && let Ok(metadata) = HeaderValue::from_str(&upload.record.metadata)
    {
        answer.insert("upload-metadata", metadata);
    }
    if upload.record.partial {
        answer.insert("upload-concat", HeaderValue::from_static("partial"));
    } else if !upload.record.parts.is_empty() {
        let parts: Vec<_> = upload.record.parts.iter().map(|id| super::address(id)).collect();
        if let Ok(parts) = HeaderValue::from_str(&format!("final;{}", parts.join(" "))) {
            answer.insert("upload-concat", parts);
        }
    }
    headers::set_expires(&mut response, &upload);
    Ok(response)
}

pub(super) async fn patch(
    receiver: Receiver,
    client: Arc<Client>,
    id: &str,
    request: Request,
) -> Result<Response, Problem> {
    let upload = find(&receiver, &client, id)?;
    let (head, body) = request.into_parts();
    headers::check_stream(&head.headers)?;
    let offset = headers::number_of(&head.headers, UPLOAD_OFFSET)?;
    let offset = offset.ok_or_else(|| Problem::bad_request("Upload-Offset is missing"))?;
    let checksum = headers::checksum(&head.headers)?;
    let replaces = headers::text_of(&head.headers, "backstay-replace")? == Some("true");
    let announced = headers::content_length(&head.headers)?;
    if !upload.record.parts.is_empty() {
        return Err(Problem::forbidden("a file that was put together takes no pieces"));
    }
    let mut turn = upload.take_turn().await?;
    // Whoever had the turn may have removed it.
    let upload = find(&receiver, &client, id)?;
    let state = upload.state();
    let fits = if replaces { offset <= state.offset } else { offset == state.offset };
    if !fits {
        let text = format!("the upload goes on at byte {}, and not at byte {offset}", state.offset);
        return Err(Problem::conflict(text).number(UPLOAD_OFFSET, state.offset));
    }
    if announced.is_some_and(|bytes| bytes > upload.record.length - offset) {
        return Err(too_long(upload.record.length));
    }
    if state.finished.is_some() {
        let is_empty = announced == Some(0) && !replaces;
        return if is_empty { Ok(taken(&upload)) } else { Err(Problem::forbidden("the file is finished")) };
    }
    let is_question = announced == Some(0) && offset == upload.record.length;
    if !is_question {
        receiver.take_piece(&upload, &mut turn, Piece { offset, checksum, body }).await?;
    }
    if upload.is_complete() && !upload.record.partial && (is_question || !upload.record.held) {
        finish(&receiver, &upload).await?;
    }
    Ok(taken(&upload))
}

/// Ends an upload. A file that became of it stays.
pub(super) async fn end(receiver: Receiver, client: Arc<Client>, id: &str) -> Result<Response, Problem> {
    let upload = receiver.uploads.get(id, &client)?;
    let _turn = upload.take_turn().await?;
    receiver
        .blocking(move |receiver| {
            // Somebody who had the turn may have ended it.
            receiver.uploads.get(&upload.id, &client)?;
            receiver.remove_upload(&upload)
        })
        .await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Finishes an upload whose last piece came, but not to its end: the process was killed, or there was no room for the name.
async fn finish_if_due(receiver: &Receiver, upload: &Arc<Upload>) -> Result<(), Problem> {
    let record = &upload.record;
    if upload.is_complete() && !record.partial && !record.held {
        finish(receiver, upload).await?;
    }
    Ok(())
}

async fn finish(receiver: &Receiver, upload: &Arc<Upload>) -> Result<(), Problem> {
    let upload = Arc::clone(upload);
    receiver.blocking(move |receiver| receiver.finish_upload(&upload)).await
}

fn taken(upload: &Upload) -> Response {
    let mut response = empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(UPLOAD_OFFSET, upload.state().offset.into());
    headers::set_expires(&mut response, upload);
    response
}
