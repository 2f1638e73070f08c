//! How a command ends when it cannot do what it was asked to: an exit code, a message, its cause and a hint.

use std::error::Error as StdError;
use std::fmt;

/// The exit codes, as restic has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Anything that has no code of its own.
    General = 1,
    /// Some source files could not be read, or some snapshots not be removed.
    Incomplete = 3,
    /// There is no repository.
    NoRepository = 10,
    /// Somebody else holds the lock.
    Locked = 11,
    /// No key opens with the password.
    WrongPassword = 12,
    /// Ctrl-C.
    Interrupted = 130,
}

/// Why a command ends early.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What the process ends with.
    pub(crate) exit: Exit,
    message: String,
    cause: Option<String>,
    hint: Option<String>,
}

/// The result of a command.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// Ends with this code and exactly this message.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), cause: None, hint: None }
    }

    /// Ends with code 1.
    pub(crate) fn fatal(message: impl fmt::Display) -> Self {
        Self::new(Exit::General, format!("Fatal: {message}"))
    }

    /// Ends without a word, as programs do whose reader has seen enough.
    pub(crate) fn silent() -> Self {
        Self::new(Exit::General, "")
    }

    /// Says what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says what was being done, before the message.
    pub(crate) fn context(mut self, doing: impl fmt::Display) -> Self {
        let message = self.message.strip_prefix("Fatal: ").unwrap_or(&self.message);
        self.message = format!("Fatal: {doing}: {message}");
        self
    }

    /// Says why, with all that lies beneath.
    pub(crate) fn because(mut self, cause: &(dyn StdError + 'static)) -> Self {
        let mut text = cause.to_string();
        let mut below = cause.source();
        while let Some(source) = below {
            let next = source.to_string();
            // Many errors already repeat what lies beneath them.
            if !text.contains(&next) {
                text.push_str(": ");
                text.push_str(&next);
            }
            below = source.source();
        }
        self.cause = Some(text);
        self
    }

    /// Interrupted by its user.
    pub(crate) fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "interrupted")
    }
}

/// The message, the cause behind a colon, and the hint on a line of its own.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(cause) = &self.cause {
            write!(f, ": {cause}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

/// Adds what was tried to an error of the operating system or a library.
pub(crate) trait Explain<T> {
    /// Ends with code 1 and this message.
    fn explain(self, message: impl fmt::Display) -> Outcome<T>;
}

impl<T, E: StdError + 'static> Explain<T> for Result<T, E> {
    fn explain(self, message: impl fmt::Display) -> Outcome<T> {
        self.map_err(|error| Failure::fatal(message).because(&error))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::fatal("input or output failed").because(&error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::fatal("writing JSON failed").because(&error)
    }
}

impl From<backstay_core::Interrupted> for Failure {
    fn from(_: backstay_core::Interrupted) -> Self {
        Self::interrupted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_cause_and_hint_stand_in_this_order() {
        let cause = std::io::Error::other("no such device");
        let failure = Failure::fatal("cannot read x").because(&cause).hint("plug it in");
        assert_eq!(failure.to_string(), "Fatal: cannot read x: no such device\nhint: plug it in");
    }
}
