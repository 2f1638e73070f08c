//! Refuses changes while there is hardly any room left for the catalog.
//!
//! A change and its entry in the audit are two transactions. So that neither is stored without the other, a change is not begun
//! when there may be no room for both. What reads, and what nodes tell (one transaction), goes on.

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use backstay_catalog::CatalogError;

use crate::problem::Problem;
use crate::state::AppState;

/// What one request may write at most, several times over: its body, as record, revision and in the audit, in the file and in
/// the log before it.
const RESERVE: u64 = 16 << 20;

/// Lets a request pass if it changes nothing, or if there is room for it.
pub(crate) async fn check_room(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && request.uri().path().starts_with("/api/") && free(&state).is_some_and(|free| free < RESERVE)
    {
        let what = "its disk is all but full".to_owned();
        return Problem::from(CatalogError::Full { what }).into_response();
    }
    next.run(request).await
}

/// Bytes that are free where the catalog is; `None` when that is not on this host, or not told.
fn free(state: &AppState) -> Option<u64> {
    let folder = state.store.file()?.parent()?;
    let told = rustix::fs::statvfs(folder).ok()?;
    told.f_bavail.checked_mul(told.f_frsize)
}
