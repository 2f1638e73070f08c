//! What the engine and the storage say went wrong, with the exit code and the hint for it.

use backstay_core::ErrorKind;

use crate::failure::{Exit, Failure};

impl From<backstay_core::StorageError> for Failure {
    fn from(error: backstay_core::StorageError) -> Self {
        backstay_engine::Error::from(error).into()
    }
}

impl From<backstay_engine::Error> for Failure {
    fn from(error: backstay_engine::Error) -> Self {
        use backstay_engine::Error;
        if error.is_interrupted() {
            return Self::interrupted();
        }
        match &error {
            Error::NoRepository { location } => Self::new(
                Exit::NoRepository,
                format!("Fatal: repository does not exist: unable to open config file\nIs there a repository at the following location?\n{location}"),
            )
            .hint("`init` makes a repository, -r or BACKSTAY_REPOSITORY names another one"),
            Error::RepositoryExists { .. } => Self::fatal(&error).hint("name another place with -r"),
            Error::WrongPassword { .. } => Self::new(Exit::WrongPassword, "Fatal: wrong password or no key found")
                .hint("check the password, --password-file and BACKSTAY_PASSWORD"),
            Error::Locked { .. } => Self::new(Exit::Locked, format!("unable to create lock in backend: {error}"))
                .hint("wait for it with --retry-lock, or remove stale locks with the `unlock` command"),
            Error::UnreadableLock { .. } => Self::fatal(&error)
                .hint("if nobody works on the repository now, `unlock --remove-all` removes it"),
            Error::LockLost { .. } => Self::fatal(&error).hint("run the command again; nothing that was saved is lost"),
            Error::Damaged { .. } => {
                Self::fatal(&error).hint("`check` finds all damage and says how to repair it")
            }
            Error::Storage(cause) => {
                let failure = Self::fatal(&error);
                match cause.kind {
                    ErrorKind::NoSpace => failure.hint("free some space, then run the command again; `prune` may help"),
                    ErrorKind::Corrupt => failure.hint(
                        "the file is not as it was written: `check` finds all damage; put `config` or a key back from a copy of the repository",
                    ),
                    ErrorKind::Denied => failure.hint("check the credentials, and who owns the repository's files"),
                    ErrorKind::ReadOnly => failure.hint("the storage is read-only; commands that only read work with --no-lock"),
                    _ => failure,
                }
            }
            Error::NotFound(_) | Error::Invalid(_) | Error::Version(_) | Error::Interrupted(_) => Self::fatal(&error),
        }
    }
}
