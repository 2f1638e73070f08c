//! What people make: projects, nodes, connections, sources, destinations, repositories, plans, settings.

use backstay_catalog::{CatalogError, Clash, Contact, ServerStore};
use backstay_model::*;

use crate::world::{World, at, clashes, id, node, on_both, plan, source};

on_both!(
    what_is_stored_is_read_back,
    names_are_unique_in_a_project,
    of_two_changes_to_one_revision_one_wins,
    what_others_need_stays,
    secrets_are_apart,
    plans_keep_their_revisions,
    nodes_get_new_configurations,
    two_processes_with_one_identity_are_seen,
    what_a_node_says_and_what_people_decide_do_not_overwrite_each_other,
    settings_are_kept,
    a_project_goes_with_its_history,
);

async fn what_is_stored_is_read_back(store: ServerStore) {
    let world = World::stored(&store).await;
    assert_eq!(store.project(world.project.id).await.unwrap().unwrap(), world.project);
    assert_eq!(store.node(world.node.id).await.unwrap().unwrap(), world.node);
    assert_eq!(store.connection(world.connection.id).await.unwrap().unwrap(), world.connection);
    assert_eq!(store.source(world.source.id).await.unwrap().unwrap(), world.source);
    assert_eq!(store.destination(world.destination.id).await.unwrap().unwrap(), world.destination);
    assert_eq!(store.repository(world.repository.id).await.unwrap().unwrap(), world.repository);
    assert_eq!(store.plan(world.plan.id).await.unwrap().unwrap(), world.plan);

    let other = World::stored(&store).await;
    let project = Some(world.project.id);
    assert_eq!(store.projects().await.unwrap().len(), 2);
    assert_eq!(store.nodes(project).await.unwrap(), std::slice::from_ref(&world.node));
    assert_eq!(store.nodes(None).await.unwrap().len(), 2);
    assert_eq!(store.connections(project).await.unwrap(), std::slice::from_ref(&world.connection));
    assert_eq!(store.sources(project).await.unwrap(), std::slice::from_ref(&world.source));
    assert_eq!(store.destinations(project).await.unwrap(), std::slice::from_ref(&world.destination));
    assert_eq!(store.all_repositories(project).await.unwrap(), std::slice::from_ref(&world.repository));
    assert_eq!(
        store.repositories(world.destination.id).await.unwrap(),
        std::slice::from_ref(&world.repository)
    );
    let at_node = store.repository_at(world.destination.id, Some(world.node.id)).await.unwrap();
    assert_eq!(at_node, Some(world.repository.clone()));
    assert_eq!(store.repository_at(world.destination.id, None).await.unwrap(), None);
    assert_eq!(store.plans(project).await.unwrap(), std::slice::from_ref(&world.plan));
    assert_eq!(store.plans(None).await.unwrap().len(), 2);
    assert_eq!(store.plans_of_node(world.node.id).await.unwrap(), std::slice::from_ref(&world.plan));

    store.delete_plan(other.plan.id, Some(1)).await.unwrap();
    store.delete_repository(other.repository.id).await.unwrap();
    store.delete_destination(other.destination.id, Some(1)).await.unwrap();
    store.delete_source(other.source.id, None).await.unwrap();
    store.delete_connection(other.connection.id, Some(1)).await.unwrap();
    store.delete_node(other.node.id).await.unwrap();
    store.delete_project(other.project.id).await.unwrap();
    assert_eq!(store.plan(other.plan.id).await.unwrap(), None);
    assert_eq!(store.node(other.node.id).await.unwrap(), None);
    let again = store.delete_plan(other.plan.id, None).await;
    assert!(matches!(again, Err(CatalogError::NotFound { .. })), "{again:?}");
}

async fn names_are_unique_in_a_project(store: ServerStore) {
    let world = World::stored(&store).await;
    let again = Project { id: ProjectId(id()), ..world.project.clone() };
    assert!(clashes(store.create_project(&again).await, Clash::Name));
    let again = Node { id: NodeId(id()), ..world.node.clone() };
    assert!(clashes(store.create_node(&again, None).await, Clash::Name));
    let again = Connection { id: ConnectionId(id()), ..world.connection.clone() };
    assert!(clashes(store.create_connection(&again, None).await, Clash::Name));
    let again = Source { id: SourceId(id()), ..world.source.clone() };
    assert!(clashes(store.create_source(&again).await, Clash::Name));
    let again = Destination { id: DestinationId(id()), ..world.destination.clone() };
    assert!(clashes(store.create_destination(&again).await, Clash::Name));
    let again = Repository { id: RepositoryId(id()), ..world.repository.clone() };
    assert!(clashes(store.create_repository(&again, None).await, Clash::Name));
    let again = Plan { id: PlanId(id()), ..world.plan.clone() };
    assert!(clashes(store.create_plan(&again, "Ada").await, Clash::Name));
    // Another project may use the same names, and did.
    World::stored(&store).await;

    let second = source(world.project.id, world.node.id, "second");
    store.create_source(&second).await.unwrap();
    let renamed = Source { name: world.source.name.clone(), ..second.clone() };
    let result = store.update_source(&renamed, 1).await;
    assert!(result.as_ref().is_err_and(|error| error.to_string().contains("\"home\"")), "{result:?}");
    assert!(clashes(result, Clash::Name));
    assert_eq!(store.source(second.id).await.unwrap(), Some(second));
}

