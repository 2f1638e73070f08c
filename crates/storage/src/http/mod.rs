//! What back ends share that speak with Backstay's receiver or rest-server.

mod answer;
pub(crate) mod service;
