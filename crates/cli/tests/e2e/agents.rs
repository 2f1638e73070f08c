//! An agent in a process of its own: it joins, is steered, dies and comes back, and does only what its host allows.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::session::{begin, fill, plan_on, slow};
use crate::up::Up;
use crate::world::{World, finish};

/// An agent that runs. It is killed when dropped.
struct Agent(Child);

impl Agent {
    /// Starts the agent of a world whose `agent` folder has joined.
    fn start(world: &World) -> Self {
        let (folder, policy) = (world.at("agent"), world.at("policy.toml"));
        let mut command = world.command(["agent", "run", "--data-dir", &folder, "--policy", &policy]);
        Self(command.stdout(Stdio::null()).spawn().unwrap())
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A token for a new host.
fn token(world: &World) -> String {
    world.ask(&["nodes", "token", "--name", "far"])["token"].as_str().unwrap().to_owned()
}

fn join(world: &World, up: &Up, token: &str) -> crate::world::Run {
    let (folder, policy) = (world.at("agent"), world.at("policy.toml"));
    let mut command = world.command(["agent", "join", &up.url, "--data-dir", &folder, "--policy", &policy]);
    command.env("BACKSTAY_JOIN_TOKEN", token);
    finish(command)
}

/// What the owner of the agent's host allows: one folder to read, one to restore to; and what `more` says.
fn allow(world: &World, more: &str) {
    let (read, write, repositories) = (world.at("src"), world.at("out"), world.at("far"));
    world.file(
        "policy.toml",
        format!("read = [{read:?}]\nwrite = [{write:?}]\nrepositories = [{repositories:?}]\n{more}"),
    );
}

#[test]
fn an_agent_joins_is_steered_and_keeps_to_the_policy_of_its_host() {
    let world = World::without_settings();
    let up = begin(&world);
    fill(&world, 150);
    allow(&world, "");
    let key = token(&world);
    join(&world, &up, &key).succeeds();
    let again = join(&world, &up, &key).ends_with(1);
    assert!(!again.stderr.contains(&key[10..]), "{}", again.stderr);
    let agent = Agent::start(&world);

    let node = world.ask(&["nodes", "show", "far"])["id"].clone();
    let connection =
        json!({"name": "far disk", "node": node, "settings": {"type": "local", "path": world.at("far")}});
    let made = world.make("connections", &connection);
    let elsewhere =
        json!({"name": "elsewhere", "node": node, "settings": {"type": "local", "path": world.at("nope")}});
    world.try_to_make("connections", &elsewhere).ends_with(1).complains("policy");
    world.make("destinations", &json!({"name": "far away", "connection": made["id"]}));
    plan_on(&world, &node, "far plan", "far away", json!({"limits": slow()}));

    let run = world.run_plan("far plan");
    world.until(&run, "going", |run| run["progress"]["bytes"].as_u64() > Some(0));
    world.run(["runs", "pause", &run]).succeeds();
    world.until_state(&run, "paused");
    agent.kill();
    let agent = Agent::start(&world);
    // The agent may take a moment to be back.
    let end = Instant::now() + Duration::from_secs(30);
    while world.run(["runs", "resume", &run]).code != 0 {
        assert!(Instant::now() < end, "the agent does not come back");
    }
    world.until_state(&run, "completed");

    // Killed in the middle, and without its server for a while.
    let more: Vec<u8> = crate::world::noise(40_000_000);
    world.file("src/more", more);
    let run = world.run_plan("far plan");
    world.until(&run, "going", |run| run["progress"]["bytes"].as_u64() > Some(0));
    let address = up.address();
    up.kill();
    agent.kill();
    let agent = Agent::start(&world);
    std::thread::sleep(Duration::from_secs(2));
    let _up = Up::with(&world, &address, &[]);
    world.until_state(&run, "completed");

    let restore = |target: &str| {
        world.run(["repositories", "restore", "far away", "latest", "--target", target, "--wait"])
    };
    restore(&world.at("out")).succeeds();
    let below = world.path("src").strip_prefix("/").unwrap().display().to_string();
    assert_eq!(world.contents(&format!("out/{below}")), world.contents("src"));
    let _agent = download(&world, agent);
    let refused = restore(&world.at("elsewhere")).ends_with(1);
    assert!(refused.stderr.contains("policy"), "{}", refused.stderr);

    world.run(["nodes", "revoke", "far"]).succeeds();
    world.run(["plans", "run", "far plan"]).ends_with(1);
}

/// Takes a file out of the agent's repository through the server: the agent brings it, until the owner of its host says no.
fn download(world: &World, agent: Agent) -> Agent {
    let repositories = world.ask(&["repositories", "list"]);
    let far =
        repositories["items"].as_array().unwrap().iter().find(|it| !it["node"].is_null()).unwrap().clone();
    let file = format!(
        "/repositories/{}/snapshots/latest/file?path={}",
        far["id"].as_str().unwrap(),
        world.at("src/more")
    );
    let output = world.at("brought");
    let bring = || world.run(["api", "GET", &file, "--output", &output]);
    bring().succeeds();
    assert!(std::fs::read(&output).unwrap() == std::fs::read(world.path("src/more")).unwrap());
    agent.kill();
    allow(world, "downloads = false\n");
    let agent = Agent::start(world);
    bring().ends_with(1).complains("handing content of snapshots to the server");
    agent
}
