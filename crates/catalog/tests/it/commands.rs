//! Commands on their way to nodes, and what came of them.

use std::time::Duration;

use backstay_catalog::{CatalogError, Change, Clash, ServerStore};
use backstay_model::command::{Answer, Ask, Command, CommandError, CommandResult, Refusal};
use backstay_model::{CommandId, NodeId, Time};

use crate::world::{World, at, clashes, id, node, on_both};

const AGAIN: Duration = Duration::from_secs(15);

on_both!(
    a_command_is_taken_once_and_again_after_a_while,
    of_many_who_take_at_once_one_gets_it,
    it_is_for_its_node_alone,
    its_first_result_counts,
    what_has_expired_is_not_begun,
    who_waits_is_told,
);

/// A command that nobody has given.
pub(crate) fn command(expires: Time) -> Command {
    let ask = Ask::BrowseHost { path: "/srv".into(), page: Default::default() };
    Command { id: CommandId(id()), requested_by: "Ada".into(), expires, ask }
}

fn done(command: &Command) -> CommandResult {
    CommandResult { id: command.id, answer: Ok(Answer::Done) }
}

async fn taken(store: &ServerStore, node: NodeId, now: i64) -> Vec<Command> {
    store.take_commands(node, at(now), AGAIN).await.unwrap()
}

async fn a_command_is_taken_once_and_again_after_a_while(store: ServerStore) {
    let node = World::stored(&store).await.node.id;
    let (first, second) = (command(at(100)), command(at(100)));
    for command in [&second, &first] {
        store.add_command(node, command).await.unwrap();
    }
    assert_eq!(taken(&store, node, 0).await, [first.clone(), second.clone()], "in the order they were given");
    assert_eq!(taken(&store, node, 0).await, []);
    assert_eq!(taken(&store, node, 14).await, []);
    store.settle_commands(node, &[done(&first)]).await.unwrap();
    assert_eq!(taken(&store, node, 15).await, std::slice::from_ref(&second), "nothing came of it");
    assert_eq!(taken(&store, node, 29).await, []);
    assert_eq!(taken(&store, node, 30).await, [second]);
    assert!(clashes(store.add_command(node, &first).await, Clash::Name));
}

async fn of_many_who_take_at_once_one_gets_it(store: ServerStore) {
    let node = World::stored(&store).await.node.id;
    for _ in 0..5 {
        store.add_command(node, &command(at(100))).await.unwrap();
        let takes: Vec<_> = (0..6)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { taken(&store, node, 0).await.len() })
            })
            .collect();
        let mut sum = 0;
        for take in takes {
            sum += take.await.unwrap();
        }
        assert_eq!(sum, 1);
    }
}

async fn it_is_for_its_node_alone(store: ServerStore) {
    let world = World::stored(&store).await;
    let (asked, other) = (world.node.id, node(world.project.id, "other"));
    store.create_node(&other, None).await.unwrap();
    let given = command(at(100));
    store.add_command(asked, &given).await.unwrap();
    assert_eq!(taken(&store, other.id, 0).await, []);
    store.settle_commands(other.id, &[done(&given)]).await.unwrap();
    assert_eq!(store.command_result(given.id).await.unwrap(), None, "nobody answers for another");
    assert_eq!(taken(&store, asked, 0).await, [given]);

    let nobody = store.add_command(NodeId(id()), &command(at(100))).await;
    assert!(clashes(nobody, Clash::InUse));
    // What a node was asked goes with it.
    let given = command(at(100));
    store.add_command(other.id, &given).await.unwrap();
    store.delete_node(other.id).await.unwrap();
    store.settle_commands(other.id, &[done(&given)]).await.unwrap();
    assert_eq!(store.command_result(given.id).await.unwrap(), None);
}

async fn its_first_result_counts(store: ServerStore) {
    let node = World::stored(&store).await.node.id;
    let given = command(at(100));
    store.add_command(node, &given).await.unwrap();
    assert_eq!(store.command_result(given.id).await.unwrap(), None);
    let refused = CommandError {
        kind: Refusal::Forbidden,
        message: "the policy file forbids it".into(),
        hint: Some("ask who looks after the host".into()),
    };
    let refused = CommandResult { id: given.id, answer: Err(refused) };
    store.settle_commands(node, &[refused.clone(), done(&given)]).await.unwrap();
    store.settle_commands(node, &[done(&given)]).await.unwrap();
    assert_eq!(store.command_result(given.id).await.unwrap(), Some(refused));
    assert_eq!(taken(&store, node, 99).await, [], "it is settled");
    assert_eq!(store.command_result(CommandId(id())).await.unwrap(), None);
}

async fn what_has_expired_is_not_begun(store: ServerStore) {
    let node = World::stored(&store).await.node.id;
    let (short, long) = (command(at(10)), command(at(100)));
    for command in [&short, &long] {
        store.add_command(node, command).await.unwrap();
    }
    assert_eq!(taken(&store, node, 10).await, std::slice::from_ref(&long));
    // The node began in time, and tells late.
    store.settle_commands(node, &[done(&short)]).await.unwrap();
    assert_eq!(store.command_result(short.id).await.unwrap(), Some(done(&short)));
    assert_eq!(store.prune_commands(at(10)).await.unwrap(), 0);
    assert_eq!(store.prune_commands(at(11)).await.unwrap(), 1);
    assert_eq!(store.command_result(short.id).await.unwrap(), None);
    assert_eq!(taken(&store, node, 25).await, [long]);
}

async fn who_waits_is_told(store: ServerStore) {
    let node = World::stored(&store).await.node.id;
    let mut changes = store.subscribe();
    let given = command(at(100));
    store.add_command(node, &given).await.unwrap();
    assert_eq!(changes.try_recv().unwrap(), Change::CommandsWaiting { node });
    taken(&store, node, 0).await;
    store.settle_commands(node, &[done(&given), done(&command(at(100)))]).await.unwrap();
    assert_eq!(changes.try_recv().unwrap(), Change::CommandSettled { command: given.id });
    store.settle_commands(node, &[done(&given)]).await.unwrap();
    assert!(changes.try_recv().is_err(), "what nobody waits for is not told");
    let refused: Result<(), CatalogError> = store.add_command(NodeId(id()), &given).await;
    assert!(refused.is_err() && changes.try_recv().is_err());
}
