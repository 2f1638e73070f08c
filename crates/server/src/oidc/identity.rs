//! Whose account a subject of the provider is.
//!
//! An address counts once: the first time that somebody comes. From then on issuer and subject name the person, and whoever gets
//! the address later gets nothing by it. Both ways of the link are kept: each subject has one person, and each person one subject.

use backstay_catalog::Credentials;
use backstay_model::{Grant, Person, PersonId, Time};
use serde::{Deserialize, Serialize};

use super::Denied;
use super::provider::Identity;
use super::settings::OidcSettings;
use crate::access::roster;
use crate::audit::Deed;
use crate::problem::Problem;
use crate::state::AppState;
use crate::{mail, settings, text};

/// Who is who.
#[derive(Debug, Serialize, Deserialize)]
struct Link {
    issuer: String,
    subject: String,
    person: PersonId,
    since: Time,
}

/// The person that the provider vouches for, with the roles that the provider gives.
pub(crate) async fn person_of(
    state: &AppState,
    oidc: &OidcSettings,
    identity: &Identity,
) -> Result<Person, Denied> {
    // Two sign-ins at once must not link or create twice.
    roster::alone(state, async { Ok(find(state, oidc, identity).await) }).await?
}

/// Forgets which account at the provider is a person's; false when none is.
pub(crate) async fn forget(state: &AppState, person: PersonId) -> Result<bool, Problem> {
    let Some(link) = settings::read::<Link>(state, &of_person(person)).await? else { return Ok(false) };
    state.store.delete_setting(&of_subject(&link.issuer, &link.subject)).await?;
    state.store.delete_setting(&of_person(person)).await?;
    Ok(true)
}

async fn find(state: &AppState, oidc: &OidcSettings, identity: &Identity) -> Result<Person, Denied> {
    let name = of_subject(&identity.issuer, &identity.subject);
    let linked = match settings::read::<Link>(state, &name).await? {
        Some(link) => state.store.person(link.person).await?,
        None => None,
    };
    let person = match linked {
        Some(person) => person,
        None => first_time(state, oidc, identity).await?,
    };
    if person.disabled {
        return Err(Denied::Disabled);
    }
    with_role(state, oidc, identity, person).await
}

async fn first_time(state: &AppState, oidc: &OidcSettings, identity: &Identity) -> Result<Person, Denied> {
    let email = identity.email.as_deref().ok_or(Denied::Unverified)?;
    let email = mail::settings::address("email", email).map_err(|_| Denied::Unverified)?;
    if !oidc.allows(&email) {
        return Err(Denied::Domain);
    }
    let person = match state.store.person_by_email(&email).await? {
        Some(person) if person.disabled => return Err(Denied::Disabled),
        Some(person) => person,
        None if oidc.create_people => create(state, identity, email).await?,
        None => return Err(Denied::Unknown),
    };
    let before = settings::read::<Link>(state, &of_person(person.id)).await?;
    // One of the same subject was cut off before its other half was written.
    let is_other = |link: &Link| link.issuer == identity.issuer && link.subject != identity.subject;
    if before.as_ref().is_some_and(is_other) {
        return Err(Denied::Linked);
    }
    let link = Link {
        issuer: identity.issuer.clone(),
        subject: identity.subject.clone(),
        person: person.id,
        since: state.now(),
    };
    // Of another provider that was set before.
    forget(state, person.id).await?;
    settings::write(state, &of_person(person.id), &link).await?;
    settings::write(state, &of_subject(&identity.issuer, &identity.subject), &link).await?;
    Deed::new("person.link", format!("person {} {}", person.id, person.email))
        .after(&link)
        .of(state, actor(identity), None)
        .await?;
    Ok(person)
}

async fn create(state: &AppState, identity: &Identity, email: String) -> Result<Person, Denied> {
    let shown: String =
        identity.name.iter().flat_map(|name| name.chars()).filter(|c| !c.is_control()).take(50).collect();
    let shown = shown.trim();
    let person = Person {
        id: PersonId::new(&*state.clock, &*state.random),
        name: if shown.is_empty() { email.clone() } else { shown.to_owned() },
        email,
        grants: Vec::new(),
        disabled: false,
        totp: false,
        created: state.now(),
        last_sign_in: None,
    };
    state.store.create_person(&person, &Credentials::default()).await?;
    Deed::new("person.create", format!("person {} {}", person.id, person.email))
        .after(&person)
        .of(state, actor(identity), None)
        .await?;
    Ok(person)
}

/// The person with the role in the home project that the provider's word gives.
async fn with_role(
    state: &AppState,
    oidc: &OidcSettings,
    identity: &Identity,
    person: Person,
) -> Result<Person, Denied> {
    let Some(roles) = &oidc.roles else { return Ok(person) };
    let Some(home) = settings::home_project(state).await? else { return Ok(person) };
    let mut grants: Vec<_> = person.grants.iter().filter(|grant| grant.project != home).copied().collect();
    grants.extend(identity.role(roles).map(|role| Grant { project: home, role }));
    let same = |grants: &[Grant]| grants.iter().find(|grant| grant.project == home).map(|grant| grant.role);
    if same(&grants) == same(&person.grants) {
        return Ok(person);
    }
    let after = Person { grants, ..person.clone() };
    if let Err(problem) = roster::keep_an_owner(state, person.id, Some(&after)).await {
        tracing::warn!(cause = %problem, "a role stays although the provider gives another");
        return Ok(person);
    }
    state.store.update_person(&after).await?;
    Deed::new("person.update", format!("person {} {}", person.id, person.email))
        .before(&person)
        .after(&after)
        .of(state, actor(identity), None)
        .await?;
    Ok(after)
}

fn actor(identity: &Identity) -> String {
    format!("provider {}", identity.issuer)
}

fn of_subject(issuer: &str, subject: &str) -> String {
    format!("oidc_subject:{}", text::hash_of(&format!("{issuer}\n{subject}")))
}

fn of_person(person: PersonId) -> String {
    format!("oidc_person:{person}")
}
