//! Pausing, resuming, cancelling and slowing down; and what is told meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backstay_core::{Clock, Control, ErrorKind, FileKind, Timestamp};
use backstay_engine::Error;
use backstay_storage::Memory;
use backstay_storage::retry::{Policy, Retry};

use crate::support::noise;
use crate::support::recorder::Recorder;
use crate::support::source::{add_file, add_when, entry, file_meta, folder_meta, lazy};
use crate::support::vault::{PASSWORD, Vault, environment, tiny};
use crate::support::wrapped::Wrapped;

/// Waits until something is so; panics when it never is.
#[track_caller]
fn until(is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(30), "it never came to be");
        std::thread::sleep(Duration::from_millis(2));
    }
}

const FILES: u64 = 300;

fn add_all(root: &dyn backstay_core::Folder) -> Result<(), backstay_core::SinkError> {
    (0..FILES).try_for_each(|number| {
        root.add(entry(&number.to_string(), file_meta(2000), lazy(&noise(number, 2000))))
    })
}

#[test]
fn a_paused_backup_stands_still_and_goes_on_when_resumed() {
    let (vault, _) = Vault::new();
    let control = Control::new();
    let steered = vault.steered_by(&control);
    let events = Recorder::new();
    let listener = Arc::clone(&events);
    control.pause();
    let backup = std::thread::spawn(move || {
        steered.try_back_up(None, &listener, |sink| {
            let root = sink.root()?;
            add_all(&*root)?;
            root.close(folder_meta())
        })
    });
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!((events.bytes_done(), vault.ids(FileKind::Pack).len()), (0, 0));
    assert!(!backup.is_finished());
    control.resume();
    let taken = backup.join().unwrap().unwrap();
    assert_eq!(vault.restored(&taken).len() as u64, FILES);
    vault.is_sound();
}

#[test]
fn a_backup_can_be_paused_in_its_midst() {
    let (vault, _) = Vault::new();
    let control = Control::new();
    let steered = vault.steered_by(&control);
    let events = Recorder::new();
    let (listener, own) = (Arc::clone(&events), control.clone());
    let backup = std::thread::spawn(move || {
        steered.try_back_up(None, &listener, |sink| {
            let root = sink.root()?;
            add_when(&*root, "pauses", 2000, move || {
                own.pause();
                Ok(std::io::Cursor::new(noise(1000, 2000)))
            });
            add_all(&*root)?;
            root.close(folder_meta())
        })
    });
    until(|| control.is_paused());
    std::thread::sleep(Duration::from_millis(50));
    let stood = events.bytes_done();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(events.bytes_done(), stood, "the backup goes on while it is paused");
    assert!(!backup.is_finished());
    control.resume();
    let taken = backup.join().unwrap().unwrap();
    assert_eq!(vault.restored(&taken).len() as u64, FILES + 1);
}

#[test]
fn a_cancelled_backup_ends_soon_and_the_next_one_completes() {
    for cancel_at in [0, 1, 17, 150, FILES - 1] {
        let (vault, _) = Vault::new();
        let control = Control::new();
        let own = control.clone();
        let outcome = vault.steered_by(&control).try_back_up(None, &Recorder::new(), |sink| {
            let root = sink.root()?;
            for number in 0..FILES {
                let own = own.clone();
                let content = noise(number, 2000);
                let open = move || {
                    if number == cancel_at {
                        own.cancel();
                    }
                    Ok(std::io::Cursor::new(content))
                };
                let content = backstay_core::Content::Lazy(
                    Box::new(crate::support::source::When(open)),
                    backstay_core::CutHint::ByContent,
                );
                root.add(entry(&number.to_string(), file_meta(2000), content))?;
            }
            root.close(folder_meta())
        });
        let error = outcome.err().expect("the cancelled backup went well");
        assert!(error.is_interrupted(), "{error:?}");
        assert!(vault.snapshots().is_empty());
        assert!(vault.ids(FileKind::Lock).is_empty(), "the lock stayed behind");
        vault.is_sound();
        let taken = vault.back_up(|root| add_all(root).unwrap());
        assert_eq!(vault.restored(&taken).len() as u64, FILES);
        vault.is_sound();
    }
}

