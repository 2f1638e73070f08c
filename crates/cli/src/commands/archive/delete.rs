//! `archive delete`.

use std::collections::BTreeSet;
use std::path::Path;

use backstay_archive::local::{read_beside, remove};
use serde_json::json;

use super::folder;
use crate::app::App;
use crate::args::DeleteArchives;
use crate::failure::{Failure, Outcome};

pub(super) fn run(app: &App, args: &DeleteArchives) -> Outcome {
    let mut going = BTreeSet::new();
    for path in &args.archives {
        if !path.is_file() {
            return Err(Failure::fatal(format!("there is no archive {}", path.display())));
        }
        if let Some(manifest) = read_beside(path)? {
            going.insert(manifest.id);
        }
    }
    if !args.break_chains {
        for folder in args.archives.iter().map(|path| folder::of(path)).collect::<BTreeSet<_>>() {
            keep_chains(app, args, folder, &going)?;
        }
    }
    // What leans on others goes before them, so that a chain is never broken in between.
    let mut order = Vec::new();
    for path in &args.archives {
        order.push((std::cmp::Reverse(read_beside(path)?.map_or(0, |manifest| manifest.chain.len())), path));
    }
    order.sort();
    for (_, path) in order {
        app.control.checkpoint()?;
        if !args.dry_run {
            remove(path)?;
        }
        if app.console.is_json() {
            app.console.message(&json!({
                "message_type": "deleted", "archive": path.display().to_string(), "dry_run": args.dry_run,
            }));
        } else {
            let deed = if args.dry_run { "would delete" } else { "deleted" };
            app.console.say(format!("{deed} {}", path.display()));
        }
    }
    Ok(())
}

/// Refuses when an archive that stays needs one that goes.
fn keep_chains(
    app: &App,
    args: &DeleteArchives,
    folder: &Path,
    going: &BTreeSet<backstay_archive::manifest::ArchiveId>,
) -> Outcome {
    for known in folder::archives(app, folder)? {
        if going.contains(&known.manifest.id) {
            continue;
        }
        let is_named =
            |name: &str| args.archives.iter().any(|path| path.file_name().is_some_and(|own| own == name));
        let needed =
            known.manifest.chain.iter().find(|link| going.contains(&link.id) || is_named(&link.name));
        if let Some(link) = needed {
            return Err(Failure::fatal(format!("{} is needed by {}", link.name, known.path.display()))
                .hint("delete both, or say --break-chains"));
        }
    }
    Ok(())
}
