//! Answers nodes, and puts questions to them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use backstay_catalog::{CatalogError, Change, Contact, ServerStore};
use backstay_core::{Clock, Random};
use backstay_model::command::{Answer, Ask, Command, CommandError, Refusal};
use backstay_model::link::{NodeConfiguration, SyncRequest, SyncResponse};
use backstay_model::{CommandId, NodeId, Time, TransferId};
use backstay_node::{Chunk, Content};
use backstay_vault::Vault;
use parking_lot::Mutex;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::configuration;
use super::transfers::Transfers;
use super::trouble::{self, Verdict};
use crate::state::later;
use crate::state::now_of;

/// For how long a node is made to wait at most when there is nothing to say.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A command that nothing came of is given again after this time.
const AGAIN_AFTER: Duration = Duration::from_secs(15);
/// An answer that word was missed of is looked for this often.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Why a node got no answer.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// It is not listened to.
    #[error("{0}")]
    Refused(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] CatalogError),
    /// What the node has to do cannot be put together.
    #[error("{0}")]
    Configuration(#[from] configuration::ConfigurationError),
}

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The node did, and it is no.
    #[error(transparent)]
    Node(#[from] CommandError),
    /// It has not answered in time.
    #[error("the node has not answered within {0} s")]
    Silent(u64),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] CatalogError),
}

/// Where nodes and those who ask them meet.
pub struct LinkHub {
    store: ServerStore,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    bells: Arc<Bells>,
    dispatcher: JoinHandle<()>,
    /// The nodes that have been heard of since this server started.
    greeted: Mutex<HashSet<NodeId>>,
    /// When two processes with one identity were last heard of.
    doubled: Mutex<HashMap<NodeId, Time>>,
    /// Since when this server listens.
    since: Time,
    transfers: Arc<Transfers>,
    /// Nobody is made to wait any more.
    closed: AtomicBool,
}

/// Content that comes from a node.
#[derive(Debug)]
pub struct Fetched {
    /// What people would call it.
    pub name: String,
    /// How many bytes it has, where that is known before.
    pub length: Option<u64>,
    /// It.
    pub content: Content,
}

/// Who waits for what.
#[derive(Default)]
struct Bells {
    nodes: Mutex<HashMap<NodeId, Arc<Notify>>>,
    commands: Mutex<HashMap<CommandId, Arc<Notify>>>,
}

impl LinkHub {
    /// A hub over a store. It has to be made within a runtime.
    #[must_use]
    pub fn new(
        store: ServerStore,
        vault: Arc<Vault>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let bells = Arc::new(Bells::default());
        let dispatcher = tokio::spawn(dispatch(store.subscribe(), Arc::clone(&bells)));
        let since = now_of(&*clock);
        Self {
            store,
            vault,
            clock,
            random,
            bells,
            dispatcher,
            greeted: Mutex::default(),
            doubled: Mutex::default(),
            since,
            transfers: Arc::default(),
            closed: AtomicBool::new(false),
        }
    }

    /// Puts a question to a node and waits for its answer.
    ///
    /// # Errors
    /// When the node refuses, or has not answered in time: then it does not begin with it any more either.
    pub async fn ask(
        &self,
        node: NodeId,
        by: &str,
        ask: Ask,
        patience: Duration,
    ) -> Result<Answer, AskError> {
        let id = CommandId::new(&*self.clock, &*self.random);
        let expires = later(now_of(&*self.clock), patience);
        let bell = Waiting::new(&self.bells, id);
        self.store.add_command(node, &Command { id, requested_by: by.to_owned(), expires, ask }).await?;
        let end = Instant::now() + patience;
        loop {
            let rung = bell.notify.notified();
            if let Some(result) = self.store.command_result(id).await? {
                return Ok(result.answer?);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(AskError::Silent(patience.as_secs()));
            }
            // The bell may have been missed when another server took the answer in.
            let _ = tokio::time::timeout(left.min(LOOK_EVERY), rung).await;
        }
    }

