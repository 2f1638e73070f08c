//! A server that goes away, and work that is given up.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use backstay_core::{Control, Events, Silent};
use backstay_sources::mongodb::{
    CaptureOptions, EntriesDump, Existing, Manifest, MongoError, RestoreOptions, Selection, Trouble, capture,
    restore,
};
use backstay_sources::testing::MongoServer;
use mongodb::bson::{Document, doc};

use super::folder::FolderSink;
use super::{captured, fill, listing, restored, sorted, to_copy};

/// Documents that take several answers.
fn fill_large(server: &MongoServer) {
    let _ = server.run("shop", doc! { "create": "capped", "capped": true, "size": 100 << 20 });
    for n in 0..40 {
        let documents: Vec<Document> = vec![
            doc! { "_id": if n % 2 == 0 { n.into() } else { mongodb::bson::Bson::from(format!("{n}")) }, "text": n.to_string().repeat(300_000) },
        ];
        server.insert("shop", "large", &documents);
        server.insert("shop", "capped", &documents);
    }
}

fn of(collection: &str, patience: u64) -> CaptureOptions {
    CaptureOptions {
        selection: Selection { include: vec![format!("shop.{collection}")], ..Selection::all() },
        parallel: 1,
        oplog: false,
        patience: Duration::from_secs(patience),
        ..CaptureOptions::default()
    }
}

/// Captures, and has something done in the middle while it waits.
fn interrupted(
    server: &mut MongoServer,
    collection: &str,
    patience: u64,
    meanwhile: impl FnOnce(&mut MongoServer),
) -> (FolderSink, Result<Manifest, MongoError>) {
    let connection = server.connect();
    let sink = FolderSink::new();
    let (reached, wait) = channel();
    let (done, go_on) = channel::<()>();
    let go_on = Mutex::new(go_on);
    sink.on_write(move |count| {
        if count == 1 {
            reached.send(()).unwrap();
            go_on.lock().unwrap().recv().unwrap();
        }
    });
    let manifest = std::thread::scope(|scope| {
        let options = of(collection, patience);
        let (sink, connection) = (&sink, &connection);
        let work = scope.spawn(move || capture(connection, sink, &options, &Control::new(), &Silent));
        wait.recv().unwrap();
        meanwhile(server);
        done.send(()).unwrap();
        work.join().unwrap()
    });
    (sink, manifest)
}

#[test]
fn a_server_that_is_restarted_in_the_middle_is_read_on() {
    let Some(mut server) = MongoServer::start_new() else { return };
    fill_large(&server);
    let restart = |server: &mut MongoServer| {
        server.stop();
        server.start();
    };
    // By the order of its ids, which are of two types; and anew, where there is no order.
    for collection in ["large", "capped"] {
        let (sink, manifest) = interrupted(&mut server, collection, 120, restart);
        assert_eq!(manifest.unwrap().counted("shop", collection).unwrap().documents, 40);
        let _ = restored(&server.connect(), &sink, &to_copy()).unwrap();
        assert!(sorted(&server, "copy", collection) == sorted(&server, "shop", collection), "{collection}");
    }
}

#[test]
fn a_server_that_stays_away_is_told_and_nothing_is_called_whole() {
    let Some(mut server) = MongoServer::start_new() else { return };
    fill_large(&server);
    let (sink, manifest) = interrupted(&mut server, "large", 1, MongoServer::stop);
    let error = manifest.unwrap_err();
    assert_eq!(error.trouble, Trouble::NoAnswer, "{error}");
    assert!(error.to_string().contains("shop.large"), "{error}");
    assert!(!sink.is_closed() && sink.files().is_empty(), "{:?}", sink.files());
}

#[test]
fn work_that_is_cancelled_ends_and_work_that_is_paused_waits() {
    let Some(server) = MongoServer::start_new() else { return };
    fill_large(&server);
    let connection = server.connect();
    let sink = FolderSink::new();
    let control = Control::new();
    let reins = control.clone();
    sink.on_write(move |count| {
        if count == 1 {
            reins.cancel()
        }
    });
    let error = capture(&connection, &sink, &of("large", 10), &control, &Silent).unwrap_err();
    assert_eq!(error.trouble, Trouble::Interrupted, "{error}");
    assert!(!sink.is_closed());

    let sink = FolderSink::new();
    let control = Control::new();
    let (reins, (paused, wait)) = (control.clone(), channel());
    sink.on_write(move |count| {
        if count == 1 {
            reins.pause();
            paused.send(()).unwrap();
        }
    });
    std::thread::scope(|scope| {
        let work = scope.spawn(|| capture(&connection, &sink, &of("large", 10), &control, &Silent));
        wait.recv().unwrap();
        std::thread::sleep(Duration::from_millis(300));
        assert!(!work.is_finished());
        control.resume();
        assert_eq!(work.join().unwrap().unwrap().counted("shop", "large").unwrap().documents, 40);
    });
}

