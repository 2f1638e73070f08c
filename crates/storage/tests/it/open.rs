use std::time::Duration;

use backstay_core::{CallContext, ErrorKind, FileId, FileKind, Handle};
use backstay_storage::limit::Rates;
use backstay_storage::s3::{Encryption, Lock, LockMode, Style, Tier};
use backstay_storage::{Address, OptionError, Options, open};

#[test]
fn an_address_opens_its_back_end() {
    let home = tempfile::tempdir().unwrap();
    let address = Address::parse(home.path()).unwrap();
    let options = Options {
        connections: Some(5),
        rates: Rates { upload: Some(1 << 30), download: None },
        ..Options::default()
    };
    let storage = open(&address, &options).unwrap();
    storage.prepare(CallContext::NONE).unwrap();
    let pack = Handle::new(FileKind::Pack, FileId([1; 32]));
    storage.write(&pack, b"pack", CallContext::NONE).unwrap();
    assert_eq!(storage.size(&pack, CallContext::NONE).unwrap(), 4);
    assert_eq!(storage.connections(), 5);
    assert_eq!(storage.location(), address.to_string());
}

#[test]
fn small_calls_are_many_unless_somebody_says_how_many_calls_there_may_be() {
    let address = Address::parse("s3:http://127.0.0.1:1/bucket").unwrap();
    let calls = |connections| {
        let mut options = Options { connections, ..Options::default() };
        options.set_extended("s3.unsafe-anonymous-auth", "true").unwrap();
        let storage = open(&address, &options).unwrap();
        (storage.connections(), storage.small_calls())
    };
    assert_eq!((calls(None), calls(Some(3))), ((5, 64), (3, 3)));
}

#[test]
fn s3_without_credentials_says_what_to_set() {
    let address = Address::parse("s3:http://127.0.0.1:1/bucket").unwrap();
    let error = open(&address, &Options::default()).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.to_string().contains("AWS_ACCESS_KEY_ID"), "{error}");
}

#[test]
fn extended_options_are_named_as_restic_names_them() {
    let mut options = Options::default();
    options.set_extended("s3.connections", "7").unwrap();
    options.set_extended("s3.region", "eu-central-1").unwrap();
    options.set_extended("s3.bucket-lookup", "dns").unwrap();
    options.set_extended("s3.storage-class", "STANDARD_IA").unwrap();
    options.set_extended("s3.unsafe-anonymous-auth", "true").unwrap();
    assert_eq!(options.connections, Some(7));
    assert_eq!(options.s3.region.as_deref(), Some("eu-central-1"));
    assert_eq!(options.s3.style, Style::Virtual);
    assert!(options.s3.anonymous);
    for (key, value) in
        [("local.connections", "0"), ("s3.bucket-lookup", "both"), ("s3.unsafe-anonymous-auth", "maybe")]
    {
        assert!(matches!(options.set_extended(key, value), Err(OptionError::Value { .. })), "{key}");
    }
    // Whether it comes before or behind.
    options.set_extended("s3.restore-days", "3").unwrap();
    options.set_extended("s3.enable-restore", "true").unwrap();
    options.set_extended("s3.restore-tier", "bulk").unwrap();
    options.set_extended("s3.restore-timeout", "1h30m").unwrap();
    let thaw = options.s3.thaw.unwrap();
    assert_eq!((thaw.days, thaw.tier, thaw.patience), (3, Tier::Bulk, Duration::from_secs(5400)));
    options.set_extended("s3.enable-restore", "false").unwrap();
    assert_eq!(options.s3.thaw, None);
    options.set_extended("s3.object-lock", "Compliance:30").unwrap();
    assert_eq!(options.s3.lock, Some(Lock { mode: LockMode::Compliance, days: 30 }));
    for (value, encryption) in [
        ("AES256", Encryption::Aes256),
        ("aws:kms", Encryption::Kms(None)),
        ("aws:kms:arn:aws:kms:key/1", Encryption::Kms(Some("arn:aws:kms:key/1".into()))),
    ] {
        options.set_extended("s3.encryption", value).unwrap();
        assert_eq!(options.s3.encryption, Some(encryption));
    }
    for (key, values) in [
        ("s3.object-lock", &["30", "compliance", "forever:1", "governance:0", "governance:99999"][..]),
        ("s3.encryption", &["", "aes", "aws:kmsx", "aws:kms:", "SSE-C"]),
        ("s3.restore-timeout", &["", "24", "h", "1d", "0h", "99999999999999999999h"]),
        ("s3.restore-tier", &["", "Slow"]),
        ("s3.restore-days", &["0", "-1", "x"]),
        ("s3.enable-restore", &["", "yes"]),
    ] {
        for value in values {
            let refused = options.set_extended(key, value);
            assert!(matches!(refused, Err(OptionError::Value { .. })), "{key}={value}: {refused:?}");
        }
    }
    assert!(matches!(options.set_extended("s3.nothing", ""), Err(OptionError::Unknown(_))));
}
