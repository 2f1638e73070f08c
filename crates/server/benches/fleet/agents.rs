//! The fleet, in a process of its own. Agents speak as real ones do, and do no backups.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backstay_core::Random;
use backstay_model::link::{News, OutboxEntry, SyncRequest};
use backstay_model::{HostState, Level, LogLine, RunId, RunState, Time};
use backstay_node::Uplink;
use backstay_node::agent::Https;
use serde_json::json;

use crate::server::{SystemClock, SystemRandom};
use crate::store::Agent;

/// For how long an agent waits for word of its server.
const PATIENCE: u64 = 15_000;
/// Of so many words each agent says, one tells of a run.
const SELDOM: u64 = 8;

#[derive(Default)]
struct Tally {
    words: AtomicU64,
    runs: AtomicU64,
    failures: AtomicU64,
}

/// Acts for all agents until its input ends.
pub(crate) fn run(folder: &Path) {
    let agents: Vec<Agent> =
        serde_json::from_slice(&std::fs::read(folder.join("fleet.json")).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let tally = Arc::new(Tally::default());
    for (number, agent) in agents.into_iter().enumerate() {
        let (home, tally) = (folder.join(format!("fleet/{number}")), Arc::clone(&tally));
        runtime.spawn(async move {
            // Hosts do not start in one moment.
            tokio::time::sleep(Duration::from_millis(15 * number as u64)).await;
            act(agent, home, &tally).await;
        });
    }
    println!("ready");
    std::io::stdout().flush().unwrap();
    let told = folder.join("agents-told.json");
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let [words, runs, failures] =
                [&tally.words, &tally.runs, &tally.failures].map(|count| count.load(Ordering::Relaxed));
            let text = json!({ "words": words, "runs told of": runs, "failures": failures }).to_string();
            std::fs::write(&told, text).unwrap();
        }
    });
    let _ = std::io::stdin().read(&mut [0]);
    runtime.shutdown_background();
}

async fn act(agent: Agent, home: PathBuf, tally: &Tally) {
    let uplink = Https::open(&home).unwrap();
    let mut number = [0; 8];
    SystemRandom.fill(&mut number);
    let incarnation = u64::from_le_bytes(number);
    let (mut acknowledged, mut configuration, mut word) = (agent.acknowledged, 0, incarnation);
    loop {
        word = word.wrapping_add(1);
        let entries = if word.is_multiple_of(SELDOM) { news(&agent, acknowledged) } else { Vec::new() };
        let told = !entries.is_empty();
        let request = SyncRequest {
            node: agent.run.node,
            incarnation,
            now: Time::now(),
            host: HostState { host_name: "web".to_owned(), cores: 4, load: 0.5, ..HostState::default() },
            acknowledged,
            entries,
            results: Vec::new(),
            configuration,
            patience_ms: PATIENCE,
        };
        match uplink.sync(request).await {
            Ok(response) => {
                acknowledged = response.acknowledged;
                configuration = response.configuration.map_or(configuration, |it| it.version);
                tally.words.fetch_add(1, Ordering::Relaxed);
                tally.runs.fetch_add(u64::from(told), Ordering::Relaxed);
            }
            Err(error) => {
                if tally.failures.fetch_add(1, Ordering::Relaxed) < 5 {
                    eprintln!("an agent: {error}");
                }
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
    }
}

/// A run that began, wrote ten lines and was done.
fn news(agent: &Agent, acknowledged: i64) -> Vec<OutboxEntry> {
    let (id, now) = (RunId::new(&SystemClock, &SystemRandom), Time::now());
    let running = backstay_model::Run {
        id,
        created: now,
        due: Some(now),
        started: Some(now),
        state: RunState::Running,
        ..agent.run.clone()
    };
    let done =
        backstay_model::Run { state: RunState::Completed, ended: Some(now), revision: 2, ..running.clone() };
    let lines = (1..=10).map(|number| LogLine {
        run: id,
        number,
        time: now,
        level: Level::Info,
        step: "read".to_owned(),
        text: format!("{number} files of ten have been read from /home/ada/letters"),
    });
    let news = [
        News::Run { run: Box::new(running) },
        News::Log { lines: lines.collect() },
        News::Run { run: Box::new(done) },
    ];
    (acknowledged + 1..).zip(news).map(|(number, news)| OutboxEntry { number, news }).collect()
}
