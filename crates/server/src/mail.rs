//! Mails to people, over the SMTP server that the server's owners have set.
//!
//! The whole conversation has a deadline, so that a mail server that falls silent holds nothing up. Only owners of the server
//! say which host that is, so any host will do.

use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use backstay_model::secret::HoldsSecrets;
use backstay_model::{Invalid, SecretText};
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::state::AppState;
use crate::{secrets, settings, text};

const SMTP: &str = "smtp";
const STEP: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(30);

/// How to reach the server that takes mails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmtpSettings {
    /// Its host name or address.
    pub(crate) host: String,
    /// Its port: 465 for `tls`, 587 for `starttls`, 25 for `none`, as a rule.
    pub(crate) port: u16,
    /// Whether and how it speaks TLS.
    pub(crate) tls: SmtpTls,
    /// Who signs in; nobody when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// The user's password.
    #[serde(default)]
    pub(crate) password: SecretText,
    /// The sender, as `backup@example.org` or `Backstay <backup@example.org>`.
    pub(crate) from: String,
}

/// Whether and how a mail server speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SmtpTls {
    /// Not at all.
    None,
    /// After a plain greeting; without it nothing is sent.
    Starttls,
    /// From the first byte on.
    Tls,
}

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    /// Nobody has said how.
    #[error("no mail server is set")]
    NotSet,
    /// An address is none.
    #[error("{0:?} is no mail address")]
    Address(String),
    /// The mail cannot be put together.
    #[error("the mail cannot be put together: {0}")]
    Compose(#[from] lettre::error::Error),
    /// The settings cannot be read.
    #[error("the settings for mail cannot be read: {0}")]
    Settings(Problem),
    /// The mail server did not take it.
    #[error("mail server {server} did not take the mail: {why}")]
    Refused {
        /// Which one.
        server: String,
        /// What it said, or what is in the way.
        why: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// The mail server fell silent.
    #[error("mail server {server} did not answer within {} s", WHOLE.as_secs())]
    Silent {
        /// Which one.
        server: String,
    },
}

impl MailError {
    /// What to do about it, where there is something.
    pub(crate) const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotSet => Some("an owner of the server sets one under settings/smtp"),
            Self::Silent { .. } => Some("see that host and port are right, and that no firewall is between"),
            Self::Refused { hint, .. } => Some(hint),
            Self::Address(_) | Self::Compose(_) | Self::Settings(_) => None,
        }
    }
}

impl From<MailError> for Problem {
    fn from(error: MailError) -> Self {
        let problem = match &error {
            MailError::Settings(problem) => return problem.clone(),
            MailError::Compose(_) => return Self::internal(error),
            MailError::NotSet => Self::conflict(error.to_string()),
            _ => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "mail_failed", error.to_string()),
        };
        match error.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

impl HoldsSecrets for SmtpSettings {
    fn secrets(&mut self) -> Vec<(&'static str, &mut SecretText)> {
        vec![("password", &mut self.password)]
    }
}

impl SmtpSettings {
    /// Whether a mail could be sent by them.
    ///
    /// # Errors
    /// The field that is wrong.
    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '@');
        if self.host.is_empty() || self.host.len() > 253 || self.host.contains(odd) {
            return Err(Invalid::new("host", "it has to be a host name or an address"));
        }
        if self.port == 0 {
            return Err(Invalid::new("port", "a port is from 1 to 65535"));
        }
        if self.from.parse::<Mailbox>().is_err() {
            return Err(Invalid::new(
                "from",
                "it has to be a mail address, with or without a name before it",
            ));
        }
        if self.password.is_set() && self.user.as_deref().is_none_or(str::is_empty) {
            return Err(Invalid::new("user", "a password needs a user"));
        }
        if self.user.is_some() && self.tls == SmtpTls::None && !is_here(&self.host) {
            return Err(Invalid::new("tls", "a password goes over TLS only, or to this host itself"));
        }
        Ok(())
    }
}

