//! Which destinations hold up the others, and are left aside for it.
//!
//! Threads that wait for a destination are counted all the time. After each stretch of time it is known how much of the threads' work
//! each destination has cost. Slowest are the others left with when some of them, together, cost half of it or more, while another
//! cost far less: those are left aside, and the others go on at their own speed.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use backstay_core::{ErrorKind, SinkError, StorageError};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::crew::Crew;
use crate::{Error, Result};

/// How often it is looked who waits.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A thread that watches the destinations until this is dropped.
pub(super) struct Watch {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(super) fn start(crew: &Arc<Crew>, patience: Duration) -> Result<Self> {
        let (end, ended) = bounded(0);
        let crew = Arc::clone(crew);
        let thread = std::thread::Builder::new()
            .name("patience".into())
            .spawn(move || watch(&crew, patience, &ended))
            .map_err(|error| Error::Invalid(format!("cannot start a thread: {error}")))?;
        Ok(Self { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch(crew: &Crew, patience: Duration, ended: &Receiver<()>) {
    let mut lost = vec![0.0; crew.destinations.len()];
    let (mut begun, mut last) = (Instant::now(), Instant::now());
    while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        let now = Instant::now();
        let passed = now.duration_since(std::mem::replace(&mut last, now)).as_secs_f64();
        if crew.control.is_paused() {
            continue;
        }
        for (lost, shared) in lost.iter_mut().zip(&crew.destinations) {
            *lost += passed * (shared.gauge.waiting() as f64 / crew.threads as f64).min(1.0);
        }
        if now.duration_since(begun) < patience {
            continue;
        }
        let span = now.duration_since(std::mem::replace(&mut begun, now)).as_secs_f64();
        let others = crew.guests.iter().any(|guest| !guest.has_failed());
        let parts = lost.iter().zip(&crew.destinations);
        let parts: Vec<_> = parts.map(|(lost, shared)| crew.takes_part(shared).then_some(*lost)).collect();
        for shared in laggards(&parts, span, others).filter_map(|number| crew.destinations.get(number)) {
            let what = shared.repository.storage().location();
            let why = "it holds up the other destinations, so these go on without it";
            let error = StorageError::new(ErrorKind::Timeout, "write", what, why);
            shared.fail(SinkError::failed(Error::from(error)));
        }
        lost.fill(0.0);
    }
}

/// Which of those that take part are too slow for the others, by the seconds of a span that each has cost. `others` says whether
/// somebody takes part who costs nothing.
fn laggards(lost: &[Option<f64>], span: f64, others: bool) -> impl Iterator<Item = usize> {
    let least = lost.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    let least = if others { 0.0 } else { least };
    let is_slow = |lost: f64| lost > 4.0 * least + span / 20.0;
    let cost: f64 = lost.iter().flatten().copied().filter(|lost| is_slow(*lost)).sum();
    let slow = lost.iter().enumerate().filter(|(_, lost)| lost.is_some_and(is_slow));
    let slow: Vec<_> = slow.map(|(number, _)| number).filter(|_| cost >= span / 2.0).collect();
    slow.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(lost: &[Option<f64>], others: bool) -> Vec<usize> {
        laggards(lost, 30.0, others).collect()
    }

    #[test]
    fn whoever_costs_the_others_half_their_time_is_left_aside() {
        assert_eq!(slow(&[Some(0.1), Some(29.0)], false), [1]);
        assert_eq!(slow(&[Some(0.1), Some(9.0), Some(10.0)], false), [1, 2]);
        assert_eq!(slow(&[Some(0.1), Some(9.0)], false), [0; 0]);
        assert_eq!(slow(&[Some(0.1), None, Some(9.0)], false), [0; 0]);
    }

    #[test]
    fn who_is_as_slow_as_all_others_stays() {
        assert_eq!(slow(&[Some(15.0), Some(14.0)], false), [0; 0]);
        assert_eq!(slow(&[Some(5.0), Some(16.0)], false), [0; 0]);
        assert_eq!(slow(&[Some(29.0)], false), [0; 0]);
        assert_eq!(slow(&[Some(29.0)], true), [0]);
        assert_eq!(slow(&[], true), [0; 0]);
    }
}
