//! Content of snapshots: files as they are, folders as zip archives, and previews that are safe to show.
//!
//! What was backed up may be anything, a page with scripts too. So it is never given under a type that a browser executes, and
//! always in a sandbox.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use backstay_model::command::{Ask, ContentForm};
use backstay_model::connection::check_path;
use backstay_model::run::check_snapshot;
use backstay_model::{NodeId, RepositoryId};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{PATIENCE, Place};
use crate::access::extract::{Caller, Path, Query};
use crate::access::policy::Action;
use crate::link::hub::Fetched;
use crate::problem::{Problem, ProblemDetails};
use crate::state::AppState;

/// The largest picture that is shown.
const PICTURE: u64 = 8 << 20;
/// How much of a text is shown.
const TEXT: usize = 256 << 10;
/// Items of one archive.
const MOST: usize = 1000;
/// Nothing in it is executed, whatever it is.
const SANDBOX: &str = "sandbox; default-src 'none'";

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(file)).routes(routes!(preview)).routes(routes!(zip))
}

/// Which item.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ItemQuery {
    /// Its absolute path.
    path: String,
    /// The node that reads it; the repository's own, or the one that was heard of last, when left out. To hand a node's own
    /// repository to another node takes an owner.
    node: Option<NodeId>,
}

impl ItemQuery {
    fn one(self) -> (Vec<String>, Option<NodeId>) {
        (vec![self.path], self.node)
    }
}

/// Which items.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ItemsQuery {
    /// Their absolute paths, given as often as there are items.
    #[serde(rename = "path")]
    #[param(rename = "path")]
    paths: Vec<String>,
    /// The node that reads them, as for a file.
    node: Option<NodeId>,
}

/// A file of a snapshot, as it was. That somebody took it is written into the audit. A connection that breaks off means that
/// it is not whole.
#[utoipa::path(get, path = "/repositories/{id}/snapshots/{snapshot}/file", tag = "snapshots",
    params(("id" = RepositoryId, Path), ("snapshot" = String, Path, description = "An id, the beginning of one, or `latest`."),
        ItemQuery),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream")))]
async fn file(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, snapshot)): Path<(RepositoryId, String)>,
    Query(query): Query<ItemQuery>,
) -> Result<Response, Problem> {
    let fetched = fetch(&state, &caller, (id, snapshot), query.one(), ContentForm::File).await?;
    Ok(download(fetched, "application/octet-stream"))
}

/// Items of a snapshot with all that is below them as a zip archive, in which they lie as they do below the folder that they
/// share. That somebody took them is written into the audit. A connection that breaks off means that it is not whole.
#[utoipa::path(get, path = "/repositories/{id}/snapshots/{snapshot}/zip", tag = "snapshots",
    params(("id" = RepositoryId, Path), ("snapshot" = String, Path, description = "An id, the beginning of one, or `latest`."),
        ItemsQuery),
    responses((status = 200, body = Vec<u8>, content_type = "application/zip")))]
async fn zip(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, snapshot)): Path<(RepositoryId, String)>,
    Query(ItemsQuery { paths, node }): Query<ItemsQuery>,
) -> Result<Response, Problem> {
    if paths.is_empty() || paths.len() > MOST {
        return Err(Problem::invalid("path", format!("name between one and {MOST} items")));
    }
    let fetched = fetch(&state, &caller, (id, snapshot), (paths, node), ContentForm::Zip).await?;
    Ok(download(fetched, "application/zip"))
}

/// What a file of a snapshot looks like: a picture (PNG, JPEG, GIF, WebP) of 8 MiB at most, or the first 256 KiB of a text. That
/// somebody looked is written into the audit.
#[utoipa::path(get, path = "/repositories/{id}/snapshots/{snapshot}/preview", tag = "snapshots",
    params(("id" = RepositoryId, Path), ("snapshot" = String, Path, description = "An id, the beginning of one, or `latest`."),
        ItemQuery),
    responses((status = 200, body = Vec<u8>, content_type = "text/plain"),
        (status = 415, body = ProblemDetails, content_type = "application/problem+json")))]
