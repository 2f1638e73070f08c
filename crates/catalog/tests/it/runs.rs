//! Lists and counts of runs, logs, and what is forgotten again.

use backstay_catalog::{Cursor, LogFilter, RunCounts, RunFilter, ServerStore};
use backstay_model::link::{News, OutboxEntry};
use backstay_model::run::{Named, RunDestination};
use backstay_model::*;

use crate::world::{World, at, entries, id, on_both, then};

on_both!(
    pages_give_each_run_once,
    lists_and_counts_agree_with_what_a_plain_look_finds,
    totals_are_those_of_nodes,
    what_is_forgotten_no_longer_counts,
    logs_are_searched_and_forgotten,
);

async fn pages_give_each_run_once(store: ServerStore) {
    let world = World::stored(&store).await;
    // Several at one moment, so that the id decides.
    let mut runs: Vec<Run> = (0..25).map(|number| world.run(at(number / 4))).collect();
    store.ingest(world.node.id, 1, &entries(1, &runs)).await.unwrap();
    runs.sort_by_key(|run| std::cmp::Reverse((run.created, run.id.to_string())));
    let filters = [
        RunFilter::default(),
        RunFilter { projects: Some(vec![world.project.id]), ..RunFilter::default() },
        RunFilter { kind: Some(RunKind::Backup), ..RunFilter::default() },
        RunFilter { destination: Some(world.destination.id), ..RunFilter::default() },
    ];
    for filter in filters {
        let mut found = Vec::new();
        let mut cursor: Option<Cursor> = None;
        loop {
            let page = store.list_runs(&filter, cursor.as_ref(), 7).await.unwrap();
            found.extend(page.items);
            let Some(next) = page.next else { break };
            cursor = Some(next.to_string().parse().unwrap());
        }
        assert_eq!(found, runs, "{filter:?}");
    }
    assert!("1.2".parse::<Cursor>().is_err());
    assert!("x.00000000-0000-0000-0000-000000000001.0".parse::<Cursor>().is_err());
}

/// Whether a filter asks for a run, said as plainly as can be.
fn asks(filter: &RunFilter, run: &Run) -> bool {
    filter.projects.as_ref().is_none_or(|projects| projects.contains(&run.project))
        && filter.kind.is_none_or(|kind| run.kind == kind)
        && (filter.states.is_empty() || filter.states.contains(&run.state))
        && filter.plan.is_none_or(|plan| run.plan.as_ref().is_some_and(|it| it.id == plan))
        && filter.source.is_none_or(|source| run.source.as_ref().is_some_and(|it| it.id == source))
        && filter.destination.is_none_or(|wanted| run.destinations.iter().any(|it| it.id == wanted))
        && filter.node.is_none_or(|node| run.node == node)
        && filter.since.is_none_or(|since| run.created >= since)
        && filter.until.is_none_or(|until| run.created < until)
}

async fn lists_and_counts_agree_with_what_a_plain_look_finds(store: ServerStore) {
    let worlds = [World::stored(&store).await, World::stored(&store).await];
    let (plans, second) = ([PlanId(id()), PlanId(id())], DestinationId(id()));
    let mut all: Vec<Run> = Vec::new();
    for (place, world) in worlds.iter().enumerate() {
        let mut runs = Vec::new();
        for number in 0..120_i64 {
            let mut run = world.run(at(number * 7919 + place as i64));
            run.kind = RunKind::ALL[(number % 4) as usize];
            run.plan =
                (number % 5 != 0).then(|| Named { id: plans[(number % 2) as usize], name: "x".into() });
            if number % 3 == 0 {
                run.source = None;
            }
            if number % 7 == 0 {
                run.destinations.push(RunDestination { id: second, ..run.destinations[0].clone() });
                // The same destination twice counts once.
                run.destinations.push(RunDestination { id: second, ..run.destinations[0].clone() });
            }
            if number % 11 == 0 {
                run.destinations.clear();
            }
            runs.push(run);
        }
        store.ingest(world.node.id, 1, &entries(1, &runs)).await.unwrap();
        let later: Vec<Run> =
            runs.iter().enumerate().map(|(number, run)| then(run, RunState::ALL[number * 13 % 6])).collect();
        store.ingest(world.node.id, 1, &entries(121, &later)).await.unwrap();
        all.extend(later);
    }
    all.sort_by_key(|run| std::cmp::Reverse((run.created, run.id.to_string())));

    let world = &worlds[0];
    let both = Some(worlds.iter().map(|world| world.project.id).collect::<Vec<_>>());
    let mut filters = Vec::new();
    for projects in [None, Some(vec![world.project.id]), both, Some(Vec::new())] {
        for subjects in 0..16 {
            for (kind, states) in [
                (None, vec![]),
                (Some(RunKind::Verify), vec![]),
                (None, vec![RunState::Failed, RunState::Failed, RunState::Running]),
                (Some(RunKind::Backup), vec![RunState::Completed]),
            ] {
                for (since, until) in [
                    (None, None),
                    (Some(at(100_000)), None),
                    (Some(at(5)), Some(at(500_003))),
                    (Some(at(50)), Some(at(9000))),
                ] {
                    filters.push(RunFilter {
                        projects: projects.clone(),
                        kind,
                        states: states.clone(),
                        plan: (subjects & 1 != 0).then_some(plans[0]),
                        source: (subjects & 2 != 0).then_some(world.source.id),
                        destination: (subjects & 4 != 0).then_some(second),
                        node: (subjects & 8 != 0).then_some(world.node.id),
                        since,
                        until,
                    });
                }
            }
        }
    }
    for filter in filters {
        let wanted: Vec<&Run> = all.iter().filter(|run| asks(&filter, run)).collect();
        let page = store.list_runs(&filter, None, 1000).await.unwrap();
        assert_eq!(page.items.iter().collect::<Vec<_>>(), wanted, "{filter:?}");
        assert_eq!(page.next, None);
        let counts = store.count_runs(&filter).await.unwrap();
        for state in RunState::ALL {
            let plainly = wanted.iter().filter(|run| run.state == state).count() as u64;
            assert_eq!(counts.of(state), plainly, "{state:?} of {filter:?}");
        }
        assert_eq!(counts.total(), wanted.len() as u64);
    }
}