fn is_here(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// An address that a mail can be sent to, without spaces around it.
pub(crate) fn address(field: &str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    // A colon or a quote is allowed by the letter, and breaks the names in authenticator programs and logs.
    let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, ':' | '"' | '<' | '>');
    if text.len() > 254 || text.contains(odd) || text.parse::<Address>().is_err() {
        return Err(Problem::invalid(field, "it has to be a mail address"));
    }
    Ok(text.to_owned())
}

/// The settings in force, with the password; none when mail was never set up.
pub(crate) async fn settings(state: &AppState) -> Result<Option<SmtpSettings>, Problem> {
    let Some(mut found) = settings::read::<SmtpSettings>(state, SMTP).await? else { return Ok(None) };
    let sealed = state.store.setting_sealed(SMTP).await?;
    found.put_secrets(&secrets::open(&state.vault, &record(), sealed.as_deref())?);
    Ok(Some(found))
}

/// Puts settings in force.
pub(crate) async fn set_settings(state: &AppState, settings: &SmtpSettings) -> Result<(), Problem> {
    settings.validate()?;
    let mut settings = settings.clone();
    let taken = settings.take_secrets();
    let sealed = secrets::seal(&state.vault, &record(), &taken, &*state.random)?;
    let value = serde_json::to_value(&settings).map_err(Problem::internal)?;
    Ok(state.store.set_setting(SMTP, &value, sealed.as_deref()).await?)
}

/// Sends no more mails.
pub(crate) async fn forget_settings(state: &AppState) -> Result<(), Problem> {
    Ok(state.store.delete_setting(SMTP).await?)
}

fn record() -> backstay_vault::RecordId {
    secrets::record("setting", SMTP)
}

/// Sends a mail of plain text.
///
/// # Errors
/// [`MailError`] says what is in the way.
pub(crate) async fn send(state: &AppState, to: &str, subject: &str, text: &str) -> Result<(), MailError> {
    let smtp = settings(state).await.map_err(MailError::Settings)?.ok_or(MailError::NotSet)?;
    let mail = compose(state, &smtp, to, subject, text)?;
    let server = format!("{}:{}", smtp.host, smtp.port);
    let transport = transport(state, &smtp).map_err(|error| refused(&server, &error))?;
    match tokio::time::timeout(WHOLE, transport.send(mail)).await {
        Err(_) => Err(MailError::Silent { server }),
        Ok(Err(error)) if error.is_timeout() => Err(MailError::Silent { server }),
        Ok(Err(error)) => Err(refused(&server, &error)),
        Ok(Ok(_)) => Ok(()),
    }
}

fn compose(
    state: &AppState,
    smtp: &SmtpSettings,
    to: &str,
    subject: &str,
    text: &str,
) -> Result<Message, MailError> {
    let from: Mailbox = smtp.from.parse().map_err(|_| MailError::Address(smtp.from.clone()))?;
    let to: Address = to.trim().parse().map_err(|_| MailError::Address(to.to_owned()))?;
    let id = format!("<{}@{}>", text::random_hex(&*state.random, 16), from.email.domain());
    let mail = Message::builder()
        .date(SystemTime::from(state.now()))
        .message_id(Some(id))
        .from(from)
        .to(Mailbox::new(None, to))
        .subject(subject)
        .header(ContentType::TEXT_PLAIN)
        .body(text.to_owned())?;
    Ok(mail)
}

