//! Who may bring archives and repositories to this server's receiver.

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::Time;
use backstay_receiver::{Client, ClientChange, NewClient, Receiver, Retention};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{blocking, failed, hosted, refused};
use crate::access::extract::{Caller, Json, Path};
use crate::api::common::List;
use crate::audit::Deed;
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, remove))
        .routes(routes!(renew_token))
}

/// Which of a client's archives are removed in time. What is left out limits nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ReceiverRetention {
    /// Archives that stay whatever the other rules say: the newest so many. One, when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep_at_least: Option<u64>,
    /// Days after which an archive goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age_days: Option<u64>,
    /// How many archives stay at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_count: Option<u64>,
    /// How many bytes stay at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_bytes: Option<u64>,
}

/// A client of the receiver. What it is known by is never told.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ReceiverClient {
    /// Its name.
    name: String,
    /// The folder that it is confined to, below `archives` and `repo` in the receiver's own.
    folder: String,
    /// Whether it shows a token.
    has_token: bool,
    /// SHA-256 of the certificate that it shows, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_sha256: Option<String>,
    /// Most bytes that it may keep here, uploads under way included; no limit when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<u64>,
    /// Whether it may add and read only.
    append_only: bool,
    /// From when on it is let in no more; always let in when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Time>,
    /// Which of its archives are removed in time.
    retention: ReceiverRetention,
    /// Bytes that it has stored.
    stored: u64,
    /// Bytes that its running uploads were promised.
    promised: u64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Time,
    /// Counts its changes; an update names the one that it changes.
    revision: u64,
}

/// What is told of a new client.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewReceiverClientForm {
    /// Its name: also the user of HTTP's basic authentication.
    name: String,
    /// The folder that it is confined to; its name when left out. `{name}` stands for the name.
    folder: Option<String>,
    /// SHA-256 of the certificate that it has to show, in hexadecimal digits.
    certificate_sha256: Option<String>,
    /// Whether its certificate is enough, so that it gets no token.
    #[serde(default)]
    without_token: bool,
    /// Most bytes that it may keep here; no limit when left out.
    quota: Option<u64>,
    /// Whether it may add and read only.
    #[serde(default)]
    append_only: bool,
    /// From when on it is let in no more; always let in when left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Time>,
    /// Which of its archives are removed in time; none when left out.
    #[serde(default)]
    retention: ReceiverRetention,
}

/// What of a client can be changed. What is left out is set no more.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ReceiverClientForm {
    /// The revision that is changed.
    revision: u64,
    /// Most bytes that it may keep here; no limit when left out.
    quota: Option<u64>,
    /// Whether it may add and read only.
    #[serde(default)]
    append_only: bool,
    /// From when on it is let in no more; always let in when left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Time>,
    /// Which of its archives are removed in time; none when left out.
    #[serde(default)]
    retention: ReceiverRetention,
}

/// A client with the token that it has from now on.
#[derive(Serialize, utoipa::ToSchema)]
struct ReceiverClientToken {
    /// The client.
    #[serde(flatten)]
    client: ReceiverClient,
    /// The token, to be sent as `Authorization: Bearer`. It is shown this once; none where its certificate is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// The receiver's clients, by name.
#[utoipa::path(get, path = "/receiver/clients", tag = "receiver", operation_id = "list_clients",
    responses((status = 200, body = List<ReceiverClient>),
        (status = 409, description = "`no_receiver`: this server hosts none.")))]
async fn list(State(state): State<AppState>, caller: Caller) -> Result<Json<List<ReceiverClient>>, Problem> {
    let receiver = hosted(&state, &caller).await?;
    let items = blocking(move || {
        let clients = receiver.clients().all().map_err(refused)?;
        let mut items =
            clients.iter().map(|client| answer(&receiver, client)).collect::<Result<Vec<_>, _>>()?;
        items.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(items)
    });
    Ok(Json(List::new(items.await?)))
}

/// A client of the receiver.
#[utoipa::path(get, path = "/receiver/clients/{name}", tag = "receiver", operation_id = "get_client",
    params(("name" = String, Path)), responses((status = 200, body = ReceiverClient)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<ReceiverClient>, Problem> {
    let receiver = hosted(&state, &caller).await?;
    blocking(move || answer(&receiver, &*find(&receiver, &name)?)).await.map(Json)
}

/// Lets a client in. Its token is in the answer, and nowhere else.
#[utoipa::path(post, path = "/receiver/clients", tag = "receiver", operation_id = "create_client",
    request_body = NewReceiverClientForm, responses((status = 201, body = ReceiverClientToken),
        (status = 409, description = "`name_taken`, `folder_taken`, or `no_receiver`.")))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<NewReceiverClientForm>,
) -> Result<(StatusCode, Json<ReceiverClientToken>), Problem> {
    let receiver = hosted(&state, &caller).await?;
    let now = state.now();
    to_come(form.expires, now)?;
    let new = NewClient {
        name: form.name,
        folder: form.folder,
        certificate_sha256: form.certificate_sha256,
        without_token: form.without_token,
        quota: form.quota,
        append_only: form.append_only,
        expires: form.expires,
        retention: form.retention.into(),
    };
    let random = std::sync::Arc::clone(&state.random);
    let (client, token) = blocking(move || {
        let (client, token) = receiver.clients().add(new, now, &*random).map_err(refused)?;
        Ok((answer(&receiver, &client)?, token))
    })
    .await?;
    Deed::new("receiver_client.create", subject(&client.name)).after(&client).by(&state, &caller).await?;
    Ok((StatusCode::CREATED, Json(ReceiverClientToken { client, token })))
}