async fn of_two_changes_to_one_revision_one_wins(store: ServerStore) {
    let world = World::stored(&store).await;
    let change = |name: &str| Source { name: name.into(), ..world.source.clone() };
    let (one, other) = (change("one"), change("other"));
    let (one, other) = tokio::join!(store.update_source(&one, 1), store.update_source(&other, 1));
    let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
    let won = won.unwrap();
    assert_eq!(won.revision, 2);
    assert!(clashes(lost, Clash::Revision));
    assert_eq!(store.source(world.source.id).await.unwrap(), Some(won));
    assert!(clashes(store.delete_source(world.source.id, Some(1)).await.map(|()| 0), Clash::InUse));
    assert!(clashes(store.delete_plan(world.plan.id, Some(7)).await, Clash::Revision));
    assert_eq!(store.plan(world.plan.id).await.unwrap(), Some(world.plan));
}

async fn what_others_need_stays(store: ServerStore) {
    let world = World::stored(&store).await;
    assert!(clashes(store.delete_project(world.project.id).await, Clash::InUse));
    assert!(clashes(store.delete_node(world.node.id).await, Clash::InUse));
    assert!(clashes(store.delete_connection(world.connection.id, None).await, Clash::InUse));
    let other = Connection { id: ConnectionId(id()), name: "database".into(), ..world.connection.clone() };
    store.create_connection(&other, None).await.unwrap();
    let method = serde_json::json!({"type": "cold", "service": {"service": "mariadb"}});
    let spec = serde_json::json!({"type": "mysql", "connection": other.id, "method": method});
    let before = store.source(world.source.id).await.unwrap().unwrap();
    let reached = Source { spec: serde_json::from_value(spec).unwrap(), ..before.clone() };
    let reached = store.update_source(&reached, before.revision).await.unwrap();
    assert!(
        clashes(store.delete_connection(other.id, None).await, Clash::InUse),
        "a source is reached by it"
    );
    store.update_source(&before, reached.revision).await.unwrap();
    store.delete_connection(other.id, None).await.unwrap();
    assert!(clashes(store.delete_destination(world.destination.id, None).await, Clash::InUse));
    assert!(clashes(store.delete_source(world.source.id, None).await, Clash::InUse));
    let lost = plan(world.project.id, "lost", &[SourceId(id())], &[world.destination.id]);
    assert!(clashes(store.create_plan(&lost, "Ada").await, Clash::InUse));
    assert_eq!(store.plan(lost.id).await.unwrap(), None);
    assert_eq!(store.plan_revisions(lost.id).await.unwrap(), []);
}

async fn secrets_are_apart(store: ServerStore) {
    let world = World::stored(&store).await;
    let (connection, repository) = (world.connection.id, world.repository.id);
    assert_eq!(store.connection_sealed(connection).await.unwrap().as_deref(), Some("sealed"));
    assert_eq!(store.repository_sealed(repository).await.unwrap().as_deref(), Some("sealed too"));

    store.reseal_connection(connection, "sealed", "sealed anew").await.unwrap();
    assert!(clashes(store.reseal_connection(connection, "sealed", "x").await, Clash::Revision));
    assert_eq!(store.connection_sealed(connection).await.unwrap().as_deref(), Some("sealed anew"));
    assert_eq!(store.connection(connection).await.unwrap().unwrap().revision, 1);
    store.reseal_repository(repository, "sealed too", "sealed anew").await.unwrap();
    assert_eq!(store.repository_sealed(repository).await.unwrap().as_deref(), Some("sealed anew"));

    let stored = store.update_connection(&world.connection, None, 1).await.unwrap();
    assert_eq!((stored.revision, store.connection_sealed(connection).await.unwrap()), (2, None));
    let status =
        ConnectionStatus { health: Health::Failing, checked: Some(at(9)), reason: Some("no".into()) };
    store.set_connection_status(connection, &status).await.unwrap();
    let stored = store.connection(connection).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.revision), (status, 2));
}

async fn plans_keep_their_revisions(store: ServerStore) {
    let world = World::stored(&store).await;
    let mut changed = world.plan.clone();
    changed.spec.enabled = false;
    changed.changed = at(50);
    let stored = store.update_plan(&changed, 1, "Grace").await.unwrap();
    assert_eq!(stored.revision, 2);
    assert!(clashes(store.update_plan(&changed, 1, "Grace").await, Clash::Revision));
    store.delete_plan(world.plan.id, Some(2)).await.unwrap();
    let revisions = store.plan_revisions(world.plan.id).await.unwrap();
    let told: Vec<_> =
        revisions.iter().map(|it| (it.plan.clone(), it.changed, it.changed_by.as_str())).collect();
    assert_eq!(told, [(stored, at(50), "Grace"), (world.plan, at(2), "Ada")]);
}

