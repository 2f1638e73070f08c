//! What changes, as it changes: one stream for a browser's tab.
//!
//! An event says where to look, not what is there, so it tells nothing that the caller may not see. A caller that falls behind
//! is told to load everything again. A stream ends with the session or token that opened it, and when the roles of its person
//! change; the browser then asks for a new one.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use backstay_catalog::Change;
use backstay_model::ProjectId;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::extract::Caller;
use crate::access::policy::{Action, may};
use crate::problem::{Problem, ProblemDetails};
use crate::settings;
use crate::state::AppState;
use crate::streams::{Leave, TooMany};

/// Events that wait for a slow caller.
const BACKLOG: usize = 64;
/// A caller that takes nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often something is sent when nothing changes, so that nobody between takes the stream for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often it is looked whether the caller may still listen.
const LOOK_EVERY: Duration = Duration::from_secs(30);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
struct ChangeEvent {
    /// What it is: `run`, `log`, `node`, or a record's kind: `connection`, `source`, `destination`, `repository`, `plan` or
    /// `project`.
    kind: String,
    /// Its project.
    project: ProjectId,
    /// Its id; the run's for a log.
    id: String,
    /// The number of the last line, for a log.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<i64>,
}

/// What changes in the projects that the caller may see, as server-sent events. `event: run`, `log`, `node` and `record` carry
/// a change; after `event: reload` anything may have changed. Where nothing changes, `event: alive` comes every 15 s.
#[utoipa::path(get, path = "/events", tag = "events",
    operation_id = "stream", responses((status = 200, body = ChangeEvent, content_type = "text/event-stream"),
        (status = 429, body = ProblemDetails, content_type = "application/problem+json")))]
async fn events(State(state): State<AppState>, caller: Caller) -> Result<Response, Problem> {
    let leave = state.streams.enter(caller.person.id).map_err(|too_many| {
        let text = match too_many {
            TooMany::OfOne => "you have too many streams of events open",
            TooMany::OfAll => "too many streams of events are open on this server",
        };
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", text)
            .hint("close other tabs and programs")
    })?;
    let changes = state.store.subscribe();
    let (sender, receiver) = mpsc::channel(BACKLOG);
    // There is room for it.
    let _ = sender.try_send(Ok(alive()));
    tokio::spawn(feed(state, caller, changes, sender, leave));
    // An event and no comment: browsers do not tell pages of comments.
    let alive = KeepAlive::new().interval(KEEP_ALIVE).event(alive());
    let stream = Sse::new(ReceiverStream::new(receiver)).keep_alive(alive);
    // A proxy that gathers what it passes on would hold events back.
    Ok(([("x-accel-buffering", "no")], stream).into_response())
}

/// Tells a caller of changes until there is no caller any more.
async fn feed(
    state: AppState,
    caller: Caller,
    mut changes: broadcast::Receiver<Change>,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    leave: Leave,
) {
    let _leave = leave;
    let mut look = tokio::time::interval_at(tokio::time::Instant::now() + LOOK_EVERY, LOOK_EVERY);
    loop {
        let event = tokio::select! {
            change = changes.recv() => match change {
                Ok(change) => told(&caller, change),
                Err(RecvError::Lagged(_)) => Some(reload()),
                Err(RecvError::Closed) => return,
            },
            // A store that does not answer ends the stream too: whether the caller may listen is not known then.
            _ = look.tick() => match may_listen(&state, &caller).await {
                Ok(true) => None,
                Ok(false) | Err(_) => return,
            },
            () = sender.closed() => return,
            () = state.ended() => return,
        };
        let Some(event) = event else { continue };
        if !matches!(tokio::time::timeout(PATIENCE, sender.send(Ok(event))).await, Ok(Ok(()))) {
            return;
        }
    }
}

/// That the stream comes through.
fn alive() -> Event {
    Event::default().event("alive").data("{}")
}

fn reload() -> Event {
    Event::default().event("reload").data("{}")
}

/// A change as this caller is told of it; `None` when it is none of theirs.
fn told(caller: &Caller, change: Change) -> Option<Event> {
    let (name, event) = match change {
        Change::RunChanged { project, run } => ("run", change_of("run", project, run, None)),
        Change::LogAppended { project, run, last } => ("log", change_of("log", project, run, Some(last))),
        Change::NodeChanged { project, node } => ("node", change_of("node", project, node, None)),
        Change::RecordChanged { project, kind, id } => ("record", change_of(&kind, project, id, None)),
        Change::Unknown => return Some(reload()),
        _ => return None,
    };
    let action = if name == "log" { Action::ViewContent } else { Action::ViewNames };
    if !may(&caller.principal, action, Some(event.project)) {
        return None;
    }
    let data = serde_json::to_string(&event).ok()?;
    Some(Event::default().event(name).data(data))
}

fn change_of(kind: &str, project: ProjectId, id: impl std::fmt::Display, last: Option<i64>) -> ChangeEvent {
    ChangeEvent { kind: kind.to_owned(), project, id: id.to_string(), last }
}

/// Whether the session or token is still one, and its person has the roles of before. Unlike a request this does not count as
/// use: a tab that is left open does not keep a session alive.
async fn may_listen(state: &AppState, caller: &Caller) -> Result<bool, Problem> {
    let now = state.now();
    let person = state.store.person(caller.person.id).await?;
    if person.is_none_or(|person| person.disabled || person.grants != caller.person.grants) {
        return Ok(false);
    }
    if let Some(hash) = &caller.session {
        let Some(session) = state.store.session(hash, now).await? else { return Ok(false) };
        let idle = now.as_second().saturating_sub(session.last_used.as_second());
        let timeout = settings::sign_in(state).await?.idle_timeout.as_secs();
        return Ok(u64::try_from(idle).is_ok_and(|idle| idle < timeout) || idle < 0);
    }
    let Some(token) = &caller.token else { return Ok(false) };
    let tokens = state.store.tokens_of(caller.person.id).await?;
    let found = tokens.into_iter().find(|each| each.id == token.id);
    Ok(found.is_some_and(|found| {
        found.expires.is_none_or(|expires| expires > now)
            && (found.role, found.project) == (token.role, token.project)
    }))
}
