//! `prune`: removes what no snapshot needs.

use std::collections::{BTreeSet, HashSet};

use backstay_core::FileId;
use backstay_engine::prune::{MaxUnused, PruneOptions, PruneStats, prune_plan};
use serde::Serialize;

use crate::app::App;
use crate::args::{CompressionMode, Prune, PruneLimits};
use crate::failure::{Failure, Outcome};
use crate::format::{self, bytes};
use crate::repository::{Access, Opened};
use crate::terminal::StepProgress;

pub(super) fn run(app: &App, args: &Prune) -> Outcome {
    check(app, &args.limits)?;
    if app.settings.no_lock && !args.dry_run {
        return Err(Failure::fatal(
            "--no-lock is only applicable in combination with --dry-run for prune command",
        ));
    }
    let access = if args.dry_run && app.settings.no_lock { Access::Unlocked } else { Access::Exclusive };
    let repository = Opened::open(app, access)?;
    let mut options = options(&args.limits)?;
    if let Some(id) = &args.unsafe_recover_no_free_space {
        let own = repository.engine().config().id.to_hex();
        if *id != own {
            return Err(Failure::fatal(format!("must pass id '{own}' to --unsafe-recover-no-free-space")));
        }
        options.no_free_space = true;
    }
    carry_out(app, &repository, &options, args.dry_run, &BTreeSet::new())
}

/// Refuses limits that make no sense, before anything is done.
pub(super) fn check(app: &App, limits: &PruneLimits) -> Outcome {
    options(limits)?;
    if limits.repack_uncompressed && app.settings.compression == CompressionMode::Off {
        return Err(Failure::fatal(
            "disabled compression and `--repack-uncompressed` are mutually exclusive",
        ));
    }
    Ok(())
}

fn options(limits: &PruneLimits) -> Outcome<PruneOptions> {
    if limits.repack_smaller_than == Some(0) {
        return Err(Failure::fatal("--repack-smaller-than must be larger than zero"));
    }
    Ok(PruneOptions {
        max_unused: max_unused(limits.max_unused.trim())?,
        max_repack: limits.max_repack_size,
        repack_cacheable_only: limits.repack_cacheable_only,
        repack_smaller_than: limits.repack_smaller_than,
        repack_uncompressed: limits.repack_uncompressed,
        no_free_space: false,
    })
}

fn max_unused(text: &str) -> Outcome<MaxUnused> {
    let invalid = |why: String| Failure::fatal(format!("invalid value {text:?} for --max-unused: {why}"));
    if text == "unlimited" {
        return Ok(MaxUnused::Unlimited);
    }
    match text.strip_suffix('%') {
        Some(percent) => match percent.parse::<f64>() {
            Ok(percent) if (0.0..100.0).contains(&percent) => Ok(MaxUnused::Percent(percent)),
            Ok(_) => Err(invalid("a percentage must be from 0% to below 100%".to_owned())),
            Err(error) => Err(invalid(error.to_string())),
        },
        None => format::parse_bytes(text).map(MaxUnused::Bytes).map_err(invalid),
    }
}

/// The message of the figures.
#[derive(Serialize)]
struct Message<'a> {
    message_type: &'static str,
    #[serde(flatten)]
    stats: &'a PruneStats,
}

/// Prunes within these limits. `ignored` are snapshots that a dry run of `forget` would have removed.
pub(super) fn prune(
    app: &App,
    repository: &Opened,
    limits: &PruneLimits,
    dry_run: bool,
    ignored: &BTreeSet<FileId>,
) -> Outcome {
    carry_out(app, repository, &options(limits)?, dry_run, ignored)
}

/// Plans, tells the figures, and carries the plan out unless it is a dry run.
fn carry_out(
    app: &App,
    repository: &Opened,
    options: &PruneOptions,
    dry_run: bool,
    ignored: &BTreeSet<FileId>,
) -> Outcome {
    let explain = |error: backstay_engine::Error| repository.explain(error.into());
    let progress = StepProgress::start(&app.console);
    let ignored: HashSet<FileId> = ignored.iter().copied().collect();
    let plan = prune_plan(repository.engine(), options, &ignored, &progress).map_err(explain)?;
    progress.finish();
    if dry_run {
        app.console.say("\nWould have made the following changes:");
    }
    if app.console.is_json() {
        app.console.message(&Message { message_type: "summary", stats: plan.stats() });
    } else {
        print(app, plan.stats());
    }
    let lock = match repository.lock() {
        Some(lock) if !dry_run => lock,
        _ => return Ok(()),
    };
    let progress = StepProgress::start(&app.console);
    plan.execute(lock, &progress).map_err(explain)?;
    progress.finish();
    app.console.say("done");
    Ok(())
}

fn print(app: &App, stats: &PruneStats) {
    let (blobs, sizes, packs) = (&stats.blobs, &stats.bytes, &stats.packfiles);
    let console = &app.console;
    let row = |name: &str, count: u64, size: u64| format!("{name:<13} {count:10} blobs / {}", bytes(size));
    console.detail(format!("\n{}", row("used:", blobs.used, sizes.used)));
    if blobs.duplicate > 0 {
        console.detail(row("duplicates:", blobs.duplicate, sizes.duplicate));
    }
    console.detail(row("unused:", blobs.unused, sizes.unused));
    if sizes.unreferenced > 0 {
        console.detail(format!("unreferenced: {:>18} {}", "", bytes(sizes.unreferenced)));
    }
    console.detail(row("total:", blobs.total, sizes.total));
    console.say(format!("\n{}", row("to repack:", blobs.repack, sizes.repack)));
    console.say(row("this removes:", blobs.repack_remove, sizes.repack_remove));
    console.say(row("to delete:", blobs.remove, sizes.remove + sizes.unreferenced));
    console.say(row("total prune:", blobs.remove_total, sizes.remove_total));
    if sizes.uncompressed > 0 {
        console.say(format!("not yet compressed: {}", bytes(sizes.uncompressed)));
    }
    console.say(row("remaining:", blobs.remaining, sizes.remaining));
    console.say(format!(
        "unused size after prune: {} ({} of remaining size)\n",
        bytes(sizes.remaining_unused),
        format::percent(sizes.remaining_unused, sizes.remaining)
    ));
    let row = |name: &str, count: u64| format!("{name:<19} {count:10}");
    console.detail(row("totally used packs:", packs.used));
    console.detail(row("partly used packs:", packs.partly_used));
    console.detail(row("unused packs:", packs.unused));
    console.detail(format!("\n{}", row("packs to keep:", packs.keep)));
    console.detail(row("packs to repack:", packs.repack));
    console.detail(row("packs to delete:", packs.remove));
    if packs.unreferenced > 0 {
        console.detail(row("packs not indexed:", packs.unreferenced));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_percentages_sizes_or_none() {
        assert_eq!(max_unused("5%").ok(), Some(MaxUnused::Percent(5.0)));
        assert_eq!(max_unused("10M").ok(), Some(MaxUnused::Bytes(10 << 20)));
        assert_eq!(max_unused("unlimited").ok(), Some(MaxUnused::Unlimited));
        for text in ["", "%", "100%", "-1%", "x"] {
            assert!(max_unused(text).is_err(), "{text}");
        }
    }
}
