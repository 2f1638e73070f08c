//! Signing in to Google for a connection: a code is shown here, and entered in a browser elsewhere.
//!
//! What a sign-in under way needs is given to the caller, sealed: so any of several servers goes on with it, and none has to remember it.
//! Neither the client's secret nor a token of Google's is ever shown.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use backstay_core::{CallContext, ErrorKind, StorageError};
use backstay_model::connection::GoogleDriveSettings;
use backstay_model::secret::{HoldsSecrets, Secrets};
use backstay_model::{Connection, ConnectionId, ConnectionSettings, NodeId, ProjectId, Time};
use backstay_storage::gdrive::device::{Outcome, SignIn};
use backstay_storage::gdrive::{App, Endpoints};
use backstay_storage::{Http, Reach, Secret};
use backstay_vault::{RecordId, Sealed};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::forms::{self, ConnectionForm, ConnectionUpdate};
use super::{deed, read};
use crate::access::extract::{Caller, Json, Path};
use crate::access::policy::Action;
use crate::api::{common, related};
use crate::problem::{Problem, ProblemDetails};
use crate::repositories;
use crate::state::{AppState, later};

/// How long Google may be silent.
const PATIENCE: Duration = Duration::from_secs(15);
/// What was allowed can be used for so long, if the connection cannot be saved at once.
const ALLOWED_FOR: Duration = Duration::from_secs(3600);
/// Google asks to wait so much longer where it is asked too often, in seconds.
const SLOWER: u64 = 5;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(start_sign_in))
        .routes(routes!(sign_in_again))
        .routes(routes!(poll_sign_in))
}

/// A connection that is to be made once somebody has signed in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct GoogleSignInForm {
    /// The project; the caller's only one when left out.
    project: Option<ProjectId>,
    /// The connection's name, unique in the project.
    name: String,
    /// The node that uses it; the only one, or the server's own, when left out.
    node: Option<NodeId>,
    /// How to reach Google Drive; the refresh token is what comes of the sign-in.
    settings: GoogleDriveSettings,
}

/// A sign-in that was begun.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct GoogleSignInStarted {
    /// What it is asked for by. It is sealed: only the server can read it.
    sign_in: String,
    /// The code to enter.
    user_code: String,
    /// Where to enter it, in any browser.
    verification_url: String,
    /// After this moment nobody may enter it any more.
    #[schema(value_type = String, format = DateTime)]
    expires: Time,
    /// Seconds to wait before it is asked what came of it.
    interval: u64,
}

/// A question after a sign-in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct GoogleSignInPoll {
    /// The project of the connection; the caller's only one when left out.
    project: Option<ProjectId>,
    /// What was given last.
    sign_in: String,
}

/// How far a sign-in is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum GoogleSignInState {
    /// The code was not entered yet.
    Pending,
    /// Access was allowed, and the connection is saved.
    Done,
    /// Access was allowed, but the connection cannot be saved. It is tried again when it is asked again.
    Failed,
}

/// What came of a sign-in so far.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct GoogleSignInProgress {
    /// How far it is.
    state: GoogleSignInState,
    /// What to ask with the next time.
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_in: Option<String>,
    /// Seconds to wait until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<u64>,
    /// Why the connection cannot be saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<Connection>,
}

/// What a sign-in under way needs.
#[derive(Serialize, Deserialize)]
struct Pending {
    project: ProjectId,
    expires: Time,
    interval: u64,
    subject: Subject,
    /// Without its secrets.
    settings: GoogleDriveSettings,
    secrets: Secrets,
    /// What Google is asked with, until it has given a refresh token, which is among the secrets then.
    device_code: Option<String>,
}

/// What is to come of it.
#[derive(Serialize, Deserialize)]
enum Subject {
    New { name: String, node: NodeId },
    Again { id: ConnectionId, revision: i64 },
}

impl Drop for Pending {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.secrets.values_mut().for_each(Zeroize::zeroize);
        self.device_code.zeroize();
    }
}

impl Pending {
    /// Sealed for the one who asked, and for nobody else.
    fn seal(&self, state: &AppState, caller: &Caller) -> Result<String, Problem> {
        let plain = Zeroizing::new(serde_json::to_vec(self).map_err(Problem::internal)?);
        Ok(state.vault.seal(&record(caller), &plain, &*state.random)?.to_text())
    }

    fn open(state: &AppState, caller: &Caller, text: &str) -> Option<Self> {
        let plain = state.vault.open(&record(caller), &Sealed::from_text(text).ok()?).ok()?;
        serde_json::from_slice(&plain).ok()
    }

