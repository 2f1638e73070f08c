//! Which plans are due.
//!
//! Pure: plans, the clock and what was handled last come in, what is to be done goes out. The scheduler in [`crate::Node`] asks
//! about every second; [`Agenda`] remembers when each plan is due next, so that nothing is computed in vain.

use std::collections::HashMap;

use backstay_model::link::NodePlan;
use backstay_model::run::Trigger;
use backstay_model::{PlanId, Time};
use backstay_policy::schedule::{Due, ScheduleError};

/// A slot counts as caught up when it is later than this, in seconds: until then it just started a little late.
const LATE: i64 = 300;

/// What is to be done about a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Duty {
    /// Run it.
    Run {
        /// The moment it was due.
        due: Time,
        /// Whether in time, or late because nobody could run it.
        trigger: Trigger,
        /// How many earlier moments this one stands for as well.
        missed: u64,
    },
    /// Write down that it was missed, and do not run it.
    Missed {
        /// The moment it was due.
        due: Time,
        /// How many earlier moments were missed as well.
        missed: u64,
    },
}

/// When each plan is due next, as far as it has been worked out.
#[derive(Debug, Default)]
pub struct Agenda {
    next: HashMap<PlanId, (i64, Option<Time>)>,
    asked: Option<Time>,
}

impl Agenda {
    /// What is to be done about a plan now; `last` is the moment that was handled last, if any was.
    ///
    /// # Errors
    /// When the schedule makes no sense, which the server should have refused.
    pub fn look(
        &mut self,
        plan: &NodePlan,
        last: Option<Time>,
        now: Time,
    ) -> Result<Option<Duty>, ScheduleError> {
        if !plan.spec.enabled {
            return Ok(None);
        }
        // What was due before the plan was made, changed or switched on is nobody's business.
        let last = last.map_or(plan.since, |last| last.max(plan.since));
        let due = plan.spec.schedule.due(Some(last), now, seed(plan.id))?;
        let late = |due: Time| now.as_second().saturating_sub(due.as_second()) > LATE;
        Ok(match due {
            Due::NotYet { next } => {
                self.next.insert(plan.id, (plan.revision, next));
                None
            }
            Due::Now { slot, missed } => {
                self.next.remove(&plan.id);
                let trigger = if late(slot) { Trigger::CatchUp } else { Trigger::Schedule };
                Some(Duty::Run { due: slot, trigger, missed })
            }
            Due::Missed { slot, missed } => {
                self.next.remove(&plan.id);
                Some(Duty::Missed { due: slot, missed })
            }
        })
    }

    /// Whether a plan has to be looked at now.
    #[must_use]
    pub fn is_open(&self, plan: &NodePlan, now: Time) -> bool {
        match self.next.get(&plan.id) {
            Some((revision, next)) if *revision == plan.revision => next.is_some_and(|next| next <= now),
            _ => true,
        }
    }

    /// Told the time at each round. A clock that was set back makes everything that was worked out void.
    pub fn tick(&mut self, now: Time) {
        if self.asked.is_some_and(|asked| now < asked) {
            self.next.clear();
        }
        self.asked = Some(now);
    }

    /// When the first plan is due, as far as it has been worked out.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        self.next.values().filter_map(|(_, next)| *next).min()
    }
}

/// What a plan's jitter is drawn from: its own id.
#[must_use]
pub fn seed(plan: PlanId) -> u64 {
    let (high, low) = plan.0.as_u64_pair();
    high ^ low
}
