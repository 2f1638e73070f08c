//! How long lists and counts of runs take in a large store.
//!
//!     cargo bench -p backstay-catalog [-- sqlite | -- postgres]
//!
//! A store of SQLite, and one of PostgreSQL where `BACKSTAY_PEER_POSTGRES` names its programs, are filled with a million runs
//! (`BACKSTAY_BENCH_RUNS` says how many), told by nodes as real ones would tell them. Then each question is asked two hundred times,
//! about something else each time. Printed are the median and the 99th of a hundred, in milliseconds; they go to `bench/results/`
//! as JSON too.

#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code)]
#[path = "../../server/benches/fleet/machine.rs"]
mod machine;
#[path = "../tests/it/postgres.rs"]
mod postgres;
#[allow(unused)]
#[path = "../tests/it/world.rs"]
mod world;

use std::time::{Duration, Instant};

use backstay_catalog::{RunFilter, ServerStore};
use backstay_model::run::{Named, Outcome};
use backstay_model::*;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{World, at, entries, id, node};

const PROJECTS: usize = 4;
const NODES: usize = 8;
const PLANS: usize = 50;
const DESTINATIONS: usize = 4;
const DAYS: i64 = 365;
const TIMES: usize = 200;

/// What there is to ask about, in one project.
struct Place {
    world: World,
    nodes: Vec<NodeId>,
    plans: Vec<PlanId>,
    sources: Vec<SourceId>,
    destinations: Vec<DestinationId>,
}

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len())]
    }
}

#[tokio::main]
async fn main() {
    let runs: usize =
        std::env::var("BACKSTAY_BENCH_RUNS").ok().map_or(1_000_000, |text| text.parse().unwrap());
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let asked = |name: &str| only.as_ref().is_none_or(|only| only == name);
    let mut figures = Vec::new();
    if asked("sqlite") {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("sqlite:{}", folder.path().join("server.db").display());
        figures.push(measure("SQLite", &address, runs).await);
    }
    if asked("postgres")
        && let Some(address) = postgres::database()
    {
        figures.push(measure("PostgreSQL", &address, runs).await);
    }
    println!("\nwritten to bench/results/{}", machine::write("runs", &json!({ "runs": runs }), &figures));
}

