//! `forget`.

use backstay_policy::retention::KeepError;
use backstay_policy::{GroupBy, Keep, Retention, SnapshotFilter, Span, TagList};
use clap::Args;

use super::prune::PruneLimits;

/// A count for `--keep-*`.
fn keep(text: &str) -> Result<Keep, KeepError> {
    text.parse()
}

/// Removes snapshots according to a policy.
///
/// The snapshots are divided into groups (--group-by), and the policy of the --keep-* options is applied to each
/// group. Only the snapshots are removed; `prune` (or --prune) frees the space of data that no snapshot needs.
#[derive(Debug, Args)]
pub(crate) struct Forget {
    /// Snapshots to remove, whatever the policy
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshots: Vec<String>,
    /// Keep the last n snapshots ('unlimited' for all)
    #[arg(short = 'l', long, value_name = "N", value_parser = keep, default_value = "0", hide_default_value = true, allow_hyphen_values = true)]
    pub(crate) keep_last: Keep,
    /// Keep the last n hourly snapshots
    #[arg(short = 'H', long, value_name = "N", value_parser = keep, default_value = "0", hide_default_value = true, allow_hyphen_values = true)]
    pub(crate) keep_hourly: Keep,
    /// Keep the last n daily snapshots
    #[arg(short = 'd', long, value_name = "N", value_parser = keep, default_value = "0", hide_default_value = true, allow_hyphen_values = true)]
    pub(crate) keep_daily: Keep,
    /// Keep the last n weekly snapshots
    #[arg(short = 'w', long, value_name = "N", value_parser = keep, default_value = "0", hide_default_value = true, allow_hyphen_values = true)]
    pub(crate) keep_weekly: Keep,
    /// Keep the last n monthly snapshots
    #[arg(short = 'm', long, value_name = "N", value_parser = keep, default_value = "0", hide_default_value = true, allow_hyphen_values = true)]
    pub(crate) keep_monthly: Keep,
    /// Keep the last n yearly snapshots
    #[arg(short = 'y', long, value_name = "N", value_parser = keep, default_value = "0", hide_default_value = true, allow_hyphen_values = true)]
    pub(crate) keep_yearly: Keep,
    /// Keep snapshots newer than this duration (as 1y5m7d2h) relative to the latest snapshot
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(crate) keep_within: Span,
    /// Keep hourly snapshots newer than this duration
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(crate) keep_within_hourly: Span,
    /// Keep daily snapshots newer than this duration
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(crate) keep_within_daily: Span,
    /// Keep weekly snapshots newer than this duration
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(crate) keep_within_weekly: Span,
    /// Keep monthly snapshots newer than this duration
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(crate) keep_within_monthly: Span,
    /// Keep yearly snapshots newer than this duration
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(crate) keep_within_yearly: Span,
    /// Keep snapshots with these tags (can be specified multiple times)
    #[arg(long, value_name = "TAG[,TAG,...]", allow_hyphen_values = true)]
    pub(crate) keep_tag: Vec<TagList>,
    /// Allow deleting all snapshots of a snapshot group
    #[arg(long)]
    pub(crate) unsafe_allow_remove_all: bool,
    /// Only consider snapshots of this host (can be specified multiple times) [env: *_HOST]
    #[arg(long = "host", alias = "hostname", value_name = "HOST")]
    hosts: Option<Vec<String>>,
    /// Only consider snapshots with all these tags (can be specified multiple times)
    #[arg(long = "tag", value_name = "TAG[,TAG,...]", allow_hyphen_values = true)]
    tags: Vec<TagList>,
    /// Only consider snapshots including this absolute path (can be specified multiple times, all must be included)
    #[arg(long = "path", value_name = "PATH")]
    paths: Vec<String>,
    /// Use compact output format
    #[arg(short, long)]
    pub(crate) compact: bool,
    /// Group snapshots by host, paths and/or tags ('' disables grouping)
    #[arg(short, long, value_name = "GROUP", default_value = "host,paths")]
    pub(crate) group_by: GroupBy,
    /// Do not delete anything, just print what would be done
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Run `prune` afterwards if snapshots have been removed
    #[arg(long)]
    pub(crate) prune: bool,
    #[command(flatten)]
    pub(crate) limits: PruneLimits,
}

impl Forget {
    /// Which snapshots it is about.
    pub(crate) fn filter(&self) -> SnapshotFilter {
        super::select::filter(self.hosts.as_ref(), &self.tags, &self.paths)
    }

    /// The policy.
    pub(crate) fn retention(&self) -> Retention {
        Retention {
            last: self.keep_last,
            hourly: self.keep_hourly,
            daily: self.keep_daily,
            weekly: self.keep_weekly,
            monthly: self.keep_monthly,
            yearly: self.keep_yearly,
            within: self.keep_within,
            within_hourly: self.keep_within_hourly,
            within_daily: self.keep_within_daily,
            within_weekly: self.keep_within_weekly,
            within_monthly: self.keep_within_monthly,
            within_yearly: self.keep_within_yearly,
            tags: self.keep_tag.clone(),
        }
    }
}
