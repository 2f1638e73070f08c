//! What belongs to Backstay is not touched by restores: its own data, and repositories.

use std::path::PathBuf;

use backstay_model::connection::LocalSettings;
use backstay_model::run::{IntoSqlite, RestoreInto, RestoreRequest};
use backstay_model::{ConnectionSettings, RepositoryId, RunKind, RunState};
use backstay_policy::Schedule;

use crate::archives::{request, restore};
use crate::world::{SystemClock, SystemRandom, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_goes_into_no_folder_of_ours_and_removes_none() {
    let mut world = World::new(Schedule::default()).await;
    world.fill(3);
    let run = world.run_plan(RunKind::Backup);
    world.until_state(run, RunState::Completed).await;
    let target = world.path("target");
    let other = target.join("disk/other");
    world.hub.arrange(|configuration| {
        let mut repository = configuration.repositories[0].clone();
        repository.id = RepositoryId::new(&SystemClock, &SystemRandom);
        let path = target.join("disk").display().to_string();
        repository.settings = ConnectionSettings::Local(LocalSettings { path });
        repository.path = "other".to_owned();
        configuration.repositories.push(repository);
    });
    world.stop().await;
    world.start().await;
    std::fs::create_dir_all(&other).unwrap();
    std::fs::write(other.join("config"), "the only copy").unwrap();
    std::fs::write(target.join("more"), "x").unwrap();
    let own = world.repository();
    let ConnectionSettings::Local(local) = &own.settings else { panic!("a folder is expected") };
    let ours: [PathBuf; 4] = [
        world.path("node"),
        world.path("node/deeper"),
        PathBuf::from(&local.path).join(&own.path),
        other.clone(),
    ];
    for place in ours {
        for delete in [false, true] {
            let wanted = RestoreRequest { delete, ..request("latest", place.clone()) };
            let error = restore(&world, wanted, RunState::Failed).await.error.unwrap();
            assert!(error.message.contains("no restore writes there"), "{place:?}: {error:?}");
        }
    }
    let into = Some(RestoreInto::Sqlite(IntoSqlite::default()));
    let none =
        restore(&world, RestoreRequest { into, ..request("latest", "/".into()) }, RunState::Failed).await;
    assert!(none.error.unwrap().message.contains("holds no databases of SQLite"));

    let wanted = RestoreRequest { delete: true, ..request("latest", target.clone()) };
    restore(&world, wanted, RunState::Completed).await;
    assert_eq!(std::fs::read_to_string(other.join("config")).unwrap(), "the only copy");
    assert!(!target.join("more").exists(), "nothing was removed at all");
    world.stop().await;
}
