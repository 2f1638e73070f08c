//! What clients have put into this server's receiver, and what is coming in.

use axum::extract::State;
use backstay_model::Time;
use backstay_receiver::{ArchiveFile, RunningUpload};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::find;
use super::{blocking, failed, hosted};
use crate::access::extract::{Caller, Json};
use crate::api::common::List;
use crate::api::paged::{Params, limit};
use crate::problem::Problem;
use crate::state::AppState;

/// Files in a page, where nobody says how many.
const USUAL: u32 = 50;
/// Files in a page at most.
const MOST: u32 = 500;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(files)).routes(routes!(uploads))
}

/// Whose files are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct FilesQuery {
    /// The client's name.
    client: String,
    /// Where the page before ended: its `next`.
    cursor: Option<String>,
    /// How many at most, from 1 to 500; 50 when left out.
    limit: Option<u32>,
}

/// Whose uploads are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct UploadsQuery {
    /// The client's name; all clients when left out.
    client: Option<String>,
}

/// A page of a client's files.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ReceiverFiles {
    /// In the order of their names.
    items: Vec<ReceiverFile>,
    /// Where it ended, for `cursor`; left out when there is no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// An archive, or a manifest beside one.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ReceiverFile {
    /// Its name within the client's folder.
    name: String,
    /// Its bytes.
    size: u64,
    /// When it was put there.
    #[schema(value_type = String, format = DateTime)]
    modified: Time,
    /// The SHA-256 of its content, in hexadecimal digits; none of files that were put there by other means.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

/// An upload that is not whole yet.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ReceiverUpload {
    /// Whose it is.
    client: String,
    /// The name that the file is to have; left out for a part that is put together with others.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The bytes that it is to have.
    size: u64,
    /// The bytes that lie here, checked, and count.
    sent: u64,
    /// The bytes of the piece that is coming in now, which do not count yet.
    arriving: u64,
    /// Until when it is kept if nobody goes on with it.
    #[schema(value_type = String, format = DateTime)]
    expires: Time,
}

/// The files that a client has put there, with archives' manifests beside them.
#[utoipa::path(get, path = "/receiver/files", tag = "receiver", operation_id = "list_files", params(FilesQuery),
    responses((status = 200, body = ReceiverFiles),
        (status = 409, description = "`no_receiver`: this server hosts none.")))]
async fn files(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<FilesQuery>,
) -> Result<Json<ReceiverFiles>, Problem> {
    let receiver = hosted(&state, &caller).await?;
    let most = limit(query.limit, USUAL, MOST)?;
    blocking(move || {
        let client = find(&receiver, &query.client)?;
        let page = receiver.files(&client, query.cursor.as_deref(), most as usize).map_err(failed)?;
        let items: Vec<_> = page.files.into_iter().map(file).collect();
        let last = items.last().map(|file| file.name.clone());
        Ok(Json(ReceiverFiles { next: last.filter(|_| page.has_more), items }))
    })
    .await
}

/// The uploads that are not whole yet, and how far they are.
#[utoipa::path(get, path = "/receiver/uploads", tag = "receiver", operation_id = "list_uploads", params(UploadsQuery),
    responses((status = 200, body = List<ReceiverUpload>),
        (status = 409, description = "`no_receiver`: this server hosts none.")))]
async fn uploads(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<UploadsQuery>,
) -> Result<Json<List<ReceiverUpload>>, Problem> {
    let receiver = hosted(&state, &caller).await?;
    blocking(move || {
        if let Some(name) = &query.client {
            find(&receiver, name)?;
        }
        let mut all = receiver.running_uploads();
        all.retain(|upload| query.client.as_ref().is_none_or(|name| upload.client == *name));
        Ok(Json(List::new(all.into_iter().map(upload).collect())))
    })
    .await
}

fn file(file: ArchiveFile) -> ReceiverFile {
    let ArchiveFile { name, size, modified, sha256 } = file;
    ReceiverFile { name, size, modified, sha256 }
}

fn upload(upload: RunningUpload) -> ReceiverUpload {
    let RunningUpload { client, name, size, received, arriving, expires } = upload;
    ReceiverUpload { client, name, size, sent: received, arriving, expires }
}
