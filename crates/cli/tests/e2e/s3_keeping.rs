//! Repositories in buckets that freeze, lock and encrypt.

use std::time::Duration;

use backstay_net::testing::{Encryption, KEY, S3Server, SECRET};

use crate::world::{Run, World, finish};

/// A world whose repository lies in a bucket of this service.
fn world(server: &S3Server) -> World {
    let mut world = World::new();
    world.set_repository(&format!("s3:{}/bucket/prefix", server.url));
    world.some_files();
    world
}

fn run(world: &World, arguments: &[&str]) -> Run {
    let mut command = world.command(arguments);
    command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET);
    finish(command)
}

/// The classes of all packs.
fn classes(server: &S3Server) -> Vec<String> {
    let packs = server.keys("bucket").into_iter().filter(|key| key.starts_with("prefix/data/"));
    packs.map(|key| server.get("bucket", &key).unwrap().storage_class().to_owned()).collect()
}

#[test]
fn data_that_went_cold_is_brought_back_and_waited_for() {
    let server = S3Server::start();
    server.create_bucket("bucket");
    server.behave(|behaviour| behaviour.thaw_time = Duration::from_secs(3600));
    let world = world(&server);
    let cold = ["-o", "s3.storage-class=DEEP_ARCHIVE"];
    run(&world, &["init"]).succeeds();
    run(&world, &[&["backup", "src"][..], &cold].concat()).succeeds();
    run(&world, &[&["backup", "src"][..], &cold].concat()).succeeds().says("using parent snapshot");
    let classes = classes(&server);
    assert!(
        ["DEEP_ARCHIVE", "STANDARD"].iter().all(|class| classes.iter().any(|it| it == class)),
        "{classes:?}"
    );

    // What needs no data works, and what does says so.
    run(&world, &["snapshots"]).succeeds();
    run(&world, &["ls", "latest"]).succeeds();
    run(&world, &[&["check", "--read-data"][..], &cold].concat())
        .succeeds()
        .says("packs lie in an archive class and were not read");
    let refused = run(&world, &[&["restore", "latest", "--target", "out"][..], &cold].concat());
    refused.ends_with(1).complains("archive class").complains("-o s3.enable-restore=true");
    assert_eq!(server.count("RestoreObject"), 0);

    let restore = |timeout: &str| {
        let timeout = format!("s3.restore-timeout={timeout}");
        let options = ["-o", "s3.enable-restore=true", "-o", &timeout, "-o", "s3.restore-tier=Bulk"];
        run(&world, &[&["restore", "latest", "--target", "out"][..], &options].concat())
    };
    let late = restore("1s");
    late.ends_with(1).complains("did not come back within").complains("run the command again later");
    assert!(server.count("RestoreObject") > 0);
    server.behave(|behaviour| behaviour.thaw_time = Duration::ZERO);
    server.thaw();
    restore("1s").succeeds();
    assert_eq!(world.contents("out/src"), world.contents("src"));
}

#[test]
fn a_restore_goes_on_when_the_packs_are_there() {
    let server = S3Server::start();
    server.create_bucket("bucket");
    server.behave(|behaviour| behaviour.thaw_time = Duration::from_secs(1));
    let world = world(&server);
    run(&world, &["init"]).succeeds();
    run(&world, &["backup", "src", "-o", "s3.storage-class=GLACIER"]).succeeds();
    let options = ["-o", "s3.enable-restore=true", "-o", "s3.restore-timeout=3s"];
    let restored = run(&world, &[&["restore", "latest", "--target", "out"][..], &options].concat());
    restored.succeeds().says("were asked for; all can be read within about 5 h");
    assert_eq!(world.contents("out/src"), world.contents("src"));
    // Packs can be removed without being read.
    run(
        &world,
        &["forget", "latest", "--prune", "--unsafe-allow-remove-all", "-o", "s3.storage-class=GLACIER"],
    )
    .succeeds();
}

#[test]
fn what_is_locked_survives_whoever_has_the_key() {
    let server = S3Server::start();
    server.create_bucket_of_locks("bucket");
    let world = world(&server);
    let keeping = ["-o", "s3.object-lock=compliance:30", "-o", "s3.encryption=aws:kms:backups"];
    let with = |arguments: &[&str]| run(&world, &[arguments, &keeping].concat());
    with(&["init"]).succeeds();
    with(&["backup", "src"]).succeeds();
    let keys = server.keys("bucket");
    for key in &keys {
        let object = server.get("bucket", key).unwrap();
        assert_eq!(object.attributes.encryption, Some(Encryption::Kms(Some("backups".into()))), "{key}");
        assert_eq!(object.attributes.retention.unwrap().mode, "COMPLIANCE", "{key}");
    }
    // As at Amazon: a deletion hides, and what is hidden is still there.
    with(&["forget", "latest", "--prune"]).succeeds();
    assert!(server.keys("bucket").len() < keys.len());
    // Where it is refused, that is told.
    with(&["backup", "src"]).succeeds();
    server.behave(|behaviour| behaviour.refuses_deletes_of_locked = true);
    with(&["forget", "latest"]).complains("locked until");
    with(&["check", "--read-data"]).succeeds();
    // A bucket that was not made for it says so.
    server.create_bucket("plain");
    let refused = run(&world, &[&["-r", &format!("s3:{}/plain", server.url), "init"][..], &keeping].concat());
    refused.ends_with(1).complains("Object Lock");
}
