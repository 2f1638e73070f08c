//! Sums of what runs did.

use std::time::Duration;

use backstay_catalog::{Happening, PlanSums, ServerStore, Sums};
use backstay_model::link::{News, OutboxEntry};
use backstay_model::run::Outcome;
use backstay_model::*;

use crate::world::{World, at, entries, id, on_both, then};

on_both!(
    plans_are_summed_up_by_how_their_runs_ended,
    a_run_counts_once_and_days_are_forgotten_as_a_whole,
    what_was_missed_is_not_counted_by_both_who_saw_it,
    what_a_node_makes_up_overflows_nothing,
    storage_is_summed_up_by_repository,
);

const DAY: i64 = 86_400;
const ALL: (i64, i64) = (-100 * DAY, 100 * DAY);

fn ended(run: &Run, state: RunState, seconds: i64, bytes: u64, errors: u64) -> Run {
    let mut run = then(run, state);
    run.started = Some(run.created);
    run.ended = Some(run.created + jiff::SignedDuration::from_secs(seconds));
    run.outcome = Some(Outcome { bytes, bytes_added: bytes / 2, errors, ..Outcome::default() });
    run.destinations[0].bytes_added = bytes / 2;
    run.destinations[0].snapshot = (state == RunState::Completed).then(|| "5ca1ab1e".to_owned());
    run.destinations[0].state = state;
    run
}

async fn sums(store: &ServerStore, world: &World, (from, until): (i64, i64)) -> Vec<PlanSums> {
    store.plan_sums(world.project.id, at(from), at(until)).await.unwrap()
}

async fn plans_are_summed_up_by_how_their_runs_ended(store: ServerStore) {
    let (world, other) = (World::stored(&store).await, World::stored(&store).await);
    let run = |day: i64| world.run(at(day * DAY));
    let verify = Run { kind: RunKind::Verify, ..ended(&run(0), RunState::Completed, 7, 9_999, 0) };
    let runs = [
        ended(&run(0), RunState::Completed, 10, 1000, 0),
        ended(&run(0), RunState::Completed, 30, 3000, 2),
        ended(&run(0), RunState::Failed, 500, 0, 0),
        ended(&run(1), RunState::Cancelled, 5, 100, 0),
        ended(&run(2), RunState::Completed, 20, 2000, 0),
        run(2),
        verify,
    ];
    store.ingest(world.node.id, 1, &entries(1, &runs)).await.unwrap();
    let others = [ended(&other.run(at(0)), RunState::Completed, 10, 77, 0)];
    store.ingest(other.node.id, 1, &entries(1, &others)).await.unwrap();

    let found = sums(&store, &world, ALL).await;
    let expected = Sums {
        completed: 2,
        incomplete: 1,
        failed: 1,
        cancelled: 1,
        missed: 0,
        bytes: 6100,
        bytes_of_completed: 6000,
        bytes_added: 3050,
        time: Duration::from_secs(60),
        longest: Duration::from_secs(30),
    };
    let last_success = Some(at(2 * DAY + 20));
    let last_verify = Some(at(7));
    assert_eq!(found, [PlanSums { plan: world.plan.id, sums: expected, last_success, last_verify }]);
    // Only whole days are told apart; what was last is told whenever it was.
    let third_day = sums(&store, &world, (2 * DAY, 2 * DAY + 1)).await;
    assert_eq!((third_day[0].sums.completed, third_day[0].sums.bytes), (1, 2000));
    assert_eq!(third_day[0].last_verify, last_verify);
    let (from, until) = ServerStore::whole_days(at(0), at(1)).unwrap();
    assert!(from <= at(0) && until >= at(1) && until.duration_since(from).as_secs() == DAY);
    assert_eq!(sums(&store, &world, (50 * DAY, 60 * DAY)).await[0].sums, Sums::default());
}

