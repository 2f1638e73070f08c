//! The dashboard in a browser: the tests in `ui/tests`, which Playwright runs on the program that was built.
//!
//! They need the packages of `ui/`, which `cargo xtask ui` installs, and Chromium, which `cargo xtask test` does.

use std::path::Path;
use std::process::Command;

#[test]
fn the_dashboard_does_in_a_browser_what_it_should() {
    let Some(chromium) = std::env::var_os("BACKSTAY_PEER_CHROMIUM") else { return };
    let output = Command::new("npx")
        .args(["--no-install", "playwright", "test"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui"))
        .env("BACKSTAY_PROGRAM", env!("CARGO_BIN_EXE_backstay"))
        .env("BACKSTAY_PEER_CHROMIUM", chromium)
        .output()
        .unwrap();
    let told = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).join("\n");
    assert!(output.status.success(), "{told}");
    println!("{told}");
}
