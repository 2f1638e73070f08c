//! Progress: what the engine and the sources tell many thousand times, told on twice a second.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backstay_core::{Events, ItemAction};
use backstay_model::Level;
use backstay_model::run::Progress;
use parking_lot::Mutex;

use super::Report;

/// How often progress is told.
const PACE: Duration = Duration::from_millis(500);
/// Over which time the rate is taken.
const WINDOW: Duration = Duration::from_secs(10);
/// Items in trouble that are told one by one; the others are counted.
const TOLD_ITEMS: u64 = 100;

/// Counts what is done, and tells it.
pub(super) struct Meter {
    report: Arc<dyn Report>,
    step: Mutex<String>,
    begun: Instant,
    /// Milliseconds from the beginning on before which nothing is told.
    next: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
    total_files: AtomicU64,
    total_bytes: AtomicU64,
    totals_are_final: AtomicBool,
    errors: AtomicU64,
    /// The items in trouble that were told one by one, and why.
    failed: Mutex<Vec<(Vec<u8>, String)>>,
    current: Mutex<Option<String>>,
    samples: Mutex<VecDeque<(Instant, u64)>>,
}

impl Meter {
    pub(super) fn new(report: &Arc<dyn Report>, step: &str) -> Self {
        Self {
            report: Arc::clone(report),
            step: Mutex::new(step.to_owned()),
            begun: Instant::now(),
            next: AtomicU64::new(0),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            total_files: AtomicU64::new(0),
            total_bytes: AtomicU64::new(0),
            totals_are_final: AtomicBool::new(false),
            errors: AtomicU64::new(0),
            failed: Mutex::default(),
            current: Mutex::new(None),
            samples: Mutex::default(),
        }
    }

    /// Another step begins.
    pub(super) fn enter(&self, step: &str) {
        step.clone_into(&mut self.step.lock());
        *self.current.lock() = None;
        self.tell();
    }

    /// Items that were in trouble so far.
    pub(super) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// The first items that were in trouble, as paths without a slash at their beginning, and why.
    pub(super) fn failed(&self) -> Vec<(Vec<u8>, String)> {
        self.failed.lock().clone()
    }

    /// The last word: progress as it is at the end, and how many items in trouble were only counted.
    pub(super) fn finish(&self) {
        let untold = self.errors().saturating_sub(TOLD_ITEMS);
        if untold > 0 {
            let text = format!("{untold} more items had errors; they are counted and not listed");
            self.report.log(Level::Warning, "item", &text);
        }
        *self.current.lock() = None;
        self.tell();
    }

    /// Bytes that were counted are to be done again.
    pub(super) fn lost(&self, bytes: u64) {
        let less = |now: u64| Some(now.saturating_sub(bytes));
        let _ = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        self.maybe_tell();
    }

    fn maybe_tell(&self) {
        self.report.moved();
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = self.next.load(Ordering::Relaxed);
        let later = now.saturating_add(PACE.as_millis() as u64);
        // Of the threads that find it due, one tells.
        if now >= due && self.next.compare_exchange(due, later, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            self.tell();
        }
    }

    fn tell(&self) {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (files, bytes) = (get(&self.files), get(&self.bytes));
        let bytes_per_second = self.rate(Instant::now(), bytes);
        let (total_files, total_bytes) =
            (get(&self.total_files).max(files), get(&self.total_bytes).max(bytes));
        let left = total_bytes.saturating_sub(bytes);
        let can_tell = self.totals_are_final.load(Ordering::Relaxed) && bytes_per_second > 0;
        self.report.progress(Progress {
            step: self.step.lock().clone(),
            files,
            bytes,
            total_files,
            total_bytes,
            bytes_per_second,
            seconds_left: can_tell.then(|| left.div_ceil(bytes_per_second)),
            current: self.current.lock().clone(),
            errors: self.errors(),
        });
    }

    /// Bytes per second over the last seconds.
    fn rate(&self, now: Instant, bytes: u64) -> u64 {
        let mut samples = self.samples.lock();
        samples.push_back((now, bytes));
        while samples.len() > 2 && samples.front().is_some_and(|(then, _)| now.duration_since(*then) > WINDOW)
        {
            samples.pop_front();
        }
        let Some((then, before)) = samples.front() else { return 0 };
        let seconds = now.duration_since(*then).as_secs_f64();
        if seconds < 0.1 { 0 } else { (bytes.saturating_sub(*before) as f64 / seconds) as u64 }
    }
}

