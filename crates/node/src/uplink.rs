//! The way to the server. The node always asks; nothing dials a node.

use std::future::Future;
use std::pin::Pin;

use backstay_model::link::{SyncRequest, SyncResponse};
use backstay_model::{NodeId, TransferId};
use tokio::sync::mpsc::Receiver;

/// Why a server did not answer as it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UplinkError {
    /// It cannot be reached now.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// It does not take this node: it was revoked, or another process with its identity came.
    #[error("the server refuses this node: {0}")]
    Refused(String),
}

/// What an uplink gives back, when it does.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<SyncResponse, UplinkError>> + Send + 'a>>;

/// A part of content, or why there is no more of it. An empty part is the end. What ends without one is torn, and must not be
/// taken for whole.
pub type Chunk = Result<Vec<u8>, String>;

/// What comes of handing content over.
pub type Sent<'a> = Pin<Box<dyn Future<Output = Result<(), UplinkError>> + Send + 'a>>;

/// A server, in this process or far away.
pub trait Uplink: Send + Sync {
    /// Tells and asks, once.
    fn sync(&self, request: SyncRequest) -> Answer<'_>;

    /// Hands over content that the server has asked this node for. It comes to an end early when nobody wants it any more.
    fn send(&self, node: NodeId, transfer: TransferId, content: Receiver<Chunk>) -> Sent<'_>;
}