async fn measure(name: &str, address: &str, runs: usize) -> Value {
    let store = ServerStore::open(address).await.unwrap();
    let begun = Instant::now();
    let places = fill(&store, runs).await;
    let rate = runs as f64 / begun.elapsed().as_secs_f64();
    println!(
        "\n{name}: {runs} runs taken in, {rate:.0} a second\n\n| question | p50 ms | p99 ms | rows |\n|---|---:|---:|---:|"
    );

    let mut dice = Dice(7);
    let mut answers = Vec::new();
    for (question, filter) in questions() {
        let mut times = Vec::with_capacity(TIMES);
        let mut rows = 0;
        for _ in 0..TIMES {
            let filter = filter(&places[dice.roll(PROJECTS)], &mut dice);
            let begun = Instant::now();
            rows += match question {
                Question::List(_) => store.list_runs(&filter, None, 50).await.unwrap().items.len(),
                Question::Count(_) => {
                    usize::try_from(store.count_runs(&filter).await.unwrap().total()).unwrap()
                }
            };
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let millis = |time: Duration| time.as_secs_f64() * 1000.0;
        let (Question::List(what) | Question::Count(what)) = question;
        let (median, worst) = (millis(times[TIMES / 2]), millis(times[TIMES * 99 / 100]));
        println!("| {what} | {median:.1} | {worst:.1} | {} |", rows / TIMES);
        answers.push(json!({ "question": what, "p50_ms": median, "p99_ms": worst, "rows": rows / TIMES }));
    }
    store.close().await;
    json!({ "catalog": name, "runs_taken_in_a_second": rate, "answers": answers })
}

async fn fill(store: &ServerStore, runs: usize) -> Vec<Place> {
    let mut dice = Dice(1);
    let mut places = Vec::new();
    for _ in 0..PROJECTS {
        let world = World::stored(store).await;
        let mut nodes = vec![world.node.id];
        for number in 1..NODES {
            let node = node(world.project.id, &format!("node {number}"));
            store.create_node(&node, None).await.unwrap();
            nodes.push(node.id);
        }
        let plans = (0..PLANS).map(|_| PlanId(id())).collect();
        let sources = (0..PLANS * 2).map(|_| SourceId(id())).collect();
        let destinations = (0..DESTINATIONS).map(|_| DestinationId(id())).collect();
        places.push(Place { world, nodes, plans, sources, destinations });
    }
    let each = runs / (PROJECTS * NODES);
    for place in &places {
        for node in &place.nodes {
            let mut told = 0;
            while told < each {
                let batch: Vec<Run> = (told..each.min(told + 500))
                    .map(|number| run(place, *node, number, each, &mut dice))
                    .collect();
                let first = i64::try_from(told).unwrap() + 1;
                store.ingest(*node, 1, &entries(first, &batch)).await.unwrap();
                told += batch.len();
            }
        }
    }
    places
}

/// A run of a node, the `number`th of `each` over the year.
fn run(place: &Place, node: NodeId, number: usize, each: usize, dice: &mut Dice) -> Run {
    let seconds = DAYS * 86_400 * i64::try_from(number).unwrap() / i64::try_from(each).unwrap();
    let mut run = place.world.run(at(seconds));
    run.node = node;
    let plan = dice.roll(PLANS);
    run.plan = Some(Named { id: place.plans[plan], name: "nightly".into() });
    run.source = Some(Named { id: place.sources[plan * 2 + dice.roll(2)], name: "home".into() });
    run.destinations[0].id = dice.pick(&place.destinations);
    run.kind = match dice.roll(100) {
        0..90 => RunKind::Backup,
        90..94 => RunKind::Verify,
        94..98 => RunKind::Prune,
        _ => RunKind::Restore,
    };
    run.state = match dice.roll(1000) {
        0..950 => RunState::Completed,
        950..995 => RunState::Failed,
        _ => RunState::Cancelled,
    };
    run.started = Some(run.created);
    run.ended = Some(run.created + SignedDuration::from_mins(5));
    run.outcome = Some(Outcome { files_new: 5, bytes: 1 << 30, bytes_added: 1 << 20, ..Outcome::default() });
    run
}

#[derive(Clone, Copy)]
enum Question {
    List(&'static str),
    Count(&'static str),
}

type Filter = fn(&Place, &mut Dice) -> RunFilter;

/// The filter of a project that says more.
fn of(place: &Place, more: RunFilter) -> RunFilter {
    RunFilter { projects: Some(vec![place.world.project.id]), ..more }
}

/// A span of some days that begins and ends within a day.
fn span(days: i64, dice: &mut Dice) -> (Option<Time>, Option<Time>) {
    let begin = i64::try_from(dice.roll(usize::try_from((DAYS - days) * 86_400).unwrap())).unwrap();
    (Some(at(begin)), Some(at(begin + days * 86_400)))
}

fn questions() -> Vec<(Question, Filter)> {
    use Question::{Count, List};
    vec![
        (List("list of all projects"), |_, _| RunFilter::default()),
        (List("list of all projects, failed"), |_, _| RunFilter {
            states: vec![RunState::Failed],
            ..RunFilter::default()
        }),
        (List("list of a project"), |place, _| of(place, RunFilter::default())),
        (List("list of a project, from some day back"), |place, dice| {
            of(place, RunFilter { until: span(1, dice).1, ..RunFilter::default() })
        }),
        (List("list of a project, failed"), |place, _| {
            of(place, RunFilter { states: vec![RunState::Failed], ..RunFilter::default() })
        }),
        (List("list of a project, pending (none)"), |place, _| {
            of(place, RunFilter { states: vec![RunState::Pending], ..RunFilter::default() })
        }),
        (List("list of a project, restores"), |place, _| {
            of(place, RunFilter { kind: Some(RunKind::Restore), ..RunFilter::default() })
        }),
        (List("list of a plan"), |place, dice| {
            of(place, RunFilter { plan: Some(dice.pick(&place.plans)), ..RunFilter::default() })
        }),
        (List("list of a source, cancelled"), |place, dice| {
            let source = Some(dice.pick(&place.sources));
            of(place, RunFilter { source, states: vec![RunState::Cancelled], ..RunFilter::default() })
        }),
        (List("list of a destination"), |place, dice| {
            of(place, RunFilter { destination: Some(dice.pick(&place.destinations)), ..RunFilter::default() })
        }),
        (List("list of a node, failed restores"), |place, dice| {
            let (node, kind) = (Some(dice.pick(&place.nodes)), Some(RunKind::Restore));
            of(place, RunFilter { node, kind, states: vec![RunState::Failed], ..RunFilter::default() })
        }),
        (List("list of a plan on a node to a destination, cancelled"), |place, dice| {
            let (plan, node) = (Some(dice.pick(&place.plans)), Some(dice.pick(&place.nodes)));
            let destination = Some(dice.pick(&place.destinations));
            of(
                place,
                RunFilter {
                    plan,
                    node,
                    destination,
                    states: vec![RunState::Cancelled],
                    ..RunFilter::default()
                },
            )
        }),
        (Count("count of all projects"), |_, _| RunFilter::default()),
        (Count("count of a project"), |place, _| of(place, RunFilter::default())),
        (Count("count of a project, 30 days"), |place, dice| {
            let (since, until) = span(30, dice);
            of(place, RunFilter { since, until, ..RunFilter::default() })
        }),
        (Count("count of a plan, failed"), |place, dice| {
            let plan = Some(dice.pick(&place.plans));
            of(place, RunFilter { plan, states: vec![RunState::Failed], ..RunFilter::default() })
        }),
        (Count("count of a destination, 7 days"), |place, dice| {
            let (since, until) = span(7, dice);
            let destination = Some(dice.pick(&place.destinations));
            of(place, RunFilter { destination, since, until, ..RunFilter::default() })
        }),
        (Count("count of a plan on a node"), |place, dice| {
            let (plan, node) = (Some(dice.pick(&place.plans)), Some(dice.pick(&place.nodes)));
            of(place, RunFilter { plan, node, ..RunFilter::default() })
        }),
        (Count("count of a source of a plan on a node"), |place, dice| {
            let plan = dice.roll(PLANS);
            let source = Some(place.sources[plan * 2 + dice.roll(2)]);
            let (plan, node) = (Some(place.plans[plan]), Some(dice.pick(&place.nodes)));
            of(place, RunFilter { plan, source, node, ..RunFilter::default() })
        }),
        (Count("count of a plan on a node to a destination"), |place, dice| {
            let (plan, node) = (Some(dice.pick(&place.plans)), Some(dice.pick(&place.nodes)));
            let destination = Some(dice.pick(&place.destinations));
            of(place, RunFilter { plan, node, destination, ..RunFilter::default() })
        }),
        (Count("count of a source on a node to a destination, 7 days"), |place, dice| {
            let (since, until) = span(7, dice);
            let (source, node) = (Some(dice.pick(&place.sources)), Some(dice.pick(&place.nodes)));
            let destination = Some(dice.pick(&place.destinations));
            of(place, RunFilter { source, node, destination, since, until, ..RunFilter::default() })
        }),
        (Count("count of a destination on a node"), |place, dice| {
            let (destination, node) = (Some(dice.pick(&place.destinations)), Some(dice.pick(&place.nodes)));
            of(place, RunFilter { destination, node, ..RunFilter::default() })
        }),
    ]
}
