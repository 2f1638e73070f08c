//! Executes one run: the work on a thread of its own, its end in the store.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use backstay_core::Control;
use backstay_model::link::SealedRepository;
use backstay_model::run::{RunError, Waiting};
use backstay_model::{Holds, Level, Limits, PlanId, RepositoryId, Run, RunId, RunState, SourceId, Time};
use backstay_policy::Backoff;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::active::Active;
use crate::clock;
use crate::execution::{Ending, Execution};
use crate::journalist::Journalist;
use crate::machine::Event;
use crate::node::Inner;
use crate::orders::Order;
use crate::plans::seed;
use crate::rounds::is_given_up;
use crate::steward::{Note, SteerError};
use crate::tokens::StoredTokens;
use crate::work::{Job, Report, Unheard};

/// How often what a run tells is written down.
const FLUSH: Duration = Duration::from_millis(250);
/// In how many of these the server hears of progress.
const TELL_EACH: u32 = 4;
/// How long a run waits for what is out of reach, at most, from one try to the next.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// People are told of a run that waits for longer.
const LONG: Duration = Duration::from_secs(24 * 3600);

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

/// What is to be done for a run.
#[derive(Clone)]
pub(crate) enum Task {
    /// All of it.
    Execute,
    /// What is left to do for work that has come to this end without it.
    WindUp(Ending),
}

/// Executes a run that was started, to whatever end it comes.
pub(crate) async fn drive(inner: Arc<Inner>, run: Run, order: Order, active: Arc<Active>, task: Task) {
    let id = run.id;
    let journalist = Arc::new(Journalist::new(id, Arc::clone(&inner.clock), Arc::clone(&active)));
    let mut order = order;
    let is_executed = matches!(task, Task::Execute);
    let mut ending = attend(&inner, &run, &order, &active, &journalist, task).await;
    if ending.is_none() {
        let failed = Ending::Failed(RunError {
            message: "the work does not stop, and was given up".to_owned(),
            hint: Some(
                "a storage or file system that does not answer may hold it; restart Backstay to be rid of it"
                    .to_owned(),
            ),
            ..RunError::default()
        });
        let task = Task::WindUp(failed.clone());
        ending = Some(attend(&inner, &run, &order, &active, &journalist, task).await.unwrap_or(failed));
        if active.debts().is_due() {
            let name = run.plan.as_ref().map_or("", |plan| plan.name.as_str());
            let text = format!(
                "an instance may be left in trouble: what starts it again after the backup by plan {name} does not end. See whether \
                 what is stopped for its backups is running again; run {id} has the log"
            );
            inner.trouble(&text).await;
        }
    }
    order.debts = active.debts();
    if is_executed {
        order.crashes = 0;
    }
    let ending = ending.unwrap_or(Ending::Stopped);
    // Who was at work for so long had what it needs meanwhile.
    if !matches!(ending, Ending::Wait(_)) || active.age() > LONGEST_WAIT {
        order.waits_since = None;
    }
    conclude(&inner, &run, order, &journalist, ending).await;
    inner.active.leave(id);
    inner.followers.changed();
    inner.wake.notify_one();
}

/// Has a task done by a thread of its own, and writes down what it tells. `None` when it does not stop though it was told to.
async fn attend(
    inner: &Arc<Inner>,
    run: &Run,
    order: &Order,
    active: &Arc<Active>,
    journalist: &Arc<Journalist>,
    task: Task,
) -> Option<Ending> {
    let mut ended = match launch(inner, run, order, active, journalist, task) {
        Ok(ended) => ended,
        Err(error) => {
            return Some(Ending::Failed(RunError {
                message: format!("no thread could be started for it: {error}"),
                hint: Some("the host is short of memory or threads".to_owned()),
                ..RunError::default()
            }));
        }
    };
    let mut round = 0;
    loop {
        tokio::select! {
            ending = &mut ended => return Some(ending.unwrap_or(Ending::Stopped)),
            () = tokio::time::sleep(FLUSH) => {}
        }
        round += 1;
        let _ = journalist.flush(&inner.store, round % TELL_EACH == 0).await;
        if round % TELL_EACH == 0 {
            inner.news.notify_waiters();
        }
        if is_given_up(active) {
            return None;
        }
    }
}

