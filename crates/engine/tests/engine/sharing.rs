//! One stream into several sinks: two repositories that cut differently, and an archive.

use std::fs;
use std::sync::Arc;

use backstay_archive::tar::TarSink;
use backstay_core::{Control, Silent, Sink};
use backstay_engine::backup::Party;
use backstay_engine::chunker::ChunkSizes;
use backstay_sources::files::Capture;
use backstay_sources::mbstream::{StreamWriter, Template, capture};
use parking_lot::Mutex;
use tempfile::TempDir;

use crate::support::image::{image, same};
use crate::support::noise;
use crate::support::oddities::{far_future, odd_links, odd_names, odd_things};
use crate::support::several::Several;
use crate::support::source::{add_when, file_meta, folder_meta};
use crate::support::vault::{Vault, tiny};

/// Two repositories and an archive.
struct Three {
    vaults: [Vault; 2],
    trees: [backstay_core::FileId; 2],
    archive: Vec<u8>,
}

impl Three {
    /// Runs a source into all three at once.
    fn filled_by(source: impl FnOnce(&dyn Sink)) -> Self {
        let coarse = backstay_engine::Settings {
            chunk_sizes: ChunkSizes { min: 4096, max: 65_536, bits: 13 },
            ..tiny()
        };
        let vaults =
            [tiny(), coarse].map(|settings| Vault::made(Arc::new(backstay_storage::Memory::new()), settings));
        assert_ne!(vaults[0].repository.config().polynomial, vaults[1].repository.config().polynomial);
        let tar = Arc::new(TarSink::new(Vec::new(), Arc::new(Silent)));
        let together = Several::of(&vaults).and(tar.clone()).start();
        source(&together);
        let mut ended = Several::ended(together);
        let trees = [0, 1].map(|number| {
            let outcome = ended.remove(&Party::Repository(number)).unwrap().unwrap().unwrap();
            assert_eq!(outcome.failures, 0);
            outcome.tree
        });
        assert!(ended.remove(&Party::Sink(0)).unwrap().unwrap().is_none());
        let finished = Arc::into_inner(tar).unwrap().finish().unwrap();
        assert_eq!(finished.failed, 0);
        Self { vaults, trees, archive: finished.output }
    }

    /// Restores each into a folder of its own.
    fn restored(&self, room: &TempDir) -> [std::path::PathBuf; 3] {
        let places = ["first", "second", "tar"].map(|name| room.path().join(name));
        for ((vault, tree), place) in self.vaults.iter().zip(self.trees).zip(&places) {
            vault.restore_into(tree, place, Default::default());
        }
        fs::create_dir(&places[2]).unwrap();
        let archive = room.path().join("archive.tar");
        fs::write(&archive, &self.archive).unwrap();
        let mut tar = std::process::Command::new("tar");
        tar.args(["--extract", "--preserve-permissions", "--same-owner", "--numeric-owner"]);
        tar.args(["--xattrs", "--xattrs-include=*", "--file"])
            .arg(&archive)
            .arg("--directory")
            .arg(&places[2]);
        let output = tar.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        places
    }
}

#[test]
fn a_walk_of_files_goes_into_two_repositories_and_a_tar() {
    let room = TempDir::new().unwrap();
    let source = room.path().canonicalize().unwrap().join("source");
    odd_names(&source.join("names"));
    odd_things(&source);
    odd_links(&source);
    far_future(&source);
    let before = image(&source);
    let three = Three::filled_by(|sink| {
        let report = Capture::new(vec![source.clone()]).run(sink, &Control::new(), &Silent).unwrap();
        assert_eq!(report.failed, 0);
    });
    for place in three.restored(&room) {
        same(&before, &place.join(source.strip_prefix("/").unwrap()));
    }
}

#[test]
fn an_interleaved_stream_goes_into_two_repositories_and_a_tar() {
    // More files at once than any sink takes, so that some are spooled.
    let contents: Vec<Vec<u8>> = (0..20).map(|seed| noise(seed, 9000 + seed as usize * 501)).collect();
    let path = |number: usize| format!("./db{}/t{number}.ibd", number % 3).into_bytes();
    let mut writer = StreamWriter::new(Vec::new());
    for at in (0..20_000).step_by(1500) {
        for (number, content) in contents.iter().enumerate().filter(|(_, content)| at < content.len()) {
            let end = content.len().min(at + 1500);
            writer.payload(&path(number), at as u64, &content[at..end]).unwrap();
        }
    }
    (0..contents.len()).for_each(|number| writer.end(&path(number)).unwrap());
    let stream = writer.into_inner();
    let template = Template { file: file_meta(0), folder: folder_meta(), ..Template::default() };
    let three = Three::filled_by(|sink| {
        let report = capture(stream.as_slice(), sink, &template, &Control::new()).unwrap();
        assert_eq!(report.files, 20);
        assert!(report.spooled > 0, "{report:?}");
    });
    let room = TempDir::new().unwrap();
    for place in three.restored(&room) {
        for (number, content) in contents.iter().enumerate() {
            let found = place.join(String::from_utf8(path(number)).unwrap());
            assert!(fs::read(&found).unwrap() == *content, "{}", found.display());
        }
    }
}

#[test]
fn content_that_opens_once_is_read_once_for_all() {
    let opened = Arc::new(Mutex::new(0));
    let bytes = noise(1, 50_000);
    let counted = Arc::clone(&opened);
    let content = bytes.clone();
    let three = Three::filled_by(move |sink| {
        let root = sink.root().unwrap();
        add_when(&*root, "once", content.len(), move || {
            *counted.lock() += 1;
            Ok(std::io::Cursor::new(content))
        });
        root.close(folder_meta()).unwrap();
    });
    assert_eq!(*opened.lock(), 1);
    let room = TempDir::new().unwrap();
    for place in three.restored(&room) {
        assert!(fs::read(place.join("once")).unwrap() == bytes);
    }
}
