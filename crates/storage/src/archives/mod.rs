//! Where plain archives lie: back ends behind [`backstay_core::ArchiveStore`].
//!
//! [`Folder`] keeps them in a folder of this machine, [`Receiver`] on a Backstay receiver, by tus 1.0.

mod folder;
mod names;
#[cfg(feature = "rest")]
mod receiver;

pub use folder::Folder;
#[cfg(feature = "rest")]
pub use receiver::Receiver;
