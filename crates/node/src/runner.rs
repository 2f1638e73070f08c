//! Executes one run: the work on a thread of its own, its end in the store.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use backstay_model::run::{RunError, Waiting};
use backstay_model::{Level, Run, RunKind, RunState};
use backstay_policy::Backoff;
use tokio::sync::oneshot;

use crate::active::Active;
use crate::execution::{Ending, Execution};
use crate::journalist::Journalist;
use crate::machine::Event;
use crate::node::Inner;
use crate::orders::Order;
use crate::rounds::is_given_up;
use crate::steward::{Note, SteerError};
use crate::work::Report;
use crate::{clock, host};

/// How often what a run tells is written down.
const FLUSH: Duration = Duration::from_millis(250);
/// In how many of these the server hears of progress.
const TELL_EACH: u32 = 4;
/// How long a run waits for what is out of reach, at most, from one try to the next.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

thread_local! {
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on a panic leaves its message and backtrace with its thread, for the log of the run that it ends.
pub(crate) fn note_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let backtrace = std::backtrace::Backtrace::force_capture();
            PANIC.with(|panic| *panic.borrow_mut() = Some(format!("{info}\n{backtrace}")));
            before(info);
        }));
    });
}

/// What this thread's last panic left, once.
pub(crate) fn take_panic() -> Option<String> {
    PANIC.with(|panic| panic.borrow_mut().take())
}

/// Leaves with this thread what a panic of another has left.
pub(crate) fn put_panic(told: Option<String>) {
    PANIC.with(|panic| *panic.borrow_mut() = told);
}

/// Executes a run that was started, to whatever end it comes.
pub(crate) async fn drive(inner: Arc<Inner>, run: Run, order: Order, active: Arc<Active>) {
    let id = run.id;
    let journalist = Arc::new(Journalist::new(id, Arc::clone(&inner.clock), Arc::clone(&active)));
    let (done, mut ended) = oneshot::channel();
    let spawned = {
        let (inner, run, order) = (Arc::clone(&inner), run.clone(), order.clone());
        let (active, report) = (Arc::clone(&active), Arc::clone(&journalist) as Arc<dyn Report>);
        let handle = tokio::runtime::Handle::current();
        std::thread::Builder::new().name(format!("run {}", run.kind.name())).spawn(move || {
            let execution = Execution {
                inner: &inner,
                run: &run,
                order: &order,
                active: &active,
                report: Arc::clone(&report),
                handle,
            };
            let ending = std::panic::catch_unwind(AssertUnwindSafe(|| execution.execute()));
            let _ = done.send(ending.unwrap_or_else(|_| Ending::Failed(broken(&*report))));
        })
    };
    let ending = match spawned {
        Err(error) => Ending::Failed(RunError {
            message: format!("no thread could be started for it: {error}"),
            chain: Vec::new(),
            hint: Some("the host is short of memory or threads".to_owned()),
        }),
        Ok(_) => {
            let mut round = 0;
            loop {
                tokio::select! {
                    ending = &mut ended => break ending.unwrap_or(Ending::Stopped),
                    () = tokio::time::sleep(FLUSH) => {}
                }
                round += 1;
                let _ = journalist.flush(&inner.store, round % TELL_EACH == 0).await;
                if round % TELL_EACH == 0 {
                    inner.news.notify_waiters();
                }
                if is_given_up(&active) {
                    break Ending::Failed(RunError {
                        message: "the work does not stop, and was given up".to_owned(),
                        chain: Vec::new(),
                        hint: Some("a storage or file system that does not answer may hold it; restart Backstay to be rid of it".to_owned()),
                    });
                }
            }
        }
    };
    conclude(&inner, &run, order, &journalist, ending).await;
    inner.active.leave(id);
    inner.wake.notify_one();
}

/// Writes down how it ended.
async fn conclude(inner: &Arc<Inner>, run: &Run, mut order: Order, journalist: &Journalist, ending: Ending) {
    order.crashes = 0;
    let (event, note, outcome) = match ending {
        Ending::Done(outcome) => (Event::Complete, Note::default(), Some(outcome)),
        Ending::Stopped => (Event::Stopped, Note::default(), None),
        Ending::Wait(reason) => {
            let backoff = Backoff { most: LONGEST_WAIT, ..Backoff::default() };
            let pause = backoff.delay(order.waits.saturating_add(2), inner.incarnation);
            order.waits = order.waits.saturating_add(1);
            let waiting = Waiting { reason, next_try: Some(clock::later(inner.now(), pause)) };
            (Event::Wait, Note { waiting: Some(waiting), ..Note::default() }, None)
        }
        Ending::Failed(error) => {
            for line in host::describe_system(&inner.options.data_dir) {
                journalist.log(Level::Info, "system", &line);
            }
            (Event::Fail, Note { error: Some(error), ..Note::default() }, None)
        }
    };
    let _ = journalist.flush(&inner.store, true).await;
    let kept = inner.store.set_private(run.id, &order.to_value()).await;
    let changed = retry(|| {
        inner.steward.apply_with(run.id, event, note.clone(), |run| {
            if outcome.is_some() {
                run.outcome.clone_from(&outcome);
            }
        })
    })
    .await;
    match kept.map_err(SteerError::from).and(changed) {
        Ok(after) if after.state == RunState::Cancelled => inner.discard(run.id).await,
        Ok(after) if after.state == RunState::Completed => note_success(inner, &after).await,
        Ok(_) => {}
        Err(error) => eprintln!("backstay: how run {} ended cannot be written down: {error}", run.id),
    }
}

/// The end of a run is worth more than one try: a store that is locked or full now may not be so in a moment.
async fn retry<F: Future<Output = Result<Run, SteerError>>>(
    attempt: impl Fn() -> F,
) -> Result<Run, SteerError> {
    let mut pause = Duration::from_millis(50);
    loop {
        match attempt().await {
            Err(SteerError::Store(_)) if pause < Duration::from_secs(30) => {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            other => return other,
        }
    }
}

/// Remembers that there is something to check and to clean up.
async fn note_success(inner: &Inner, run: &Run) {
    if let (RunKind::Backup, Some(plan)) = (run.kind, &run.plan) {
        let key = format!("backed-up:{}", plan.id);
        if let Ok(None) = inner.store.meta_get(&key).await {
            let _ = inner.store.meta_set(&key, &inner.now().to_string()).await;
        }
    }
}

/// What is said of a panic: a fault of ours, with where it was.
fn broken(report: &dyn Report) -> RunError {
    if let Some(text) = take_panic() {
        report.log(Level::Error, "failure", &text);
    }
    RunError {
        message: "the run broke down, which is a fault of Backstay".to_owned(),
        chain: Vec::new(),
        hint: Some("please report it with the lines above".to_owned()),
    }
}

/// Removes what a cancelled run has left on this host; says what could not be removed.
pub(crate) fn discard(inner: &Inner, order: &Order) -> Option<String> {
    let (Some(plan), Some(source)) = (&order.plan, &order.source) else { return None };
    let mut left = None;
    for repository in &order.repositories {
        if let Err(error) = inner.workshop.discard_journal(plan.id, source.named.id, repository.id) {
            left = Some(format!("a temporary file could not be removed: {error}"));
        }
    }
    left
}
