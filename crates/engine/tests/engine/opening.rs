//! Which key opens a repository, and what two that make it at once leave behind.

use std::sync::Arc;

use backstay_core::storage::ErrorKind;
use backstay_core::{FileKind, Handle, Storage};
use backstay_engine::Error;
use backstay_engine::repository::{InitOptions, init, unlock};
use backstay_storage::Memory;

use crate::support::vault::{PASSWORD, Vault, environment, tiny};
use crate::support::wrapped::Wrapped;

/// Copies all files of a kind.
fn put_all(from: &Memory, to: &Memory, kind: FileKind) {
    for handle in from.handles().into_iter().filter(|handle| handle.kind == kind) {
        to.put(handle, &from.get(&handle).unwrap());
    }
}

#[test]
fn a_key_of_another_repository_does_not_stand_in_the_way() {
    let (own, memory) = Vault::new();
    let (stranger, other) = Vault::new();
    put_all(&other, &memory, FileKind::Key);
    let storage: Arc<dyn Storage> = Arc::new(memory.clone());
    for first in [&own, &stranger] {
        let hint = first.repository.key_id().to_hex();
        let key = unlock(&storage, PASSWORD, Some(&hint)).unwrap();
        assert_eq!(key.id, own.repository.key_id());
    }
    own.is_sound();
    // With no key of its own, it is the configuration that is reported.
    memory.put(Handle::CONFIG, &other.get(&Handle::CONFIG).unwrap());
    unlock(&storage, PASSWORD, None).unwrap();
    memory.put(Handle::CONFIG, b"neither the one nor the other");
    let error = unlock(&storage, PASSWORD, None).err().unwrap();
    assert!(matches!(error, Error::Damaged { .. }) && error.to_string().contains("configuration"), "{error}");
    let error = unlock(&storage, "wrong", None).err().unwrap();
    assert!(matches!(error, Error::WrongPassword { keys: 2 }), "{error}");
}

#[test]
fn who_makes_a_repository_too_late_takes_its_key_away_again() {
    let (winner, made) = Vault::new();
    let memory = Memory::new();
    let racing = {
        let (made, memory) = (made.clone(), memory.clone());
        // The other one comes between our key and our configuration.
        Wrapped::over(&memory.clone(), move |action, handle| {
            if (action, handle.kind) == ("write", FileKind::Config) {
                put_all(&made, &memory, FileKind::Key);
                put_all(&made, &memory, FileKind::Config);
            }
            Ok(())
        })
    };
    let error = init(racing, PASSWORD, InitOptions::default(), environment(), tiny()).err().unwrap();
    assert!(matches!(error, Error::RepositoryExists { .. }), "{error}");
    assert_eq!(memory.handles(), made.handles());
    let opened = Vault::open(Arc::new(memory)).unwrap();
    assert_eq!(opened.repository.config().id, winner.repository.config().id);
}

#[test]
fn what_could_not_be_made_can_be_made_the_next_time() {
    let memory = Memory::new();
    let full = Wrapped::over(&memory, |action, handle| match (action, handle.kind) {
        ("write", FileKind::Config) => Err(ErrorKind::NoSpace),
        _ => Ok(()),
    });
    let error = init(full, PASSWORD, InitOptions::default(), environment(), tiny()).err().unwrap();
    assert!(matches!(&error, Error::Storage(error) if error.kind == ErrorKind::NoSpace), "{error}");
    assert_eq!(memory.handles(), []);
    Vault::made(Arc::new(memory), tiny()).is_sound();
}
