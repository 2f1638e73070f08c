//! Archives in a bucket: sent, listed, verified, extracted and deleted there.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::proxy::{Proxy, Way};
use crate::s3_multipart::{self, Kind, Uploads};
use crate::s3_server::{KEY, SECRET, Server};
use crate::world::{Run, World, finish, noise};

/// Some files, and a bucket.
fn ready(checksums: bool) -> (World, Server, Uploads) {
    let world = World::without_settings();
    world.some_files();
    world.file("src/big.bin", noise(14 << 20));
    let (server, uploads) = s3_multipart::start(Kind { checksums, least_part: 5 << 20, ..Kind::default() });
    (world, server, uploads)
}

fn command(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command(arguments);
    command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET);
    command
}

fn run(world: &World, arguments: &[&str]) -> Run {
    finish(command(world, arguments))
}

fn create(world: &World, kind: &str, name: &str) -> String {
    let flags = ["--output", "out", "--plain", "--type", kind, "--name", name, "--json"];
    let run = world.run(["archive", "create", "src"].iter().chain(&flags)).succeeds();
    run.message("summary")["archive"].as_str().unwrap().to_owned()
}

fn send<'a>(archive: &'a str, to: &'a str) -> [&'a str; 9] {
    ["archive", "send", archive, "--to", to, "--chunk-size", "1M", "--tokens", "tokens"]
}

fn tokens(world: &World) -> usize {
    std::fs::read_dir(world.path("tokens/transfers")).map_or(0, Iterator::count)
}

/// The names below the bucket's prefix.
fn lies_there(server: &Server) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![server.root().join("bucket")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    names.sort();
    names
}

#[test]
fn what_is_sent_into_a_bucket_is_used_from_there() {
    for checksums in [true, false] {
        let (world, server, uploads) = ready(checksums);
        let bucket = format!("s3:{}/bucket", server.url);
        let to = format!("{bucket}/nightly/db1");
        let full = create(&world, "full", "full");
        world.file("src/one.txt", "changed");
        let more = create(&world, "incremental", "more");
        for archive in [&full, &more] {
            run(&world, &send(archive, &to)).succeeds();
        }
        assert!(uploads.lock().unwrap().is_empty() && tokens(&world) == 0);
        let names =
            ["full.zip", "full.zip.manifest.json", "more.zip", "more.zip.manifest.json"].map(str::to_owned);
        assert_eq!(lies_there(&server), names);
        for name in &names {
            let there = std::fs::read(server.root().join("bucket/nightly/db1").join(name)).unwrap();
            assert!(there == std::fs::read(world.path("out").join(name)).unwrap(), "{name}");
        }
        run(&world, &send(&full, &to)).ends_with(1).complains("is taken");

        run(&world, &["archive", "list", &bucket]).succeeds().says("nightly/db1/full.zip").says("2 archives");
        let (full, more) = (format!("{to}/full.zip"), format!("{to}/more.zip"));
        run(&world, &["archive", "list", &full]).succeeds().says("src/deep/er/three.bin");
        run(&world, &["archive", "verify", &to]).succeeds().says("no errors");
        run(&world, &["archive", "extract", &more, "--target", "back"]).succeeds();
        assert_eq!(world.contents("back/src"), world.contents("src"));

        let refused = run(&world, &["archive", "delete", &full]).ends_with(1);
        refused.complains("is needed by").complains("--break-chains");
        run(&world, &["archive", "delete", &more, "--dry-run"]).succeeds().says("would delete");
        run(&world, &["archive", "delete", &full, &more]).succeeds();
        assert!(lies_there(&server).is_empty());
        run(&world, &["archive", "delete", &full]).ends_with(1).complains("there is no archive");
        run(&world, &["archive", "verify", &to]).ends_with(1).complains("there are no archives here");
        let mut bare = world.command(["archive", "list", &to]);
        bare.env_remove("AWS_ACCESS_KEY_ID").env("AWS_SHARED_CREDENTIALS_FILE", world.path("none"));
        finish(bare).ends_with(1).complains("AWS_ACCESS_KEY_ID");
    }
}

#[test]
fn damage_in_a_bucket_is_found() {
    let (world, server, _) = ready(true);
    let to = format!("s3:{}/bucket/x", server.url);
    let archive = create(&world, "full", "full");
    run(&world, &send(&archive, &to)).succeeds();
    let path = server.root().join("bucket/x/full.zip");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[7_000_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    run(&world, &["archive", "verify", &to]).ends_with(1).complains("SHA-256");
    run(&world, &["archive", "extract", &format!("{to}/full.zip"), "--target", "back"]).ends_with(1);
    assert!(world.contents("back").is_empty());
}

/// Waits until two parts lie there: where the service keeps no checksums, the second one need not be noted yet.
fn until_two_parts(uploads: &Uploads, sending: &mut Child) {
    let end = Instant::now() + Duration::from_secs(60);
    while uploads.lock().unwrap().values().all(|upload| upload.parts.len() < 2) {
        assert!(sending.try_wait().unwrap().is_none(), "it ended too soon");
        assert!(Instant::now() < end, "nothing arrives");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_killed_client_goes_on_with_the_parts_that_are_there() {
    for checksums in [true, false] {
        let (world, server, uploads) = ready(checksums);
        let to: SocketAddr = server.url.trim_start_matches("http://").parse().unwrap();
        // One connection after the other, each part in its time.
        let slow = Proxy::start(to, Way { rate: 6 << 20, ..Way::default() });
        let bucket = format!("s3:{}/bucket", slow.url("http"));
        let archive = create(&world, "full", "full");
        let mut arguments = send(&archive, &bucket).to_vec();
        arguments.extend(["-o", "s3.connections=1"]);
        let mut sending = command(&world, &arguments).stdout(Stdio::null()).spawn().unwrap();
        until_two_parts(&uploads, &mut sending);
        sending.kill().unwrap();
        sending.wait().unwrap();
        assert_eq!(tokens(&world), 1);
        run(&world, &["archive", "list", &bucket]).succeeds().says("0 archives");
        assert!(!lies_there(&server).iter().any(|name| name == "full.zip"), "nothing half-written is there");
        run(&world, &arguments).succeeds().says("going on");
        assert!(uploads.lock().unwrap().is_empty() && tokens(&world) == 0);
        assert_eq!(lies_there(&server), ["full.zip", "full.zip.manifest.json"]);
        run(&world, &["archive", "verify", &bucket]).succeeds();
    }
}
