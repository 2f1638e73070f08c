//! `POST /archives/`: begins an upload, or puts one together from parts.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use super::headers::{self, UPLOAD_OFFSET};
use crate::clients::Client;
use crate::names::Name;
use crate::problem::Problem;
use crate::receiver::{Receiver, empty};
use crate::uploads::{NewUpload, Piece, Upload};

/// Parts that a file may be put together from.
const MOST_PARTS: usize = 1000;

pub(super) async fn create(
    receiver: Receiver,
    client: Arc<Client>,
    request: Request,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let concat = headers::text_of(&head.headers, "upload-concat")?;
    if let Some(parts) = concat.and_then(|concat| concat.trim().strip_prefix("final;")) {
        return concatenate(receiver, client, &head.headers, parts).await;
    }
    let is_part = match concat.map(str::trim) {
        None => false,
        Some("partial") => true,
        Some(_) => {
            return Err(Problem::bad_request(
                "Upload-Concat is `partial` or `final;` with addresses of parts",
            ));
        }
    };
    if head.headers.contains_key("upload-defer-length") {
        return Err(Problem::bad_request(
            "the length has to be told at the beginning, as room is promised then",
        )
        .hint("send Upload-Length instead of Upload-Defer-Length"));
    }
    let length = headers::number_of(&head.headers, "upload-length")?;
    let length = length.ok_or_else(|| Problem::bad_request("Upload-Length is missing"))?;
    let metadata = headers::metadata(&head.headers)?;
    let name = if is_part { None } else { Some(name_of(metadata.filename)?) };
    let held = asks_to_finish(&head.headers)?;
    let new =
        NewUpload { name, length, sha256: metadata.sha256, parts: Vec::new(), held, metadata: metadata.raw };
    let with_body = headers::is_stream(&head.headers);
    let checksum = headers::checksum(&head.headers)?;
    if with_body && headers::content_length(&head.headers)?.is_some_and(|bytes| bytes > length) {
        return Err(super::upload::too_long(length));
    }
    let upload = {
        let client = Arc::clone(&client);
        receiver.blocking(move |receiver| receiver.create_upload(&client, new)).await?
    };
    let mut offset = None;
    if with_body {
        let mut turn = upload.take_turn().await?;
        let piece = Piece { offset: 0, checksum, body };
        // What fails here leaves an upload whose address the client has to learn, or it could not go on.
        match receiver.take_piece(&upload, &mut turn, piece).await {
            Ok(reached) => offset = Some(reached),
            Err(problem) => {
                tracing::info!(upload = upload.id, cause = %problem, "the first piece was not taken whole")
            }
        }
        offset = offset.or_else(|| Some(upload.state().offset));
    }
    if upload.is_complete() && !upload.record.held && !upload.record.partial {
        let upload = Arc::clone(&upload);
        receiver.blocking(move |receiver| receiver.finish_upload(&upload)).await?;
    }
    Ok(created(&upload, offset))
}

/// Puts a file together from parts, all of them this client's.
async fn concatenate(
    receiver: Receiver,
    client: Arc<Client>,
    headers: &HeaderMap,
    addresses: &str,
) -> Result<Response, Problem> {
    if headers.contains_key("upload-length") {
        return Err(Problem::bad_request("the length of a file put together is that of its parts"));
    }
    let metadata = headers::metadata(headers)?;
    let name = name_of(metadata.filename)?;
    let ids: Vec<String> = addresses.split_whitespace().map(|address| id_in(address).to_owned()).collect();
    if ids.is_empty() || ids.len() > MOST_PARTS {
        return Err(Problem::bad_request("a file is put together from 1 to 1000 parts"));
    }
    if let Some(finished) = receiver.finished_from(&client, name.text(), &ids) {
        return Ok(created(&finished, None));
    }
    let mut parts: Vec<Arc<Upload>> = Vec::new();
    for id in &ids {
        let part = receiver.uploads.get(id, &client)?;
        if !part.record.partial {
            return Err(Problem::forbidden(
                "only what was begun with `Upload-Concat: partial` can be put together",
            ));
        }
        if parts.iter().any(|other| other.id == part.id) {
            return Err(Problem::bad_request("a part is named twice"));
        }
        if !part.is_complete() {
            return Err(Problem::conflict("a part is not complete yet"));
        }
        parts.push(part);
    }
    // In the order of ids, so that two who want the same parts do not wait for one another.
    let mut in_order: Vec<_> = parts.iter().collect();
    in_order.sort_by(|a, b| a.id.cmp(&b.id));
    let mut turns = Vec::new();
    for part in in_order {
        turns.push(part.take_turn().await?);
        // Whoever had the turn may have removed it.
        receiver.uploads.get(&part.id, &client)?;
    }
    let length = parts.iter().map(|part| part.record.length).fold(0, u64::saturating_add);
    let new = NewUpload {
        name: Some(name),
        length,
        sha256: metadata.sha256,
        parts: ids,
        held: false,
        metadata: metadata.raw,
    };
    let whole = receiver
        .blocking(move |receiver| {
            let whole = receiver.concatenate(&client, new, &parts);
            drop(turns);
            whole
        })
        .await?;
    Ok(created(&whole, None))
}

fn created(upload: &Upload, offset: Option<u64>) -> Response {
    let mut response = empty(StatusCode::CREATED);
    if let Ok(location) = HeaderValue::from_str(&super::address(&upload.id)) {
        response.headers_mut().insert(LOCATION, location);
    }
    if let Some(offset) = offset {
        response.headers_mut().insert(UPLOAD_OFFSET, offset.into());
    }
    headers::set_expires(&mut response, upload);
    response
}

fn name_of(filename: Option<String>) -> Result<Name, Problem> {
    let filename = filename.ok_or_else(|| {
        Problem::bad_name("the file has no name").hint("send it as `filename` in Upload-Metadata")
    })?;
    Name::parse(&filename)
}

fn asks_to_finish(headers: &HeaderMap) -> Result<bool, Problem> {
    match headers::text_of(headers, "backstay-finish")? {
        None => Ok(false),
        Some("asked") => Ok(true),
        Some(_) => Err(Problem::bad_request("Backstay-Finish can be `asked` and nothing else")),
    }
}

/// The id at the end of an upload's address.
fn id_in(address: &str) -> &str {
    address.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}
