//! What nodes tell is taken in exactly once, whatever is lost, repeated or mixed up on the way.

use backstay_catalog::{
    CatalogError, Credentials, Happening, NewNotification, NodeStore, RunFilter, ServerStore,
};
use backstay_model::link::{News, OutboxEntry};
use backstay_model::*;
use proptest::prelude::*;

use crate::world::{ENOUGH, World, at, entries, id, node, on_both, person, then};

on_both!(
    an_entry_counts_once,
    gaps_are_left_to_be_told_again,
    older_revisions_change_nothing,
    what_is_not_the_nodes_is_refused,
    lines_of_unknown_runs_are_passed_over,
    a_process_that_another_replaced_is_not_listened_to,
    events_become_notifications_once,
    who_comes_late_with_a_notification_is_refused,
    the_same_thing_is_told_once,
    many_nodes_tell_at_once,
    everything_a_node_store_tells_arrives,
);

async fn an_entry_counts_once(store: ServerStore) {
    let world = World::stored(&store).await;
    let run = world.run(at(0));
    let told = entries(1, &[run.clone(), then(&run, RunState::Running)]);
    for expected in [(2, 2), (2, 0), (2, 0)] {
        let ingested = store.ingest(world.node.id, 1, &told).await.unwrap();
        assert_eq!((ingested.acknowledged, ingested.taken), expected);
    }
    let counts = store.count_runs(&RunFilter::default()).await.unwrap();
    assert_eq!((counts.running, counts.total()), (1, 1));
    assert_eq!(store.run(run.id).await.unwrap(), Some(then(&run, RunState::Running)));
    assert_eq!(store.node_link(world.node.id).await.unwrap().acknowledged, 2);
}

async fn gaps_are_left_to_be_told_again(store: ServerStore) {
    let world = World::stored(&store).await;
    let runs: Vec<Run> = (0..4).map(|number| world.run(at(number))).collect();
    let all = entries(1, &runs);
    let [one, two, three, four] = [0, 1, 2, 3].map(|place| all[place].clone());
    assert_eq!(store.ingest(world.node.id, 1, std::slice::from_ref(&two)).await.unwrap().acknowledged, 0);
    assert_eq!(store.ingest(world.node.id, 1, &[one, two, four.clone()]).await.unwrap().acknowledged, 2);
    assert_eq!(store.ingest(world.node.id, 1, &[three, four]).await.unwrap().acknowledged, 4);
    assert_eq!(store.count_runs(&RunFilter::default()).await.unwrap().pending, 4);
}

async fn older_revisions_change_nothing(store: ServerStore) {
    let world = World::stored(&store).await;
    let run = world.run(at(0));
    let done = then(&then(&run, RunState::Running), RunState::Completed);
    let told = [done.clone(), then(&run, RunState::Running), run.clone()];
    store.ingest(world.node.id, 1, &entries(1, &told)).await.unwrap();
    assert_eq!(store.run(run.id).await.unwrap(), Some(done.clone()));
    // The same revision again tells of progress.
    let mut further = done.clone();
    further.progress.files = 9;
    store.ingest(world.node.id, 1, &entries(4, std::slice::from_ref(&further))).await.unwrap();
    assert_eq!(store.run(run.id).await.unwrap(), Some(further));
    assert_eq!(store.events(9).await.unwrap().len(), 1, "it ended once");
}

