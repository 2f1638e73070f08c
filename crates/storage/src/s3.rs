//! Repositories in a bucket of any S3 service.
//!
//! The keys follow restic's default layout, `<prefix>/data/<2 hex>/<id>`, so that both use one bucket.
//! Settings and credentials come in as plain data ([`Settings`]); the environment and the home folder are the caller's.
//!
//! The service is spoken to through `opendal`, since the other remote back ends can share what is here:
//! its operator, hidden behind our trait, with a small runtime of its own, our deadlines and cancellation
//! around every call, and our classes of errors. Its own retries are left out ([`crate::retry`] does that), and
//! so are its TLS provider and its look at the environment. TLS is rustls with ring, trusting what the system trusts.
//!
//! Packs of data go to the class that is wished for, all else stays where it can be read at once. What lies in an archive class is
//! brought back when a restore asks for it ([`Storage::frozen`](backstay_core::Storage::frozen)).
//!
//! Files are created with `If-None-Match`, so that nothing is ever overwritten; where the service does not
//! know that, a look before the write has to do.

#[cfg(feature = "s3")]
mod backend;
#[cfg(feature = "s3")]
mod classify;
#[cfg(feature = "s3")]
mod frozen;

#[cfg(feature = "s3")]
pub use backend::S3;
pub use backstay_net::s3::{
    ArchiveClass, Credentials, Encryption, Lock, LockMode, Settings, Style, Thaw, Tier,
};
