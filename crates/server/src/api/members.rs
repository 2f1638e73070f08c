//! The people of a project, as its owners see them.

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::{Grant, Person, PersonId, ProjectId, Role};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, List};
use crate::access::extract::{Caller, Json, Path};
use crate::access::policy::Action;
use crate::access::roster;
use crate::audit::Deed;
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(set, remove))
}

/// Somebody with a role in a project. Roles in other projects are not told.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Member {
    /// The person's id.
    id: PersonId,
    /// The person's name.
    name: String,
    /// The person's address.
    email: String,
    /// Whether signing in is barred.
    disabled: bool,
    /// The role in this project.
    role: Role,
}

/// The role to give.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberForm {
    /// What the person may do in the project.
    role: Role,
}

/// The people of a project.
#[utoipa::path(get, path = "/projects/{id}/people", tag = "people",
    operation_id = "list_members", params(("id" = ProjectId, Path)),
    responses((status = 200, body = List<Member>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<ProjectId>,
) -> Result<Json<List<Member>>, Problem> {
    manage(&state, &caller, id).await?;
    let people = state.store.people().await?;
    Ok(Json(List::new(people.iter().filter_map(|person| member(person, id)).collect())))
}

/// Gives a person a role in the project, in place of the one before.
#[utoipa::path(put, path = "/projects/{id}/people/{person}", tag = "people",
    operation_id = "set_member", params(("id" = ProjectId, Path), ("person" = PersonId, Path)), request_body = MemberForm,
    responses((status = 200, body = Member), (status = 409, description = "`last_owner`: nobody else owns the server.")))]
async fn set(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(ProjectId, PersonId)>,
    Json(form): Json<MemberForm>,
) -> Result<Json<Member>, Problem> {
    manage(&state, &caller, project).await?;
    let (before, after) = change(&state, project, id, Some(form.role)).await?;
    let told =
        member(&after, project).ok_or_else(|| Problem::internal("a role was given and is not there"))?;
    Deed::new("member.set", subject(&after))
        .project(project)
        .before(&member(&before, project))
        .after(&told)
        .by(&state, &caller)
        .await?;
    Ok(Json(told))
}

/// Takes a person's role in the project away.
#[utoipa::path(delete, path = "/projects/{id}/people/{person}", tag = "people",
    operation_id = "remove_member", params(("id" = ProjectId, Path), ("person" = PersonId, Path)),
    responses((status = 204), (status = 409, description = "`last_owner`: nobody else owns the server.")))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, id)): Path<(ProjectId, PersonId)>,
) -> Result<StatusCode, Problem> {
    manage(&state, &caller, project).await?;
    let (before, _) = change(&state, project, id, None).await?;
    Deed::new("member.remove", subject(&before))
        .project(project)
        .before(&member(&before, project))
        .by(&state, &caller)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn manage(state: &AppState, caller: &Caller, project: ProjectId) -> Result<(), Problem> {
    let found = state.store.project(project).await?;
    common::found(caller, found, "project", Action::ManagePeople, |project| project.id).map(drop)
}

/// Gives or takes a role. Gives the person before and after.
async fn change(
    state: &AppState,
    project: ProjectId,
    id: PersonId,
    role: Option<Role>,
) -> Result<(Person, Person), Problem> {
    roster::alone(state, async {
        let before = roster::person(state, id).await?;
        let mut after = before.clone();
        after.grants.retain(|grant| grant.project != project);
        match role {
            Some(role) => after.grants.push(Grant { project, role }),
            None if after.grants.len() == before.grants.len() => {
                return Err(Problem::not_found("person in this project"));
            }
            None => {}
        }
        roster::keep_an_owner(state, id, Some(&after)).await?;
        state.store.update_person(&after).await?;
        Ok((before, after))
    })
    .await
}

fn member(person: &Person, project: ProjectId) -> Option<Member> {
    let grant = person.grants.iter().find(|grant| grant.project == project)?;
    let (name, email) = (person.name.clone(), person.email.clone());
    Some(Member { id: person.id, name, email, disabled: person.disabled, role: grant.role })
}

fn subject(person: &Person) -> String {
    format!("person {} {}", person.id, person.email)
}
