//! One stream into several sinks: two repositories that cut differently, and an archive.

use std::fs;
use std::sync::Arc;

use backstay_archive::tar::TarSink;
use backstay_archive::tee::Tee;
use backstay_core::{Control, Folder, Meta, Pushed, Silent, Sink, SinkError};
use backstay_engine::backup::{BackupOptions, BackupSink};
use backstay_engine::chunker::ChunkSizes;
use backstay_sources::files::Capture;
use backstay_sources::mbstream::{StreamWriter, Template, capture};
use parking_lot::Mutex;
use tempfile::TempDir;

use crate::support::image::{image, same};
use crate::support::noise;
use crate::support::oddities::{far_future, odd_links, odd_names, odd_things};
use crate::support::source::{add_when, file_meta, folder_meta};
use crate::support::vault::{Vault, tiny};

/// A sink that several own, so that its owner can finish it when the tee is gone.
struct Lent<S>(Arc<S>);

impl<S: Sink> Sink for Lent<S> {
    fn root(&self) -> Result<Box<dyn Folder>, SinkError> {
        self.0.root()
    }

    fn open_limit(&self) -> usize {
        self.0.open_limit()
    }
}

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
        let sinks = vaults.each_ref().map(|vault| {
            let index = vault.repository.load_index().unwrap();
            let sink =
                BackupSink::start(&vault.repository, index, None, BackupOptions::default(), Arc::new(Silent));
            Arc::new(sink.unwrap())
        });
        let tar = Arc::new(TarSink::new(Vec::new(), Arc::new(Silent)));
        let lent = |sink: &Arc<BackupSink>| Box::new(Lent(Arc::clone(sink))) as Box<dyn Sink>;
        let tee = Tee::new(vec![lent(&sinks[0]), lent(&sinks[1]), Box::new(Lent(Arc::clone(&tar)))]);
        source(&tee);
        drop(tee);
        let trees = sinks.map(|sink| {
            let outcome = Arc::into_inner(sink).unwrap().finish().unwrap();
            assert_eq!(outcome.failures, 0);
            outcome.tree
        });
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

/// A sink that fails at its first pushed byte.
struct Full;

impl Sink for Full {
    fn root(&self) -> Result<Box<dyn Folder>, SinkError> {
        Ok(Box::new(Self))
    }

    fn open_limit(&self) -> usize {
        1
    }
}

impl Folder for Full {
    fn folder(&self, _: &[u8]) -> Result<Box<dyn Folder>, SinkError> {
        Ok(Box::new(Self))
    }

    fn add(&self, _: backstay_core::Entry) -> Result<(), SinkError> {
        Err(SinkError::failed("the tape is full"))
    }

    fn begin(&self, _: &[u8], _: backstay_core::CutHint) -> Result<Box<dyn Pushed>, SinkError> {
        Err(SinkError::failed("the tape is full"))
    }

    fn failed(&self, _: &[u8], _: &str) {}

    fn close(self: Box<Self>, _: Meta) -> Result<(), SinkError> {
        Ok(())
    }
}

#[test]
fn the_failure_of_one_sink_is_told() {
    let tee = Tee::new(vec![Box::new(TarSink::new(Vec::new(), Arc::new(Silent))), Box::new(Full)]);
    assert_eq!(tee.open_limit(), 1);
    let root = tee.root().unwrap();
    let error = root.begin(b"x", Default::default()).err().unwrap();
    assert_eq!(error.to_string(), "the tape is full");
}
