//! What is sealed opens, nothing else does, and no exchange of keys loses anything.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::Secret;
use crate::testing::TestRandom;

struct World {
    folder: TempDir,
    random: TestRandom,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), random: TestRandom::seeded(1) }
    }

    fn ring(&self) -> PathBuf {
        self.folder.path().join("keys.json")
    }

    fn open(&self) -> Result<Vault> {
        Vault::open_or_make(&self.ring(), master(1), &self.random)
    }

    fn vault(&self) -> Vault {
        self.open().unwrap()
    }
}

fn master(number: u8) -> MasterKey {
    MasterKey::from_text(&Secret::new(format!("{number:02x}").repeat(32))).unwrap()
}

fn record(field: &str) -> RecordId {
    RecordId::new("connection", "41", field)
}

#[test]
fn every_changed_byte_and_every_missing_end_is_refused() {
    let world = World::new();
    let vault = world.vault();
    let whole = vault.seal(&record("password"), b"hunter2", &world.random).unwrap();
    for place in 0..whole.as_bytes().len() {
        for bit in 0..8 {
            let mut bytes = whole.as_bytes().to_vec();
            bytes[place] ^= 1 << bit;
            let error = vault.open(&record("password"), &Sealed::from_bytes(bytes)).unwrap_err();
            let as_it_should = match place {
                0 => matches!(error, VaultError::Version { .. }),
                1..9 => matches!(error, VaultError::UnknownKey { .. }),
                _ => matches!(error, VaultError::Altered { .. }),
            };
            assert!(as_it_should, "byte {place}: {error}");
        }
    }
    for length in 0..whole.as_bytes().len() {
        let sealed = Sealed::from_bytes(whole.as_bytes()[..length].to_vec());
        let error = vault.open(&record("password"), &sealed).unwrap_err();
        let too_short = length < 1 + 8 + 12 + 16;
        assert_eq!(matches!(error, VaultError::Truncated { .. }), too_short, "{length}: {error}");
        assert!(too_short || matches!(error, VaultError::Altered { .. }), "{length}: {error}");
    }
}

#[test]
fn a_value_does_not_open_for_another_record() {
    let world = World::new();
    let vault = world.vault();
    let sealed = vault.seal(&record("password"), b"hunter2", &world.random).unwrap();
    let others = [
        record("token"),
        RecordId::new("connection", "42", "password"),
        RecordId::new("mail", "41", "password"),
    ];
    for other in others {
        let error = vault.open(&other, &sealed).unwrap_err();
        assert!(matches!(error, VaultError::Altered { .. }), "{error}");
        assert!(error.to_string().contains(&other.to_string()) && !error.to_string().contains("hunter2"));
    }
}

#[test]
fn the_same_secret_never_looks_the_same() {
    let world = World::new();
    let vault = world.vault();
    let seal = || vault.seal(&record("password"), b"hunter2", &world.random).unwrap();
    assert_ne!(seal(), seal());
}

#[test]
fn a_ring_is_made_once_and_opens_again() {
    let world = World::new();
    let sealed = world.vault().seal(&record("password"), b"hunter2", &world.random).unwrap();
    let vault = world.vault();
    assert_eq!(**vault.open(&record("password"), &sealed).unwrap(), *b"hunter2");
    assert_eq!(fs::metadata(world.ring()).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(!vault.needs_rotation(&sealed).unwrap());
}

#[test]
fn rotation_keeps_everything_open_until_a_key_is_retired() {
    let world = World::new();
    let vault = world.vault();
    let first = vault.primary();
    let old = vault.seal(&record("a"), b"one", &world.random).unwrap();

    let second = vault.rotate(&world.random).unwrap();
    assert_eq!((vault.primary(), vault.older()), (second, vec![first]));
    assert!(vault.needs_rotation(&old).unwrap());
    assert_eq!(**vault.open(&record("a"), &old).unwrap(), *b"one");
    let new = vault.reseal(&record("a"), &old, &world.random).unwrap();
    assert_eq!(new.key_id().unwrap(), second);
    assert!(!vault.needs_rotation(&new).unwrap());

    assert!(
        matches!(vault.retire(second, &world.random), Err(VaultError::StillPrimary(key)) if key == second)
    );
    vault.retire(first, &world.random).unwrap();
    assert!(matches!(vault.retire(first, &world.random), Err(VaultError::NoSuchKey(key)) if key == first));
    for vault in [vault, world.vault()] {
        assert_eq!(**vault.open(&record("a"), &new).unwrap(), *b"one");
        let error = vault.open(&record("a"), &old).unwrap_err();
        assert!(matches!(error, VaultError::UnknownKey { key, .. } if key == first), "{error}");
    }
}

#[test]
fn two_processes_do_not_lose_each_others_keys() {
    let world = World::new();
    let (one, two) = (world.vault(), world.vault());
    let first = one.primary();
    let second = one.rotate(&world.random).unwrap();
    let sealed = one.seal(&record("a"), b"one", &world.random).unwrap();
    let third = two.rotate(&world.random).unwrap();
    assert_eq!((two.primary(), two.older()), (third, vec![first, second]));
    assert_eq!(**two.open(&record("a"), &sealed).unwrap(), *b"one");
    // The other one finds the key when it meets it.
    let sealed = two.seal(&record("a"), b"two", &world.random).unwrap();
    assert_eq!(**one.open(&record("a"), &sealed).unwrap(), *b"two");
    assert_eq!(one.primary(), third);
}

#[test]
fn threads_that_rotate_at_once_lose_no_key() {
    let world = World::new();
    let vault = world.vault();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let other = world.vault();
                let sealed = other.seal(&record("a"), b"x", &world.random).unwrap();
                other.rotate(&world.random).unwrap();
                assert_eq!(**vault.open(&record("a"), &sealed).unwrap(), *b"x");
            });
        }
    });
    vault.reload().unwrap();
    assert_eq!(vault.older().len(), 4);
}

