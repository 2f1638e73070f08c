//! The file of clients: read when it has changed, and changed by one process at a time.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstay_core::Random;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Client, ClientChange, NewClient, PREFIX};
use crate::folder::Folder;
use crate::{names, text};

const FILE: &str = "clients.json";
const LOCK: &str = "clients.lock";
/// Bytes that the file may have: some tens of thousands of clients.
const LARGEST: u64 = 16 << 20;

/// Why the clients cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ClientsError {
    /// The file cannot be read or written.
    #[error("cannot {doing} the file of clients {}: {cause}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file holds something else.
    #[error("the file of clients {} is damaged: {why}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A name or folder that cannot be one.
    #[error("{what} cannot be {value:?}: {why}")]
    Invalid {
        /// Of what.
        what: &'static str,
        /// What was given.
        value: String,
        /// Why.
        why: &'static str,
    },
    /// There is a client of that name.
    #[error("there is a client {0:?} already")]
    Exists(String),
    /// Another client has that folder, or one within it or around it.
    #[error("the folder {folder:?} is, or lies within or around, that of the client {client:?}")]
    FolderTaken {
        /// The folder.
        folder: String,
        /// Whose it is.
        client: String,
    },
    /// There is no client of that name.
    #[error("there is no client {0:?}")]
    NotFound(String),
    /// The client is not what it was when it was looked at.
    #[error("the client {0:?} was changed meanwhile")]
    Changed(String),
    /// The client shows no token, so that it cannot get another.
    #[error("the client {0:?} is known by its certificate and has no token")]
    NoToken(String),
}

impl ClientsError {
    /// What to do about it, where there is something.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::File { .. } => Some("run this as the user that the receiver runs as"),
            Self::Damaged { .. } => Some("put the file back from a backup, or mend it by hand: it is JSON"),
            Self::Invalid { .. } => {
                Some("use letters, digits, `-` and `_`; folders may have `/` between them")
            }
            Self::Exists(_) => Some("choose another name, or remove that client first"),
            Self::FolderTaken { .. } => Some("name another folder with --folder"),
            Self::NotFound(_) => Some("`backstay receiver client list` shows those that there are"),
            Self::Changed(_) => Some("look at it again, and change it then"),
            Self::NoToken(_) => Some("remove it, and make one that has a token"),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    clients: Vec<Client>,
}

/// By what a changed file is known.
type Stamp = Option<(u64, u64, i64, i64)>;

/// The clients of a receiver's folder.
#[derive(Debug)]
pub struct Clients {
    folder: PathBuf,
    known: Mutex<(Stamp, Arc<Vec<Arc<Client>>>)>,
}

