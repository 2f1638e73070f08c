//! A bucket of an S3 service: all of it or what begins with some prefixes, as a source, and as a target of restores.
//!
//! # Where objects lie in a snapshot
//! The tree begins with a folder of the bucket's name; below it each `/` of a key is a step into a folder. What a file's name cannot
//! hold is escaped as [`backstay_core::sink`] says, so that any key comes back as it was, `a` beside `a/b` too.
//!
//! # What is kept of an object
//! Its bytes, and as extended attributes that begin with `user.s3.`: `etag`, `version-id`, `content-type`, `content-encoding`,
//! `content-disposition`, `content-language`, `cache-control`, `expires`, `storage-class`, `website-redirect-location`, each pair of user
//! metadata as `meta.NAME` and each tag as `tag.KEY`. A file's time is when the object was written.
//!
//! # Changes
//! An object whose size, time and ETag are those of the parent is not read again, and keeps what is known of it; a tag that was changed
//! alone is not seen then. An object that is replaced between the listing and its reading is taken as it is then, and one that is removed
//! is left out.

mod attributes;
mod bucket;
mod capture;
mod content;
mod keys;
mod layout;
pub mod restore;
mod walk;

pub use bucket::{About, Bucket, Lost};
pub use capture::{Capture, CaptureError, CaptureOptions};
pub use keys::{key_of, path_of};
