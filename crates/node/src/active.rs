//! The runs that are being executed: their reins, and a watch over whether they get on.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use backstay_core::Control;
use backstay_model::{Limits, RunId};
use parking_lot::Mutex;

use crate::debts::Debts;

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
    excused: Mutex<Option<Instant>>,
    debts: Mutex<Debts>,
    is_winding_up: AtomicBool,
}

impl Active {
    pub(crate) fn new(limits: Limits) -> Self {
        let now = Instant::now();
        let control = Control::new();
        control.set_read_rate(limits.read);
        Self {
            control,
            limits,
            begun: now,
            moved: Mutex::new(now),
            stop: Mutex::new(None),
            excused: Mutex::new(None),
            debts: Mutex::default(),
            is_winding_up: AtomicBool::new(false),
        }
    }

    /// The work got on.
    pub(crate) fn touch(&self) {
        *self.moved.lock() = Instant::now();
    }

    /// For how long it has been executed.
    pub(crate) fn age(&self) -> Duration {
        self.begun.elapsed()
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

    /// From now on it may take this long for what has to be done even when it is to stop.
    pub(crate) fn excuse(&self, time: Duration) {
        *self.excused.lock() = Instant::now().checked_add(time);
    }

    /// Whether it still takes the time that it was given for what has to be done.
    pub(crate) fn is_excused(&self) -> bool {
        self.excused.lock().is_some_and(|excused| excused > Instant::now())
    }

    /// What it owes, as far as that is stored.
    pub(crate) fn debts(&self) -> Debts {
        self.debts.lock().clone()
    }

    /// Notes what it owes.
    pub(crate) fn set_debts(&self, debts: Debts) {
        *self.debts.lock() = debts;
    }

    /// Changes what it owes.
    pub(crate) fn edit_debts(&self, edit: impl FnOnce(&mut Debts)) {
        edit(&mut self.debts.lock());
    }

    /// Whether the end of the work is the caller's to see to. It is for the first one that asks: where work was given up, that
    /// is not the work itself.
    pub(crate) fn may_wind_up(&self) -> bool {
        !self.is_winding_up.swap(true, Ordering::SeqCst)
    }

    /// For how long it has not followed the word to stop.
    pub(crate) fn defiance(&self) -> Option<Duration> {
        let excused = *self.excused.lock();
        let since = self.stop.lock().as_ref().map(|(_, since)| *since)?;
        Some(excused.map_or(since, |excused| excused.max(since)).elapsed())
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
pub(crate) struct ActiveRuns(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    runs: HashMap<RunId, Arc<Active>>,
    closed: bool,
}

impl ActiveRuns {
    /// Takes a place for a run, before its state says that it is started: so whoever finds it started finds its reins too.
    /// False when its last work has not quite ended, or no more work is to begin.
    #[must_use]
    pub(crate) fn enter(&self, id: RunId, active: &Arc<Active>) -> bool {
        let mut places = self.0.lock();
        if places.closed || places.runs.contains_key(&id) {
            return false;
        }
        places.runs.insert(id, Arc::clone(active));
        true
    }

    pub(crate) fn leave(&self, id: RunId) {
        self.0.lock().runs.remove(&id);
    }

    /// Lets no more work begin, and tells all there is to stop.
    pub(crate) fn close(&self) {
        let mut places = self.0.lock();
        places.closed = true;
        places.runs.values().for_each(|active| active.stop(Stop::Shutdown));
    }

    pub(crate) fn get(&self, id: RunId) -> Option<Arc<Active>> {
        self.0.lock().runs.get(&id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Active>> {
        self.0.lock().runs.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> RunId {
        format!("00000000-0000-7000-8000-0000000000{number:02x}").parse().unwrap()
    }

    #[test]
    fn work_that_defies_the_word_to_stop_is_given_up_unless_it_has_something_to_put_right() {
        use crate::rounds::is_given_up;
        let told = |why: Stop, ago: u64| {
            let active = Active::new(Limits::default());
            active.stop(why);
            active.stop.lock().as_mut().unwrap().1 -= Duration::from_secs(ago);
            active
        };
        assert!(!is_given_up(&Active::new(Limits::default())));
        assert!(!is_given_up(&told(Stop::Asked, 50)));
        assert!(is_given_up(&told(Stop::Asked, 61)));
        assert!(is_given_up(&told(Stop::Watchdog("too slow".to_owned()), 61)));
        assert!(!is_given_up(&told(Stop::Shutdown, 61)), "the process ends by itself");
        let excused = told(Stop::Asked, 61);
        excused.excuse(Duration::from_secs(5));
        assert!(!is_given_up(&excused) && excused.is_excused());
        assert!(excused.may_wind_up() && !excused.may_wind_up(), "one alone sees to the end");
    }

    #[test]
    fn a_run_has_one_place_and_none_once_the_node_ends() {
        let runs = ActiveRuns::default();
        let (first, second) =
            (Arc::new(Active::new(Limits::default())), Arc::new(Active::new(Limits::default())));
        assert!(runs.enter(id(1), &first));
        assert!(!runs.enter(id(1), &second), "the last work of the run is not over");
        runs.close();
        assert_eq!(first.stopped(), Some(Stop::Shutdown));
        assert!(!runs.enter(id(2), &second), "nothing begins any more");
        runs.leave(id(1));
        assert!(runs.all().is_empty());
    }
}
