//! Whether an instance answers.

use std::time::{Duration, Instant};

use backstay_core::Control;
use mysql::prelude::Queryable;

use super::{Access, MysqlError, Trouble};

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The first pause between two attempts; it doubles up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

/// Waits until an instance that is starting answers a question, and gives its version.
///
/// # Errors
/// When it does not within `patience`, refuses the user, or the control is cancelled.
pub fn wait_until_it_answers(
    access: &Access,
    patience: Duration,
    control: &Control,
) -> Result<String, MysqlError> {
    let end = Instant::now() + patience;
    let mut pause = SHORTEST;
    loop {
        let error = match ask(access, ATTEMPT.min(patience)) {
            Ok(version) => return Ok(version),
            Err(error) if error.trouble != Trouble::NoAnswer => return Err(error),
            Err(error) => error,
        };
        if control.is_cancelled() {
            return Err(MysqlError::new(
                Trouble::Interrupted,
                "waiting for the instance was given up",
                error.cause,
            ));
        }
        if Instant::now() + pause >= end {
            return Err(error);
        }
        std::thread::sleep(pause);
        pause = LONGEST.min(pause * 2);
    }
}

fn ask(access: &Access, patience: Duration) -> Result<String, MysqlError> {
    let mut connection = access.connect(patience)?;
    let version: Option<String> = connection
        .query_first("SELECT VERSION()")
        .map_err(|error| MysqlError::of(format!("{} does not answer", access.address), &error))?;
    version.ok_or_else(|| MysqlError::new(Trouble::Refused, "asking for the version", "there is no answer"))
}
