//! A bucket, and what is asked of it as a whole.

use std::fmt;
use std::sync::{Arc, OnceLock};

use backstay_core::{CallContext, Control, StorageError};
use backstay_net::Http;
use backstay_net::s3::client::{Ask, Call, Client, read};
use backstay_net::s3::{S3Address, Settings};
use http::Method;
use serde::Deserialize;

/// A bucket of an S3 service.
#[derive(Clone)]
pub struct Bucket {
    pub(super) client: Arc<Client>,
    /// The bucket's name.
    pub(super) name: String,
    location: String,
    /// Why nothing more can be read of it.
    pub(super) lost: Arc<OnceLock<Lost>>,
}

/// Why nothing more can be read of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The service does not answer, or is not able to.
    #[error("the bucket went out of reach: {0}")]
    OutOfReach(String),
    /// It takes nothing from our key any more.
    #[error("the key to the bucket is not taken any more: {0}")]
    KeyRefused(String),
}

/// What a bucket says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Whether it keeps what is replaced or removed.
    pub is_versioned: bool,
    /// Whether there is anything in it.
    pub is_empty: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Versioning {
    status: Option<String>,
}

impl Bucket {
    /// The bucket of this address; a prefix in it does not count. Only to find out the region of one of Amazon's is a request sent.
    ///
    /// # Errors
    /// When credentials are missing, certificates cannot be read, or the settings make no sense.
    pub fn open(address: &S3Address, settings: &Settings, http: &Http) -> Result<Self, StorageError> {
        let address = S3Address { prefix: String::new(), ..address.clone() };
        let client = Arc::new(Client::open(&address, settings, http)?);
        Ok(Self { client, location: address.to_string(), name: address.bucket, lost: Arc::default() })
    }

    /// The bucket's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Why a capture could not read on, if the bucket was lost under it: what was captured is not all then, whatever it looks like.
    #[must_use]
    pub fn lost(&self) -> Option<&Lost> {
        self.lost.get()
    }

    /// Lists what begins so, as far as one page goes, and asks whether the bucket keeps versions.
    ///
    /// # Errors
    /// When the service cannot be reached, or does not let this be asked.
    pub fn probe(&self, prefix: &str, control: &Control) -> Result<About, StorageError> {
        let call = Call::new(CallContext::with(control), "list", &self.location);
        let level = self.client.level(call, prefix)?;
        let ask = Ask::of_bucket(Method::GET).query("versioning", "");
        // Who may read objects need not be let ask this.
        let versioning = self.client.success(call, ask).ok();
        let status = versioning.and_then(|answer| read::<Versioning>(&answer.text)).and_then(|it| it.status);
        Ok(About {
            is_versioned: status.as_deref() == Some("Enabled"),
            is_empty: level.objects.is_empty() && level.folders.is_empty(),
        })
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.location)
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("location", &self.location).finish_non_exhaustive()
    }
}
