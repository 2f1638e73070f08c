//! Buckets as sources: the way to one, what is taken of it, and what is noted of it in the backup.

use backstay_model::bucket::BucketSpec;
use backstay_model::connection::S3Settings;
use backstay_model::{ConnectionSettings, Time};
use backstay_sources::files::filter::{Case, List};
use backstay_sources::s3::{Bucket, Capture, CaptureError, CaptureOptions, Lost};
use backstay_storage::Address;
use serde::{Deserialize, Serialize};

use super::storage::{s3_address, s3_settings};
use super::{Class, Result, WorkError, Workshop};
use crate::clock::now;
use crate::seals::Opened;

/// A bucket that is backed up.
#[derive(Debug, Clone)]
pub struct BucketSource {
    pub(super) capture: Capture,
    pub(super) excludes: Vec<String>,
    pub(super) facts: BucketFacts,
}

/// What is noted of a bucket in its backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketFacts {
    /// Where it is, as `s3:https://s3.example.org/bucket`.
    pub location: String,
    /// Its name.
    pub bucket: String,
    /// What the keys begin with that were taken; all of them when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<String>,
    /// The patterns of what was left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excludes: Vec<String>,
    /// The largest object that was taken, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_larger_than: Option<u64>,
    /// Whether it kept versions.
    pub versioned: bool,
    /// When the backup was begun.
    pub taken: Time,
}

impl BucketSource {
    /// How the snapshot calls what is read.
    pub(super) fn paths(&self) -> Vec<String> {
        let bucket = &self.facts.bucket;
        match self.facts.prefixes.as_slice() {
            [] => vec![format!("/{bucket}")],
            prefixes => prefixes.iter().map(|prefix| format!("/{bucket}/{prefix}")).collect(),
        }
    }
}

impl Workshop {
    /// The bucket of a source, once the service has answered for it.
    ///
    /// # Errors
    /// When the connection is none to a bucket, the service cannot be reached or says no, or a pattern is wrong.
    pub fn bucket_source(
        &self,
        spec: &BucketSpec,
        settings: &ConnectionSettings,
        secrets: &Opened,
        control: &backstay_core::Control,
    ) -> Result<BucketSource> {
        let ConnectionSettings::S3(s3) = settings else {
            return Err(WorkError::new(Class::Other, "the connection of the source is none to a bucket")
                .hint("save the source again, with a connection of type s3"));
        };
        let exclude = List::parse(&spec.excludes, Case::Sensitive).map_err(|error| {
            WorkError::new(Class::Other, "a pattern of what is left out is wrong").because(&error)
        })?;
        let bucket = self.bucket(s3, secrets)?;
        let first = spec.prefixes.first().map_or("", String::as_str);
        let about = bucket.probe(first, control)?;
        let facts = BucketFacts {
            location: bucket.to_string(),
            bucket: bucket.name().to_owned(),
            prefixes: spec.prefixes.clone(),
            excludes: spec.excludes.clone(),
            exclude_larger_than: spec.exclude_larger_than,
            versioned: about.is_versioned,
            taken: now(&*self.environment.clock),
        };
        let options = CaptureOptions {
            prefixes: spec.prefixes.clone(),
            exclude: Some(exclude),
            exclude_larger_than: spec.exclude_larger_than,
            with_tags: spec.tags,
            ..CaptureOptions::default()
        };
        let excludes = spec.excludes.clone();
        Ok(BucketSource { capture: Capture { bucket, options }, excludes, facts })
    }

    /// The way to a bucket, if the host's owner lets it be connected to. Nothing is asked of it yet.
    pub(super) fn bucket(&self, s3: &S3Settings, secrets: &Opened) -> Result<Bucket> {
        let Address::S3(address) = s3_address(s3, "")? else {
            return Err(WorkError::new(Class::Other, "the address of the connection is none of a bucket"));
        };
        Ok(Bucket::open(&address, &s3_settings(s3, secrets), &self.s3_http(s3))?)
    }
}

/// The bucket was lost while it was read. What is stored already is not read again by the next run.
pub(super) fn lost(why: &Lost) -> WorkError {
    let (class, hint) = match why {
        Lost::OutOfReach(_) => {
            (Class::Unreachable, "the run goes on with what is stored already once the service answers again")
        }
        Lost::KeyRefused(_) => (
            Class::Other,
            "give the connection a key that the service takes, and run it again: it goes on with what is stored already",
        ),
    };
    WorkError::new(class, why.to_string()).hint(hint)
}

impl From<CaptureError> for WorkError {
    fn from(error: CaptureError) -> Self {
        match error {
            CaptureError::Sink(error) => error.into(),
            CaptureError::Service(error) => error.into(),
            CaptureError::Lost(why) => lost(&why),
            other => Self::new(Class::Other, "the bucket cannot be backed up").because(&other).hint(
                "a service that lists keys in another order than that of their bytes cannot be read this way",
            ),
        }
    }
}
