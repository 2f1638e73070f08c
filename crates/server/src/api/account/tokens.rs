//! One's own API tokens.

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::people::ApiToken;
use backstay_model::{ProjectId, Role, Time, TokenId};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::extract::{Caller, Json, Path};
use crate::access::policy::Action;
use crate::access::token;
use crate::api::common::{self, List};
use crate::audit::Deed;
use crate::problem::Problem;
use crate::state::AppState;

/// As many as somebody can keep an eye on.
const MOST: usize = 100;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(remove))
}

/// What is told of a new token.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ApiTokenForm {
    /// What it is for.
    name: String,
    /// The most it may do. It never may do more than its person.
    role: Role,
    /// The one project it is for; all of its person's when left out.
    project: Option<ProjectId>,
    /// When it stops working; never when left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Time>,
}

/// A new token with its key.
#[derive(Serialize, utoipa::ToSchema)]
struct NewApiToken {
    /// The token.
    #[serde(flatten)]
    token: ApiToken,
    /// The key, to be sent as `Authorization: Bearer`. It is shown this once.
    key: String,
}

/// One's own tokens, the newest first.
#[utoipa::path(get, path = "/me/tokens", tag = "account",
    operation_id = "list_tokens", security(("session" = [])), responses((status = 200, body = List<ApiToken>)))]
async fn list(State(state): State<AppState>, caller: Caller) -> Result<Json<List<ApiToken>>, Problem> {
    caller.authorize(Action::OwnAccount, None)?;
    Ok(Json(List::new(state.store.tokens_of(caller.person.id).await?)))
}

/// Makes a token. Its key is in the answer, and nowhere else.
#[utoipa::path(post, path = "/me/tokens", tag = "account",
    operation_id = "create_token", security(("session" = [])), request_body = ApiTokenForm,
    responses((status = 201, body = NewApiToken)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<ApiTokenForm>,
) -> Result<(StatusCode, Json<NewApiToken>), Problem> {
    caller.authorize(Action::OwnAccount, None)?;
    let name = common::name("name", &form.name)?;
    if let Some(project) = form.project {
        caller.authorize(Action::ViewNames, Some(project))?;
    }
    let now = state.now();
    if form.expires.is_some_and(|expires| expires <= now) {
        return Err(Problem::invalid("expires", "it has to be a moment to come"));
    }
    let known = state.store.tokens_of(caller.person.id).await?;
    if known.len() >= MOST {
        return Err(Problem::conflict(format!("there are {MOST} tokens already")).hint("delete some of them"));
    }
    let (key, hash) = token::new_key(&state);
    let token = ApiToken {
        id: TokenId::new(&*state.clock, &*state.random),
        person: caller.person.id,
        name,
        role: form.role,
        project: form.project,
        created: now,
        expires: form.expires,
        last_used: None,
    };
    state.store.create_token(&token, &hash).await?;
    Deed::new("token.create", format!("token {} {}", token.id, token.name))
        .after(&token)
        .by(&state, &caller)
        .await?;
    Ok((StatusCode::CREATED, Json(NewApiToken { token, key })))
}

/// Deletes a token. Whoever uses it is shut out at once.
#[utoipa::path(delete, path = "/me/tokens/{id}", tag = "account",
    operation_id = "remove_token", security(("session" = [])), params(("id" = TokenId, Path)),
    responses((status = 204)))]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<TokenId>,
) -> Result<StatusCode, Problem> {
    caller.authorize(Action::OwnAccount, None)?;
    let known = state.store.tokens_of(caller.person.id).await?;
    let found = known.into_iter().find(|token| token.id == id);
    let found = found.ok_or_else(|| Problem::not_found("token"))?;
    state.store.delete_token(caller.person.id, id).await?;
    Deed::new("token.delete", format!("token {id} {}", found.name))
        .before(&found)
        .by(&state, &caller)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
