//! New passwords by link: for who forgot theirs, and for who never had one.
//!
//! A link works once and for a while; its token lies behind `#`, so that it is in no log and no referrer. Whoever asks for one
//! is not told whether there is such an account: the link goes by mail, and everything that takes time is done afterwards.

use std::time::Duration;

use backstay_catalog::{CatalogError, OneTimeKind, OneTimeToken, ServerStore};
use backstay_core::{Clock, Random};
use backstay_model::{Person, PersonId, SecretText};
use serde::{Deserialize, Serialize};

use super::{password, roster};
use crate::audit::Deed;
use crate::mail::{self, MailError};
use crate::problem::Problem;
use crate::state::later;
use crate::state::{AppState, now_of};
use crate::text;

/// How long a link for a forgotten password works.
pub(crate) const FORGOTTEN: Duration = Duration::from_secs(3600);
/// How long a link for a first password works.
pub(crate) const INVITED: Duration = Duration::from_secs(7 * 24 * 3600);

/// Whom a token is for.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    person: PersonId,
}

/// A link by which somebody chooses a new password within an hour; none when nobody may sign in with that address. It needs no
/// server that runs.
///
/// # Errors
/// When the store fails.
pub async fn link_for(
    store: &ServerStore,
    clock: &dyn Clock,
    random: &dyn Random,
    url: &str,
    email: &str,
) -> Result<Option<String>, CatalogError> {
    match store.person_by_email(email).await?.filter(|person| !person.disabled) {
        Some(person) => new_link(store, clock, random, url, person.id, FORGOTTEN).await.map(Some),
        None => Ok(None),
    }
}

async fn new_link(
    store: &ServerStore,
    clock: &dyn Clock,
    random: &dyn Random,
    url: &str,
    person: PersonId,
    lasts: Duration,
) -> Result<String, CatalogError> {
    let key = text::random_key(random);
    let now = now_of(clock);
    let token = OneTimeToken {
        hash: text::hash_of(&key),
        kind: OneTimeKind::PasswordReset,
        about: serde_json::to_value(About { person })?,
        created: now,
        expires: later(now, lasts),
    };
    store.create_one_time(&token).await?;
    Ok(format!("{}/reset#{key}", url.trim_end_matches('/')))
}

/// A new link for a person, for whoever may hand it on.
pub(crate) async fn link(state: &AppState, person: PersonId, lasts: Duration) -> Result<String, Problem> {
    let link = new_link(&state.store, &*state.clock, &*state.random, &state.url, person, lasts);
    Ok(link.await?)
}

/// Mails a link to whom the address belongs, if it is somebody's. It is done afterwards, so that the answer takes as long for
/// unknown addresses.
pub(crate) fn mail_later(state: &AppState, email: String) {
    let state = state.clone();
    tokio::spawn(async move {
        if let Err(error) = mail_to(&state, &email).await {
            tracing::warn!(cause = %error, "a link for a new password was not mailed");
        }
    });
}

async fn mail_to(state: &AppState, email: &str) -> Result<(), MailError> {
    if mail::settings::current(state).await.map_err(MailError::Settings)?.is_none() {
        return Err(MailError::NotSet);
    }
    let failed = |error: CatalogError| MailError::Settings(error.into());
    let link = link_for(&state.store, &*state.clock, &*state.random, &state.url, email).await;
    let Some(link) = link.map_err(failed)? else { return Ok(()) };
    // Not to the address that was asked with, which is somebody's only up to capitals.
    let Some(person) = state.store.person_by_email(email).await.map_err(failed)? else { return Ok(()) };
    let text = format!(
        "Hello {},\n\nsomebody asked for a new password for your account at {}.\n\nTo choose one, open this link within one \
         hour:\n\n{link}\n\nIf it was not you, do nothing: your password stays as it is.\n",
        person.name, state.url
    );
    mail::send(state, &person.email, "A new password for Backstay", &text).await
}

/// Mails the link for a first password. Gives whether a mail server took it.
pub(crate) async fn mail_invitation(state: &AppState, person: &Person, link: &str, by: &str) -> bool {
    let text = format!(
        "Hello {},\n\n{by} has made an account for you at {}. You sign in with this address.\n\nTo choose your password, open \
         this link within seven days:\n\n{link}\n",
        person.name, state.url
    );
    match mail::send(state, &person.email, "Your account for Backstay", &text).await {
        Ok(()) => true,
        Err(MailError::NotSet) => false,
        Err(error) => {
            tracing::warn!(cause = %error, person = %person.email, "an invitation was not mailed");
            false
        }
    }
}

/// Sets a new password by a link's token, and ends all that was begun with the old one. Gives whose it is.
pub(crate) async fn confirm(
    state: &AppState,
    key: &str,
    password: &SecretText,
    address: String,
) -> Result<Person, Problem> {
    let hash = text::hash_of(key);
    // Looked at first and used up last: a password that is refused costs nobody the link.
    let token = state.store.one_time(OneTimeKind::PasswordReset, &hash, state.now()).await?;
    let person = person_of(state, token.ok_or_else(used_up)?).await?;
    let password = password::check("password", password, &person.email)?;
    let new = state.passwords.hash(password, &state.random).await?;
    let token = state.store.use_one_time(OneTimeKind::PasswordReset, &hash, state.now()).await?;
    let person = person_of(state, token.ok_or_else(used_up)?).await?;
    state.store.set_password(person.id, Some(&new)).await?;
    roster::sign_out(state, person.id, None).await?;
    Deed::new("person.password_reset", format!("person {} {}", person.id, person.email))
        .of(state, person.email.clone(), Some(address))
        .await?;
    Ok(person)
}

async fn person_of(state: &AppState, token: OneTimeToken) -> Result<Person, Problem> {
    let about: About = serde_json::from_value(token.about).map_err(Problem::internal)?;
    let person = state.store.person(about.person).await?;
    person.filter(|person| !person.disabled).ok_or_else(used_up)
}

fn used_up() -> Problem {
    Problem::new(
        axum::http::StatusCode::GONE,
        "link_used_up",
        "this link was used before, or its time has run out",
    )
    .hint("ask for a new link")
}

/// Takes back all links of a person.
pub(crate) async fn forget(state: &AppState, person: PersonId) -> Result<(), Problem> {
    for token in state.store.one_times(OneTimeKind::PasswordReset, state.now()).await? {
        let about: Option<About> = serde_json::from_value(token.about).ok();
        if about.is_some_and(|about| about.person == person) {
            match state.store.delete_one_time(OneTimeKind::PasswordReset, &token.hash).await {
                // It was used meanwhile.
                Ok(()) | Err(CatalogError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