#[test]
fn what_a_cancelled_backup_had_stored_is_not_stored_again() {
    let (vault, _) = Vault::new();
    let control = Control::new();
    let (memory_of, own) = (vault.clone(), control.clone());
    let _ = vault.steered_by(&control).try_back_up(None, &Recorder::new(), |sink| {
        let root = sink.root()?;
        add_all(&*root)?;
        until(|| memory_of.ids(FileKind::Pack).len() > 3);
        own.cancel();
        root.close(folder_meta())
    });
    let taken = vault.back_up(|root| add_all(root).unwrap());
    let whole = Vault::new().0.back_up(|root| add_all(root).unwrap());
    let (added, all) = (taken.outcome.summary.data_added, whole.outcome.summary.data_added);
    assert!(added + 150_000 < all, "{added} of {all} bytes were stored again");
    vault.is_sound();
}

#[test]
fn a_cancelled_backup_does_not_wait_for_a_storage_that_is_gone() {
    let memory = Memory::new();
    Vault::made(Arc::new(memory.clone()), tiny());
    let gone = Wrapped::new(&memory, |action, handle| match (action, handle.kind) {
        ("write", FileKind::Index) => Err(ErrorKind::Transient),
        _ => Ok(()),
    });
    let slept = Arc::new(AtomicU64::new(0));
    let watch = Arc::clone(&slept);
    let sleep = move |pause: Duration| _ = watch.fetch_add(pause.as_secs(), Ordering::Relaxed);
    let retry = Retry::new(Box::new(gone), Policy::default()).with_time(sleep, || 0.5);
    let vault = Vault::open(Arc::new(retry)).unwrap();
    let control = Control::new();
    let own = control.clone();
    let outcome = vault.steered_by(&control).try_back_up(None, &Recorder::new(), |sink| {
        let root = sink.root()?;
        add_all(&*root)?;
        until(|| memory.handles().iter().any(|handle| handle.kind == FileKind::Pack));
        own.cancel();
        root.close(folder_meta())
    });
    assert!(outcome.is_err_and(|error| error.is_interrupted()));
    let slept = slept.load(Ordering::Relaxed);
    assert!((1..60).contains(&slept), "it tried to write the index for {slept} s");
}

#[test]
fn a_paused_backup_can_be_cancelled() {
    let (vault, _) = Vault::new();
    let control = Control::new();
    let steered = vault.steered_by(&control);
    control.pause();
    let backup = std::thread::spawn(move || {
        steered.try_back_up(None, &Recorder::new(), |sink| {
            let root = sink.root()?;
            add_all(&*root)?;
            root.close(folder_meta())
        })
    });
    std::thread::sleep(Duration::from_millis(50));
    control.cancel();
    assert!(backup.join().unwrap().err().unwrap().is_interrupted());
    vault.is_sound();
}

#[test]
fn restores_checks_and_prunes_are_cancelled_too() {
    let (vault, _) = Vault::new();
    let taken = vault.back_up(|root| add_all(root).unwrap());
    let control = Control::new();
    control.cancel();
    let steered = vault.steered_by(&control);
    for error in
        [steered.try_restore(taken.snapshot.tree).err(), steered.try_check().err(), steered.prune().err()]
    {
        let error = error.expect("cancelled work went well");
        assert!(error.is_interrupted(), "{error:?}");
    }
    assert!(!matches!(vault.try_check(), Err(Error::Interrupted(_))));
    vault.is_sound();
}

/// A clock that moves only when somebody sleeps, to the nanosecond.
#[derive(Default)]
struct FineClock(AtomicU64);

impl Clock for FineClock {
    fn now(&self) -> Timestamp {
        let nanos = self.0.load(Ordering::SeqCst);
        Timestamp::utc(1_700_000_000 + (nanos / 1_000_000_000) as i64, (nanos % 1_000_000_000) as u32)
    }

    fn sleep(&self, duration: Duration) {
        self.0.fetch_add(duration.as_nanos() as u64, Ordering::SeqCst);
    }
}

