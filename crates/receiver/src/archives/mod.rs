//! `/archives/`: tus 1.0.0 to put files there, and plain HTTP to list, fetch and remove them.
//!
//! Protocol: <https://tus.io/protocols/resumable-upload>. Beyond it: `GET /archives/` lists, `GET`, `HEAD` and `DELETE` of
//! `/archives/NAME` do what they say, `GET /archives/.uploads/ID` tells how far an upload is and `…/ID/chunks?size=BYTES` the SHA-256
//! of its chunks as they lie on the disk. `Backstay-Replace: true` lets a PATCH begin before the offset, to replace what is wrong there,
//! and `Backstay-Finish: asked` at creation has the file get its name only by an empty PATCH at its end.

mod create;
mod files;
mod headers;
mod status;
mod upload;

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;

use self::headers::TUS_RESUMABLE;
pub(crate) use self::status::with_type;
use crate::access;
use crate::problem::Problem;
use crate::receiver::Receiver;

/// Where it is mounted.
const ROOT: &str = "/archives";
/// Where uploads are, below that. No file's name begins with a dot.
const UPLOADS: &str = ".uploads";

/// The address of an upload, as clients are told it.
pub(crate) fn address(id: &str) -> String {
    format!("{ROOT}/{UPLOADS}/{id}")
}

/// Answers any request below `/archives`.
pub(crate) async fn answer(receiver: Receiver, request: Request) -> Response {
    let mut response = dispatch(receiver, request).await.unwrap_or_else(IntoResponse::into_response);
    let headers = response.headers_mut();
    headers.insert(TUS_RESUMABLE, HeaderValue::from_static(headers::VERSION));
    headers.entry(axum::http::header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn dispatch(receiver: Receiver, request: Request) -> Result<Response, Problem> {
    let method = headers::method(&request)?;
    if method == Method::OPTIONS {
        return Ok(headers::options());
    }
    let client = access::client(&receiver, request.headers(), request.extensions())?;
    let path = request.uri().path();
    let path = path.strip_prefix(ROOT).unwrap_or(path).trim_start_matches('/');
    let path = percent_decode_str(path).decode_utf8();
    let path = path.map_err(|_| Problem::bad_name("the name is no UTF-8"))?.into_owned();
    let mut steps = path.splitn(3, '/');
    let target = (steps.next().unwrap_or_default(), steps.next(), steps.next());
    let is_upload = target.0 == UPLOADS;
    if matches!(
        (&method, is_upload),
        (&Method::POST, _) | (&Method::HEAD | &Method::PATCH | &Method::DELETE, true)
    ) {
        headers::check_version(request.headers())?;
    }
    match (method, target) {
        (Method::POST, ("", None, _)) => create::create(receiver, client, request).await,
        (Method::GET, ("", None, _)) => files::list(receiver, client).await,
        (Method::HEAD, ("", None, _)) => Ok(StatusCode::OK.into_response()),
        (Method::HEAD, (UPLOADS, Some(id), None)) => upload::head(receiver, client, id).await,
        (Method::PATCH, (UPLOADS, Some(id), None)) => upload::patch(receiver, client, id, request).await,
        (Method::DELETE, (UPLOADS, Some(id), None)) => upload::end(receiver, client, id).await,
        (Method::GET, (UPLOADS, Some(id), None)) => status::status(&receiver, &client, id),
        (Method::GET, (UPLOADS, Some(id), Some("chunks"))) => {
            status::chunks(receiver, &client, id, request.uri().query()).await
        }
        (_, (UPLOADS, ..)) => Err(headers::not_allowed("GET, HEAD, PATCH, DELETE, OPTIONS")),
        (_, ("", None, _)) => Err(headers::not_allowed("GET, HEAD, POST, OPTIONS")),
        (method @ (Method::GET | Method::HEAD), _) => {
            files::fetch(receiver, client, path, request.headers().clone(), method == Method::HEAD).await
        }
        (Method::DELETE, _) => files::remove(receiver, client, path).await,
        _ => Err(headers::not_allowed("GET, HEAD, DELETE, OPTIONS")),
    }
}
