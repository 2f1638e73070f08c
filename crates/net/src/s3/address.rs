//! Where a bucket is, and what is meant of it.

use std::fmt;

/// A place in a bucket of an S3 service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Address {
    /// The service's URL without a path, such as `https://s3.amazonaws.com` or `http://127.0.0.1:9000`.
    pub endpoint: String,
    /// The bucket's name.
    pub bucket: String,
    /// The folder within the bucket, without `/` at its ends; empty for the whole bucket.
    pub prefix: String,
}

impl S3Address {
    /// The name of the service's host.
    #[must_use]
    pub fn host(&self) -> &str {
        let host = self.endpoint.split_once("://").map_or(self.endpoint.as_str(), |(_, host)| host);
        host.rsplit_once(':').map_or(host, |(name, _)| name)
    }
}

impl fmt::Display for S3Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.endpoint.strip_prefix("https://").unwrap_or(&self.endpoint);
        write!(f, "s3:{endpoint}/{}", self.bucket)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}
