//! A server that lies: it answers with what no server of MongoDB's would.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use backstay_core::{Control, Silent};
use backstay_sources::mongodb::{
    Access, CaptureOptions, Connection, MongoError, OpenEntry, RestoreOptions, Trouble, capture, probe,
};
use mongodb::bson::raw::{RawArrayBuf, RawDocumentBuf};
use mongodb::bson::{RawDocument, cstr, rawdoc};

use super::folder::FolderSink;
use super::restored;

/// Work that has not ended by then hangs.
const BOUND: Duration = Duration::from_secs(60);

/// What is asked: the command, and how often anything was asked before.
type Lie = dyn Fn(&str, u64) -> Option<RawDocumentBuf> + Send + Sync;

/// A server that answers with lies where there are any, and else with what makes people go on.
struct Liar(String);

impl Liar {
    fn start(lie: impl Fn(&str, u64) -> Option<RawDocumentBuf> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("mongodb://{}/", listener.local_addr().unwrap());
        let (lie, asked): (Arc<Lie>, _) = (Arc::new(lie), Arc::new(AtomicU64::new(0)));
        // It ends with the process.
        drop(std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (lie, asked) = (Arc::clone(&lie), Arc::clone(&asked));
                drop(std::thread::spawn(move || serve(stream.unwrap(), &*lie, &asked)));
            }
        }));
        Self(uri)
    }

    fn open(&self) -> Result<Connection, MongoError> {
        let patience = Duration::from_secs(20);
        Connection::open(&Access { uri: self.0.clone(), patience, ..Access::default() })
    }

    /// Backs it up, and gives what was left out.
    fn capture(&self, control: &Control) -> Result<Vec<String>, MongoError> {
        let patience = Duration::from_secs(20);
        let options = CaptureOptions { users: false, patience, ..CaptureOptions::default() };
        let captured = capture(&self.open()?, &FolderSink::new(), &options, control, &Silent);
        captured.map(|manifest| manifest.left_out)
    }
}

/// Answers one connection until it is closed.
fn serve(mut stream: TcpStream, lie: &Lie, asked: &AtomicU64) {
    loop {
        let mut head = [0; 16];
        if stream.read_exact(&mut head).is_err() {
            return;
        }
        let number = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap());
        let mut body = vec![0; number(0) as usize - 16];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        // The first question of a connection may have the old form, with the name of a collection in it.
        let begin = match number(12) {
            2004 => 4 + body[4..].iter().position(|&byte| byte == 0).unwrap() + 9,
            _ => 5,
        };
        let length = u32::from_le_bytes(body[begin..begin + 4].try_into().unwrap()) as usize;
        let command = RawDocument::from_bytes(&body[begin..begin + length]).unwrap();
        let (name, _) = command.iter().next().unwrap().unwrap();
        let answer = lie(name.as_str(), asked.fetch_add(1, Ordering::SeqCst));
        let answer = answer.unwrap_or_else(|| honest(name.as_str()));
        let mut message = Vec::new();
        let length = 21 + answer.as_bytes().len() as u32;
        [length, 1, number(4), 2013, 0].iter().for_each(|number| message.extend(number.to_le_bytes()));
        message.push(0);
        message.extend(answer.as_bytes());
        if stream.write_all(&message).is_err() {
            return;
        }
    }
}

fn honest(command: &str) -> RawDocumentBuf {
    match command {
        "hello" | "ismaster" | "isMaster" => hello(),
        "buildInfo" => rawdoc! { "version": "8.0.0", "ok": 1 },
        "listDatabases" => rawdoc! { "databases": [{ "name": "shop", "sizeOnDisk": 5 }], "ok": 1 },
        "listCollections" => batch("firstBatch", 0, [collection("orders")]),
        "listIndexes" => batch("firstBatch", 0, [index(rawdoc! { "_id": 1 })]),
        "find" => batch("firstBatch", 0, [rawdoc! { "_id": 1 }]),
        _ => rawdoc! { "ok": 1 },
    }
}

fn hello() -> RawDocumentBuf {
    rawdoc! {
        "helloOk": true, "isWritablePrimary": true, "maxBsonObjectSize": 16_777_216, "maxMessageSizeBytes": 48_000_000,
        "maxWriteBatchSize": 100_000, "logicalSessionTimeoutMinutes": 30, "connectionId": 1, "minWireVersion": 0, "maxWireVersion": 21, "ok": 1,
    }
}

