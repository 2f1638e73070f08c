//! Paths and snapshots that lead elsewhere.

use backstay_model::Role;
use serde_json::json;

use crate::records_in_store::{Setup, silent_node};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn paths_that_lead_out_are_refused_before_any_node_is_asked() {
    let world = World::new().await;
    let project = world.project("here").await;
    let owner = world.program(Role::Owner, project).await;
    let node = silent_node(&world.store, project, "here").await;
    let setup = Setup::new(&world, node, |_| {}).await;
    let (connection, destination) = (setup.destination.connection, setup.destination.id);
    let odd = ["..", "../up", "/srv/../../etc", "/srv/\u{0}", "relative", "/srv/.."];
    for path in odd {
        let restore = |target: &str, inside: &str| json!({"repository": setup.repository, "snapshot": "latest", "target": target, "paths": [inside]});
        let source = json!({"project": project, "node": node, "name": "a", "spec": {"type": "files", "paths": [path]}});
        let local = json!({"type": "local", "path": path});
        let mut attempts = vec![
            ("/restores", restore(path, "/srv")),
            ("/restores", restore("/srv", path)),
            ("/sources", source),
            ("/connections", json!({"project": project, "node": node, "name": "a", "settings": local})),
        ];
        if path != "relative" {
            let place = json!({"project": project, "name": "a", "connection": connection, "path": path});
            attempts.push(("/destinations", place));
            let adopt = json!({"destination": destination, "node": node, "path": path, "password": "x"});
            attempts.push(("/repositories/adopt", adopt));
        }
        for (at, form) in attempts {
            let reply = owner.post(&format!("/api/v1{at}"), form.clone()).await;
            assert_eq!(reply.problem(422), "invalid", "{at} {form}");
        }
        let asked: String = path.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for at in [
            format!("/nodes/{node}/folder?path={asked}"),
            format!("/repositories/{}/snapshots/latest/folder?path={asked}", setup.repository),
        ] {
            assert_eq!(owner.get(&format!("/api/v1{at}")).await.problem(422), "invalid", "{at}");
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_named_by_an_id_and_nothing_else() {
    let world = World::new().await;
    let project = world.project("here").await;
    let owner = world.program(Role::Owner, project).await;
    let node = silent_node(&world.store, project, "here").await;
    let setup = Setup::new(&world, node, |_| {}).await;
    for odd in
        ["../keys/abc", "a/b", "latest/../x", "\u{0}", "*", "abc\n", "latest~1", "g00d", &"a".repeat(65)]
    {
        let form = json!({"repository": setup.repository, "snapshot": odd, "target": "/srv"});
        assert_eq!(owner.post("/api/v1/restores", form).await.problem(422), "invalid", "{odd:?}");
        let asked: String = odd.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let path = format!("/api/v1/repositories/{}/snapshots/{asked}/folder", setup.repository);
        assert_eq!(owner.get(&path).await.problem(422), "invalid", "{odd:?}");
    }
    world.stop().await;
}