/// Changes what a client may, and for how long. What it is called and known by, and its folder, stay.
#[utoipa::path(put, path = "/receiver/clients/{name}", tag = "receiver", operation_id = "update_client",
    params(("name" = String, Path)), request_body = ReceiverClientForm,
    responses((status = 200, body = ReceiverClient),
        (status = 409, description = "`changed_meanwhile`: it is at another revision; or `no_receiver`.")))]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    Json(form): Json<ReceiverClientForm>,
) -> Result<Json<ReceiverClient>, Problem> {
    let receiver = hosted(&state, &caller).await?;
    let now = state.now();
    let (before, after) = blocking(move || {
        let known = find(&receiver, &name)?;
        // One that has expired stays so while something else is changed.
        if form.expires != known.expires {
            to_come(form.expires, now)?;
        }
        let ReceiverClientForm { revision, quota, append_only, expires, retention } = form;
        let change = ClientChange { quota, append_only, expires, retention: retention.into() };
        let (before, after) = receiver.clients().update(&name, revision, change).map_err(refused)?;
        Ok((answer(&receiver, &before)?, answer(&receiver, &after)?))
    })
    .await?;
    Deed::new("receiver_client.update", subject(&after.name))
        .before(&before)
        .after(&after)
        .by(&state, &caller)
        .await?;
    Ok(Json(after))
}

/// Gives a client another token, which is in the answer and nowhere else. The one before opens nothing from now on.
#[utoipa::path(post, path = "/receiver/clients/{name}/token", tag = "receiver", operation_id = "renew_client_token",
    params(("name" = String, Path)), responses((status = 200, body = ReceiverClientToken),
        (status = 409, description = "The client is known by its certificate alone; or `no_receiver`.")))]
async fn renew_token(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<ReceiverClientToken>, Problem> {
    let receiver = hosted(&state, &caller).await?;
    let random = std::sync::Arc::clone(&state.random);
    let (client, token) = blocking(move || {
        let (client, token) = receiver.clients().renew_token(&name, &*random).map_err(refused)?;
        Ok((answer(&receiver, &client)?, token))
    })
    .await?;
    Deed::new("receiver_client.renew_token", subject(&client.name))
        .after(&client)
        .by(&state, &caller)
        .await?;
    Ok(Json(ReceiverClientToken { client, token: Some(token) }))
}

/// Turns a client away from now on. What it has stored stays.
#[utoipa::path(delete, path = "/receiver/clients/{name}", tag = "receiver", operation_id = "remove_client",
    params(("name" = String, Path)), responses((status = 204)))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let receiver = hosted(&state, &caller).await?;
    let before = blocking(move || {
        let client = receiver.clients().remove(&name).map_err(refused)?;
        answer(&receiver, &client)
    })
    .await?;
    Deed::new("receiver_client.delete", subject(&before.name)).before(&before).by(&state, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The client of this name.
pub(super) fn find(receiver: &Receiver, name: &str) -> Result<std::sync::Arc<Client>, Problem> {
    let clients = receiver.clients().all().map_err(refused)?;
    let found = clients.iter().find(|client| client.name == name).cloned();
    found.ok_or_else(|| Problem::not_found("client of the receiver"))
}

fn answer(receiver: &Receiver, client: &Client) -> Result<ReceiverClient, Problem> {
    let (stored, promised) = receiver.used(client).map_err(failed)?;
    let Retention { keep_at_least, max_age_days, max_count, max_bytes } = client.retention;
    Ok(ReceiverClient {
        name: client.name.clone(),
        folder: client.folder.clone(),
        has_token: client.token_sha256.is_some(),
        certificate_sha256: client.certificate_sha256.clone(),
        quota: client.quota,
        append_only: client.append_only,
        expires: client.expires,
        retention: ReceiverRetention { keep_at_least, max_age_days, max_count, max_bytes },
        stored,
        promised,
        created: client.created,
        revision: client.revision,
    })
}

fn to_come(expires: Option<Time>, now: Time) -> Result<(), Problem> {
    match expires.is_some_and(|expires| expires <= now) {
        true => Err(Problem::invalid("expires", "it has to be a moment to come")),
        false => Ok(()),
    }
}

fn subject(name: &str) -> String {
    format!("receiver client {name}")
}

impl From<ReceiverRetention> for Retention {
    fn from(rules: ReceiverRetention) -> Self {
        let ReceiverRetention { keep_at_least, max_age_days, max_count, max_bytes } = rules;
        Self { keep_at_least, max_age_days, max_count, max_bytes }
    }
}