#[test]
fn another_master_key_takes_over_without_touching_records() {
    let world = World::new();
    let vault = world.vault();
    let sealed = vault.seal(&record("a"), b"one", &world.random).unwrap();
    vault.change_master(master(2), &world.random).unwrap();
    assert_eq!(**vault.open(&record("a"), &sealed).unwrap(), *b"one");
    let error = world.open().unwrap_err();
    assert!(
        matches!(error, VaultError::WrongMaster { sealed_with, given, .. } if (sealed_with, given) == (master(2).id(), master(1).id())),
        "{error}"
    );
    let vault = Vault::open_or_make(&world.ring(), master(2), &world.random).unwrap();
    assert_eq!(**vault.open(&record("a"), &sealed).unwrap(), *b"one");
}

#[test]
fn a_ring_that_was_tampered_with_is_refused_and_left_alone() {
    let world = World::new();
    let vault = world.vault();
    let first = vault.primary();
    let second = vault.rotate(&world.random).unwrap();
    let good = fs::read_to_string(world.ring()).unwrap();
    let (first, second) = (first.to_string(), second.to_string());
    let swapped = good.replace(&first, "?").replace(&second, &first).replace('?', &second);
    let changed = [
        String::new(),
        "{}".into(),
        good[..good.len() - 10].to_owned(),
        good.replace("\"version\": 1", "\"version\": 9"),
        swapped,
        good.replace(&format!("\"primary\": \"{second}\""), &format!("\"primary\": \"{first}\"")),
        good.replace(&format!("\"primary\": \"{second}\""), "\"primary\": \"0011223344556677\""),
        good.replace(&format!("\"primary\": \"{second}\""), "\"primary\": \"?\""),
        good.replacen("\"sealed\": \"A", "\"sealed\": \"B", 1),
        good.replacen("\"sealed\": \"A", "\"sealed\": \"*", 1),
    ];
    for text in changed {
        assert_ne!(text, good);
        fs::write(world.ring(), &text).unwrap();
        let error = world.open().unwrap_err();
        assert!(matches!(error, VaultError::Damaged { .. }), "{text}: {error}");
        assert!(vault.rotate(&world.random).is_err(), "{text}");
        assert_eq!(fs::read_to_string(world.ring()).unwrap(), text);
    }
    fs::write(world.ring(), &good).unwrap();
    fs::set_permissions(world.ring(), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(world.open(), Err(VaultError::TooOpen { mode: 0o644, .. })));
}

#[test]
fn a_ring_that_cannot_be_written_changes_nothing() {
    let world = World::new();
    let vault = world.vault();
    let (primary, sealed) = (vault.primary(), vault.seal(&record("a"), b"one", &world.random).unwrap());
    fs::remove_file(world.ring()).unwrap();
    assert!(matches!(vault.rotate(&world.random), Err(VaultError::File { .. })));
    assert_eq!((vault.primary(), vault.older()), (primary, Vec::new()));
    assert_eq!(**vault.open(&record("a"), &sealed).unwrap(), *b"one");
    assert!(!world.ring().exists(), "a ring without its older keys is not put in the place of the lost one");
}

#[test]
fn debug_shows_no_key() {
    let world = World::new();
    let vault = world.vault();
    let sealed = vault.seal(&record("a"), b"one", &world.random).unwrap();
    let shown = format!("{vault:?} {sealed:?}");
    assert_eq!(
        shown,
        format!("Vault({}, primary {}) Sealed(40 bytes)", world.ring().display(), vault.primary())
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_sealed_opens_for_its_record_and_no_other(
        plain in proptest::collection::vec(any::<u8>(), 0..300),
        parts in (".{0,8}", ".{0,8}", ".{0,8}"),
        others in (".{0,8}", ".{0,8}", ".{0,8}"),
        rotations in 0..3,
    ) {
        let world = World::new();
        let vault = world.vault();
        let (one, other) = (RecordId::new(parts.0, parts.1, parts.2), RecordId::new(others.0, others.1, others.2));
        let sealed = vault.seal(&one, &plain, &world.random).unwrap();
        for _ in 0..rotations {
            vault.rotate(&world.random).unwrap();
        }
        prop_assert_eq!(&*vault.open(&one, &sealed).unwrap(), &plain);
        prop_assert_eq!(vault.open(&other, &sealed).is_ok(), one == other);
        prop_assert_eq!(vault.needs_rotation(&sealed).unwrap(), rotations > 0);
        let stranger = World { random: TestRandom::seeded(2), ..World::new() };
        let refused = matches!(stranger.vault().open(&one, &sealed), Err(VaultError::UnknownKey { .. }));
        prop_assert!(refused);
    }

    #[test]
    fn bytes_of_whatever_kind_are_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..80), right in any::<bool>()) {
        let world = World::new();
        let vault = world.vault();
        if right {
            let start = [&[1][..], vault.primary().as_bytes()].concat();
            bytes.splice(0..bytes.len().min(9), start);
        }
        prop_assert!(vault.open(&record("a"), &Sealed::from_bytes(bytes)).is_err());
    }
}
