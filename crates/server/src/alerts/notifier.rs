//! Who is told of what, and by which channel: settings of each project.

use backstay_catalog::CatalogError;
use backstay_model::secret::Secrets;
use backstay_model::{Invalid, ProjectId, SecretText, Time};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::notice::NoticeKind;
use super::summaries::Period;
use crate::problem::Problem;
use crate::secrets;
use crate::state::AppState;

/// Notifiers of one project at most.
const MOST: usize = 50;
/// Addresses of one notifier at most.
const MOST_ADDRESSES: usize = 20;
/// What arguments of a command may be long in all.
const LONGEST_ARGUMENTS: usize = 32 << 10;

/// Tells people of what happens in a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct Notifier {
    /// Its id.
    pub(crate) id: Uuid,
    /// Its project.
    pub(crate) project: ProjectId,
    /// Its name.
    pub(crate) name: String,
    /// What it tells of.
    pub(crate) on: Vec<NoticeKind>,
    /// How often it tells a `summary`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    pub(crate) summary: Option<Period>,
    /// How.
    pub(crate) channel: Channel,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created: Time,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) changed: Time,
    /// Counts its versions, from 1 up.
    pub(crate) revision: i64,
}

/// How people are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Channel {
    /// By mail, over the mail server that the server's owners have set.
    Email(EmailChannel),
    /// By a `POST` of JSON.
    Webhook(WebhookChannel),
    /// By a program on the server's host. Only owners of the server make such.
    Command(CommandChannel),
}

/// Mails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailChannel {
    /// Where to.
    pub(crate) to: Vec<String>,
}

/// A `POST` of JSON, with `X-Backstay-Signature: t=UNIX,v1=HEX`, where HEX is the HMAC-SHA-256 of `UNIX.BODY` under the secret.
/// `Idempotency-Key` is the same for each try to tell the same thing. An answer of 2xx says that it has arrived; redirects are not
/// followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookChannel {
    /// Where to, as `https://example.org/hook`.
    pub(crate) url: String,
    /// What is signed with: 16 characters at least. It stays as it is where a change leaves it out.
    #[serde(default, skip_serializing_if = "SecretText::is_untold")]
    pub(crate) secret: SecretText,
    /// Whether addresses of the server's host and of its private network may be reached; an owner has to say so.
    #[serde(default)]
    pub(crate) allow_private: bool,
}

/// A program that gets the notice as JSON on its standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandChannel {
    /// The program, as an absolute path. No shell is between.
    pub(crate) program: String,
    /// Its arguments.
    #[serde(default)]
    pub(crate) args: Vec<String>,
}

impl Channel {
    /// Whether it could tell anybody.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub(crate) fn validate(&self) -> Result<(), Problem> {
        match self {
            Self::Email(email) => {
                if email.to.is_empty() || email.to.len() > MOST_ADDRESSES {
                    let why = format!("name 1 to {MOST_ADDRESSES} addresses");
                    return Err(Problem::invalid("channel.to", why));
                }
                let mut each = email.to.iter().enumerate();
                each.try_for_each(|(place, to)| {
                    crate::mail::settings::address(&format!("channel.to[{place}]"), to).map(drop)
                })
            }
            Self::Webhook(webhook) => Ok(webhook.validate()?),
            Self::Command(command) => Ok(command.validate()?),
        }
    }
}

impl WebhookChannel {
    fn validate(&self) -> Result<(), Invalid> {
        let url = Url::parse(&self.url).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
        let Some(url) = url.filter(|url| url.host_str().is_some() && self.url.len() <= 2000) else {
            return Err(Invalid::new("channel.url", "it has to be an address as https://example.org/hook"));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Invalid::new(
                "channel.url",
                "it must not hold a password: what is sent is signed instead",
            ));
        }
        if self.secret.expose().is_none_or(|secret| !(16..=1000).contains(&secret.len())) {
            return Err(Invalid::new("channel.secret", "it has to have 16 characters at least"));
        }
        Ok(())
    }
}

impl CommandChannel {
    fn validate(&self) -> Result<(), Invalid> {
        if !self.program.starts_with('/') || self.program.contains('\0') || self.program.len() > 4000 {
            return Err(Invalid::new(
                "channel.program",
                "it has to be an absolute path, as /usr/local/bin/tell",
            ));
        }
        let long = self.args.iter().map(String::len).sum::<usize>() > LONGEST_ARGUMENTS;
        if long || self.args.len() > 100 || self.args.iter().any(|argument| argument.contains('\0')) {
            return Err(Invalid::new("channel.args", "100 arguments at most, of 32 KiB in all, without NUL"));
        }
        Ok(())
    }
}

impl Notifier {
    fn secret(&mut self) -> Option<&mut SecretText> {
        match &mut self.channel {
            Channel::Webhook(webhook) => Some(&mut webhook.secret),
            Channel::Email(_) | Channel::Command(_) => None,
        }
    }

