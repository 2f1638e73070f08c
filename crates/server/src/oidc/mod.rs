//! Signing in at a provider of OpenID Connect, by authorization code with PKCE.
//!
//! ```text
//!  browser ─▶ start ──state, nonce, challenge──▶ provider ──code, state──▶ callback ──code, verifier──▶ provider
//! ```
//!
//! The browser keeps one random key in a cookie. Verifier and nonce follow from it, and of state and key only hashes are stored:
//! what comes back counts once, within ten minutes, and in that browser alone. [`provider`] asks and verifies, [`identity`]
//! finds out whose account it is.

pub(crate) mod identity;
pub(crate) mod provider;
pub(crate) mod settings;

use std::time::Duration;

use axum_extra::extract::cookie::{Cookie, SameSite};
use backstay_catalog::{OneTimeKind, OneTimeToken};
use backstay_model::Person;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::state::AppState;
use crate::state::later;
use crate::text;

use provider::{OidcError, Provider};
use settings::OidcSettings;

const LASTS: Duration = Duration::from_secs(10 * 60);

/// Why somebody is not let in by the provider's word.
#[derive(Debug)]
pub(crate) enum Denied {
    /// Nobody has set a provider.
    Off,
    /// What came back belongs to nothing that was begun in this browser, or came too late, or twice.
    Expired,
    /// The provider, or the person there, did not agree.
    Refused,
    /// The provider gives no answer that holds.
    Provider(OidcError),
    /// The provider does not vouch for the address.
    Unverified,
    /// The address is of another domain.
    Domain,
    /// Nobody here has the address.
    Unknown,
    /// The account belongs to somebody else at the provider.
    Linked,
    /// The account is barred.
    Disabled,
    /// Something inside failed.
    Inside(Problem),
}

impl Denied {
    /// The word that the sign-in page is told.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Off => "oidc_off",
            Self::Expired => "oidc_expired",
            Self::Refused => "oidc_refused",
            Self::Provider(_) => "oidc_failed",
            Self::Unverified => "oidc_unverified",
            Self::Domain => "oidc_domain",
            Self::Unknown => "oidc_unknown",
            Self::Linked => "oidc_linked",
            Self::Disabled => "oidc_disabled",
            Self::Inside(_) => "internal",
        }
    }
}

impl From<Problem> for Denied {
    fn from(problem: Problem) -> Self {
        Self::Inside(problem)
    }
}

impl From<backstay_catalog::CatalogError> for Denied {
    fn from(error: backstay_catalog::CatalogError) -> Self {
        Self::Inside(error.into())
    }
}

impl From<OidcError> for Denied {
    fn from(error: OidcError) -> Self {
        Self::Provider(error)
    }
}

/// What is kept of a sign-in that was begun.
#[derive(Debug, Serialize, Deserialize)]
struct Begun {
    /// The hash of the key that the browser holds.
    browser: String,
    /// Where to go on to.
    next: String,
}

/// What the provider sends back by the browser.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Returned {
    /// What the provider exchanges for its word.
    #[serde(default)]
    code: Option<String>,
    /// Which sign-in it belongs to.
    #[serde(default)]
    state: Option<String>,
    /// Who says so (RFC 9207).
    #[serde(default)]
    iss: Option<String>,
    /// Why it came to nothing.
    #[serde(default)]
    error: Option<String>,
}

/// A browser that goes to the provider.
pub(crate) struct Departure {
    /// Where to.
    pub(crate) url: String,
    /// What it keeps.
    pub(crate) cookie: Cookie<'static>,
}

/// Somebody who came back.
pub(crate) struct Arrival {
    /// Who.
    pub(crate) person: Person,
    /// By whose word.
    pub(crate) issuer: String,
    /// Where to go on to.
    pub(crate) next: String,
}

/// Begins a sign-in.
pub(crate) async fn start(state: &AppState, next: &str) -> Result<Departure, Denied> {
    let settings = settings::current(state).await?.ok_or(Denied::Off)?;
    let provider = Provider::known(state, &settings).await?;
    let (key, returns) = (text::random_key(&*state.random), text::random_key(&*state.random));
    let url = provider.authorize(&settings, &returns, &nonce_of(&key), verifier_of(&key))?;
    let about = Begun { browser: text::hash_of(&key), next: next.to_owned() };
    let now = state.now();
    let token = OneTimeToken {
        hash: text::hash_of(&returns),
        kind: OneTimeKind::OidcSignIn,
        about: serde_json::to_value(about).map_err(Problem::internal)?,
        created: now,
        expires: later(now, LASTS),
    };
    state.store.create_one_time(&token).await?;
    Ok(Departure { url, cookie: cookie(state.secure, key) })
}

/// Ends a sign-in: whoever came back is the one that the provider vouches for.
pub(crate) async fn finish(
    state: &AppState,
    key: Option<&str>,
    returned: Returned,
) -> Result<Arrival, Denied> {
    let (Some(key), Some(returns)) = (key, &returned.state) else { return Err(Denied::Expired) };
    let (kind, hash) = (OneTimeKind::OidcSignIn, text::hash_of(returns));
    let begun = state.store.use_one_time(kind, &hash, state.now()).await?.ok_or(Denied::Expired)?;
    let begun: Begun = serde_json::from_value(begun.about).map_err(Problem::internal)?;
    if !text::same(&begun.browser, &text::hash_of(key)) {
        return Err(Denied::Expired);
    }
    let settings = settings::current(state).await?.ok_or(Denied::Off)?;
    if returned.iss.as_ref().is_some_and(|issuer| *issuer != settings.issuer) {
        return Err(OidcError::Claims("the answer names another issuer".to_owned()).into());
    }
    let (None, Some(code)) = (&returned.error, returned.code) else { return Err(Denied::Refused) };
    let provider = Provider::known(state, &settings).await?;
    let identity = provider.identify(&settings, code, verifier_of(key), &nonce_of(key)).await?;
    let person = identity::person_of(state, &settings, &identity).await?;
    Ok(Arrival { person, issuer: settings.issuer.clone(), next: begun.next })
}

/// Where the provider sends browsers back to.
pub(crate) fn callback(state: &AppState) -> String {
    format!("{}/api/v1/oidc/callback", state.url)
}

/// Whether a provider could be used with these settings.
///
/// # Errors
/// 422 with what is in the way.
pub(crate) async fn try_out(state: &AppState, settings: &OidcSettings) -> Result<(), Problem> {
    Provider::discover(state, settings).await.map(drop).map_err(|error| {
        Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "oidc_failed", error.to_string()).hint(
            "nothing was saved; see that the issuer is written as the provider writes it, and can be reached from here",
        )
    })
}

/// The name of the cookie that a browser keeps while it is away.
pub(crate) const fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-backstay-oidc" } else { "backstay-oidc" }
}

fn cookie(secure: bool, key: String) -> Cookie<'static> {
    // `Strict` would keep it from the way back, which begins on the provider's page.
    Cookie::build((cookie_name(secure), key))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(secure)
        .max_age(time::Duration::try_from(LASTS).unwrap_or(time::Duration::ZERO))
        .build()
}

/// What takes the cookie out of the browser.
pub(crate) fn end_cookie(secure: bool) -> Cookie<'static> {
    let mut cookie = cookie(secure, String::new());
    cookie.make_removal();
    cookie
}

fn verifier_of(key: &str) -> String {
    text::hash_of(&format!("oidc verifier:{key}"))
}

fn nonce_of(key: &str) -> String {
    text::hash_of(&format!("oidc nonce:{key}"))
}
