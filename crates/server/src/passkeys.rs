//! Passkeys: signing in with a key pair whose secret half never leaves a device or a password manager
//! (Web Authentication, <https://www.w3.org/TR/webauthn-3/>).
//!
//! A passkey stands for a password and a one-time code together: the device asks its owner for a finger, a face or a PIN. It
//! belongs to the name by which the server was reached when it was made; browsers offer it under that name alone, so that a
//! page that only looks like this one gets nothing. Addresses are no names, and what comes without TLS counts from this machine
//! alone.

use std::time::Duration;

use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};
use backstay_catalog::{CatalogError, Clash, KeptPasskey, OneTimeKind, OneTimeToken};
use backstay_model::people::Passkey;
use backstay_model::{PasskeyId, Person, PersonId};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    CredentialID, DiscoverableAuthentication, DiscoverableKey, Passkey as Key, PasskeyRegistration,
    PublicKeyCredential, RegisterPublicKeyCredential, Webauthn, WebauthnBuilder,
};

use crate::hosts::url_for;
use crate::problem::Problem;
use crate::state::{AppState, later};
use crate::text;

/// How long a person has to answer the device.
const LASTS: Duration = Duration::from_secs(5 * 60);
/// As many as somebody has devices.
const MOST: usize = 20;

/// What a browser hands to the device, and the key by which its answer is known.
#[derive(Debug)]
pub(crate) struct Challenge {
    /// Comes back with the answer, once.
    pub(crate) ceremony: String,
    /// For `navigator.credentials`, in the JSON form of its options.
    pub(crate) options: Value,
}

/// What is kept of a passkey that is being made.
#[derive(Debug, Serialize, Deserialize)]
struct Creation {
    person: PersonId,
    state: PasskeyRegistration,
}

/// The server as devices know it: under the name by which the request reached it.
struct Party {
    host: String,
    webauthn: Webauthn,
}

impl Party {
    fn of(state: &AppState, headers: &HeaderMap) -> Result<Self, Problem> {
        let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()?.parse::<Url>().ok());
        let origin = origin.filter(|origin| state.hosts.know(origin.authority()));
        let origin = match origin {
            Some(origin) => origin,
            None => url_for(state, headers).parse().map_err(Problem::internal)?,
        };
        let host = origin.domain().filter(|host| origin.scheme() == "https" || *host == "localhost");
        let host = host.ok_or_else(nameless)?.to_owned();
        let builder = WebauthnBuilder::new(&host, &origin).map_err(|_| nameless())?;
        let webauthn = builder.rp_name("Backstay").timeout(LASTS).build().map_err(Problem::internal)?;
        Ok(Self { host, webauthn })
    }
}

fn nameless() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "passkeys_unavailable",
        "passkeys need the server to be reached by a name, over TLS",
    )
    .hint("open it as https://NAME, with the name in --public-url or --host-name; on this machine, http://localhost does too")
}

/// Begins to make a passkey for somebody.
pub(crate) async fn create(
    state: &AppState,
    headers: &HeaderMap,
    person: &Person,
) -> Result<Challenge, Problem> {
    let party = Party::of(state, headers)?;
    let known = state.store.passkeys_of(person.id).await?;
    if known.len() >= MOST {
        return Err(
            Problem::conflict(format!("there are {MOST} passkeys already")).hint("remove some of them")
        );
    }
    let known = known.iter().filter_map(|kept| URL_SAFE_NO_PAD.decode(&kept.credential).ok());
    let known: Vec<CredentialID> = known.collect();
    let (options, creation) = party
        .webauthn
        .start_passkey_registration(person.id.0, &person.email, &person.name, Some(known))
        .map_err(Problem::internal)?;
    let mut options = serde_json::to_value(options).map_err(Problem::internal)?;
    // Devices are asked who signs in, so the key has to be kept by them together with its person.
    options["publicKey"]["authenticatorSelection"]["residentKey"] = json!("required");
    options["publicKey"]["authenticatorSelection"]["requireResidentKey"] = json!(true);
    let about = Creation { person: person.id, state: creation };
    let ceremony = keep(state, OneTimeKind::PasskeyCreation, &about).await?;
    Ok(Challenge { ceremony, options: options["publicKey"].take() })
}

