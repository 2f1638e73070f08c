//! A server that hangs with all its connections open, while nobody gives the work up.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backstay_core::{Control, Events, Silent};
use backstay_sources::mongodb::{
    Access, CaptureOptions, Connection, EntriesDump, Existing, RestoreOptions, Selection, Trouble, capture,
    restore,
};
use backstay_sources::testing::MongoServer;
use mongodb::bson::{Document, doc};

use super::folder::FolderSink;
use super::{captured, fill, listing, restored, sorted, to_copy};

/// How long a server is waited for in these tests.
const PATIENCE: Duration = Duration::from_secs(2);
/// Work that has not ended by then hangs.
const BOUND: Duration = Duration::from_secs(60);

/// A way that finds out soon whether its server is away.
fn watchful(uri: &str) -> Connection {
    let uri = format!("{uri}&heartbeatFrequencyMS=500&connectTimeoutMS=1000");
    Connection::open(&Access { uri, patience: PATIENCE, ..Access::default() }).unwrap()
}

/// Does something on a thread of its own, and fails when it does not come to an end.
fn bounded<T: Send>(server: &MongoServer, work: impl FnOnce(&Control) -> T + Send) -> T {
    let control = Control::new();
    std::thread::scope(|scope| {
        let (send, done) = channel();
        let reins = control.clone();
        let _ = scope.spawn(move || send.send(work(&reins)));
        done.recv_timeout(BOUND).unwrap_or_else(|_| {
            // So that the thread ends too.
            control.cancel();
            server.thaw();
            panic!("it hangs with its server")
        })
    })
}

fn large() -> Vec<Document> {
    (0..60).map(|n| doc! { "_id": n, "text": n.to_string().repeat(200_000) }).collect()
}

fn of_large() -> CaptureOptions {
    let selection = Selection { include: vec!["shop.large".to_owned()], ..Selection::all() };
    CaptureOptions { selection, parallel: 1, oplog: false, patience: PATIENCE, ..CaptureOptions::default() }
}

#[test]
fn a_backup_of_a_server_that_hangs_ends_and_the_next_one_is_whole() {
    let Some(server) = MongoServer::start_new() else { return };
    large().chunks(5).for_each(|some| server.insert("shop", "large", some));
    let connection = watchful(&server.uri());
    let sink = FolderSink::new();
    let server = Arc::new(server);
    let frozen = Arc::clone(&server);
    sink.on_write(move |count| {
        if count == 1 {
            frozen.freeze();
        }
    });
    let capturing = |control: &Control| capture(&connection, &sink, &of_large(), control, &Silent);
    let error = bounded(&server, capturing).unwrap_err();
    assert_eq!(error.trouble, Trouble::NoAnswer, "{error}");
    assert!(error.to_string().contains("shop.large") && error.hint.contains("server runs"), "{error:?}");
    assert!(!sink.is_closed() && sink.files().is_empty(), "{:?}", sink.files());
    server.thaw();
    let (sink, manifest) = captured(&connection, &of_large());
    assert_eq!(manifest.counted("shop", "large").unwrap().documents, 60);
    let _ = restored(&connection, &sink, &to_copy()).unwrap();
    assert!(sorted(&server, "copy", "large") == sorted(&server, "shop", "large"));
}

/// Has its server hang when the first documents are written.
struct Hangs<'a> {
    server: &'a MongoServer,
    is_done: AtomicBool,
    warnings: Mutex<Vec<String>>,
}

impl Events for Hangs<'_> {
    fn bytes_done(&self, _: u64) {
        if !self.is_done.swap(true, Ordering::SeqCst) {
            self.server.freeze();
        }
    }

    fn warning(&self, text: &str) {
        self.warnings.lock().unwrap().push(text.to_owned());
    }
}

