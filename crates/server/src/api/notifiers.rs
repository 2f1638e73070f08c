//! Notifiers: who is told of what happens in a project, and how.

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::ProjectId;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::common::{self, List, OfProject};
use crate::access::extract::{Caller, Json, Path, Query};
use crate::access::policy::{Action, may};
use crate::alerts::deliver;
use crate::alerts::notice::{Notice, NoticeKind};
use crate::alerts::notifier::{Channel, Notifier, Notifiers};
use crate::alerts::summaries::Period;
use crate::audit::Deed;
use crate::problem::{Problem, ProblemDetails};
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, remove))
        .routes(routes!(test))
}

/// What is told of a new notifier.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewNotifier {
    /// Its project; the only one where the caller may do this when left out.
    project: Option<ProjectId>,
    /// Its name.
    name: String,
    /// What it tells of.
    on: Vec<NoticeKind>,
    /// How often it tells a `summary`: given if that is among what it tells of.
    #[serde(default)]
    #[schema(inline)]
    summary: Option<Period>,
    /// How.
    channel: Channel,
}

/// What is told of a changed notifier.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangedNotifier {
    /// The version that is changed.
    revision: i64,
    /// Its name.
    name: String,
    /// What it tells of.
    on: Vec<NoticeKind>,
    /// How often it tells a `summary`: given if that is among what it tells of.
    #[serde(default)]
    #[schema(inline)]
    summary: Option<Period>,
    /// How.
    channel: Channel,
}

/// The notifiers of a project, or of all where the caller may change plans.
#[utoipa::path(get, path = "/notifiers", tag = "notifiers", params(OfProject),
    responses((status = 200, body = List<Notifier>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(query): Query<OfProject>,
) -> Result<Json<List<Notifier>>, Problem> {
    if let Some(project) = query.project {
        caller.authorize(Action::EditPlans, Some(project))?;
    }
    let mut items = Vec::new();
    for project in common::visible(&caller, query.project)? {
        if may(&caller.principal, Action::EditPlans, Some(project)) {
            items.extend(Notifiers::load(&state, project).await?.items);
        }
    }
    Ok(Json(List::new(items)))
}

/// Makes a notifier.
#[utoipa::path(post, path = "/notifiers", tag = "notifiers", request_body = NewNotifier,
    responses((status = 201, body = Notifier)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<NewNotifier>,
) -> Result<(StatusCode, Json<Notifier>), Problem> {
    let project = common::choose(&caller, Action::EditPlans, form.project)?;
    let mut bytes = [0; 16];
    state.random.fill(&mut bytes);
    let notifier = Notifier {
        id: uuid::Builder::from_random_bytes(bytes).into_uuid(),
        project,
        name: common::name("name", &form.name)?,
        summary: period(&form.on, form.summary)?,
        on: each_once(form.on)?,
        channel: form.channel,
        created: state.now(),
        changed: state.now(),
        revision: 1,
    };
    notifier.channel.validate()?;
    may_have(&state, &caller, project, &notifier.channel).await?;
    let mut notifiers = Notifiers::load(&state, project).await?;
    notifiers.items.push(notifier.clone());
    notifiers.store(&state).await?;
    deed("notifier.create", &notifier).after(&notifier).by(&state, &caller).await?;
    Ok((StatusCode::CREATED, Json(notifier)))
}

/// A notifier.
#[utoipa::path(get, path = "/notifiers/{id}", tag = "notifiers", params(("id" = Uuid, Path)),
    responses((status = 200, body = Notifier)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Notifier>, Problem> {
    let (notifiers, place) = find(&state, &caller, id).await?;
    notifiers.items.into_iter().nth(place).map(Json).ok_or_else(missing)
}

/// Changes a notifier. A secret that is left out stays.
#[utoipa::path(put, path = "/notifiers/{id}", tag = "notifiers", params(("id" = Uuid, Path)),
    request_body = ChangedNotifier,
    responses((status = 200, body = Notifier), (status = 409, body = ProblemDetails, content_type = "application/problem+json")))]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(form): Json<ChangedNotifier>,
) -> Result<Json<Notifier>, Problem> {
    let (mut notifiers, place) = find(&state, &caller, id).await?;
    let Some(stored) = notifiers.items.get_mut(place) else { return Err(missing()) };
    let before = stored.clone();
    if before.revision != form.revision {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "changed_meanwhile",
            "the notifier was changed by somebody else",
        )
        .hint("load it again and repeat the change"));
    }
    let mut after = Notifier {
        name: common::name("name", &form.name)?,
        summary: period(&form.on, form.summary)?,
        on: each_once(form.on)?,
        channel: form.channel,
        changed: state.now(),
        revision: before.revision + 1,
        ..before.clone()
    };
    after.keep_secret_of(&before);
    after.channel.validate()?;
    for channel in [&before.channel, &after.channel] {
        may_have(&state, &caller, before.project, channel).await?;
    }
    *stored = after.clone();
    notifiers.store(&state).await?;
    deed("notifier.update", &after).before(&before).after(&after).by(&state, &caller).await?;
    Ok(Json(after))
}