fn launch(
    inner: &Arc<Inner>,
    run: &Run,
    order: &Order,
    active: &Arc<Active>,
    journalist: &Arc<Journalist>,
    task: Task,
) -> std::io::Result<oneshot::Receiver<Ending>> {
    let (done, ended) = oneshot::channel();
    let (inner, run, order) = (Arc::clone(inner), run.clone(), order.clone());
    let (active, report) = (Arc::clone(active), Arc::clone(journalist) as Arc<dyn Report>);
    let handle = tokio::runtime::Handle::current();
    std::thread::Builder::new().name(format!("run {}", run.kind.name())).spawn(move || {
        let execution = Execution {
            inner: &inner,
            run: &run,
            order: &order,
            active: &active,
            report: Arc::clone(&report),
            handle,
            total: Mutex::new(run.outcome.clone().unwrap_or_default()),
            copy: Mutex::default(),
            service: OnceLock::new(),
        };
        let guarded = |work: &dyn Fn() -> Ending| {
            std::panic::catch_unwind(AssertUnwindSafe(work)).map_err(|_| Ending::Failed(broken(&*report)))
        };
        let ending = match task {
            // What broke down has stopped things for its work all the same.
            Task::Execute => match guarded(&|| execution.execute()) {
                Ok(ending) => ending,
                Err(broken) => guarded(&|| execution.wind_up(broken.clone())).unwrap_or_else(|ending| ending),
            },
            Task::WindUp(ending) => {
                guarded(&|| execution.wind_up(ending.clone())).unwrap_or_else(|ending| ending)
            }
        };
        let _ = done.send(ending);
    })?;
    Ok(ended)
}

/// Writes down how it ended, however often that takes: a store that is locked or full now may not be so in a moment.
async fn conclude(inner: &Arc<Inner>, run: &Run, mut order: Order, journalist: &Journalist, ending: Ending) {
    let mut outcome = None;
    let (event, note) = match ending {
        Ending::Done(done) => {
            outcome = Some(done);
            (Event::Complete, Note::default())
        }
        Ending::Stopped => (Event::Stopped, Note::default()),
        Ending::Wait(reason) => {
            let backoff = Backoff { most: LONGEST_WAIT, ..Backoff::default() };
            let pause = backoff.delay(order.waits.saturating_add(2), inner.incarnation);
            order.waits = order.waits.saturating_add(1);
            let next_try = clock::later(inner.now(), pause);
            tell_of_long_wait(inner, run, &mut order, &reason, next_try).await;
            let waiting = Waiting { reason, next_try: Some(next_try) };
            (Event::Wait, Note { waiting: Some(waiting), ..Note::default() })
        }
        Ending::Failed(error) => (Event::Fail, Note { error: Some(error), ..Note::default() }),
    };
    let note = Note { private: Some(order.to_value()), ..note };
    let attempt = || async {
        journalist.flush(&inner.store, true).await?;
        let changed = inner.steward.apply_with(run.id, event, note.clone(), |run| {
            if outcome.is_some() {
                run.outcome.clone_from(&outcome);
            }
        });
        match changed.await {
            Ok(after) => Ok(Some(after)),
            // An earlier try was stored though the store said otherwise.
            Err(SteerError::Refused(_) | SteerError::NoSuchRun(_)) => {
                Ok(inner.store.run(run.id).await?.map(|(after, _)| after))
            }
            Err(SteerError::Store(error)) => Err(error),
        }
    };
    match inner.insist(attempt, || inner.is_ending()).await {
        Ok(Some(after)) if after.state == RunState::Completed => note_success(inner, &after).await,
        Ok(Some(after)) if after.state.is_final() => inner.discard(&after).await,
        Ok(_) => {}
        Err(error) => eprintln!("backstay: how run {} ended cannot be written down: {error}", run.id),
    }
}

