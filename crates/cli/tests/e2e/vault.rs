//! The keys of a server's vault are exchanged, and so is the master key.

use serde_json::json;

use crate::up::Up;
use crate::world::World;

const SMTP: &str = "/settings/smtp";

/// A server that is set up, with a secret in its vault.
fn begin(world: &World) -> Up {
    let up = Up::start(world);
    up.set_up();
    up.log_in(world);
    let smtp = json!({
        "host": "mail.example.org", "port": 587, "tls": "starttls", "user": "backup", "password": "s3cret",
        "from": "backup@example.org",
    });
    world.file("smtp.json", smtp.to_string());
    world.run(["api", "PUT", SMTP, "--file", &world.at("smtp.json")]).succeeds();
    up
}

/// Starts the server with these variables, and sees that its secrets open.
fn opens(world: &World, variables: &[(&str, &str)]) {
    let up = Up::with_variables(world, variables);
    // The keys are looked at; the secret itself is opened for the answer.
    assert_eq!(world.ask(&["vault", "keys"])["items"][0]["state"], "primary");
    assert_eq!(world.ask(&["api", "GET", SMTP])["password_set"], true);
    up.stop();
}

fn change_master(world: &World, variables: &[(&str, &str)], flags: &[&str]) -> crate::world::Run {
    let data = world.at("data");
    let mut command = world.command(["vault", "change-master", "--data-dir", &data].iter().chain(flags));
    command.envs(variables.iter().copied());
    crate::world::finish(command)
}

#[test]
fn a_key_is_exchanged_while_the_server_runs() {
    let world = World::without_settings();
    let up = begin(&world);
    let before = world.ask(&["vault", "keys"])["items"].clone();
    let rotated = world.ask(&["vault", "rotate"]);
    assert_eq!(rotated["resealed"], before[0]["values"], "{rotated}");
    assert_eq!(rotated["older"], json!([before[0]["id"]]));
    let shown = world.run(["vault", "keys"]).succeeds();
    assert!(shown.stdout.contains("older") && shown.stdout.contains("primary"), "{}", shown.stdout);
    assert_eq!(world.ask(&["api", "GET", SMTP])["password_set"], true);
    // The master key is another process's matter as long as this one runs.
    let refused = change_master(&world, &[], &["--new-master-key-file", &world.at("new.key")]);
    refused.ends_with(1).complains("another process uses the data folder");
    up.stop();
}

#[test]
fn the_master_key_is_changed_to_another_file_and_to_passphrases() {
    let world = World::without_settings();
    begin(&world).stop();
    let (new, one, two) = (world.at("new.key"), "hoist the mizzen", "lower the boats");
    change_master(&world, &[], &[]).ends_with(1);
    change_master(&world, &[], &["--new-master-key-file", &new]).succeeds();
    let wrong = world.run(["up", "--listen", "127.0.0.1:0", "--data-dir", &world.at("data")]).ends_with(1);
    wrong.complains("is sealed with master key");
    opens(&world, &[("BACKSTAY_MASTER_KEY_FILE", &new)]);
    let file = [("BACKSTAY_MASTER_KEY_FILE", &*new)];
    change_master(&world, &file, &["--new-master-key-file", &new]).ends_with(1).complains("already");
    let missing = change_master(&world, &file, &["--new-passphrase-from-env"]);
    missing.ends_with(1).complains("BACKSTAY_NEW_MASTER_PASSPHRASE");

    let to_one = [file[0], ("BACKSTAY_NEW_MASTER_PASSPHRASE", one)];
    change_master(&world, &to_one, &["--new-passphrase-from-env"]).succeeds();
    opens(&world, &[("BACKSTAY_MASTER_PASSPHRASE", one)]);
    let kept = std::fs::read(world.at("data/passphrase.json")).unwrap();
    let to_two = [("BACKSTAY_MASTER_PASSPHRASE", one), ("BACKSTAY_NEW_MASTER_PASSPHRASE", two)];
    change_master(&world, &to_two, &["--new-passphrase-from-env"]).succeeds();
    let wrong = change_master(&world, &to_two, &["--new-passphrase-from-env"]);
    wrong.ends_with(1).complains("wrong passphrase");

    // As if the power had gone just before the new passphrase's file took the old one's place.
    std::fs::rename(world.at("data/passphrase.json"), world.at("data/passphrase.next.json")).unwrap();
    std::fs::write(world.at("data/passphrase.json"), kept).unwrap();
    let chmod = std::process::Command::new("chmod").args(["600", &world.at("data/passphrase.json")]).status();
    assert!(chmod.unwrap().success());
    opens(&world, &[("BACKSTAY_MASTER_PASSPHRASE", two)]);
    assert!(!std::path::Path::new(&world.at("data/passphrase.next.json")).exists());
}