#[test]
fn reading_keeps_to_its_rate() {
    let clock = Arc::new(FineClock::default());
    let memory = Memory::new();
    Vault::made(Arc::new(memory.clone()), tiny());
    let world = backstay_engine::Environment { clock: clock.clone(), ..environment() };
    let vault = Vault::open_with(Arc::new(memory), PASSWORD, world, tiny()).unwrap();
    let seconds = |rate: Option<u64>, seed: u64| {
        let control = Control::new();
        control.set_read_rate(rate);
        let before = clock.0.load(Ordering::SeqCst);
        vault.steered_by(&control).back_up(|root| {
            (0..10).for_each(|number| add_file(root, &number.to_string(), &noise(seed + number, 700)));
            add_file(root, "big", &noise(seed + 99, 193_000));
        });
        (clock.0.load(Ordering::SeqCst) - before) as f64 / 1e9
    };
    let slow = seconds(Some(50_000), 1);
    assert!((3.9..5.5).contains(&slow), "200,000 bytes at 50,000 a second took {slow} s");
    let free = seconds(None, 200);
    assert!(free < 1.0, "without a limit it took {free} s");
}

#[test]
fn what_is_told_adds_up_to_the_summary() {
    let (vault, _) = Vault::new();
    let fill = |root: &dyn backstay_core::Folder, changed: u64| {
        let folder = root.folder(b"folder").unwrap();
        add_file(&*folder, "same", &noise(1, 50_000));
        add_file(&*folder, "small", b"small");
        folder.close(folder_meta()).unwrap();
        let mut meta = file_meta(30_000);
        meta.inode = changed;
        root.add(entry("changes", meta, lazy(&noise(changed, 30_000)))).unwrap();
        let mut pushed = root.begin(b"pushed", Default::default()).unwrap();
        pushed.write(&noise(5, 12_345)).unwrap();
        pushed.finish(file_meta(0)).unwrap();
        add_file(root, "empty", b"");
    };
    let first = vault.back_up(|root| fill(root, 10));
    let second = vault.back_up_after(Some(&first), |root| fill(root, 11));
    for taken in [&first, &second] {
        let summary = &taken.outcome.summary;
        let heard = |counters: &[AtomicU64; 3]| counters.each_ref().map(|count| count.load(Ordering::SeqCst));
        let events = &taken.events;
        assert_eq!(
            heard(&events.files),
            [summary.files_new, summary.files_changed, summary.files_unmodified],
            "files"
        );
        assert_eq!(
            heard(&events.folders),
            [summary.dirs_new, summary.dirs_changed, summary.dirs_unmodified],
            "folders"
        );
        assert_eq!(events.bytes_done(), summary.total_bytes_processed);
        assert_eq!(events.file_bytes.load(Ordering::SeqCst), summary.total_bytes_processed);
        assert_eq!(summary.total_files_processed, 5);
        assert_eq!(summary.total_bytes_processed, 50_000 + 5 + 30_000 + 12_345);
    }
    assert_eq!(first.outcome.summary.files_new, 5);
    let summary = &second.outcome.summary;
    assert_eq!((summary.files_changed, summary.files_unmodified), (1, 4));
    let index = vault.repository.load_index().unwrap();
    let stored: u64 = index.loaded().map(|(_, blob)| u64::from(blob.length)).sum();
    let told = first.outcome.summary.data_added_packed + summary.data_added_packed;
    assert_eq!(stored, told, "bytes stored and told");
}

#[test]
fn a_restore_tells_all_its_bytes() {
    let (vault, _) = Vault::new();
    let taken = vault.back_up(|root| {
        add_file(root, "a", &noise(1, 20_000));
        add_file(root, "copy of a", &noise(1, 20_000));
        add_file(root, "empty", b"");
    });
    let restored = vault.try_restore(taken.snapshot.tree).unwrap();
    assert_eq!(restored.events.bytes_done(), 40_000);
    assert_eq!(restored.report.bytes_restored, 40_000);
    assert_eq!(restored.report.files_restored, 3);
    assert_eq!(restored.report.verified, 3);
    assert_eq!(restored.events.files[0].load(Ordering::SeqCst), 3);
}

#[test]
fn a_backup_that_is_given_up_ends_though_a_folder_is_still_held() {
    let (vault, _) = Vault::new();
    let mut held = None;
    let outcome = vault.try_back_up(None, &Recorder::new(), |sink| {
        let root = sink.root()?;
        add_all(&*root)?;
        held = Some(root);
        Err(backstay_core::SinkError::failed("the source gave up"))
    });
    assert!(outcome.is_err());
    let late = held.map(|root| root.add(entry("late", file_meta(10), lazy(&noise(1, 10)))));
    assert!(late.is_some_and(|added| added.is_err()));
    vault.is_sound();
}
