//! Repositories and archives in SeaweedFS, a service that others wrote. Passed over where it is not installed
//! (`cargo xtask test --peers=all`).

use std::path::Path;

use backstay_net::testing::{AnyService, KEY, Keeps, SECRET, Seaweed};

use crate::compat::restic;
use crate::world::{Run, World, finish, noise};

fn run_with(world: &World, secret: &str, arguments: &[&str]) -> Run {
    let mut command = world.command(arguments);
    command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", secret);
    finish(command)
}

fn run(world: &World, arguments: &[&str]) -> Run {
    run_with(world, SECRET, arguments)
}

/// What restic does with the same repository.
fn restic_runs(program: &Path, world: &World, repository: &str, arguments: &[&str]) -> Run {
    let mut restic = World::with(program);
    restic.set_repository(repository);
    let mut command = restic.command(arguments);
    command.current_dir(world.path("")).env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET);
    finish(command)
}

#[test]
fn a_repository_in_seaweedfs_takes_and_gives_back_and_restic_reads_it() {
    let Some(server) = Seaweed::start() else { return };
    let mut world = World::new();
    let repository = format!("s3:{}/bucket/prefix", server.url);
    world.set_repository(&repository);
    world.some_files().file("src/big.bin", noise(40 << 20));
    let denied = run_with(&world, "not-the-secret", &["init"]).ends_with(1);
    denied.complains("signature").complains("SignatureDoesNotMatch");
    run(&world, &["init"]).succeeds();
    run(&world, &["backup", "src"]).succeeds();
    std::fs::remove_file(world.path("src/big.bin")).unwrap();
    run(&world, &["backup", "src"]).succeeds().says("using parent snapshot");
    run(&world, &["forget", "--keep-last", "1", "--prune"]).succeeds();
    run(&world, &["check", "--read-data"]).succeeds();
    run(&world, &["restore", "latest", "--target", "out"]).succeeds();
    assert_eq!(world.contents("out/src"), world.contents("src"));

    let Some(program) = restic() else { return };
    restic_runs(&program, &world, &repository, &["check", "--read-data"]).succeeds();
    restic_runs(&program, &world, &repository, &["restore", "latest", "--target", "theirs"]).succeeds();
    assert_eq!(world.contents("theirs/src"), world.contents("src"));
    world.file("src/more", "more");
    restic_runs(&program, &world, &repository, &["backup", "src"]).succeeds();
    run(&world, &["restore", "latest", "--target", "ours"]).succeeds();
    assert!(world.contents("ours").values().any(|content| content == b"more"));
}

#[test]
fn what_seaweedfs_locks_survives_forget_and_prune() {
    let Some(server) = Seaweed::start() else { return };
    server.make_bucket("bucket", Keeps::Locks);
    let mut world = World::new();
    world.set_repository(&format!("s3:{}/bucket/prefix", server.url));
    world.some_files();
    let with =
        |arguments: &[&str]| run(&world, &[arguments, &["-o", "s3.object-lock=compliance:30"]].concat());
    with(&["init"]).succeeds();
    with(&["backup", "src"]).succeeds();
    let keys = server.keys("bucket");
    for key in &keys {
        assert!(server.locked_until("bucket", key).is_some(), "{key}");
    }
    with(&["forget", "latest", "--prune", "--unsafe-allow-remove-all"]).succeeds();
    assert!(server.keys("bucket").len() < keys.len());
    // All of it comes back when the marks go that hide it; those of locks on the repository stay.
    let markers = server.versions("bucket").markers;
    for marker in markers.iter().filter(|marker| !marker.key.starts_with("prefix/locks/")) {
        server.try_delete("bucket", &marker.key, Some(&marker.version_id)).unwrap();
    }
    run(&world, &["restore", "latest", "--target", "out", "--no-cache"]).succeeds();
    assert_eq!(world.contents("out/src"), world.contents("src"));

    server.make_bucket("plain", Keeps::ObjectsAlone);
    let plain = format!("s3:{}/plain", server.url);
    with(&["-r", &plain, "init"]).ends_with(1).complains("made with Object Lock");
}

#[test]
fn archives_go_into_seaweedfs_in_parts_and_come_back() {
    let Some(server) = Seaweed::start() else { return };
    let world = World::without_settings();
    world.some_files().file("src/big.bin", noise(14 << 20));
    server.make_bucket("bucket", Keeps::ObjectsAlone);
    let to = format!("s3:{}/bucket/nightly/db1", server.url);
    let create = ["archive", "create", "src", "--output", "out", "--plain", "--name", "full", "--json"];
    let made = world.run(create).succeeds();
    let archive = made.message("summary")["archive"].as_str().unwrap().to_owned();
    let send = ["archive", "send", &archive, "--to", &to, "--chunk-size", "5M", "--tokens", "tokens"];
    run_with(&world, "not-the-secret", &send).ends_with(1).complains("SignatureDoesNotMatch");
    run(&world, &send).succeeds();
    let name = archive.rsplit('/').next().unwrap();
    let object = server.get("bucket", &format!("nightly/db1/{name}")).unwrap();
    assert!(object.etag.ends_with("-3"), "{}", object.etag);
    assert!(object.bytes == std::fs::read(world.path(&archive)).unwrap());
    run(&world, &send).ends_with(1).complains("is taken");
    run(&world, &["archive", "verify", &to]).succeeds().says("no errors");
    run(&world, &["archive", "extract", &format!("{to}/{name}"), "--target", "back"]).succeeds();
    assert_eq!(world.contents("back/src"), world.contents("src"));
    run(&world, &["archive", "delete", &format!("{to}/{name}")]).succeeds();
    assert!(server.keys("bucket").is_empty(), "{:?}", server.keys("bucket"));
}