fn transport(
    state: &AppState,
    smtp: &SmtpSettings,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, lettre::transport::smtp::Error> {
    let tls = match smtp.tls {
        SmtpTls::None => Tls::None,
        SmtpTls::Starttls => Tls::Required(TlsParameters::new(smtp.host.clone())?),
        SmtpTls::Tls => Tls::Wrapper(TlsParameters::new(smtp.host.clone())?),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(smtp.host.clone())
        .port(smtp.port)
        .tls(tls)
        .timeout(Some(STEP));
    if let Some(name) = own_name(&state.url) {
        builder = builder.hello_name(ClientId::Domain(name));
    }
    if let (Some(user), Some(password)) = (&smtp.user, smtp.password.expose()) {
        builder = builder.credentials(Credentials::new(user.clone(), password.to_owned()));
    }
    Ok(builder.build())
}

/// The name to greet a mail server with, where this server has one.
fn own_name(url: &str) -> Option<String> {
    let url: axum::http::Uri = url.parse().ok()?;
    let host = url.host()?;
    let is_name = host.contains('.') && host.chars().any(|c| c.is_ascii_alphabetic()) && !host.contains(':');
    is_name.then(|| host.to_owned())
}

fn refused(server: &str, error: &lettre::transport::smtp::Error) -> MailError {
    let hint = match error.status().map(u16::from) {
        Some(530 | 534 | 535 | 538) => {
            "see that user and password are right, and that it wants the `tls` that is set"
        }
        Some(550..=553) => "see that it takes mails from `from`, and knows the address they go to",
        Some(_) => "ask those who run the mail server",
        None if error.is_tls() => {
            "see that `tls` and `port` go together, and that its certificate is for `host`"
        }
        None if error.is_response() => {
            "see that a mail server listens there, and that `tls` and `port` go together"
        }
        None => {
            "see that host and port are right, that it can be reached, and that it offers what `tls` and `user` need"
        }
    };
    // What a stranger's server says goes to people's screens.
    let why = error.to_string().replace(char::is_control, " ").chars().take(500).collect();
    MailError::Refused { server: server.to_owned(), why, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> SmtpSettings {
        serde_json::from_value(serde_json::json!({
            "host": "mail.example.org", "port": 587, "tls": "starttls", "user": "backup", "password": "s3cret",
            "from": "Backstay <backup@example.org>"
        }))
        .unwrap()
    }

    #[test]
    fn a_password_does_not_leave_this_host_in_the_clear() {
        assert!(settings().validate().is_ok());
        let plain = SmtpSettings { tls: SmtpTls::None, ..settings() };
        assert_eq!(plain.validate().unwrap_err().field, "tls");
        for host in ["localhost", "127.0.0.1", "::1"] {
            assert!(SmtpSettings { host: host.to_owned(), ..plain.clone() }.validate().is_ok(), "{host}");
        }
        let nobody = SmtpSettings { user: None, password: SecretText::default(), ..plain };
        assert!(nobody.validate().is_ok());
        assert_eq!(SmtpSettings { user: None, ..settings() }.validate().unwrap_err().field, "user");
        assert_eq!(SmtpSettings { from: "x".to_owned(), ..settings() }.validate().unwrap_err().field, "from");
        assert_eq!(SmtpSettings { port: 0, ..settings() }.validate().unwrap_err().field, "port");
        assert_eq!(
            SmtpSettings { host: "a b".to_owned(), ..settings() }.validate().unwrap_err().field,
            "host"
        );
    }

    #[test]
    fn addresses_are_told_from_other_texts() {
        assert_eq!(address("email", " ada@example.org ").unwrap(), "ada@example.org");
        for odd in [
            "",
            "ada",
            "ada@",
            "@example.org",
            "a b@example.org",
            "a@example.org\r\nBcc: x@y.z",
            "\"a:b\"@c.d",
        ] {
            assert!(address("email", odd).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn a_mail_server_is_greeted_by_a_name_that_it_can_look_up() {
        assert_eq!(own_name("https://backup.example.org:8443").as_deref(), Some("backup.example.org"));
        assert_eq!(own_name("http://127.0.0.1:8420"), None);
        assert_eq!(own_name("http://[::1]:8420"), None);
        assert_eq!(own_name("http://localhost:8420"), None);
    }
}
