//! Tells people what they have to know: of runs that failed or were missed, of nodes that fell silent.
//!
//! ```text
//!  catalog's events ──▶ notice ──▶ for each notifier that wants it ──▶ catalog's notifications ──▶ deliver ──▶ mail, webhook, command
//!  watch ──▶ events that nobody else could tell of: silent nodes, plans that did not run
//!  summaries ──▶ events for notifiers that want numbers of each day, week or month
//! ```
//!
//! An event goes in the transaction that stores its notifications, so none is told twice or left untold. Sending can end after
//! the notice was taken and before that was noted: then it is sent again, under the same number. One of all servers over a
//! catalog does the work, under a lease; one that was held up and comes back late neither sends nor stores what another has
//! taken over.

mod command;
pub(crate) mod deliver;
pub(crate) mod notice;
pub(crate) mod notifier;
pub(crate) mod summaries;
mod watch;
mod webhook;

use std::time::{Duration, Instant};

use backstay_catalog::{Change, Event, Happening, NewNotification, Token};
use backstay_model::Time;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::problem::Problem;
use crate::state::AppState;
use summaries::Summaries;
use watch::Watch;
pub(crate) use watch::overdue_slot;

const LEASE: &str = "alerts";
/// For how long a server has the work to itself without a word.
const HELD: Duration = Duration::from_secs(60);
/// How often it says that it goes on with it, and how often others ask for it.
const RENEW_EVERY: Duration = Duration::from_secs(20);
const ASK_EVERY: Duration = Duration::from_secs(5);
/// How often it looks when nobody rings.
const TICK: Duration = Duration::from_secs(1);
/// Events that are read at once.
const EVENTS: u32 = 100;
/// An event that cannot be dealt with so often, about once a second, is dropped.
const TRIES: u32 = 300;

/// Tells people until the server ends.
pub(crate) async fn run(state: AppState) {
    let mut changes = state.store.subscribe();
    let mut desk = Desk::new(crate::text::random_hex(&*state.random, 8));
    let mut failing = None;
    loop {
        match desk.round(&state).await {
            Ok(()) => failing = None,
            // What goes wrong in each round is told once.
            Err(error) => {
                let text = error.to_string();
                if failing.as_ref() != Some(&text) {
                    tracing::error!(cause = %text, "people cannot be told of what happens");
                    failing = Some(text);
                }
            }
        }
        tokio::select! {
            () = rung(&mut changes) => {}
            () = tokio::time::sleep(TICK) => {}
            () = state.ended() => break,
        }
    }
    if let Some((token, _)) = desk.lease {
        // Whoever comes next waits for the lease to run out otherwise.
        let _ = state.store.release(LEASE, token).await;
    }
}

/// Returns when there may be events.
async fn rung(changes: &mut broadcast::Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(Change::EventsWaiting | Change::Unknown) | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            // The server ends; who waits beside this sees that too.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// One server's part in it.
struct Desk {
    holder: String,
    /// The lease, and when it was taken or extended.
    lease: Option<(Token, Time)>,
    asked: Option<Instant>,
    watch: Watch,
    summaries: Summaries,
    /// An event that could not be dealt with, and how often that was tried.
    stuck: Option<(i64, u32)>,
}

impl Desk {
    fn new(holder: String) -> Self {
        Self {
            holder,
            lease: None,
            asked: None,
            watch: Watch::default(),
            summaries: Summaries::default(),
            stuck: None,
        }
    }

    async fn round(&mut self, state: &AppState) -> Result<(), Problem> {
        if !self.holds(state, RENEW_EVERY).await? {
            return Ok(());
        }
        self.watch.look(state).await?;
        self.summaries.look(state).await?;
        self.settle(state).await?;
        // What is sent cannot be taken back: nobody else may be at it for as long as it takes.
        while deliver::are_due(state).await? && self.holds(state, Duration::ZERO).await? {
            deliver::some(state).await?;
        }
        Ok(())
    }

    /// Whether the work is this server's, for so long at least as is left of the lease after `fresh` has passed.
    async fn holds(&mut self, state: &AppState, fresh: Duration) -> Result<bool, Problem> {
        let now = state.now();
        if let Some((token, since)) = self.lease {
            let age = now.duration_since(since);
            if !age.is_negative() && age.unsigned_abs() < fresh {
                return Ok(true);
            }
            if state.store.renew(LEASE, token, now, HELD).await? {
                self.lease = Some((token, now));
                return Ok(true);
            }
            self.lease = None;
            self.asked = None;
        }
        if self.asked.is_some_and(|asked| asked.elapsed() < ASK_EVERY) {
            return Ok(false);
        }
        self.asked = Some(Instant::now());
        let token = state.store.claim(LEASE, &self.holder, now, HELD).await?;
        self.lease = token.map(|token| (token, now));
        Ok(token.is_some())
    }

    /// Makes notifications of events.
    async fn settle(&mut self, state: &AppState) -> Result<(), Problem> {
        loop {
            let events = state.store.events(EVENTS).await?;
            if events.is_empty() {
                return Ok(());
            }
            for Event { number, happening } in events {
                let notifications = match notifications_of(state, &happening).await {
                    Ok(notifications) => notifications,
                    Err(error) if self.has_tried_enough(number) => {
                        // What is damaged must not hold up what others are told.
                        tracing::error!(number, cause = %error, "nobody can be told of an event, and it is dropped");
                        Vec::new()
                    }
                    Err(error) => return Err(error),
                };
                state.store.settle_event(number, &notifications).await?;
                watch::heard(state, &happening).await?;
            }
        }
    }

    fn has_tried_enough(&mut self, number: i64) -> bool {
        let tries = self.stuck.filter(|(stuck, _)| *stuck == number).map_or(0, |(_, tries)| tries) + 1;
        self.stuck = Some((number, tries));
        tries > TRIES
    }
}

async fn notifications_of(state: &AppState, happening: &Happening) -> Result<Vec<NewNotification>, Problem> {
    let mut notifications = Vec::new();
    let only = match happening {
        Happening::SummaryDue { notifier, .. } => Some(notifier.as_str()),
        _ => None,
    };
    for notice in notice::of(state, happening).await? {
        notifications.extend(deliver::to_whom_it_concerns(state, &notice, only).await?);
    }
    Ok(notifications)
}
