//! What it takes to talk to an S3 service about one bucket: credentials, region, HTTP clients and a runtime.

use std::time::Duration;

use backstay_core::{ErrorKind, StorageError};

use super::S3Address;
use super::bucket::{self, Bucket};
use super::endpoint;
use super::settings::{Credentials, Settings};
use crate::http::runtime::Background;
use crate::http::transport;
use crate::{Http, failure};

/// A request may take this long, and as much longer as its content needs at the slowest rate.
const PATIENCE: Duration = Duration::from_secs(120);

/// A way to a bucket.
pub struct Connection {
    /// The bucket, asked over a client for small requests.
    pub bucket: Bucket,
    /// The client for files on their way there, with time for them.
    pub sending: reqwest::Client,
    /// Who we are.
    pub credentials: Option<Credentials>,
    /// Whether requests name the bucket in the host.
    pub virtual_host: bool,
    /// How long a request may take beside what its content needs.
    pub patience: Duration,
    /// Where requests run.
    pub runtime: Background,
}

impl Connection {
    /// The way to the bucket of this address. Only to find out the region of one of Amazon's buckets is a request sent.
    pub fn open(address: &S3Address, settings: &Settings, http: &Http) -> Result<Self, StorageError> {
        let config = |cause: Box<dyn std::error::Error + Send + Sync>| {
            StorageError::new(ErrorKind::Config, "open", address, cause)
        };
        let (credentials, profile_region) = settings.resolve().map_err(|error| config(error.into()))?;
        let runtime =
            Background::new("backstay-s3").map_err(|error| failure::from_io("open", address, error))?;
        let tls = address.endpoint.starts_with("https:");
        let client = |used_for| transport::client(tls, http, used_for).map_err(|error| config(error.into()));
        let (client, sending) = (client(transport::Use::Asking)?, client(transport::Use::Sending)?);
        let virtual_host = endpoint::is_virtual(address, settings.style);
        let url = endpoint::bucket_url(address, virtual_host);
        transport::check_host(&url, http.reach).map_err(|error| config(error.into()))?;
        let region = settings
            .region
            .clone()
            .or(profile_region)
            .or_else(|| endpoint::region_in_host(address.host()))
            .or_else(|| {
                let ask = endpoint::is_amazon(address.host());
                ask.then(|| runtime.block_on(bucket::region_of(&client, &url))).flatten().flatten()
            })
            .unwrap_or_else(|| endpoint::USUAL_REGION.to_owned());
        let signer = credentials.as_ref().map(|credentials| bucket::signer(credentials, &region));
        Ok(Self {
            bucket: Bucket { client, url, region, signer },
            sending,
            credentials,
            virtual_host,
            patience: http.patience.unwrap_or(PATIENCE),
            runtime,
        })
    }
}