/// Tells people once of a run that waits for so long that it has to be seen to: longer than [`LONG`], and into the time of the
/// plan's next run.
async fn tell_of_long_wait(inner: &Inner, run: &Run, order: &mut Order, reason: &str, next_try: Time) {
    let now = inner.now();
    let since = *order.waits_since.get_or_insert(now);
    let plan = order.plan.as_ref();
    let slot = plan.and_then(|plan| plan.spec.schedule.next_after(since, seed(plan.id)).ok().flatten());
    let limit = clock::later(since, LONG);
    if order.wait_is_told || now < slot.map_or(limit, |slot| slot.max(limit)) {
        return;
    }
    let of = plan.map(|plan| format!(" by plan {}", plan.spec.name)).unwrap_or_default();
    let text = format!(
        "the {}{of} has waited since {since:.0}, and nothing is done meanwhile: {reason}. It is tried again at {next_try:.0}; see that \
         what it waits for can be reached and used, or cancel run {}",
        run.kind.name(),
        run.id
    );
    inner.trouble(&text).await;
    order.wait_is_told = true;
}

/// Remembers that there is something to check and to clean up.
async fn note_success(inner: &Inner, run: &Run) {
    if let (true, Some(plan)) = (run.kind.is_scheduled(), &run.plan) {
        let key = format!("backed-up:{}", plan.id);
        let now = inner.now().to_string();
        let note = || async {
            match inner.store.meta_get(&key).await? {
                None => inner.store.meta_set(&key, &now).await,
                Some(_) => Ok(()),
            }
        };
        if let Err(error) = inner.insist(note, || inner.is_ending()).await {
            eprintln!("backstay: that run {} succeeded cannot be written down: {error}", run.id);
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
        hint: Some("please report it with the lines above".to_owned()),
        ..RunError::default()
    }
}

/// Tells a destination that nobody goes on with what a cancelled run has sent of its archive. One that cannot be told gives it up in time.
fn give_up(
    inner: &Inner,
    order: &Order,
    repository: &SealedRepository,
    of: (PlanId, SourceId, RepositoryId),
    run: RunId,
) {
    let (Holds::Archives(settings), Ok(secrets)) = (&repository.holds, inner.open_repository(repository))
    else {
        return;
    };
    let (limits, control) = (Limits::default(), Control::new());
    let job =
        Job { repository, secrets: &secrets, limits: &limits, control: &control, report: Arc::new(Unheard) };
    for waiting in inner.workshop.waiting(order.spool(), of) {
        if waiting.run == run && !waiting.is_sent() {
            let _ =
                inner.workshop.give_up(&job, settings, &waiting, StoredTokens::of(inner, Handle::current()));
        }
    }
}

/// Removes what a run that came to no good end has left on this host, but for what the next one takes up; says what could not be
/// removed.
pub(crate) fn discard(inner: &Inner, run: &Run, order: &Order) -> Option<String> {
    let mut left = None;
    let mut note = |removed: std::io::Result<()>| {
        if let Err(error) = removed {
            left = Some(format!("a temporary file could not be removed: {error}"));
        }
    };
    for repository in &order.repositories {
        note(inner.workshop.discard_place(run.id, repository.id));
        if let (RunState::Cancelled, Some(plan), Some(from)) = (run.state, &order.plan, &run.from) {
            note(inner.workshop.discard_copy_notes(plan.id, from.repository, repository.id));
        }
        // The next backup goes on where one has failed.
        if let (RunState::Cancelled, Some(plan), Some(source)) = (run.state, &order.plan, &order.source) {
            note(inner.workshop.discard_journal(plan.id, source.named.id, repository.id));
            let of = (plan.id, source.named.id, repository.id);
            give_up(inner, order, repository, of, run.id);
            note(inner.workshop.discard_archive(order.spool(), of, run.id));
        }
    }
    if let Some(copy) = &order.debts.copy {
        note(inner.workshop.discard_copy(copy));
    }
    left
}