#[test]
fn a_server_that_does_not_answer_keeps_nobody_who_cancels() {
    let Some(mut server) = MongoServer::start_new() else { return };
    fill_large(&server);
    let control = Control::new();
    let reins = control.clone();
    let connection = server.connect();
    let sink = FolderSink::new();
    let (reached, wait) = channel();
    sink.on_write(move |count| {
        if count == 1 {
            reached.send(()).unwrap();
        }
    });
    let error = std::thread::scope(|scope| {
        let options = of("large", 600);
        let (sink, connection) = (&sink, &connection);
        let work = scope.spawn(move || capture(connection, sink, &options, &control, &Silent));
        wait.recv().unwrap();
        server.freeze();
        reins.cancel();
        work.join().unwrap().unwrap_err()
    });
    assert_eq!(error.trouble, Trouble::Interrupted, "{error}");
    server.thaw();
    server.kill();
}

/// Has something done when the first documents are written.
struct First<F: Fn() + Send + Sync> {
    meanwhile: F,
    warnings: Mutex<Vec<String>>,
}

impl<F: Fn() + Send + Sync> First<F> {
    const fn new(meanwhile: F) -> Self {
        Self { meanwhile, warnings: Mutex::new(Vec::new()) }
    }
}

impl<F: Fn() + Send + Sync> Events for First<F> {
    fn bytes_done(&self, _: u64) {
        (self.meanwhile)();
    }

    fn warning(&self, text: &str) {
        self.warnings.lock().unwrap().push(text.to_owned());
    }
}

fn in_place_of_what_is_there() -> RestoreOptions {
    RestoreOptions { existing: Existing::Replace, work: "run 7".to_owned(), ..to_copy() }
}

#[test]
fn a_restore_that_is_given_up_while_its_server_is_away_leaves_it_as_it_was() {
    let Some(server) = MongoServer::start_new() else { return };
    fill(&server, 500);
    let (sink, _) = captured(&server.connect(), &CaptureOptions::default());
    let _ = restored(&server.connect(), &sink, &to_copy()).unwrap();
    let before = listing(&server, "copy");
    let connection = server.connect();
    let server = Mutex::new(server);
    let control = Control::new();
    let away = First::new(|| {
        // Of the threads that write, one alone stops it: another might stop the one that was started again.
        let mut server = server.lock().unwrap();
        if !control.is_cancelled() {
            server.stop();
            control.cancel();
        }
    });
    let error = std::thread::scope(|scope| {
        let _ = scope.spawn(|| {
            while !control.is_cancelled() {
                std::thread::sleep(Duration::from_millis(20));
            }
            server.lock().unwrap().start();
        });
        let dump = EntriesDump::of_folder(sink.path()).unwrap();
        restore(&connection, Box::new(dump), &in_place_of_what_is_there(), &control, &away).unwrap_err()
    });
    assert_eq!(error.trouble, Trouble::Interrupted, "{error}");
    assert_eq!(listing(&server.into_inner().unwrap(), "copy"), before);
}

#[test]
fn what_a_killed_restore_left_is_removed_by_its_next_try_alone() {
    let Some(server) = MongoServer::start_new() else { return };
    fill(&server, 500);
    let (sink, _) = captured(&server.connect(), &CaptureOptions::default());
    let _ = restored(&server.connect(), &sink, &to_copy()).unwrap();
    let whole = listing(&server, "copy");
    let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let connection = server.connect();
        let dump = EntriesDump::of_folder(sink.path()).unwrap();
        let killed = First::new(|| panic!("killed"));
        restore(&connection, Box::new(dump), &in_place_of_what_is_there(), &Control::new(), &killed)
    }));
    assert!(killed.is_err());
    let left = listing(&server, "copy");
    let new = |all: &[Document]| {
        all.iter().filter(|each| each.get_str("name").unwrap().starts_with("backstay-new-")).count()
    };
    assert!(new(&left) > 0, "{left:?}");
    // It was killed when what was there had been put aside, too.
    let temporary = left
        .iter()
        .find_map(|each| each.get_str("name").ok().filter(|name| name.starts_with("backstay-new-")));
    let tag = temporary.unwrap().rsplit('-').nth(1).unwrap().to_owned();
    let aside = format!("copy.orders.backstay-old-20260101T000000Z-{tag}");
    let _ = server.run("admin", doc! { "renameCollection": "copy.orders", "to": aside });

    // Another restore leaves it alone.
    let other = RestoreOptions { work: "run 8".to_owned(), ..in_place_of_what_is_there() };
    let only = Selection { include: vec!["shop.types".to_owned()], ..Selection::all() };
    let _ = restored(&server.connect(), &sink, &RestoreOptions { selection: only, ..other }).unwrap();
    assert_eq!(new(&listing(&server, "copy")), new(&left));

    let connection = server.connect();
    let told = First::new(|| ());
    let dump = EntriesDump::of_folder(sink.path()).unwrap();
    let _ =
        restore(&connection, Box::new(dump), &in_place_of_what_is_there(), &Control::new(), &told).unwrap();
    assert_eq!(listing(&server, "copy"), whole);
    let warnings = told.warnings.into_inner().unwrap().join("; ");
    assert!(warnings.contains("its name orders again") && warnings.contains("backstay-new-"), "{warnings}");
}
