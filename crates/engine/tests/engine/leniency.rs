//! What other programs write differently: fields that are left out, or `null` for what there is not.

use backstay_engine::format::{IndexFile, KeyFile, LockFile, Snapshot, Tree};

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn an_index_may_say_null() {
    let json = format!(
        r#"{{"packs":[{{"id":"{ID}","time":null,"size":null,"blobs":[
            {{"id":"{ID}","type":"data","offset":0,"length":40,"uncompressed_length":null}}]}}],
            "packs_to_delete":[]}}"#
    );
    let index = IndexFile::parse(json.as_bytes()).unwrap();
    assert_eq!(index.packs[0].blobs[0].raw_length, 0);
    assert!(IndexFile::parse(br#"{"packs":null}"#).unwrap().packs.is_empty());
}

#[test]
fn a_key_need_not_say_who_made_it_and_when() {
    for labels in ["", r#""created":null,"username":null,"hostname":null,"#] {
        let json = format!(r#"{{{labels}"kdf":"scrypt","N":2,"r":1,"p":1,"salt":"","data":""}}"#);
        let key = KeyFile::parse(json.as_bytes()).unwrap();
        assert_eq!((&key.username[..], key.created.seconds), ("", 0));
    }
}

#[test]
fn a_snapshot_may_lack_figures_and_labels() {
    let json = format!(
        r#"{{"time":"2024-01-02T03:04:05Z","tree":"{ID}","paths":null,"hostname":null,"username":null,"uid":null,
            "gid":null,"tags":null,"parent":null,"summary":{{"files_new":3}},"program_version":null}}"#
    );
    let snapshot = Snapshot::parse(json.as_bytes()).unwrap();
    assert_eq!(snapshot.summary.unwrap().files_new, 3);
    assert!(snapshot.paths.is_empty() && snapshot.parent.is_none());
}

#[test]
fn a_node_may_lack_what_its_source_did_not_know() {
    let json = format!(
        r#"{{"nodes":[{{"name":"f","type":"file","mode":null,"mtime":null,"atime":null,"uid":null,"gid":null,
            "inode":null,"size":null,"links":null,"content":["{ID}"]}}]}}"#
    );
    let tree = Tree::parse(json.as_bytes()).unwrap();
    assert_eq!(tree.nodes[0].blobs().len(), 1);
    assert_eq!(tree.nodes[0].meta.modified.seconds, 0);
}

#[test]
fn a_lock_may_lack_its_holder() {
    let json = br#"{"time":"2024-01-02T03:04:05Z","exclusive":null,"hostname":null,"pid":null}"#;
    assert!(!LockFile::parse(json).unwrap().exclusive);
}
