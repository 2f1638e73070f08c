//! Services as sources.

use super::bucket::BucketSource;
use super::mongo::MongoSource;

/// A service that is backed up.
#[derive(Debug, Clone)]
pub enum ServiceSource {
    /// A bucket.
    Bucket(BucketSource),
    /// A server of MongoDB.
    Mongodb(MongoSource),
}
