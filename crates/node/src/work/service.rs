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

impl ServiceSource {
    /// Who has answered, for the log.
    #[must_use]
    pub fn answered(&self) -> String {
        match self {
            Self::Bucket(bucket) => format!("{} answers", bucket.facts.location),
            Self::Mongodb(mongo) => format!("{mongo} answers"),
        }
    }
}
