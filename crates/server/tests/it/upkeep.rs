//! What has had its time is cleared away.

use std::time::{Duration, Instant};

use backstay_catalog::{OneTimeKind, OneTimeToken, ServerStore};
use backstay_model::{Level, Role, RunState, Time};
use serde_json::json;

use crate::records_in_store::{Setup, silent_node};
use crate::world::World;

const DAY: i64 = 24 * 3600;

#[tokio::test(flavor = "multi_thread")]
async fn history_is_kept_for_as_long_as_the_servers_owners_say() {
    let world = World::new().await;
    let (owner, admin) = (world.owner().await, world.program(Role::Admin, world.home).await);
    let path = "/api/v1/settings/retention";
    assert_eq!(owner.get(path).await.expect(200), json!({"logs": "90d", "runs": "400d"}));
    assert_eq!(admin.get(path).await.problem(403), "forbidden");
    assert_eq!(owner.put(path, json!({"logs": "1h"})).await.problem(422), "invalid");
    assert_eq!(admin.put(path, json!({"runs": "30d"})).await.problem(403), "forbidden");
    owner.put(path, json!({"logs": "2d", "runs": "30d"})).await.expect(200);
    assert_eq!(owner.get(path).await.expect(200), json!({"logs": "2d", "runs": "30d"}));

    let setup = Setup::new(&world, silent_node(&world.store, world.home, "nas").await, |_| {}).await;
    let old = setup.ran(&world.store, RunState::Completed, 40 * DAY).await;
    let kept = setup.ran(&world.store, RunState::Completed, 20 * DAY).await;
    setup.logged(&world.store, kept.id, &[(Level::Info, "today")]).await;
    let store = ServerStore::open(&format!("sqlite:{}", world.path("server.db").display())).await.unwrap();
    let expired = OneTimeToken {
        hash: "old".to_owned(),
        kind: OneTimeKind::Setup,
        about: json!(null),
        created: Time::UNIX_EPOCH,
        expires: Time::UNIX_EPOCH,
    };
    store.create_one_time(&expired).await.unwrap();
    // An hour later it is the turn of the next server.
    let later = Time::from_second(Time::now().as_second() + 2 * 3600).unwrap();
    let token = store.claim("upkeep", "test", later, Duration::from_secs(1)).await.unwrap().unwrap();
    store.release("upkeep", token).await.unwrap();
    let next = World::serve(&world.folder, &world.store, backstay_server::state::TlsChoice::Automatic).await;
    let end = Instant::now() + Duration::from_secs(30);
    while store.run(old.id).await.unwrap().is_some() {
        assert!(Instant::now() < end, "old runs stay");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(store.run(kept.id).await.unwrap().is_some());
    assert_eq!(store.log(kept.id, 0, 9).await.unwrap().len(), 1);
    assert!(
        store
            .one_time(OneTimeKind::Setup, "old", Time::UNIX_EPOCH - Duration::from_secs(1))
            .await
            .unwrap()
            .is_none()
    );
    next.stop(Duration::from_secs(5)).await;
    store.close().await;
    world.stop().await;
}
