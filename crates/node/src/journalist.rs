//! Writes down what a run tells: lines for its log, and how far it is.
//!
//! The work tells from its own threads, as often as it likes. What it tells is kept here and written to the store a few times a
//! second, so that no file waits for a disk.

use std::sync::Arc;

use backstay_catalog::{CatalogError, NewLine, NodeStore};
use backstay_core::Clock;
use backstay_model::run::Progress;
use backstay_model::{Level, RunId};
use parking_lot::Mutex;

use crate::active::Active;
use crate::clock::now;
use crate::work::Report;

/// Lines that wait at most; a run that tells more faster than the disk takes them loses the middle, which is said.
const WAITING_LINES: usize = 10_000;

/// Takes down what one run tells.
pub(crate) struct Journalist {
    run: RunId,
    clock: Arc<dyn Clock>,
    active: Arc<Active>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<NewLine>,
    lost: u64,
    /// News of how far it is since the last time it was written down.
    progress: Option<Progress>,
    /// How far it is, when the server has not heard of that.
    untold: Option<Progress>,
}

impl Journalist {
    pub(crate) fn new(run: RunId, clock: Arc<dyn Clock>, active: Arc<Active>) -> Self {
        Self { run, clock, active, waiting: Mutex::default() }
    }

    /// Writes what waits to the store. `tell` says whether progress goes to the server as well. Lines that cannot be written
    /// wait for the next time.
    pub(crate) async fn flush(&self, store: &NodeStore, tell: bool) -> Result<(), CatalogError> {
        let (lines, progress) = {
            let mut waiting = self.waiting.lock();
            let lost = std::mem::take(&mut waiting.lost);
            if lost > 0 {
                let text = format!("{lost} lines came too fast to be kept");
                waiting.lines.push(self.line(Level::Warning, "log", &text));
            }
            let news = waiting.progress.take();
            if news.is_some() {
                waiting.untold.clone_from(&news);
            }
            // Whether there is news just when it is told is a matter of chance: what was written earlier counts too.
            let progress = if tell { waiting.untold.take() } else { news };
            (std::mem::take(&mut waiting.lines), progress)
        };
        if !lines.is_empty()
            && let Err(error) = store.append_log(self.run, &lines).await
        {
            let mut waiting = self.waiting.lock();
            waiting.lines.splice(..0, lines);
            return Err(error);
        }
        match progress {
            Some(progress) => store.update_progress(self.run, &progress, tell).await,
            None => Ok(()),
        }
    }

    fn line(&self, level: Level, step: &str, text: &str) -> NewLine {
        NewLine { time: now(&*self.clock), level, step: step.to_owned(), text: text.to_owned() }
    }
}

impl Report for Journalist {
    fn log(&self, level: Level, step: &str, text: &str) {
        let line = self.line(level, step, text);
        let mut waiting = self.waiting.lock();
        match waiting.lines.len() {
            0..WAITING_LINES => waiting.lines.push(line),
            _ => waiting.lost += 1,
        }
    }

    fn progress(&self, progress: Progress) {
        self.waiting.lock().progress = Some(progress);
    }

    fn moved(&self) {
        self.active.touch();
    }
}

#[cfg(test)]
mod tests {
    use backstay_catalog::OutboxLimits;
    use backstay_model::Limits;
    use backstay_model::link::News;
    use backstay_model::run::Trigger;

    use super::*;
    use crate::orders::{Clerk, Occasion};

    #[derive(Debug)]
    struct Still;

    impl Clock for Still {
        fn now(&self) -> backstay_core::Timestamp {
            backstay_core::Timestamp::default()
        }

        fn sleep(&self, _: std::time::Duration) {}
    }

    #[derive(Debug)]
    struct Random;

    impl backstay_core::Random for Random {
        fn fill(&self, buffer: &mut [u8]) {
            getrandom::fill(buffer).unwrap();
        }
    }

    #[tokio::test]
    async fn progress_reaches_the_server_though_it_is_never_news_when_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let store = NodeStore::open(&folder.path().join("node.db")).await.unwrap();
        let id = |number: u8| format!("00000000-0000-7000-8000-0000000000{number:02x}");
        let clerk = Clerk { node: id(1).parse().unwrap(), clock: &Still, random: &Random };
        let repository = serde_json::from_value(serde_json::json!({
            "id": id(2), "destination": {"id": id(3), "name": "disk"}, "layout": "shared",
            "settings": {"type": "local", "path": "/srv"}, "path": "", "may_create": false, "secrets": "",
        }));
        let request = serde_json::from_value(serde_json::json!({"snapshot": "00", "target": "/tmp"}));
        let occasion = Occasion { trigger: Trigger::Manual, requested_by: None, due: None };
        let (run, _) = clerk.restore(
            clerk.run_id(),
            id(4).parse().unwrap(),
            repository.unwrap(),
            request.unwrap(),
            (None, None),
            &occasion,
        );
        store.insert_run(&run, &serde_json::Value::Null).await.unwrap();
        let journalist = Journalist::new(run.id, Arc::new(Still), Arc::new(Active::new(Limits::default())));
        let told = async || {
            let all = OutboxLimits { entries: 100, bytes: 1 << 20 };
            let entries = store.outbox(0, all).await.unwrap();
            let runs = entries.iter().filter(|entry| matches!(entry.news, News::Run { .. }));
            runs.count()
        };
        let before = told().await;
        journalist.progress(Progress { bytes: 5, ..Progress::default() });
        journalist.flush(&store, false).await.unwrap();
        assert_eq!(told().await, before);
        journalist.flush(&store, true).await.unwrap();
        assert_eq!(told().await, before + 1);
        journalist.flush(&store, true).await.unwrap();
        assert_eq!(told().await, before + 1, "it is told once");
    }
}
