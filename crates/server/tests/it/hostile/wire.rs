//! What is wrong below the API: heads that are none, and those who connect and dawdle.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::world::World;

/// Everything the server sends until it hangs up, or is silent for three seconds.
fn exchange(address: SocketAddr, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    // A server that has heard enough hangs up before all is sent.
    let _ = stream.write_all(sent);
    read(&mut stream)
}

fn read(stream: &mut TcpStream) -> String {
    let mut taken = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        taken.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8_lossy(&taken).into_owned()
}

/// The statuses of all answers in what was sent.
fn statuses(answers: &str) -> Vec<u16> {
    let lines = answers.split("HTTP/1.").skip(1);
    lines.map(|line| line.get(2..5).and_then(|status| status.parse().ok()).unwrap_or(0)).collect()
}

async fn asked(world: &World, sent: impl Into<Vec<u8>>) -> String {
    let (address, sent) = (world.server.address(), sent.into());
    tokio::task::spawn_blocking(move || exchange(address, &sent)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_are_none_are_refused_and_hold_nobody_up() {
    let world = World::new().await;
    let long = "a".repeat(200_000);
    let many = (0..300).map(|number| format!("x-{number}: 1\r\n")).collect::<String>();
    let heads: Vec<(&str, Vec<u8>)> = vec![
        ("garbage", b"\x00\x01\x02\x03\r\n\r\n".to_vec()),
        ("a TLS handshake", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(50)),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("no version", b"GET /\r\n\r\n".to_vec()),
        ("another version", b"GET / HTTP/9.9\r\nhost: localhost\r\n\r\n".to_vec()),
        ("a long target", format!("GET /{long} HTTP/1.1\r\nhost: localhost\r\n\r\n").into()),
        ("a long header", format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {long}\r\n\r\n").into()),
        ("many headers", format!("GET / HTTP/1.1\r\nhost: localhost\r\n{many}\r\n").into()),
        ("NUL in a header", b"GET / HTTP/1.1\r\nhost: localhost\r\nx: a\0b\r\n\r\n".to_vec()),
        ("a folded header", b"GET / HTTP/1.1\r\nhost: localhost\r\nx: a\r\n b\r\n\r\n".to_vec()),
        ("a space before the colon", b"GET / HTTP/1.1\r\nhost : localhost\r\n\r\n".to_vec()),
        ("a target that is none", b"GET \\\\evil HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec()),
        ("CONNECT", b"CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n".to_vec()),
        ("two lengths", post("content-length: 2\r\ncontent-length: 40\r\n", "{}")),
        ("two lengths in one", post("content-length: 2, 40\r\n", "{}")),
        ("a negative length", post("content-length: -2\r\n", "{}")),
        ("a length beyond numbers", post("content-length: 99999999999999999999999\r\n", "{}")),
        ("an unknown coding", post("transfer-encoding: gzip\r\n", "{}")),
        ("a coding that hides", post("transfer-encoding: chunked, identity\r\n", "{}")),
        ("a chunk that is none", post("transfer-encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n")),
        (
            "a chunk beyond numbers",
            post("transfer-encoding: chunked\r\n", "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        ),
    ];
    for (what, sent) in heads {
        let answer = asked(&world, sent).await;
        let statuses = statuses(&answer);
        assert!(
            statuses.iter().all(|status| (400..500).contains(status) || *status == 505),
            "{what}: {answer}"
        );
        assert!(statuses.len() <= 1, "{what}: {answer}");
    }
    world.nobody().get("/healthz").await.expect(200);
    world.stop().await;
}

fn post(headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /api/v1/sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_request_cannot_hide_in_the_body_of_the_first() {
    let world = World::new().await;
    let hidden = "GET /api/v1/openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let lengths = format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", hidden.len() + 5);
    for headers in [lengths.as_str(), "transfer-encoding: chunked\r\ncontent-length: 5\r\n"] {
        let answer = asked(&world, post(headers, &format!("0\r\n\r\n{hidden}"))).await;
        let statuses = statuses(&answer);
        // Two headers that disagree: refused, or the connection ends with the first answer.
        assert!(statuses.len() <= 1 && !statuses.contains(&200), "{headers}: {answer}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_has_to_be_one_of_the_servers_own() {
    let world = World::new().await;
    let port = world.server.address().port();
    let get =
        |target: &str, headers: &str| format!("GET {target} HTTP/1.1\r\n{headers}connection: close\r\n\r\n");
    let own = format!("host: 127.0.0.1:{port}\r\n");
    let good = [
        get("/api/v1/setup", &own),
        get("/api/v1/setup", "host: localhost\r\n"),
        get(&format!("http://localhost:{port}/api/v1/setup"), &format!("host: localhost:{port}\r\n")),
        format!("GET /api/v1/setup HTTP/1.0\r\n{own}\r\n"),
        // Whoever watches it asks by whatever name.
        "GET /healthz HTTP/1.0\r\n\r\n".to_owned(),
    ];
    for sent in good {
        let answer = asked(&world, sent.clone()).await;
        assert_eq!(statuses(&answer), [200], "{sent}: {answer}");
    }
    let bad = [
        get("/api/v1/setup", ""),
        get("/api/v1/setup", "host: evil.example\r\n"),
        get("/api/v1/setup", "host: localhost.evil.example\r\n"),
        get("/api/v1/setup", "host: localhost@evil.example\r\n"),
        get("/api/v1/setup", "host: localhost, evil.example\r\n"),
        get("/api/v1/setup", "host: localhost\r\nhost: evil.example\r\n"),
        get("/api/v1/setup", "host: \r\n"),
        get("/api/v1/setup", "host: [::1\r\n"),
        get("/api/v1/setup", "host: 10.0.0.1\r\n"),
        get(
            "/api/v1/setup",
            "host: evil.example\r\nx-forwarded-host: localhost\r\nforwarded: host=localhost\r\n",
        ),
        get("http://evil.example/api/v1/setup", &own),
        get("http://localhost/api/v1/setup", "host: evil.example\r\n"),
        get("//evil.example/api/v1/setup", "host: evil.example\r\n"),
        "GET /api/v1/setup HTTP/1.0\r\n\r\n".to_owned(),
    ];
    for sent in bad {
        let answer = asked(&world, sent.clone()).await;
        let statuses = statuses(&answer);
        assert!(statuses == [421] || statuses == [400], "{sent}: {answer}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_request_becomes_a_header_of_the_answer() {
    let world = World::new().await;
    let client = world.nobody().header("accept", "text/html");
    let sent = [
        "/%0d%0aX-Evil:%201",
        "/?next=%0d%0aX-Evil:%201",
        "/sign-in?next=/%0d%0aSet-Cookie:%20a=b",
        "/sign-in?next=//evil.example",
        "/sign-in?next=javascript:alert(1)",
        "/sign-in?next=%22%3E%3Cscript%3E",
    ];
    for path in sent {
        let reply = client.get(path).await;
        assert!(reply.status.as_u16() < 500, "{path}: {reply:#?}");
        assert!(reply.headers.get("x-evil").is_none() && reply.headers.get("set-cookie").is_none(), "{path}");
        let location = reply.headers.get("location").map_or("/", |location| location.to_str().unwrap());
        assert!(location.starts_with('/') && !location.starts_with("//"), "{path}: {location}");
        assert!(!reply.body.to_string().contains("<script>"), "{path}");
    }
    world.stop().await;
}

/// Sends a byte a second until the server has had enough. Gives how long that took, and what it said.
fn dawdle(address: SocketAddr, begin: &[u8]) -> (Duration, String) {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(begin).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(length) => {
                let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
                return (begun.elapsed(), answer);
            }
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => return (begun.elapsed(), String::new()),
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody has ended it");
        let _ = stream.write_all(b"a");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_dawdles_holds_nobody_up_and_is_sent_away() {
    let world = World::new().await;
    let address = world.server.address();
    let silent = || tokio::task::spawn_blocking(move || dawdle(address, b""));
    let head =
        tokio::task::spawn_blocking(move || dawdle(address, b"GET / HTTP/1.1\r\nhost: localhost\r\nx: "));
    let body = post("content-length: 100000\r\n", "{\"email\": \"");
    let body = tokio::task::spawn_blocking(move || dawdle(address, &body));
    let chunks = post("transfer-encoding: chunked\r\n", "5\r\n{\"a\":\r\n");
    let chunks = tokio::task::spawn_blocking(move || dawdle(address, &chunks));
    let many: Vec<_> = (0..20).map(|_| silent()).collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let begun = Instant::now();
    world.nobody().get("/readyz").await.expect(200);
    assert!(begun.elapsed() < Duration::from_secs(5), "others have to wait");
    // A head that does not come is no request, so that there may be no answer to it.
    let (_, answer) = head.await.unwrap();
    assert!(answer.is_empty() || statuses(&answer) == [408], "{answer}");
    for slow in [body, chunks] {
        let (_, answer) = slow.await.unwrap();
        assert_eq!(statuses(&answer).first(), Some(&408), "{answer}");
        assert!(answer.contains("too_slow"), "{answer}");
    }
    for each in many {
        each.await.unwrap();
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_body_is_cut_off() {
    let world = World::new().await;
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let answer = asked(&world, post("transfer-encoding: chunked\r\n", &chunk.repeat(40))).await;
    assert!(answer.is_empty() || statuses(&answer) == [413], "{answer}");
    world.nobody().get("/healthz").await.expect(200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_brought_to_its_end_when_its_caller_is_gone() {
    let world = World::new().await;
    let owner = world.owner().await;
    let before = world.store.verify_audit().await.unwrap().good;
    // While this is held, whoever changes people waits in the middle of it.
    let lease = world.store.claim("people", "test", jiff::Timestamp::now(), Duration::from_secs(60));
    let lease = lease.await.unwrap().unwrap();
    let body = json!({"name": "Left behind"}).to_string();
    let key = owner.header_of("authorization");
    let head = format!(
        "POST /api/v1/projects HTTP/1.1\r\nhost: localhost\r\nauthorization: {key}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(world.server.address()).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    stream.shutdown(Shutdown::Both).unwrap();
    drop(stream);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.store.projects().await.unwrap().len(), 1, "it did not wait");
    // The server ends meanwhile, and waits for it too.
    let store = world.store.clone();
    let release = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        store.release("people", lease).await.unwrap();
    };
    tokio::join!(world.server.stop(Duration::from_secs(20)), release);
    assert_eq!(world.store.projects().await.unwrap().len(), 2);
    assert_eq!(world.store.verify_audit().await.unwrap().good, before + 1);
}
