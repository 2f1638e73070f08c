//! The way to a server: which one, by which token, and what it answers.

mod client;
mod pin;
mod profile;

pub(crate) use client::{Client, Credentials, Entry, address, content, encode};
pub(crate) use pin::{Fingerprint, fingerprint_of};
pub(crate) use profile::{Profile, Profiles};
