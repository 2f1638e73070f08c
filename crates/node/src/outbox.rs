//! Keeps the server informed, and takes home what it wants.
//!
//! Two loops use one uplink. *Tell* sends what lies in the outbox as soon as something does, and a sign of life from time to
//! time. *Listen* waits at the server for commands and changed plans. Apart, so that news need not wait for an answer that
//! takes its time. Without its server a node goes on, and tells everything later, in order.

use std::sync::Arc;
use std::time::Duration;

use backstay_catalog::{Agreement, CatalogError, OutboxLimits};
use backstay_model::CommandId;
use backstay_model::command::CommandResult;
use backstay_model::link::{SyncRequest, SyncResponse};
use backstay_policy::Backoff;
use parking_lot::Mutex;

use crate::node::Inner;
use crate::uplink::{Uplink, UplinkError};
use crate::{asks, host};

/// A sign of life comes at least so often.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// For how long the server may think about whether it has something to say.
const PATIENCE: Duration = Duration::from_secs(20);
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
            Err(_) => {
                tokio::time::sleep(pause(&inner, failures)).await;
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
            Err(_) => {
                tokio::time::sleep(pause(&inner, failures)).await;
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
    let believed = acknowledged(inner).await?;
    let entries = inner.store.outbox(believed, PARCEL).await?;
    let results = inner.results.take();
    let request =
        SyncRequest { entries, results: results.clone(), ..request(inner, believed, Duration::ZERO) };
    let response = match uplink.sync(request).await {
        Ok(response) => response,
        Err(error) => {
            inner.results.put_back(results);
            return Err(error.into());
        }
    };
    inner.results.remember(results);
    take_in(inner, response, believed).await?;
    let (acknowledged, last) = inner.store.outbox_range().await?;
    Ok(acknowledged > believed && acknowledged < last)
}

async fn ask(inner: &Arc<Inner>, uplink: &dyn Uplink) -> Result<(), SyncError> {
    let believed = acknowledged(inner).await?;
    let response = uplink.sync(request(inner, believed, PATIENCE)).await?;
    take_in(inner, response, believed).await
}

fn request(inner: &Inner, believed: i64, patience: Duration) -> SyncRequest {
    SyncRequest {
        node: inner.id(),
        incarnation: inner.incarnation,
        now: inner.now(),
        host: inner.host.lock().clone(),
        acknowledged: believed,
        entries: Vec::new(),
        results: Vec::new(),
        configuration: inner.configuration().version,
        patience_ms: u64::try_from(patience.as_millis()).unwrap_or(0),
    }
}

async fn acknowledged(inner: &Inner) -> Result<i64, CatalogError> {
    Ok(inner.store.outbox_range().await?.0)
}

async fn take_in(inner: &Arc<Inner>, response: SyncResponse, believed: i64) -> Result<(), SyncError> {
    let heard = response.acknowledged;
    // An answer that was overtaken by a later one says less than is known by now, and nothing new.
    let set_back = heard < believed
        || (heard > acknowledged(inner).await?
            && inner.store.acknowledge(heard).await? == Agreement::Disagreed);
    if set_back {
        // The server, or this node, was set back to an earlier state: all that is still known here is told once more.
        inner.store.retell_everything(heard).await?;
        inner.news.notify_waiters();
    }
    if let Some(configuration) = response.configuration {
        inner.configure(configuration).await?;
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

fn pause(inner: &Inner, failures: u32) -> Duration {
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
