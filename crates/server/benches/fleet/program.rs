//! The memory of a server that nobody uses.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Bytes that `backstay up` has resident a minute after its first start.
pub(crate) fn idle(program: &Path) -> u64 {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    command.args(["up", "--listen", "127.0.0.1:0", "--data-dir"]).arg(home.path().join("data"));
    command.env("HOME", home.path()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("Backstay is at"));
    std::thread::sleep(Duration::from_secs(60));
    let memory = crate::machine::resident(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    memory
}