async fn what_is_not_the_nodes_is_refused(store: ServerStore) {
    let world = World::stored(&store).await;
    let other = World::stored(&store).await;
    let theirs = other.run(at(0));
    store.ingest(other.node.id, 1, &entries(1, std::slice::from_ref(&theirs))).await.unwrap();

    let of_another_node = theirs.clone();
    let of_another_project = Run { node: world.node.id, ..theirs.clone() };
    let taken_over = Run { node: world.node.id, project: world.project.id, revision: 99, ..theirs.clone() };
    for run in [of_another_node, of_another_project, taken_over] {
        let told = entries(1, &[world.run(at(1)), run]);
        let result = store.ingest(world.node.id, 1, &told).await;
        assert!(matches!(result, Err(CatalogError::Foreign { .. })), "{result:?}");
    }
    let line = LogLine {
        run: theirs.id,
        number: 1,
        time: at(0),
        level: Level::Info,
        step: "read".into(),
        text: "forged".into(),
    };
    let told = [OutboxEntry { number: 1, news: News::Log { lines: vec![line] } }];
    let result = store.ingest(world.node.id, 1, &told).await;
    assert!(matches!(result, Err(CatalogError::Foreign { .. })), "{result:?}");
    assert_eq!(store.node_link(world.node.id).await.unwrap().acknowledged, 0);
    assert_eq!(store.count_runs(&RunFilter::default()).await.unwrap().total(), 1);
    assert_eq!(store.run(theirs.id).await.unwrap(), Some(theirs.clone()));
    assert_eq!(store.log(theirs.id, 0, 9).await.unwrap(), []);
    let nobody = store.ingest(NodeId(id()), 1, &[]).await;
    assert!(matches!(nobody, Err(CatalogError::NotFound { .. })), "{nobody:?}");
}

async fn lines_of_unknown_runs_are_passed_over(store: ServerStore) {
    let world = World::stored(&store).await;
    let line = LogLine {
        run: RunId(id()),
        number: 1,
        time: at(0),
        level: Level::Info,
        step: "read".into(),
        text: "of a run that was cleared away".into(),
    };
    let told = [OutboxEntry { number: 1, news: News::Log { lines: vec![line.clone()] } }];
    assert_eq!(store.ingest(world.node.id, 1, &told).await.unwrap().acknowledged, 1);
    assert_eq!(store.log(line.run, 0, 9).await.unwrap(), []);
}

async fn a_process_that_another_replaced_is_not_listened_to(store: ServerStore) {
    let world = World::stored(&store).await;
    for process in [7, 8] {
        store.node_seen(world.node.id, process, &HostState::default(), at(0)).await.unwrap();
    }
    let told = entries(1, &[world.run(at(0))]);
    assert_eq!(store.ingest(world.node.id, 7, &told).await.unwrap().taken, 0);
    assert_eq!(store.ingest(world.node.id, 8, &told).await.unwrap().taken, 1);
}

async fn events_become_notifications_once(store: ServerStore) {
    let world = World::stored(&store).await;
    let (project, node, plan) = (world.project.id, world.node.id, world.plan.id);
    let run = world.run(at(0));
    let mut told = entries(1, &[run.clone(), then(&run, RunState::Failed)]);
    let missed = News::Missed { plan, due: at(5), more: 2, reason: "it was off".into() };
    told.push(OutboxEntry { number: 3, news: missed });
    told.push(OutboxEntry { number: 4, news: News::Trouble { text: "its disk is full".into() } });
    store.ingest(node, 1, &told).await.unwrap();
    store.ingest(node, 1, &told).await.unwrap();
    let events = store.events(9).await.unwrap();
    let happenings: Vec<_> = events.iter().map(|event| event.happening.clone()).collect();
    assert_eq!(
        happenings,
        [
            Happening::RunEnded { project, run: run.id, state: RunState::Failed },
            Happening::Missed { project, node, plan, due: at(5), more: 2, reason: "it was off".into() },
            Happening::Trouble { project, node, text: "its disk is full".into() },
        ]
    );
    let notification = NewNotification { created: at(10), body: serde_json::json!({ "to": "ada" }) };
    let settle = || store.settle_event(events[0].number, std::slice::from_ref(&notification));
    let (one, other) = tokio::join!(settle(), settle());
    assert!(one.unwrap() ^ other.unwrap());
    assert_eq!(store.events(9).await.unwrap().len(), 2);

    assert_eq!(store.due_notifications(at(9), 9).await.unwrap(), []);
    assert_eq!(store.take_notifications(at(9), at(40), 9).await.unwrap(), []);
    let taken = store.take_notifications(at(10), at(40), 9).await.unwrap();
    assert_eq!((taken.len(), taken[0].attempts, &taken[0].body), (1, 1, &notification.body));
    assert!(store.notification_failed(&taken[0], "no route", at(70)).await.unwrap());
    assert_eq!(store.due_notifications(at(69), 9).await.unwrap(), []);
    let again = store.take_notifications(at(70), at(100), 9).await.unwrap();
    assert_eq!((again[0].attempts, again[0].last_error.as_deref()), (2, Some("no route")));
    assert!(store.remove_notification(&again[0]).await.unwrap());
    assert_eq!(store.due_notifications(at(999), 9).await.unwrap(), []);
    assert!(!store.notification_failed(&again[0], "late", at(70)).await.unwrap());
    store.add_event(&happenings[2]).await.unwrap();
    store.add_notification(&notification).await.unwrap();
    assert_eq!(store.due_notifications(at(99), 9).await.unwrap().len(), 1);
    assert!(store.events(9).await.unwrap()[2].number > events[2].number);
}

