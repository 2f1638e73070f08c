//! The dashboard in a browser: the tests in `ui/tests`, which Playwright runs on the program that was built.
//!
//! They need the packages of `ui/`, which `cargo xtask ui` installs, and Chromium and MariaDB, which `cargo xtask test` does. The S3 server
//! that some of them put backups on runs in this process, the database that some of them back up beside it.
//!
//! `BACKSTAY_BROWSER_ARGS` holds further arguments for Playwright: names of specs, `--debug`.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::Command;

use backstay_sources::testing::Instance;

#[allow(dead_code)]
#[path = "../../storage/tests/it/s3/server.rs"]
mod s3_server;

#[test]
fn the_dashboard_does_in_a_browser_what_it_should() {
    let Some(chromium) = std::env::var_os("BACKSTAY_PEER_CHROMIUM") else { return };
    let bucket = s3_server::Server::start();
    std::fs::create_dir(bucket.root().join("bucket")).unwrap();
    let database = Instance::start_new();
    let (user, password) = database.as_ref().map(Instance::credentials).unwrap_or_default();
    let of_database = database.as_ref().map(|database| {
        database.fill(500);
        [
            ("BACKSTAY_TEST_MYSQL_PORT", database.port().to_string()),
            ("BACKSTAY_TEST_MYSQL_USER", user.to_owned()),
            ("BACKSTAY_TEST_MYSQL_PASSWORD", password.to_owned()),
            ("BACKSTAY_TEST_MYSQL_SYSTEMCTL", database.manager().join("systemctl").display().to_string()),
            ("BACKSTAY_TEST_MYSQL_SERVICE", database.service().to_owned()),
        ]
    });
    let arguments = std::env::var("BACKSTAY_BROWSER_ARGS").unwrap_or_default();
    let output = Command::new("npx")
        .args(["--no-install", "playwright", "test"])
        .args(shell_words::split(&arguments).unwrap())
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui"))
        .env("BACKSTAY_PROGRAM", env!("CARGO_BIN_EXE_backstay"))
        .env("BACKSTAY_PEER_CHROMIUM", chromium)
        .env("BACKSTAY_TEST_S3_URL", &bucket.url)
        .env("BACKSTAY_TEST_S3_KEY", s3_server::KEY)
        .env("BACKSTAY_TEST_S3_SECRET", s3_server::SECRET)
        .env("BACKSTAY_TEST_S3_ROOT", bucket.root())
        .envs(of_database.into_iter().flatten())
        .output()
        .unwrap();
    let told = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).join("\n");
    assert!(output.status.success(), "{told}");
    println!("{told}");
}
