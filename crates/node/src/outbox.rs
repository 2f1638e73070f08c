//! Keeps the server informed, and takes home what it wants.
//!
//! Two loops use one uplink. *Tell* sends what lies in the outbox as soon as something does, and a sign of life from time to
//! time. *Listen* waits at the server for commands and changed plans. Apart, so that news need not wait for an answer that
//! takes its time. Without its server a node goes on, and tells everything later, in order.

use std::sync::Arc;
use std::time::Duration;

use backstay_catalog::{Agreement, CatalogError, OutboxLimits};
use backstay_model::command::CommandResult;
use backstay_model::link::{SyncRequest, SyncResponse};
use backstay_model::{CommandId, HostState};
use backstay_policy::Backoff;
use parking_lot::Mutex;

use crate::node::Inner;
use crate::uplink::{Uplink, UplinkError};
use crate::{asks, host};

/// A sign of life comes at least so often.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// For how long the server may think about whether it has something to say.
const PATIENCE: Duration = Duration::from_secs(20);
/// A server that refuses this node is asked again after this time.
const REFUSED: Duration = Duration::from_secs(600);
/// How much goes in one request.
const PARCEL: OutboxLimits = OutboxLimits { entries: 500, bytes: 512 << 10 };

/// What came of commands, until the server has heard it.
#[derive(Default)]
pub(crate) struct Results {
    waiting: Mutex<Vec<CommandResult>>,
    /// The last ones, for a server that missed the answer and asks again.
    told: Mutex<Vec<CommandResult>>,
}

impl Results {
    fn push(&self, result: CommandResult) {
        self.waiting.lock().push(result);
    }

    fn take(&self) -> Vec<CommandResult> {
        std::mem::take(&mut self.waiting.lock())
    }

    fn put_back(&self, mut results: Vec<CommandResult>) {
        let mut waiting = self.waiting.lock();
        results.append(&mut waiting);
        *waiting = results;
    }

    fn remember(&self, mut results: Vec<CommandResult>) {
        let mut told = self.told.lock();
        told.append(&mut results);
        let surplus = told.len().saturating_sub(64);
        told.drain(..surplus);
    }

    /// What came of a command that was carried out before; `None` while it is being carried out, or long forgotten.
    fn of(&self, id: CommandId) -> Option<CommandResult> {
        self.told.lock().iter().find(|result| result.id == id).cloned()
    }

    fn is_empty(&self) -> bool {
        self.waiting.lock().is_empty()
    }
}

/// Sends what there is to tell, for ever.
pub(crate) async fn tell(inner: Arc<Inner>, uplink: Arc<dyn Uplink>) {
    let mut failures = 0;
    loop {
        let rung = inner.news.notified();
        tokio::pin!(rung);
        rung.as_mut().enable();
        match send(&inner, &*uplink).await {
            Ok(true) => failures = 0,
            Ok(false) => {
                failures = 0;
                tokio::select! {
                    () = rung => tokio::time::sleep(Duration::from_millis(20)).await,
                    () = tokio::time::sleep(HEARTBEAT) => {}
                }
            }
            Err(error) => {
                tokio::time::sleep(pause(&inner, &error, failures)).await;
                failures += 1;
            }
        }
    }
}

/// Waits for commands and plans, for ever.
pub(crate) async fn listen(inner: Arc<Inner>, uplink: Arc<dyn Uplink>) {
    let mut failures = 0;
    loop {
        match ask(&inner, &*uplink).await {
            Ok(()) => failures = 0,
            Err(error) => {
                tokio::time::sleep(pause(&inner, &error, failures)).await;
                failures += 1;
            }
        }
    }
}

