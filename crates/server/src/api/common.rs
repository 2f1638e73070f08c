//! What the resources of the API have in common.

use backstay_model::ProjectId;
use serde::{Deserialize, Serialize};

use crate::access::extract::Caller;
use crate::access::policy::{Action, may};
use crate::problem::Problem;

/// A list that is given whole.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct List<T> {
    /// Its items.
    pub(crate) items: Vec<T>,
}

impl<T> List<T> {
    pub(crate) const fn new(items: Vec<T>) -> Self {
        Self { items }
    }
}

/// Which project's records are asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfProject {
    /// Only this project's; all that the caller may see when left out.
    pub(crate) project: Option<ProjectId>,
}

/// The projects whose names the caller may see: the one asked for, or all.
pub(crate) fn visible(caller: &Caller, asked: Option<ProjectId>) -> Result<Vec<ProjectId>, Problem> {
    match asked {
        Some(project) => {
            caller.authorize(Action::ViewNames, Some(project))?;
            Ok(vec![project])
        }
        None => {
            let mut projects = caller.principal.projects();
            projects.retain(|project| may(&caller.principal, Action::ViewNames, Some(*project)));
            Ok(projects)
        }
    }
}

/// The project that a new record belongs to: the one that is named, or the only one the caller may do this in.
pub(crate) fn choose(
    caller: &Caller,
    action: Action,
    named: Option<ProjectId>,
) -> Result<ProjectId, Problem> {
    if let Some(project) = named {
        caller.authorize(action, Some(project))?;
        return Ok(project);
    }
    let projects = caller.principal.projects();
    let mut allowed = projects.iter().filter(|project| may(&caller.principal, action, Some(**project)));
    match (allowed.next(), allowed.next()) {
        (Some(only), None) => Ok(*only),
        (Some(_), Some(_)) => {
            Err(Problem::invalid("project", "you may do this in several projects; name one"))
        }
        _ => Err(Problem::forbidden("your role does not allow that").hint("ask an owner of the project")),
    }
}

/// A record, if the caller may do this in its project. Whether there is one that the caller may not know of is not told.
pub(crate) fn found<T>(
    caller: &Caller,
    record: Option<T>,
    what: &str,
    action: Action,
    project: impl Fn(&T) -> ProjectId,
) -> Result<T, Problem> {
    let missing = || Problem::not_found(what);
    let record = record.ok_or_else(missing)?;
    let project = Some(project(&record));
    if !may(&caller.principal, Action::ViewNames, project) {
        return Err(missing());
    }
    caller.authorize(action, project)?;
    Ok(record)
}

/// A name for people, without spaces around it.
pub(crate) fn name(field: &str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if text.is_empty() || text.len() > 200 || text.chars().any(char::is_control) {
        return Err(Problem::invalid(
            field,
            "a name has 1 to 200 characters, none of them control characters",
        ));
    }
    Ok(text.to_owned())
}
