//! Brings notices to people, again and again until they arrive or a day has passed.

use std::time::Duration;

use backstay_catalog::{NewNotification, Notification};
use backstay_model::{ProjectId, Time};
use backstay_policy::Backoff;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::notice::Notice;
use super::notifier::{Channel, Notifier, Notifiers};
use super::{command, webhook};
use crate::problem::Problem;
use crate::state::AppState;
use crate::state::later;

/// Notifications on their way at once.
const TOGETHER: u32 = 16;
/// No channel takes longer; it has timeouts of its own.
const LONGEST: Duration = Duration::from_secs(45);
/// For how long a notification is this server's to send once it has taken it. One that is not on its way early enough to be
/// done within it is left to whoever takes it next.
const TAKEN: Duration = Duration::from_secs(60);
/// After this time a notice is no news any more.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(24 * 3600);
const BACKOFF: Backoff =
    Backoff { first: Duration::from_secs(5), factor: 3, most: Duration::from_secs(3600) };

/// A notification, as it waits in the store.
#[derive(Debug, Serialize, Deserialize)]
struct Parcel {
    project: ProjectId,
    notifier: Uuid,
    /// The one address of a mail: each fails and is tried again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    notice: Notice,
}

/// Why a notice did not arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undelivered {
    /// What failed, on what and why.
    pub(crate) why: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// What a program had to say. It is for who asks, and not for logs.
    pub(crate) said: Option<String>,
}

impl Undelivered {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), hint: None, said: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(super) fn said(self, said: String) -> Self {
        Self { said: Some(said).filter(|said| !said.is_empty()), ..self }
    }
}

/// The notifications that a notice makes: for one notifier, or for all that want such.
pub(super) async fn to_whom_it_concerns(
    state: &AppState,
    notice: &Notice,
    only: Option<&str>,
) -> Result<Vec<NewNotification>, Problem> {
    let notifiers = Notifiers::load_bare(state, notice.project.id).await?;
    let mut notifications = Vec::new();
    let wants = |notifier: &&Notifier| {
        notifier.on.contains(&notice.kind) && only.is_none_or(|only| notifier.id.to_string() == only)
    };
    for notifier in notifiers.items.iter().filter(wants) {
        let each = match &notifier.channel {
            Channel::Email(email) => email.to.iter().cloned().map(Some).collect(),
            Channel::Webhook(_) | Channel::Command(_) => vec![None],
        };
        for to in each {
            let parcel =
                Parcel { project: notice.project.id, notifier: notifier.id, to, notice: notice.clone() };
            let body = serde_json::to_value(parcel).map_err(Problem::internal)?;
            notifications.push(NewNotification { created: state.now(), body });
        }
    }
    Ok(notifications)
}

/// Whether any notification has to be sent now.
pub(super) async fn are_due(state: &AppState) -> Result<bool, Problem> {
    Ok(!state.store.due_notifications(state.now(), 1).await?.is_empty())
}

/// Sends those that wait longest.
pub(super) async fn some(state: &AppState) -> Result<(), Problem> {
    let mut on_their_way = JoinSet::new();
    let now = state.now();
    let until = later(now, TAKEN);
    for notification in state.store.take_notifications(now, until, TOGETHER).await? {
        let state = state.clone();
        on_their_way.spawn(async move { one(&state, notification, until).await });
    }
    let mut outcome = Ok(());
    while let Some(done) = on_their_way.join_next().await {
        outcome = outcome.and(done.unwrap_or_else(|error| Err(Problem::internal(error))));
    }
    outcome
}

/// Sends one that is this server's until then. What is noted later than that is refused by the store.
async fn one(state: &AppState, notification: Notification, until: Time) -> Result<(), Problem> {
    let number = notification.number;
    let done = async || state.store.remove_notification(&notification).await;
    let Ok(parcel) = serde_json::from_value::<Parcel>(notification.body.clone()) else {
        tracing::error!(number, "a notification cannot be understood, and is dropped");
        done().await?;
        return Ok(());
    };
    let (sent, name) = match Notifiers::load(state, parcel.project).await {
        Ok(notifiers) => {
            let notifier = notifiers.items.into_iter().find(|notifier| notifier.id == parcel.notifier);
            // Who was removed wants to be told no more.
            let Some(notifier) = notifier else {
                done().await?;
                return Ok(());
            };
            // Somebody else may have sent it while this process was held up.
            let now = state.now();
            if later(now, LONGEST) > until {
                return Ok(());
            }
            let key = number.to_string();
            let sending = send(state, &notifier, parcel.to.as_deref(), &key, &parcel.notice, now);
            let silent = || Err(Undelivered::new(format!("it took longer than {} s", LONGEST.as_secs())));
            (tokio::time::timeout(LONGEST, sending).await.unwrap_or_else(|_| silent()), notifier.name)
        }
        // Secrets that cannot be opened must not hold up what others are told.
        Err(error) => (Err(Undelivered::new(error.to_string())), parcel.notifier.to_string()),
    };
    let Err(error) = sent else {
        done().await?;
        return Ok(());
    };
    let attempt = u32::try_from(notification.attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    let next = later(state.now(), BACKOFF.delay(attempt, number.cast_unsigned()));
    if next > later(notification.created, GIVEN_UP_AFTER) {
        tracing::error!(number, notifier = %name, why = %error.why, "a notice did not arrive within a day");
        done().await?;
        return Ok(());
    }
    tracing::warn!(number, notifier = %name, why = %error.why, "a notice has not arrived yet");
    state.store.notification_failed(&notification, &error.why, next).await?;
    Ok(())
}

/// Brings a notice by a notifier's channel; by mail to one address, or to all where none is named. `key` is the same for each try
/// to tell the same thing. `now` is when it was decided to send it.
pub(crate) async fn send(
    state: &AppState,
    notifier: &Notifier,
    to: Option<&str>,
    key: &str,
    notice: &Notice,
    now: Time,
) -> Result<(), Undelivered> {
    let body = || {
        let notice = serde_json::json!({ "notification": key, "notice": notice });
        notice.to_string()
    };
    match &notifier.channel {
        Channel::Email(email) => {
            let all: Vec<&str> = match to {
                Some(to) => vec![to],
                None => email.to.iter().map(String::as_str).collect(),
            };
            for to in all {
                crate::mail::send(state, to, &notice.subject(), &notice.mail()).await.map_err(|error| {
                    let undelivered = Undelivered::new(error.to_string());
                    match error.hint() {
                        Some(hint) => undelivered.hint(hint),
                        None => undelivered,
                    }
                })?;
            }
            Ok(())
        }
        Channel::Webhook(webhook) => webhook::post(webhook, key, now, body()).await,
        Channel::Command(program) => command::run(program, body()).await,
    }
}
