//! The same work on many things, by several threads at once.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// Works on each item, as many at once as there are threads.
pub(crate) fn for_each<T: Sync>(items: &[T], threads: usize, work: impl Fn(&T) + Sync) {
    let work = |item: &T| {
        work(item);
        Ok::<_, Infallible>(())
    };
    match try_for_each(items, threads, work) {
        Ok(()) => {}
        Err(never) => match never {},
    }
}

/// The same with work that may fail: after the first error nothing more is begun.
///
/// # Errors
/// The first that `work` ended with.
pub(crate) fn try_for_each<T: Sync, E: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    let failure: Mutex<Option<E>> = Mutex::new(None);
    let run = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            if failure.lock().is_some() {
                return;
            }
            if let Err(error) = work(item) {
                failure.lock().get_or_insert(error);
            }
        }
    };
    let threads = threads.min(items.len());
    if threads > 1 {
        std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(run))));
    } else {
        run();
    }
    failure.into_inner().map_or(Ok(()), Err)
}

/// Two pieces of work, at once if there are threads for both.
pub(crate) fn both<A: Send, B>(
    threads: usize,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B,
) -> (A, B) {
    if threads < 2 {
        return (one(), other());
    }
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        match one.join() {
            Ok(one) => (one, other),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn all_are_worked_on_and_so_many_at_once() {
        let (barrier, sum) = (Barrier::new(3), AtomicUsize::new(0));
        // Each waits for two others: fewer than three at once would never end.
        let work = |item: &usize| {
            barrier.wait();
            sum.fetch_add(*item, Ordering::Relaxed);
        };
        for_each(&[1, 2, 3, 4, 5, 6], 3, work);
        assert_eq!(sum.into_inner(), 21);
        assert_eq!(try_for_each(&[], 3, |_: &usize| Err("nothing is there")), Ok(()));
    }

    #[test]
    fn both_are_done_and_at_once_if_they_may() {
        let barrier = Barrier::new(2);
        let meet = || barrier.wait().is_leader();
        let (one, other) = both(2, meet, meet);
        assert_ne!(one, other);
        assert_eq!(both(1, || 1, || 2), (1, 2));
    }

    #[test]
    fn nothing_is_begun_after_an_error() {
        let begun = AtomicUsize::new(0);
        let work = |item: &usize| {
            begun.fetch_add(1, Ordering::Relaxed);
            if *item == 2 { Err("two") } else { Ok(()) }
        };
        assert_eq!(try_for_each(&[1, 2, 3, 4], 1, work), Err("two"));
        assert_eq!(begun.into_inner(), 2);
    }
}
