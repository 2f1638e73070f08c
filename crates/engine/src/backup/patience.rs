//! Which destinations hold up the others, and are left aside for it.
//!
//! How busy each destination is and how many threads wait for it is looked at all the time. Those that were busy far more than
//! another are slow. When waiting for the slow ones has cost half of the threads' work or more, they are left aside, and the others go on
//! at their own speed. Where all are about as busy, nobody gains by that, and all stay.

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

/// What a destination was like over a stretch of time, as parts of it.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    /// How much it had to do of what it can do.
    busy: f64,
    /// How much of the threads' work was lost by waiting for it.
    cost: f64,
}

fn watch(crew: &Crew, patience: Duration, ended: &Receiver<()>) {
    let mut loads = vec![Load::default(); crew.destinations.len()];
    let (mut begun, mut looks) = (Instant::now(), 0_u32);
    while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        if crew.control.is_paused() {
            (begun, looks) = (Instant::now(), 0);
            loads.fill(Load::default());
            continue;
        }
        looks += 1;
        for (load, shared) in loads.iter_mut().zip(&crew.destinations) {
            load.busy += shared.gauge.busy();
            load.cost += (shared.gauge.waiting() as f64 / crew.threads as f64).min(1.0);
        }
        if begun.elapsed() < patience {
            continue;
        }
        let others = crew.guests.iter().any(|guest| !guest.has_failed());
        let parts: Vec<Option<Load>> = loads
            .iter()
            .zip(&crew.destinations)
            .map(|(load, shared)| {
                let looks = f64::from(looks);
                let load = Load { busy: load.busy / looks, cost: load.cost / looks };
                crew.takes_part(shared).then_some(load)
            })
            .collect();
        for shared in laggards(&parts, others).iter().filter_map(|number| crew.destinations.get(*number)) {
            let what = shared.repository.storage().location();
            let why = "it holds up the other destinations, so these go on without it";
            let error = StorageError::new(ErrorKind::Timeout, "write", what, why);
            shared.fail(SinkError::failed(Error::from(error)));
        }
        (begun, looks) = (Instant::now(), 0);
        loads.fill(Load::default());
    }
}

/// Which of those that take part are too slow for the others. `others` says whether somebody takes part who is never waited for.
fn laggards(loads: &[Option<Load>], others: bool) -> Vec<usize> {
    let parts = || loads.iter().enumerate().filter_map(|(number, load)| Some((number, (*load)?)));
    let least = parts().map(|(_, load)| load.busy).fold(f64::INFINITY, f64::min);
    let least = if others { 0.0 } else { least };
    let slow = || parts().filter(|(_, load)| load.busy > 4.0 * least + 0.05);
    let cost: f64 = slow().map(|(_, load)| load.cost).sum();
    if cost >= 0.5 { slow().map(|(number, _)| number).collect() } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(loads: &[(f64, f64)], others: bool) -> Vec<usize> {
        let loads: Vec<_> =
            loads.iter().map(|(busy, cost)| Some(Load { busy: *busy, cost: *cost })).collect();
        laggards(&loads, others)
    }

    #[test]
    fn whoever_costs_the_others_half_their_work_is_left_aside() {
        assert_eq!(slow(&[(0.1, 0.0), (1.0, 0.9)], false), [1]);
        assert_eq!(slow(&[(0.1, 0.0), (0.9, 0.1), (1.0, 0.5)], false), [1, 2]);
        assert_eq!(slow(&[(0.1, 0.0), (1.0, 0.4)], false), [0; 0]);
        assert_eq!(laggards(&[Some(Load::default()), None], false), [0; 0]);
    }

    #[test]
    fn who_is_as_busy_as_all_others_stays() {
        assert_eq!(slow(&[(1.0, 0.9), (0.8, 0.0)], false), [0; 0]);
        assert_eq!(slow(&[(1.0, 0.9), (0.3, 0.0)], false), [0; 0]);
        assert_eq!(slow(&[(1.0, 0.9)], false), [0; 0]);
        assert_eq!(slow(&[(1.0, 0.9)], true), [0]);
        assert_eq!(slow(&[], true), [0; 0]);
    }
}