async fn preview(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, snapshot)): Path<(RepositoryId, String)>,
    Query(query): Query<ItemQuery>,
) -> Result<Response, Problem> {
    let form = ContentForm::Beginning(PICTURE + 1);
    let Fetched { mut content, .. } = fetch(&state, &caller, (id, snapshot), query.one(), form).await?;
    let mut bytes = Vec::new();
    let torn = |why: String| Problem::new(StatusCode::BAD_GATEWAY, "torn", why);
    while let Some(part) = content.next().await.map_err(torn)? {
        bytes.extend_from_slice(&part);
        // Of a text the beginning is enough.
        if bytes.len() as u64 > PICTURE || (picture(&bytes).is_none() && bytes.len() > TEXT) {
            break;
        }
    }
    let none =
        || Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "no_preview", "it is no text and no picture");
    let kind = match picture(&bytes) {
        Some(_) if bytes.len() as u64 > PICTURE => {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "no_preview",
                "the picture is too large",
            )
            .hint("download it"));
        }
        Some(kind) => kind,
        None => {
            text(&mut bytes).ok_or_else(|| none().hint("download it"))?;
            "text/plain; charset=utf-8"
        }
    };
    Ok(sandboxed(bytes.into_response(), kind, HeaderValue::from_static("inline")))
}

async fn fetch(
    state: &AppState,
    caller: &Caller,
    (id, snapshot): (RepositoryId, String),
    (paths, node): (Vec<String>, Option<NodeId>),
    form: ContentForm,
) -> Result<Fetched, Problem> {
    let place = Place::find(state, caller, id, Action::Restore, node).await?;
    check_snapshot("snapshot", &snapshot)?;
    for path in &paths {
        check_path("path", path)?;
    }
    let what = match form {
        ContentForm::Beginning(_) => "snapshot.preview",
        ContentForm::File | ContentForm::Zip => "snapshot.download",
    };
    let seen = serde_json::json!({ "snapshot": snapshot, "paths": paths, "node": place.node.id });
    let repository = place.sealed(state).await?;
    let ask = |transfer| Ask::Send { repository, snapshot, paths, form, transfer };
    let fetched = state.hub.fetch(place.node.id, &caller.actor(), ask, PATIENCE).await?;
    place.note(state, caller, what, &seen).await?;
    Ok(fetched)
}

fn download(Fetched { name, length, content }: Fetched, kind: &'static str) -> Response {
    let mut response = sandboxed(Body::new(content).into_response(), kind, attachment(&name));
    if let Some(length) = length {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

fn sandboxed(mut response: Response, kind: &'static str, disposition: HeaderValue) -> Response {
    let told = response.headers_mut();
    told.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    told.insert(CONTENT_DISPOSITION, disposition);
    told.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    told.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A file to save under a name, as RFC 6266 and RFC 8187 write it.
fn attachment(name: &str) -> HeaderValue {
    use std::fmt::Write;
    let mut text = "attachment; filename*=UTF-8''".to_owned();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("attachment"))
}

/// The type of a picture, by how it begins.
fn picture(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// Cuts a text to what is shown of it; nothing when it is none.
fn text(bytes: &mut Vec<u8>) -> Option<()> {
    let is_cut = bytes.len() > TEXT;
    bytes.truncate(TEXT);
    if let Err(error) = std::str::from_utf8(bytes) {
        // The last sign may have been cut apart.
        if !is_cut || error.error_len().is_some() {
            return None;
        }
        bytes.truncate(error.valid_up_to());
    }
    let is_text = |byte: &u8| *byte >= b' ' || matches!(byte, b'\n' | b'\r' | b'\t' | 0x0c | 0x1b);
    bytes.iter().all(is_text).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_so_that_no_header_is_broken_by_them() {
        assert_eq!(attachment("letter.txt"), "attachment; filename*=UTF-8''letter.txt");
        assert_eq!(attachment("a\r\nb: \"ö\""), "attachment; filename*=UTF-8''a%0D%0Ab%3A%20%22%C3%B6%22");
    }

    #[test]
    fn texts_are_told_from_other_things_and_cut_between_signs() {
        let shown = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            text(&mut bytes).map(|()| bytes)
        };
        assert_eq!(shown(b""), Some(Vec::new()));
        assert_eq!(shown("Grüße\n".as_bytes()), Some("Grüße\n".as_bytes().to_vec()));
        assert_eq!(shown(b"a\0b"), None);
        assert_eq!(shown(b"\xff\xfe"), None);
        assert_eq!(shown("aü".as_bytes().get(..2).unwrap()), None, "cut by nobody here");
        let long = "ü".repeat(TEXT);
        assert_eq!(shown(long.as_bytes()).unwrap().len(), TEXT);
        let odd = format!("a{long}");
        assert_eq!(shown(odd.as_bytes()).unwrap().len(), TEXT - 1);
    }

    #[test]
    fn pictures_are_known_by_how_they_begin_and_svg_is_none() {
        assert_eq!(picture(b"\x89PNG\r\n\x1a\n..."), Some("image/png"));
        assert_eq!(picture(b"RIFF....WEBP"), Some("image/webp"));
        assert_eq!(picture(b"<svg xmlns="), None);
        assert_eq!(picture(b""), None);
    }
}
