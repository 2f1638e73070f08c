//! Signals: an interrupt ends the work in order.

use std::process::{Child, Command};
use std::time::Duration;

use crate::world::{World, noise};

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_request_to_terminate_is_an_interrupt() {
    let world = World::initialised();
    world.file("src/big", noise(9_000_000));
    let mut child = world.start(["backup", "src", "--limit-upload", "1000"]);
    world.wait_for_lock();
    send("-TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(world.locks().is_empty());
    world.run(["check"]).succeeds();
    assert!(world.run(["snapshots", "--json"]).json()[0].as_array().unwrap().is_empty());
}

#[test]
fn files_that_vanish_meanwhile_are_three() {
    let world = World::initialised();
    for number in 0..10 {
        let content: Vec<u8> = noise(3_000_000).iter().map(|byte| byte.wrapping_add(number)).collect();
        world.file(&format!("src/{number}"), content);
    }
    // Whatever order files are read in, one of these comes late.
    let listed = std::fs::read_dir(world.path("src")).unwrap().last().unwrap().unwrap().path();
    let mut gone = vec![listed, world.path("src/9"), world.path("src/0")];
    gone.dedup();
    let arguments =
        ["backup", "src", "--limit-upload", "10000", "--pack-size", "4", "--read-concurrency", "1"];
    let mut child = world.start(arguments);
    while world.contents("repo/data").keys().all(|name| name.len() < 64) {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::sleep(Duration::from_millis(5));
    }
    for path in gone {
        let _ = std::fs::remove_file(path);
    }
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains("src/") && errors.contains("No such file"), "{errors}");
    world.run(["check"]).succeeds();
    assert_eq!(world.run(["snapshots", "--json"]).json()[0].as_array().unwrap().len(), 1);
}
