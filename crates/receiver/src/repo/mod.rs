//! `/repo/`: restic's REST protocol (<https://restic.readthedocs.io/en/latest/REST_backend.html>), listings in versions 1 and 2.
//!
//! What stands between `/repo/` and a repository's own files names it below the client's folder; nothing there is a repository too.
//! A file is named by its SHA-256, which is checked before it is there; only `config` is not. Nothing is ever overwritten. A client that
//! may only append removes locks and nothing else. Times in snapshots are inside what is encrypted, so a receiver cannot look at them:
//! whoever forgets snapshots of an append-only client does it by time within, never by count.

mod files;
mod path;

use axum::extract::Request;
use axum::http::header::{ALLOW, CACHE_CONTROL};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use backstay_core::FileKind;
use percent_encoding::percent_decode_str;

use self::path::Target;
use crate::access;
use crate::problem::Problem;
use crate::receiver::{Receiver, empty};

/// Where it is mounted.
const ROOT: &str = "/repo";

/// Answers any request below `/repo`.
pub(crate) async fn answer(receiver: Receiver, request: Request) -> Result<Response, Problem> {
    let client = access::client(&receiver, request.headers(), request.extensions())?;
    let path = request.uri().path();
    let path = path.strip_prefix(ROOT).unwrap_or(path);
    let path = percent_decode_str(path).decode_utf8();
    let path = path.map_err(|_| Problem::bad_name("the path is no UTF-8"))?;
    let target = path::parse(&path)?;
    let (head, body) = request.into_parts();
    let method = head.method.clone();
    let mut response = match (&method, target) {
        (&Method::POST, Target::Repository(place)) => {
            if !head.uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "create=true")) {
                return Err(Problem::bad_request("a repository is made with `?create=true`"));
            }
            receiver.blocking(move |receiver| receiver.make_repository(&client, &place)).await?;
            empty(StatusCode::OK)
        }
        (&Method::DELETE, Target::Repository(_)) => {
            return Err(Problem::new(
                StatusCode::NOT_IMPLEMENTED,
                "not_implemented",
                "a repository is not removed as a whole",
            )
            .hint("remove its files, or its folder on the receiver's host"));
        }
        (&Method::GET, Target::List(place, kind)) => {
            files::list(receiver, client, place, kind, &head.headers).await?
        }
        (&Method::GET | &Method::HEAD, Target::File(place, handle)) => {
            files::fetch(receiver, client, place, handle, &head.headers, method == Method::HEAD).await?
        }
        (&Method::POST | &Method::PUT, Target::File(place, handle)) => {
            files::save(receiver, client, place, handle, &head.headers, body).await?
        }
        (&Method::DELETE, Target::File(place, handle)) => {
            if receiver.is_append_only(&client) && handle.kind != FileKind::Lock {
                return Err(Problem::forbidden(
                    "this client may add files and remove locks, and nothing else",
                ));
            }
            receiver.blocking(move |receiver| receiver.remove_file(&client, &place, &handle)).await?;
            empty(StatusCode::OK)
        }
        _ => {
            let text = "this address does not take this method";
            return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", text)
                .header(ALLOW, HeaderValue::from_static("GET, HEAD, POST, DELETE")));
        }
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
