//! What is taken of a bucket, and what came of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use backstay_core::{Control, Events, Interrupted, Sink, SinkError, StorageError};
use backstay_net::s3::fetch::Fetcher;

use super::content::Reader;
use super::walk::Walk;
use super::{Bucket, Lost};
use crate::CaptureReport;
use crate::files::filter::List;
use crate::report::Tally;

/// Requests for objects at once, and bytes of objects that were fetched and not used yet.
const REQUESTS: usize = 32;
const MEMORY: usize = 48 << 20;

/// What is taken along and left out.
#[derive(Debug, Clone)]
pub struct CaptureOptions {
    /// What keys begin with; none for all keys.
    pub prefixes: Vec<String>,
    /// Patterns of what is left out, as those of files, over `/BUCKET/KEY`.
    pub exclude: Option<List>,
    /// Leave out objects larger than this many bytes.
    pub exclude_larger_than: Option<u64>,
    /// Take tags along: a request more for each object that is read and has some.
    pub with_tags: bool,
    /// Requests for objects at once.
    pub requests: usize,
}

impl Default for CaptureOptions {
    fn default() -> Self {
        Self {
            prefixes: Vec::new(),
            exclude: None,
            exclude_larger_than: None,
            with_tags: true,
            requests: REQUESTS,
        }
    }
}

/// Why a capture ended before its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The sink cannot go on, or the work was cancelled.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The bucket cannot be listed.
    #[error(transparent)]
    Service(#[from] StorageError),
    /// The bucket was lost while it was read.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// Keys come in no order.
    #[error("{0}")]
    Order(String),
}

impl From<Interrupted> for CaptureError {
    fn from(interrupted: Interrupted) -> Self {
        Self::Sink(interrupted.into())
    }
}

/// A source of objects.
#[derive(Debug, Clone)]
pub struct Capture {
    /// The bucket.
    pub bucket: Bucket,
    /// What is taken along and left out.
    pub options: CaptureOptions,
}

impl Capture {
    /// Lists the bucket and hands everything to the sink.
    ///
    /// An object that cannot be read is told by the sink and stays out; one that is gone meanwhile is passed over.
    ///
    /// # Errors
    /// When the sink cannot go on, the work is cancelled, or the bucket cannot be listed.
    pub fn run(
        &self,
        sink: &dyn Sink,
        control: &Control,
        events: &Arc<dyn Events>,
    ) -> Result<CaptureReport, CaptureError> {
        let client = &self.bucket.client;
        let fetcher = Fetcher::new(Arc::clone(client), control.clone(), self.options.requests, MEMORY);
        let reader = Reader {
            fetcher,
            client: Arc::clone(client),
            control: control.clone(),
            events: Arc::clone(events),
            with_tags: self.options.with_tags,
            lost: Arc::clone(&self.bucket.lost),
            tags_refused: AtomicBool::new(false),
        };
        let tally = Tally::default();
        let walk = Walk {
            bucket: &self.bucket,
            options: &self.options,
            reader: Arc::new(reader),
            control,
            events: &**events,
            tally: &tally,
            objects: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        };
        walk.run(sink)?;
        Ok(tally.report(Vec::new()))
    }
}
