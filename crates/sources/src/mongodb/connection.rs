//! A connection to a server, with the runtime that it needs.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use backstay_core::{Control, Interrupted};
use mongodb::bson::{Bson, Document, doc};
use mongodb::{Client, Database};
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;

use super::error::{MongoError, Result, Trouble};
use super::gate::Gate;
use super::reader::Room;
use super::{Access, Position};

/// How often one who waits for a server looks whether the work is cancelled.
const HEARS: Duration = Duration::from_millis(100);

/// The driver takes more of it for each level of a document.
const STACK: usize = 8 << 20;

/// A connection to a server, or to the replica set that it is of. It may be used from several threads.
///
/// It is made, used and dropped outside of any asynchronous runtime.
pub struct Connection {
    // Before the runtime: both end on it.
    client: Client,
    gate: Gate,
    runtime: Runtime,
    place: String,
    hello: Document,
    version: String,
    room: Room,
    away: Duration,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({}, {})", self.place, self.version)
    }
}

impl Connection {
    /// Connects and logs in.
    ///
    /// # Errors
    /// When the address cannot be used, nobody answers there, or does not let the user in.
    pub fn open(access: &Access) -> Result<Self> {
        let place = access.place();
        let what = || format!("cannot connect to {place}");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("backstay-mongodb")
            .thread_stack_size(STACK)
            .enable_all()
            .build()
            .map_err(|error| MongoError::storage(what(), &error))?;
        let (client, gate, hello, build) = runtime.block_on(async {
            let mut options = access.options().await?;
            let guard = access.guard.clone().unwrap_or_else(|| Arc::new(all_addresses));
            judge(&guard, &options.hosts, &place).await?;
            let gate = Gate::open(guard, &mut options).await?;
            let client = Client::with_options(options).map_err(|error| MongoError::of(what(), &error))?;
            let admin = client.database("admin");
            let asked = async {
                let hello = admin.run_command(doc! { "hello": 1 }).await?;
                Ok((hello, admin.run_command(doc! { "buildInfo": 1 }).await?))
            };
            let (hello, build) = until_refused(&gate, asked).await?.map_err(|error| {
                let mut error = MongoError::of(what(), &error);
                if let Some(why) = gate.failed().filter(|_| error.trouble == Trouble::NoAnswer) {
                    error.cause = format!("{why} ({})", error.cause);
                }
                error
            })?;
            Ok::<_, MongoError>((client, gate, hello, build))
        })?;
        let version = build.get_str("version").unwrap_or_default().to_owned();
        Ok(Self { client, gate, runtime, place, hello, version, room: Room::default(), away: access.away() })
    }

    /// The hosts, for messages.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// How long the server is waited for once it went away, as [`Access::away`] has it.
    #[must_use]
    pub const fn away(&self) -> Duration {
        self.away
    }

    /// The server's version, as it says it.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The replica set that the server is of.
    #[must_use]
    pub fn replica_set(&self) -> Option<&str> {
        self.hello.get_str("setName").ok()
    }

    /// Whether it is a router of a sharded cluster.
    #[must_use]
    pub fn is_router(&self) -> bool {
        self.hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid")
    }

    /// Whether a member of a replica set takes writes; any other server does.
    pub(super) fn is_writable(&self) -> bool {
        self.hello.get_bool("isWritablePrimary").or_else(|_| self.hello.get_bool("ismaster")).unwrap_or(true)
    }

