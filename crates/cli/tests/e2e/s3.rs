//! Repositories in a bucket, on a real S3 server over HTTP in this process.

use crate::s3_server::{KEY, SECRET, Server};
use crate::world::{Run, World, finish};

fn with_credentials<const N: usize>(world: &World, secret: &str, arguments: [&str; N]) -> Run {
    let mut command = world.command(arguments);
    command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", secret);
    finish(command)
}

#[test]
fn a_repository_in_a_bucket_takes_and_gives_back() {
    let server = Server::start();
    let mut world = World::new();
    world.set_repository(&format!("s3:{}/bucket/prefix", server.url));
    world.some_files();
    with_credentials(&world, SECRET, ["init"]).succeeds();
    with_credentials(&world, SECRET, ["backup", "src"]).succeeds();
    assert!(server.root().join("bucket/prefix/config").exists());
    with_credentials(&world, SECRET, ["backup", "src"]).succeeds().says("using parent snapshot");
    with_credentials(&world, SECRET, ["restore", "latest", "--target", "out"]).succeeds();
    assert_eq!(world.contents("out/src"), world.contents("src"));
    with_credentials(&world, SECRET, ["forget", "--keep-last", "1", "--prune"]).succeeds();
    with_credentials(&world, SECRET, ["check", "--read-data"]).succeeds();
}

/// Nobody here knows the names below a domain, so the server is asked as a proxy is: with the whole address in the request.
#[test]
fn a_bucket_may_be_named_by_its_host() {
    let server = Server::of_domain("s3.example.test");
    let mut world = World::new();
    world.set_repository("s3:http://s3.example.test/bucket/prefix");
    world.some_files();
    let run = |arguments: &[&str]| {
        let mut command = world.command(arguments.iter().chain(&["-o", "s3.bucket-lookup=dns"]));
        command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET);
        command.env("http_proxy", &server.url);
        finish(command).succeeds()
    };
    run(&["init"]);
    run(&["backup", "src"]);
    assert!(server.root().join("bucket/prefix/config").exists());
    run(&["check", "--read-data"]);
    run(&["restore", "latest", "--target", "out"]);
    assert_eq!(world.contents("out/src"), world.contents("src"));
}

#[test]
fn wrong_credentials_are_named_and_not_shown() {
    let server = Server::start();
    let mut world = World::new();
    world.set_repository(&format!("s3:{}/bucket/prefix", server.url));
    let run = with_credentials(&world, "not-the-secret", ["init"]);
    assert_ne!(run.code, 0);
    assert!(
        !run.stderr.contains("not-the-secret") && !run.stdout.contains("not-the-secret"),
        "{}",
        run.stderr
    );
    let run = world.run(["init"]);
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("AWS_ACCESS_KEY_ID"), "{}", run.stderr);
    let hint = run.stderr.split_once("\nhint: ").unwrap().1;
    assert!(hint.contains("access key") && !hint.contains("folder"), "{}", run.stderr);
}

#[test]
fn tls_files_are_taken_from_flags_and_variables() {
    let mut world = World::new();
    world.set_repository("s3:https://localhost:1/bucket");
    let run = with_credentials(&world, SECRET, ["--cacert", "no-roots.pem,more.pem", "init"]);
    run.ends_with(1).complains("in no-roots.pem cannot");
    let run =
        with_credentials(&world, SECRET, ["--insecure-tls", "--tls-client-cert", "no-client.pem", "init"]);
    run.ends_with(1).complains("no-client.pem");
    let mut command = world.command(["init"]);
    command.env("RESTIC_CACERT", "other-roots.pem,more.pem");
    command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET);
    finish(command).ends_with(1).complains("in other-roots.pem cannot");
}

#[test]
fn the_cache_is_where_it_is_told_to_be() {
    let server = Server::start();
    let mut world = World::new();
    world.set_repository(&format!("s3:{}/bucket/prefix", server.url));
    world.some_files();
    with_credentials(&world, SECRET, ["init", "--no-cache"]).succeeds();
    with_credentials(&world, SECRET, ["backup", "src", "--no-cache"]).succeeds();
    let cached = |folder: &str| {
        let all = if world.path(folder).exists() { world.contents(folder) } else { Default::default() };
        let kinds = ["snapshots", "index", "data"]
            .map(|kind| all.keys().any(|name| name.contains(&format!("/{kind}/"))));
        kinds.iter().filter(|is_there| **is_there).count()
    };
    assert_eq!(cached("home"), 0);
    with_credentials(&world, SECRET, ["ls", "latest", "--cache-dir", "flag"]).succeeds();
    assert_eq!((cached("flag"), cached("home")), (3, 0));
    let mut command = world.command(["ls", "latest"]);
    command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET);
    command.env("RESTIC_CACHE_DIR", world.path("variable"));
    finish(command).succeeds();
    assert_eq!((cached("variable"), cached("home")), (3, 0));
    with_credentials(&world, SECRET, ["ls", "latest"]).succeeds();
    assert_eq!(cached("home"), 3);
    // A check believes no cache, and takes its own away.
    let files = world.contents("home");
    let index = files.keys().find(|name| name.contains("/index/")).unwrap();
    std::fs::write(world.path("home").join(index), b"garbled").unwrap();
    let before = world.contents("home");
    with_credentials(&world, SECRET, ["check"]).succeeds();
    assert_eq!(world.contents("home"), before);
}
