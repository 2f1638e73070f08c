//! Who may come in, and who may do what.
//!
//! [`policy`] decides; [`extract`] finds out who asks and asks the policy. The rest are the ways in: `session` for people
//! with [`password`] and `totp`, slowed down by [`throttle`]; `token` for programs; `setup` for the first, and [`reset`] for who has
//! no password. `body` reads what is sent. `visitor` is who stands before these doors; `roster` changes who may come through them.

mod body;
pub mod extract;
pub mod password;
pub mod policy;
pub mod reset;
pub(crate) mod roster;
pub(crate) mod session;
pub(crate) mod setup;
pub mod throttle;
pub(crate) mod token;
pub(crate) mod totp;
pub(crate) mod visitor;
