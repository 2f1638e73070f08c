//! The first start: whoever holds the set-up link becomes the first person, who owns the server.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use backstay_catalog::{Credentials, OneTimeKind};
use backstay_model::{Grant, Person, PersonId, Role, SecretText};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{SignedIn, enter};
use crate::access::extract::Json;
use crate::access::visitor::Visitor;
use crate::access::{password, roster, setup};
use crate::api::common;
use crate::audit::Deed;
use crate::problem::Problem;
use crate::state::AppState;
use crate::{mail, text};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(state, set_up))
}

/// Whether the server waits to be set up.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SetupStatus {
    /// True while there is no account.
    open: bool,
}

/// The first account.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SetupForm {
    /// What stands behind `#` in the link that the server printed.
    token: SecretText,
    /// The person's name.
    name: String,
    /// The address to sign in with.
    email: String,
    /// At least 12 characters.
    password: SecretText,
}

/// Whether the server waits to be set up.
#[utoipa::path(get, path = "/setup", tag = "account",
    operation_id = "setup_state", security(()), responses((status = 200, body = SetupStatus)))]
async fn state(State(state): State<AppState>) -> Result<Json<SetupStatus>, Problem> {
    Ok(Json(SetupStatus { open: setup::is_open(&state).await? }))
}

/// Makes the first account and signs it in. It owns the server.
///
/// The token works once, and only while there is no account.
#[utoipa::path(post, path = "/setup", tag = "account", security(()), request_body = SetupForm,
    responses((status = 201, body = SignedIn), (status = 409, description = "It was set up before."),
        (status = 410, description = "The link was used, or its time has run out.")))]
async fn set_up(
    State(state): State<AppState>,
    visitor: Visitor,
    Json(form): Json<SetupForm>,
) -> Result<Response, Problem> {
    let hash = text::hash_of(form.token.expose().unwrap_or_default());
    closed_or(&state).await?;
    state.store.one_time(OneTimeKind::Setup, &hash, state.now()).await?.ok_or_else(used_up)?;
    let email = mail::settings::address("email", &form.email)?;
    let home = setup::ensure_home(&state).await?;
    let person = Person {
        id: PersonId::new(&*state.clock, &*state.random),
        name: common::name("name", &form.name)?,
        grants: vec![Grant { project: home, role: Role::Owner }],
        disabled: false,
        totp: false,
        created: state.now(),
        last_sign_in: None,
        email,
    };
    let password = password::check("password", &form.password, &person.email)?;
    let password_hash = Some(state.passwords.hash(password, &state.random).await?);
    let credentials = Credentials { password_hash, ..Credentials::default() };
    roster::alone(&state, async {
        closed_or(&state).await?;
        state.store.use_one_time(OneTimeKind::Setup, &hash, state.now()).await?.ok_or_else(used_up)?;
        Ok(state.store.create_person(&person, &credentials).await?)
    })
    .await?;
    Deed::new("server.setup", format!("person {} {}", person.id, person.email))
        .project(home)
        .after(&person)
        .of(&state, person.email.clone(), Some(visitor.address.to_string()))
        .await?;
    let mut response = enter(&state, person, &visitor).await?.into_response();
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

async fn closed_or(state: &AppState) -> Result<(), Problem> {
    if setup::is_open(state).await? {
        return Ok(());
    }
    Err(Problem::conflict("this server was set up before").hint("sign in, or ask an owner for an account"))
}

fn used_up() -> Problem {
    Problem::new(StatusCode::GONE, "link_used_up", "this link does not work any more")
        .hint("start the server again: it prints a new link")
}
