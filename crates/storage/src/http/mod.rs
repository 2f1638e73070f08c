//! What back ends over HTTP share: client, runtime, errors.

pub(crate) mod fault;
mod pinned;
pub(crate) mod runtime;
pub(crate) mod sending;
#[cfg(feature = "rest")]
pub(crate) mod service;
pub(crate) mod transport;
