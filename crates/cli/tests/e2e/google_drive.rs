//! Signing in to Google Drive from the command line, and a backup that goes there and comes back.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::drive_server::sign_in::Entered;
use crate::drive_server::{CLIENT, SECRET, Server};
use crate::session::{begin, plan};
use crate::world::World;

#[test]
fn a_code_is_shown_and_waited_for_and_backups_go_to_the_drive() {
    let world = World::without_settings();
    let _up = begin(&world);
    let server = Server::start();
    server.state().sign_in.interval = 1;
    let settings = json!({
        "client_id": CLIENT, "client_secret": SECRET, "folder": "Backups", "endpoint": server.url, "allow_private": true,
    });
    world.file("google.yaml", json!({"name": "google", "settings": settings}).to_string());
    std::thread::scope(|scope| {
        let signing_in = scope.spawn(|| {
            let file = world.at("google.yaml");
            let ended = world.run(["connections", "sign-in", "--file", &file]).succeeds();
            assert!(!format!("{ended:?}").contains(SECRET));
            ended.says("enter the code");
        });
        let end = Instant::now() + Duration::from_secs(60);
        while server.count("POST /token") == 0 {
            assert!(Instant::now() < end, "nobody asks what came of it");
            std::thread::sleep(Duration::from_millis(50));
        }
        server.state().sign_in.enter_all(Entered::Allowed);
        signing_in.join().unwrap();
    });
    let connection = world.ask(&["connections", "show", "google"]);
    assert_eq!(connection["settings"]["type"], "google_drive");
    world.make("destinations", &json!({"name": "drive", "connection": connection["id"]}));
    world.some_files();
    plan(&world, "nightly", "drive", json!({}));
    world.run(["plans", "run", "nightly", "--wait"]).succeeds();
    assert!(server.paths().iter().any(|path| path.ends_with("/config")), "{:?}", server.paths());

    server.state().sign_in.revoke();
    world.run(["connections", "check", "google"]);
    assert!(world.ask(&["connections", "show", "google"]).to_string().contains("sign in again"));
    std::thread::scope(|scope| {
        let asked = server.count("POST /device");
        let signing_in = scope.spawn(|| world.run(["connections", "sign-in", "google"]).succeeds());
        let end = Instant::now() + Duration::from_secs(60);
        while server.count("POST /device") == asked {
            assert!(Instant::now() < end, "nobody begins");
            std::thread::sleep(Duration::from_millis(50));
        }
        server.state().sign_in.enter_all(Entered::Allowed);
        signing_in.join().unwrap();
    });
    world.run(["plans", "run", "nightly", "--wait"]).succeeds();
}
