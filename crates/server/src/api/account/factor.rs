//! One's second factor.

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::SecretText;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::prove;
use crate::access::extract::{Caller, Json};
use crate::access::policy::Action;
use crate::access::totp;
use crate::audit::Deed;
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(begin, remove)).routes(routes!(confirm))
}

/// A secret for a program that makes one-time codes. It is shown this once.
#[derive(Serialize, utoipa::ToSchema)]
struct TotpSecret {
    /// The `otpauth:` address, as a QR code holds it.
    uri: String,
    /// The same secret, to be typed in.
    secret: String,
}

/// The first code of a new secret.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct TotpCodeForm {
    /// Six digits.
    code: SecretText,
}

/// Codes that each replace a one-time code once. They are shown this once.
#[derive(Serialize, utoipa::ToSchema)]
struct RecoveryCodes {
    /// The codes.
    recovery_codes: Vec<String>,
}

/// A proof of being the one.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordProof {
    /// The account's password.
    password: SecretText,
}

/// Makes the secret of a second factor. It counts once a code of it was confirmed, within 15 minutes.
#[utoipa::path(post, path = "/me/totp", tag = "account",
    operation_id = "begin_totp", security(("session" = [])),
    responses((status = 201, body = TotpSecret), (status = 409, description = "There is a second factor already.")))]
async fn begin(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<(StatusCode, Json<TotpSecret>), Problem> {
    caller.authorize(Action::OwnAccount, None)?;
    off_or(&caller)?;
    let totp::NewSecret { uri, text } = totp::begin(&state, &caller.person).await?;
    Ok((StatusCode::CREATED, Json(TotpSecret { uri, secret: text })))
}

/// Turns the second factor on with its first code. Other sessions go on.
#[utoipa::path(post, path = "/me/totp/confirm", tag = "account",
    operation_id = "confirm_totp", security(("session" = [])), request_body = TotpCodeForm,
    responses((status = 200, body = RecoveryCodes), (status = 409, description = "No secret waits for a code.")))]
async fn confirm(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<TotpCodeForm>,
) -> Result<Json<RecoveryCodes>, Problem> {
    caller.authorize(Action::OwnAccount, None)?;
    off_or(&caller)?;
    let code = form.code.expose().unwrap_or_default();
    let recovery_codes = totp::confirm(&state, &caller.person, code).await?;
    deed(&state, &caller, "person.totp_on").await?;
    Ok(Json(RecoveryCodes { recovery_codes }))
}

/// Turns the second factor off.
#[utoipa::path(delete, path = "/me/totp", tag = "account",
    operation_id = "remove_totp", security(("session" = [])), request_body = PasswordProof,
    responses((status = 204), (status = 429, description = "Too many attempts.")))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<PasswordProof>,
) -> Result<StatusCode, Problem> {
    prove(&state, &caller, "password", &form.password).await?;
    totp::remove(&state, caller.person.id).await?;
    deed(&state, &caller, "person.totp_off").await?;
    Ok(StatusCode::NO_CONTENT)
}

fn off_or(caller: &Caller) -> Result<(), Problem> {
    if caller.person.totp {
        return Err(Problem::conflict("there is a second factor already").hint("turn it off first"));
    }
    Ok(())
}

async fn deed(state: &AppState, caller: &Caller, action: &'static str) -> Result<(), Problem> {
    let subject = format!("person {} {}", caller.person.id, caller.person.email);
    Deed::new(action, subject).by(state, caller).await
}
