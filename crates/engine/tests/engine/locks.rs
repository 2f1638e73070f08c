//! Locks that come late, and holders that sleep too long.

use std::sync::{Arc, OnceLock};

use backstay_core::{Clock, FileKind};
use backstay_engine::Error;
use backstay_engine::repository::Lock;
use backstay_engine::testing::TestClock;
use parking_lot::Mutex;

use crate::support::vault::{PASSWORD, Vault, environment, tiny};
use crate::support::wrapped::Wrapped;

#[test]
fn a_lock_that_came_while_ours_was_written_is_seen_before_anything_is_read() {
    let (_, memory) = Vault::new();
    let quick: Arc<OnceLock<Vault>> = Arc::default();
    let _ = quick.set(Vault::open(Arc::new(memory.clone())).unwrap());
    let others = Arc::new(Mutex::new(Vec::new()));
    let slow = {
        let (quick, others) = (Arc::clone(&quick), Arc::clone(&others));
        Wrapped::over(&memory, move |action, handle| {
            // Somebody else takes a lock and begins while our own is on its way.
            if action == "write" && handle.kind == FileKind::Lock {
                others
                    .lock()
                    .extend(quick.get().map(|vault| Lock::acquire(&vault.repository, false).unwrap()));
            }
            Ok(())
        })
    };
    let slow = Vault::open(slow).unwrap();
    let error = Lock::acquire(&slow.repository, true).err().unwrap();
    assert!(matches!(error, Error::Locked { exclusive: false, .. }), "{error}");
    assert_eq!(slow.ids(FileKind::Lock).len(), 1, "ours does not stay behind");
}

#[test]
fn a_holder_that_slept_for_an_hour_has_lost_its_lock() {
    let (_, memory) = Vault::new();
    let clock = Arc::new(TestClock::default());
    let mut environment = environment();
    environment.clock = Arc::clone(&clock) as Arc<dyn Clock>;
    let vault = Vault::open_with(Arc::new(memory), PASSWORD, environment, tiny()).unwrap();
    let lock = Lock::acquire(&vault.repository, false).unwrap();
    lock.confirm().unwrap();
    clock.advance(20 * 60);
    lock.confirm().unwrap();
    clock.advance(40 * 60);
    let error = lock.confirm().unwrap_err();
    assert!(matches!(error, Error::LockLost { .. }), "{error}");
    assert!(vault.repository.control().is_cancelled(), "nothing more is written");
}
