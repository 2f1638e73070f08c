//! One's own sessions.

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::Time;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::extract::{Caller, Json, Path};
use crate::access::policy::Action;
use crate::api::common::List;
use crate::audit::Deed;
use crate::problem::Problem;
use crate::settings;
use crate::state::AppState;
use crate::state::later;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, end_others)).routes(routes!(end))
}

/// A session.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Session {
    /// Its id. It opens nothing.
    id: String,
    /// Whether it is the one that asks.
    current: bool,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    created: Time,
    /// When it was last used, to the minute.
    #[schema(value_type = String, format = DateTime)]
    last_used: Time,
    /// When it ends at the latest.
    #[schema(value_type = String, format = DateTime)]
    expires: Time,
    /// The program it is used with, as that says.
    user_agent: String,
    /// The address it began from.
    address: String,
}

/// One's own sessions, the newest first.
#[utoipa::path(get, path = "/me/sessions", tag = "account",
    operation_id = "list_sessions", security(("session" = [])), responses((status = 200, body = List<Session>)))]
async fn list(State(state): State<AppState>, caller: Caller) -> Result<Json<List<Session>>, Problem> {
    caller.authorize(Action::OwnAccount, None)?;
    let now = state.now();
    let idle = settings::sign_in(&state).await?.idle_timeout;
    let sessions = state.store.sessions_of(caller.person.id, now).await?;
    let alive = sessions.into_iter().filter(|session| later(session.last_used, idle) > now);
    let items = alive.map(|session| Session {
        current: caller.session.as_deref() == Some(session.hash.as_str()),
        id: session.hash,
        created: session.created,
        last_used: session.last_used,
        expires: session.expires,
        user_agent: session.user_agent,
        address: session.address,
    });
    Ok(Json(List::new(items.collect())))
}

/// Ends one of one's own sessions.
#[utoipa::path(delete, path = "/me/sessions/{id}", tag = "account",
    operation_id = "end_session", security(("session" = [])), params(("id" = String, Path)),
    responses((status = 204)))]
async fn end(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.authorize(Action::OwnAccount, None)?;
    if id.len() != 64 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Problem::not_found("session"));
    }
    state.store.delete_session(caller.person.id, &id).await?;
    deed(&state, &caller, format!("session {}", id.get(..12).unwrap_or(&id))).await
}

/// Ends all of one's own sessions but this one.
#[utoipa::path(delete, path = "/me/sessions", tag = "account",
    operation_id = "end_other_sessions", security(("session" = [])), responses((status = 204)))]
async fn end_others(State(state): State<AppState>, caller: Caller) -> Result<StatusCode, Problem> {
    caller.authorize(Action::OwnAccount, None)?;
    let ended = state.store.delete_sessions_of(caller.person.id, caller.session.as_deref()).await?;
    deed(&state, &caller, format!("{ended} other sessions")).await
}

async fn deed(state: &AppState, caller: &Caller, subject: String) -> Result<StatusCode, Problem> {
    Deed::new("session.end", subject).by(state, caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
