//! Taking the lock of a repository.

use std::time::{Duration, Instant};

use backstay_engine::repository::{Lock, Repository};

use crate::app::App;
use crate::failure::Outcome;

/// Takes the lock, trying again for as long as `--retry-lock` says.
pub(super) fn take(app: &App, repository: &Repository, exclusive: bool) -> Outcome<Lock> {
    // A time too long to be told is forever.
    let give_up = Instant::now().checked_add(app.settings.retry_lock);
    let mut pause = Duration::from_secs(5);
    loop {
        let error = match Lock::acquire(repository, exclusive) {
            Ok(lock) => return Ok(lock),
            Err(error @ backstay_engine::Error::Locked { .. }) => error,
            Err(error) => return Err(error.into()),
        };
        let left = give_up.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Err(error.into());
        }
        app.console.say(format!("repo already locked, waiting up to {}s for the lock", left.as_secs()));
        wait(app, pause.min(left))?;
        pause = (pause * 2).min(Duration::from_secs(60));
    }
}

/// Sleeps, but not through Ctrl-C.
fn wait(app: &App, duration: Duration) -> Outcome {
    let end = Instant::now() + duration;
    while Instant::now() < end {
        app.control.checkpoint()?;
        std::thread::sleep(Duration::from_millis(100).min(end.saturating_duration_since(Instant::now())));
    }
    Ok(())
}
