//! `unlock`: removes locks that were left behind.

use backstay_engine::repository::remove_locks;

use crate::app::App;
use crate::failure::Outcome;
use crate::repository::{Access, Opened};

pub(super) fn run(app: &App, all: bool) -> Outcome {
    let repository = Opened::open(app, Access::Unlocked)?;
    let outcome = remove_locks(repository.engine(), all, &is_alive)?;
    if outcome.removed > 0 {
        app.console.say(format!("successfully removed {} locks", outcome.removed));
    }
    for lock in outcome.unreadable {
        app.console.complain(format!("lock {lock} cannot be read and stays; if nobody works on the repository, `unlock --remove-all` removes it"));
    }
    Ok(())
}

/// Whether a process of this host lives. One that may not be asked does.
fn is_alive(pid: i64) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH)))
}