#[test]
fn a_restore_to_a_server_that_hangs_ends_and_its_next_try_is_whole() {
    let Some(server) = MongoServer::start_new() else { return };
    fill(&server, 500);
    large().chunks(5).for_each(|some| server.insert("shop", "large", some));
    for n in 0..30 {
        server.insert("shop", &format!("small {n}"), &[doc! { "_id": n }]);
    }
    let (sink, _) = captured(&server.connect(), &CaptureOptions::default());
    let _ = restored(&server.connect(), &sink, &to_copy()).unwrap();
    server.insert("copy", "orders", &[doc! { "_id": "of later" }]);
    let before = listing(&server, "copy");
    let options = RestoreOptions {
        existing: Existing::Replace,
        work: "run 7".to_owned(),
        patience: PATIENCE,
        ..to_copy()
    };
    let connection = watchful(&server.uri());
    let hangs = Hangs { server: &server, is_done: AtomicBool::new(false), warnings: Mutex::default() };
    let restoring = |control: &Control| {
        let dump = EntriesDump::of_folder(sink.path()).unwrap();
        restore(&connection, Box::new(dump), &options, control, &hangs)
    };
    let error = bounded(&server, restoring).unwrap_err();
    assert_eq!(error.trouble, Trouble::NoAnswer, "{error}");
    assert!(error.to_string().contains("shop.") && !error.hint.is_empty(), "{error:?}");
    let warnings = hangs.warnings.into_inner().unwrap().join("; ");
    assert!(warnings.contains("may be left"), "{warnings}");

    server.thaw();
    // Nothing that is half there has the name of something whole.
    let whole = |server: &MongoServer| {
        let mut listed = listing(server, "copy");
        listed.retain(|each| !each.get_str("name").unwrap().starts_with("backstay-new-"));
        listed
    };
    assert_eq!(whole(&server), before);
    assert!(sorted(&server, "copy", "orders").contains(&doc! { "_id": "of later" }));
    let report = restored(&connection, &sink, &options).unwrap();
    assert!(report.restored.iter().all(|each| each.agrees_with_manifest), "{report:#?}");
    assert_eq!(listing(&server, "copy"), before);
    for collection in ["orders", "large", "types"] {
        assert!(sorted(&server, "copy", collection) == sorted(&server, "shop", collection), "{collection}");
    }
}

/// Stands before a server, and can stop passing on what those connections say that have said much. Others go on.
struct Stalling {
    port: u16,
    is_stalled: Arc<AtomicBool>,
}

/// What a connection that only looks whether the server is there does not come to.
const MUCH: u64 = 500_000;

impl Stalling {
    fn before(server: &MongoServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, behind) = (listener.local_addr().unwrap().port(), server.port());
        let is_stalled = Arc::new(AtomicBool::new(false));
        let stall = Arc::clone(&is_stalled);
        drop(std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", behind)) else { continue };
                let (said, stuck) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let (said, stuck, stall) = (Arc::clone(&said), Arc::clone(&stuck), Arc::clone(&stall));
                    drop(std::thread::spawn(move || pass(from, to, &said, &stuck, &stall)));
                }
            }
        }));
        Self { port, is_stalled }
    }

    fn uri(&self) -> String {
        format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, said: &AtomicU64, stuck: &AtomicBool, stall: &AtomicBool) {
    let mut piece = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        if said.fetch_add(count as u64, Ordering::SeqCst) > MUCH && stall.swap(false, Ordering::SeqCst) {
            stuck.store(true, Ordering::SeqCst);
        }
        // What is swallowed is lost, and the connection stays open.
        if !stuck.load(Ordering::SeqCst) && to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    if !stuck.load(Ordering::SeqCst) {
        for stream in [from, to] {
            // The other end may be gone already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

#[test]
fn a_connection_that_falls_silent_while_others_go_on_is_left_for_another() {
    let Some(server) = MongoServer::start_new() else { return };
    large().chunks(5).for_each(|some| server.insert("shop", "large", some));
    let stalling = Stalling::before(&server);
    let connection = watchful(&stalling.uri());
    let sink = FolderSink::new();
    let stall = Arc::clone(&stalling.is_stalled);
    sink.on_write(move |count| {
        if count == 1 {
            stall.store(true, Ordering::SeqCst);
        }
    });
    let told = Told::default();
    let capturing = |control: &Control| capture(&connection, &sink, &of_large(), control, &told);
    let manifest = bounded(&server, capturing).unwrap();
    assert_eq!(manifest.counted("shop", "large").unwrap().documents, 60);
    let told = told.0.into_inner().unwrap().join("; ");
    assert!(told.contains("no answer came within 2 seconds; trying again"), "{told}");
    let _ = restored(&server.connect(), &sink, &to_copy()).unwrap();
    assert!(sorted(&server, "copy", "large") == sorted(&server, "shop", "large"));
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Events for Told {
    fn warning(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}
