//! The provider at which people sign in, as the server's owners see it.

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::{PersonId, SecretText};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::extract::{Caller, Json, Path};
use crate::access::policy::Action;
use crate::access::roster;
use crate::audit::Deed;
use crate::oidc::settings::OidcSettings;
use crate::oidc::{self, identity};
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get, set, remove)).routes(routes!(unlink))
}

/// The provider, as it is in force.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct OidcAnswer {
    /// The settings; the secret is never told.
    #[serde(flatten)]
    settings: OidcSettings,
    /// Whether there is a secret.
    client_secret_set: bool,
    /// The address to register at the provider.
    callback: String,
}

/// The provider at which people sign in.
#[utoipa::path(get, operation_id = "oidc", path = "/settings/oidc", tag = "settings",
    responses((status = 200, body = OidcAnswer), (status = 404, description = "No provider is set.")))]
async fn get(State(state): State<AppState>, caller: Caller) -> Result<Json<OidcAnswer>, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    let found = oidc::settings::current(&state).await?.ok_or_else(none)?;
    Ok(Json(answer(&state, found)))
}

/// Sets the provider at which people sign in, once it has said how it is used. Without a secret the one before stays, if issuer
/// and client stay too.
#[utoipa::path(put, operation_id = "set_oidc", path = "/settings/oidc", tag = "settings", request_body = OidcSettings,
    responses((status = 200, body = OidcAnswer), (status = 422, description = "`oidc_failed`: it does not say so.")))]
async fn set(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<OidcSettings>,
) -> Result<Json<OidcAnswer>, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    let before = oidc::settings::current(&state).await?;
    let mut after = form;
    let kept = before.as_ref().filter(|before| before.same_client(&after));
    if let (false, Some(kept)) =
        (after.client_secret.is_set(), kept.and_then(|kept| kept.client_secret.expose()))
    {
        after.client_secret = SecretText::new(kept);
    }
    after.validate()?;
    oidc::try_out(&state, &after).await?;
    oidc::settings::set(&state, &after).await?;
    let deed = Deed::new("settings.update", "settings oidc").after(&after);
    let deed = match &before {
        Some(before) => deed.before(before),
        None => deed,
    };
    deed.by(&state, &caller).await?;
    Ok(Json(answer(&state, after)))
}

/// Lets nobody sign in at a provider any more. Sessions go on.
#[utoipa::path(delete, operation_id = "remove_oidc", path = "/settings/oidc", tag = "settings", responses((status = 204)))]
async fn remove(State(state): State<AppState>, caller: Caller) -> Result<StatusCode, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    let before = oidc::settings::current(&state).await?.ok_or_else(none)?;
    oidc::settings::forget(&state).await?;
    Deed::new("settings.delete", "settings oidc").before(&before).by(&state, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets which account at the provider is a person's. At the next sign-in there the verified address counts again.
#[utoipa::path(delete, path = "/people/{id}/oidc", tag = "people", params(("id" = PersonId, Path)),
    responses((status = 204), (status = 404, description = "There is no such person, or no such account.")))]
async fn unlink(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PersonId>,
) -> Result<StatusCode, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    let person = roster::person(&state, id).await?;
    if !roster::alone(&state, identity::forget(&state, id)).await? {
        return Err(Problem::not_found("account of this person at a provider"));
    }
    let subject = format!("person {} {}", person.id, person.email);
    Deed::new("person.unlink", subject).by(&state, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn answer(state: &AppState, settings: OidcSettings) -> OidcAnswer {
    let client_secret_set = settings.client_secret.is_set();
    OidcAnswer { settings, client_secret_set, callback: oidc::callback(state) }
}

fn none() -> Problem {
    Problem::not_found("setting: no provider is set").hint("PUT one here")
}
