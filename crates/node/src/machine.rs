//! The states of a run, and every way from one to another.
//!
//! Only the node that executes a run changes its state, and it asks here first. The machine knows neither clock nor store: it
//! says what a state becomes, and refuses what makes no sense. A state that takes time to leave is kept with an [`Intent`], so
//! that a pause or a cancellation shows at once, as under way, until the work has really stopped.
//!
//! ```text
//!            Start                  Complete
//!  pending ─────────▶ running ─────────────────▶ completed
//!   ▲ ▲ │               │ │ │        Fail
//!   │ │ │ Cancel        │ │ └───────────────────▶ failed
//!   │ │ └──────────┐    │ │ Stopped, if cancelling
//!   │ │            ▼    │ └─────────────────────▶ cancelled
//!   │ │        cancelled│                            ▲
//!   │ └─────────────────┤ Wait; Stopped, unasked     │ Cancel
//!   │ Resume            ▼ Stopped, if pausing        │
//!   └──────────────── paused ────────────────────────┘
//! ```

use backstay_model::RunState;
use backstay_model::run::Intent;

/// Something that happens to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// Its turn has come.
    Start,
    /// Somebody asks it to keep its place and stop.
    Pause,
    /// Somebody lets it go on.
    Resume,
    /// Somebody ends it.
    Cancel,
    /// What it needs is out of reach: it waits and is tried again.
    Wait,
    /// The work has stopped without an end: because it was asked to, or because the process went away.
    Stopped,
    /// It did what it was asked to.
    Complete,
    /// It could not.
    Fail,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Start,
        Self::Pause,
        Self::Resume,
        Self::Cancel,
        Self::Wait,
        Self::Stopped,
        Self::Complete,
        Self::Fail,
    ];
}

/// Where a run stands: its state, and what it was asked to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Standing {
    /// The state.
    pub state: RunState,
    /// What it was asked to become; only running ones need time for that.
    pub intent: Option<Intent>,
}

/// Why an event does not fit a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has ended.
    #[error("the run has ended as {}", .0.name())]
    Ended(RunState),
    /// It is being cancelled, which cannot be taken back.
    #[error("the run is being cancelled")]
    Cancelling,
    /// It is not being executed.
    #[error("the run is {}, not running", .0.name())]
    NotRunning(RunState),
    /// It is being executed already.
    #[error("the run is running already")]
    Running,
    /// There is nothing to go on with.
    #[error("the run is not paused")]
    NotPaused,
}

impl Standing {
    /// A state nobody wants to change.
    #[must_use]
    pub const fn settled(state: RunState) -> Self {
        Self { state, intent: None }
    }

    const fn towards(intent: Intent) -> Self {
        Self { state: RunState::Running, intent: Some(intent) }
    }

    /// What becomes of it. The same standing comes back when it is already so.
    ///
    /// # Errors
    /// [`Refused`] when the event makes no sense here.
    pub const fn after(self, event: Event) -> Result<Self, Refused> {
        match self.state {
            RunState::Pending => Self::pending(event),
            RunState::Running => self.running(event),
            RunState::Paused => Self::paused(event),
            ended @ (RunState::Completed | RunState::Failed | RunState::Cancelled) => {
                Err(Refused::Ended(ended))
            }
        }
    }

    const fn pending(event: Event) -> Result<Self, Refused> {
        match event {
            Event::Start => Ok(Self::settled(RunState::Running)),
            Event::Pause => Ok(Self::settled(RunState::Paused)),
            Event::Cancel => Ok(Self::settled(RunState::Cancelled)),
            Event::Wait => Ok(Self::settled(RunState::Pending)),
            // It waited for so long that it makes no sense any more.
            Event::Fail => Ok(Self::settled(RunState::Failed)),
            Event::Resume => Err(Refused::NotPaused),
            Event::Stopped | Event::Complete => Err(Refused::NotRunning(RunState::Pending)),
        }
    }

    const fn running(self, event: Event) -> Result<Self, Refused> {
        match (event, self.intent) {
            (Event::Start, _) => Err(Refused::Running),
            (Event::Complete, _) => Ok(Self::settled(RunState::Completed)),
            (Event::Pause | Event::Resume, Some(Intent::Cancelling)) => Err(Refused::Cancelling),
            (Event::Pause, _) => Ok(Self::towards(Intent::Pausing)),
            // The work is stopping already; once it has, the run waits for its turn instead of being paused.
            (Event::Resume, Some(Intent::Pausing)) => Ok(Self::settled(RunState::Running)),
            (Event::Resume, None) => Err(Refused::NotPaused),
            (Event::Cancel, _) => Ok(Self::towards(Intent::Cancelling)),
            (Event::Wait | Event::Stopped | Event::Fail, Some(Intent::Cancelling)) => {
                Ok(Self::settled(RunState::Cancelled))
            }
            (Event::Wait | Event::Stopped, Some(Intent::Pausing)) => Ok(Self::settled(RunState::Paused)),
            (Event::Wait | Event::Stopped, None) => Ok(Self::settled(RunState::Pending)),
            (Event::Fail, _) => Ok(Self::settled(RunState::Failed)),
        }
    }

