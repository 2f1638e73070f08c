//! Threads that share a stack of jobs, where a job may bring more jobs.

use std::thread;

use anyhow::{Result, anyhow};
use parking_lot::{Condvar, Mutex};

/// The jobs that are open.
pub(crate) struct Crew<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
}

struct State<J> {
    jobs: Vec<J>,
    /// How many threads are at a job, and so may still bring more.
    busy: usize,
    failed: bool,
}

impl<J: Send> Crew<J> {
    /// Runs one `worker` per processor until no job is left; gives back what each returned.
    pub(crate) fn run<T: Send>(jobs: Vec<J>, worker: impl Fn(&Self) -> Result<T> + Sync) -> Result<Vec<T>> {
        let crew =
            Self { state: Mutex::new(State { jobs, busy: 0, failed: false }), changed: Condvar::new() };
        let threads = thread::available_parallelism()?.get();
        thread::scope(|scope| {
            let guarded = || {
                let result = worker(&crew);
                if result.is_err() {
                    crew.state.lock().failed = true;
                    crew.changed.notify_all();
                }
                result
            };
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(guarded)).collect();
            handles
                .into_iter()
                .map(|handle| handle.join().map_err(|_| anyhow!("a thread panicked"))?)
                .collect()
        })
    }

    /// Takes a job; waits while others may still bring one. `None` when all is done, or another thread has failed.
    pub(crate) fn take(&self) -> Option<J> {
        let mut state = self.state.lock();
        loop {
            if state.failed {
                return None;
            }
            if let Some(job) = state.jobs.pop() {
                state.busy += 1;
                return Some(job);
            }
            if state.busy == 0 {
                return None;
            }
            self.changed.wait(&mut state);
        }
    }

    /// Adds what a job brought up; call before [`Crew::done`].
    pub(crate) fn add(&self, jobs: impl IntoIterator<Item = J>) {
        self.state.lock().jobs.extend(jobs);
        self.changed.notify_all();
    }

    /// Ends the job that was taken.
    pub(crate) fn done(&self) {
        let mut state = self.state.lock();
        state.busy -= 1;
        if state.busy == 0 && state.jobs.is_empty() {
            self.changed.notify_all();
        }
    }
}
