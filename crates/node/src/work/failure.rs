//! Why work could not be done: what failed and why, what to do about it, and what a node can do by itself.

use std::backtrace::Backtrace;
use std::error::Error as StdError;
use std::fmt;

use backstay_archive::ArchiveError;
use backstay_core::{ErrorKind, FileKind, Interrupted, SinkError, StorageError};
use backstay_engine::Error as EngineError;
use backstay_model::run::RunError;
use backstay_sources::files::CaptureError;
use backstay_storage::gdrive::{OauthError, Refusal as GoogleRefusal, SignedOut};
use backstay_storage::reach;

use crate::local_policy::Refused;

/// What a node can do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Storage or network are out of reach: the run waits and is tried again.
    Unreachable,
    /// The service does not take the sign-in any more: the run waits until somebody has signed in again.
    SignedOut,
    /// Somebody else holds the repository: the run waits and is tried again.
    Locked,
    /// The storage, or a disk of this host, is full.
    NoSpace,
    /// The password does not open the repository.
    WrongPassword,
    /// There is no repository.
    NoRepository,
    /// There is no such snapshot, or no such item in it.
    NotFound,
    /// Something stored is missing or not as it was written.
    Damaged,
    /// The policy of the host does not allow it.
    Forbidden,
    /// The work was cancelled.
    Interrupted,
    /// A hook could not do its work.
    HookFailed,
    /// It took too long.
    TimedOut,
    /// Nothing of what was to be backed up could be read.
    NothingRead,
    /// Anything else.
    Other,
}

impl Class {
    /// Whether to wait and try again, rather than to fail.
    #[must_use]
    pub const fn waits(self) -> bool {
        matches!(self, Self::Unreachable | Self::SignedOut | Self::Locked)
    }
}

/// Why work could not be done.
pub struct WorkError(Box<Inner>);

struct Inner {
    class: Class,
    message: String,
    chain: Vec<String>,
    hint: Option<String>,
    instead: Option<String>,
    backtrace: Backtrace,
}

impl WorkError {
    /// A failure, with the place in the program where it was noticed.
    pub fn new(class: Class, message: impl fmt::Display) -> Self {
        // Nobody looks for the place where work noticed that it was cancelled.
        let backtrace = match class {
            Class::Interrupted => Backtrace::disabled(),
            _ => Backtrace::force_capture(),
        };
        Self(Box::new(Inner {
            class,
            message: message.to_string(),
            chain: Vec::new(),
            hint: None,
            instead: None,
            backtrace,
        }))
    }

    /// A failure of the operating system.
    pub(super) fn from_io(error: &std::io::Error, doing: impl fmt::Display) -> Self {
        let is_full =
            matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
        Self::new(if is_full { Class::NoSpace } else { Class::Other }, doing).because(error)
    }

    /// A failure of a place that holds archives.
    pub(super) fn of_archive_store(error: &StorageError) -> Self {
        match error.kind {
            ErrorKind::Denied if is_of_google(error) => of_storage(error),
            ErrorKind::NotFound => Self::new(Class::NotFound, error)
                .hint("list the archives of the destination; it may have been removed meanwhile"),
            ErrorKind::Corrupt => Self::new(Class::Damaged, error)
                .hint("bring the archive back from a copy, or take an earlier one"),
            ErrorKind::Denied => Self::new(Class::Other, error)
                .hint("check the token and what its client may do at the receiver, or who owns the folder"),
            _ => of_storage(error),
        }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Offers a snapshot in the place of one that is damaged, by its id, if there is one.
    #[must_use]
    pub(crate) fn offering(mut self, instead: Option<String>) -> Self {
        self.0.instead = instead;
        self
    }

    /// Says what was being done; the message so far becomes its cause.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        let message = std::mem::replace(&mut self.0.message, doing.to_string());
        self.0.chain.insert(0, message);
        self
    }

