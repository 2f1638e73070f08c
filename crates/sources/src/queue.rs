//! Jobs that make more jobs, shared by a few threads, the newest first.
//!
//! Newest first keeps a walk deep rather than wide, so that the number of open folders follows the
//! depth of the tree and not its size.

use parking_lot::{Condvar, Mutex};

#[derive(Debug)]
pub(crate) struct Queue<J, E> {
    state: Mutex<State<J, E>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<J, E> {
    jobs: Vec<J>,
    /// Threads that hold a job and may add more.
    busy: usize,
    failure: Option<E>,
}

impl<J: Send, E: Send> Queue<J, E> {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State { jobs: Vec::new(), busy: 0, failure: None }),
            changed: Condvar::new(),
        }
    }

    /// Adds jobs; the last of them is taken first.
    pub(crate) fn push(&self, jobs: impl IntoIterator<Item = J>) {
        self.state.lock().jobs.extend(jobs);
        self.changed.notify_all();
    }

    /// Works with this many threads until no job is left or one fails; gives the first failure.
    /// Each thread begins with what `start` makes of it; the work may push more jobs.
    pub(crate) fn work<S>(
        &self,
        threads: usize,
        start: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, J) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| self.serve(&mut start(), &work));
            }
        });
        self.state.lock().failure.take().map_or(Ok(()), Err)
    }

    fn serve<S>(&self, state: &mut S, work: &impl Fn(&mut S, J) -> Result<(), E>) {
        while let Some(job) = self.take() {
            // Counts this thread out even when the work panics, or the others would wait for ever.
            let _busy = Busy(self);
            if let Err(error) = work(state, job) {
                let mut state = self.state.lock();
                state.failure.get_or_insert(error);
                let dropped = std::mem::take(&mut state.jobs);
                drop(state);
                drop(dropped);
            }
        }
    }

    fn take(&self) -> Option<J> {
        let mut state = self.state.lock();
        loop {
            if state.failure.is_some() {
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
}

struct Busy<'a, J, E>(&'a Queue<J, E>);

impl<J, E> Drop for Busy<'_, J, E> {
    fn drop(&mut self) {
        self.0.state.lock().busy -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn jobs_that_make_jobs_are_all_done() {
        let done = AtomicU32::new(0);
        let queue = Queue::<u32, ()>::new();
        queue.push([12]);
        let outcome = queue.work(
            3,
            || (),
            |(), depth| {
                done.fetch_add(1, Ordering::Relaxed);
                if depth > 0 {
                    queue.push([depth - 1, depth - 1]);
                }
                Ok(())
            },
        );
        assert_eq!(outcome, Ok(()));
        assert_eq!(done.into_inner(), (1 << 13) - 1);
    }

    #[test]
    fn the_first_failure_ends_the_work() {
        let queue = Queue::new();
        queue.push(0..1000);
        assert_eq!(
            queue.work(2, || (), |(), job| if job == 500 { Err("stop") } else { Ok(()) }),
            Err("stop")
        );
    }
}
