//! `--retry-lock`: waiting for somebody else's lock.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::world::{World, noise};

#[test]
fn a_lock_is_waited_for_as_long_as_told() {
    let world = World::initialised();
    world.some_files();
    world.back_up_src();
    let mut holder = world.start(["backup", "--stdin"]);
    holder.stdin.as_mut().unwrap().write_all(&noise(100_000)).unwrap();
    world.wait_for_lock();

    let began = Instant::now();
    let run = world.run(["tag", "--set", "x", "--retry-lock", "1s"]).ends_with(11).says("waiting up to");
    assert!(began.elapsed() >= Duration::from_secs(1), "{run:?}");
    world.run(["tag", "--set", "x", "--retry-lock", "soon"]).ends_with(1);

    let waiting = world.start(["tag", "--set", "x", "--retry-lock", "5m"]);
    std::thread::sleep(Duration::from_millis(1500));
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    let output = waiting.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("waiting up to"));
}
