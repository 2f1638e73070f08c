//! Every kind of source with every kind of destination, as repository and as archive: read in one run for all of them, and brought
//! back from each.

use std::collections::BTreeMap;

use backstay_archive::crypt::KeyPair;
use backstay_model::command::Ask;
use backstay_model::connection::GoogleDriveSettings;
use backstay_model::link::SealedRepository;
use backstay_model::run::{Named, RestoreRequest};
use backstay_model::{
    ConnectionSettings, DestinationId, Holds, RepositoryId, Run, RunKind, RunState, SecretText, SourceSpec,
};
use backstay_net::testing::S3Server;
use backstay_node::seals;
use backstay_sources::testing::bson::{Document, doc};
use serde_json::json;

use crate::archives::{names, plain, request};
use crate::buckets::{self, Shelf};
use crate::cold::Cold;
use crate::drive_server::{CLIENT, REFRESH, SECRET, Server as Drive};
use crate::mongo::Shop;
use crate::receiver::Host;
use crate::world::{SystemClock, SystemRandom, World};

/// Where backups go to.
struct Places {
    bucket: S3Server,
    drive: Drive,
    receiver: Host,
}

/// A destination of a plan.
struct Goal {
    name: String,
    id: RepositoryId,
}

impl Places {
    async fn start() -> Self {
        let bucket = S3Server::start();
        bucket.create_bucket("backups");
        let drive = tokio::task::spawn_blocking(Drive::start).await.unwrap();
        Self { bucket, drive, receiver: Host::start().await }
    }

    async fn end(self) {
        let Self { bucket, drive, .. } = self;
        drop(bucket);
        tokio::task::spawn_blocking(move || drop(drive)).await.unwrap();
    }

    /// The ways to a place of each kind, with their secrets.
    fn ways(
        &self,
        client: &str,
    ) -> Vec<(&'static str, Option<ConnectionSettings>, BTreeMap<String, String>)> {
        let credentials = self.bucket.settings().credentials.unwrap();
        let s3 = serde_json::from_value(json!({
            "type": "s3", "endpoint": self.bucket.url, "bucket": "backups",
            "access_key": credentials.access_key_id, "allow_private": true,
        }))
        .unwrap();
        let drive = GoogleDriveSettings {
            client_id: CLIENT.to_owned(),
            client_secret: SecretText::default(),
            refresh_token: SecretText::default(),
            folder: "Backstay".to_owned(),
            endpoint: Some(self.drive.url.clone()),
            allow_private: true,
        };
        let (receiver, token) = self.receiver.client(client, None);
        let secret = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![
            ("folder", None, BTreeMap::new()),
            ("bucket", Some(s3), [secret("secret_key", credentials.secret_access_key.expose())].into()),
            (
                "drive",
                Some(ConnectionSettings::GoogleDrive(drive)),
                [secret("client_secret", SECRET), secret("refresh_token", REFRESH)].into(),
            ),
            ("receiver", Some(ConnectionSettings::Receiver(receiver)), [secret("token", &token)].into()),
        ]
    }

    /// Gives the plan of a world a repository and archives at each place, and nothing else.
    fn arrange(&self, world: &World) -> Vec<Goal> {
        let key = world.identity().key;
        let mut goals = Vec::new();
        let mut made = Vec::new();
        for holds in [Holds::Repository, Holds::Archives(plain())] {
            let what = if holds.is_archives() { "archives" } else { "repository" };
            for (place, settings, mut secrets) in self.ways(what) {
                let id = RepositoryId::new(&SystemClock, &SystemRandom);
                let destination = DestinationId::new(&SystemClock, &SystemRandom);
                let mut password = "open sesame".to_owned();
                if holds.is_archives() {
                    KeyPair::generate().with_secret(|key| key.clone_into(&mut password));
                }
                secrets.insert("password".to_owned(), password);
                let secrets =
                    seals::seal(key.public(), &seals::of_repository(id), &secrets, &SystemRandom).unwrap();
                let name = format!("{place} {what}");
                made.push((id, destination, name.clone(), holds.clone(), settings, secrets));
                goals.push(Goal { name, id });
            }
        }
        world.hub.arrange(|configuration| {
            let first = configuration.repositories[0].clone();
            configuration.repositories.clear();
            let plan = &mut configuration.plans[0];
            plan.repositories.clear();
            plan.spec.destinations.clear();
            for (id, destination, name, holds, settings, secrets) in made {
                configuration.repositories.push(SealedRepository {
                    id,
                    path: name.replace(' ', "-"),
                    destination: Named { id: destination, name },
                    holds,
                    settings: settings.unwrap_or_else(|| first.settings.clone()),
                    secrets,
                    ..first.clone()
                });
                plan.repositories.push(id);
                plan.spec.destinations.push(destination);
            }
        });
        goals
    }
}