    /// Asks a node for content of a snapshot, and waits until it begins to come.
    ///
    /// # Errors
    /// When the node refuses, or neither answers nor brings anything in time.
    pub async fn fetch(
        &self,
        node: NodeId,
        by: &str,
        ask: impl FnOnce(TransferId) -> Ask,
        patience: Duration,
    ) -> Result<Fetched, AskError> {
        let transfer = TransferId::new(&*self.clock, &*self.random);
        let (_waiting, mut parts) = self.transfers.expect(node, transfer);
        let Answer::Sending { name, length } = self.ask(node, by, ask(transfer), patience).await? else {
            return Err(AskError::Silent(patience.as_secs()));
        };
        let first = tokio::time::timeout(patience, parts.recv()).await;
        let Ok(Some(first)) = first else { return Err(AskError::Silent(patience.as_secs())) };
        if let Err(message) = first {
            return Err(AskError::Node(CommandError { kind: Refusal::Failed, message, hint: None }));
        }
        Ok(Fetched { name, length, content: Content::after(first, parts) })
    }

    /// Where a node is to bring content, if anybody waits for it.
    pub(crate) fn bring(&self, node: NodeId, transfer: TransferId) -> Option<mpsc::Sender<Chunk>> {
        self.transfers.take(node, transfer)
    }

    /// Answers a node that is known by its certificate, or lives in this process.
    ///
    /// # Errors
    /// When it was shut out, or another process with its identity has taken its place; when the store fails.
    pub async fn sync(&self, request: SyncRequest) -> Result<SyncResponse, SyncError> {
        let id = request.node;
        let now = now_of(&*self.clock);
        let node = self.store.node(id).await?;
        let node = node.filter(|node| !node.revoked);
        let node =
            node.ok_or_else(|| SyncError::Refused("this node has been removed from the server".to_owned()))?;
        if self.store.node_seen(id, request.incarnation, &request.host, now).await? == Contact::Doubled {
            self.doubled.lock().insert(id, now);
            self.store.judge_node(id, trouble::DOUBLED, Some(trouble::DOUBLED)).await?;
            return Err(SyncError::Refused(trouble::DOUBLED.to_owned()));
        }
        let doubled = self.doubled.lock().get(&id).copied().unwrap_or(self.since);
        for (beginning, verdict) in trouble::judge(&request, doubled, now) {
            // Most exchanges change nothing, and then nothing is written.
            let is_told =
                node.trouble.iter().flat_map(|told| told.lines()).any(|told| told.starts_with(beginning));
            match verdict {
                Verdict::Bad(text) if !is_told => {
                    self.store.judge_node(id, beginning, Some(&text)).await?;
                }
                Verdict::Good if is_told => {
                    self.store.judge_node(id, beginning, None).await?;
                }
                _ => {}
            }
        }
        let acknowledged = self.store.ingest(id, request.incarnation, &request.entries).await?.acknowledged;
        self.store.settle_commands(id, &request.results).await?;

        let patience = Duration::from_millis(request.patience_ms).min(LONGEST_WAIT);
        let end = Instant::now() + patience;
        let bell = self.bells.of_node(id);
        loop {
            let rung = bell.notified();
            tokio::pin!(rung);
            rung.as_mut().enable();
            let commands = self.store.take_commands(id, now_of(&*self.clock), AGAIN_AFTER).await?;
            let configuration = self.configuration(&node, request.configuration).await?;
            let left = end.saturating_duration_since(Instant::now());
            let is_over = left.is_zero() || self.closed.load(Ordering::Acquire);
            if !commands.is_empty() || configuration.is_some() || is_over {
                return Ok(SyncResponse { acknowledged, commands, configuration });
            }
            let _ = tokio::time::timeout(left, rung).await;
        }
    }