    const fn paused(event: Event) -> Result<Self, Refused> {
        match event {
            Event::Pause => Ok(Self::settled(RunState::Paused)),
            Event::Resume => Ok(Self::settled(RunState::Pending)),
            Event::Cancel => Ok(Self::settled(RunState::Cancelled)),
            Event::Start | Event::Wait | Event::Stopped | Event::Complete | Event::Fail => {
                Err(Refused::NotRunning(RunState::Paused))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use Event as E;
    use RunState::{Cancelled, Completed, Failed, Paused, Pending, Running};

    /// Every standing that a run can have.
    fn standings() -> Vec<Standing> {
        let mut all: Vec<_> = RunState::ALL.into_iter().map(Standing::settled).collect();
        all.extend([Intent::Pausing, Intent::Cancelling].map(Standing::towards));
        all
    }

    /// The written table: what each event makes of each standing; `None` is refused.
    fn table(standing: Standing, event: Event) -> Option<Standing> {
        let settled = |state| Some(Standing::settled(state));
        match (standing.state, standing.intent) {
            (Pending, _) => match event {
                E::Start => settled(Running),
                E::Pause => settled(Paused),
                E::Cancel => settled(Cancelled),
                E::Wait => settled(Pending),
                E::Fail => settled(Failed),
                E::Resume | E::Stopped | E::Complete => None,
            },
            (Running, None) => match event {
                E::Start | E::Resume => None,
                E::Pause => Some(Standing::towards(Intent::Pausing)),
                E::Cancel => Some(Standing::towards(Intent::Cancelling)),
                E::Wait | E::Stopped => settled(Pending),
                E::Complete => settled(Completed),
                E::Fail => settled(Failed),
            },
            (Running, Some(Intent::Pausing)) => match event {
                E::Start => None,
                E::Pause => Some(standing),
                E::Resume => settled(Running),
                E::Cancel => Some(Standing::towards(Intent::Cancelling)),
                E::Wait | E::Stopped => settled(Paused),
                E::Complete => settled(Completed),
                E::Fail => settled(Failed),
            },
            (Running, Some(Intent::Cancelling)) => match event {
                E::Start | E::Pause | E::Resume => None,
                E::Cancel => Some(standing),
                E::Wait | E::Stopped | E::Fail => settled(Cancelled),
                E::Complete => settled(Completed),
            },
            (Paused, _) => match event {
                E::Pause => settled(Paused),
                E::Resume => settled(Pending),
                E::Cancel => settled(Cancelled),
                _ => None,
            },
            (Completed | Failed | Cancelled, _) => None,
        }
    }

    #[test]
    fn every_event_in_every_standing_is_as_written() {
        for standing in standings() {
            for event in Event::ALL {
                assert_eq!(standing.after(event).ok(), table(standing, event), "{standing:?} {event:?}");
            }
        }
    }

    #[test]
    fn every_pair_of_states_is_reachable_as_drawn_and_no_other() {
        let drawn = [
            (Pending, Pending),
            (Pending, Running),
            (Pending, Paused),
            (Pending, Failed),
            (Pending, Cancelled),
            (Running, Running),
            (Running, Pending),
            (Running, Paused),
            (Running, Completed),
            (Running, Failed),
            (Running, Cancelled),
            (Paused, Paused),
            (Paused, Pending),
            (Paused, Cancelled),
        ];
        for from in RunState::ALL {
            for to in RunState::ALL {
                let ways = standings().into_iter().filter(|standing| standing.state == from);
                let reachable = ways.flat_map(|standing| Event::ALL.map(|event| standing.after(event)));
                let reachable = reachable.flatten().any(|next| next.state == to);
                assert_eq!(reachable, drawn.contains(&(from, to)), "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn only_a_running_run_keeps_an_intent() {
        for standing in standings() {
            for next in Event::ALL.iter().filter_map(|event| standing.after(*event).ok()) {
                assert!(next.intent.is_none() || next.state == Running, "{next:?}");
            }
        }
    }
}
