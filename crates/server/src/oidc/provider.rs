//! Asks the provider, and believes it only what is proven: the token's signature, issuer, audience, time and nonce.

use std::time::Duration;

use backstay_model::{Role, Time};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata,
    CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse,
    CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AuthType, AuthenticationFlow, AuthorizationCode, Client, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope, StandardErrorResponse, StandardTokenResponse, TokenResponse, UserInfoClaims,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::settings::{ClaimRoles, OidcSettings, is_safe};
use crate::state::AppState;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// For how many seconds a provider is not asked again how it is used.
const FRESH: i64 = 60;
/// No answer of a provider comes near.
const LARGEST: usize = 1 << 20;

/// Whoever knows the client's secret could sign with it, so tokens are signed with the provider's own key.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// What is wrong with a provider's answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OidcError {
    /// It cannot be asked, or says nothing of itself that makes sense.
    #[error("the provider does not say how it is used: {0}")]
    Discovery(String),
    /// It does not take the code.
    #[error("the provider does not take the code: {0}")]
    Code(String),
    /// What it says of the person is not proven.
    #[error("what the provider says of the person does not hold: {0}")]
    Claims(String),
    /// No request can be made at all.
    #[error("no request can be made: {0}")]
    Client(reqwest::Error),
}

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0} is not reached over TLS")]
    Plain(String),
    #[error("the answer has more than {LARGEST} bytes")]
    TooLarge,
    #[error("the answer cannot be read: {0}")]
    Http(#[from] axum::http::Error),
    #[error(transparent)]
    Request(#[from] reqwest::Error),
}

/// All claims that have no place of their own.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Further(Map<String, Value>);

impl AdditionalClaims for Further {}

type Fields = IdTokenFields<
    Further,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type Discovered = Client<
    Further,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Whom the provider vouches for.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// By whom the subject is named.
    pub(crate) issuer: String,
    /// The account at the provider, for ever.
    pub(crate) subject: String,
    /// The address, if the provider vouches for it.
    pub(crate) email: Option<String>,
    /// The name to show.
    pub(crate) name: Option<String>,
    further: Map<String, Value>,
}

impl Identity {
    /// The highest role that a claim gives.
    pub(crate) fn role(&self, roles: &ClaimRoles) -> Option<Role> {
        let values = match self.further.get(&roles.claim) {
            Some(Value::Array(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        let role = |value: &Value| value.as_str().and_then(|value| roles.values.get(value)).copied();
        values.iter().filter_map(role).max()
    }
}

/// What a provider said last of itself. Whoever opens the way to it again and again has the provider asked no more often for that.
#[derive(Default)]
pub(crate) struct LastSaid(Mutex<Option<Said>>);

struct Said {
    issuer: String,
    at: Time,
    metadata: CoreProviderMetadata,
}

impl LastSaid {
    /// It again, if it was said by this issuer and less than [`FRESH`] ago.
    fn of(&self, issuer: &str, now: Time) -> Option<CoreProviderMetadata> {
        let said = self.0.lock();
        let said = said.as_ref().filter(|said| said.issuer == issuer)?;
        (0..FRESH).contains(&(now.as_second() - said.at.as_second())).then(|| said.metadata.clone())
    }

    /// Asks a provider anew.
    async fn ask(&self, issuer: &str, now: Time) -> Result<CoreProviderMetadata, OidcError> {
        let failed = |error: &dyn std::error::Error| OidcError::Discovery(chain(error));
        let http = http()?;
        let url = IssuerUrl::new(issuer.to_owned()).map_err(|error| failed(&error))?;
        let fetch = |request| fetch(http.clone(), request);
        let metadata = CoreProviderMetadata::discover_async(url, &fetch).await;
        let metadata = metadata.map_err(|error| failed(&error))?;
        let said = Said { issuer: issuer.to_owned(), at: now, metadata: metadata.clone() };
        *self.0.lock() = Some(said);
        Ok(metadata)
    }
}

/// A provider that has said how it is used.
pub(crate) struct Provider {
    client: Discovered,
    http: reqwest::Client,
}

impl Provider {
    /// Asks a provider how it is used and by which keys it signs, unless it has just said so.
    pub(crate) async fn known(state: &AppState, settings: &OidcSettings) -> Result<Self, OidcError> {
        match state.provider.of(&settings.issuer, state.now()) {
            Some(metadata) => Self::new(state, settings, metadata),
            None => Self::discover(state, settings).await,
        }
    }

    /// Asks a provider how it is used and by which keys it signs.
    pub(crate) async fn discover(state: &AppState, settings: &OidcSettings) -> Result<Self, OidcError> {
        let metadata = state.provider.ask(&settings.issuer, state.now()).await?;
        Self::new(state, settings, metadata)
    }

    fn new(
        state: &AppState,
        settings: &OidcSettings,
        metadata: CoreProviderMetadata,
    ) -> Result<Self, OidcError> {
        if !is_safe(metadata.authorization_endpoint().url()) {
            return Err(OidcError::Discovery("its page for signing in is not reached over TLS".to_owned()));
        }
        if metadata.token_endpoint().is_none() {
            return Err(OidcError::Discovery("it exchanges no codes".to_owned()));
        }
        let methods = metadata.token_endpoint_auth_methods_supported();
        let basic = methods.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let secret = settings.client_secret.expose().map(|secret| ClientSecret::new(secret.to_owned()));
        let redirect = RedirectUrl::new(super::callback(state));
        let redirect = redirect.map_err(|error| OidcError::Discovery(chain(&error)))?;
        let client =
            Discovered::from_provider_metadata(metadata, ClientId::new(settings.client_id.clone()), secret)
                .set_redirect_uri(redirect)
                .set_auth_type(if basic { AuthType::BasicAuth } else { AuthType::RequestBody });
        Ok(Self { client, http: http()? })
    }

    /// Where a browser signs in.
    pub(crate) fn authorize(
        &self,
        settings: &OidcSettings,
        returns: &str,
        nonce: &str,
        verifier: String,
    ) -> Result<String, OidcError> {
        let (returns, nonce) = (CsrfToken::new(returns.to_owned()), Nonce::new(nonce.to_owned()));
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier));
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let scopes = ["email", "profile"].into_iter().map(str::to_owned).chain(settings.scopes.clone());
        let request = self.client.authorize_url(flow, || returns, || nonce);
        let (url, ..) = request.add_scopes(scopes.map(Scope::new)).set_pkce_challenge(challenge).url();
        Ok(url.into())
    }

    /// Exchanges a code for what the provider says of a person, and verifies it.
    pub(crate) async fn identify(
        &self,
        settings: &OidcSettings,
        code: String,
        verifier: String,
        nonce: &str,
    ) -> Result<Identity, OidcError> {
        let fetch = |request| fetch(self.http.clone(), request);
        let code_failed = |error: &dyn std::error::Error| OidcError::Code(chain(error));
        let claims_failed = |error: &dyn std::error::Error| OidcError::Claims(chain(error));
        let request = self.client.exchange_code(AuthorizationCode::new(code));
        let request = request.map_err(|error| code_failed(&error))?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier));
        let tokens = request.request_async(&fetch).await.map_err(|error| code_failed(&error))?;
        let token = tokens.id_token().ok_or_else(|| OidcError::Claims("there is no ID token".to_owned()))?;
        let verify = self.client.id_token_verifier().set_allowed_algs(ALGORITHMS);
        let claims = token.claims(&verify, &Nonce::new(nonce.to_owned()));
        let claims = claims.map_err(|error| claims_failed(&error))?;

