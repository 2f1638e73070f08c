//! The way to a server, and what may be seen of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backstay_core::{Control, Silent};
use backstay_sources::mongodb::{
    Access, CaptureOptions, Connection, Guard, Selection, Tls, Trouble, capture, probe,
};
use backstay_sources::testing::MongoServer;
use mongodb::bson::doc;

use super::folder::FolderSink;

const PASSWORD: &str = "s3cret: of a test";

#[test]
fn who_is_let_in_sees_what_they_may() {
    let Some(mut server) = MongoServer::start_new() else { return };
    server.insert("shop", "a", &[doc! { "_id": 1 }]);
    server.insert("blog", "a", &[doc! { "_id": 1 }]);
    let whole = ["backup", "clusterMonitor", "readAnyDatabase"];
    let roles = whole.map(|role| doc! { "role": role, "db": "admin" }).to_vec();
    let _ = server.run("admin", doc! { "createUser": "whole", "pwd": PASSWORD, "roles": roles });
    let some = vec![doc! { "role": "read", "db": "shop" }];
    let _ = server.run("admin", doc! { "createUser": "some", "pwd": PASSWORD, "roles": some });
    // It may see that `blog` has collections, and not read them.
    let listed = doc! { "resource": { "db": "blog", "collection": "" }, "actions": ["listCollections", "listIndexes"] };
    let _ = server.run("admin", doc! { "createRole": "lister", "privileges": [listed], "roles": [] });
    let mut most =
        ["shop", "local", "config"].map(|database| doc! { "role": "read", "db": database }).to_vec();
    most.push(doc! { "role": "lister", "db": "admin" });
    let _ = server.run("admin", doc! { "createUser": "most", "pwd": PASSWORD, "roles": most });
    server.stop();
    server.with(&["--auth"]);
    server.start();
    let as_user = |user: &str, password: &str| Access {
        user: Some(user.to_owned()),
        password: password.to_owned(),
        ..server.access()
    };

    for (user, password) in [("whole", "s3cret of another"), ("nobody", PASSWORD)] {
        let error = Connection::open(&as_user(user, password)).unwrap_err();
        assert_eq!(error.trouble, Trouble::Denied, "{error}");
        assert!(!format!("{error:?} {error}").contains("s3cret"), "{error:?}");
    }
    let connection = Connection::open(&as_user("whole", PASSWORD)).unwrap();
    let facts = probe(&connection, Some("whole")).unwrap();
    assert!(facts.replica_set.is_some() && facts.is_writable && facts.version.starts_with("8."), "{facts:?}");
    let names: Vec<&str> = facts.databases.iter().map(|database| database.name.as_str()).collect();
    assert_eq!(names, ["blog", "shop"]);

    let connection = Connection::open(&as_user("some", PASSWORD)).unwrap();
    let facts = probe(&connection, Some("some")).unwrap();
    let users = facts.missing.iter().find(|missing| missing.what.contains("users")).unwrap();
    assert_eq!(
        users.grant,
        "use admin; db.grantRolesToUser(\"some\", [{ role: \"backup\", db: \"admin\" }])"
    );
    assert!(!users.cause.is_empty());

    // What may be read is captured, and it is said what is not of one moment.
    let sink = FolderSink::new();
    let selection = Selection { include: vec!["shop".to_owned()], ..Selection::all() };
    let options = CaptureOptions { selection, ..CaptureOptions::default() };
    let manifest = capture(&connection, &sink, &options, &Control::new(), &Silent).unwrap();
    assert_eq!(manifest.counted("shop", "a").unwrap().documents, 1);
    assert!(manifest.inconsistent_because.unwrap().contains("may not read the oplog"));
    // What may not be read is left out, and is told.
    let sink = FolderSink::new();
    let selection =
        Selection { include: vec!["shop".to_owned(), "admin.system.users".to_owned()], ..Selection::all() };
    let options = CaptureOptions { selection, ..CaptureOptions::default() };
    match capture(&connection, &sink, &options, &Control::new(), &Silent) {
        Ok(_) => {
            assert!(sink.failed().iter().any(|told| told.contains("system.users")), "{:?}", sink.failed())
        }
        Err(error) => assert_eq!(error.trouble, Trouble::Denied, "{error}"),
    }
    // Nothing follows on a dump that lacks a collection, though it has an oplog.
    let connection = Connection::open(&as_user("most", PASSWORD)).unwrap();
    for (also, is_whole) in [("shop.b", true), ("blog.a", false)] {
        let include = vec!["shop.a".to_owned(), also.to_owned()];
        let selection = Selection { include, ..Selection::all() };
        let options = CaptureOptions { selection, ..CaptureOptions::default() };
        let manifest = capture(&connection, &FolderSink::new(), &options, &Control::new(), &Silent).unwrap();
        assert!(manifest.oplog.is_some(), "{manifest:?}");
        assert_eq!(manifest.reaches_to().is_some(), is_whole, "{manifest:?}");
        assert_eq!(manifest.left_out, if is_whole { vec![] } else { vec!["blog.a".to_owned()] });
    }
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let access = Access {
        uri: "mongodb://127.0.0.1:1/".to_owned(),
        user: Some("bob".to_owned()),
        password: PASSWORD.to_owned(),
        patience: Duration::from_millis(500),
        ..Access::default()
    };
    let error = Connection::open(&access).unwrap_err();
    assert_eq!(error.trouble, Trouble::NoAnswer, "{error}");
    assert!(
        error.to_string().contains("127.0.0.1:1") && !format!("{error:?}").contains("s3cret"),
        "{error:?}"
    );
}

