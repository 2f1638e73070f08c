//! What the engine and the storage say went wrong, with the exit code and the hint for it.

use backstay_core::{CallContext, ErrorKind, FileKind, Storage};

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
            Error::Damaged { what, why } => Self::fatal(&error).hint(damage(what, why)),
            Error::Storage(cause) => {
                let failure = Self::fatal(&error);
                match cause.kind {
                    ErrorKind::NoSpace => failure.hint("free some space, then run the command again; `prune` may help"),
                    ErrorKind::Config if cause.cause.to_string().contains("certificate") => failure.hint(
                        "give the certificate of its authority with --cacert, and call the host by the name that its certificate is for",
                    ),
                    ErrorKind::Config => failure.hint(config(&cause.what, &cause.cause.to_string())),
                    ErrorKind::Denied => failure.hint(
                        "check the user, password or token, and who owns the files; commands that only read work with --no-lock where nothing may be written",
                    ),
                    ErrorKind::ReadOnly => failure.hint("the storage is read-only; commands that only read work with --no-lock"),
                    ErrorKind::Frozen => failure.hint(match cause.action {
                        "bring back" if cause.cause.to_string().contains("did not come back") => {
                            "run the command again later; what was asked for goes on coming, and what is restored is not written again"
                        }
                        _ => "`restore` with -o s3.enable-restore=true has packs brought back and waits for them, which costs at the service; with -o s3.storage-class and the class, `check` and `prune` leave them alone",
                    }),
                    ErrorKind::Retained => failure.hint("run the command again when that is over"),
                    // The configuration is named by an error of its own.
                    ErrorKind::NotFound | ErrorKind::Corrupt => failure.hint(damage(&cause.what, "")),
                    _ => failure,
                }
            }
            Error::Version(_) => Self::fatal(&error)
                .hint("a newer program made the repository: use that one, or a newer version of this one"),
            Error::NotFound(what) if what.ends_with(NOT_INDEXED) => Self::fatal(&error).hint(REPAIR_INDEX),
            Error::NotFound(_) | Error::Invalid(_) | Error::Interrupted(_) => Self::fatal(&error),
        }
    }
}

/// What to do where a storage cannot work as it is set up, by its address and what it says.
fn config(what: &str, cause: &str) -> &'static str {
    match what.split_once(':').map(|(kind, _)| kind) {
        _ if cause.contains("no credentials") => {
            "the service of the bucket gives an access key and its secret: put both into the environment of this command"
        }
        Some("s3") => {
            "check the repository's address (-r or BACKSTAY_REPOSITORY): s3:https://HOST/BUCKET/PATH; the bucket has to be there"
        }
        Some("rest") => "check the repository's address (-r or BACKSTAY_REPOSITORY): rest:https://HOST/PATH/",
        _ => {
            "check the repository's address (-r or BACKSTAY_REPOSITORY): for a folder, each part of its path has to be one"
        }
    }
}

/// How errors about blobs end that no index file names.
const NOT_INDEXED: &str = "is not in the index";
const REPAIR_INDEX: &str = "`repair index` builds the index anew from the packs; if packs are gone too, bring them back from a copy first";

/// What to do about damage, by what is damaged: a file of the repository, or something in it.
fn damage(what: &str, why: &str) -> &'static str {
    let lies_in = |kind: FileKind| what.starts_with(kind.folder());
    if what == "the configuration" || lies_in(FileKind::Config) {
        "bring the file `config` back from a copy of the repository; nothing else is needed if the rest is whole"
    } else if lies_in(FileKind::Key) {
        "try another password of the repository, or bring the key file back from a copy"
    } else if why.ends_with("no key") {
        "bring the files in `keys` back from a copy of the repository; without one nobody can open it"
    } else if lies_in(FileKind::Snapshot) {
        "bring the file back from a copy of the repository; `repair snapshots --forget` with its id gives it up"
    } else if lies_in(FileKind::Index) || why.contains("the index does not have it") {
        REPAIR_INDEX
    } else if lies_in(FileKind::Pack) && why.is_empty() {
        "bring the pack back from a copy of the repository; without one, `check` says how to repair what is left"
    } else {
        "`check --read-data` finds all damage and says how to repair it"
    }
}

/// There is no configuration, and yet keys: what is there is no place for a new repository.
pub(super) fn configuration_is_gone(failure: Failure, storage: &dyn Storage) -> Failure {
    let mut keys = 0;
    let listed = storage.list(FileKind::Key, CallContext::NONE, &mut |_, _| keys += 1);
    if failure.exit == Exit::NoRepository && listed.is_ok() && keys > 0 {
        return failure.hint(
            "there are keys of a repository, only its file `config` is gone: bring it back from a copy",
        );
    }
    failure
}
