//! Sources that are opened before they are read: services, and databases that are copied.

use super::bucket::BucketSource;
use super::mongo::MongoSource;
use super::sqlite::SqliteCopy;

/// What is backed up once it was opened.
#[derive(Debug, Clone)]
pub enum ServiceSource {
    /// A bucket.
    Bucket(BucketSource),
    /// A server of MongoDB.
    Mongodb(MongoSource),
    /// Databases of SQLite.
    Sqlite(SqliteCopy),
}

impl ServiceSource {
    /// What was opened, for the log.
    #[must_use]
    pub fn answered(&self) -> String {
        match self {
            Self::Bucket(bucket) => format!("{} answers", bucket.facts.location),
            Self::Mongodb(mongo) => format!("{mongo} answers"),
            Self::Sqlite(copy) => format!("copied {copy}"),
        }
    }
}