/// Returns once there is nothing left to tell.
pub(crate) async fn drained(inner: &Inner) {
    loop {
        inner.news.notify_waiters();
        match inner.store.outbox_range().await {
            Ok((acknowledged, last)) if acknowledged == last => return,
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Sends one request with what there is; whether there may be more.
async fn send(inner: &Arc<Inner>, uplink: &dyn Uplink) -> Result<bool, SyncError> {
    *inner.host.lock() = host::host_state(&inner.options.data_dir);
    let asked = asked(inner).await?;
    let believed = asked.believed;
    let entries = inner.store.outbox(believed, PARCEL).await?;
    let results = inner.results.take();
    let request = SyncRequest { entries, results: results.clone(), ..request(inner, &asked, Duration::ZERO) };
    let response = match uplink.sync(request).await {
        Ok(response) => response,
        Err(error) => {
            inner.results.put_back(results);
            return Err(error.into());
        }
    };
    inner.results.remember(results);
    take_in(inner, response, &asked).await?;
    let (acknowledged, last) = inner.store.outbox_range().await?;
    Ok(acknowledged > believed && acknowledged < last)
}

async fn ask(inner: &Arc<Inner>, uplink: &dyn Uplink) -> Result<(), SyncError> {
    let asked = asked(inner).await?;
    let response = uplink.sync(request(inner, &asked, PATIENCE)).await?;
    take_in(inner, response, &asked).await
}

/// What was so when a request was made. Its answer speaks of that, and may come after the answer to a later request.
struct Asked {
    /// How often everything had been told again.
    retold: u64,
    /// Up to which number the server was believed to have the outbox.
    believed: i64,
    /// The version of the configuration that was there.
    configuration: i64,
}

async fn asked(inner: &Inner) -> Result<Asked, CatalogError> {
    let retold = inner.retold.lock().await;
    let believed = inner.store.outbox_range().await?.0;
    Ok(Asked { retold: *retold, believed, configuration: inner.configuration().version })
}

fn request(inner: &Inner, asked: &Asked, patience: Duration) -> SyncRequest {
    SyncRequest {
        node: inner.id(),
        incarnation: inner.incarnation,
        now: inner.now(),
        host: HostState { logs: inner.followers.told(), ..inner.host.lock().clone() },
        acknowledged: asked.believed,
        entries: Vec::new(),
        results: Vec::new(),
        configuration: asked.configuration,
        patience_ms: u64::try_from(patience.as_millis()).unwrap_or(0),
    }
}

async fn take_in(inner: &Arc<Inner>, response: SyncResponse, asked: &Asked) -> Result<(), SyncError> {
    *inner.refused.lock() = None;
    {
        let mut retold = inner.retold.lock().await;
        // Numbers from before everything was told again mean nothing now.
        if *retold == asked.retold && has_set_back(inner, response.acknowledged, asked).await? {
            // The server, or this node, was set back to an earlier state: all that is still known here is told once more.
            inner.store.retell_everything(response.acknowledged).await?;
            *retold += 1;
            inner.news.notify_waiters();
        }
        if let Some(configuration) = response.configuration {
            let has = inner.configuration().version;
            // Of two answers on their way at once, the newer counts, whichever comes first. An older version is taken home only
            // by who was asked about the present one: so it is after the server was set back.
            if configuration.version > has || asked.configuration == has {
                inner.configure(configuration).await?;
            }
        }
    }
    for command in response.commands {
        if inner.store.begin_command(command.id, inner.now()).await? {
            let inner = Arc::clone(inner);
            tokio::spawn(async move {
                let result = asks::carry_out(&inner, command).await;
                inner.results.push(result);
                inner.news.notify_waiters();
            });
        } else if let Some(result) = inner.results.of(command.id) {
            inner.results.push(result);
            inner.news.notify_waiters();
        }
    }
    if !inner.results.is_empty() {
        inner.news.notify_waiters();
    }
    Ok(())
}

/// Takes note of how far the server has the outbox; whether it, or this node, was set back to an earlier state.
async fn has_set_back(inner: &Inner, heard: i64, asked: &Asked) -> Result<bool, CatalogError> {
    if heard < asked.believed {
        return Ok(true);
    }
    let (acknowledged, _) = inner.store.outbox_range().await?;
    Ok(heard > acknowledged && inner.store.acknowledge(heard).await? == Agreement::Disagreed)
}

/// How long to wait before the next try. A node that is refused goes on with its plans all the same: whether they end is up
/// to the owner of its host, since what it backs up may have no other copy.
fn pause(inner: &Inner, error: &SyncError, failures: u32) -> Duration {
    if let SyncError::Uplink(UplinkError::Refused(why)) = error {
        let mut told = inner.refused.lock();
        if told.as_ref() != Some(why) {
            let minutes = REFUSED.as_secs() / 60;
            eprintln!(
                "backstay: the server refuses this node: {why}\n\
                 backstay: its plans go on without the server, which is asked again every {minutes} minutes"
            );
            *told = Some(why.clone());
        }
        return REFUSED;
    }
    let backoff = Backoff { most: Duration::from_secs(60), ..Backoff::default() };
    backoff.delay(failures, inner.incarnation)
}

/// Why one exchange did not go well.
#[derive(Debug, thiserror::Error)]
enum SyncError {
    #[error(transparent)]
    Uplink(#[from] UplinkError),
    #[error(transparent)]
    Store(#[from] CatalogError),
}