async fn a_run_counts_once_and_days_are_forgotten_as_a_whole(store: ServerStore) {
    let world = World::stored(&store).await;
    let waiting = world.run(at(0));
    let done = ended(&waiting, RunState::Completed, 10, 1000, 0);
    let told_again = Run { revision: done.revision + 1, ..done.clone() };
    store.ingest(world.node.id, 1, &entries(1, &[waiting, done.clone(), told_again, done])).await.unwrap();
    assert_eq!(sums(&store, &world, ALL).await[0].sums.completed, 1);
    store.prune_runs(at(10 * DAY)).await.unwrap();
    assert_eq!(sums(&store, &world, ALL).await, []);
}

async fn what_was_missed_is_not_counted_by_both_who_saw_it(store: ServerStore) {
    let world = World::stored(&store).await;
    let (project, node, plan) = (world.project.id, world.node.id, world.plan.id);
    for day in 0..2 {
        let due = at(day * DAY);
        let seen = Happening::Missed { project, node, plan, due, more: 0, reason: "silent".to_owned() };
        assert!(store.add_event_once("told", &due.to_string(), &seen).await.unwrap());
        assert!(!store.add_event_once("told", &due.to_string(), &seen).await.unwrap());
    }
    assert_eq!(sums(&store, &world, ALL).await[0].sums.missed, 2);
    let news = News::Missed { plan, due: at(DAY), more: 4, reason: "off".to_owned() };
    store.ingest(node, 1, &[OutboxEntry { number: 1, news }]).await.unwrap();
    assert_eq!(sums(&store, &world, ALL).await[0].sums.missed, 5);
}

async fn what_a_node_makes_up_overflows_nothing(store: ServerStore) {
    let world = World::stored(&store).await;
    let mut runs: Vec<Run> = (0..30)
        .map(|day| ended(&world.run(at(day * DAY)), RunState::Completed, i64::from(i32::MAX), u64::MAX, 0))
        .collect();
    runs.iter_mut().for_each(|run| run.outcome.as_mut().unwrap().bytes_added = u64::MAX);
    runs.extend(runs.clone().into_iter().map(|run| Run { id: RunId(id()), ..run }));
    store.ingest(world.node.id, 1, &entries(1, &runs)).await.unwrap();
    let missed = News::Missed { plan: world.plan.id, due: at(0), more: u64::MAX, reason: String::new() };
    store.ingest(world.node.id, 1, &[OutboxEntry { number: 61, news: missed }]).await.unwrap();
    let found = sums(&store, &world, (-100 * DAY, 100_000 * DAY)).await;
    assert_eq!((found[0].sums.completed, found[0].sums.bytes), (60, 30 << 50));
    assert!(store.storage_totals().await.unwrap()[0].added >= 30 << 50);
}

async fn storage_is_summed_up_by_repository(store: ServerStore) {
    let (world, silent) = (World::stored(&store).await, World::stored(&store).await);
    let runs = [
        ended(&world.run(at(0)), RunState::Completed, 10, 1000, 0),
        ended(&world.run(at(9)), RunState::Completed, 10, 500, 1),
        ended(&world.run(at(90)), RunState::Failed, 10, 60, 0),
    ];
    store.ingest(world.node.id, 1, &entries(1, &runs)).await.unwrap();
    // Somebody else's repository does not grow by what a node says of it.
    let mut foreign = ended(&silent.run(at(0)), RunState::Completed, 10, 1 << 40, 0);
    foreign.destinations[0].repository = world.repository.id;
    store.ingest(silent.node.id, 1, &entries(1, &[foreign])).await.unwrap();
    let totals = store.storage_totals().await.unwrap();
    let of = |world: &World| totals.iter().find(|total| total.repository == world.repository.id).unwrap();
    let total = of(&world);
    assert_eq!((total.added, total.snapshots, total.last), (780, 2, Some(at(19))));
    assert_eq!(
        (total.project, total.destination, total.node),
        (world.project.id, world.destination.id, Some(world.node.id))
    );
    assert_eq!((of(&silent).added, of(&silent).last), (0, None));
}
