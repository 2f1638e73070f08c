//! The dashboard in a browser: the tests in `ui/tests`, which Playwright runs on the program that was built.
//!
//! They need the packages of `ui/`, which `cargo xtask ui` installs, and Chromium, MariaDB and SecantusDB, which `cargo xtask test` does.
//! The S3 servers and the server of Google Drive's protocol that some of them put backups on run in this process, the databases that some
//! of them back up beside it. One S3 server has its buckets in a folder, where specs see them; the other one keeps classes, locks and
//! encryption, and specs ask it by its protocol.
//!
//! `BACKSTAY_BROWSER_ARGS` holds further arguments for Playwright: names of specs, `--debug`.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use backstay_net::testing::S3Server;
use backstay_sources::testing::bson::{Document, doc};
use backstay_sources::testing::{Instance, MongoServer};

#[allow(dead_code)]
#[path = "../../storage/tests/it/s3/server.rs"]
mod s3_server;

#[allow(dead_code)]
#[path = "../../storage/tests/it/drive/server/mod.rs"]
mod drive_server;

#[test]
fn the_dashboard_does_in_a_browser_what_it_should() {
    let Some(chromium) = std::env::var_os("BACKSTAY_PEER_CHROMIUM") else { return };
    let bucket = s3_server::Server::start();
    std::fs::create_dir(bucket.root().join("bucket")).unwrap();
    let cloud = S3Server::start();
    // Long enough for a page to show that it is waited for.
    cloud.behave(|behaviour| behaviour.thaw_time = Duration::from_secs(8));
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
    let documents = MongoServer::start_new();
    if let Some(server) = &documents {
        let orders: Vec<Document> =
            (0..300).map(|n| doc! { "_id": n, "text": format!("order {n}") }).collect();
        server.insert("shop", "orders", &orders);
        server.insert("shop", "carts", &[doc! { "_id": 1 }]);
    }
    let drive = drive_server::Server::start();
    drive.state().sign_in.interval = 1;
    let arguments = std::env::var("BACKSTAY_BROWSER_ARGS").unwrap_or_default();
    let output = Command::new("npx")
        .args(["--no-install", "playwright", "test"])
        .args(shell_words::split(&arguments).unwrap())
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui"))
        .env("BACKSTAY_PROGRAM", env!("CARGO_BIN_EXE_backstay"))
        // Chromium saves names that are not ASCII only where the system is said to know them.
        .env("LC_ALL", "C.UTF-8")
        .env("BACKSTAY_PEER_CHROMIUM", chromium)
        .env("BACKSTAY_TEST_S3_URL", &bucket.url)
        .env("BACKSTAY_TEST_S3_KEY", s3_server::KEY)
        .env("BACKSTAY_TEST_S3_SECRET", s3_server::SECRET)
        .env("BACKSTAY_TEST_S3_ROOT", bucket.root())
        .env("BACKSTAY_TEST_CLOUD_URL", &cloud.url)
        .env("BACKSTAY_TEST_CLOUD_KEY", backstay_net::testing::KEY)
        .env("BACKSTAY_TEST_CLOUD_SECRET", backstay_net::testing::SECRET)
        .env("BACKSTAY_TEST_DRIVE_URL", &drive.url)
        .env("BACKSTAY_TEST_DRIVE_CLIENT", drive_server::CLIENT)
        .env("BACKSTAY_TEST_DRIVE_SECRET", drive_server::SECRET)
        .envs(documents.iter().map(|server| ("BACKSTAY_TEST_MONGODB_URI", server.uri())))
        .envs(of_database.into_iter().flatten())
        .output()
        .unwrap();
    let told = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).join("\n");
    assert!(output.status.success(), "{}", without_what_passed(&told));
    // Specs that are not chosen put nothing there.
    for server in documents.iter().filter(|_| arguments.is_empty() || arguments.contains("mongodb")) {
        let back = server.documents("back", "orders");
        assert_eq!(back.len(), 300);
        assert_eq!(back, server.documents("shop", "orders"));
    }
    println!("{told}");
}

/// What Playwright's list says of the specs that failed, so that a log that is cut short still names them.
fn without_what_passed(told: &str) -> String {
    told.lines().filter(|line| !line.trim_start().starts_with('✓')).collect::<Vec<_>>().join("\n")
}
