//! Accounts, as the server's owners see them.

use axum::extract::State;
use axum::http::StatusCode;
use backstay_catalog::Credentials;
use backstay_model::{Grant, Person, PersonId, SecretText};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, List};
use crate::access::extract::{Caller, Json, Path};
use crate::access::policy::Action;
use crate::access::{password, reset, roster, totp};
use crate::audit::Deed;
use crate::mail;
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, remove))
        .routes(routes!(new_link))
        .routes(routes!(remove_factor))
}

/// What is told of a new person.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPersonForm {
    /// The name to show.
    name: String,
    /// The address to sign in with, unique on the server.
    email: String,
    /// The roles, at most one in each project.
    #[serde(default)]
    grants: Vec<Grant>,
    /// A first password. Without one there is a link by which the person chooses it.
    #[serde(default)]
    password: SecretText,
}

/// What is told of a person who is there.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PersonForm {
    /// The name to show.
    name: String,
    /// The address to sign in with, unique on the server.
    email: String,
    /// The roles, at most one in each project.
    grants: Vec<Grant>,
    /// Whether signing in is barred.
    disabled: bool,
}

/// A new person, and the link to a first password.
#[derive(Serialize, utoipa::ToSchema)]
struct NewPerson {
    /// The person.
    #[serde(flatten)]
    person: Person,
    /// How to come to a password, where none was given.
    #[serde(flatten)]
    invitation: Option<PasswordLink>,
}

/// A link to a new password. It is shown this once.
#[derive(Serialize, utoipa::ToSchema)]
struct PasswordLink {
    /// The link: it works once, within seven days.
    link: String,
    /// Whether a mail server took a mail with it to the person.
    mailed: bool,
}

/// All people.
#[utoipa::path(get, path = "/people", tag = "people", responses((status = 200, body = List<Person>)))]
async fn list(State(state): State<AppState>, caller: Caller) -> Result<Json<List<Person>>, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    Ok(Json(List::new(state.store.people().await?)))
}

/// Makes an account. Without a password, the answer has a link by which the person chooses one; it is mailed too where a mail
/// server is set.
#[utoipa::path(post, path = "/people", tag = "people", request_body = NewPersonForm,
    responses((status = 201, body = NewPerson)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<NewPersonForm>,
) -> Result<(StatusCode, Json<NewPerson>), Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    let person = Person {
        id: PersonId::new(&*state.clock, &*state.random),
        name: common::name("name", &form.name)?,
        email: mail::settings::address("email", &form.email)?,
        grants: checked(&state, form.grants).await?,
        disabled: false,
        totp: false,
        created: state.now(),
        last_sign_in: None,
    };
    let invited = !form.password.is_set();
    let password_hash = if invited {
        None
    } else {
        let password = password::check("password", &form.password, &person.email)?;
        Some(state.passwords.hash(password, &state.random).await?)
    };
    let credentials = Credentials { password_hash, ..Credentials::default() };
    state.store.create_person(&person, &credentials).await?;
    Deed::new("person.create", subject(&person)).after(&person).by(&state, &caller).await?;
    let invitation = if invited { Some(invite(&state, &caller, &person).await?) } else { None };
    Ok((StatusCode::CREATED, Json(NewPerson { person, invitation })))
}

/// A person.
#[utoipa::path(get, path = "/people/{id}", tag = "people", params(("id" = PersonId, Path)),
    responses((status = 200, body = Person)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PersonId>,
) -> Result<Json<Person>, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    roster::person(&state, id).await.map(Json)
}

/// Changes a person. Sessions end when the person is disabled; links to a new password end when the address changes.
#[utoipa::path(put, path = "/people/{id}", tag = "people", params(("id" = PersonId, Path)),
    request_body = PersonForm, responses((status = 200, body = Person),
        (status = 409, description = "`last_owner`: nobody else owns the server. `name_taken`: the address is another's.")))]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PersonId>,
    Json(form): Json<PersonForm>,
) -> Result<Json<Person>, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    let name = common::name("name", &form.name)?;
    let email = mail::settings::address("email", &form.email)?;
    let grants = checked(&state, form.grants).await?;
    let (before, after) = roster::alone(&state, async {
        let before = roster::person(&state, id).await?;
        let after = Person { name, email, grants, disabled: form.disabled, ..before.clone() };
        roster::keep_an_owner(&state, id, Some(&after)).await?;
        state.store.update_person(&after).await?;
        Ok((before, after))
    })
    .await?;
    if after.disabled {
        roster::sign_out(&state, id, None).await?;
    } else if after.email != before.email {
        reset::forget(&state, id).await?;
    }
    Deed::new("person.update", subject(&after)).before(&before).after(&after).by(&state, &caller).await?;
    Ok(Json(after))
}

