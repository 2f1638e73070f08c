//! The keys that secrets are sealed with. Only their ids are told.

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::List;
use crate::access::extract::{Caller, Json};
use crate::access::policy::Action;
use crate::audit::Deed;
use crate::problem::Problem;
use crate::rotation::{self, KeyUse, Rotated};
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(keys)).routes(routes!(rotate))
}

/// The keys of the vault, the primary one first, with how much is sealed with each.
#[utoipa::path(get, path = "/vault", tag = "vault", responses((status = 200, body = List<KeyUse>)))]
async fn keys(State(state): State<AppState>, caller: Caller) -> Result<Json<List<KeyUse>>, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    Ok(Json(List::new(rotation::keys(&state.store, &state.vault).await?)))
}

/// Makes a new primary key and seals every stored secret anew with it. Where an earlier exchange was cut off, that one is brought
/// to its end instead. Older keys are thrown away a quarter of an hour after nothing is sealed with them any more.
#[utoipa::path(post, path = "/vault/rotate", tag = "vault",
    responses((status = 200, body = Rotated),
        (status = 409, description = "`wrong_master_key` or `key_ring`: the key ring cannot be used.")))]
async fn rotate(State(state): State<AppState>, caller: Caller) -> Result<Json<Rotated>, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    let before = rotation::keys(&state.store, &state.vault).await?;
    let rotated = rotation::rotate(&state.store, &state.vault, &*state.clock, &state.random).await?;
    Deed::new("vault.rotate", format!("vault key {}", rotated.primary))
        .before(&before)
        .after(&rotated)
        .by(&state, &caller)
        .await?;
    Ok(Json(rotated))
}
