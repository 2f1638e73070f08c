//! What holds for every value: it comes back as it was written, and no bytes make a decoder panic.

use backstay_core::{EntryKind, FileId, Meta, Timestamp, Xattr};
use backstay_engine::crypto::{Key, KeyBytes, hash};
use backstay_engine::format::index::PackIndex;
use backstay_engine::format::pack::{parse_header, parse_pack, write_header};
use backstay_engine::format::{
    Blob, BlobKind, Config, IndexFile, KeyFile, LockFile, Node, Snapshot, Summary, Tree, time,
};
use backstay_engine::pack::{Compressor, Decompressor};
use backstay_engine::testing::CountingRandom;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;

fn id() -> impl Strategy<Value = FileId> {
    any::<[u8; 32]>().prop_map(FileId)
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (-60_000_000_000_i64..250_000_000_000, 0_u32..1_000_000_000, -48_i32..56)
        .prop_map(|(seconds, nanos, quarters)| Timestamp { seconds, nanos, offset: quarters * 900 })
}

fn kind() -> impl Strategy<Value = EntryKind> {
    use EntryKind::{BlockDevice, CharDevice, Fifo, File, Folder, Irregular, Socket, Symlink};
    prop::sample::select(vec![File, Folder, Symlink, BlockDevice, CharDevice, Fifo, Socket, Irregular])
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 1..40),
        "\\PC{1,20}".prop_map(String::into_bytes),
        ".{1,20}".prop_map(String::into_bytes)
    ]
    .prop_filter("names of entries", |name| backstay_engine::format::node::is_valid_name(name))
}

prop_compose! {
    fn meta()(
        kind in kind(),
        permissions in 0_u32..0o10000,
        times in (moment(), moment(), moment()),
        owner in any::<(u32, u32)>(),
        names in (".{0,10}", ".{0,10}"),
        numbers in any::<(u64, u64, u64, u64, u64)>(),
        link_target in vec(any::<u8>(), 1..30),
        xattrs in vec((".{1,12}", vec(any::<u8>(), 0..20)), 0..3),
        generic in btree_map("[a-z.]{1,8}", any::<u32>().prop_map(|number| number.to_string()), 0..3),
    ) -> Meta {
        Meta {
            kind,
            permissions,
            modified: times.0,
            accessed: times.1,
            changed: times.2,
            uid: owner.0,
            gid: owner.1,
            user: names.0.as_str().into(),
            group: names.1.as_str().into(),
            inode: numbers.0,
            device_id: numbers.1,
            size: numbers.2,
            links: numbers.3,
            link_target: (kind == EntryKind::Symlink).then_some(link_target),
            device: numbers.4,
            xattrs: xattrs.into_iter().map(|(name, value)| Xattr { name, value }).collect(),
            generic,
        }
    }
}

prop_compose! {
    fn node()(
        name in name(),
        meta in meta(),
        content in option::of(vec(id(), 0..4)),
        subtree in option::of(id()),
        error in ".{0,12}",
    ) -> Node {
        Node { name, meta, content, subtree, error }
    }
}

prop_compose! {
    fn blob()(id in id(), tree in any::<bool>(), offset in 0_u32..1 << 31, length in 0_u32..1 << 31, raw_length in any::<u32>()) -> Blob {
        Blob { id, kind: if tree { BlobKind::Tree } else { BlobKind::Data }, offset, length, raw_length }
    }
}

prop_compose! {
    fn summary()(times in (moment(), moment()), n in any::<[u64; 12]>()) -> Summary {
        Summary {
            backup_start: times.0,
            backup_end: times.1,
            files_new: n[0],
            files_changed: n[1],
            files_unmodified: n[2],
            dirs_new: n[3],
            dirs_changed: n[4],
            dirs_unmodified: n[5],
            data_blobs: n[6],
            tree_blobs: n[7],
            data_added: n[8],
            data_added_packed: n[9],
            total_files_processed: n[10],
            total_bytes_processed: n[11],
        }
    }
}

prop_compose! {
    fn snapshot()(
        time in moment(),
        ids in (option::of(id()), id(), option::of(id())),
        lists in (vec(".{0,12}", 0..3), vec(".{0,12}", 0..3), vec(".{0,12}", 0..3)),
        texts in (".{0,12}", ".{0,12}", ".{0,12}"),
        owner in any::<(u32, u32)>(),
        summary in option::of(summary()),
    ) -> Snapshot {
        Snapshot {
            time,
            parent: ids.0,
            tree: ids.1,
            original: ids.2,
            paths: lists.0,
            excludes: lists.1,
            tags: lists.2,
            hostname: texts.0,
            username: texts.1,
            program_version: texts.2,
            uid: owner.0,
            gid: owner.1,
            summary,
        }
    }
}

fn key() -> (Key, CountingRandom) {
    let random = CountingRandom::seeded(42);
    (Key::new(&KeyBytes::generate(&random)), random)
}

