//! Projects: groups of plans, nodes and people.

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::{Grant, Project, ProjectId, Role};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, List};
use crate::access::extract::{Caller, Json, Path};
use crate::access::policy::{Action, may};
use crate::access::roster;
use crate::audit::Deed;
use crate::problem::Problem;
use crate::settings;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, remove))
}

/// What is told of a new project, or of a changed one.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ProjectForm {
    /// Its name, unique on the server.
    name: String,
}

/// The projects in which the caller has a role.
#[utoipa::path(get, path = "/projects", tag = "projects", responses((status = 200, body = List<Project>)))]
async fn list(State(state): State<AppState>, caller: Caller) -> Result<Json<List<Project>>, Problem> {
    let mut projects = state.store.projects().await?;
    projects.retain(|project| may(&caller.principal, Action::ViewNames, Some(project.id)));
    Ok(Json(List::new(projects)))
}

/// Makes a project. Whoever makes it owns it.
#[utoipa::path(post, path = "/projects", tag = "projects", request_body = ProjectForm,
    responses((status = 201, body = Project)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<ProjectForm>,
) -> Result<(StatusCode, Json<Project>), Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    let id = ProjectId::new(&*state.clock, &*state.random);
    let project = Project { id, name: common::name("name", &form.name)?, created: state.now() };
    roster::alone(&state, async {
        let mut person = roster::person(&state, caller.person.id).await?;
        state.store.create_project(&project).await?;
        person.grants.push(Grant { project: id, role: Role::Owner });
        Ok(state.store.update_person(&person).await?)
    })
    .await?;
    Deed::new("project.create", format!("project {id} {}", project.name))
        .project(id)
        .after(&project)
        .by(&state, &caller)
        .await?;
    Ok((StatusCode::CREATED, Json(project)))
}

/// A project.
#[utoipa::path(get, path = "/projects/{id}", tag = "projects", params(("id" = ProjectId, Path)),
    responses((status = 200, body = Project)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<ProjectId>,
) -> Result<Json<Project>, Problem> {
    read(&state, &caller, id, Action::ViewNames).await.map(Json)
}

/// Renames a project.
#[utoipa::path(put, path = "/projects/{id}", tag = "projects", params(("id" = ProjectId, Path)),
    request_body = ProjectForm, responses((status = 200, body = Project)))]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<ProjectId>,
    Json(form): Json<ProjectForm>,
) -> Result<Json<Project>, Problem> {
    let before = read(&state, &caller, id, Action::ManageProject).await?;
    let after = Project { name: common::name("name", &form.name)?, ..before.clone() };
    state.store.update_project(&after).await?;
    Deed::new("project.update", format!("project {id} {}", after.name))
        .project(id)
        .before(&before)
        .after(&after)
        .by(&state, &caller)
        .await?;
    Ok(Json(after))
}

/// Removes an empty project, with the history of its runs.
#[utoipa::path(delete, path = "/projects/{id}", tag = "projects", params(("id" = ProjectId, Path)),
    responses((status = 204)))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<ProjectId>,
) -> Result<StatusCode, Problem> {
    let before = read(&state, &caller, id, Action::ManageProject).await?;
    if settings::home_project(&state).await? == Some(id) {
        return Err(Problem::conflict("the home project stays: its owners own the server"));
    }
    state.store.delete_project(id).await?;
    Deed::new("project.delete", format!("project {id} {}", before.name))
        .before(&before)
        .by(&state, &caller)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn read(state: &AppState, caller: &Caller, id: ProjectId, action: Action) -> Result<Project, Problem> {
    common::found(caller, state.store.project(id).await?, "project", action, |project| project.id)
}
