//! The settings for mail, and what comes of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay_model::Role;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::smtp::{PASSWORD, Smtp};
use crate::world::World;

const SETTINGS: &str = "/api/v1/settings/smtp";
const TEST: &str = "/api/v1/settings/smtp/test";

fn with(mut settings: Value, key: &str, value: Value) -> Value {
    settings[key] = value;
    settings
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_set_a_mail_server_and_try_it() {
    let world = World::new().await;
    let smtp = Smtp::start().await;
    let owner = world.owner().await;
    let admin = world.program(Role::Admin, world.home).await;
    let to = json!({"to": "ada@example.org"});
    assert_eq!(owner.get(SETTINGS).await.problem(404), "not_found");
    assert_eq!(owner.post(TEST, to.clone()).await.problem(409), "conflict");
    assert_eq!(admin.get(SETTINGS).await.problem(403), "forbidden");
    assert_eq!(admin.put(SETTINGS, smtp.settings()).await.problem(403), "forbidden");
    assert_eq!(admin.post(TEST, to.clone()).await.problem(403), "forbidden");

    let told = owner.put(SETTINGS, smtp.settings()).await.expect(200);
    assert_eq!((&told["password"], &told["password_set"]), (&Value::Null, &json!(true)));
    assert_eq!(owner.get(SETTINGS).await.expect(200), told);
    let kept = world.store.setting("smtp").await.unwrap().unwrap().to_string();
    let audit = serde_json::to_string(&world.store.audit(&Default::default(), 10).await.unwrap()).unwrap();
    assert!(!kept.contains(PASSWORD) && !audit.contains(PASSWORD));
    assert!(!world.store.setting_sealed("smtp").await.unwrap().unwrap().contains(PASSWORD));

    owner.post(TEST, to.clone()).await.expect(204);
    let mail = smtp.mail(0).await;
    assert!(mail.signed_in);
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("backup@example.org", &["ada@example.org".to_owned()][..])
    );
    assert!(mail.content.contains("From: Backstay <backup@example.org>\r\n"), "{}", mail.content);
    assert!(mail.content.contains(world.server.url()), "{}", mail.content);

    // Without a password the one before stays, and goes nowhere else.
    let silent = with(smtp.settings(), "password", Value::Null);
    owner.put(SETTINGS, with(silent.clone(), "from", json!("other@example.org"))).await.expect(200);
    owner.post(TEST, to.clone()).await.expect(204);
    assert_eq!(smtp.mail(1).await.from, "other@example.org");
    assert_eq!(owner.put(SETTINGS, with(silent, "host", json!("localhost"))).await.problem(422), "invalid");
    for (key, value) in
        [("port", json!(0)), ("from", json!("x")), ("tls", json!("maybe")), ("host", json!("a b"))]
    {
        assert_eq!(
            owner.put(SETTINGS, with(smtp.settings(), key, value)).await.problem(422),
            "invalid",
            "{key}"
        );
    }
    owner.delete(SETTINGS).await.expect(204);
    assert_eq!(owner.post(TEST, to).await.problem(409), "conflict");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_way_is_told() {
    let world = World::new().await;
    let smtp = Smtp::start().await;
    let owner = world.owner().await;
    let failure = async |settings: Value, to: &str| {
        owner.put(SETTINGS, settings).await.expect(200);
        let reply = owner.post(TEST, json!({"to": to})).await;
        let body = reply.body.clone();
        assert_eq!(reply.problem(422), "mail_failed");
        assert!(!body.to_string().contains(PASSWORD), "{body}");
        format!("{} / {}", body["detail"].as_str().unwrap(), body["hint"].as_str().unwrap())
    };
    let told = failure(with(smtp.settings(), "password", json!("wrong")), "ada@example.org").await;
    assert!(told.contains("535") && told.contains("user and password"), "{told}");
    let told = failure(smtp.settings(), "refused@example.org").await;
    assert!(told.contains("no such mailbox"), "{told}");
    let told = failure(with(smtp.settings(), "tls", json!("starttls")), "ada@example.org").await;
    assert!(told.contains("`tls`"), "{told}");
    let told = failure(with(smtp.settings(), "tls", json!("tls")), "ada@example.org").await;
    assert!(told.contains("`tls`"), "{told}");
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let told = failure(with(smtp.settings(), "port", json!(port)), "ada@example.org").await;
    assert!(told.contains("host and port"), "{told}");
    // Nothing was sent in the clear where TLS was asked for.
    assert!(smtp.mails().is_empty());
    for wrong in ["ada", "ada@example.org\r\nBcc: bob@example.org", ""] {
        assert_eq!(owner.post(TEST, json!({"to": wrong})).await.problem(422), "invalid", "{wrong:?}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_falls_silent_is_given_up() {
    let world = World::new().await;
    let owner = world.owner().await;
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let smtp = json!({"host": "127.0.0.1", "port": socket.local_addr().unwrap().port(), "tls": "none",
        "from": "backup@example.org"});
    owner.put(SETTINGS, smtp).await.expect(200);
    let begun = Instant::now();
    let reply = owner.post(TEST, json!({"to": "ada@example.org"})).await;
    assert!(reply.body["detail"].as_str().unwrap().contains("did not answer"), "{reply:?}");
    assert_eq!(reply.problem(422), "mail_failed");
    assert!(begun.elapsed() < Duration::from_secs(40));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let world = World::new().await;
    let owner = world.owner().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let shaken = tokio::spawn(async move {
        let (stream, _) = socket.accept().await.unwrap();
        acceptor.accept(stream).await.is_ok()
    });
    let smtp = json!({"host": "localhost", "port": port, "tls": "tls", "from": "backup@example.org"});
    owner.put(SETTINGS, smtp).await.expect(200);
    let reply = owner.post(TEST, json!({"to": "ada@example.org"})).await;
    let detail = reply.body["detail"].as_str().unwrap();
    assert!(
        detail.ends_with("did not take the mail: Connection error: invalid peer certificate: UnknownIssuer"),
        "{detail}"
    );
    assert!(reply.body["hint"].as_str().unwrap().contains("certificate"), "{reply:?}");
    assert_eq!(reply.problem(422), "mail_failed");
    assert!(!shaken.await.unwrap());
    world.stop().await;
}