/// Removes a notifier. What waits to be told by it is dropped.
#[utoipa::path(delete, path = "/notifiers/{id}", tag = "notifiers", params(("id" = Uuid, Path)),
    responses((status = 204)))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let (mut notifiers, place) = find(&state, &caller, id).await?;
    let before = notifiers.items.remove(place);
    notifiers.store(&state).await?;
    deed("notifier.delete", &before).before(&before).by(&state, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a notice to see whether it arrives.
#[utoipa::path(post, path = "/notifiers/{id}/test", tag = "notifiers", params(("id" = Uuid, Path)),
    responses((status = 204, description = "It has arrived."),
        (status = 422, body = ProblemDetails, content_type = "application/problem+json")))]
async fn test(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let (notifiers, place) = find(&state, &caller, id).await?;
    let notifier = notifiers.items.into_iter().nth(place).ok_or_else(missing)?;
    may_have(&state, &caller, notifier.project, &notifier.channel).await?;
    let notice = Notice::test(&state, notifier.project).await?;
    let key = format!("test-{}", crate::text::random_hex(&*state.random, 8));
    let sent = deliver::send(&state, &notifier, None, &key, &notice, state.now()).await;
    let outcome = sent.as_ref().map_or_else(|error| error.why.as_str(), |()| "arrived");
    deed("notifier.test", &notifier).after(&outcome).by(&state, &caller).await?;
    let Err(error) = sent else { return Ok(StatusCode::NO_CONTENT) };
    let text = match error.said {
        Some(said) => format!("{}; it said: {said}", error.why),
        None => error.why,
    };
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not_delivered", text);
    Err(match error.hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    })
}

/// The notifiers of the project with this one, and its place among them.
async fn find(state: &AppState, caller: &Caller, id: Uuid) -> Result<(Notifiers, usize), Problem> {
    for project in common::visible(caller, None)? {
        let notifiers = Notifiers::load(state, project).await?;
        if let Some(place) = notifiers.items.iter().position(|notifier| notifier.id == id) {
            caller.authorize(Action::EditPlans, Some(project))?;
            return Ok((notifiers, place));
        }
    }
    Err(missing())
}

fn missing() -> Problem {
    Problem::not_found("notifier")
}

fn deed(action: &'static str, notifier: &Notifier) -> Deed {
    Deed::new(action, format!("notifier {} {}", notifier.id, notifier.name)).project(notifier.project)
}

/// Refuses channels that need more than a project's admin.
async fn may_have(
    state: &AppState,
    caller: &Caller,
    project: ProjectId,
    channel: &Channel,
) -> Result<(), Problem> {
    match channel {
        Channel::Email(_) => Ok(()),
        Channel::Webhook(webhook) if webhook.allow_private => {
            caller.authorize(Action::AllowPrivate, Some(project))
        }
        Channel::Webhook(_) => Ok(()),
        Channel::Command(_) => caller.authorize_server(state, Action::ManageServer).await,
    }
}

fn each_once(mut on: Vec<NoticeKind>) -> Result<Vec<NoticeKind>, Problem> {
    let mut seen = Vec::new();
    on.retain(|kind| {
        !seen.contains(kind) && {
            seen.push(*kind);
            true
        }
    });
    if on.is_empty() {
        return Err(Problem::invalid(
            "on",
            "name at least one of failed, missed, trouble, warning, recovered, summary",
        ));
    }
    Ok(on)
}

/// How often a summary is told, which has to be said for a summary and for nothing else.
fn period(on: &[NoticeKind], period: Option<Period>) -> Result<Option<Period>, Problem> {
    match (on.contains(&NoticeKind::Summary), period) {
        (true, None) => Err(Problem::invalid("summary", "say how often: daily, weekly or monthly")),
        (false, Some(_)) => Err(Problem::invalid("summary", "it is only for who tells of `summary`")),
        (_, period) => Ok(period),
    }
}
