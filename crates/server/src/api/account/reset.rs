//! A new password for who forgot theirs, or never had one.

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::SecretText;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::extract::Json;
use crate::access::reset;
use crate::access::visitor::Visitor;
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(ask)).routes(routes!(confirm))
}

/// Who forgot a password.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordResetForm {
    /// The account's address.
    email: String,
}

/// A new password.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPasswordForm {
    /// What stands behind `#` in the link.
    token: SecretText,
    /// At least 12 characters.
    password: SecretText,
}

/// Asks for a link by mail that lets one choose a new password within an hour.
///
/// The answer is the same whether there is such an account or not, and whether a mail server is set or not.
#[utoipa::path(post, path = "/password-reset", tag = "account",
    operation_id = "ask_password_reset", security(()), request_body = PasswordResetForm,
    responses((status = 202, description = "If there is such an account, a mail is on its way."),
        (status = 429, description = "Too many attempts.")))]
async fn ask(
    State(state): State<AppState>,
    visitor: Visitor,
    Json(form): Json<PasswordResetForm>,
) -> Result<StatusCode, Problem> {
    let now = state.now();
    state.throttle.attempt(&state.store, "password_reset", &form.email, visitor.address, now).await?;
    reset::mail_later(&state, form.email);
    Ok(StatusCode::ACCEPTED)
}

/// Sets a new password by a link's token. All sessions of the person end. A second factor stays.
#[utoipa::path(post, path = "/password-reset/confirm", tag = "account",
    operation_id = "confirm_password_reset", security(()), request_body = NewPasswordForm,
    responses((status = 204), (status = 410, description = "The link was used, or its time has run out.")))]
async fn confirm(
    State(state): State<AppState>,
    visitor: Visitor,
    Json(form): Json<NewPasswordForm>,
) -> Result<StatusCode, Problem> {
    let key = form.token.expose().unwrap_or_default();
    let person = reset::confirm(&state, key, &form.password, visitor.address.to_string()).await?;
    // Whoever guessed at the old password does not keep its owner out of the account with the new one.
    state.throttle.succeeded(&state.store, super::sign_in::THROTTLE, &person.email).await?;
    Ok(StatusCode::NO_CONTENT)
}
