//! One's own account, and the ways into it.

mod factor;
mod me;
#[cfg(feature = "passkeys")]
mod passkeys;
mod reset;
mod sessions;
mod setup;
mod sign_in;
mod tokens;

use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use backstay_model::{Person, SecretText};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

use crate::access::extract::{Caller, Json};
use crate::access::policy::Action;
use crate::access::session::{self, NewSession};
use crate::access::visitor::Visitor;
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    let routes = OpenApiRouter::new()
        .merge(setup::routes())
        .merge(sign_in::routes())
        .merge(reset::routes())
        .merge(me::routes())
        .merge(factor::routes())
        .merge(sessions::routes())
        .merge(tokens::routes());
    #[cfg(feature = "passkeys")]
    let routes = routes.merge(passkeys::routes());
    routes
}

/// What somebody gets who signed in, besides a cookie.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SignedIn {
    /// Who it is.
    person: Person,
    /// What programs that keep the cookie send in `X-Backstay-CSRF`.
    csrf: String,
}

/// Begins a session and answers with its cookie.
async fn enter(state: &AppState, person: Person, visitor: &Visitor) -> Result<Response, Problem> {
    let session = session::begin(state, &person, &visitor.headers, visitor.address.to_string()).await?;
    let NewSession { cookie, csrf } = session;
    // With the time of this sign-in.
    let person = state.store.person(person.id).await?.unwrap_or(person);
    Ok((CookieJar::new().add(cookie), Json(SignedIn { person, csrf })).into_response())
}

/// Compares the password of somebody who is signed in, for what a session alone must not do. Slowed down like signing in.
async fn prove(state: &AppState, caller: &Caller, field: &str, password: &SecretText) -> Result<(), Problem> {
    caller.authorize(Action::OwnAccount, None)?;
    let account = caller.person.id.to_string();
    let address = caller.address.parse().unwrap_or(std::net::Ipv4Addr::UNSPECIFIED.into());
    state.throttle.attempt(&state.store, "password", &account, address, state.now()).await?;
    let hash = state.store.credentials(caller.person.id).await?.password_hash;
    if !state.passwords.matches(password.expose().unwrap_or_default(), hash).await? {
        return Err(Problem::invalid(field, "that is not your password"));
    }
    state.throttle.succeeded(&state.store, "password", &account).await
}
