//! Who may come in, and who may do what.
//!
//! [`policy`] decides; [`extract`] finds out who asks and asks the policy. The rest are the ways in: `session` for people
//! with [`password`], slowed down by [`throttle`]; `token` for programs; `setup` for the first.

pub mod extract;
pub mod password;
pub mod policy;
pub(crate) mod session;
pub(crate) mod setup;
pub mod throttle;
pub(crate) mod token;
