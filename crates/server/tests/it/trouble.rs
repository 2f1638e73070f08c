//! What a node's exchanges show of trouble is said on its record, and told to people once.

use std::sync::Arc;
use std::time::Duration;

use backstay_model::link::SyncRequest;
use backstay_model::{HostState, NodeId, Time};
use backstay_node::Identity;
use serde_json::json;

use crate::receiver::{Receiver, SECRET};
use crate::watch::{Ahead, start_again};
use crate::world::{SystemClock, SystemRandom, World};

const GIB: u64 = 1 << 30;

/// A node that says what the test has it say.
struct Puppet {
    world: World,
    node: NodeId,
    receiver: Receiver,
    clock: Arc<Ahead>,
}

impl Puppet {
    async fn new() -> Self {
        let mut world = World::new().await;
        let folder = world.path("puppet");
        std::fs::create_dir(&folder).unwrap();
        let identity = Identity::open_or_make(&folder, "puppet", &SystemClock, &SystemRandom).unwrap();
        world.server.adopt_node(identity.id, "puppet", identity.key.public().to_string()).await.unwrap();
        let receiver = Receiver::new(0).await;
        let channel = json!({"type": "webhook", "url": format!("{}/hook", receiver.url), "secret": SECRET, "allow_private": true});
        let form = json!({"name": "hook", "on": ["trouble"], "channel": channel});
        world.owner().await.post("/api/v1/notifiers", form).await.expect(201);
        let clock = Arc::new(Ahead::default());
        start_again(&mut world, &clock).await;
        Self { world, node: identity.id, receiver, clock }
    }

    /// Says how things are; whether it is listened to.
    async fn say(&self, incarnation: u64, off: i64, disk_free: u64) -> bool {
        let now = Time::from_second(self.clock.time().as_second() + off).unwrap();
        let host = HostState { disk_total: 100 * GIB, disk_free, ..HostState::default() };
        let request = SyncRequest {
            node: self.node,
            incarnation,
            now,
            host,
            acknowledged: 0,
            entries: Vec::new(),
            results: Vec::new(),
            configuration: 0,
            patience_ms: 0,
        };
        self.world.server.hub().sync(request).await.is_ok()
    }

    async fn trouble(&self) -> Option<String> {
        self.world.store.node(self.node).await.unwrap().unwrap().trouble
    }

    /// Waits until so many notices have come, and sees that no more come; the last one's reason.
    async fn told(&self, number: usize) -> String {
        let got = self.receiver.until(number).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(self.receiver.got().len(), number);
        got[number - 1].notice()["reason"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_and_a_full_disk_are_each_told_once_until_they_are_well() {
    let puppet = Puppet::new().await;
    for off in [400, 401, 200, 500] {
        assert!(puppet.say(1, off, 50 * GIB).await);
    }
    assert!(puppet.told(1).await.contains("ahead of the server's"));
    // One trouble does not hide another.
    for free in [2 * GIB, GIB, 6 * GIB, 3 * GIB] {
        assert!(puppet.say(1, 500, free).await);
    }
    assert!(puppet.told(2).await.contains("left of"));
    let both = puppet.trouble().await.unwrap();
    assert!(both.contains("clock") && both.contains("disk"), "{both}");
    assert!(puppet.say(1, 0, 3 * GIB).await);
    let disk = puppet.trouble().await.unwrap();
    assert!(!disk.contains("clock") && disk.contains("disk"), "{disk}");
    assert!(puppet.say(1, 0, 8 * GIB).await);
    assert_eq!(puppet.trouble().await, None);
    // It is news again when it comes again.
    assert!(puppet.say(1, -1000, 8 * GIB).await);
    assert!(puppet.told(3).await.contains("behind the server's"));
    puppet.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_with_one_identity_are_told_of_once() {
    let puppet = Puppet::new().await;
    assert!(puppet.say(1, 0, 50 * GIB).await);
    assert!(puppet.say(2, 0, 50 * GIB).await);
    for _ in 0..3 {
        assert!(!puppet.say(1, 0, 50 * GIB).await);
        assert!(!puppet.say(2, 0, 50 * GIB).await);
    }
    assert!(puppet.told(1).await.contains("two processes"));
    assert!(puppet.trouble().await.unwrap().contains("two processes"));
    // One of them is gone.
    assert!(puppet.say(3, 0, 50 * GIB).await);
    assert!(puppet.trouble().await.is_some(), "the other may speak at any moment");
    puppet.clock.pass(16).await;
    assert!(puppet.say(3, 0, 50 * GIB).await);
    assert_eq!(puppet.trouble().await, None);
    puppet.world.stop().await;
}