async fn who_comes_late_with_a_notification_is_refused(store: ServerStore) {
    let body = serde_json::json!({ "to": "ada" });
    for _ in 0..3 {
        store.add_notification(&NewNotification { created: at(0), body: body.clone() }).await.unwrap();
    }
    let take = |now, until| store.take_notifications(at(now), at(until), 2);
    let (one, other) = tokio::join!(take(1, 60), take(1, 60));
    let mut late = [one.unwrap(), other.unwrap()].concat();
    // Of two at once the second may go away with less than there is.
    late.extend(take(1, 60).await.unwrap());
    late.sort_unstable_by_key(|taken| taken.number);
    let numbers: Vec<i64> = late.iter().map(|taken| taken.number).collect();
    assert_eq!(numbers.len(), 3, "{late:?}");
    assert!(numbers.is_sorted_by(|one, other| one < other), "each is taken once: {numbers:?}");

    assert_eq!(take(59, 90).await.unwrap(), []);
    let now = take(60, 90).await.unwrap();
    assert_eq!((now.len(), now[0].attempts), (2, 2));
    for taken in late.iter().filter(|taken| now.iter().any(|it| it.number == taken.number)) {
        assert!(!store.notification_failed(taken, "late", at(61)).await.unwrap());
        assert!(!store.remove_notification(taken).await.unwrap());
    }
    assert_eq!(take(60, 90).await.unwrap().len(), 1);
    assert_eq!(store.due_notifications(at(89), 9).await.unwrap(), [], "what was late has changed nothing");
    assert!(store.remove_notification(&now[0]).await.unwrap());
    assert_eq!(store.due_notifications(at(90), 9).await.unwrap().len(), 2);
}

async fn the_same_thing_is_told_once(store: ServerStore) {
    let world = World::stored(&store).await;
    let (project, node) = (world.project.id, world.node.id);
    let happening = Happening::Trouble { project, node, text: "it is silent".into() };
    let tell = |thing: &'static str| store.add_event_once("silent", thing, &happening);
    let (one, other) = tokio::join!(tell("since one"), tell("since one"));
    assert!(one.unwrap() ^ other.unwrap());
    assert!(!tell("since one").await.unwrap());
    assert!(tell("since two").await.unwrap());
    assert_eq!(store.events(9).await.unwrap().len(), 2);
}

async fn many_nodes_tell_at_once(store: ServerStore) {
    let world = World::stored(&store).await;
    let mut nodes = vec![world.node.id];
    for number in 0..7 {
        let node = node(world.project.id, &format!("node {number}"));
        store.create_node(&node, None).await.unwrap();
        nodes.push(node.id);
    }
    // All count for one project, plan, source and destination, which is where they meet; and people sign up meanwhile.
    let tellers: Vec<_> = nodes
        .into_iter()
        .map(|node| {
            let store = store.clone();
            let runs: Vec<Run> = (0..20).map(|number| Run { node, ..world.run(at(number)) }).collect();
            tokio::spawn(async move {
                for (number, run) in (0..).zip(&runs) {
                    let ended = then(run, RunState::Completed);
                    let told = entries(number * 2 + 1, &[run.clone(), ended]);
                    store.ingest(node, 1, &told).await.unwrap();
                    let address = format!("{}@example.org", run.id);
                    store.create_person(&person(&address), &Credentials::default()).await.unwrap();
                }
            })
        })
        .collect();
    for teller in tellers {
        teller.await.unwrap();
    }
    let filter = RunFilter { destination: Some(world.destination.id), ..RunFilter::default() };
    for filter in [filter, RunFilter::default()] {
        let counts = store.count_runs(&filter).await.unwrap();
        assert_eq!((counts.completed, counts.total()), (160, 160));
    }
    assert_eq!(store.events(1000).await.unwrap().len(), 160);
    assert_eq!(store.people().await.unwrap().len(), 160);
}