    /// Says why, with all that lies beneath.
    #[must_use]
    pub fn because(mut self, cause: &(dyn StdError + 'static)) -> Self {
        let mut next = Some(cause);
        while let Some(cause) = next {
            let text = cause.to_string();
            // Many errors already repeat what lies beneath them.
            let told = |known: &String| known.contains(&text);
            if !told(&self.0.message) && !self.0.chain.iter().any(told) {
                self.0.chain.push(text);
            }
            next = cause.source();
        }
        self
    }

    /// The work was cancelled.
    #[must_use]
    pub fn interrupted() -> Self {
        Self::new(Class::Interrupted, "cancelled")
    }

    /// The same once more, for the next who has to tell it.
    #[must_use]
    pub fn again(&self) -> Self {
        let Inner { class, message, chain, hint, instead, .. } = &*self.0;
        let mut again = Self::new(*class, message);
        (again.0.chain, again.0.hint, again.0.instead) = (chain.clone(), hint.clone(), instead.clone());
        again
    }

    /// What a node can do about it.
    #[must_use]
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// What failed, on what and, if that is all there is to tell, why.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What lies beneath, from the outermost to the root cause.
    #[must_use]
    pub fn chain(&self) -> &[String] {
        &self.0.chain
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Where in the program it was noticed: a line for each call with the line of source, ours only, the innermost first. Empty
    /// where that is not known. Takes a moment, since names are looked up only now.
    #[must_use]
    pub fn backtrace(&self) -> Vec<String> {
        our_frames(&self.0.backtrace.to_string())
    }

    /// The same in the form that runs are told in.
    #[must_use]
    pub fn to_run_error(&self) -> RunError {
        let Inner { class, message, chain, hint, instead, .. } = &*self.0;
        RunError {
            message: message.clone(),
            chain: chain.clone(),
            hint: hint.clone(),
            damaged: *class == Class::Damaged,
            instead: instead.clone(),
        }
    }
}

/// The frames that are ours, of a backtrace as text: two lines each, `12: function` and `at file:line:column`.
fn our_frames(text: &str) -> Vec<String> {
    let mut frames = Vec::new();
    let mut lines = text.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let Some((number, function)) = line.split_once(": ") else { continue };
        let place = lines.next_if(|line| line.starts_with("at "));
        let is_ours = function.contains("backstay") && !function.contains("WorkError>::new");
        if number.parse::<u32>().is_ok() && is_ours {
            frames.push(place.map_or_else(|| function.to_owned(), |place| format!("{function} {place}")));
        }
    }
    frames
}

impl fmt::Debug for WorkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { class, message, chain, hint, .. } = &*self.0;
        f.debug_struct("WorkError")
            .field("class", class)
            .field("message", message)
            .field("chain", chain)
            .field("hint", hint)
            .finish_non_exhaustive()
    }
}

/// The message, and the causes behind colons.
impl fmt::Display for WorkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        self.0.chain.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl StdError for WorkError {}

impl From<Interrupted> for WorkError {
    fn from(_: Interrupted) -> Self {
        Self::interrupted()
    }
}

impl From<StorageError> for WorkError {
    fn from(error: StorageError) -> Self {
        EngineError::from(error).into()
    }
}

impl From<SinkError> for WorkError {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Failed(cause) => match cause.downcast::<ArchiveError>() {
                Ok(error) => (*error).into(),
                Err(cause) => EngineError::from(SinkError::Failed(cause)).into(),
            },
            interrupted => EngineError::from(interrupted).into(),
        }
    }
}

impl From<CaptureError> for WorkError {
    fn from(error: CaptureError) -> Self {
        match error {
            CaptureError::Sink(error) => error.into(),
            CaptureError::NoTargets => Self::new(
                Class::NothingRead,
                "none of the paths to back up can be found",
            )
            .hint(
                "check the paths of the source; if they are on a disk that is attached at times, attach it",
            ),
            other => Self::new(Class::Other, "the paths cannot be backed up together").because(&other),
        }
    }
}

impl From<Refused> for WorkError {
    fn from(refused: Refused) -> Self {
        Self::new(Class::Forbidden, &refused).hint(refused.hint())
    }
}

