//! MongoDB as a source and as a target of restores, with a real server of its protocol.

use backstay_model::command::Ask;
use backstay_model::link::{SealedConnection, SealedRepository};
use backstay_model::mongodb::{MongodbSettings, MongodbSpec};
use backstay_model::run::{RestoreInto, RestoreRequest};
use backstay_model::{ConnectionId, ConnectionSettings, Run, RunId, RunKind, RunState, SourceSpec};
use backstay_node::local_policy::{LocalPolicy, Mode};
use backstay_node::seals;
use backstay_policy::Schedule;
use backstay_sources::testing::MongoServer;
use backstay_sources::testing::bson::doc;
use serde_json::{Value, json};

use crate::archives::request;
use crate::world::{SystemClock, SystemRandom, World};

/// A node whose plan backs up a server.
pub(crate) struct Shop {
    pub(crate) world: World,
    pub(crate) server: MongoServer,
    connection: SealedConnection,
}

/// The way to a server, with more options in its address.
fn way(world: &World, server: &MongoServer, options: &str) -> SealedConnection {
    let id = ConnectionId::new(&SystemClock, &SystemRandom);
    let uri = format!("{}{options}", server.uri());
    let settings: MongodbSettings =
        serde_json::from_value(json!({ "uri": uri, "allow_private": true })).unwrap();
    let key = world.identity().key;
    let secrets =
        seals::seal(key.public(), &seals::of_connection(id), &Default::default(), &SystemRandom).unwrap();
    SealedConnection { id, settings: ConnectionSettings::Mongodb(settings), secrets }
}

impl Shop {
    pub(crate) async fn new() -> Option<Self> {
        Self::with(&[]).await
    }

    /// The same, with arguments for the server's command line.
    pub(crate) async fn with(arguments: &[&str]) -> Option<Self> {
        Self::reached(arguments, "").await
    }

    /// The same, with more options in the server's address too.
    pub(crate) async fn reached(arguments: &[&str], options: &str) -> Option<Self> {
        let server = tokio::task::block_in_place(|| {
            let server = MongoServer::start_with(arguments)?;
            let orders: Vec<_> =
                (0..3000).map(|id| doc! { "_id": id, "text": format!("order {id}") }).collect();
            server.insert("shop", "orders", &orders);
            server.insert("shop", "people", &[doc! { "_id": 1, "name": "Anna" }]);
            server.insert("blog", "posts", &[doc! { "_id": "first", "text": "hello" }]);
            let index = doc! { "key": { "text": 1 }, "name": "by text" };
            let _ = server.run("shop", doc! { "createIndexes": "orders", "indexes": [index] });
            Some(server)
        })?;
        let mut world = World::new(Schedule::default()).await;
        world.stop().await;
        let file = world.path("policy.toml");
        std::fs::write(&file, "private_addresses = true\nwrite = [\"/\"]\n").unwrap();
        world.policy = LocalPolicy::load(&file, Mode::Local).unwrap();
        let connection = way(&world, &server, options);
        let spec: MongodbSpec = serde_json::from_value(json!({ "connection": connection.id })).unwrap();
        let of_source = connection.clone();
        world.hub.arrange(|configuration| {
            let source = &mut configuration.plans[0].sources[0];
            source.spec = SourceSpec::Mongodb(spec);
            source.connection = Some(of_source);
        });
        world.start().await;
        Some(Self { world, server, connection })
    }

    pub(crate) async fn back_up(&self, state: RunState) -> Run {
        let run = self.world.run_plan(RunKind::Backup);
        self.world.until_state(run, state).await
    }

    pub(crate) async fn restore(&self, snapshot: &str, more: Value, state: RunState) -> Run {
        let run = self.restore_from(self.world.repository(), snapshot, more);
        self.world.until_state(run, state).await
    }

    /// Begins to restore what lies in a repository to the server.
    pub(crate) fn restore_from(&self, repository: SealedRepository, snapshot: &str, more: Value) -> RunId {
        self.restore_to(&self.connection, repository, snapshot, more)
    }

    fn restore_to(
        &self,
        connection: &SealedConnection,
        repository: SealedRepository,
        snapshot: &str,
        more: Value,
    ) -> RunId {
        let mut into = json!({ "type": "mongodb", "connection": connection.id });
        into.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let into: RestoreInto = serde_json::from_value(into).unwrap();
        let request = Box::new(RestoreRequest { into: Some(into), ..request(snapshot, "/".into()) });
        let (run, connection) = (self.world.run_id(), Some(Box::new(connection.clone())));
        let project = self.world.project;
        self.world.ask(Ask::Restore { run, project, repository, request, connection });
        run
    }

