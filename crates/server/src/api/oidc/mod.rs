//! Signing in at a provider of OpenID Connect.

mod settings;

use axum::extract::{ConnectInfo, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::Cookie;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::extract::{Json, Query, form_encoded};
use crate::access::session;
use crate::access::visitor::Visitor;
use crate::audit::Deed;
use crate::oidc::{self, Arrival, Denied, Returned};
use crate::pages::is_local;
use crate::problem::Problem;
use crate::state::AppState;
use crate::tls::listener::Peer;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(settings::routes())
        .routes(routes!(about))
        .routes(routes!(start))
        .routes(routes!(callback))
}

/// Whether people can sign in at a provider.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct OidcAbout {
    /// What the provider is called; left out when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// Where to go on to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct OidcNext {
    /// A path of this server; `/` when left out.
    next: Option<String>,
}

/// Whether people can sign in at a provider, and what it is called.
#[utoipa::path(get, operation_id = "oidc_about", path = "/oidc", tag = "account", security(()), responses((status = 200, body = OidcAbout)))]
async fn about(State(state): State<AppState>) -> Result<Json<OidcAbout>, Problem> {
    Ok(Json(OidcAbout { name: oidc::settings::name(&state).await? }))
}

/// Sends a browser to the provider.
#[utoipa::path(get, operation_id = "oidc_start", path = "/oidc/start", tag = "account", security(()), params(OidcNext),
    responses((status = 303, description = "To the provider, or to the sign-in page with what is in the way.")))]
async fn start(
    State(state): State<AppState>,
    _visitor: Visitor,
    Query(wanted): Query<OidcNext>,
) -> Result<Response, Problem> {
    let next = wanted.next.as_deref().filter(|next| is_local(next)).unwrap_or("/");
    match oidc::start(&state, next).await {
        Ok(away) => go(&away.url, [away.cookie]),
        Err(denied) => deny(&state, &denied),
    }
}

/// Where the provider sends a browser back to: the answer sets the cookie of a session. A one-time code is not asked for: that is
/// the provider's to do.
#[utoipa::path(get, operation_id = "oidc_callback", path = "/oidc/callback", tag = "account", security(()), params(Returned),
    responses((status = 303, description = "To where one wanted to go, or to the sign-in page with what is in the way.")))]
async fn callback(
    State(state): State<AppState>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
    Query(returned): Query<Returned>,
) -> Result<Response, Problem> {
    let jar = CookieJar::from_headers(&headers);
    let key = jar.get(oidc::cookie_name(state.secure)).map(Cookie::value);
    let arrival = match oidc::finish(&state, key, returned).await {
        Ok(arrival) => arrival,
        Err(denied) => return deny(&state, &denied),
    };
    let Arrival { person, issuer, next } = arrival;
    let address = peer.address.ip().to_canonical().to_string();
    let session = session::begin(&state, &person, &headers, address.clone()).await?;
    Deed::new("session.sign_in", format!("person {} {}", person.id, person.email))
        .after(&serde_json::json!({"provider": issuer}))
        .of(&state, person.email.clone(), Some(address))
        .await?;
    go(&next, [session.cookie, oidc::end_cookie(state.secure)])
}

/// Back to the sign-in page, with a word for what is in the way.
fn deny(state: &AppState, denied: &Denied) -> Result<Response, Problem> {
    match denied {
        Denied::Inside(problem) => tracing::error!(cause = %problem, "signing in at the provider failed"),
        Denied::Provider(error) => tracing::warn!(cause = %error, "signing in at the provider failed"),
        other => tracing::info!(why = other.word(), "signing in at the provider was refused"),
    }
    let location = format!("/sign-in?problem={}", form_encoded(denied.word()));
    go(&location, [oidc::end_cookie(state.secure)])
}

fn go<const N: usize>(location: &str, cookies: [Cookie<'static>; N]) -> Result<Response, Problem> {
    let location = HeaderValue::from_str(location).map_err(Problem::internal)?;
    let jar = cookies.into_iter().fold(CookieJar::new(), CookieJar::add);
    Ok((StatusCode::SEE_OTHER, jar, [(LOCATION, location)]).into_response())
}
