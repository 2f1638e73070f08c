//! The link over HTTPS, for agents: who calls is known by the certificate of the connection alone.

use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use backstay_model::link::{SyncRequest, SyncResponse};
use backstay_model::{NodeId, TransferId};
use http_body_util::BodyExt;

use super::hub::SyncError;
use super::join;
use crate::access::extract::Json as Body;
use crate::problem::Problem;
use crate::state::AppState;
use crate::tls::listener::Peer;

/// What agents send in one request at most: a parcel of their outbox is far smaller.
const LARGEST: usize = 8 << 20;
/// For how long nothing may come of content that is being brought.
const SILENCE: std::time::Duration = std::time::Duration::from_secs(120);

/// Where agents tell what they did, and learn what to do.
pub(crate) const SYNC: &str = "/agent/v1/sync";

/// The routes for agents.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route(SYNC, post(sync))
        .route("/agent/v1/join", post(join::join))
        .route("/agent/v1/transfers/{transfer}", post(bring))
        .layer(axum::extract::DefaultBodyLimit::max(LARGEST))
}

async fn sync(
    State(state): State<AppState>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Body(mut request): Body<SyncRequest>,
) -> Result<Json<SyncResponse>, Response> {
    // What a node says of itself is not believed; its certificate is.
    request.node = agent(&state, peer).await?;
    match state.hub.sync(request).await {
        Ok(response) => Ok(Json(response)),
        Err(SyncError::Refused(why)) => {
            Err(Problem::new(StatusCode::FORBIDDEN, "refused_agent", why).into_response())
        }
        Err(SyncError::Store(error)) => Err(Problem::from(error).into_response()),
        Err(error @ SyncError::Configuration(_)) => Err(Problem::internal(error).into_response()),
    }
}

/// Passes content on to whoever waits for it, as it comes.
async fn bring(
    State(state): State<AppState>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(transfer): Path<TransferId>,
    body: axum::body::Body,
) -> Result<StatusCode, Response> {
    let node = agent(&state, peer).await?;
    let gone = || Problem::not_found("transfer").into_response();
    let parts = state.hub.bring(node, transfer).ok_or_else(gone)?;
    let mut body = body;
    loop {
        let part = match tokio::time::timeout(SILENCE, body.frame()).await {
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) if !data.is_empty() => Ok(data.to_vec()),
                _ => continue,
            },
            Ok(None) => Ok(Vec::new()),
            Ok(Some(Err(error))) => Err(format!("the node broke off: {error}")),
            Err(_) => Err(format!("nothing came from the node for {} s", SILENCE.as_secs())),
        };
        let is_last = part.as_ref().map_or(true, Vec::is_empty);
        parts.send(part).await.map_err(|_| gone())?;
        if is_last {
            return Ok(StatusCode::NO_CONTENT);
        }
    }
}

/// The agent of a connection.
async fn agent(state: &AppState, peer: Peer) -> Result<NodeId, Response> {
    let unknown = || {
        Problem::new(StatusCode::UNAUTHORIZED, "unknown_agent", "no agent is known by this certificate")
            .hint("let the host join again: backstay agent join")
            .into_response()
    };
    let certificate = peer.certificate.ok_or_else(unknown)?;
    let node = state.store.node_by_certificate(&certificate).await;
    let node = node.map_err(|error| Problem::from(error).into_response())?;
    Ok(node.filter(|node| !node.revoked).ok_or_else(unknown)?.id)
}