/// Every decoder, on the same bytes.
fn decode_all(bytes: &[u8]) {
    let _ = Config::parse(bytes);
    let _ = KeyFile::parse(bytes);
    let _ = LockFile::parse(bytes);
    let _ = IndexFile::parse(bytes);
    let _ = Snapshot::parse(bytes);
    let _ = Tree::parse(bytes);
    let _ = parse_header(bytes);
    let (key, _) = key();
    let _ = parse_pack(bytes, &key);
    let _ = key.open(&mut bytes.to_vec());
    let _ = Decompressor::default().decompress(bytes, 1000, &mut Vec::new());
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = time::parse(text);
        let _ = FileId::from_hex(text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn trees_come_back(nodes in btree_map(name(), node(), 0..6)) {
        let nodes = nodes.into_iter().map(|(name, node)| Node { name, ..node }).collect();
        let tree = Tree { nodes };
        let json = tree.to_json();
        let parsed = Tree::parse(&json).unwrap();
        prop_assert_eq!(&parsed, &tree);
        prop_assert_eq!(parsed.to_json(), json);
        for node in &tree.nodes {
            prop_assert_eq!(tree.find(&node.name), Some(node));
        }
    }

    #[test]
    fn nodes_out_of_order_make_no_tree(names in btree_set(name(), 2..5), node in node()) {
        let mut nodes: Vec<_> = names.into_iter().map(|name| Node { name, ..node.clone() }).collect();
        nodes.reverse();
        let json = Tree { nodes }.to_json();
        prop_assert!(Tree::parse(&json).is_err());
    }

    #[test]
    fn indexes_come_back(packs in vec((id(), vec(blob(), 0..5)), 0..4), supersedes in vec(id(), 0..3)) {
        let packs = packs.into_iter().map(|(id, blobs)| PackIndex { id, blobs }).collect();
        let file = IndexFile { supersedes, packs };
        prop_assert_eq!(IndexFile::parse(&file.to_json()).unwrap(), file);
    }

    #[test]
    fn pack_headers_come_back(blobs in vec(blob(), 0..8)) {
        let mut offset = 0;
        let blobs: Vec<_> = blobs
            .into_iter()
            .map(|mut blob| {
                blob.length %= 1 << 24;
                blob.offset = offset;
                offset += blob.length;
                blob
            })
            .collect();
        prop_assert_eq!(parse_header(&write_header(&blobs)).unwrap(), blobs);
    }

    #[test]
    fn snapshots_come_back(snapshot in snapshot()) {
        prop_assert_eq!(Snapshot::parse(&snapshot.to_json()).unwrap(), snapshot);
    }

    #[test]
    fn locks_come_back(time in moment(), exclusive in any::<bool>(), texts in (".{0,9}", ".{0,9}"), pid in any::<i64>(), uid in option::of(any::<u32>())) {
        let lock = LockFile { time, exclusive, hostname: texts.0, username: texts.1, pid, uid, gid: uid };
        prop_assert_eq!(LockFile::parse(&lock.to_json()).unwrap(), lock);
    }

    #[test]
    fn what_is_sealed_opens_and_a_flipped_bit_does_not(plain in vec(any::<u8>(), 0..300), bit in any::<prop::sample::Index>()) {
        let (key, random) = key();
        let mut sealed = Vec::new();
        key.seal(&random, &plain, &mut sealed);
        let mut garbled = sealed.clone();
        prop_assert_eq!(&*key.open(&mut sealed).unwrap(), &plain[..]);
        let bit = bit.index(garbled.len() * 8);
        garbled[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(key.open(&mut garbled).is_err());
    }

    #[test]
    fn what_is_compressed_unpacks_to_its_length_alone(plain in vec(0_u8..4, 1..2000), wrong in 0_usize..4000) {
        let mut packed = vec![0; Compressor::bound(plain.len())];
        let length = Compressor::new(3).compress(&plain, &mut packed).unwrap();
        let (mut decompressor, mut out) = (Decompressor::default(), Vec::new());
        decompressor.decompress(&packed[..length], plain.len(), &mut out).unwrap();
        prop_assert_eq!(&out, &plain);
        if wrong != plain.len() {
            prop_assert!(decompressor.decompress(&packed[..length], wrong, &mut out).is_err());
        }
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in vec(any::<u8>(), 0..400)) {
        decode_all(&bytes);
    }

    #[test]
    fn no_nearly_right_json_makes_a_decoder_panic(
        snapshot in snapshot(),
        node in node(),
        pack in (id(), vec(blob(), 0..3)),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let index = IndexFile { supersedes: vec![pack.0], packs: vec![PackIndex { id: pack.0, blobs: pack.1 }] };
        for mut json in [snapshot.to_json(), Tree { nodes: vec![node] }.to_json(), index.to_json()] {
            for (place, byte) in &changes {
                let place = place.index(json.len());
                json[place] = *byte;
            }
            decode_all(&json);
        }
    }

    #[test]
    fn names_of_ids_come_back(id in id()) {
        prop_assert_eq!(FileId::from_hex(&id.to_hex()), Some(id));
        prop_assert_eq!(FileId::from_hex(&id.to_hex().to_uppercase()), Some(id));
        prop_assert!(hash(&id.0) != id);
    }
}