/// Takes a new passkey in, as the browser tells of it.
pub(crate) async fn created(
    state: &AppState,
    headers: &HeaderMap,
    person: &Person,
    ceremony: &str,
    name: String,
    credential: Value,
) -> Result<Passkey, Problem> {
    let party = Party::of(state, headers)?;
    let credential: RegisterPublicKeyCredential = parsed(credential)?;
    let begun: Option<Creation> = begun(state, OneTimeKind::PasskeyCreation, ceremony).await?;
    let begun = begun.filter(|begun| begun.person == person.id).ok_or_else(|| {
        Problem::conflict("no passkey waits to be made")
            .hint("begin again, and answer the device within 5 minutes")
    })?;
    let key = party.webauthn.finish_passkey_registration(&credential, &begun.state).map_err(|error| {
        Problem::invalid("credential", format!("the device's answer does not hold: {error}"))
    })?;
    let passkey = Passkey {
        id: PasskeyId::new(&*state.clock, &*state.random),
        person: person.id,
        name,
        host: party.host,
        created: state.now(),
        last_used: None,
    };
    let kept = KeptPasskey {
        passkey: passkey.clone(),
        credential: URL_SAFE_NO_PAD.encode(key.cred_id()),
        key: serde_json::to_string(&key).map_err(Problem::internal)?,
    };
    match state.store.create_passkey(&kept).await {
        Ok(()) => Ok(passkey),
        Err(CatalogError::Conflict { clash: Clash::Name, .. }) => {
            Err(Problem::conflict("this passkey is known here already"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Begins to sign somebody in: who it is, the device says.
pub(crate) async fn challenge(state: &AppState, headers: &HeaderMap) -> Result<Challenge, Problem> {
    let party = Party::of(state, headers)?;
    let (options, begun) = party.webauthn.start_discoverable_authentication().map_err(Problem::internal)?;
    let mut options = serde_json::to_value(options).map_err(Problem::internal)?;
    let ceremony = keep(state, OneTimeKind::PasskeySignIn, &begun).await?;
    Ok(Challenge { ceremony, options: options["publicKey"].take() })
}

/// Who answered a challenge, with which passkey.
pub(crate) async fn answered(
    state: &AppState,
    headers: &HeaderMap,
    ceremony: &str,
    credential: Value,
) -> Result<(Person, Passkey), Problem> {
    let party = Party::of(state, headers)?;
    let credential: PublicKeyCredential = parsed(credential)?;
    let begun: Option<DiscoverableAuthentication> =
        begun(state, OneTimeKind::PasskeySignIn, ceremony).await?;
    let begun = begun.ok_or_else(refused)?;
    let (person, device_id) =
        party.webauthn.identify_discoverable_authentication(&credential).map_err(|_| refused())?;
    let kept = state.store.passkey_by_credential(&URL_SAFE_NO_PAD.encode(device_id)).await?;
    let kept = kept.filter(|kept| kept.passkey.person.0 == person).ok_or_else(refused)?;
    let person = state.store.person(kept.passkey.person).await?.filter(|person| !person.disabled);
    let person = person.ok_or_else(refused)?;
    let mut key: Key = serde_json::from_str(&kept.key).map_err(Problem::internal)?;
    let result = party
        .webauthn
        .finish_discoverable_authentication_v2(&credential, begun, DiscoverableKey::from(&key))
        .map_err(|error| {
            tracing::warn!(cause = %error, passkey = %kept.passkey.id, "a passkey's answer does not hold");
            refused()
        })?;
    key.update_credential(&result);
    let after = serde_json::to_string(&key).map_err(Problem::internal)?;
    if !state.store.passkey_used(kept.passkey.id, &kept.key, &after, state.now()).await? {
        return Err(refused());
    }
    Ok((person, kept.passkey))
}

fn refused() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "sign_in_failed", "this passkey does not open an account here")
        .hint("try again, and answer the device within 5 minutes; or sign in with your password")
}

fn parsed<T: DeserializeOwned>(credential: Value) -> Result<T, Problem> {
    serde_json::from_value(credential)
        .map_err(|error| Problem::invalid("credential", format!("it is not what a browser makes: {error}")))
}

async fn keep(state: &AppState, kind: OneTimeKind, about: &impl Serialize) -> Result<String, Problem> {
    let ceremony = text::random_key(&*state.random);
    let about = serde_json::to_value(about).map_err(Problem::internal)?;
    let (created, expires) = (state.now(), later(state.now(), LASTS));
    let token = OneTimeToken { hash: text::hash_of(&ceremony), kind, about, created, expires };
    state.store.create_one_time(&token).await?;
    Ok(ceremony)
}

/// What was begun under this key. It is used up.
async fn begun<T: DeserializeOwned>(
    state: &AppState,
    kind: OneTimeKind,
    ceremony: &str,
) -> Result<Option<T>, Problem> {
    let token = state.store.use_one_time(kind, &text::hash_of(ceremony), state.now()).await?;
    token.map(|token| serde_json::from_value(token.about).map_err(Problem::internal)).transpose()
}
