//! Work that gives way: to who uses the host, and to the server where it is in this process.
//!
//! On Linux each thread has a priority of its own, which the threads that it starts inherit, and which nobody but root can raise
//! again. So such work has a thread of its own; hooks, whose programs may start services that live on, are never run on it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::runner;

/// By how much it gives way, on the scale of `nice`.
const STEPS: i32 = 10;

/// Does work at low priority, and waits for it. A panic in it goes on here.
pub(crate) fn gently<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let done = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // Where it is refused, the work is done all the same.
            let _ = rustix::process::nice(STEPS);
            catch_unwind(AssertUnwindSafe(work)).map_err(|panic| (panic, runner::take_panic()))
        });
        thread.join()
    });
    match done {
        Ok(Ok(done)) => done,
        Ok(Err((panic, told))) => {
            runner::put_panic(told);
            resume_unwind(panic)
        }
        Err(panic) => resume_unwind(panic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The priority of this thread.
    fn priority() -> i32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        stat.rsplit_once(") ").unwrap().1.split(' ').nth(16).unwrap().parse().unwrap()
    }

    #[test]
    fn it_and_its_threads_give_way_and_nobody_else_does() {
        let before = priority();
        let (own, inherited) = gently(|| (priority(), std::thread::spawn(priority).join().unwrap()));
        assert_eq!((own, inherited), ((before + STEPS).min(19), (before + STEPS).min(19)));
        assert_eq!(priority(), before);
    }

    #[test]
    fn a_panic_in_it_is_told_with_its_place() {
        runner::note_panics();
        let fallen = catch_unwind(|| gently(|| panic!("no such luck")));
        assert!(fallen.is_err());
        assert!(runner::take_panic().unwrap().contains("no such luck"));
    }
}
