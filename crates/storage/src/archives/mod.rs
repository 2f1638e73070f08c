//! Where plain archives lie: back ends behind [`backstay_core::ArchiveStore`].
//!
//! [`Folder`] keeps them in a folder of this machine, [`Receiver`] on a Backstay receiver, by tus 1.0, [`S3`] in a bucket of an S3
//! service, by its uploads in parts, and [`GoogleDrive`] in a folder of Google Drive, by its resumable uploads.

mod folder;
#[cfg(feature = "gdrive")]
mod gdrive;
mod names;
#[cfg(feature = "rest")]
mod receiver;
#[cfg(feature = "s3")]
mod s3;

pub use folder::Folder;
#[cfg(feature = "gdrive")]
pub use gdrive::GoogleDrive;
#[cfg(feature = "rest")]
pub use receiver::Receiver;
#[cfg(feature = "s3")]
pub use s3::S3;