        let vouched = |email: Option<&openidconnect::EndUserEmail>, verified: Option<bool>| {
            email.filter(|_| verified == Some(true)).map(|email| email.as_str().to_owned())
        };
        let shown = |name: Option<&openidconnect::LocalizedClaim<openidconnect::EndUserName>>| {
            name.and_then(|name| name.get(None)).map(|name| name.as_str().to_owned())
        };
        let mut identity = Identity {
            issuer: settings.issuer.clone(),
            subject: claims.subject().as_str().to_owned(),
            email: vouched(claims.email(), claims.email_verified()),
            name: shown(claims.name()),
            further: claims.additional_claims().0.clone(),
        };
        let lacks_role =
            settings.roles.as_ref().is_some_and(|roles| !identity.further.contains_key(&roles.claim));
        let lacks = claims.email().is_none() || identity.name.is_none() || lacks_role;
        if lacks && self.client.user_info_url().is_some() {
            let subject = claims.subject().clone();
            let request = self.client.user_info(tokens.access_token().clone(), Some(subject));
            let request = request.map_err(|error| claims_failed(&error))?;
            let more: UserInfoClaims<Further, CoreGenderClaim> =
                request.request_async(&fetch).await.map_err(|error| claims_failed(&error))?;
            // The address and the word for it come from one hand.
            if claims.email().is_none() {
                identity.email = vouched(more.email(), more.email_verified());
            }
            identity.name = identity.name.or_else(|| shown(more.name()));
            for (claim, value) in &more.additional_claims().0 {
                identity.further.entry(claim).or_insert_with(|| value.clone());
            }
        }
        Ok(identity)
    }
}

fn http() -> Result<reqwest::Client, OidcError> {
    // Whoever was first in this process chose the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("backstay/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(OidcError::Client)
}

async fn fetch(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, FetchError> {
    let request: reqwest::Request = request.try_into()?;
    if !is_safe(request.url()) {
        return Err(FetchError::Plain(request.url().host_str().unwrap_or_default().to_owned()));
    }
    let mut answer = http.execute(request).await.map_err(reqwest::Error::without_url)?;
    let mut response = axum::http::Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.clone_from(answer.headers());
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len() + chunk.len() > LARGEST {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(response.body(body)?)
}

/// An error with what lies beneath it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    // What a stranger's server says goes to people's screens.
    text.replace(char::is_control, " ").chars().take(500).collect()
}