#[test]
fn only_addresses_that_the_guard_gives_are_dialled() {
    let Some(server) = MongoServer::start_new() else { return };
    server.insert("shop", "a", &[doc! { "_id": 1, "text": "x".repeat(3 << 20) }]);
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, port) = (Arc::clone(&asked), server.port());
    // Nobody knows this name but the guard.
    let guard: Guard = Arc::new(move |host, asked_port| {
        let _ = count.fetch_add(1, Ordering::SeqCst);
        assert_eq!(asked_port, 4711);
        match host {
            "database.invalid" => Ok(vec![([127, 0, 0, 1], port).into()]),
            other => Err(std::io::Error::other(format!("{other} is not allowed here"))),
        }
    });
    let access = Access {
        uri: "mongodb://database.invalid:4711/".to_owned(),
        patience: Duration::from_secs(10),
        guard: Some(guard.clone()),
        ..Access::default()
    };
    let connection = Connection::open(&access).unwrap();
    let sink = FolderSink::new();
    let manifest = capture(&connection, &sink, &CaptureOptions::default(), &Control::new(), &Silent).unwrap();
    assert_eq!(manifest.counted("shop", "a").unwrap().documents, 1);
    assert!(asked.load(Ordering::SeqCst) > 1);

    let access = Access { uri: "mongodb://inner.invalid:4711/".to_owned(), ..access };
    let error = Connection::open(&access).unwrap_err();
    assert_eq!(error.trouble, Trouble::Settings);
    assert!(error.to_string().contains("inner.invalid is not allowed here"), "{error}");
    // A member that only the server names is judged too: this one says that it is at its own address.
    let access = Access {
        uri: "mongodb://database.invalid:4711/?replicaSet=secantus".to_owned(),
        patience: Duration::from_secs(2),
        guard: Some(Arc::new(move |host, _| match host {
            "database.invalid" => Ok(vec![([127, 0, 0, 1], port).into()]),
            other => Err(std::io::Error::other(format!("{other} is not allowed here"))),
        })),
        ..access
    };
    let error = Connection::open(&access).unwrap_err();
    assert_eq!(error.trouble, Trouble::NoAnswer, "{error}");
}

#[test]
fn a_server_is_only_trusted_with_a_certificate_that_somebody_vouches_for() {
    let Some(mut server) = MongoServer::start_new() else { return };
    server.insert("shop", "a", &[doc! { "_id": 1 }]);
    server.stop();
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str| folder.path().join(name);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new([]).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    std::fs::write(of("authority.pem"), authority.self_signed(&authority_key).unwrap().pem()).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::from_params(&authority, &authority_key);
    let certificate =
        rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    std::fs::write(of("certificate.pem"), certificate.pem()).unwrap();
    std::fs::write(of("key.pem"), key.serialize_pem()).unwrap();
    let path = |name: &str| of(name).to_str().unwrap().to_owned();
    server.with(&["--tls-cert-file", &path("certificate.pem"), "--tls-key-file", &path("key.pem")]);
    server.start();

    let with = |authorities| Access {
        tls: Tls::On { authorities, certificate: None },
        patience: Duration::from_secs(3),
        ..server.access()
    };
    let connection =
        Connection::open(&Access { patience: Duration::from_secs(20), ..with(Some(of("authority.pem"))) })
            .unwrap();
    let sink = FolderSink::new();
    let manifest = capture(&connection, &sink, &CaptureOptions::default(), &Control::new(), &Silent).unwrap();
    assert_eq!(manifest.counted("shop", "a").unwrap().documents, 1);
    for access in [with(None), Access { patience: Duration::from_secs(3), ..server.access() }] {
        let error = Connection::open(&access).unwrap_err();
        assert_eq!(error.trouble, Trouble::NoAnswer, "{error}");
    }
    let error = Connection::open(&with(Some(of("nothing.pem")))).unwrap_err();
    assert_eq!(error.trouble, Trouble::Settings, "{error}");
}