    /// Lets all nodes go that wait for something to be said, now and from now on: the server ends.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.bells.nodes.lock().values().for_each(|bell| bell.notify_waiters());
    }

    /// What the node has to do, when it is not what it has.
    async fn configuration(
        &self,
        node: &backstay_model::Node,
        has: i64,
    ) -> Result<Option<NodeConfiguration>, SyncError> {
        let mut version = self.store.node_link(node.id).await?.configuration;
        let is_first = !self.greeted.lock().contains(&node.id);
        if has == version && !is_first {
            return Ok(None);
        }
        // What the node has may be from a future that is no more, under a number that has come again since: a server that starts
        // may have been set back to an earlier state. So each node gets its configuration once from each server that starts.
        if has > version || (is_first && has > 0) {
            version = self.store.renew_configuration(node.id, has).await?;
        }
        let built = configuration::build(&self.store, &self.vault, &*self.random, node, version).await?;
        self.greeted.lock().insert(node.id);
        Ok(Some(built))
    }
}

impl Drop for LinkHub {
    fn drop(&mut self) {
        self.dispatcher.abort();
    }
}

impl Bells {
    fn of_node(&self, node: NodeId) -> Arc<Notify> {
        Arc::clone(self.nodes.lock().entry(node).or_default())
    }
}

/// One who waits for what comes of a command.
struct Waiting<'a> {
    bells: &'a Bells,
    id: CommandId,
    notify: Arc<Notify>,
}

impl<'a> Waiting<'a> {
    fn new(bells: &'a Bells, id: CommandId) -> Self {
        let notify = Arc::new(Notify::new());
        bells.commands.lock().insert(id, Arc::clone(&notify));
        Self { bells, id, notify }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.bells.commands.lock().remove(&self.id);
    }
}

/// Rings the bells of those whom a change concerns.
async fn dispatch(mut changes: tokio::sync::broadcast::Receiver<Change>, bells: Arc<Bells>) {
    loop {
        match changes.recv().await {
            Ok(Change::CommandsWaiting { node } | Change::ConfigurationChanged { node }) => {
                if let Some(bell) = bells.nodes.lock().get(&node) {
                    bell.notify_waiters();
                }
            }
            Ok(Change::CommandSettled { command }) => {
                if let Some(bell) = bells.commands.lock().get(&command) {
                    bell.notify_one();
                }
            }
            Ok(Change::Unknown) | Err(RecvError::Lagged(_)) => {
                bells.nodes.lock().values().for_each(|bell| bell.notify_waiters());
                bells.commands.lock().values().for_each(|bell| bell.notify_one());
            }
            Ok(_) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

impl From<AskError> for crate::problem::Problem {
    fn from(error: AskError) -> Self {
        use axum::http::StatusCode;
        match error {
            AskError::Node(CommandError { kind, message, hint }) => {
                let problem = match kind {
                    Refusal::NotFound => Self::new(StatusCode::NOT_FOUND, "not_found", message),
                    Refusal::Conflict => Self::conflict(message),
                    Refusal::Forbidden => Self::new(StatusCode::FORBIDDEN, "forbidden_by_node", message),
                    Refusal::Failed => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "failed_on_node", message),
                    Refusal::Invalid => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message),
                };
                match hint {
                    Some(hint) => problem.hint(hint),
                    None => problem,
                }
            }
            error @ AskError::Silent(_) => {
                Self::new(StatusCode::GATEWAY_TIMEOUT, "node_silent", error.to_string())
                    .hint("see that the node is switched on and reaches the server, and try again")
            }
            AskError::Store(error) => error.into(),
        }
    }
}

/// The way to the hub for the node in the server's own process.
impl backstay_node::Uplink for LinkHub {
    fn sync(&self, request: SyncRequest) -> backstay_node::UplinkAnswer<'_> {
        Box::pin(async move {
            Self::sync(self, request).await.map_err(|error| match error {
                SyncError::Refused(why) => backstay_node::UplinkError::Refused(why),
                other => backstay_node::UplinkError::Unreachable(other.to_string()),
            })
        })
    }

    fn send(
        &self,
        node: NodeId,
        transfer: TransferId,
        mut content: mpsc::Receiver<Chunk>,
    ) -> backstay_node::Sent<'_> {
        Box::pin(async move {
            let gone = || backstay_node::UplinkError::Refused("nobody waits for it any more".to_owned());
            let parts = self.bring(node, transfer).ok_or_else(gone)?;
            while let Some(part) = content.recv().await {
                parts.send(part).await.map_err(|_| gone())?;
            }
            Ok(())
        })
    }
}
