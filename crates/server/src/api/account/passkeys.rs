//! One's own passkeys, and signing in with one.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use backstay_model::people::Passkey;
use backstay_model::{PasskeyId, SecretText};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{SignedIn, enter, prove};
use crate::access::extract::{Caller, Json, Path};
use crate::access::policy::Action;
use crate::access::visitor::Visitor;
use crate::api::common::{self, List};
use crate::audit::Deed;
use crate::passkeys::{self, Challenge};
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(begin))
        .routes(routes!(remove))
        .routes(routes!(challenge))
        .routes(routes!(sign_in))
}

/// What a browser hands to a device.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PasskeyChallenge {
    /// Sent back with the answer, within 5 minutes.
    ceremony: String,
    /// What `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON` takes.
    #[schema(value_type = Object)]
    options: Value,
}

impl From<Challenge> for PasskeyChallenge {
    fn from(Challenge { ceremony, options }: Challenge) -> Self {
        Self { ceremony, options }
    }
}

/// The proof of whoever makes a passkey.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPasskeyProof {
    /// The account's password; left out by those who have none.
    #[serde(default)]
    password: SecretText,
}

/// A passkey that a device has made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PasskeyForm {
    /// What the challenge came with.
    ceremony: String,
    /// What to call it.
    name: String,
    /// What `toJSON()` of the credential gives.
    #[schema(value_type = Object)]
    credential: Value,
}

/// A challenge that a device has answered.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PasskeySignInForm {
    /// What the challenge came with.
    ceremony: String,
    /// What `toJSON()` of the credential gives.
    #[schema(value_type = Object)]
    credential: Value,
}

/// One's own passkeys, the newest first.
#[utoipa::path(get, path = "/me/passkeys", tag = "account",
    operation_id = "list_passkeys", security(("session" = [])), responses((status = 200, body = List<Passkey>)))]
async fn list(State(state): State<AppState>, caller: Caller) -> Result<Json<List<Passkey>>, Problem> {
    caller.authorize(Action::OwnAccount, None)?;
    let kept = state.store.passkeys_of(caller.person.id).await?;
    Ok(Json(List::new(kept.into_iter().map(|kept| kept.passkey).collect())))
}

/// Begins to make a passkey.
#[utoipa::path(post, path = "/me/passkeys/begin", tag = "account",
    operation_id = "begin_passkey", security(("session" = [])), request_body = NewPasskeyProof,
    responses((status = 201, body = PasskeyChallenge), (status = 409, description = "`passkeys_unavailable`: the server is not reached by a name over TLS."),
        (status = 429, description = "Too many attempts.")))]
async fn begin(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    Json(form): Json<NewPasskeyProof>,
) -> Result<(StatusCode, Json<PasskeyChallenge>), Problem> {
    caller.authorize(Action::OwnAccount, None)?;
    if state.store.credentials(caller.person.id).await?.password_hash.is_some() {
        prove(&state, &caller, "password", &form.password).await?;
    }
    let challenge = passkeys::create(&state, &headers, &caller.person).await?;
    Ok((StatusCode::CREATED, Json(challenge.into())))
}

/// Takes in a passkey that the browser's device has made. Other sessions go on.
#[utoipa::path(post, path = "/me/passkeys", tag = "account",
    operation_id = "create_passkey", security(("session" = [])), request_body = PasskeyForm,
    responses((status = 201, body = Passkey), (status = 409, description = "No passkey waits to be made, or it is known already.")))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    Json(form): Json<PasskeyForm>,
) -> Result<(StatusCode, Json<Passkey>), Problem> {
    caller.authorize(Action::OwnAccount, None)?;
    let name = common::name("name", &form.name)?;
    let PasskeyForm { ceremony, credential, .. } = form;
    let passkey = passkeys::created(&state, &headers, &caller.person, &ceremony, name, credential).await?;
    deed("passkey.create", &passkey).after(&passkey).by(&state, &caller).await?;
    Ok((StatusCode::CREATED, Json(passkey)))
}

/// Removes a passkey: nobody signs in with it any more. Sessions that it began go on.
#[utoipa::path(delete, path = "/me/passkeys/{id}", tag = "account",
    operation_id = "remove_passkey", security(("session" = [])), params(("id" = PasskeyId, Path)),
    responses((status = 204)))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PasskeyId>,
) -> Result<StatusCode, Problem> {
    caller.authorize(Action::OwnAccount, None)?;
    let known = state.store.passkeys_of(caller.person.id).await?;
    let found = known.into_iter().map(|kept| kept.passkey).find(|passkey| passkey.id == id);
    let found = found.ok_or_else(|| Problem::not_found("passkey"))?;
    state.store.delete_passkey(caller.person.id, id).await?;
    deed("passkey.delete", &found).before(&found).by(&state, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begins to sign somebody in with a passkey. Who it is, the device says.
#[utoipa::path(post, path = "/sign-in/passkey/begin", tag = "account",
    operation_id = "begin_passkey_sign_in", security(()),
    responses((status = 201, body = PasskeyChallenge), (status = 409, description = "`passkeys_unavailable`: the server is not reached by a name over TLS.")))]
async fn challenge(
    State(state): State<AppState>,
    visitor: Visitor,
) -> Result<(StatusCode, Json<PasskeyChallenge>), Problem> {
    let challenge = passkeys::challenge(&state, &visitor.headers).await?;
    Ok((StatusCode::CREATED, Json(challenge.into())))
}

/// Signs somebody in with a passkey: the answer sets the cookie of a session. A one-time code is not asked for; the device has
/// seen to it that it is the one.
#[utoipa::path(post, path = "/sign-in/passkey", tag = "account",
    operation_id = "passkey_sign_in", security(()), request_body = PasskeySignInForm,
    responses((status = 200, body = SignedIn), (status = 401, description = "`sign_in_failed`."),
        (status = 409, description = "`passkeys_unavailable`: the server is not reached by a name over TLS.")))]
async fn sign_in(
    State(state): State<AppState>,
    visitor: Visitor,
    Json(form): Json<PasskeySignInForm>,
) -> Result<Response, Problem> {
    let PasskeySignInForm { ceremony, credential } = form;
    let (person, passkey) = passkeys::answered(&state, &visitor.headers, &ceremony, credential).await?;
    Deed::new("session.sign_in", format!("person {} {}", person.id, person.email))
        .after(&json!({"passkey": passkey.name}))
        .of(&state, person.email.clone(), Some(visitor.address.to_string()))
        .await?;
    enter(&state, person, &visitor).await
}

fn deed(action: &'static str, passkey: &Passkey) -> Deed {
    Deed::new(action, format!("passkey {} {}", passkey.id, passkey.name))
}
