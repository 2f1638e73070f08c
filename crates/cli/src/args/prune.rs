//! `prune` and the flags it shares with `forget`.

use clap::Args;

use super::values::size;

/// How much prune may do.
#[derive(Debug, Clone, Args)]
pub(crate) struct PruneLimits {
    /// Tolerate this much unused data: bytes with suffixes k/K, m/M, g/G, t/T, a percentage, or 'unlimited'
    #[arg(long, value_name = "LIMIT", default_value = "5%")]
    pub(crate) max_unused: String,
    /// Stop after repacking this much data in total (suffixes: k/K, m/M, g/G, t/T)
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_repack_size: Option<u64>,
    /// Only repack packs which are cacheable
    #[arg(long)]
    pub(crate) repack_cacheable_only: bool,
    /// Repack all uncompressed data
    #[arg(long)]
    pub(crate) repack_uncompressed: bool,
    /// Repack pack files smaller than this (suffixes: k/K, m/M)
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) repack_smaller_than: Option<u64>,
    /// Repack small packs; it is done in any case, restic's scripts pass this
    #[arg(long, hide = true)]
    repack_small: bool,
}

/// Checks the repository and removes data that is not referenced and therefore not needed any more.
#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// Do not modify the repository, just print what would be done
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Recover a repository whose storage is full: its index is removed before the new one is written. Takes the
    /// repository's ID. Try --max-repack-size 0 first; if it is interrupted, run `repair index`
    #[arg(long, value_name = "ID", hide_short_help = true)]
    pub(crate) unsafe_recover_no_free_space: Option<String>,
    #[command(flatten)]
    pub(crate) limits: PruneLimits,
}