fn sealed(world: &World, goal: &Goal) -> SealedRepository {
    let configuration = world.hub.configuration.lock();
    configuration.repositories.iter().find(|repository| repository.id == goal.id).unwrap().clone()
}

async fn back_up(world: &World) -> Run {
    let run = world.run_plan(RunKind::Backup);
    let run = world.until_state(run, RunState::Completed).await;
    let states: Vec<_> = run.destinations.iter().map(|one| (one.name.clone(), one.state)).collect();
    assert!(states.iter().all(|(_, state)| *state == RunState::Completed), "{states:?}");
    assert_eq!(states.len(), 8);
    run
}

async fn bring_back(world: &World, goal: &Goal, request: RestoreRequest) -> Run {
    let (run, project, repository) = (world.run_id(), world.project, sealed(world, goal));
    world.ask(Ask::Restore { run, project, repository, request: Box::new(request), connection: None });
    world.until_state(run, RunState::Completed).await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_to_all_places_and_come_back_from_each() {
    let places = Places::start().await;
    let mut world = crate::archives::world().await;
    world.fill(6);
    let goals = places.arrange(&world);
    back_up(&world).await;
    for goal in &goals {
        let target = world.path(&format!("back from {}", goal.name));
        bring_back(&world, goal, request("latest", target.clone())).await;
        let (back, source) =
            (target.join(world.path("source").strip_prefix("/").unwrap()), world.path("source"));
        assert_eq!(names(back.clone()), names(source.clone()), "{}", goal.name);
        for name in names(source.clone()) {
            let (there, here) = (std::fs::read(back.join(&name)), std::fs::read(source.join(&name)));
            assert!(there.unwrap() == here.unwrap(), "{}: {name}", goal.name);
        }
    }
    world.stop().await;
    places.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_goes_to_all_places_and_comes_back_from_each() {
    let Some(cold) = Cold::new(json!({"sequence": "copy_first"})).await else { return };
    let places = Places::start().await;
    let goals = places.arrange(&cold.world);
    back_up(&cold.world).await;
    let source = cold.world.hub.configuration.lock().plans[0].sources[0].named.id;
    for goal in &goals {
        let _ = cold.instance.sql("DROP DATABASE shop");
        let back = RestoreRequest { instance: Some(source), ..request("latest", "/".into()) };
        bring_back(&cold.world, goal, back).await;
        assert_eq!(cold.instance.checksum(), cold.before, "{}", goal.name);
    }
    cold.end().await;
    places.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_goes_to_all_places_and_comes_back_from_each() {
    let shelf = Shelf::new(12).await;
    let places = Places::start().await;
    let goals = places.arrange(&shelf.world);
    back_up(&shelf.world).await;
    for (number, goal) in goals.iter().enumerate() {
        let bucket = format!("back-{number}");
        shelf.server.create_bucket(&bucket);
        let run = shelf.restore_from(&bucket, sealed(&shelf.world, goal), buckets::all()).await;
        shelf.world.until_state(run, RunState::Completed).await;
        shelf.same("photos", &bucket);
    }
    shelf.end().await;
    places.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_mongodb_goes_to_all_places_and_comes_back_from_each() {
    let Some(shop) = Shop::new().await else { return };
    let places = Places::start().await;
    let goals = places.arrange(&shop.world);
    back_up(&shop.world).await;
    // Collections have no order of their own.
    let all = |shop: &Shop| -> Vec<Vec<Document>> {
        tokio::task::block_in_place(|| {
            [("shop", "orders"), ("shop", "people"), ("blog", "posts")]
                .map(|(database, collection)| {
                    let mut documents = shop.server.documents(database, collection);
                    documents.sort_by_key(Document::to_string);
                    documents
                })
                .into()
        })
    };
    let before = all(&shop);
    for goal in &goals {
        tokio::task::block_in_place(|| {
            for database in ["shop", "blog"] {
                let _ = shop.server.run(database, doc! { "dropDatabase": 1 });
            }
        });
        let run = shop.restore_from(sealed(&shop.world, goal), "latest", json!({}));
        shop.world.until_state(run, RunState::Completed).await;
        assert!(all(&shop) == before, "{}", goal.name);
    }
    assert!(matches!(shop.world.hub.configuration.lock().plans[0].sources[0].spec, SourceSpec::Mongodb(_)));
    shop.end().await;
    places.end().await;
}
