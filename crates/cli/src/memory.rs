//! How the system's allocator gives memory back.

/// Longer pieces of memory go back to the system when they are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const GIVEN_BACK: i32 = 256 << 10;

/// Has pieces of 256 KiB and more, as packs and chunks are, go back when they are freed. Left to itself, glibc keeps them for the thread
/// that freed them once some were, and a server whose runs have threads of their own grows with each run.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
pub(crate) fn give_back_large_pieces() {
    // SAFETY: called before any other thread is started; what it sets is read by the allocator alone.
    // When it is refused, all is as it was.
    let _ = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, GIVEN_BACK) };
}

/// Other allocators do as they do.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) const fn give_back_large_pieces() {}
