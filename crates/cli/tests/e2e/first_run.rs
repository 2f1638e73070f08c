//! What somebody meets who has never used the program before.

use std::os::unix::fs::PermissionsExt;

use crate::world::{World, finish};

#[test]
fn a_backup_without_any_setting_makes_a_repository_and_a_key() {
    let world = World::without_settings();
    world.some_files();
    world.run(["backup", "src"]).succeeds().says("made a new encrypted repository").complains("keep a copy");

    let key = world.path("home/.config/backstay/repository.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(world.path("home/.local/share/backstay/repository/config").exists());

    world.run(["restore", "latest", "--target", "out"]).succeeds();
    assert_eq!(world.contents("out/src"), world.contents("src"));
    world.run(["backup", "src"]).succeeds().says("using parent snapshot");
}

#[test]
fn the_default_repository_takes_a_password_if_one_is_given() {
    let mut world = World::without_settings();
    world.set_password("given");
    world.some_files().run(["backup", "src"]).succeeds();
    assert!(!world.path("home/.config/backstay/repository.key").exists());
    world.set_password("other");
    world.run(["snapshots"]).ends_with(12);
}

#[test]
fn backing_up_home_leaves_the_repository_in_it_out() {
    let world = World::without_settings();
    world.file("home/letter", "dear");
    world.run(["backup", "home"]).succeeds();
    world.run(["backup", "home"]).succeeds();
    let listing = world.run(["ls", "latest", "--recursive"]).succeeds().says("/home/letter");
    assert!(!listing.stdout.contains("backstay/repository/config"), "{}", listing.stdout);
}

#[test]
fn our_variables_win_over_restics() {
    let world = World::initialised();
    let mut command = world.command(["snapshots"]);
    command.env("BACKSTAY_REPOSITORY", world.path("elsewhere"));
    assert_eq!(command.status().unwrap().code(), Some(10));
}

#[test]
fn help_and_version_need_no_repository() {
    let world = World::without_settings();
    world.run(["--help"]).succeeds().says("backup");
    world.run(["version"]).succeeds().says("backstay ");
    world.run(["generate", "--bash-completion", "-"]).succeeds().says("_backstay");
    std::fs::create_dir(world.path("man")).unwrap();
    world.run(["generate", "--man", "man"]).succeeds();
    assert!(world.path("man/backstay-backup.1").exists());
    for (flag, path) in [("--man", "none"), ("--zsh-completion", "none/_backstay")] {
        world.run(["generate", flag, path]).ends_with(1).complains("mkdir -p none");
    }
}

#[test]
fn flags_may_come_twice_and_switches_have_a_value() {
    let world = World::initialised();
    world.some_files();
    world.run(["backup", "src", "--json=true", "--quiet=false", "--host", "a", "--host", "b"]).succeeds();
    world.run(["snapshots", "--json", "--json"]).succeeds().says("\"hostname\":\"b\"");
    // Tools pass the options of all back ends to every command.
    world.run(["snapshots", "-o", "sftp.args=-i key"]).succeeds().complains("sftp.args has no effect");
}

#[test]
fn absurd_times_are_no_trouble() {
    let world = World::initialised();
    let mut command = world.command(["check", "--retry-lock", "999999999h"]);
    command.env("RESTIC_PROGRESS_FPS", "1e-30");
    finish(command).succeeds();
}

#[test]
fn data_on_standard_input_is_not_taken_for_the_password() {
    let mut world = World::without_settings();
    world.some_files();
    world.set_password("typed once");
    world.run(["backup", "src"]).succeeds();
    world.forget_password();
    let run = world.run_with_input(["backup", "--stdin"], b"typed once\ndata");
    run.ends_with(1).complains("cannot read both password and data from stdin");
}
