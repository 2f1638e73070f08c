//! What each fuzz target does with its bytes. The engine's tests replay the seeds through the same functions.

use std::sync::Arc;

use backstay_archive::tar::TarSink;
use backstay_core::{Control, Silent};
use backstay_engine::crypto::{Key, KeyBytes};
use backstay_engine::format::pack::{parse_header, parse_pack, write_header};
use backstay_engine::format::{Config, IndexFile, KeyFile, LockFile, Snapshot, Tree};
use backstay_engine::journal::Notes;
use backstay_engine::pack::Decompressor;
use backstay_sources::mbstream;

/// A key file: parsed, and opened where that is cheap.
pub fn key_file(bytes: &[u8]) {
    let Ok(file) = KeyFile::parse(bytes) else { return };
    assert_eq!(KeyFile::parse(&file.to_json()).ok().as_ref(), Some(&file));
    let cost =
        file.params.n.saturating_mul(u64::from(file.params.r)).saturating_mul(u64::from(file.params.p));
    if cost <= 64 {
        let _ = file.open("password");
    }
}

/// The configuration.
pub fn config(bytes: &[u8]) {
    if let Ok(config) = Config::parse(bytes) {
        assert_eq!(Config::parse(&config.to_json()).ok(), Some(config));
    }
}

/// An index file.
pub fn index(bytes: &[u8]) {
    let Ok(file) = IndexFile::parse(bytes) else { return };
    assert_eq!(IndexFile::parse(&file.to_json()).ok().as_ref(), Some(&file));
    let index = backstay_engine::index::Index::new(file.packs);
    for (pack, blob) in index.loaded() {
        assert!(index.contains(blob.kind, &blob.id) && index.pack(pack).is_some());
    }
    let _ = index.packs();
}

/// A snapshot.
pub fn snapshot(bytes: &[u8]) {
    let Ok(snapshot) = Snapshot::parse(bytes) else { return };
    // Times before year 0 or after 9999, as offsets make them, are clamped when written.
    let again = Snapshot::parse(&snapshot.to_json());
    assert!(again.is_ok_and(|again| again.tree == snapshot.tree && again.tags == snapshot.tags));
}

/// A tree.
pub fn tree(bytes: &[u8]) {
    let Ok(tree) = Tree::parse(bytes) else { return };
    let json = tree.to_json();
    let names = |tree: &Tree| tree.nodes.iter().map(|node| node.name.clone()).collect::<Vec<_>>();
    assert!(Tree::parse(&json).is_ok_and(|again| names(&again) == names(&tree)));
    for node in &tree.nodes {
        assert!(tree.find(&node.name).is_some());
    }
}

/// The plain header of a pack.
pub fn pack_header(bytes: &[u8]) {
    if let Ok(blobs) = parse_header(bytes) {
        assert_eq!(parse_header(&write_header(&blobs)).ok(), Some(blobs));
    }
}

/// A whole pack.
pub fn pack(bytes: &[u8]) {
    let _ = parse_pack(bytes, &key());
}

/// A lock.
pub fn lock(bytes: &[u8]) {
    if let Ok(lock) = LockFile::parse(bytes) {
        let _ = LockFile::parse(&lock.to_json());
    }
}

/// A name, which has to come back through a tree as it is, whatever its bytes.
pub fn name(bytes: &[u8]) {
    let node = backstay_engine::format::Node { name: bytes.to_vec(), ..Default::default() };
    let tree = Tree { nodes: vec![node] };
    let again = Tree::parse(&tree.to_json()).ok().and_then(|mut tree| tree.nodes.pop());
    assert_eq!(again.map(|node| node.name).as_deref(), Some(bytes));
}

/// A sealed message.
pub fn envelope(bytes: &[u8]) {
    let mut sealed = bytes.to_vec();
    if key().open(&mut sealed).is_err() {
        assert_eq!(sealed, bytes, "what does not open stays as it was");
    }
}

/// A compressed blob whose first four bytes are the length that it claims.
pub fn decompress(bytes: &[u8]) {
    let Some((length, packed)) = bytes.split_first_chunk::<4>() else { return };
    let length = (u32::from_le_bytes(*length) % (1 << 24)) as usize;
    let mut out = Vec::new();
    if Decompressor::default().decompress(packed, length, &mut out).is_ok() {
        assert_eq!(out.len(), length);
    }
}

/// The journal of a backup: a file as it lies there, and the same bytes as one record that was sealed.
pub fn journal(bytes: &[u8]) {
    let (_, whole) = Notes::read(bytes, &key());
    assert!(whole <= bytes.len() as u64);
    let mut notes = Notes::default();
    if notes.take(bytes).is_none() {
        assert_eq!(notes, Notes::default());
    }
}

/// A time.
pub fn time(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(time) = backstay_engine::format::time::parse(text) {
        let _ = backstay_engine::format::time::to_text(&time);
    }
}

/// The stream of a hot backup tool.
pub fn mbstream(bytes: &[u8]) {
    let sink = TarSink::new(std::io::sink(), Arc::new(Silent));
    if let Ok(report) = mbstream::capture(bytes, &sink, &mbstream::Template::default(), &Control::new()) {
        assert!(report.bytes <= bytes.len() as u64);
        assert!(sink.finish().is_ok());
    }
}

fn key() -> Key {
    Key::new(&KeyBytes::from_derived(&[7; 64]))
}
