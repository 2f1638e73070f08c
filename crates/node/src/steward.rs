//! The one hand that writes the state of runs.
//!
//! Whatever happens to a run comes here as an [`Event`]. The steward asks the [`machine`](crate::machine) what becomes of it, stores
//! that only if nobody else changed the run meanwhile, and writes down who wanted it.

use std::sync::Arc;

use backstay_catalog::{CatalogError, NewLine, NodeStore};
use backstay_core::Clock;
use backstay_model::run::{Intent, RunError, Waiting};
use backstay_model::{Level, Run, RunId, RunState};
use serde_json::Value;
use tokio::sync::Notify;

use crate::clock::now;
use crate::machine::{Event, Refused, Standing};

/// How often a change is tried again when somebody else was quicker.
const TRIES: usize = 16;

/// Writes the state of runs.
#[derive(Clone)]
pub struct Steward {
    store: NodeStore,
    clock: Arc<dyn Clock>,
    /// Rung after each change.
    changed: Arc<Notify>,
}

/// Why a run did not change.
#[derive(Debug, thiserror::Error)]
pub enum SteerError {
    /// There is no such run.
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    /// It makes no sense as things stand.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] CatalogError),
}

/// What comes with an event.
#[derive(Debug, Clone, Default)]
pub struct Note {
    /// Who asked for it, as logs name them; nobody when it came by itself.
    pub by: Option<String>,
    /// Why it waits, for [`Event::Wait`].
    pub waiting: Option<Waiting>,
    /// Why it failed, for [`Event::Fail`].
    pub error: Option<RunError>,
    /// What only the node needs from now on to carry it out; as before if `None`.
    pub private: Option<Value>,
}

impl Note {
    /// Asked for by somebody.
    #[must_use]
    pub fn by(who: &str) -> Self {
        Self { by: Some(who.to_owned()), ..Self::default() }
    }
}

impl Steward {
    /// A steward over this store; `changed` is rung after each change.
    #[must_use]
    pub fn new(store: NodeStore, clock: Arc<dyn Clock>, changed: Arc<Notify>) -> Self {
        Self { store, clock, changed }
    }

    /// Lets an event happen to a run. Asking for what is so already changes nothing.
    ///
    /// # Errors
    /// [`SteerError::Refused`] when it makes no sense, others when the run is not there or the store fails.
    pub async fn apply(&self, id: RunId, event: Event, note: Note) -> Result<Run, SteerError> {
        self.apply_with(id, event, note, |_| ()).await
    }

    /// As [`Steward::apply`], with further changes to what is told of the run.
    ///
    /// # Errors
    /// As [`Steward::apply`].
    pub async fn apply_with(
        &self,
        id: RunId,
        event: Event,
        note: Note,
        edit: impl Fn(&mut Run) + Send,
    ) -> Result<Run, SteerError> {
        let mut tries = TRIES;
        loop {
            let (mut run, _) = self.store.run(id).await?.ok_or(SteerError::NoSuchRun(id))?;
            let before = Standing { state: run.state, intent: run.intent };
            let after = before.after(event)?;
            if before == after && event != Event::Wait {
                return Ok(run);
            }
            let revision = run.revision;
            self.settle(&mut run, after, event, &note);
            edit(&mut run);
            run.revision = revision + 1;
            let (level, text) = line(&run, before, event, &note);
            let line = NewLine { time: now(&*self.clock), level, step: "state".to_owned(), text };
            match self.store.change_run(&run, revision, &[line], note.private.as_ref()).await {
                Ok(()) => {
                    self.changed.notify_waiters();
                    return Ok(run);
                }
                Err(CatalogError::Conflict { .. }) if tries > 0 => tries -= 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Changes what is told of a run without changing where it stands.
    ///
    /// # Errors
    /// When the run is not there or the store fails.
    pub async fn amend(&self, id: RunId, edit: impl Fn(&mut Run) + Send) -> Result<Run, SteerError> {
        let mut tries = TRIES;
        loop {
            let (mut run, _) = self.store.run(id).await?.ok_or(SteerError::NoSuchRun(id))?;
            let (standing, revision) = ((run.state, run.intent), run.revision);
            edit(&mut run);
            (run.state, run.intent) = standing;
            run.revision = revision + 1;
            match self.store.update_run(&run, revision).await {
                Ok(()) => {
                    self.changed.notify_waiters();
                    return Ok(run);
                }
                Err(CatalogError::Conflict { .. }) if tries > 0 => tries -= 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn settle(&self, run: &mut Run, after: Standing, event: Event, note: &Note) {
        let now = now(&*self.clock);
        run.state = after.state;
        run.intent = after.intent;
        run.waiting = if run.state == RunState::Pending { note.waiting.clone() } else { None };
        if event == Event::Start {
            run.attempt += 1;
            run.started.get_or_insert(now);
        }
        if run.state.is_final() {
            run.ended = Some(now);
            run.progress.seconds_left = None;
            run.progress.current = None;
        }
        if run.state != RunState::Running {
            run.progress.bytes_per_second = 0;
        }
        if run.state == RunState::Failed {
            run.error.clone_from(&note.error);
        }
    }
}

/// What a change of state says in the log.
fn line(run: &Run, before: Standing, event: Event, note: &Note) -> (Level, String) {
    let by = note.by.as_deref().map(|who| format!(" by {who}")).unwrap_or_default();
    match (run.state, run.intent) {
        (_, Some(Intent::Pausing)) => {
            (Level::Info, format!("pause asked for{by}: stopping after the file in hand"))
        }
        (_, Some(Intent::Cancelling)) => {
            (Level::Info, format!("cancellation asked for{by}: stopping and cleaning up"))
        }
        (RunState::Running, None) if event == Event::Resume => {
            (Level::Info, format!("resumed{by} while it was pausing: it goes on as soon as it has stopped"))
        }
        (RunState::Running, None) => match run.attempt {
            0 | 1 => (Level::Info, "started".to_owned()),
            attempt => (Level::Info, format!("started again, for the {} time", ordinal(attempt))),
        },
        (RunState::Pending, _) => match (&run.waiting, event) {
            (Some(waiting), _) if before.state == RunState::Pending && waiting.next_try.is_none() => {
                (Level::Debug, format!("waiting: {}", waiting.reason))
            }
            (Some(Waiting { reason, next_try: Some(next) }), _) => {
                (Level::Warning, format!("waiting: {reason}; next try at {next:.0}"))
            }
            (Some(Waiting { reason, next_try: None }), _) => (Level::Info, format!("waiting: {reason}")),
            (None, Event::Resume) => (Level::Info, format!("resumed{by}")),
            (None, _) => (Level::Warning, "interrupted; it is taken up again where it was".to_owned()),
        },
        (RunState::Paused, _) => (Level::Info, format!("paused{by}; it keeps its place")),
        (RunState::Completed, _) => (Level::Info, "completed".to_owned()),
        (RunState::Cancelled, _) => (Level::Info, format!("cancelled{by}")),
        (RunState::Failed, _) => {
            let why = note.error.as_ref().map_or("for an unknown reason", |error| &error.message);
            (Level::Error, format!("failed: {why}"))
        }
    }
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::ordinal;

    #[test]
    fn numbers_have_their_endings() {
        let texts: Vec<_> = [1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(ordinal).to_vec();
        assert_eq!(texts, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th"]);
    }
}