impl From<EngineError> for WorkError {
    fn from(error: EngineError) -> Self {
        if error.is_interrupted() {
            return Self::interrupted();
        }
        let of = |class| Self::new(class, &error);
        match &error {
            EngineError::NoRepository { .. } => of(Class::NoRepository)
                .hint("check the path of the destination; where a repository may be made, the first backup makes it"),
            EngineError::RepositoryExists { .. } => of(Class::Other)
                .hint("adopt the repository that is there, with its password, or choose another path"),
            EngineError::WrongPassword { .. } => of(Class::WrongPassword)
                .hint("check the password of the repository; whoever made it, or changed it with `backstay key`, knows it"),
            EngineError::Locked { .. } => of(Class::Locked)
                .hint("it goes on when the other work is done; a lock that was left behind is removed by `backstay unlock`"),
            EngineError::UnreadableLock { .. } => of(Class::Locked)
                .hint("if nobody works on the repository now, `backstay unlock --remove-all` removes the lock"),
            EngineError::LockLost { .. } => of(Class::Locked).hint("it is tried again; nothing that was saved is lost"),
            EngineError::Damaged { what, why } => of(Class::Damaged).hint(damage(what, why)),
            EngineError::Storage(cause) => of_storage(cause),
            EngineError::Version(_) => of(Class::Other).hint("a newer program made the repository: update Backstay on this node"),
            EngineError::NotFound(what) if what.ends_with(NOT_INDEXED) => of(Class::Damaged).hint(REPAIR_INDEX),
            EngineError::NotFound(_) | EngineError::Invalid(_) | EngineError::Interrupted(_) => of(Class::Other),
        }
    }
}

/// How errors about blobs end that no index file names.
const NOT_INDEXED: &str = "is not in the index";
const REPAIR_INDEX: &str = "`backstay repair index` builds the index anew from the packs; if packs are gone too, bring them back from a copy first";

fn of_storage(error: &StorageError) -> WorkError {
    let cause = error.cause.to_string();
    let has = |words: &[&str]| words.iter().any(|word| cause.contains(word));
    let of = |class| WorkError::new(class, error);
    if error.cause.downcast_ref::<reach::Refused>().is_some() {
        return of(Class::Forbidden).hint(
            "if the service is meant to be in the private network, an owner allows that in the connection, and the host's policy \
             file has to say `private_addresses = true`",
        );
    }
    if error.cause.downcast_ref::<SignedOut>().is_some() {
        return of(Class::SignedOut).hint(
            "sign in again: with the button at the connection, or by `backstay connections sign-in NAME`; what waits goes on by itself then",
        );
    }
    match error.kind {
        ErrorKind::Denied if is_of_google(error) => of(Class::Other).hint(if has(&["invalid_client", "unauthorized_client"]) {
            "Google does not know the OAuth client: check its id and its secret in the connection, and that it is of the type for TVs and \
             limited input devices"
        } else if has(&["accessNotConfigured"]) {
            "enable the Google Drive API in the project of the OAuth client"
        } else {
            "the application may change only what it made itself: see who owns the folder, and whether the account may write to it"
        }),
        ErrorKind::Transient if has(&["RequestTimeTooSkewed"]) => {
            of(Class::Other).hint("the clock of this host is wrong: set it by network time, as with `timedatectl set-ntp true`")
        }
        ErrorKind::Transient | ErrorKind::Timeout => of(Class::Unreachable).hint(if has(&["dns error", "failed to lookup"]) {
            "the name of the host is not known: check its spelling, and whether this host has a network and a name server"
        } else if has(&["Connection refused"]) {
            "nothing listens there: check the port, and whether the service is running"
        } else {
            "check the network between this host and the storage, and whether the storage is up; it is tried again by itself"
        }),
        ErrorKind::NoSpace => {
            of(Class::NoSpace).hint("free some space at the destination, or keep fewer snapshots and prune; then run it again")
        }
        ErrorKind::Denied => of(Class::Other).hint(if has(&["SignatureDoesNotMatch", "InvalidAccessKeyId"]) {
            "the service does not know these credentials: check access key and secret key"
        } else if has(&["ExpiredToken", "TokenRefreshRequired"]) {
            "these credentials have expired: give the connection new ones"
        } else {
            "check the credentials and what they are allowed to do, or who owns the files of the repository"
        }),
        ErrorKind::ReadOnly => of(Class::Other).hint("the storage is read-only: mount it for writing, or choose another one"),
        ErrorKind::NotFound | ErrorKind::Corrupt => of(Class::Damaged).hint(damage(&error.what, "")),
        ErrorKind::Config => of(Class::Other).hint(if has(&["NoSuchBucket"]) {
            "there is no such bucket: make it first, or correct its name"
        } else if has(&["AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraint"]) {
            "the bucket is in another region: give its region in the connection"
        } else if has(&["certificate"]) {
            "the certificate of the service is not trusted: use the name that it is made for, or add its authority to the system's"
        } else {
            "check the settings of the connection: endpoint, bucket and path"
        }),
        ErrorKind::Frozen if has(&["were asked for"]) => {
            of(Class::Unreachable).hint("the service brings the packs back by itself; the run is tried again until they are there")
        }
        ErrorKind::Frozen => of(Class::Other).hint(
            "a restore has packs brought back from an archive class where the connection names that class, or says how to; other work \
             cannot read them before",
        ),
        ErrorKind::Retained => of(Class::Other).hint("it is locked at the service: run it again when the lock is over"),
        ErrorKind::Cancelled => WorkError::interrupted(),
        ErrorKind::Exists | ErrorKind::Other => of(Class::Other),
    }
}