/// Deletes a person, with their sessions and tokens.
#[utoipa::path(delete, path = "/people/{id}", tag = "people", params(("id" = PersonId, Path)),
    responses((status = 204), (status = 409, description = "`last_owner`: nobody else owns the server.")))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PersonId>,
) -> Result<StatusCode, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    let before = roster::alone(&state, async {
        let before = roster::person(&state, id).await?;
        roster::keep_an_owner(&state, id, None).await?;
        roster::sign_out(&state, id, None).await?;
        totp::forget_pending(&state, id).await?;
        #[cfg(feature = "oidc")]
        crate::oidc::identity::forget(&state, id).await?;
        state.store.delete_person(id).await?;
        Ok(before)
    })
    .await?;
    Deed::new("person.delete", subject(&before)).before(&before).by(&state, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a new link by which a person chooses a password, and mails it where a mail server is set. Only for those who signed
/// in: a token must not be able to take an account over.
#[utoipa::path(post, path = "/people/{id}/password-link", tag = "people",
    security(("session" = [])), params(("id" = PersonId, Path)),
    responses((status = 201, body = PasswordLink)))]
async fn new_link(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PersonId>,
) -> Result<(StatusCode, Json<PasswordLink>), Problem> {
    let person = of_account(&state, &caller, id).await?;
    if person.disabled {
        return Err(Problem::conflict("this account is disabled").hint("enable it first"));
    }
    reset::forget(&state, id).await?;
    Ok((StatusCode::CREATED, Json(invite(&state, &caller, &person).await?)))
}

/// Takes away the second factor of a person who lost it, and ends their sessions. Only for those who signed in.
#[utoipa::path(delete, path = "/people/{id}/totp", tag = "people",
    security(("session" = [])), params(("id" = PersonId, Path)),
    responses((status = 204)))]
async fn remove_factor(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<PersonId>,
) -> Result<StatusCode, Problem> {
    let person = of_account(&state, &caller, id).await?;
    totp::remove(&state, id).await?;
    roster::sign_out(&state, id, caller.session.as_deref()).await?;
    Deed::new("person.totp_off", subject(&person)).by(&state, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn of_account(state: &AppState, caller: &Caller, id: PersonId) -> Result<Person, Problem> {
    caller.authorize_server(state, Action::ManageServer).await?;
    caller.authorize(Action::OwnAccount, None)?;
    roster::person(state, id).await
}

async fn invite(state: &AppState, caller: &Caller, person: &Person) -> Result<PasswordLink, Problem> {
    let link = reset::link(state, person.id, reset::INVITED).await?;
    let mailed = reset::mail_invitation(state, person, &link, &caller.person.name).await;
    Deed::new("person.password_link", subject(person)).by(state, caller).await?;
    Ok(PasswordLink { link, mailed })
}

/// Roles in projects that are there, at most one in each.
async fn checked(state: &AppState, grants: Vec<Grant>) -> Result<Vec<Grant>, Problem> {
    let projects = state.store.projects().await?;
    let mut seen = std::collections::HashSet::new();
    for (place, grant) in grants.iter().enumerate() {
        let field = || format!("grants[{place}].project");
        if !projects.iter().any(|project| project.id == grant.project) {
            return Err(Problem::invalid(field(), "there is no such project"));
        }
        if !seen.insert(grant.project) {
            return Err(Problem::invalid(field(), "there is a role in this project already"));
        }
    }
    Ok(grants)
}

fn subject(person: &Person) -> String {
    format!("person {} {}", person.id, person.email)
}
