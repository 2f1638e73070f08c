//! What a test does with an S3 service beside the code under test, whatever service it is.

use std::time::SystemTime;

use super::server::S3Server;
use super::store::{Attributes, Object};
use crate::s3::{S3Address, Settings};

/// What a bucket keeps beside its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// Nothing.
    ObjectsAlone,
    /// What is replaced or removed.
    Versions,
    /// The same, and what is locked cannot be removed.
    Locks,
}

/// An S3 service whose buckets a test fills and looks into.
pub trait AnyService: Sync {
    /// The address of a folder in a bucket.
    fn address(&self, bucket: &str, prefix: &str) -> S3Address;

    /// Settings with a key that may do all.
    fn settings(&self) -> Settings;

    /// Makes a bucket.
    fn make_bucket(&self, name: &str, keeps: Keeps);

    /// Puts an object there, and gives its ETag.
    fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>, attributes: Attributes) -> String;

    /// The object as it is now.
    fn get(&self, bucket: &str, key: &str) -> Option<Object>;

    /// Deletes an object; where versions are kept, by a mark.
    fn delete(&self, bucket: &str, key: &str);

    /// The keys of the objects that are there, in order.
    fn keys(&self, bucket: &str) -> Vec<String>;

    /// Until when an object is locked, if it is.
    fn locked_until(&self, bucket: &str, key: &str) -> Option<SystemTime> {
        self.get(bucket, key)?.attributes.retention.map(|retention| retention.until)
    }
}

impl AnyService for S3Server {
    fn address(&self, bucket: &str, prefix: &str) -> S3Address {
        self.address(bucket, prefix)
    }

    fn settings(&self) -> Settings {
        self.settings()
    }

    fn make_bucket(&self, name: &str, keeps: Keeps) {
        match keeps {
            Keeps::ObjectsAlone => self.create_bucket(name),
            Keeps::Versions => self.create_bucket_of_versions(name),
            Keeps::Locks => self.create_bucket_of_locks(name),
        }
    }

    fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>, attributes: Attributes) -> String {
        self.buckets().put(bucket, key, bytes, attributes)
    }

    fn get(&self, bucket: &str, key: &str) -> Option<Object> {
        self.buckets().get(bucket, key)
    }

    fn delete(&self, bucket: &str, key: &str) {
        self.buckets().delete(bucket, key);
    }

    fn keys(&self, bucket: &str) -> Vec<String> {
        self.buckets().keys(bucket)
    }
}
