//! A box opens for its node and its record, whole, and for nobody else.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::*;
use crate::testing::TestRandom;

fn node(seed: u64) -> NodeKey {
    NodeKey::generate(&TestRandom::seeded(seed))
}

fn record() -> RecordId {
    RecordId::new("connection", "41", "password")
}

fn sealed(plain: &[u8]) -> SealedBox {
    seal_to(node(1).public(), &record(), plain, &TestRandom::seeded(9)).unwrap()
}

#[test]
fn every_changed_byte_and_every_missing_end_is_refused() {
    let (key, whole) = (node(1), sealed(b"hunter2"));
    for place in 0..whole.as_bytes().len() {
        // The highest bit of an X25519 key counts for nothing on the curve; here it has to.
        let mut bytes = whole.as_bytes().to_vec();
        bytes[place] ^= 0x80;
        let error = key.open(&record(), &SealedBox::from_bytes(bytes)).unwrap_err();
        let as_it_should = match place {
            0 => matches!(error, VaultError::Version { .. }),
            1..9 => matches!(error, VaultError::OtherNode { .. }),
            _ => matches!(error, VaultError::Altered { .. }),
        };
        assert!(as_it_should, "byte {place}: {error}");
    }
    for length in 0..whole.as_bytes().len() {
        let cut = SealedBox::from_bytes(whole.as_bytes()[..length].to_vec());
        let error = key.open(&record(), &cut).unwrap_err();
        let too_short = length < 1 + 8 + 32 + 16;
        assert_eq!(matches!(error, VaultError::Truncated { .. }), too_short, "{length}: {error}");
    }
}

#[test]
fn another_node_is_told_whose_box_it_is() {
    let error = node(2).open(&record(), &sealed(b"hunter2")).unwrap_err();
    let expected = (node(1).public().id(), node(2).public().id());
    assert!(matches!(error, VaultError::OtherNode { key, own, .. } if (key, own) == expected), "{error}");
    // With the other's id on it, it still does not open.
    let mut bytes = sealed(b"hunter2").as_bytes().to_vec();
    bytes[1..9].copy_from_slice(expected.1.as_bytes());
    let error = node(2).open(&record(), &SealedBox::from_bytes(bytes)).unwrap_err();
    assert!(matches!(error, VaultError::Altered { .. }), "{error}");
}

/// What an older program sealed must open.
#[test]
fn a_box_of_the_first_version_opens() {
    let sealed = SealedBox::from_text(
        "AdTXr/IbfLH/AIQJoWrEoa9QQoxtp28L62TTTL6GetpjcMEXasb8NwGDvEnWNeEaqB6DQR0z6bnmsUpXoA==",
    )
    .unwrap();
    assert_eq!(**node(1).open(&record(), &sealed).unwrap(), *b"ahoy");
}

#[test]
fn keys_and_boxes_travel_as_text() {
    let key = node(1);
    let public: NodePublicKey = key.public().to_string().parse().unwrap();
    assert_eq!(&public, key.public());
    let json = serde_json::to_string(&(&public, sealed(b"hunter2"))).unwrap();
    let (read, boxed): (NodePublicKey, SealedBox) = serde_json::from_str(&json).unwrap();
    assert_eq!(read, public);
    let again = NodeKey::from_text(&key.to_text()).unwrap();
    assert_eq!(again.public(), key.public());
    assert_eq!(**again.open(&record(), &boxed).unwrap(), *b"hunter2");
    for bad in ["", "AAAA", "no base64!", &format!("{public}AAAA")] {
        assert!(bad.parse::<NodePublicKey>().is_err(), "{bad}");
        assert!(serde_json::from_str::<NodePublicKey>(&format!("{bad:?}")).is_err(), "{bad}");
    }
    assert!(serde_json::from_str::<SealedBox>("\"no base64!\"").is_err());
}

#[test]
fn nothing_is_sealed_to_a_point_that_keeps_no_secret() {
    for first in [0, 1] {
        let mut point = [0; PUBLIC];
        point[0] = first;
        let public: NodePublicKey = STANDARD.encode(point).parse().unwrap();
        let error = seal_to(&public, &record(), b"hunter2", &TestRandom::seeded(9)).unwrap_err();
        assert!(matches!(error, VaultError::PublicKey), "{error}");
    }
}

#[test]
fn the_file_is_made_once_closed_to_others_and_refused_when_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.key");
    let made = NodeKey::from_file_or_new(&path, &TestRandom::seeded(1)).unwrap();
    let again = NodeKey::from_file_or_new(&path, &TestRandom::seeded(2)).unwrap();
    assert_eq!(made.public(), again.public());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
    let error = NodeKey::from_file_or_new(&path, &TestRandom::seeded(1)).unwrap_err();
    assert!(matches!(error, VaultError::TooOpen { .. }), "{error}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, [1; 31]).unwrap();
    let error = NodeKey::from_file_or_new(&path, &TestRandom::seeded(1)).unwrap_err();
    assert!(error.to_string().contains("no valid node key file: it has 31 bytes"), "{error}");
}

#[test]
fn debug_shows_the_public_half_alone() {
    let key = node(1);
    assert_eq!(format!("{key:?}"), format!("NodeKey({})", key.public()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn what_is_sealed_opens_for_its_node_and_record_alone(
        plain in proptest::collection::vec(any::<u8>(), 0..300),
        seed in any::<u64>(),
        field in ".{0,8}",
    ) {
        let random = TestRandom::seeded(seed);
        let (one, two) = (NodeKey::generate(&random), NodeKey::generate(&random));
        let record = RecordId::new("connection", "41", field);
        let sealed = seal_to(one.public(), &record, &plain, &random).unwrap();
        prop_assert_eq!(&*one.open(&record, &sealed).unwrap(), &plain);
        prop_assert!(two.open(&record, &sealed).is_err());
        prop_assert!(one.open(&RecordId::new("connection", "42", "x"), &sealed).is_err());
    }

    #[test]
    fn bytes_of_whatever_kind_are_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..120), right in any::<bool>()) {
        let key = node(1);
        if right {
            let start = [&[1][..], key.public().id().as_bytes()].concat();
            bytes.splice(0..bytes.len().min(9), start);
        }
        prop_assert!(key.open(&record(), &SealedBox::from_bytes(bytes)).is_err());
    }
}