impl Events for Meter {
    fn totals(&self, files: u64, bytes: u64, complete: bool) {
        self.total_files.store(files, Ordering::Relaxed);
        self.total_bytes.store(bytes, Ordering::Relaxed);
        self.totals_are_final.store(complete, Ordering::Relaxed);
        self.maybe_tell();
    }

    fn file_started(&self, path: &[u8]) {
        *self.current.lock() = Some(String::from_utf8_lossy(path).into_owned());
        self.maybe_tell();
    }

    fn bytes_done(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.maybe_tell();
    }

    fn file_done(&self, _: &[u8], _: ItemAction, _: u64, _: u64) {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.maybe_tell();
    }

    fn folder_done(&self, _: &[u8], _: ItemAction) {
        self.maybe_tell();
    }

    fn item_deleted(&self, path: &[u8]) {
        self.report.log(Level::Debug, "item", &format!("removed {}", String::from_utf8_lossy(path)));
        self.maybe_tell();
    }

    fn item_failed(&self, path: &[u8], during: &str, error: &str) {
        if self.errors.fetch_add(1, Ordering::Relaxed) < TOLD_ITEMS {
            let shown = String::from_utf8_lossy(path);
            // Some errors name their item already.
            let text = if error.contains(&*shown) { error.to_owned() } else { format!("{shown}: {error}") };
            self.report.log(Level::Warning, "item", &format!("{during}: {text}"));
            self.failed.lock().push((path.strip_prefix(b"/").unwrap_or(path).to_vec(), text));
        }
        self.maybe_tell();
    }

    fn step(&self, name: &str, done: u64, total: u64) {
        let mut step = self.step.lock();
        if *step != name {
            name.clone_into(&mut step);
        }
        drop(step);
        self.files.store(done, Ordering::Relaxed);
        self.total_files.store(total, Ordering::Relaxed);
        self.maybe_tell();
    }

    fn message(&self, text: &str) {
        self.report.log(Level::Info, "step", text);
        self.maybe_tell();
    }

    fn warning(&self, text: &str) {
        self.report.log(Level::Warning, "step", text);
        self.maybe_tell();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard {
        lines: Mutex<Vec<String>>,
        progress: Mutex<Vec<Progress>>,
    }

    impl Report for Heard {
        fn log(&self, _: Level, _: &str, text: &str) {
            self.lines.lock().push(text.to_owned());
        }

        fn progress(&self, progress: Progress) {
            self.progress.lock().push(progress);
        }
    }

    #[test]
    fn many_events_are_told_rarely_and_the_end_always() {
        let heard = Arc::new(Heard::default());
        let report: Arc<dyn Report> = heard.clone();
        let meter = Meter::new(&report, "read");
        meter.totals(10_000, 20_000, true);
        for _ in 0..10_000 {
            meter.bytes_done(2);
            meter.file_done(b"/x", ItemAction::New, 2, 2);
        }
        meter.finish();
        let told = heard.progress.lock();
        let turns = meter.begun.elapsed().as_millis() as usize / PACE.as_millis() as usize;
        assert!(told.len() <= 3 + turns, "{}", told.len());
        let last = told.last().unwrap();
        assert_eq!(
            (last.files, last.bytes, last.total_files, last.total_bytes),
            (10_000, 20_000, 10_000, 20_000)
        );
    }

    #[test]
    fn trouble_is_told_a_hundred_times_and_then_counted() {
        let heard = Arc::new(Heard::default());
        let report: Arc<dyn Report> = heard.clone();
        let meter = Meter::new(&report, "read");
        for number in 0..250 {
            meter.item_failed(format!("/f{number}").as_bytes(), "archival", "permission denied");
        }
        meter.finish();
        let lines = heard.lines.lock();
        assert_eq!(lines.len(), 101);
        assert_eq!(lines[0], "archival: /f0: permission denied");
        assert!(lines[100].starts_with("150 more items"), "{}", lines[100]);
        assert_eq!(meter.errors(), 250);
    }

    #[test]
    fn the_rate_is_that_of_late() {
        let report: Arc<dyn Report> = Arc::new(Heard::default());
        let meter = Meter::new(&report, "read");
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(meter.rate(at(0), 0), 0);
        assert_eq!(meter.rate(at(5), 5_000), 1000);
        assert_eq!(meter.rate(at(10), 10_000), 1000);
        assert_eq!(meter.rate(at(20), 10_000), 0);
    }
}
