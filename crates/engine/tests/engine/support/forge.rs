//! Repositories that no honest program writes, sealed with the right key all the same.

use std::sync::Arc;

use backstay_core::{FileId, FileKind};
use backstay_engine::crypto::hash;
use backstay_engine::format::index::PackIndex;
use backstay_engine::format::{BlobKind, IndexFile, Node, Snapshot, Tree, tree};
use backstay_engine::pack::{Packers, Uploader};
use backstay_engine::repository::Repository;

/// Puts blobs and files of any content into a repository.
pub(crate) struct Forge {
    repository: Repository,
    packers: Packers,
}

impl Forge {
    pub(crate) fn new(repository: &Repository) -> Self {
        let index = repository.load_index().unwrap();
        let uploader = Uploader::start(repository, Arc::clone(&index), None, None).unwrap();
        Self { repository: repository.clone(), packers: Packers::new(repository, index, uploader) }
    }

    /// Stores a blob under whatever id.
    pub(crate) fn blob(&self, kind: BlobKind, id: FileId, content: &[u8]) -> FileId {
        let compress = backstay_engine::pack::Compress::IfSmaller;
        self.packers.with(|packer| self.packers.store_content(packer, kind, id, content, compress)).unwrap();
        id
    }

    pub(crate) fn data(&self, content: &[u8]) -> FileId {
        self.blob(BlobKind::Data, hash(content), content)
    }

    /// Stores a tree of these nodes, in whatever order they are.
    pub(crate) fn tree(&self, nodes: &[Node]) -> FileId {
        let mut json = Vec::new();
        tree::write(nodes, &mut json);
        self.blob(BlobKind::Tree, hash(&json), &json)
    }

    /// Stores zstd data that claims to become `raw_length` bytes.
    pub(crate) fn packed(&self, kind: BlobKind, id: FileId, packed: &[u8], raw_length: u32) -> FileId {
        self.packers.with(|packer| self.packers.store_packed(packer, kind, id, packed, raw_length)).unwrap();
        id
    }

    /// Stores what was forged, with a snapshot of this tree.
    pub(crate) fn finish(self, root: FileId) -> FileId {
        self.packers.finish().unwrap();
        save_snapshot(&self.repository, root)
    }
}

/// Stores a snapshot of any tree.
pub(crate) fn save_snapshot(repository: &Repository, root: FileId) -> FileId {
    let mut json = format!(
        "{{\"time\":\"2024-01-02T03:04:05Z\",\"tree\":\"{root}\",\"paths\":[\"/\"],\"hostname\":\"elsewhere\"}}"
    )
    .into_bytes();
    Snapshot::parse(&json).unwrap();
    json.push(b'\n');
    repository.save_unpacked(FileKind::Snapshot, &json).unwrap()
}

/// Stores an index file with these packs.
pub(crate) fn save_index(repository: &Repository, packs: Vec<PackIndex>) -> FileId {
    let file = IndexFile { supersedes: Vec::new(), packs };
    repository.save_unpacked(FileKind::Index, &file.to_json()).unwrap()
}

/// The tree that is stored under this id.
pub(crate) fn read_tree(repository: &Repository, id: FileId) -> Tree {
    let index = repository.load_index().unwrap();
    backstay_engine::repository::BlobReader::new(repository, index).read_tree(&id).unwrap()
}
