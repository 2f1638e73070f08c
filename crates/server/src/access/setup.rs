//! The first start: a home project, and a link that lets somebody become its owner, once.

use std::time::Duration;

use backstay_catalog::{CatalogError, Clash, OneTimeKind, OneTimeToken};
use backstay_model::{Project, ProjectId};

use crate::problem::Problem;
use crate::settings;
use crate::state::AppState;
use crate::state::later;
use crate::text;

const LASTS: Duration = Duration::from_secs(24 * 3600);
const HOME: &str = "Default";

/// The home project; made when there is none yet.
pub(crate) async fn ensure_home(state: &AppState) -> Result<ProjectId, Problem> {
    if let Some(home) = settings::home_project(state).await? {
        return Ok(home);
    }
    let id = ProjectId::new(&*state.clock, &*state.random);
    let project = Project { id, name: HOME.to_owned(), created: state.now() };
    match state.store.create_project(&project).await {
        Ok(()) => {}
        // Another server over the same catalog is at it, or ended in the middle of it.
        Err(CatalogError::Conflict { clash: Clash::Name, .. }) => {
            let projects = state.store.projects().await?;
            let made = projects.into_iter().find(|project| project.name == HOME);
            let made = made.ok_or_else(|| Problem::internal("the home project is there and is not"))?;
            settings::set_home_project(state, made.id).await?;
            return settings::home_project(state).await?.ok_or_else(|| Problem::internal("no home project"));
        }
        Err(error) => return Err(error.into()),
    }
    settings::set_home_project(state, id).await?;
    settings::home_project(state).await?.ok_or_else(|| Problem::internal("no home project"))
}

/// Whether nobody can sign in yet.
pub(crate) async fn is_open(state: &AppState) -> Result<bool, Problem> {
    Ok(state.store.people().await?.is_empty())
}

/// A new token for the set-up; earlier ones stop working, since only what was printed last is at hand.
pub(crate) async fn new_token(state: &AppState) -> Result<String, Problem> {
    let now = state.now();
    for old in state.store.one_times(OneTimeKind::Setup, now).await? {
        state.store.delete_one_time(OneTimeKind::Setup, &old.hash).await?;
    }
    let key = text::random_key(&*state.random);
    let token = OneTimeToken {
        hash: text::hash_of(&key),
        kind: OneTimeKind::Setup,
        about: serde_json::Value::Null,
        created: now,
        expires: later(now, LASTS),
    };
    state.store.create_one_time(&token).await?;
    Ok(key)
}
