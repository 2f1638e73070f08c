//! Signing in and out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::CookieJar;
use backstay_catalog::CatalogError;
use backstay_model::SecretText;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{SignedIn, enter};
use crate::access::extract::{Caller, Json};
use crate::access::policy::Action;
use crate::access::visitor::Visitor;
use crate::access::{session, totp};
use crate::audit::Deed;
use crate::problem::Problem;
use crate::state::AppState;

/// By this the attempts are counted.
pub(super) const THROTTLE: &str = "sign_in";

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(sign_in)).routes(routes!(sign_out))
}

/// Who wants to come in, and the proof.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SignInForm {
    /// The account's address.
    email: String,
    /// Its password.
    password: SecretText,
    /// A one-time code or a recovery code, for accounts that ask for one.
    #[serde(default)]
    code: SecretText,
}

/// Signs somebody in: the answer sets the cookie of a session.
///
/// A problem of the kind `code_needed` says that the password is right and a one-time code is missing.
#[utoipa::path(post, path = "/sign-in", tag = "account", security(()), request_body = SignInForm,
    responses((status = 200, body = SignedIn), (status = 401, description = "`sign_in_failed` or `code_needed`."),
        (status = 429, description = "Too many attempts.")))]
async fn sign_in(
    State(state): State<AppState>,
    visitor: Visitor,
    Json(form): Json<SignInForm>,
) -> Result<Response, Problem> {
    let now = state.now();
    state.throttle.attempt(&state.store, THROTTLE, &form.email, visitor.address, now).await?;
    let person = state.store.person_by_email(&form.email).await?.filter(|person| !person.disabled);
    let credentials = match &person {
        Some(person) => state.store.credentials(person.id).await?,
        None => backstay_catalog::Credentials::default(),
    };
    // Without a hash it takes as long: whether there is such an account is not told by the time either.
    let password = form.password.expose().unwrap_or_default();
    let matches = state.passwords.matches(password, credentials.password_hash.clone()).await?;
    let person = person.filter(|_| matches).ok_or_else(refused)?;
    if credentials.totp_sealed.is_some() {
        // The attempt stays counted until a code has come too, so that codes cannot be guessed at will.
        let code = form.code.expose().filter(|code| !code.is_empty()).ok_or_else(code_needed)?;
        if !totp::accept(&state, &person, &credentials, code).await? {
            return Err(refused());
        }
    }
    state.throttle.succeeded(&state.store, THROTTLE, &form.email).await?;
    Deed::new("session.sign_in", format!("person {} {}", person.id, person.email))
        .of(&state, person.email.clone(), Some(visitor.address.to_string()))
        .await?;
    enter(&state, person, &visitor).await
}

fn refused() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "sign_in_failed", "address, password or code is wrong")
        .hint("a one-time code works once; an owner of the server can make a link for a new password")
}

fn code_needed() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "code_needed", "this account asks for a one-time code too")
        .hint("send it as `code`; a recovery code will do")
}

/// Ends the session.
#[utoipa::path(post, path = "/sign-out", tag = "account",
    security(("session" = [])), responses((status = 204)))]
async fn sign_out(State(state): State<AppState>, caller: Caller) -> Result<(CookieJar, StatusCode), Problem> {
    caller.authorize(Action::OwnAccount, None)?;
    if let Some(hash) = &caller.session {
        match state.store.delete_session(caller.person.id, hash).await {
            // It was ended meanwhile.
            Ok(()) | Err(CatalogError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let subject = format!("person {} {}", caller.person.id, caller.person.email);
    Deed::new("session.sign_out", subject).by(&state, &caller).await?;
    Ok((CookieJar::new().add(session::end_cookie(state.secure)), StatusCode::NO_CONTENT))
}
