use backstay_core::{EntryKind, Meta, Xattr};
use proptest::prelude::*;

use super::*;

fn manifest() -> Manifest {
    Manifest {
        format: FORMAT,
        id: ArchiveId([0xab; 16]),
        name: "mysql-full.zip".into(),
        created: Timestamp { seconds: 1_700_000_000, nanos: 0, offset: -5_400 },
        backup_type: BackupType::Incremental,
        chain: vec![Link { id: ArchiveId([1; 16]), name: "a.zip".into() }],
        source: SourceFacts {
            kind: "mysql".into(),
            host: "db1".into(),
            server_version: Some("10.11.6-MariaDB".into()),
            data_directory: Some(b"/var/lib/mysql\xff".as_slice().into()),
            binlog: Some(BinlogPosition {
                file: "bin.000007".into(),
                position: 4_711,
                gtid: Some("0-1-9".into()),
            }),
            ..SourceFacts::default()
        },
        program: "backstay 0.1.0".into(),
        container: Container {
            format: Format::TarZst,
            compression: Compression::Zstd,
            level: Some(3),
            encrypted: true,
        },
        totals: Totals { files: 3, bytes: 9, ..Totals::default() },
        file: None,
    }
}

#[test]
fn it_is_read_as_it_was_written_and_reads_as_documented() {
    let beside = manifest().beside(77, FileId([0x0f; 32]));
    let json = beside.to_json().unwrap();
    assert_eq!(Manifest::from_json(&json, "x").unwrap(), beside);
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(value["type"], "incremental");
    assert_eq!(value["created"], "2023-11-14T20:43:20-01:30");
    assert_eq!(value["id"], "ab".repeat(16));
    assert_eq!(value["container"]["format"], "tar.zst");
    assert_eq!(value["source"]["data_directory"]["hex"], "2f7661722f6c69622f6d7973716cff");
    assert_eq!(value["file"]["sha256"], "0f".repeat(32));
    assert!(value.get("entries").is_none());
}

#[test]
fn what_is_no_manifest_of_ours_is_refused() {
    let json = String::from_utf8(manifest().to_json().unwrap()).unwrap();
    let read = |text: &str| Manifest::from_json(text.as_bytes(), "some.zip").unwrap_err().to_string();
    let newer = read(&json.replacen("\"format\": 1", "\"format\": 2", 1));
    assert!(newer.contains("format 2; this program reads formats up to 1"), "{newer}");
    for text in ["", "[]", "{}", "{\"format\":1}", &json[..json.len() - 9], &format!("{json}x")] {
        assert!(read(text).contains("manifest"), "{text}");
    }
    let twice = json.replacen('{', "{\"entries\":[],\"entries\":[],", 1);
    assert!(read(&twice).contains("two lists"), "{}", read(&twice));
}

#[test]
fn a_manifest_cannot_fill_the_memory() {
    struct Endless<'a>(&'a [u8], u64);
    impl std::io::Read for Endless<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.1 += buffer.len() as u64;
            assert!(self.1 < 64 << 20, "far too much was read");
            if !self.0.is_empty() {
                return std::io::Read::read(&mut self.0, buffer);
            }
            buffer.fill(b'x');
            Ok(buffer.len())
        }
    }
    for begin in [&b"{\"name\":\""[..], b"{\"entries\":[{\"path\":\"", b"{\"entries\":[\""] {
        let failed = read(Endless(begin, 0), "x", &mut |_| Ok(())).unwrap_err().to_string();
        assert!(failed.contains("too long"), "{failed}");
    }
}

#[test]
fn fields_of_later_programs_are_passed_over() {
    let json = String::from_utf8(manifest().to_json().unwrap()).unwrap();
    let later = json.replacen('{', "{\"colour\":\"blue\",\"entries\":[{\"path\":\"a\",\"type\":\"file\",\"mode\":420,\"modified\":\"1.000000000\",\"smell\":1}],", 1);
    let mut paths = Vec::new();
    let read = read(later.as_bytes(), "x", &mut |item| {
        paths.push(item.path.0);
        Ok(())
    })
    .unwrap();
    assert_eq!((read, paths), (manifest(), vec![b"a".to_vec()]));
}

fn any_item() -> impl Strategy<Value = Item> {
    let name = prop_oneof![any::<Vec<u8>>(), any::<String>().prop_map(String::into_bytes)];
    (name.clone(), any::<(u64, u32, u32, u32)>(), any::<i64>(), 0_u32..1_000_000_000, name, any::<[u8; 32]>())
        .prop_map(|(path, (size, mode, uid, gid), seconds, nanos, value, hash)| {
            let time = Timestamp::utc(seconds, nanos);
            let meta = Meta {
                kind: EntryKind::File,
                permissions: mode & 0o7777,
                size,
                uid,
                gid,
                modified: time,
                changed: time,
                xattrs: vec![Xattr { name: "user.x".into(), value: value.clone() }],
                ..Meta::default()
            };
            let mut item = Item::new(&path, &meta);
            item.sha256 = Some(Sha256Text(FileId(hash)));
            item.hard_link = (size % 2 == 0).then(|| value.as_slice().into());
            item.archive = (size % 3 == 0).then_some(ArchiveId([7; 16]));
            item
        })
}

proptest! {
    #[test]
    fn items_come_back_without_loss(items in proptest::collection::vec(any_item(), 0..9)) {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = ItemSpool::new(folder.path()).unwrap();
        items.iter().for_each(|item| spool.push(item).unwrap());
        let Spooled { length, mut reader } = spool.finish(&manifest()).unwrap();
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut reader, &mut text).unwrap();
        prop_assert_eq!(text.len() as u64, length);
        let mut back = Vec::new();
        let head = read(&text[..], "x", &mut |item| { back.push(item); Ok(()) }).unwrap();
        prop_assert_eq!(head, manifest());
        prop_assert_eq!(back, items);
    }
}