impl Clients {
    /// Those of the receiver whose state lies in this folder (`FOLDER/.receiver`).
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self { folder: state.to_owned(), known: Mutex::default() }
    }

    /// All clients, as the file has them now.
    ///
    /// # Errors
    /// When the file cannot be read. One that is not there holds no clients.
    pub fn all(&self) -> Result<Arc<Vec<Arc<Client>>>, ClientsError> {
        let path = self.path();
        let stamp = match std::fs::metadata(&path) {
            Ok(meta) => Some((meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(cause) => return Err(ClientsError::File { doing: "read", path, cause }),
        };
        let mut known = self.known.lock();
        if known.0 != stamp || stamp.is_none() {
            let clients = if stamp.is_some() { read(&path)? } else { Vec::new() };
            *known = (stamp, Arc::new(clients.into_iter().map(Arc::new).collect()));
        }
        Ok(Arc::clone(&known.1))
    }

    /// Makes a client. Gives it with its token, which is kept nowhere and so shown once; none where its certificate is enough.
    ///
    /// # Errors
    /// When its name or folder is taken or cannot be one, or the file cannot be written.
    pub fn add(
        &self,
        new: NewClient,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<(Client, Option<String>), ClientsError> {
        let folder = new.folder.as_deref().unwrap_or("{name}").replace("{name}", &new.name);
        let invalid = |what, value: &str, why| ClientsError::Invalid { what, value: value.to_owned(), why };
        if new.name.contains(['/', ':']) {
            return Err(invalid("the name", &new.name, "it holds `/` or `:`"));
        }
        names::check(&new.name).map_err(|why| invalid("the name", &new.name, why))?;
        names::check(&folder).map_err(|why| invalid("the folder", &folder, why))?;
        let certificate_sha256 = match &new.certificate_sha256 {
            None => None,
            Some(given) => {
                let digits = given.replace(':', "");
                let why = "it takes the 64 hexadecimal digits of a SHA-256";
                Some(text::sha256(&digits).ok_or_else(|| invalid("the certificate", given, why))?)
            }
        };
        if new.without_token && certificate_sha256.is_none() {
            return Err(invalid("the client", &new.name, "it needs a token or a certificate"));
        }
        let token = (!new.without_token).then(|| new_token(random));
        let client = Client {
            token_sha256: token.as_deref().map(sum_of),
            certificate_sha256,
            folder,
            quota: new.quota,
            append_only: new.append_only,
            expires: new.expires,
            retention: new.retention,
            created: now,
            revision: 1,
            name: new.name,
        };
        self.change(|clients| {
            if clients.iter().any(|other| other.name == client.name) {
                return Err(ClientsError::Exists(client.name.clone()));
            }
            if let Some(other) = clients.iter().find(|other| overlap(&other.folder, &client.folder)) {
                let (folder, client) = (client.folder.clone(), other.name.clone());
                return Err(ClientsError::FolderTaken { folder, client });
            }
            clients.push(client.clone());
            Ok(())
        })?;
        Ok((client, token))
    }

    /// Changes a client that is at this revision. Gives it as it was, and as it is.
    ///
    /// # Errors
    /// When there is none of that name, it was changed meanwhile, or the file cannot be written.
    pub fn update(
        &self,
        name: &str,
        revision: u64,
        change: ClientChange,
    ) -> Result<(Client, Client), ClientsError> {
        self.change(|clients| {
            let client = find(clients, name)?;
            if client.revision != revision {
                return Err(ClientsError::Changed(name.to_owned()));
            }
            let before = client.clone();
            let ClientChange { quota, append_only, expires, retention } = change;
            let revision = revision.saturating_add(1);
            *client = Client { quota, append_only, expires, retention, revision, ..before.clone() };
            Ok((before, client.clone()))
        })
    }

    /// Gives a client another token; the one before opens nothing any more. It is kept nowhere, and so shown once.
    ///
    /// # Errors
    /// When there is none of that name, it is known by its certificate alone, or the file cannot be written.
    pub fn renew_token(&self, name: &str, random: &dyn Random) -> Result<(Client, String), ClientsError> {
        let token = new_token(random);
        let client = self.change(|clients| {
            let client = find(clients, name)?;
            if client.token_sha256.is_none() {
                return Err(ClientsError::NoToken(name.to_owned()));
            }
            client.token_sha256 = Some(sum_of(&token));
            client.revision = client.revision.saturating_add(1);
            Ok(client.clone())
        })?;
        Ok((client, token))
    }

    /// Removes a client; what it has stored stays.
    ///
    /// # Errors
    /// When there is none of that name, or the file cannot be written.
    pub fn remove(&self, name: &str) -> Result<Client, ClientsError> {
        self.change(|clients| {
            let place = clients.iter().position(|client| client.name == name);
            place.map(|place| clients.remove(place)).ok_or_else(|| ClientsError::NotFound(name.to_owned()))
        })
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<Client>) -> Result<T, ClientsError>,
    ) -> Result<T, ClientsError> {
        let path = self.path();
        let failed = |cause| ClientsError::File { doing: "write", path: path.clone(), cause };
        let folder = Folder::open(&self.folder).map_err(failed)?;
        let _lock = folder.lock(LOCK).map_err(failed)?;
        let mut clients = if folder.has(FILE).map_err(failed)? { read(&path)? } else { Vec::new() };
        let outcome = change(&mut clients)?;
        let text = serde_json::to_vec_pretty(&Stored { version: 1, clients });
        let text = text.map_err(|error| failed(error.into()))?;
        folder.write(FILE, &text).map_err(failed)?;
        Ok(outcome)
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }
}

fn read(path: &Path) -> Result<Vec<Client>, ClientsError> {
    let damaged = |why: String| ClientsError::Damaged { path: path.to_owned(), why };
    let failed = |cause| ClientsError::File { doing: "read", path: path.to_owned(), cause };
    if std::fs::metadata(path).map_err(failed)?.len() > LARGEST {
        return Err(damaged("it is too large".to_owned()));
    }
    let text = std::fs::read(path).map_err(failed)?;
    let stored: Stored = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    if stored.version != 1 {
        return Err(damaged(format!("version {} is not known", stored.version)));
    }
    // By hand anything can be written here.
    for client in &stored.clients {
        names::check(&client.folder).map_err(|why| damaged(format!("folder of {:?}: {why}", client.name)))?;
    }
    Ok(stored.clients)
}

fn find<'a>(clients: &'a mut [Client], name: &str) -> Result<&'a mut Client, ClientsError> {
    let found = clients.iter_mut().find(|client| client.name == name);
    found.ok_or_else(|| ClientsError::NotFound(name.to_owned()))
}

