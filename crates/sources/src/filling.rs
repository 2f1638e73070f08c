//! A folder of a sink that several hands fill.

use std::sync::Arc;

use backstay_core::{Folder, Meta, SinkError};

/// A folder of the sink that is being filled. The last to hold it closes it.
pub(crate) struct Filling {
    pub(crate) sink: Box<dyn Folder>,
    pub(crate) meta: Meta,
}

/// Gives a folder back; closes it when nobody else holds it.
pub(crate) fn finish(folder: Arc<Filling>) -> Result<(), SinkError> {
    match Arc::into_inner(folder) {
        Some(Filling { sink, meta }) => sink.close(meta),
        None => Ok(()),
    }
}
