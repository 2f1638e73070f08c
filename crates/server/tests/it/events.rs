//! Who watches sees what changes, and nothing of others.

use std::time::{Duration, Instant};

use backstay_model::{Level, Role, RunState};
use serde_json::Value;

use crate::records_in_store::{Setup, silent_node};
use crate::world::{Client, World};

/// A stream that is being read.
pub(crate) struct Stream {
    response: reqwest::Response,
    text: String,
}

impl Stream {
    pub(crate) async fn open(client: &Client) -> Self {
        let response = client.open("/api/v1/events").await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event: its name and what it carries. `None` when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(|value| value.trim().to_owned())
                };
                let found = field("event:").zip(field("data:"));
                self.text = rest.to_owned();
                let Some((name, data)) = found else { continue };
                if name == "alive" {
                    continue;
                }
                return Some((name, serde_json::from_str(&data).unwrap()));
            }
            let chunk = self.response.chunk().await.ok()??;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event that is not about a node.
    async fn next_of_runs(&mut self) -> (String, Value) {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let next = tokio::time::timeout_at(end.into(), self.next()).await.expect("an event").unwrap();
            if next.0 == "run" || next.0 == "log" || next.0 == "reload" {
                return next;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_sees_what_changes_in_its_own_projects() {
    let world = World::new().await;
    let other = world.project("Other").await;
    let (operator, viewer) =
        (world.program(Role::Operator, world.home).await, world.program(Role::Viewer, world.home).await);
    let setup = Setup::new(&world, silent_node(&world.store, world.home, "nas").await, |_| {}).await;
    let hidden = Setup::new(&world, silent_node(&world.store, other, "vault").await, |_| {}).await;
    assert_eq!(world.nobody().get("/api/v1/events").await.problem(401), "unauthenticated");
    let (mut of_operator, mut of_viewer) = (Stream::open(&operator).await, Stream::open(&viewer).await);

    let unseen = hidden.ran(&world.store, RunState::Running, 5).await;
    let run = setup.ran(&world.store, RunState::Running, 5).await;
    setup.logged(&world.store, run.id, &[(Level::Info, "reading"), (Level::Info, "writing")]).await;
    let next = setup.ran(&world.store, RunState::Pending, 1).await;
    assert_ne!(unseen.id, run.id);

    let (name, event) = of_operator.next_of_runs().await;
    assert_eq!((name.as_str(), &event["id"]), ("run", &Value::from(run.id.to_string())));
    assert_eq!(
        (&event["project"], &event["kind"]),
        (&Value::from(world.home.to_string()), &Value::from("run"))
    );
    let (name, event) = of_operator.next_of_runs().await;
    assert_eq!((name.as_str(), &event["last"]), ("log", &Value::from(2)));
    assert_eq!(of_operator.next_of_runs().await.1["id"], next.id.to_string());
    // A viewer is not told of logs.
    assert_eq!(of_viewer.next_of_runs().await.1["id"], run.id.to_string());
    assert_eq!(of_viewer.next_of_runs().await.1["id"], next.id.to_string());

    let project = silent_node(&world.store, world.home, "another").await;
    let (name, event) = of_operator.next().await.unwrap();
    assert_eq!((name.as_str(), &event["id"]), ("node", &Value::from(project.to_string())));

    // The end of the server is the end of the streams.
    let asked = Instant::now();
    world.stop().await;
    assert!(of_operator.next().await.is_none());
    assert!(asked.elapsed() < Duration::from_secs(4), "streams hold the server up");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_has_no_more_than_sixteen_streams() {
    let world = World::new().await;
    let (one, other) = (world.owner().await, world.owner().await);
    let mut open = Vec::new();
    for _ in 0..16 {
        open.push(Stream::open(&one).await);
    }
    assert_eq!(one.get("/api/v1/events").await.problem(429), "too_many_streams");
    open.push(Stream::open(&other).await);
    open.remove(0);
    // The server sees that a stream was closed when it looks.
    let end = Instant::now() + Duration::from_secs(30);
    while one.open("/api/v1/events").await.status() != 200 {
        assert!(Instant::now() < end, "a closed stream still counts");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_its_person_loses_a_role() {
    let world = World::new().await;
    let client = world.program(Role::Viewer, world.home).await;
    let mut stream = Stream::open(&client).await;
    let person = world.store.people().await.unwrap().into_iter().next().unwrap();
    world.store.update_person(&backstay_model::Person { grants: Vec::new(), ..person }).await.unwrap();
    let end = tokio::time::timeout(Duration::from_secs(50), stream.next()).await.expect("an end");
    assert_eq!(end, None);
    world.stop().await;
}