    /// The second that the server's clock is in, and whether it is who all entries of the oplog come from.
    pub(super) fn clock(&self) -> Result<(u32, bool)> {
        let what = "asking for the server's time";
        let hello = self.command(what, "admin", doc! { "hello": 1 })?;
        let time = hello.get_datetime("localTime");
        let time =
            time.map_err(|_| MongoError::new(Trouble::Refused, what, "it does not say what time it is"))?;
        let seconds = u32::try_from(time.timestamp_millis().div_euclid(1000)).unwrap_or_default();
        Ok((seconds, hello.get_bool("isWritablePrimary").unwrap_or(false)))
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    pub(super) const fn room(&self) -> &Room {
        &self.room
    }

    pub(super) fn database(&self, name: &str) -> Database {
        self.client.database(name)
    }

    /// Waits for something.
    pub(super) fn wait<F: Future>(&self, future: F) -> Result<F::Output> {
        self.runtime.block_on(until_refused(&self.gate, future))
    }

    /// Waits for something that is given up when the work is cancelled. A server that does not answer keeps nobody.
    pub(super) fn heed<F: Future>(&self, control: &Control, future: F) -> Result<F::Output> {
        let output = self.wait(async {
            tokio::select! {
                output = future => Some(output),
                () = cancelled(control) => None,
            }
        })?;
        output.ok_or_else(|| Interrupted.into())
    }

    /// Has something done beside this thread.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.runtime.spawn(work).abort_handle()
    }

    /// Waits for something that the driver does.
    pub(super) fn ask<T>(
        &self,
        what: impl Into<String>,
        future: impl Future<Output = mongodb::error::Result<T>>,
    ) -> Result<T> {
        self.wait(future)?.map_err(|error| MongoError::of(what, &error))
    }

    /// Has a command carried out.
    pub(super) fn command(
        &self,
        what: impl Into<String>,
        database: &str,
        command: Document,
    ) -> Result<Document> {
        self.ask(what, async { self.database(database).run_command(command).await })
    }

    /// The newest entry of the oplog; `None` when there is no oplog.
    pub(super) fn newest(&self) -> Result<Option<Position>> {
        self.edge(-1)
    }

    /// The oldest entry of the oplog.
    pub(super) fn oldest(&self) -> Result<Option<Position>> {
        self.edge(1)
    }

    fn edge(&self, direction: i32) -> Result<Option<Position>> {
        if self.replica_set().is_none() || self.is_router() {
            return Ok(None);
        }
        let oplog = self.database("local").collection::<Document>("oplog.rs");
        let query = async { oplog.find_one(doc! {}).sort(doc! { "$natural": direction }).await };
        let entry = self.ask("asking for the end of the oplog", query)?;
        match entry.as_ref().and_then(|entry| entry.get("ts")) {
            Some(Bson::Timestamp(at)) => Ok(Some(Position { seconds: at.time, counter: at.increment })),
            Some(_) => Err(MongoError::new(
                Trouble::Refused,
                "asking for the end of the oplog",
                "an entry has no time",
            )),
            None => Ok(None),
        }
    }
}

/// Waits for something that a server says, and no longer once it says what is not looked at.
async fn until_refused<F: Future>(gate: &Gate, future: F) -> Result<F::Output> {
    tokio::select! {
        biased;
        error = gate.refused() => Err(error),
        output = future => Ok(output),
    }
}

/// Judges nothing, where there is no guard.
fn all_addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok((host, port).to_socket_addrs()?.collect())
}

async fn cancelled(control: &Control) {
    while !control.is_cancelled() {
        tokio::time::sleep(HEARS).await;
    }
}

/// Asks the guard about the hosts that were named, for a clear answer before anything is tried.
async fn judge(guard: &super::Guard, hosts: &[mongodb::options::ServerAddress], place: &str) -> Result<()> {
    for host in hosts {
        let mongodb::options::ServerAddress::Tcp { host, port } = host else {
            return Err(MongoError::new(
                Trouble::Settings,
                format!("cannot connect to {place}"),
                "sockets are not allowed",
            ));
        };
        let (guard, host, port) = (guard.clone(), host.clone(), port.unwrap_or(27017));
        let judged = tokio::task::spawn_blocking(move || guard(&host, port)).await;
        let judged =
            judged.map_err(|error| MongoError::new(Trouble::Settings, "looking a host up", error))?;
        judged.map_err(|error| {
            MongoError::new(Trouble::Settings, format!("cannot connect to {place}"), error)
        })?;
    }
    Ok(())
}
