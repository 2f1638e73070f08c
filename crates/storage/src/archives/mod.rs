//! Where plain archives lie: back ends behind [`backstay_core::ArchiveStore`].
//!
//! [`Folder`] keeps them in a folder of this machine, [`Receiver`] on a Backstay receiver, by tus 1.0, and [`S3`] in a bucket of an S3
//! service, by its uploads in parts.

mod folder;
mod names;
#[cfg(feature = "rest")]
mod receiver;
#[cfg(feature = "s3")]
mod s3;

pub use folder::Folder;
#[cfg(feature = "rest")]
pub use receiver::Receiver;
#[cfg(feature = "s3")]
pub use s3::S3;