fn collection(name: &str) -> RawDocumentBuf {
    rawdoc! { "name": name, "type": "collection", "options": {}, "info": {} }
}

fn index(key: RawDocumentBuf) -> RawDocumentBuf {
    rawdoc! { "v": 2, "key": key, "name": "_id_" }
}

fn batch(name: &str, more: i64, documents: impl IntoIterator<Item = RawDocumentBuf>) -> RawDocumentBuf {
    let documents: RawArrayBuf = documents.into_iter().collect();
    let mut cursor = rawdoc! { "id": more, "ns": "shop.orders" };
    cursor.append(if name == "firstBatch" { cstr!("firstBatch") } else { cstr!("nextBatch") }, documents);
    rawdoc! { "cursor": cursor, "ok": 1 }
}

/// A document with so many levels.
fn nested(levels: usize) -> RawDocumentBuf {
    let mut bytes = Vec::new();
    for level in (1..levels).rev() {
        bytes.extend((5 + 8 * level as u32).to_le_bytes());
        bytes.extend([3, b'a', 0]);
    }
    bytes.extend([5, 0, 0, 0]);
    bytes.extend(vec![0; levels]);
    RawDocumentBuf::from_bytes(bytes).unwrap()
}

/// An answer with a deep document somewhere in it, by the command that is answered so.
fn deep(command: &str, levels: usize) -> RawDocumentBuf {
    let mut deep = nested(levels);
    match command {
        "hello" | "buildInfo" => {
            let mut answer = honest(command);
            answer.append(cstr!("more"), deep);
            answer
        }
        "listDatabases" => rawdoc! { "databases": [{ "name": "shop", "more": deep }], "ok": 1 },
        "listCollections" => {
            let mut listed = collection("orders");
            listed.append(cstr!("options"), rawdoc! { "validator": deep });
            batch("firstBatch", 0, [listed])
        }
        "listIndexes" => batch("firstBatch", 0, [index(rawdoc! { "_id": 1 }), index(deep)]),
        "find" => {
            deep = rawdoc! { "_id": deep };
            batch("firstBatch", 0, [deep])
        }
        other => panic!("{other}"),
    }
}

/// Does something on a thread of its own, and fails when it does not come to an end.
fn bounded<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (send, done) = channel();
    drop(std::thread::spawn(move || send.send(work())));
    done.recv_timeout(BOUND).expect("it hangs")
}

#[test]
fn answers_that_are_nested_as_deep_as_a_server_stores_are_read_and_deeper_ones_end_nothing_but_the_work() {
    for command in ["hello", "buildInfo", "listDatabases", "listCollections", "listIndexes", "find"] {
        let of = move |levels: usize| {
            let liar = Liar::start(move |asked, _| {
                let is_it =
                    asked == command || (command == "hello" && asked.eq_ignore_ascii_case("ismaster"));
                is_it.then(|| deep(command, levels))
            });
            bounded(move || liar.capture(&Control::new()))
        };
        if let Err(error) = of(180) {
            panic!("{command}: {error}");
        }
        for levels in [600, 20_000, 1_000_000] {
            let error = of(levels).unwrap_err();
            assert_eq!(error.trouble, Trouble::Refused, "{command}, {levels}: {error}");
            assert!(error.to_string().contains("nested deeper than"), "{command}, {levels}: {error}");
        }
    }
}

#[test]
fn answers_that_are_no_messages_or_longer_than_any_end_the_work_at_once() {
    for head in [[0x7fff_ffff, 2013, 0], [3, 2013, 0], [100, 2012, 0], [100, 1, 0]] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let liar = Liar(format!("mongodb://{}/", listener.local_addr().unwrap()));
        drop(std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let [length, form, flags]: [u32; 3] = head;
                let mut message: Vec<u8> =
                    [length, 1, 1, form, flags].iter().flat_map(|number| number.to_le_bytes()).collect();
                message.extend([0; 100]);
                let _ = stream.read(&mut [0; 1000]);
                let _ = stream.write_all(&message);
                drop(std::thread::spawn(move || stream.read_to_end(&mut Vec::new())));
            }
        }));
        let error = bounded(move || liar.open().map(drop)).unwrap_err();
        assert_eq!(error.trouble, Trouble::Refused, "{head:?}: {error}");
    }
}

