//! The whole of a server's life, through the program and HTTP: set-up, connections, plans, runs that are paused, taken up,
//! cancelled and restored, roles, and a server that is killed and comes back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::s3_server::{KEY, SECRET, Server as S3};
use crate::up::{EMAIL, PASSWORD, Up, http};
use crate::world::{World, noise};

/// Limits under which `fill` takes seconds, so that there is time to interfere.
pub(crate) fn slow() -> Value {
    json!({"read": 8 << 20})
}

/// Files in `src` of some seconds.
pub(crate) fn fill(world: &World, files: usize) {
    for number in 0..files {
        let mut content = noise(200_000);
        content
            .iter_mut()
            .enumerate()
            .for_each(|(at, byte)| *byte = byte.wrapping_add((at / 997 + number) as u8));
        world.file(&format!("src/{number}"), content);
    }
}

/// A server that is set up and somebody signed in to it.
pub(crate) fn begin(world: &World) -> Up {
    let up = Up::start(world);
    up.set_up();
    up.log_in(world);
    up
}

/// A source `files` on the server's own node, and a plan for it with these further fields.
pub(crate) fn plan(world: &World, name: &str, destination: &str, more: Value) {
    let nodes = world.ask(&["nodes", "list"]);
    let own = nodes["items"].as_array().unwrap().iter().find(|node| node["local"] == true).unwrap();
    plan_on(world, &own["id"], name, destination, more);
}

/// The same on any node.
pub(crate) fn plan_on(world: &World, node: &Value, name: &str, destination: &str, more: Value) {
    let id = |kind: &str, name: &str| world.ask(&[kind, "show", name])["id"].clone();
    if world.run(["sources", "show", "files", "--json"]).code != 0 {
        let spec = json!({"type": "files", "paths": [world.at("src")]});
        world.make("sources", &json!({"name": "files", "node": node, "spec": spec}));
    }
    let mut form = json!({
        "name": name, "sources": [id("sources", "files")], "destinations": [id("destinations", destination)],
    });
    form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.make("plans", &form);
}