/// Whether Google says so.
fn is_of_google(error: &StorageError) -> bool {
    error.cause.is::<SignedOut>() || error.cause.is::<OauthError>() || error.cause.is::<GoogleRefusal>()
}

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
        "bring the file back from a copy of the repository; `backstay repair snapshots --forget` with its id gives it up"
    } else if lies_in(FileKind::Index) || why.contains("the index does not have it") {
        REPAIR_INDEX
    } else if lies_in(FileKind::Pack) && why.is_empty() {
        "bring the pack back from a copy of the repository; without one, `backstay check` says how to repair what is left"
    } else {
        "`backstay check --read-data` finds all damage and says how to repair it"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(kind: ErrorKind, cause: &str) -> WorkError {
        StorageError::new(kind, "read", "config", cause.to_owned()).into()
    }

    #[test]
    fn failures_are_classed_by_what_a_node_can_do() {
        for (kind, cause, class, hint) in [
            (ErrorKind::Transient, "dns error", Class::Unreachable, "name server"),
            (ErrorKind::Timeout, "took too long", Class::Unreachable, "network"),
            (ErrorKind::Transient, "x (RequestTimeTooSkewed)", Class::Other, "clock"),
            (ErrorKind::NoSpace, "full", Class::NoSpace, "free some space"),
            (
                ErrorKind::Frozen,
                "they were asked for; within 5 h",
                Class::Unreachable,
                "brings the packs back",
            ),
            (ErrorKind::Frozen, "InvalidObjectState", Class::Other, "archive class"),
            (ErrorKind::Retained, "it is locked until then", Class::Other, "when the lock is over"),
            (ErrorKind::Denied, "no (InvalidAccessKeyId)", Class::Other, "secret key"),
            (ErrorKind::Config, "no (NoSuchBucket)", Class::Other, "no such bucket"),
            (ErrorKind::Config, "x (AuthorizationHeaderMalformed)", Class::Other, "region"),
            (ErrorKind::Corrupt, "x", Class::Damaged, "config"),
        ] {
            let error = storage(kind, cause);
            assert_eq!(error.class(), class, "{cause}");
            assert!(error.advice().unwrap().contains(hint), "{cause}: {:?}", error.advice());
        }
        assert_eq!(storage(ErrorKind::Cancelled, "x").class(), Class::Interrupted);
        assert!(Class::Locked.waits() && Class::Unreachable.waits() && !Class::Damaged.waits());
    }

    #[test]
    fn causes_are_told_once_each() {
        let cause = std::io::Error::other("no such device");
        let error =
            WorkError::new(Class::Other, "cannot read x").because(&cause).context("the backup failed");
        assert_eq!(error.to_string(), "the backup failed: cannot read x: no such device");
        let run = error.to_run_error();
        assert_eq!((run.message.as_str(), run.chain.len()), ("the backup failed", 2));
        let error = WorkError::new(Class::Other, "cannot read x: no such device").because(&cause);
        assert!(error.chain().is_empty());
    }

    #[test]
    fn a_failure_knows_where_it_was_noticed() {
        let frames = storage(ErrorKind::NoSpace, "full").backtrace();
        assert!(frames.iter().any(|frame| frame.contains("failure.rs:")), "{frames:?}");
        assert!(frames.iter().all(|frame| frame.contains("backstay")), "{frames:?}");
        assert!(WorkError::interrupted().backtrace().is_empty());
    }
}
