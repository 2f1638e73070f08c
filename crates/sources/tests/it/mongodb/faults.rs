//! A server that goes away, and work that is given up.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use backstay_core::{Control, Silent};
use backstay_sources::mongodb::{CaptureOptions, Manifest, MongoError, Selection, Trouble, capture};
use backstay_sources::testing::MongoServer;
use mongodb::bson::{Document, doc};

use super::folder::FolderSink;
use super::{restored, sorted, to_copy};

/// Documents that take several answers.
fn fill_large(server: &MongoServer) {
    let _ = server.run("shop", doc! { "create": "capped", "capped": true, "size": 100 << 20 });
    for n in 0..28 {
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
        assert_eq!(manifest.unwrap().counted("shop", collection).unwrap().documents, 28);
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
        assert_eq!(work.join().unwrap().unwrap().counted("shop", "large").unwrap().documents, 28);
    });
}