/// The local repository is there some moments after the start.
pub(crate) fn wait_for_local_repository(world: &World) {
    let end = Instant::now() + Duration::from_secs(30);
    while world.run(["destinations", "show", "Local repository", "--json"]).code != 0 {
        assert!(Instant::now() < end, "there is no local repository");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_server_is_set_up_once_and_its_link_works_no_more() {
    let world = World::without_settings();
    let up = Up::start(&world);
    let form = |token: &str| json!({"token": token, "name": "Eve", "email": "eve@example.org", "password": PASSWORD});
    assert_eq!(up.post("/api/v1/setup", &form("guessed")).0, 410);
    up.set_up();
    let (status, _) = up.post("/api/v1/setup", &form(up.setup.as_deref().unwrap()));
    assert!(matches!(status, 409 | 410), "{status}");
    // A program is told that it is not known; a browser is shown where to sign in.
    assert_eq!(http().get(format!("{}/api/v1/plans", up.url)).send().unwrap().status(), 401);
    let page = http().get(format!("{}/", up.url)).header("accept", "text/html").send().unwrap();
    assert_eq!(page.status(), 303);
    assert!(page.headers()["location"].to_str().unwrap().starts_with("/sign-in"));
    let address = up.address();
    up.stop();
    let again = Up::with(&world, &address, &[]);
    assert_eq!(again.setup, None);
    let wrong = world.run_with_input(
        [
            "login",
            &again.url,
            "--email",
            EMAIL,
            "--server-fingerprint",
            again.certificate.as_deref().unwrap(),
        ],
        b"wrong password\n",
    );
    wrong.ends_with(1);
    world.run(["plans", "list"]).ends_with(1).complains("backstay login");
    again.log_in(&world);
    assert_eq!(world.ask(&["plans", "list"])["items"], json!([]));
    // The other process would have to share one data folder.
    let second = world.run(["up", "--listen", "127.0.0.1:0", "--data-dir", &world.at("data")]);
    second.ends_with(1).complains("another process uses the data folder");
}

#[test]
fn connections_are_tried_before_they_are_kept() {
    let s3 = S3::start();
    std::fs::create_dir(s3.root().join("bucket")).unwrap();
    let world = World::without_settings();
    let _up = begin(&world);
    let form = |secret: &str| {
        json!({"name": "bucket", "settings": {
            "type": "s3", "endpoint": s3.url, "bucket": "bucket", "access_key": KEY, "secret_key": secret,
            "style": "path", "allow_private": true,
        }})
    };
    let refused = world.try_to_make("connections", &form("not-the-secret")).ends_with(1);
    assert!(!refused.stderr.contains("not-the-secret"), "{}", refused.stderr);
    let made = world.make("connections", &form(SECRET));
    assert_eq!(made["status"]["health"], "valid");
    assert!(!made.to_string().contains(SECRET));
    let unwritable = json!({"name": "nowhere", "settings": {"type": "local", "path": "/proc/backups"}});
    world.try_to_make("connections", &unwritable).ends_with(1);
    let names: Vec<_> = world.ask(&["connections", "list"])["items"].as_array().unwrap().clone();
    assert!(names.iter().all(|connection| connection["name"] != "nowhere"));

    world.some_files();
    world.make("destinations", &json!({"name": "offsite", "connection": made["id"], "path": "backups"}));
    plan(&world, "to the bucket", "offsite", json!({}));
    world.run(["plans", "run", "to the bucket", "--wait"]).succeeds();
    let snapshots = world.ask(&["repositories", "snapshots", "offsite"]);
    assert_eq!(snapshots["items"].as_array().unwrap().len(), 1);
    world.run(["connections", "delete", "bucket"]).ends_with(1).complains("offsite");
    world
        .run(["repositories", "restore", "offsite", "latest", "--target", &world.at("out"), "--wait"])
        .succeeds();
    let below = world.path("src").strip_prefix("/").unwrap().display().to_string();
    assert_eq!(world.contents(&format!("out/{below}")), world.contents("src"));
}

#[test]
fn a_plan_runs_every_minute_and_a_backup_is_steered_over_restarts() {
    let world = World::without_settings();
    let up = begin(&world);
    wait_for_local_repository(&world);
    fill(&world, 200);
    plan(&world, "every minute", "Local repository", json!({"schedule": {"when": {"every": "1m"}}}));
    let asked = Instant::now();

    plan(&world, "slow", "Local repository", json!({"limits": slow()}));
    let run = world.run_plan("slow");
    world.until(&run, "going", |run| run["progress"]["bytes"].as_u64() > Some(0));
    let pausing = Instant::now();
    world.run(["runs", "pause", &run]).succeeds();
    let shown = world.until(&run, "told", |run| run["intent"] == "pausing" || run["state"] == "paused");
    assert!(pausing.elapsed() < Duration::from_secs(10), "{shown:#}");
    world.until_state(&run, "paused");
    let address = up.address();
    up.kill();
    let up = Up::with(&world, &address, &[]);
    assert_eq!(world.until_state(&run, "paused")["attempt"], 1);
    world.run(["runs", "resume", &run]).succeeds();
    let done = world.until_state(&run, "completed");
    assert_eq!(done["attempt"], 2);
    let log = world.run(["runs", "log", &run]).succeeds();
    for line in ["pause asked for by", "paused; it keeps its place", "resumed by", "completed"] {
        assert!(log.stdout.contains(line), "{line}: {}", log.stdout);
    }
    let levels = |level: &str| {
        let log = world.run(["runs", "log", &run, "--level", level, "--json"]).succeeds().stdout;
        log.lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["level"].clone())
            .collect::<Vec<_>>()
    };
    assert!(levels("debug").len() >= levels("info").len() && levels("info").len() > levels("error").len());
    assert!(levels("error").iter().all(|level| level == "error"));

    // Cancelled: nothing stays behind.
    plan(&world, "never", "Local repository", json!({"limits": {"read": 2 << 20}}));
    world.file("src/newer", noise(31_000_000));
    let run = world.run_plan("never");
    world.until(&run, "going", |run| run["progress"]["bytes"].as_u64() > Some(0));
    world.run(["runs", "cancel", &run]).succeeds();
    world.until_state(&run, "cancelled");
    assert!(world.contents("data/node/journals").is_empty());
    assert!(world.contents("data/repository/locks").is_empty());
    world.run(["runs", "resume", &run]).ends_with(1);

    // Killed while it was being cancelled: it does not come back.
    let run = world.run_plan("never");
    world.until(&run, "going", |run| run["progress"]["bytes"].as_u64() > Some(0));
    world.run(["runs", "cancel", &run]).succeeds();
    up.kill();
    let up = Up::with(&world, &address, &[]);
    world.until_state(&run, "cancelled");

    // Killed in the middle: taken up by itself.
    plan(&world, "slow again", "Local repository", json!({"limits": slow()}));
    world.file("src/new", noise(30_000_000));
    let run = world.run_plan("slow again");
    world.until(&run, "going", |run| run["progress"]["bytes"].as_u64() > Some(0));
    up.kill();
    let up = Up::with(&world, &address, &[]);
    assert!(world.until_state(&run, "completed")["attempt"].as_u64() >= Some(2));

    let scheduled =
        |runs: Value| runs["items"].as_array().unwrap().iter().any(|run| run["trigger"] == "schedule");
    while !scheduled(world.ask(&["runs", "list", "--plan", "every minute", "--state", "completed"])) {
        assert!(asked.elapsed() < Duration::from_secs(180), "the plan does not run");
        std::thread::sleep(Duration::from_millis(500));
    }
    let counts = world.ask(&["runs", "counts"]);
    assert!(counts["successful"].as_u64() >= Some(3), "{counts}");

    world
        .run([
            "repositories",
            "restore",
            "Local repository",
            "latest",
            "--target",
            &world.at("out"),
            "--wait",
        ])
        .succeeds();
    let below = world.path("src").strip_prefix("/").unwrap().display().to_string();
    assert!(world.contents(&format!("out/{below}")).len() >= 200);
    up.stop();
    // The program itself opens what the server made.
    let key = world.at("data/repository.key");
    let repository = world.at("data/repository");
    let with = |command: &[&str]| {
        let place = ["-r", &repository, "--password-file", &key];
        world.run(place.iter().chain(command)).succeeds()
    };
    // The lock of the process that was killed names it, so it is known to be gone.
    with(&["unlock"]);
    with(&["check", "--read-data"]);
}

#[test]
fn a_guarded_command_runs_only_after_a_complete_backup() {
    let world = World::without_settings();
    let _up = begin(&world);
    wait_for_local_repository(&world);
    world.some_files();
    plan(&world, "before", "Local repository", json!({}));
    let touch = |name: &str| ["guard", "--plan", "before", "--", "touch", &world.at(name)].map(str::to_owned);
    world.run(touch("done")).succeeds();
    assert!(world.path("done").exists());
    let list = world.ask(&["runs", "list", "--plan", "before"]);
    assert_eq!(list["items"][0]["trigger"], "guard");
    world.run(["guard", "--plan", "before", "--", "sh", "-c", "exit 7"]).ends_with(7);
    std::fs::remove_dir_all(world.path("src")).unwrap();
    let refused = world.run(touch("not done")).ends_with(1);
    assert!(refused.stderr.contains("was not run"), "{}", refused.stderr);
    assert!(!world.path("not done").exists());
}

#[test]
fn a_backup_with_gaps_guards_no_command() {
    let world = World::without_settings();
    let _up = begin(&world);
    wait_for_local_repository(&world);
    world.some_files();
    let node = world.ask(&["nodes", "list"])["items"][0]["id"].clone();
    // It is there, and cannot be read from its beginning.
    let spec = json!({"type": "files", "paths": [world.at("src"), "/proc/self/mem"]});
    world.make("sources", &json!({"name": "files", "node": node, "spec": spec}));
    plan(&world, "gappy", "Local repository", json!({}));
    let touch = world.at("done");
    let refused = world.run(["guard", "--plan", "gappy", "--", "touch", &touch]).ends_with(3);
    let runs = world.ask(&["runs", "list", "--plan", "gappy"]);
    assert_eq!(
        (&runs["items"][0]["state"], &runs["items"][0]["outcome"]["errors"]),
        (&json!("completed"), &json!(1))
    );
    for told in
        [runs["items"][0]["id"].as_str().unwrap(), "1 item", "was not run", "runs log", "--allow-errors"]
    {
        assert!(refused.stderr.contains(told), "{told}: {}", refused.stderr);
    }
    assert!(!world.path("done").exists());
    world.run(["plans", "run", "gappy", "--wait"]).ends_with(3);
    let report = world.ask(&["report", "--since", "1d"]);
    assert_eq!((&report["total"]["with_errors"], &report["total"]["completed"]), (&json!(2), &json!(0)));
    world.run(["report"]).succeeds().says("gappy").says("all together");
    world.run(["guard", "--allow-errors", "--plan", "gappy", "--", "touch", &touch]).succeeds();
    assert!(world.path("done").exists());
}

#[test]
fn a_file_says_what_a_server_has() {
    let world = World::without_settings();
    let _up = begin(&world);
    wait_for_local_repository(&world);
    world.some_files();
    let file = |every: &str| {
        format!(
            "sources:\n- name: files\n  spec: {{type: files, paths: [{}]}}\n\
             plans:\n- name: nightly\n  sources: [files]\n  destinations: [Local repository]\n  \
             schedule: {{when: {{every: {every}}}}}\n\
             people:\n- {{email: bob@example.org, name: Bob, role: operator}}\n",
            world.at("src")
        )
    };
    world.file("backstay.yaml", file("6h"));
    let path = world.at("backstay.yaml");
    world
        .run(["apply", "-f", &path, "--dry-run"])
        .ends_with(2)
        .says("create plan nightly")
        .says("+ name: files");
    world.run(["apply", "-f", &path]).ends_with(1).complains("--yes");
    world.run(["apply", "-f", &path, "--yes"]).succeeds();
    world.run(["apply", "-f", &path, "--dry-run"]).succeeds().says("nothing differs");
    world.run(["plans", "run", "nightly", "--wait"]).succeeds();
    world.file("backstay.yaml", file("2h"));
    world.run(["apply", "-f", &path, "--yes"]).succeeds().says("-").says("+");
    let plan = world.ask(&["plans", "show", "nightly"]);
    assert_eq!((&plan["schedule"]["when"]["every"], &plan["revision"]), (&json!("2h"), &json!(2)));

    let exported = world.run(["export"]).succeeds();
    world.file("exported.yaml", &exported.stdout);
    let exported = world.at("exported.yaml");
    world.run(["apply", "-f", &exported, "--dry-run"]).succeeds().says("nothing differs");
    world.file("less.yaml", "sources: []\n");
    let less = world.at("less.yaml");
    world.run(["apply", "-f", &less, "--dry-run", "--prune"]).ends_with(2).says("remove plan nightly");
}

#[test]
fn what_a_file_names_and_is_not_there_is_said_before_anything_changes() {
    let world = World::without_settings();
    let _up = begin(&world);
    wait_for_local_repository(&world);
    let nodes = world.ask(&["nodes", "list"]);
    let node = nodes["items"][0]["name"].as_str().unwrap();
    let bucket =
        json!({"type": "s3", "bucket": "photos", "access_key": "a", "secret_key": {"env": "PHOTOS_SECRET"}});
    let files = json!({"type": "files", "paths": [world.at("src")]});
    let source = json!({"name": "files", "spec": files});
    let plan = json!({"name": "nightly", "sources": ["files"], "destinations": ["attic"]});
    for (wanted, told) in [
        (
            json!({"sources": [{"name": "files", "node": "here", "spec": files}]}),
            ["create source files: there is no node \"here\"", node],
        ),
        (
            json!({"connections": [{"name": "photos", "settings": bucket}]}),
            ["create connection photos: the variable PHOTOS_SECRET", "export PHOTOS_SECRET="],
        ),
        (
            json!({"sources": [source], "plans": [plan]}),
            ["create plan nightly: there is no destination \"attic\"", "Local repository"],
        ),
    ] {
        world.file("wanted.yaml", wanted.to_string());
        let path = world.at("wanted.yaml");
        for flag in ["--dry-run", "--yes"] {
            let ended = world.run(["apply", "-f", &path, flag]).ends_with(1);
            told.into_iter().fold(ended, |ended, part| ended.complains(part));
        }
    }
    assert_eq!(world.ask(&["sources", "list"])["items"], json!([]));
    let mut command = world.command(["apply", "--dry-run", "-f", &world.at("bucket.yaml")]);
    world.file("bucket.yaml", json!({"connections": [{"name": "photos", "settings": bucket}]}).to_string());
    assert_eq!(command.env("PHOTOS_SECRET", "open sesame").status().unwrap().code(), Some(2));
}

#[test]
fn a_file_says_what_is_copied_where_and_copies_are_run_and_restored_from() {
    let world = World::without_settings();
    let _up = begin(&world);
    wait_for_local_repository(&world);
    world.some_files();
    std::fs::create_dir(world.path("site")).unwrap();
    // The copy plan comes before the plan that it names.
    let file = format!(
        "connections:\n- name: site\n  settings: {{type: local, path: {}}}\n\
         destinations:\n- name: site\n  connection: site\n  path: copies\n\
         sources:\n- name: files\n  spec: {{type: files, paths: [{}]}}\n\
         plans:\n- name: copies\n  copy: {{from: Local repository, plans: [nightly]}}\n  destinations: [site]\n\
         - name: nightly\n  sources: [files]\n  destinations: [Local repository]\n",
        world.at("site"),
        world.at("src")
    );
    world.file("backstay.yaml", file);
    let path = world.at("backstay.yaml");
    world.run(["apply", "-f", &path, "--yes"]).succeeds();
    world.run(["apply", "-f", &path, "--dry-run"]).succeeds().says("nothing differs");
    let exported = world.run(["export"]).succeeds().stdout;
    assert!(exported.contains("from: Local repository") && exported.contains("- nightly"), "{exported}");
    world.file("exported.yaml", exported);
    world.run(["apply", "-f", &world.at("exported.yaml"), "--dry-run"]).succeeds().says("nothing differs");

    world.run(["plans", "run", "nightly", "--wait"]).succeeds();
    world.run(["plans", "run", "copies", "--kind", "backup"]).ends_with(1).complains("copy");
    world.run(["plans", "run", "copies", "--wait"]).succeeds();
    let runs = world.ask(&["runs", "list", "--kind", "copy"]);
    assert_eq!(runs["items"][0]["outcome"]["snapshots_copied"], 1);
    assert_eq!(runs["items"][0]["from"]["name"], "Local repository");
}

#[test]
fn a_run_that_waits_for_its_turn_is_not_lost_with_the_process() {
    let world = World::without_settings();
    let up = Up::with(&world, "127.0.0.1:0", &["--pool", "1"]);
    up.set_up();
    up.log_in(&world);
    wait_for_local_repository(&world);
    fill(&world, 200);
    plan(&world, "first", "Local repository", json!({"limits": slow()}));
    plan(&world, "second", "Local repository", json!({}));
    let first = world.run_plan("first");
    world.until(&first, "going", |run| run["progress"]["bytes"].as_u64() > Some(0));
    let second = world.run_plan("second");
    assert_eq!(world.until(&second, "told", |_| true)["state"], "pending");
    let address = up.address();
    up.kill();
    let _up = Up::with(&world, &address, &["--pool", "1"]);
    world.until_state(&first, "completed");
    let done = world.until_state(&second, "completed");
    assert_eq!(done["attempt"], 1, "{done:#}");
}