#[test]
fn a_list_without_an_end_ends_the_work_and_so_does_nothing_again_and_again() {
    let thousand = |from: u64| (0..1000).map(move |n| collection(&format!("c{:09}", from * 1000 + n)));
    for (lies, says) in [
        ("listCollections", "more than 100000 collections"),
        ("listDatabases", "more than 100000 databases"),
        ("nothing of listCollections", "with nothing again and again"),
        // It is left out, and told.
        ("nothing of find", ""),
    ] {
        let liar = Liar::start(move |asked, count| match (lies, asked) {
            ("listCollections", "listCollections") => Some(batch("firstBatch", 7, thousand(count))),
            ("listCollections", "getMore") => Some(batch("nextBatch", 7, thousand(count))),
            ("listDatabases", "listDatabases") => {
                let all: RawArrayBuf = (0..100_001).map(|n| rawdoc! { "name": format!("d{n}") }).collect();
                let mut answer = rawdoc! { "ok": 1 };
                answer.append(cstr!("databases"), all);
                Some(answer)
            }
            ("nothing of listCollections", "listCollections") | ("nothing of find", "find") => {
                Some(batch("firstBatch", 7, []))
            }
            (_, "getMore") => Some(batch("nextBatch", 7, [])),
            _ => None,
        });
        let captured = bounded(move || liar.capture(&Control::new()));
        if lies == "nothing of find" {
            assert_eq!(captured.unwrap(), ["shop.orders"]);
            continue;
        }
        let error = captured.unwrap_err();
        assert_eq!(error.trouble, Trouble::Refused, "{lies}: {error}");
        assert!(error.to_string().contains(says), "{lies}: {error}");
    }
}

#[test]
fn listing_is_given_up_when_the_work_is_cancelled_or_no_answer_comes() {
    // The list goes on slowly, and there are many databases.
    for slow in ["getMore", "listIndexes"] {
        let control = Control::new();
        let reins = control.clone();
        let liar = Liar::start(move |asked, _| {
            if asked == slow {
                reins.cancel();
                std::thread::sleep(BOUND * 2);
            }
            (asked == "listCollections" && slow == "getMore")
                .then(|| batch("firstBatch", 7, [collection("orders")]))
        });
        let error = bounded(move || liar.capture(&control)).unwrap_err();
        assert_eq!(error.trouble, Trouble::Interrupted, "{slow}: {error}");
    }
    let control = Control::new();
    let reins = control.clone();
    let liar = Liar::start(move |asked, count| match asked {
        "listDatabases" => {
            let all: RawArrayBuf = (0..50_000).map(|n| rawdoc! { "name": format!("d{n}") }).collect();
            let mut answer = rawdoc! { "ok": 1 };
            answer.append(cstr!("databases"), all);
            Some(answer)
        }
        "listCollections" => {
            if count > 20 {
                reins.cancel();
            }
            Some(batch("firstBatch", 0, []))
        }
        _ => None,
    });
    let error = bounded(move || liar.capture(&control)).unwrap_err();
    assert_eq!(error.trouble, Trouble::Interrupted, "{error}");
    let liar = Liar::start(|asked, _| {
        if asked == "listCollections" {
            std::thread::sleep(BOUND * 2);
        }
        None
    });
    let error = bounded(move || {
        let uri = format!("{}?serverSelectionTimeoutMS=1000", liar.0);
        let connection = Connection::open(&Access { uri, ..Access::default() }).unwrap();
        probe(&connection, None).map(drop)
    });
    let error = error.unwrap_err();
    assert_eq!(error.trouble, Trouble::NoAnswer, "{error}");
}

#[test]
fn a_deep_entry_of_a_log_that_somebody_made_up_ends_nothing_but_the_restore() {
    let liar = Liar::start(|_, _| None);
    let sink = FolderSink::new();
    let connection = liar.open().unwrap();
    let options = CaptureOptions { users: false, ..CaptureOptions::default() };
    let _ = capture(&connection, &sink, &options, &Control::new(), &Silent).unwrap();
    for levels in [600, 20_000, 1_000_000] {
        let entry = nested(levels).into_bytes();
        let open: OpenEntry = Arc::new(move |_| Ok(Box::new(std::io::Cursor::new(entry.clone()))));
        let options = RestoreOptions { oplog: true, segments: vec![open], ..RestoreOptions::default() };
        let error = restored(&connection, &sink, &options).unwrap_err();
        assert_eq!(error.trouble, Trouble::Damaged, "{levels}: {error}");
        assert!(error.to_string().contains("nested deeper than 200 levels"), "{levels}: {error}");
    }
}
