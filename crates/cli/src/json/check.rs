//! Messages of `check`.

use serde::Serialize;

/// What `check` found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Summary {
    pub(crate) message_type: &'static str,
    pub(crate) num_errors: u64,
    /// `null` when there are none, as Go writes an empty list.
    pub(crate) broken_packs: Option<Vec<String>>,
    pub(crate) suggest_repair_index: bool,
    pub(crate) suggest_prune: bool,
}

/// One error.
#[derive(Debug, Serialize)]
pub(crate) struct Error<'a> {
    pub(crate) message_type: &'static str,
    pub(crate) message: &'a str,
}