fn new_token(random: &dyn Random) -> String {
    format!("{PREFIX}{}", text::random_key(random))
}

/// What is kept of a token.
fn sum_of(token: &str) -> String {
    text::hex(&Sha256::digest(token.as_bytes()))
}

/// Whether one folder is the other, or lies within it.
fn overlap(left: &str, right: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(left, right) || within(right, left)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);

    impl Random for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    fn named(name: &str) -> NewClient {
        NewClient { name: name.to_owned(), ..NewClient::default() }
    }

    #[test]
    fn clients_are_made_found_and_removed_and_no_token_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let random = Counting(1.into());
        let clients = Clients::new(folder.path());
        assert!(clients.all().unwrap().is_empty());
        let (client, token) = clients.add(named("db1"), Timestamp::UNIX_EPOCH, &random).unwrap();
        let token = token.unwrap();
        assert_eq!(client.folder, "db1");
        assert!(token.starts_with(PREFIX) && token.len() == 4 + 43, "{token}");
        let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert!(!text.contains(&token), "{text}");
        // Somebody else's process sees it too.
        let again = Clients::new(folder.path());
        assert!(again.all().unwrap()[0].is_shown(Some("db1"), Some(&token), None));
        let error = again.add(named("db1"), Timestamp::UNIX_EPOCH, &random).unwrap_err();
        assert!(matches!(error, ClientsError::Exists(_)));
        again.remove("db1").unwrap();
        assert!(clients.all().unwrap().is_empty(), "a change of another process is seen");
        assert!(matches!(clients.remove("db1"), Err(ClientsError::NotFound(_))));
    }

    #[test]
    fn a_client_is_changed_by_who_knows_how_it_is_and_its_token_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let random = Counting(1.into());
        let clients = Clients::new(folder.path());
        let (client, first) = clients.add(named("db1"), Timestamp::UNIX_EPOCH, &random).unwrap();
        let change = || ClientChange { quota: Some(7), append_only: true, ..ClientChange::default() };
        let (before, after) = clients.update("db1", client.revision, change()).unwrap();
        assert_eq!((before.quota, after.quota, after.append_only, after.revision), (None, Some(7), true, 2));
        assert!(matches!(clients.update("db1", 1, change()), Err(ClientsError::Changed(_))));
        assert!(matches!(clients.update("db2", 1, change()), Err(ClientsError::NotFound(_))));
        let (client, second) = clients.renew_token("db1", &random).unwrap();
        assert_eq!((client.quota, client.revision), (Some(7), 3));
        let kept = clients.all().unwrap();
        assert!(kept[0].is_shown(None, Some(&second), None), "the new one opens");
        assert!(!kept[0].is_shown(None, first.as_deref(), None), "the one before does not");
        let certificate_sha256 = Some("ab".repeat(32));
        let new = NewClient { certificate_sha256, without_token: true, ..named("db2") };
        clients.add(new, Timestamp::UNIX_EPOCH, &random).unwrap();
        assert!(matches!(clients.renew_token("db2", &random), Err(ClientsError::NoToken(_))));
    }

    #[test]
    fn folders_of_clients_never_overlap() {
        let folder = tempfile::tempdir().unwrap();
        let random = Counting(1.into());
        let clients = Clients::new(folder.path());
        let add = |name: &str, folder: &str| {
            let new = NewClient { folder: Some(folder.to_owned()), ..named(name) };
            clients.add(new, Timestamp::UNIX_EPOCH, &random).map(|(client, _)| client.folder)
        };
        assert_eq!(add("a", "site/{name}").unwrap(), "site/a");
        for taken in ["site", "site/a", "site/a/b"] {
            assert!(matches!(add("b", taken), Err(ClientsError::FolderTaken { .. })), "{taken}");
        }
        assert_eq!(add("b", "site/ab").unwrap(), "site/ab");
        for bad in ["../x", "/x", ".x", ""] {
            assert!(matches!(add("c", bad), Err(ClientsError::Invalid { .. })), "{bad}");
        }
        assert!(matches!(add("a:b", "x"), Err(ClientsError::Invalid { .. })));
    }
}
