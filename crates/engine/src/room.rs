//! Room in memory for what many threads hold at once.

use parking_lot::{Condvar, Mutex};

/// So many bytes, which threads take and give back.
pub(crate) struct Room {
    all: u64,
    free: Mutex<u64>,
    given_back: Condvar,
}

/// Some of it; given back when dropped.
pub(crate) struct Taken<'a> {
    room: &'a Room,
    bytes: u64,
}

impl Room {
    pub(crate) const fn new(bytes: u64) -> Self {
        Self { all: bytes, free: Mutex::new(bytes), given_back: Condvar::new() }
    }

    /// Waits until so many bytes are free, and takes them. Who wants more than there is gets all.
    pub(crate) fn take(&self, bytes: u64) -> Taken<'_> {
        let bytes = bytes.min(self.all);
        let mut free = self.free.lock();
        while *free < bytes {
            self.given_back.wait(&mut free);
        }
        *free -= bytes;
        Taken { room: self, bytes }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        *self.room.free.lock() += self.bytes;
        self.room.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::Room;

    #[test]
    fn no_more_is_taken_than_there_is() {
        let (room, held, most) = (Room::new(10), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for bytes in [4, 7, 3, 100, 6, 1, 5] {
                let (room, held, most) = (&room, &held, &most);
                scope.spawn(move || {
                    for _ in 0..100 {
                        let taken = room.take(bytes);
                        let now = held.fetch_add(taken.bytes, Ordering::SeqCst) + taken.bytes;
                        most.fetch_max(now, Ordering::SeqCst);
                        std::thread::yield_now();
                        held.fetch_sub(taken.bytes, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!((1..=10).contains(&most.into_inner()));
        assert_eq!(*room.free.lock(), 10);
    }
}