async fn nodes_get_new_configurations(store: ServerStore) {
    let world = World::stored(&store).await;
    let second = node(world.project.id, "second");
    store.create_node(&second, None).await.unwrap();
    let theirs = source(world.project.id, second.id, "theirs");
    store.create_source(&theirs).await.unwrap();
    let version = async |node: NodeId| store.node_link(node).await.unwrap().configuration;

    let (first, other) = (version(world.node.id).await, version(second.id).await);
    let moved = Plan {
        spec: plan::PlanSpec { sources: vec![theirs.id], ..world.plan.spec.clone() },
        ..world.plan.clone()
    };
    store.update_plan(&moved, 1, "Ada").await.unwrap();
    let (now, others_now) = (version(world.node.id).await, version(second.id).await);
    assert!(now > first && others_now > other, "both the node that lost the plan and the one that got it");
    assert_eq!(store.plans_of_node(world.node.id).await.unwrap(), []);

    store.update_connection(&world.connection, Some("new"), 1).await.unwrap();
    assert!(version(second.id).await > others_now, "the plan reaches its destination over the connection");
    let last = version(second.id).await;
    store.update_destination(&world.destination, 1).await.unwrap();
    assert!(version(second.id).await > last);
    assert_eq!(store.renew_configuration(second.id, 500).await.unwrap(), 501);
    assert_eq!(store.renew_configuration(second.id, 3).await.unwrap(), 502);
}

async fn two_processes_with_one_identity_are_seen(store: ServerStore) {
    let world = World::stored(&store).await;
    let mut contacts = Vec::new();
    for process in [u64::MAX, u64::MAX, 2, 2, u64::MAX, 2, 3] {
        contacts.push(store.node_seen(world.node.id, process, &HostState::default(), at(9)).await.unwrap());
    }
    use Contact::{Doubled, Same, Started};
    assert_eq!(contacts, [Started, Same, Started, Same, Doubled, Doubled, Started]);
}

async fn what_a_node_says_and_what_people_decide_do_not_overwrite_each_other(store: ServerStore) {
    let world = World::stored(&store).await;
    let id = world.node.id;
    store.set_node_certificate(id, Some("fingerprint")).await.unwrap();
    let host = HostState { host_name: "mast".into(), load: 0.5, ..HostState::default() };
    store.node_seen(id, 1, &host, at(70)).await.unwrap();
    store.judge_node(id, "its clock", Some("its clock is wrong")).await.unwrap();
    store.update_node(&Node { name: "renamed".into(), revoked: true, ..world.node.clone() }).await.unwrap();
    let stored = store.node_by_certificate("fingerprint").await.unwrap().unwrap();
    assert_eq!((stored.name.as_str(), stored.revoked), ("renamed", true));
    assert_eq!((stored.host, stored.last_seen), (host, Some(at(70))));
    assert_eq!(stored.trouble.as_deref(), Some("its clock is wrong"));
    let other = node(world.project.id, "other");
    assert!(clashes(store.create_node(&other, Some("fingerprint")).await, Clash::Name));
}

async fn settings_are_kept(store: ServerStore) {
    let value = serde_json::json!({ "minutes": 30 });
    assert_eq!(store.setting("idle").await.unwrap(), None);
    assert!(store.add_setting("idle", &value, None).await.unwrap());
    assert!(!store.add_setting("idle", &serde_json::json!(0), None).await.unwrap());
    assert_eq!(store.setting("idle").await.unwrap(), Some(value.clone()));
    store.set_setting("idle", &value, Some("sealed")).await.unwrap();
    assert_eq!(store.setting_sealed("idle").await.unwrap().as_deref(), Some("sealed"));
    let (one, other) = (serde_json::json!({ "minutes": 1 }), serde_json::json!({ "minutes": 2 }));
    assert!(store.change_setting("idle", &value, &one, None).await.unwrap());
    assert!(!store.change_setting("idle", &value, &other, None).await.unwrap(), "it is not as it was");
    assert_eq!(store.setting("idle").await.unwrap(), Some(one));
    assert_eq!(store.setting_sealed("idle").await.unwrap(), None);
    store.delete_setting("idle").await.unwrap();
    assert_eq!(store.setting("idle").await.unwrap(), None);
    store.ping().await.unwrap();
}

async fn a_project_goes_with_its_history(store: ServerStore) {
    let world = World::stored(&store).await;
    let run = world.run(at(100));
    store.ingest(world.node.id, 1, &crate::world::entries(1, std::slice::from_ref(&run))).await.unwrap();
    store.delete_plan(world.plan.id, None).await.unwrap();
    store.delete_repository(world.repository.id).await.unwrap();
    store.delete_destination(world.destination.id, None).await.unwrap();
    store.delete_source(world.source.id, None).await.unwrap();
    store.delete_connection(world.connection.id, None).await.unwrap();
    assert!(clashes(store.delete_project(world.project.id).await, Clash::InUse));
    assert!(store.run(run.id).await.unwrap().is_some(), "what was refused has removed nothing");
    store.delete_node(world.node.id).await.unwrap();
    store.delete_project(world.project.id).await.unwrap();
    assert_eq!(store.run(run.id).await.unwrap(), None);
}
