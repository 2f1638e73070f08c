//! Who one is, and one's password.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use backstay_model::{Person, ProjectId, Role, SecretText};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::prove;
use crate::access::extract::{Caller, Json};
use crate::access::policy::{Action, may};
use crate::access::{password, roster, session};
use crate::api::common;
use crate::audit::Deed;
use crate::problem::Problem;
use crate::settings;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get, update)).routes(routes!(change_password))
}

/// Who the caller is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Me {
    /// The person, or whose token it is.
    person: Person,
    /// What the caller may do, project by project.
    roles: Vec<RoleIn>,
    /// Whether the caller may change what concerns the whole server.
    owns_server: bool,
    /// How many recovery codes are left; for sessions of accounts with a second factor.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_codes: Option<usize>,
    /// For sessions: what programs that keep the cookie send in `X-Backstay-CSRF`.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf: Option<String>,
    /// For sessions: after so many seconds without use they end. Requests with the header `X-Backstay-Background` are no use.
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_timeout_seconds: Option<u64>,
}

/// A role in a project.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RoleIn {
    /// The project's id.
    project: ProjectId,
    /// The project's name.
    name: String,
    /// The role that counts there.
    role: Role,
}

/// What people change of themselves.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct MeForm {
    /// The name to show.
    name: String,
}

/// A change of password.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordForm {
    /// The password as it is.
    current: SecretText,
    /// The new one: at least 12 characters.
    new: SecretText,
}

/// Who the caller is, and what the caller may do.
#[utoipa::path(get, path = "/me", tag = "account", responses((status = 200, body = Me)))]
async fn get(State(state): State<AppState>, caller: Caller, headers: HeaderMap) -> Result<Json<Me>, Problem> {
    caller.authorize(Action::ViewSelf, None)?;
    let home = settings::home_project(&state).await?;
    let projects = state.store.projects().await?;
    let roles = projects.into_iter().filter_map(|project| {
        let role = caller.principal.role_in(project.id)?;
        Some(RoleIn { project: project.id, name: project.name, role })
    });
    let key = caller.session.as_ref().and_then(|_| session::key_of(&headers, state.secure));
    let recovery_codes = match &key {
        Some(_) if caller.person.totp => {
            Some(state.store.credentials(caller.person.id).await?.recovery_codes.len())
        }
        _ => None,
    };
    let idle_timeout_seconds = match &key {
        Some(_) => Some(settings::sign_in(&state).await?.idle_timeout.as_secs()),
        None => None,
    };
    Ok(Json(Me {
        idle_timeout_seconds,
        roles: roles.collect(),
        owns_server: home.is_some() && may(&caller.principal, Action::ManageServer, home),
        recovery_codes,
        csrf: key.as_deref().map(session::csrf_of),
        person: caller.person,
    }))
}

/// Changes the name to show.
#[utoipa::path(put, path = "/me", tag = "account",
    security(("session" = [])), request_body = MeForm, responses((status = 200, body = Person)))]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<MeForm>,
) -> Result<Json<Person>, Problem> {
    caller.authorize(Action::OwnAccount, None)?;
    let name = common::name("name", &form.name)?;
    let (before, after) = roster::alone(&state, async {
        let before = roster::person(&state, caller.person.id).await?;
        let after = Person { name, ..before.clone() };
        state.store.update_person(&after).await?;
        Ok((before, after))
    })
    .await?;
    Deed::new("person.update", format!("person {} {}", after.id, after.email))
        .before(&before)
        .after(&after)
        .by(&state, &caller)
        .await?;
    Ok(Json(after))
}

/// Changes the password. All other sessions end.
#[utoipa::path(post, path = "/me/password", tag = "account",
    security(("session" = [])), request_body = PasswordForm,
    responses((status = 204), (status = 422, description = "The current one is wrong, or the new one too weak."),
        (status = 429, description = "Too many attempts.")))]
async fn change_password(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<PasswordForm>,
) -> Result<StatusCode, Problem> {
    caller.authorize(Action::OwnAccount, None)?;
    let new = password::check("new", &form.new, &caller.person.email)?;
    prove(&state, &caller, "current", &form.current).await?;
    let hash = state.passwords.hash(new, &state.random).await?;
    state.store.set_password(caller.person.id, Some(&hash)).await?;
    roster::sign_out(&state, caller.person.id, caller.session.as_deref()).await?;
    Deed::new("person.password", format!("person {} {}", caller.person.id, caller.person.email))
        .by(&state, &caller)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
