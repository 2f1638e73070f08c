//! How things last went.

use backstay_catalog::{PlanDay, ServerStore, SourceLast, StorageDay};
use backstay_model::link::{News, OutboxEntry};
use backstay_model::run::Outcome;
use backstay_model::*;

use crate::world::{World, at, entries, on_both, then};

on_both!(
    the_last_backup_of_a_source_is_known_and_the_last_good_one,
    room_is_told_by_the_day,
    days_of_plans_are_told_apart,
    what_is_gone_is_forgotten,
);

pub(crate) const DAY: i64 = 86_400;

pub(crate) fn ended(run: &Run, state: RunState, bytes: u64, errors: u64) -> Run {
    let mut run = then(run, state);
    run.ended = Some(run.created + jiff::SignedDuration::from_secs(10));
    run.outcome = Some(Outcome { bytes, errors, ..Outcome::default() });
    run.destinations[0].state = state;
    run
}

pub(crate) async fn tell(store: &ServerStore, world: &World, first: i64, runs: &[Run]) {
    store.ingest(world.node.id, 1, &entries(first, runs)).await.unwrap();
}

async fn the_last_backup_of_a_source_is_known_and_the_last_good_one(store: ServerStore) {
    let world = World::stored(&store).await;
    let run = |day: i64| world.run(at(day * DAY));
    let good = ended(&run(1), RunState::Completed, 1000, 3);
    tell(&store, &world, 1, std::slice::from_ref(&good)).await;
    let last = SourceLast {
        plan: world.plan.id,
        source: world.source.id,
        run: good.id,
        failed: false,
        errors: 3,
        at: at(DAY + 10),
        bytes: 1000,
        good_at: Some(at(DAY + 10)),
    };
    let lasts = async || store.source_lasts(world.project.id).await.unwrap();
    assert_eq!(lasts().await, std::slice::from_ref(&last));

    let failed = ended(&run(2), RunState::Failed, 5, 0);
    tell(&store, &world, 2, std::slice::from_ref(&failed)).await;
    // One that somebody ended says nothing, and one that is told late neither.
    let late = ended(&run(0), RunState::Completed, 77, 0);
    let cancelled = ended(&run(3), RunState::Cancelled, 5, 0);
    let verify = Run { kind: RunKind::Verify, ..ended(&run(3), RunState::Completed, 9, 0) };
    tell(&store, &world, 3, &[late, cancelled, verify]).await;
    // The destination that failed is missing too.
    let after = SourceLast { run: failed.id, failed: true, errors: 1, at: at(2 * DAY + 10), ..last };
    assert_eq!(lasts().await, [after]);
    assert_eq!(store.source_lasts(World::stored(&store).await.project.id).await.unwrap(), []);
}

async fn room_is_told_by_the_day(store: ServerStore) {
    let world = World::stored(&store).await;
    let run = |day: i64, seconds: i64, stored: Option<u64>, free: Option<u64>| {
        let mut run = ended(&world.run(at(day * DAY + seconds)), RunState::Completed, 0, 0);
        (run.destinations[0].stored, run.destinations[0].free) = (stored, free);
        run
    };
    let runs = [
        run(0, 1, Some(10), Some(90)),
        run(0, 3, None, Some(80)),
        run(0, 2, Some(11), Some(70)),
        run(1, 0, None, None),
        run(2, 0, Some(u64::MAX), None),
    ];
    tell(&store, &world, 1, &runs).await;
    let repository = world.repository.id;
    let (first, _) = ServerStore::whole_days(at(0), at(1)).unwrap();
    let day = |number: i64, stored, free| {
        let day = first + jiff::SignedDuration::from_secs(number * DAY);
        StorageDay { repository, day, stored, free }
    };
    // The run that ended before the last one told is too late to say anything; no node is believed to store everything.
    let expected = [day(0, Some(10), Some(80)), day(2, Some(1 << 50), None)];
    assert_eq!(store.storage_days(world.project.id, at(0)).await.unwrap(), expected);
    assert_eq!(store.storage_days(world.project.id, at(DAY)).await.unwrap(), expected[1..]);
}

async fn days_of_plans_are_told_apart(store: ServerStore) {
    let world = World::stored(&store).await;
    let run = |day: i64, state, errors| ended(&world.run(at(day * DAY)), state, 0, errors);
    let runs = [
        run(0, RunState::Completed, 0),
        run(0, RunState::Completed, 1),
        run(0, RunState::Failed, 0),
        run(0, RunState::Cancelled, 0),
        run(2, RunState::Completed, 0),
    ];
    tell(&store, &world, 1, &runs).await;
    let news = News::Missed { plan: world.plan.id, due: at(2 * DAY), more: 1, reason: "off".to_owned() };
    store.ingest(world.node.id, 1, &[OutboxEntry { number: 6, news }]).await.unwrap();
    let (first, _) = ServerStore::whole_days(at(0), at(1)).unwrap();
    let day = |number: i64, completed, incomplete, failed, missed| {
        let day = first + jiff::SignedDuration::from_secs(number * DAY);
        PlanDay { plan: world.plan.id, day, completed, incomplete, failed, missed }
    };
    let found = store.plan_days(world.project.id, at(0), at(3 * DAY)).await.unwrap();
    assert_eq!(found, [day(0, 1, 1, 1, 0), day(2, 1, 0, 0, 2)]);
}

async fn what_is_gone_is_forgotten(store: ServerStore) {
    let world = World::stored(&store).await;
    let mut run = ended(&world.run(at(0)), RunState::Completed, 10, 0);
    run.destinations[0].stored = Some(10);
    let verify = Run { kind: RunKind::Verify, ..ended(&world.run(at(0)), RunState::Completed, 0, 0) };
    tell(&store, &world, 1, &[run, verify]).await;
    // Old runs go; that the plan once went well is known as long as there is the plan.
    store.prune_runs(at(50 * DAY)).await.unwrap();
    assert_eq!(store.source_lasts(world.project.id).await.unwrap().len(), 1);
    assert_eq!(store.storage_days(world.project.id, at(0)).await.unwrap(), []);
    store.delete_plan(world.plan.id, None).await.unwrap();
    store.prune_runs(at(50 * DAY)).await.unwrap();
    assert_eq!(store.source_lasts(world.project.id).await.unwrap(), []);
    assert_eq!(store.repository_proofs(world.project.id).await.unwrap().len(), 1);
}
