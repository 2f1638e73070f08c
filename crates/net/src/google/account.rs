//! An account that is signed in: access tokens for requests, from one refresh token.

use std::time::{Duration, Instant};

use backstay_core::{ErrorKind, StorageError};
use parking_lot::Mutex;
use reqwest::Client;

use super::call::Call;
use super::oauth::{Granted, NotGranted};
use super::{Endpoints, Settings};
use crate::http::runtime::Background;
use crate::{Secret, failure};

/// An access token is taken for one that lasts no longer than this.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// An access token is not used in the last part of its time.
const MARGIN: Duration = Duration::from_secs(60);
/// How long somebody waits for a token that another thread is asking for, without a look whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A refusal of the sign-in holds for so long before Google is asked again.
const REFUSED_FOR: Duration = Duration::from_secs(2);

/// An account that is signed in. All that use it share it, so that a token is asked for once.
pub struct Account {
    settings: Settings,
    held: Mutex<Held>,
}

struct Held {
    refresh: Secret,
    access: Option<Access>,
    /// When the sign-in was last refused, and why: many threads need not all ask.
    refused: Option<(Instant, super::SignedOut)>,
}

#[derive(Clone)]
struct Access {
    token: Secret,
    until: Instant,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Account {
    /// The account of this refresh token. Nothing is asked of Google yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let refresh = settings.refresh_token.clone();
        Self { settings, held: Mutex::new(Held { refresh, access: None, refused: None }) }
    }

    pub(super) fn endpoints(&self) -> &Endpoints {
        &self.settings.endpoints
    }

    /// An access token for a request; another one than `refused`, which Google did not take.
    pub(super) fn token(
        &self,
        call: Call<'_>,
        (client, runtime, patience): (&Client, &Background, Duration),
        refused: Option<&Secret>,
    ) -> Result<Secret, StorageError> {
        let mut held = loop {
            failure::check(call.context, call.action, call.what)?;
            if let Some(held) = self.held.try_lock_for(LOOK_EVERY) {
                break held;
            }
        };
        if let Some(access) = &held.access
            && access.until > Instant::now()
            && refused.is_none_or(|refused| *refused != access.token)
        {
            return Ok(access.token.clone());
        }
        if let Some((when, why)) = &held.refused
            && when.elapsed() < REFUSED_FOR
        {
            return Err(call.failed(ErrorKind::Denied, why.clone()));
        }
        held.access = None;
        let asked = Instant::now();
        let app = &self.settings.app;
        let form = form(&[
            ("grant_type", "refresh_token"),
            ("client_id", &app.client_id),
            ("client_secret", app.client_secret.expose()),
            ("refresh_token", held.refresh.expose()),
        ]);
        let request = posted(client, &self.settings.endpoints.token, form);
        let answer = call.response(runtime, patience, request)?;
        let answer = call.whole(runtime, patience, answer)?;
        if !answer.status.is_success() {
            let error = NotGranted::of(&answer).into_error(call, &answer);
            held.refused =
                error.cause.downcast_ref::<super::SignedOut>().map(|why| (Instant::now(), why.clone()));
            return Err(error);
        }
        let granted: Granted = answer.read(call, "an access token")?;
        if let Some(next) = granted.refresh_token.map(Secret::new).filter(|next| *next != held.refresh) {
            if let Some(keep) = &self.settings.on_rotation {
                keep(&next).map_err(|error| failure::from_io("keep", "the new refresh token", error))?;
            }
            held.refresh = next;
        }
        let token = Secret::new(granted.access_token);
        let lasts = Duration::from_secs(granted.expires_in).min(LONGEST);
        let until = asked + lasts.checked_sub(MARGIN).unwrap_or(lasts / 2);
        held.access = Some(Access { token: token.clone(), until });
        held.refused = None;
        Ok(token)
    }
}

/// A form as it is posted.
pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        text.append_pair(name, value);
    }
    text.finish()
}

/// A request that posts a form.
pub(super) fn posted(client: &Client, url: &str, form: String) -> reqwest::RequestBuilder {
    client.post(url).header("content-type", "application/x-www-form-urlencoded").body(form)
}
