//! The server's settings, as its owners see them.

use axum::extract::State;
use axum::http::StatusCode;
use backstay_model::SecretText;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::extract::{Caller, Json};
use crate::access::policy::Action;
use crate::audit::Deed;
use crate::mail;
use crate::mail::settings::SmtpSettings;
use crate::problem::Problem;
use crate::settings::{self, SignInSettings};
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(sign_in, set_sign_in))
        .routes(routes!(smtp, set_smtp, remove_smtp))
        .routes(routes!(test_smtp))
}

/// The settings for mail, as they are in force.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SmtpAnswer {
    /// The settings; the password is never told.
    #[serde(flatten)]
    settings: SmtpSettings,
    /// Whether there is a password.
    password_set: bool,
}

/// Whom to send a mail to.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct MailTestForm {
    /// A mail address.
    to: String,
}

/// How people stay signed in.
#[utoipa::path(get, path = "/settings/sign-in", tag = "settings", responses((status = 200, body = SignInSettings)))]
async fn sign_in(State(state): State<AppState>, caller: Caller) -> Result<Json<SignInSettings>, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    settings::sign_in(&state).await.map(Json)
}

/// Changes how people stay signed in. It holds for sessions that are there too.
#[utoipa::path(put, path = "/settings/sign-in", tag = "settings", request_body = SignInSettings,
    responses((status = 200, body = SignInSettings)))]
async fn set_sign_in(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<SignInSettings>,
) -> Result<Json<SignInSettings>, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    let before = settings::sign_in(&state).await?;
    settings::set_sign_in(&state, &form).await?;
    Deed::new("settings.update", "settings sign-in").before(&before).after(&form).by(&state, &caller).await?;
    Ok(Json(form))
}

/// The server that takes mails.
#[utoipa::path(get, path = "/settings/smtp", tag = "settings",
    responses((status = 200, body = SmtpAnswer), (status = 404, description = "No mail server is set.")))]
async fn smtp(State(state): State<AppState>, caller: Caller) -> Result<Json<SmtpAnswer>, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    mail::settings::current(&state).await?.map(answer).map(Json).ok_or_else(none)
}

/// Sets the server that takes mails. Without a password the one before stays, if host, port, TLS and user stay too: it is never
/// sent to anybody it was not meant for.
#[utoipa::path(put, path = "/settings/smtp", tag = "settings", request_body = SmtpSettings,
    responses((status = 200, body = SmtpAnswer)))]
async fn set_smtp(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<SmtpSettings>,
) -> Result<Json<SmtpAnswer>, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    let before = mail::settings::current(&state).await?;
    let mut after = form;
    if !after.password.is_set() && after.user.is_some() {
        let kept = before.as_ref().filter(|before| before.same_peer(&after));
        let kept = kept.and_then(|before| before.password.expose());
        let kept = kept.ok_or_else(|| Problem::invalid("password", "the user's password is needed"))?;
        after.password = SecretText::new(kept);
    }
    mail::settings::set(&state, &after).await?;
    let deed = Deed::new("settings.update", "settings smtp").after(&after);
    let deed = match &before {
        Some(before) => deed.before(before),
        None => deed,
    };
    deed.by(&state, &caller).await?;
    Ok(Json(answer(after)))
}

/// Forgets the server that takes mails: none are sent any more.
#[utoipa::path(delete, path = "/settings/smtp", tag = "settings", responses((status = 204)))]
async fn remove_smtp(State(state): State<AppState>, caller: Caller) -> Result<StatusCode, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    let before = mail::settings::current(&state).await?.ok_or_else(none)?;
    mail::settings::forget(&state).await?;
    Deed::new("settings.delete", "settings smtp").before(&before).by(&state, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a mail, to see whether the settings are right. What is in the way is told.
#[utoipa::path(post, path = "/settings/smtp/test", tag = "settings", request_body = MailTestForm,
    responses((status = 204, description = "The mail server took the mail."),
        (status = 422, description = "`mail_failed`: it did not.")))]
async fn test_smtp(
    State(state): State<AppState>,
    caller: Caller,
    Json(form): Json<MailTestForm>,
) -> Result<StatusCode, Problem> {
    caller.authorize_server(&state, Action::ManageServer).await?;
    let to = mail::settings::address("to", &form.to)?;
    let text = format!("This is a test. The server at {} can send mails.\n", state.url);
    mail::send(&state, &to, "A test from Backstay", &text).await?;
    Deed::new("settings.test", format!("settings smtp, to {to}")).by(&state, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn answer(settings: SmtpSettings) -> SmtpAnswer {
    SmtpAnswer { password_set: settings.password.is_set(), settings }
}

fn none() -> Problem {
    Problem::not_found("setting: no mail server is set").hint("PUT one here")
}