    pub(crate) async fn end(mut self) {
        self.world.stop().await;
        tokio::task::block_in_place(|| drop(self.server));
    }

    pub(crate) fn count(&self, database: &str, collection: &str) -> usize {
        tokio::task::block_in_place(|| self.server.documents(database, collection).len())
    }

    /// How many collections a database has.
    pub(crate) fn collections(&self, database: &str) -> usize {
        let told = tokio::task::block_in_place(|| self.server.run(database, doc! { "listCollections": 1 }));
        told.get_document("cursor").unwrap().get_array("firstBatch").unwrap().len()
    }

    pub(crate) fn drop_database(&self, name: &str) {
        tokio::task::block_in_place(|| drop(self.server.run(name, doc! { "dropDatabase": 1 })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_backed_up_and_comes_back_whole_in_part_and_under_another_name() {
    let Some(shop) = Shop::new().await else { return };
    let run = shop.back_up(RunState::Completed).await;
    assert!(run.outcome.unwrap().files_new >= 6);
    let log = shop.world.log(run.id).await;
    assert!(log.contains("saved snapshot"), "{log}");
    shop.server_changes(&["later"]);
    shop.back_up(RunState::Completed).await;

    // What is there is not touched unless that is asked for.
    let refused = shop.restore("latest", json!({}), RunState::Failed).await;
    let error = refused.error.unwrap();
    assert!(error.message.contains("blog.posts, and 3 more"), "{error:?}");
    assert_eq!(shop.count("shop", "orders"), 3000);

    shop.drop_database("shop");
    let only = json!({ "include": ["shop"] });
    let done = shop.restore("latest", only, RunState::Completed).await.outcome.unwrap();
    assert_eq!((&*done.more["collections"], &*done.more["verified"]), ("3", "3"));
    assert_eq!((shop.count("shop", "orders"), shop.count("shop", "later")), (3000, 1));
    let indexes = tokio::task::block_in_place(|| shop.server.run("shop", doc! { "listIndexes": "orders" }));
    assert!(indexes.to_string().contains("by text"), "{indexes}");

    let other = json!({ "include": ["shop.people"], "databases": [{ "from": "shop", "to": "copy" }] });
    shop.restore("latest", other, RunState::Completed).await;
    assert_eq!((shop.count("copy", "people"), shop.count("copy", "orders")), (1, 0));

    let replaced = json!({ "include": ["shop.people"], "existing": "replace" });
    shop.server_changes(&["people"]);
    assert_eq!(shop.count("shop", "people"), 2);
    shop.restore("latest", replaced, RunState::Completed).await;
    assert_eq!(shop.count("shop", "people"), 1);
    shop.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_comes_back_on_another_server_under_another_name() {
    let Some(shop) = Shop::new().await else { return };
    shop.back_up(RunState::Completed).await;
    let other = tokio::task::block_in_place(MongoServer::start_new).unwrap();
    let more = json!({ "include": ["shop"], "databases": [{ "from": "shop", "to": "recovered" }] });
    let connection = way(&shop.world, &other, "");
    let run = shop.restore_to(&connection, shop.world.repository(), "latest", more);
    let done = shop.world.until_state(run, RunState::Completed).await.outcome.unwrap();
    assert_eq!((&*done.more["collections"], &*done.more["documents"]), ("2", "3001"));
    tokio::task::block_in_place(|| {
        for name in ["orders", "people"] {
            let [there, here] = [other.documents("recovered", name), shop.server.documents("shop", name)];
            assert!(there.len() == here.len() && here.iter().all(|one| there.contains(one)), "{name}");
        }
        assert_eq!(other.documents("shop", "orders"), Vec::new());
        drop(other);
    });
    shop.end().await;
}

impl Shop {
    /// Adds a document to each of these collections.
    fn server_changes(&self, collections: &[&str]) {
        tokio::task::block_in_place(|| {
            for name in collections {
                self.server.insert("shop", name, &[doc! { "_id": "one more", "name": *name }]);
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_waited_for() {
    let Some(mut shop) = Shop::new().await else { return };
    tokio::task::block_in_place(|| shop.server.stop());
    let run = shop.world.run_plan(RunKind::Backup);
    shop.world.until_any("waiting run", |run| run.waiting.is_some()).await;
    tokio::task::block_in_place(|| shop.server.start());
    shop.world.pass(600);
    shop.world.until_state(run, RunState::Completed).await;
    shop.end().await;
}
