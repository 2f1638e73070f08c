//! Resume tokens of transfers, in the node's store.

use std::io;
use std::sync::Arc;

use backstay_archive::transfer::{Begun, Tokens, TransferKey};
use backstay_catalog::{NodeStore, Transfer};
use backstay_core::Clock;
use tokio::runtime::Handle;

use crate::clock::now;
use crate::node::Inner;

/// Keeps tokens where they outlive the process. For threads that may block.
pub(crate) struct StoredTokens {
    store: NodeStore,
    clock: Arc<dyn Clock>,
    handle: Handle,
}

impl StoredTokens {
    /// The tokens of a node.
    pub(crate) fn of(inner: &Inner, handle: Handle) -> Arc<dyn Tokens> {
        Arc::new(Self { store: inner.store.clone(), clock: Arc::clone(&inner.clock), handle })
    }
}

impl Tokens for StoredTokens {
    fn load(&self, key: &TransferKey) -> io::Result<Option<Begun>> {
        let found = self.handle.block_on(self.store.transfer(&key.digest())).map_err(io::Error::other)?;
        Ok(found.map(|Transfer { token, chunk_size }| Begun { token, chunk_size }))
    }

    fn save(&self, key: &TransferKey, begun: &Begun) -> io::Result<()> {
        let transfer = Transfer { token: begun.token.clone(), chunk_size: begun.chunk_size };
        let (key, now) = (key.digest(), now(&*self.clock));
        self.handle.block_on(self.store.set_transfer(&key, &transfer, now)).map_err(io::Error::other)
    }

    fn remove(&self, key: &TransferKey) -> io::Result<()> {
        self.handle.block_on(self.store.remove_transfer(&key.digest())).map_err(io::Error::other)
    }
}
