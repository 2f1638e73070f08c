//! Disks of a test's own: mounts in a namespace that ends with the test, and disks that are filled.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// A command that runs `sh` with a script in a mount namespace of its own; arguments of the script may follow. What it mounts is gone
/// when it ends.
#[must_use]
pub fn in_own_mounts(script: &str) -> Command {
    let namespace = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.arg("--mount").args(arguments);
        command
    };
    // Root may do this at once; others as the root of a namespace of users, where the system allows it.
    let as_root = namespace(&["true"]).output().is_ok_and(|output| output.status.success());
    let mut command = namespace(if as_root { &[] } else { &["--user", "--map-root-user"] });
    command.args(["sh", "-uc", script]);
    command
}

/// Runs one test of the program that asks once more, after some mounts in `folder`, which it finds in `FOLDER`. The test's name is that
/// within the program, with its modules.
///
/// # Panics
/// When that test does not pass, or does not run.
pub fn run_again_with_mounts(folder: &Path, mounts: &str, test: &str) {
    let script = format!(r#"cd "$FOLDER" && {mounts} || exit 99; exec "$0" --exact --nocapture "$1""#);
    let program = std::env::current_exe().expect("a program knows its file");
    let mut command = in_own_mounts(&script);
    let output = command.arg(program).arg(test).env("FOLDER", folder).output().expect("unshare can be run");
    let told = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("test result: ok. 1 passed"), "{told}\n{complaint}");
}

/// Fills the disk of a file by making that longer, but for so many bytes.
///
/// # Panics
/// When the file cannot be opened or cut.
pub fn fill_disk(path: &Path, left: u64) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).expect("the filler can be opened");
    for step in [1 << 20, 1 << 12, 1] {
        while file.write_all(&vec![0; step]).is_ok() {}
    }
    let length = file.metadata().expect("the filler has a length").len();
    file.set_len(length.saturating_sub(left)).expect("the filler can be cut");
}
