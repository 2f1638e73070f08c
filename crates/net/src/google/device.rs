//! Signing in from a device that has no browser: a code is shown, and entered in a browser elsewhere.

use std::time::Duration;

use backstay_core::{CallContext, ErrorKind, StorageError};
use serde::Deserialize;

use super::account::{form, posted};
use super::call::{Answer, Call};
use super::oauth::{Granted, NotGranted};
use super::{App, Endpoints, SCOPE};
use crate::http::runtime::Background;
use crate::http::transport::{self, Use};
use crate::{Http, Secret, failure};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const PATIENCE: Duration = Duration::from_secs(30);
/// Who does not say how often it may be asked is asked this often.
const INTERVAL: u64 = 5;

/// Signs accounts in.
pub struct SignIn {
    app: App,
    endpoints: Endpoints,
    client: reqwest::Client,
    runtime: Background,
    patience: Duration,
}

/// What is shown to who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// What the sign-in is asked for by. It is as secret as the token that it becomes.
    pub device_code: Secret,
    /// The code to enter.
    pub user_code: String,
    /// Where to enter it.
    pub verification_url: String,
    /// After this time nobody may enter it any more.
    pub expires_in: Duration,
    /// How long to wait between two questions.
    pub interval: Duration,
}

/// What came of a sign-in so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    Pending,
    /// Nothing yet, and it is asked for too often: wait five seconds longer each time from now on.
    SlowDown,
    /// The code was entered and access allowed: the refresh token.
    Allowed(Secret),
    /// Whoever entered the code did not allow access.
    Denied,
    /// Nobody entered the code in time.
    Expired,
}

/// Access without what is needed.
#[derive(Debug, thiserror::Error)]
enum Useless {
    #[error(
        "Google gives no refresh token: make the OAuth client one of the type \"TVs and Limited Input devices\""
    )]
    NoRefreshToken,
    #[error(
        "access to the files of Google Drive was not ticked when the sign-in was allowed: sign in again and tick it"
    )]
    NoScope,
    #[error("the address for entering the code is none of the web")]
    Address,
}

#[derive(Deserialize)]
struct Code {
    device_code: String,
    user_code: String,
    #[serde(alias = "verification_uri")]
    verification_url: String,
    expires_in: u64,
    interval: Option<u64>,
}

impl SignIn {
    /// Signs accounts in for an application.
    ///
    /// # Errors
    /// When there is no HTTP client with these settings.
    pub fn new(app: App, endpoints: Endpoints, http: &Http) -> Result<Self, StorageError> {
        let config = |cause: Box<dyn std::error::Error + Send + Sync>| {
            StorageError::new(ErrorKind::Config, "open", &endpoints.token, cause)
        };
        for url in endpoints.all() {
            transport::check_host(url, http.reach).map_err(|error| config(error.into()))?;
        }
        let tls = endpoints.all().iter().any(|url| url.starts_with("https:"));
        let client = transport::client(tls, http, Use::Asking).map_err(|error| config(error.into()))?;
        let runtime = Background::new("backstay-google")
            .map_err(|error| failure::from_io("open", &endpoints.token, error))?;
        let patience = http.patience.unwrap_or(PATIENCE);
        Ok(Self { app, endpoints, client, runtime, patience })
    }

    /// Begins to sign an account in.
    ///
    /// # Errors
    /// When Google is out of reach, or does not know the application.
    pub fn start(&self, context: CallContext<'_>) -> Result<Started, StorageError> {
        let call = Call::new(context, "sign in", &"to Google");
        let form = form(&[("client_id", &self.app.client_id), ("scope", SCOPE)]);
        let answer = self.post(call, &self.endpoints.device, form)?;
        if !answer.status.is_success() {
            return Err(NotGranted::of(&answer).into_error(call, &answer));
        }
        let code: Code = answer.read(call, "a code for signing in")?;
        // It is shown as a link.
        if !code.verification_url.starts_with("https://") && !code.verification_url.starts_with("http://") {
            return Err(call.failed(ErrorKind::Other, Useless::Address));
        }
        Ok(Started {
            device_code: Secret::new(code.device_code),
            user_code: code.user_code,
            verification_url: code.verification_url,
            expires_in: Duration::from_secs(code.expires_in),
            interval: Duration::from_secs(code.interval.unwrap_or(INTERVAL).clamp(1, 60)),
        })
    }

    /// Asks what came of a sign-in.
    ///
    /// # Errors
    /// When Google is out of reach, does not know the application or the code, or gives less than is needed.
    pub fn poll(&self, device_code: &Secret, context: CallContext<'_>) -> Result<Outcome, StorageError> {
        let call = Call::new(context, "sign in", &"to Google");
        let form = form(&[
            ("grant_type", GRANT),
            ("client_id", &self.app.client_id),
            ("client_secret", self.app.client_secret.expose()),
            ("device_code", device_code.expose()),
        ]);
        let answer = self.post(call, &self.endpoints.token, form)?;
        if !answer.status.is_success() {
            let told = NotGranted::of(&answer);
            return match told.error.as_str() {
                "authorization_pending" => Ok(Outcome::Pending),
                "slow_down" => Ok(Outcome::SlowDown),
                "access_denied" => Ok(Outcome::Denied),
                "expired_token" | "invalid_grant" => Ok(Outcome::Expired),
                _ => Err(told.into_error(call, &answer)),
            };
        }
        let granted: Granted = answer.read(call, "a token")?;
        if granted.scope.is_some_and(|scope| !scope.split(' ').any(|one| one == SCOPE)) {
            return Err(call.failed(ErrorKind::Denied, Useless::NoScope));
        }
        let refresh = granted.refresh_token.filter(|token| !token.is_empty());
        let refresh = refresh.ok_or_else(|| call.failed(ErrorKind::Denied, Useless::NoRefreshToken))?;
        Ok(Outcome::Allowed(Secret::new(refresh)))
    }

    fn post(&self, call: Call<'_>, url: &str, form: String) -> Result<Answer, StorageError> {
        let request = posted(&self.client, url, form);
        let response = call.response(&self.runtime, self.patience, request)?;
        call.whole(&self.runtime, self.patience, response)
    }
}
