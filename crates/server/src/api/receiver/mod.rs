//! The receiver that this server hosts: its state, its clients, and what they have put there.
//!
//! It lies on this server's own disk: of several servers over one catalog, each that hosts a receiver tells of its own.

mod clients;
mod files;

use axum::extract::State;
use axum::http::StatusCode;
use backstay_receiver::{ClientsError, Receiver};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::extract::{Caller, Json};
use crate::access::policy::Action;
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get)).merge(clients::routes()).merge(files::routes())
}

/// Whether this server hosts a receiver, and how that is doing.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ReceiverAnswer {
    /// Whether there is one.
    hosted: bool,
    /// What there is to tell of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<ReceiverState>,
}

/// How a receiver is doing. Sizes are in bytes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ReceiverState {
    /// Where clients find it: archives go below `/archives/` there, repositories below `/repo/`.
    url: String,
    /// The port that it listens on.
    port: u16,
    /// The folder on the server's disk that it keeps everything in.
    folder: String,
    /// How many clients it knows.
    clients: u64,
    /// How many uploads are not whole yet.
    uploads: u64,
    /// What its clients have stored.
    stored: u64,
    /// What running uploads were promised and have not written yet.
    promised: u64,
    /// What is free on its disk.
    free: u64,
    /// What of that stays free.
    reserve: u64,
    /// What it can take in still.
    room: u64,
    /// Whether it takes nothing more in, for want of room.
    low_space: bool,
    /// Whether no client may remove or replace anything, whatever its own setting.
    append_only: bool,
}

/// Whether this server hosts a receiver, and how that is doing.
#[utoipa::path(get, path = "/receiver", tag = "receiver", responses((status = 200, body = ReceiverAnswer)))]
async fn get(State(state): State<AppState>, caller: Caller) -> Result<Json<ReceiverAnswer>, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    let Some(receiver) = state.receiver.clone() else {
        return Ok(Json(ReceiverAnswer { hosted: false, state: None }));
    };
    let (url, port) = (state.url.clone(), state.port);
    let state = blocking(move || {
        let clients = receiver.clients().all().map_err(refused)?;
        let room = receiver.room().map_err(failed)?;
        let mut stored = 0_u64;
        for client in clients.iter() {
            stored = stored.saturating_add(receiver.used(client).map_err(failed)?.0);
        }
        Ok(ReceiverState {
            url,
            port,
            folder: receiver.settings().folder.display().to_string(),
            clients: clients.len() as u64,
            uploads: receiver.running_uploads().len() as u64,
            stored,
            promised: room.promised,
            free: room.free,
            reserve: room.reserve,
            room: room.left(),
            low_space: room.left() == 0,
            append_only: receiver.settings().append_only,
        })
    });
    Ok(Json(ReceiverAnswer { hosted: true, state: Some(state.await?) }))
}

/// The receiver, for those who own the server.
async fn hosted(state: &AppState, caller: &Caller) -> Result<Receiver, Problem> {
    caller.authorize_server(state, Action::ManageServer).await?;
    state.receiver.clone().ok_or_else(|| {
        Problem::new(StatusCode::CONFLICT, "no_receiver", "this server hosts no receiver").hint(
            "start it with `backstay up --receiver FOLDER`; the clients of one that runs alone are managed on its host with \
             `backstay receiver client`",
        )
    })
}

/// Runs what reads and writes files.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Problem::internal(error)))
}

fn failed(error: std::io::Error) -> Problem {
    Problem::internal(format!("the receiver's folder: {error}"))
}

/// What is in the way of looking at clients, or of changing them.
fn refused(error: ClientsError) -> Problem {
    let text = error.to_string();
    match &error {
        ClientsError::Invalid { what, .. } => {
            let field = match *what {
                "the folder" => "folder",
                "the certificate" => "certificate_sha256",
                "the client" => "without_token",
                _ => "name",
            };
            Problem::invalid(field, text).hint("names and folders are made of letters, digits, `-` and `_`")
        }
        ClientsError::Exists(_) => Problem::new(StatusCode::CONFLICT, "name_taken", text)
            .hint("choose another name, or delete that client first"),
        ClientsError::FolderTaken { .. } => Problem::new(StatusCode::CONFLICT, "folder_taken", text)
            .hint("choose another folder; no client sees what another has stored"),
        ClientsError::NotFound(_) => Problem::not_found("client of the receiver"),
        ClientsError::Changed(_) => Problem::new(StatusCode::CONFLICT, "changed_meanwhile", text)
            .hint("read it again, and change it then"),
        ClientsError::NoToken(_) => {
            Problem::conflict(text).hint("delete it, and make a client that has a token")
        }
        ClientsError::File { .. } | ClientsError::Damaged { .. } => Problem::internal(text),
    }
}
