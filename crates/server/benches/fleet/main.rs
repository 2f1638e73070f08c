//! How a server does with a fleet: a thousand agents, people who read, plans that are due.
//!
//!     cargo bench -p backstay-server --bench fleet
//!
//! Three processes share the machine. One is the server, over SQLite, with a node of its own. One is the fleet: each agent has its
//! own certificate and its own kept-alive connection, waits for word of its server for fifteen seconds at a time and, now and
//! then, tells of a run with its log. One, this, asks a hundred questions a second, each at its moment whether or not the ones
//! before are answered; what is measured is the time from that moment to the whole answer. The first minute is calm; in the
//! second two threads at nice 10 keep both cores busy, and the server's node backs up what is new each time.
//!
//! `BACKSTAY_BENCH_AGENTS`, `BACKSTAY_BENCH_RUNS` (runs in the store at first) and `BACKSTAY_BENCH_SECONDS` change the sizes;
//! `BACKSTAY_BENCH_PROGRAM` names a built `backstay`, whose memory is measured after a minute of idling. The figures are printed,
//! and written to `bench/results/` as JSON.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agents;
mod load;
mod machine;
mod program;
mod reads;
mod server;
mod store;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::reads::Reader;

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap())
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("server"), Some(folder)) => server::run(Path::new(&folder)),
        (Some("agents"), Some(folder)) => agents::run(Path::new(&folder)),
        _ => {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            runtime.worker_threads(2).enable_all().build().unwrap().block_on(measure());
        }
    }
}

/// A part of this program as a process of its own, which ends with its input.
pub(crate) struct Part {
    child: Child,
    /// The first line it wrote.
    pub(crate) told: String,
}

impl Part {
    fn start(name: &str, folder: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(name).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut told = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut told).unwrap();
        Self { child, told: told.trim().to_owned() }
    }

    /// Bytes of memory that are its own or mapped into it now.
    fn memory(&self) -> u64 {
        machine::resident(self.child.id())
    }

    /// Seconds of processor time it has had.
    fn processor(&self) -> f64 {
        machine::processor_seconds(self.child.id())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

async fn measure() {
    let agents = number("BACKSTAY_BENCH_AGENTS", 1000);
    let runs = number("BACKSTAY_BENCH_RUNS", 100_000);
    let time = Duration::from_secs(number("BACKSTAY_BENCH_SECONDS", 60) as u64);
    let mut figures = Vec::new();
    let mut note = |what: &str, value: Value| {
        println!("{what}: {value}");
        std::io::stdout().flush().unwrap();
        figures.push(json!({ "what": what, "figure": value }));
    };

    if let Some(program) = std::env::var_os("BACKSTAY_BENCH_PROGRAM") {
        note(
            "idle `backstay up`, bytes resident after a minute",
            json!(program::idle(&PathBuf::from(program))),
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let filled = store::fill(folder.path(), agents, runs).await;
    let server = Part::start("server", folder.path());
    let url = server.told.clone();
    tokio::time::sleep(Duration::from_secs(5)).await;
    note("server without agents, bytes resident", json!(server.memory()));

    let begun = Instant::now();
    store::admit(folder.path(), &url, &filled).await;
    let fleet = Part::start("agents", folder.path());
    let reader = Reader::new(&url, &filled);
    reader.until_seen(agents).await;
    note("agents, connected and heard of", json!(agents));
    note("seconds until all were", json!(begun.elapsed().as_secs_f64()));
    tokio::time::sleep(Duration::from_secs(20)).await;

    let before = server.processor();
    let calm = reader.read_for(time).await;
    note("reads at 100 a second", calm.figures());
    note("cores that the server used meanwhile", json!((server.processor() - before) / time.as_secs_f64()));
    note("server with agents, bytes resident", json!(server.memory()));

    let load = load::Load::start(folder.path(), &reader);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let busy = reader.read_for(time).await;
    let backups = load.stop().await;
    note("reads at 100 a second, with both cores busy and a backup", busy.figures());
    note("backups made meanwhile", json!(backups));

    let starts = reader.starts(20).await;
    note("starts of a due plan, seconds late", starts);
    note("what agents met with", reader.agents_trouble(folder.path()));
    note("server at the end, bytes resident", json!(server.memory()));
    drop(fleet);
    drop(server);
    let sizes = json!({ "agents": agents, "runs": runs, "seconds": time.as_secs() });
    println!("\nwritten to bench/results/{}", machine::write("fleet", &sizes, &figures));
}
