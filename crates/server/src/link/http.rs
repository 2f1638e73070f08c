//! The link over HTTPS, for agents: who calls is known by the certificate of the connection alone.

use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use backstay_model::link::{SyncRequest, SyncResponse};

use super::hub::SyncError;
use super::join;
use crate::access::extract::Json as Body;
use crate::problem::Problem;
use crate::state::AppState;
use crate::tls::listener::Peer;

/// What agents send in one request at most: a parcel of their outbox is far smaller.
const LARGEST: usize = 8 << 20;

/// Where agents tell what they did, and learn what to do.
pub(crate) const SYNC: &str = "/agent/v1/sync";

/// The routes for agents.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route(SYNC, post(sync))
        .route("/agent/v1/join", post(join::join))
        .layer(axum::extract::DefaultBodyLimit::max(LARGEST))
}

async fn sync(
    State(state): State<AppState>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Body(mut request): Body<SyncRequest>,
) -> Result<Json<SyncResponse>, Response> {
    let unknown = || {
        Problem::new(StatusCode::UNAUTHORIZED, "unknown_agent", "no agent is known by this certificate")
            .hint("let the host join again: backstay agent join")
            .into_response()
    };
    let certificate = peer.certificate.ok_or_else(unknown)?;
    let node = state.store.node_by_certificate(&certificate).await;
    let node = node.map_err(|error| Problem::from(error).into_response())?;
    let node = node.filter(|node| !node.revoked).ok_or_else(unknown)?;
    // What a node says of itself is not believed; its certificate is.
    request.node = node.id;
    match state.hub.sync(request).await {
        Ok(response) => Ok(Json(response)),
        Err(SyncError::Refused(why)) => {
            Err(Problem::new(StatusCode::FORBIDDEN, "refused_agent", why).into_response())
        }
        Err(SyncError::Store(error)) => Err(Problem::from(error).into_response()),
        Err(error @ SyncError::Configuration(_)) => Err(Problem::internal(error).into_response()),
    }
}