async fn everything_a_node_store_tells_arrives(store: ServerStore) {
    let world = World::stored(&store).await;
    let folder = tempfile::tempdir().unwrap();
    let node = NodeStore::open(&folder.path().join("node.db")).await.unwrap();
    let run = world.run(at(0));
    node.insert_run(&run, &serde_json::Value::Null).await.unwrap();
    let line = |text: &str| backstay_catalog::NewLine {
        time: at(1),
        level: Level::Info,
        step: "read".into(),
        text: text.into(),
    };
    node.append_log(run.id, &[line("one"), line("two")]).await.unwrap();
    let ended = then(&run, RunState::Completed);
    node.update_run(&ended, 1).await.unwrap();
    let told = node.outbox(0, ENOUGH).await.unwrap();
    // The answer to the first half is lost.
    store.ingest(world.node.id, 1, &told[..2]).await.unwrap();
    let taken = store.ingest(world.node.id, 1, &told).await.unwrap();
    assert_eq!(taken.acknowledged, 3);
    assert_eq!(store.run(run.id).await.unwrap(), Some(ended));
    assert_eq!(store.log(run.id, 0, 9).await.unwrap(), node.log(run.id, 0, 9).await.unwrap());
}

/// What may become of a node's messages: each is a span of its entries, maybe shuffled.
fn deliveries() -> impl Strategy<Value = Vec<(usize, usize, bool)>> {
    prop::collection::vec((0_usize..30, 1_usize..12, any::<bool>()), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_repeated_reordered_or_lost(deliveries in deliveries(), steps in prop::collection::vec(0_usize..4, 30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store =
                ServerStore::open(&format!("sqlite:{}", folder.path().join("server.db").display())).await.unwrap();
            let world = World::stored(&store).await;
            // The history of a node: four runs that go through their states, and lines of their logs.
            let mut runs: Vec<Run> = (0..4).map(|number| world.run(at(number))).collect();
            let mut lines = [0_i64; 4];
            let mut history: Vec<News> = runs.iter().map(|run| News::Run { run: Box::new(run.clone()) }).collect();
            for (place, step) in steps.into_iter().enumerate() {
                let state = if place % 3 == 0 { RunState::Completed } else { RunState::Running };
                if place % 2 == 0 {
                    runs[step] = then(&runs[step], state);
                    history.push(News::Run { run: Box::new(runs[step].clone()) });
                } else {
                    lines[step] += 1;
                    let line = LogLine {
                        run: runs[step].id,
                        number: lines[step],
                        time: at(9),
                        level: Level::Info,
                        step: "read".into(),
                        text: format!("line {}", lines[step]),
                    };
                    history.push(News::Log { lines: vec![line] });
                }
            }
            let all: Vec<OutboxEntry> =
                (1..).zip(history).map(|(number, news)| OutboxEntry { number, news }).collect();
            let mut acknowledged = 0;
            let last = (0, all.len(), false);
            for (from, count, backwards) in deliveries.into_iter().chain([last]) {
                let mut message: Vec<OutboxEntry> = all.iter().skip(from).take(count).cloned().collect();
                if backwards {
                    message.reverse();
                }
                let taken = store.ingest(world.node.id, 1, &message).await.unwrap();
                assert!(taken.acknowledged >= acknowledged);
                assert_eq!(taken.acknowledged - acknowledged, taken.taken as i64);
                acknowledged = taken.acknowledged;
            }
            assert_eq!(acknowledged, all.len() as i64);
            for (run, lines) in runs.iter().zip(lines) {
                assert_eq!(store.run(run.id).await.unwrap().as_ref(), Some(run));
                let log = store.log(run.id, 0, 100).await.unwrap();
                assert_eq!(log.iter().map(|line| line.number).collect::<Vec<_>>(), (1..=lines).collect::<Vec<_>>());
            }
            let counts = store.count_runs(&RunFilter::default()).await.unwrap();
            for state in RunState::ALL {
                assert_eq!(counts.of(state), runs.iter().filter(|run| run.state == state).count() as u64);
            }
        });
    }
}
