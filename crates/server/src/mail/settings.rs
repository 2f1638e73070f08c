//! Where mails go: the settings for it, with the password sealed.

use backstay_model::secret::HoldsSecrets;
use backstay_model::{Invalid, SecretText};
use lettre::Address;
use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::state::AppState;
use crate::{secrets, settings};

const SMTP: &str = "smtp";

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
    #[serde(default, skip_serializing_if = "SecretText::is_untold")]
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
        if self.user.as_deref().is_some_and(|user| user.len() > 254 || user.contains(char::is_control)) {
            return Err(Invalid::new(
                "user",
                "a user has at most 254 characters, none of them control characters",
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

    /// Whether mails go to the same peer in the same way: one that may have the same password.
    pub(crate) fn same_peer(&self, other: &Self) -> bool {
        let of =
            |settings: &Self| (settings.host.clone(), settings.port, settings.tls, settings.user.clone());
        of(self) == of(other)
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
pub(crate) async fn current(state: &AppState) -> Result<Option<SmtpSettings>, Problem> {
    let Some(mut found) = settings::read::<SmtpSettings>(state, SMTP).await? else { return Ok(None) };
    let sealed = state.store.setting_sealed(SMTP).await?;
    found.put_secrets(&secrets::open(&state.vault, &record(), sealed.as_deref())?);
    Ok(Some(found))
}

/// Puts settings in force.
pub(crate) async fn set(state: &AppState, settings: &SmtpSettings) -> Result<(), Problem> {
    settings.validate()?;
    let mut settings = settings.clone();
    let taken = settings.take_secrets();
    let sealed = secrets::seal(&state.vault, &record(), &taken, &*state.random)?;
    let value = serde_json::to_value(&settings).map_err(Problem::internal)?;
    Ok(state.store.set_setting(SMTP, &value, sealed.as_deref()).await?)
}

/// Sends no more mails.
pub(crate) async fn forget(state: &AppState) -> Result<(), Problem> {
    Ok(state.store.delete_setting(SMTP).await?)
}

fn record() -> backstay_vault::RecordId {
    secrets::record("setting", SMTP)
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
}
