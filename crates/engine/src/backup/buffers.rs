//! Memory for the content of big files, lent and taken back.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// Buffers of one size. They are kept for the next who needs one, since fresh memory is slow to touch.
pub(super) struct Buffers {
    size: usize,
    idle: Mutex<Vec<Box<[u8]>>>,
    lent: AtomicUsize,
}

/// A buffer that goes back when it is dropped.
pub(super) struct Buffer {
    bytes: Box<[u8]>,
    home: Arc<Buffers>,
}

impl Buffers {
    /// Buffers of `size` bytes each.
    pub(super) fn new(size: usize) -> Arc<Self> {
        Arc::new(Self { size, idle: Mutex::default(), lent: AtomicUsize::new(0) })
    }

    /// Lends one. What it holds is left over from its last use.
    pub(super) fn lend(self: &Arc<Self>) -> Buffer {
        self.lent.fetch_add(1, Ordering::Relaxed);
        let idle = self.idle.lock().pop();
        // Zeroed memory takes no room until it is touched.
        let bytes = idle.unwrap_or_else(|| vec![0; self.size].into_boxed_slice());
        Buffer { bytes, home: Arc::clone(self) }
    }

    /// How many are lent.
    pub(super) fn lent(&self) -> usize {
        self.lent.load(Ordering::Relaxed)
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.home.lent.fetch_sub(1, Ordering::Relaxed);
        self.home.idle.lock().push(std::mem::take(&mut self.bytes));
    }
}
