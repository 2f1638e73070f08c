//! The runs that are being executed: their reins, and a watch over whether they get on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_core::Control;
use backstay_model::{Limits, RunId};
use parking_lot::Mutex;

/// Why work was told to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Somebody asked; the run's intent says for what.
    Asked,
    /// It took too long, or got nowhere.
    Watchdog(String),
    /// The process is ending.
    Shutdown,
}

/// A run that is being executed.
#[derive(Debug)]
pub(crate) struct Active {
    /// The reins of its work.
    pub(crate) control: Control,
    limits: Limits,
    begun: Instant,
    moved: Mutex<Instant>,
    stop: Mutex<Option<(Stop, Instant)>>,
}

impl Active {
    pub(crate) fn new(limits: Limits) -> Self {
        let now = Instant::now();
        let control = Control::new();
        control.set_read_rate(limits.read);
        Self { control, limits, begun: now, moved: Mutex::new(now), stop: Mutex::new(None) }
    }

    /// The work got on.
    pub(crate) fn touch(&self) {
        *self.moved.lock() = Instant::now();
    }

    /// Tells the work to stop. The first reason counts.
    pub(crate) fn stop(&self, why: Stop) {
        self.stop.lock().get_or_insert((why, Instant::now()));
        self.control.cancel();
    }

    /// Why it was told to stop, if it was.
    pub(crate) fn stopped(&self) -> Option<Stop> {
        self.stop.lock().as_ref().map(|(why, _)| why.clone())
    }

    /// For how long it has not followed the word to stop.
    pub(crate) fn defiance(&self) -> Option<Duration> {
        self.stop.lock().as_ref().map(|(_, since)| since.elapsed())
    }

    /// Ends the work when it takes too long or gets nowhere.
    pub(crate) fn watch(&self) {
        let text = backstay_policy::duration_text::print;
        let (whole, still) = (self.begun.elapsed(), self.moved.lock().elapsed());
        if whole > self.limits.time {
            let limit = text(self.limits.time);
            self.stop(Stop::Watchdog(format!("it took longer than its time limit of {limit}")));
        } else if still > self.limits.no_progress {
            let limit = text(self.limits.no_progress);
            self.stop(Stop::Watchdog(format!("nothing got on for {limit}")));
        }
    }
}

/// All runs that are being executed.
#[derive(Debug, Default)]
pub(crate) struct ActiveRuns(Mutex<HashMap<RunId, Arc<Active>>>);

impl ActiveRuns {
    pub(crate) fn insert(&self, id: RunId, active: Arc<Active>) {
        self.0.lock().insert(id, active);
    }

    pub(crate) fn remove(&self, id: RunId) {
        self.0.lock().remove(&id);
    }

    pub(crate) fn get(&self, id: RunId) -> Option<Arc<Active>> {
        self.0.lock().get(&id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Active>> {
        self.0.lock().values().cloned().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }
}
