//! Services as sources.

use super::bucket::BucketSource;

/// A service that is backed up.
#[derive(Debug, Clone)]
pub enum ServiceSource {
    /// A bucket.
    Bucket(BucketSource),
}