async fn totals_are_those_of_nodes(store: ServerStore) {
    let world = World::stored(&store).await;
    let runs = [world.run(at(0)), world.run(at(90_000)), then(&world.run(at(5)), RunState::Failed)];
    store.ingest(world.node.id, 1, &entries(1, &runs)).await.unwrap();
    let totals = store.run_totals().await.unwrap();
    let told: Vec<_> = totals.iter().map(|it| (it.project, it.node, it.kind, it.state, it.runs)).collect();
    let (project, node) = (world.project.id, world.node.id);
    assert_eq!(
        told,
        [
            (project, node, RunKind::Backup, RunState::Failed, 1),
            (project, node, RunKind::Backup, RunState::Pending, 2)
        ]
    );
}

async fn what_is_forgotten_no_longer_counts(store: ServerStore) {
    let world = World::stored(&store).await;
    let runs: Vec<Run> = (0..4)
        .map(|number| then(&world.run(at(number * 1000)), RunState::Completed))
        .chain([world.run(at(1))])
        .collect();
    store.ingest(world.node.id, 1, &entries(1, &runs)).await.unwrap();
    // Each ended a minute after it was asked for.
    assert_eq!(store.prune_runs(at(2060)).await.unwrap(), 2);
    let counts = store.count_runs(&RunFilter::default()).await.unwrap();
    assert_eq!(counts, RunCounts { completed: 2, pending: 1, ..RunCounts::default() });
    let of_destination = RunFilter { destination: Some(world.destination.id), ..RunFilter::default() };
    assert_eq!(store.count_runs(&of_destination).await.unwrap(), counts);
    assert_eq!(store.list_runs(&RunFilter::default(), None, 100).await.unwrap().items.len(), 3);
    assert_eq!(store.run(runs[0].id).await.unwrap(), None);
}

async fn logs_are_searched_and_forgotten(store: ServerStore) {
    let world = World::stored(&store).await;
    let run = world.run(at(0));
    let texts = ["read 100% of /Home", "cannot open a_b", "cannot open axb", "na\u{ef}ve\0 end", "done"];
    let lines: Vec<LogLine> = (1..)
        .zip(texts)
        .map(|(number, text)| LogLine {
            run: run.id,
            number,
            time: at(number * 10),
            level: if text.starts_with("cannot") { Level::Error } else { Level::Info },
            step: "read".into(),
            text: text.into(),
        })
        .collect();
    let mut told = entries(1, std::slice::from_ref(&run));
    told.push(OutboxEntry { number: 2, news: News::Log { lines: lines.clone() } });
    store.ingest(world.node.id, 1, &told).await.unwrap();

    assert_eq!(store.log(run.id, 1, 2).await.unwrap(), lines[1..3]);
    let numbers = async |filter: LogFilter| {
        let page = store.search_log(&filter, None, 100).await.unwrap();
        page.items.into_iter().map(|line| line.number).collect::<Vec<_>>()
    };
    let text = |text: &str| LogFilter { text: Some(text.into()), ..LogFilter::default() };
    assert_eq!(numbers(text("/home")).await, [1], "capitals do not matter");
    assert_eq!(numbers(text("100%")).await, [1], "a percent sign is a percent sign");
    assert_eq!(numbers(text("a_b")).await, [2], "and an underscore is one");
    assert_eq!(numbers(text("!")).await, [0_i64; 0]);
    assert_eq!(numbers(text("na\u{ef}ve\0")).await, [4]);
    assert_eq!(numbers(LogFilter { level: Some(Level::Warning), ..text("") }).await, [3, 2]);
    assert_eq!(numbers(LogFilter { since: Some(at(20)), until: Some(at(40)), ..text("") }).await, [3, 2]);
    assert_eq!(numbers(LogFilter { projects: Some(vec![ProjectId(id())]), ..text("") }).await, [0_i64; 0]);
    assert_eq!(numbers(LogFilter { run: Some(RunId(id())), ..text("") }).await, [0_i64; 0]);
    assert_eq!(numbers(LogFilter { plan: Some(world.plan.id), ..text("a_b") }).await, [2]);
    assert_eq!(numbers(LogFilter { plan: Some(PlanId(id())), ..text("") }).await, [0_i64; 0]);

    let first = store.search_log(&text(""), None, 3).await.unwrap();
    let rest = store.search_log(&text(""), first.next.as_ref(), 3).await.unwrap();
    let both: Vec<i64> = first.items.iter().chain(&rest.items).map(|line| line.number).collect();
    assert_eq!((both, rest.next), (vec![5, 4, 3, 2, 1], None));

    assert_eq!(store.prune_logs(at(30)).await.unwrap(), 2);
    assert_eq!(numbers(text("")).await, [5, 4, 3]);
}
