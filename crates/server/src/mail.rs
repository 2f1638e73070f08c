//! Mails to people, over the SMTP server that the server's owners have set.
//!
//! The whole conversation has a deadline, so that a mail server that falls silent holds nothing up. Only owners of the server
//! say which host that is, so any host will do.

pub(crate) mod settings;

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use backstay_model::Time;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::problem::Problem;
use crate::state::AppState;
use crate::text;

use settings::{SmtpSettings, SmtpTls};

const STEP: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(20);

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

/// Sends a mail of plain text.
///
/// # Errors
/// [`MailError`] says what is in the way.
pub(crate) async fn send(state: &AppState, to: &str, subject: &str, text: &str) -> Result<(), MailError> {
    let smtp = settings::current(state).await.map_err(MailError::Settings)?.ok_or(MailError::NotSet)?;
    let id = text::random_hex(&*state.random, 16);
    let mail = compose(&smtp.from, to, subject, text, &id, state.now())?;
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
    from: &str,
    to: &str,
    subject: &str,
    text: &str,
    id: &str,
    now: Time,
) -> Result<Message, MailError> {
    let from: Mailbox = from.parse().map_err(|_| MailError::Address(from.to_owned()))?;
    let to: Address = to.trim().parse().map_err(|_| MailError::Address(to.to_owned()))?;
    let id = format!("<{id}@{}>", from.email.domain());
    let mail = Message::builder()
        .date(SystemTime::from(now))
        .message_id(Some(id))
        .from(from)
        .to(Mailbox::new(None, to))
        .subject(subject)
        .header(ContentType::TEXT_PLAIN)
        .body(text.to_owned())?;
    Ok(mail)
}

fn transport(state: &AppState, smtp: &SmtpSettings) -> Result<AsyncSmtpTransport<Tokio1Executor>, SmtpError> {
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

fn refused(server: &str, error: &SmtpError) -> MailError {
    let error = innermost(error);
    let hint = match error.status().map(u16::from) {
        Some(530 | 534 | 535 | 538) => {
            "see that user and password are right, and that it wants the `tls` that is set"
        }
        Some(550..=553) => "see that it takes mails from `from`, and knows the address they go to",
        Some(_) => "ask those who run the mail server",
        None if error.is_tls() || is_of_tls(error) => {
            "see that `tls` and `port` go together, and that its certificate is for `host` and trusted here"
        }
        None if error.is_client() => "see that it offers what `tls` and `user` need",
        None if error.is_response() => {
            "see that a mail server listens there, and that `tls` and `port` go together"
        }
        None => "see that host and port are right, and that it can be reached from here",
    };
    // What a stranger's server says goes to people's screens.
    let why = error.to_string().replace(char::is_control, " ").chars().take(500).collect();
    MailError::Refused { server: server.to_owned(), why, hint }
}

/// The error that others of its kind are only wrapped around.
fn innermost(error: &SmtpError) -> &SmtpError {
    let mut error = error;
    while let Some(inner) = error.source().and_then(|source| source.downcast_ref()) {
        error = inner;
    }
    error
}

/// Whether it is a failed handshake, which comes as an error of the connection.
fn is_of_tls(error: &SmtpError) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    source.and_then(std::io::Error::get_ref).is_some_and(|inner| inner.is::<rustls::Error>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_greeted_by_a_name_that_it_can_look_up() {
        assert_eq!(own_name("https://backup.example.org:8443").as_deref(), Some("backup.example.org"));
        assert_eq!(own_name("http://127.0.0.1:8420"), None);
        assert_eq!(own_name("http://[::1]:8420"), None);
        assert_eq!(own_name("http://localhost:8420"), None);
    }

    #[test]
    fn nobody_adds_headers_through_a_subject_or_an_address() {
        let compose = |to: &str, subject: &str| {
            compose("Backstay <backup@example.org>", to, subject, "Hello\n", "id", Time::UNIX_EPOCH)
        };
        let mail = compose("ada@example.org", "a\r\nBcc: bob@example.org\r\n\r\nb").unwrap();
        let text = String::from_utf8(mail.formatted()).unwrap();
        let (headers, content) = text.split_once("\r\n\r\n").unwrap();
        assert!(headers.lines().all(|line| !line.starts_with("Bcc")), "{headers}");
        assert_eq!(content.trim_end(), "Hello");
        assert_eq!(mail.envelope().to().len(), 1);
        for to in ["ada@example.org\r\nBcc: bob@example.org", "ada@example.org, bob@example.org", ""] {
            assert!(matches!(compose(to, "a"), Err(MailError::Address(_))), "{to:?}");
        }
    }
}