    fn google(&self) -> Result<SignIn, StorageError> {
        let secret = |name: &str| Secret::new(self.secrets.get(name).cloned().unwrap_or_default());
        let GoogleDriveSettings { client_id, endpoint, allow_private, .. } = &self.settings;
        let app = App { client_id: client_id.clone(), client_secret: secret("client_secret") };
        let endpoints = endpoint.as_deref().map_or_else(Endpoints::default, Endpoints::at);
        let reach = if *allow_private { Reach::Private } else { Reach::Public };
        SignIn::new(app, endpoints, &Http { reach, patience: Some(PATIENCE), ..Http::default() })
    }
}

fn record(caller: &Caller) -> RecordId {
    RecordId::new("google sign-in", caller.person.id.to_string(), "pending")
}

/// Begins to sign in to Google for a new connection: gives the code to enter, and where. Nothing is saved before it was entered, access
/// allowed, and Google Drive reached by the connection's node.
#[utoipa::path(post, path = "/connections/google/device", tag = "connections", request_body = GoogleSignInForm, responses(
    (status = 200, body = GoogleSignInStarted),
    (status = 422, description = "A field is wrong (`invalid`), or Google does not take it (`sign_in_failed`).",
        body = ProblemDetails, content_type = "application/problem+json")))]
async fn start_sign_in(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<GoogleSignInForm>,
) -> Result<Json<GoogleSignInStarted>, Problem> {
    let project = common::choose(&caller, Action::EditConnections, form.project)?;
    let name = common::name("name", &form.name)?;
    form.settings.validate_client()?;
    if form.settings.allow_private {
        forms::may_allow_private(&caller, project)?;
    }
    let node = related::node(&state, project, form.node).await?.id;
    if state.store.connections(Some(project)).await?.iter().any(|other| other.name == name) {
        return Err(Problem::conflict(format!("there is a connection {name} already"))
            .hint("choose another name, or sign in again at that connection"));
    }
    let subject = Subject::New { name: name.clone(), node };
    let started = start(&state, &caller, project, subject, form.settings).await?;
    deed_of_start(&name).project(project).by(&state, &caller).await?;
    Ok(Json(started))
}

/// Begins to sign in to Google again, for a connection that is there: as its sign-in was taken back or has expired, or to another account.
#[utoipa::path(post, path = "/connections/{id}/google/device", tag = "connections", params(("id" = ConnectionId, Path)),
    responses(
    (status = 200, body = GoogleSignInStarted),
    (status = 409, description = "The connection is none to Google Drive (`conflict`).",
        body = ProblemDetails, content_type = "application/problem+json"),
    (status = 422, description = "Google does not take it (`sign_in_failed`).",
        body = ProblemDetails, content_type = "application/problem+json")))]
async fn sign_in_again(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
) -> Result<Json<GoogleSignInStarted>, Problem> {
    let connection = read(&state, &caller, id, Action::EditConnections).await?;
    let ConnectionSettings::GoogleDrive(_) = &connection.settings else {
        let text = format!("connection {} is none to Google Drive", connection.name);
        return Err(Problem::conflict(text)
            .hint("only those of the type `google_drive` are signed in to; others are changed with their keys, and tried as they are saved"));
    };
    let mut settings = connection.settings.clone();
    settings.put_secrets(&repositories::connection_secrets(&state.store, &state.vault, &connection).await?);
    let ConnectionSettings::GoogleDrive(settings) = settings else {
        return Err(Problem::internal("a connection changed its type"));
    };
    let revision = connection.revision;
    let started =
        start(&state, &caller, connection.project, Subject::Again { id, revision }, settings).await?;
    deed("connection.sign_in", &connection).by(&state, &caller).await?;
    Ok(Json(started))
}

/// Asks what came of a sign-in. When access was allowed, the connection's node reaches Google Drive, and the connection is saved with what
/// it needs.
#[utoipa::path(post, path = "/connections/google/device/poll", tag = "connections", request_body = GoogleSignInPoll, responses(
    (status = 200, body = GoogleSignInProgress),
    (status = 409, description = "Access was not allowed (`sign_in_denied`), or the time is over (`sign_in_over`).",
        body = ProblemDetails, content_type = "application/problem+json"),
    (status = 422, description = "Google does not take it (`sign_in_failed`).",
        body = ProblemDetails, content_type = "application/problem+json")))]
