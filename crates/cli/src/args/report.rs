//! `report`.

use std::time::Duration;

use clap::Args;

/// See what a server's plans did over some days
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Only the plans of this project
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: Option<String>,
    /// From so long ago on, as 7d or 30d, in whole days of UTC
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = backstay_policy::duration_text::parse, conflicts_with = "from")]
    pub(crate) since: Duration,
    /// From the day of this moment on, as 2026-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// To the day of this moment [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
}