    /// Takes the secret of an earlier version where the new one has none.
    pub(crate) fn keep_secret_of(&mut self, before: &Self) {
        let mut before = before.clone();
        if let (Some(new), Some(old)) = (self.secret(), before.secret())
            && !new.is_set()
            && let Some(secret) = old.expose()
        {
            *new = SecretText::new(secret);
        }
    }
}

/// The notifiers of a project, with their secrets.
#[derive(Debug)]
pub(crate) struct Notifiers {
    project: ProjectId,
    /// They themselves.
    pub(crate) items: Vec<Notifier>,
    /// As they are stored.
    stored: Option<Value>,
}

impl Notifiers {
    /// Those of a project.
    pub(crate) async fn load(state: &AppState, project: ProjectId) -> Result<Self, Problem> {
        let mut notifiers = Self::load_bare(state, project).await?;
        let sealed = state.store.setting_sealed(&setting(project)).await?;
        let mut secrets = secrets::open(&state.vault, &record(project), sealed.as_deref())?;
        for notifier in &mut notifiers.items {
            let secret = secrets.remove(&notifier.id.to_string());
            if let (Some(place), Some(secret)) = (notifier.secret(), secret) {
                *place = SecretText::new(secret);
            }
        }
        Ok(notifiers)
    }

    /// The same without their secrets, for who only asks what they are for.
    pub(crate) async fn load_bare(state: &AppState, project: ProjectId) -> Result<Self, Problem> {
        let stored = state.store.setting(&setting(project)).await?;
        let items = match &stored {
            Some(value) => serde_json::from_value(value.clone()).map_err(Problem::internal)?,
            None => Vec::new(),
        };
        Ok(Self { project, items, stored })
    }

    /// Stores them.
    ///
    /// # Errors
    /// 409 when they were changed since they were loaded, or are too many.
    pub(crate) async fn store(self, state: &AppState) -> Result<(), Problem> {
        if self.items.len() > MOST {
            return Err(Problem::conflict(format!("a project may have {MOST} notifiers at most")));
        }
        let mut items = self.items;
        let mut taken = Secrets::new();
        for notifier in &mut items {
            let id = notifier.id.to_string();
            if let Some(secret) = notifier.secret().and_then(SecretText::take) {
                taken.insert(id, secret);
            }
        }
        let sealed = secrets::seal(&state.vault, &record(self.project), &taken, &*state.random)?;
        let (name, value) = (setting(self.project), serde_json::to_value(&items).map_err(Problem::internal)?);
        let stored = match &self.stored {
            None => state.store.add_setting(&name, &value, sealed.as_deref()).await?,
            Some(before) => state.store.change_setting(&name, before, &value, sealed.as_deref()).await?,
        };
        if !stored {
            return Err(CatalogError::Conflict {
                clash: backstay_catalog::Clash::Revision,
                what: "the project's notifiers were changed by somebody else".to_owned(),
            }
            .into());
        }
        Ok(())
    }
}

fn setting(project: ProjectId) -> String {
    format!("notifiers:{project}")
}

fn record(project: ProjectId) -> backstay_vault::RecordId {
    secrets::record("notifiers", project)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(json: &str) -> Result<(), Problem> {
        serde_json::from_str::<Channel>(json).unwrap().validate()
    }

    #[test]
    fn channels_that_could_tell_nobody_are_refused() {
        let secret = r#""secret": "0123456789abcdef""#;
        for good in [
            r#"{"type": "email", "to": ["ada@example.org"]}"#.to_owned(),
            format!(r#"{{"type": "webhook", "url": "https://example.org/x", {secret}}}"#),
            r#"{"type": "command", "program": "/bin/true"}"#.to_owned(),
        ] {
            assert!(channel(&good).is_ok(), "{good}");
        }
        for bad in [
            r#"{"type": "email", "to": []}"#.to_owned(),
            r#"{"type": "email", "to": ["a@b.c\r\nBcc: x@y.z"]}"#.to_owned(),
            format!(r#"{{"type": "webhook", "url": "ftp://example.org/x", {secret}}}"#),
            format!(r#"{{"type": "webhook", "url": "https://me:pw@example.org/x", {secret}}}"#),
            format!(r#"{{"type": "webhook", "url": "example.org", {secret}}}"#),
            r#"{"type": "webhook", "url": "https://example.org/x", "secret": "short"}"#.to_owned(),
            r#"{"type": "webhook", "url": "https://example.org/x"}"#.to_owned(),
            r#"{"type": "command", "program": "true"}"#.to_owned(),
            r#"{"type": "command", "program": "/bin/true", "args": ["\u0000"]}"#.to_owned(),
        ] {
            assert!(channel(&bad).is_err(), "{bad}");
        }
    }
}