async fn poll_sign_in(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<GoogleSignInPoll>,
) -> Result<Json<GoogleSignInProgress>, Problem> {
    let project = common::choose(&caller, Action::EditConnections, form.project)?;
    let over =
        |why: &str| Problem::new(StatusCode::CONFLICT, "sign_in_over", why).hint("begin to sign in again");
    let pending = Pending::open(&state, &caller, &form.sign_in).filter(|pending| pending.project == project);
    let mut pending = pending.ok_or_else(|| over("this sign-in was not begun here, or by somebody else"))?;
    if pending.expires < state.now() {
        return Err(over("nobody has entered the code in time"));
    }
    if let Some(code) = pending.device_code.clone() {
        let code = Secret::new(code);
        let outcome = ask(&pending, move |google| google.poll(&code, CallContext::NONE)).await?;
        match outcome {
            Outcome::Pending | Outcome::SlowDown => {
                if outcome == Outcome::SlowDown {
                    pending.interval += SLOWER;
                }
                let sign_in = Some(pending.seal(&state, &caller)?);
                let interval = Some(pending.interval);
                let state = GoogleSignInState::Pending;
                return Ok(Json(GoogleSignInProgress {
                    state,
                    sign_in,
                    interval,
                    reason: None,
                    connection: None,
                }));
            }
            Outcome::Denied => {
                let detail = "whoever entered the code did not allow access";
                return Err(Problem::new(StatusCode::CONFLICT, "sign_in_denied", detail)
                    .hint("begin to sign in again, and allow it"));
            }
            Outcome::Expired => return Err(over("nobody has entered the code in time")),
            Outcome::Allowed(token) => {
                pending.secrets.insert("refresh_token".to_owned(), token.expose().to_owned());
                pending.device_code = None;
                pending.expires = later(state.now(), ALLOWED_FOR);
            }
        }
    }
    // What was allowed is not allowed twice: where it cannot be saved, it goes back to the caller, sealed.
    match save(&state, &caller, &pending).await {
        Ok(connection) => Ok(Json(GoogleSignInProgress {
            state: GoogleSignInState::Done,
            sign_in: None,
            interval: None,
            reason: None,
            connection: Some(connection),
        })),
        Err(problem) => Ok(Json(GoogleSignInProgress {
            state: GoogleSignInState::Failed,
            sign_in: Some(pending.seal(&state, &caller)?),
            interval: Some(pending.interval),
            reason: Some(problem.to_string()),
            connection: None,
        })),
    }
}

async fn start(
    state: &AppState,
    caller: &Caller,
    project: ProjectId,
    subject: Subject,
    settings: GoogleDriveSettings,
) -> Result<GoogleSignInStarted, Problem> {
    let mut settings = ConnectionSettings::GoogleDrive(settings);
    let mut secrets = settings.take_secrets();
    secrets.remove("refresh_token");
    let ConnectionSettings::GoogleDrive(settings) = settings else {
        return Err(Problem::internal("settings changed their type"));
    };
    let now = state.now();
    let mut pending =
        Pending { project, expires: now, interval: SLOWER, subject, settings, secrets, device_code: None };
    let started = ask(&pending, |google| google.start(CallContext::NONE)).await?;
    pending.expires = later(now, started.expires_in);
    pending.interval = started.interval.as_secs();
    pending.device_code = Some(started.device_code.expose().to_owned());
    Ok(GoogleSignInStarted {
        sign_in: pending.seal(state, caller)?,
        user_code: started.user_code,
        verification_url: started.verification_url,
        expires: pending.expires,
        interval: pending.interval,
    })
}

/// Asks Google something.
async fn ask<T: Send + 'static>(
    pending: &Pending,
    what: impl FnOnce(&SignIn) -> Result<T, StorageError> + Send + 'static,
) -> Result<T, Problem> {
    let google = pending.google().map_err(failed)?;
    let asked = tokio::task::spawn_blocking(move || what(&google)).await.map_err(Problem::internal)?;
    asked.map_err(failed)
}

fn failed(error: StorageError) -> Problem {
    let hint = match error.kind {
        ErrorKind::Denied => {
            "check the id and the secret of the OAuth client, and that it is of the type for TVs and limited input devices"
        }
        _ => "see that this server reaches Google",
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "sign_in_failed", error.to_string()).hint(hint)
}

/// Saves the connection, once its node has reached Google Drive.
async fn save(state: &AppState, caller: &Caller, pending: &Pending) -> Result<Connection, Problem> {
    let mut settings = ConnectionSettings::GoogleDrive(pending.settings.clone());
    settings.put_secrets(&pending.secrets);
    match &pending.subject {
        Subject::New { name, node } => {
            let form = ConnectionForm::new(pending.project, name.clone(), *node, settings);
            let (connection, sealed) = form.into_tried(state, caller).await?;
            state.store.create_connection(&connection, sealed.as_deref()).await?;
            deed("connection.create", &connection).after(&connection).by(state, caller).await?;
            Ok(connection)
        }
        Subject::Again { id, revision } => {
            let before = read(state, caller, *id, Action::EditConnections).await?;
            let form = ConnectionUpdate::new(&before, *revision, settings);
            let revision = form.revision;
            let (changed, sealed) = form.into_tried(state, caller, &before).await?;
            let after = state.store.update_connection(&changed, sealed.as_deref(), revision).await?;
            deed("connection.update", &after).before(&before).after(&after).by(state, caller).await?;
            Ok(after)
        }
    }
}

fn deed_of_start(name: &str) -> crate::audit::Deed {
    crate::audit::Deed::new("connection.sign_in", format!("connection {name}"))
}
