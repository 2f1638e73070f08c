//! Content on its way from nodes to those who asked for it.
//!
//! Whoever asks waits here, under an id that the node is told. The node brings the content by itself, for nobody dials a node; and
//! it is taken from that node alone.

use std::collections::HashMap;
use std::sync::Arc;

use backstay_model::{NodeId, TransferId};
use backstay_node::Chunk;
use parking_lot::Mutex;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// Parts that wait to be taken.
const WAITING: usize = 2;

/// Who waits for what.
#[derive(Debug, Default)]
pub(crate) struct Transfers(Mutex<HashMap<TransferId, (NodeId, Sender<Chunk>)>>);

/// Somebody who waits. Nobody does any more when it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting {
    transfers: Arc<Transfers>,
    transfer: TransferId,
}

impl Transfers {
    /// Waits for content of a node.
    pub(crate) fn expect(self: &Arc<Self>, node: NodeId, transfer: TransferId) -> (Waiting, Receiver<Chunk>) {
        let (parts, content) = mpsc::channel(WAITING);
        self.0.lock().insert(transfer, (node, parts));
        (Waiting { transfers: Arc::clone(self), transfer }, content)
    }

    /// Where to bring content of a node, if anybody waits for it.
    pub(crate) fn take(&self, node: NodeId, transfer: TransferId) -> Option<Sender<Chunk>> {
        let mut waiting = self.0.lock();
        if waiting.get(&transfer)?.0 != node {
            return None;
        }
        waiting.remove(&transfer).map(|(_, parts)| parts)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.transfers.0.lock().remove(&self.transfer);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn content_is_taken_once_and_from_the_node_that_was_asked() {
        let transfers = Arc::new(Transfers::default());
        let (node, other) = (NodeId(Uuid::from_u128(1)), NodeId(Uuid::from_u128(2)));
        let transfer = TransferId(Uuid::from_u128(3));
        let (waiting, content) = transfers.expect(node, transfer);
        assert!(transfers.take(other, transfer).is_none());
        assert!(transfers.take(node, transfer).is_some());
        assert!(transfers.take(node, transfer).is_none());
        drop((waiting, content));
        let (waiting, _content) = transfers.expect(node, transfer);
        drop(waiting);
        assert!(transfers.take(node, transfer).is_none());
    }
}
