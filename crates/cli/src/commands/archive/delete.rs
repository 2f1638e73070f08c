//! `archive delete`.

use std::collections::BTreeMap;

use backstay_archive::manifest::ArchiveId;
use serde_json::json;

use super::place::{self, Named, Place};
use crate::app::App;
use crate::args::DeleteArchives;
use crate::failure::{Failure, Outcome};

/// Archives that go, in one folder.
struct Going {
    place: Place,
    /// Their names, with their ids and how many others each leans on, where that is known.
    archives: Vec<(String, Option<(ArchiveId, usize)>)>,
}

pub(super) fn run(app: &App, args: &DeleteArchives) -> Outcome {
    let mut folders = BTreeMap::<String, Going>::new();
    for text in &args.archives {
        let Named { place, name } = place::named(app, text, &args.at)?;
        let missing = || Failure::fatal(format!("there is no archive {}", text.display()));
        let name = name.ok_or_else(missing)?;
        if !place.has(&name)? {
            return Err(missing());
        }
        let manifest = place.beside(&name)?;
        let known = manifest.map(|manifest| (manifest.id, manifest.chain.len()));
        let going = folders.entry(place.label("")).or_insert(Going { place, archives: Vec::new() });
        going.archives.push((name, known));
    }
    if !args.break_chains {
        for going in folders.values() {
            keep_chains(app, going)?;
        }
    }
    for Going { place, mut archives } in folders.into_values() {
        // What leans on others goes before them, so that a chain is never broken in between.
        archives.sort_by_key(|(_, known)| std::cmp::Reverse(known.map_or(0, |(_, leans)| leans)));
        for (name, _) in archives {
            app.control.checkpoint()?;
            if !args.dry_run {
                place.remove(&name)?;
            }
            let archive = place.label(&name);
            if app.console.is_json() {
                app.console.message(&json!({
                    "message_type": "deleted", "archive": archive, "dry_run": args.dry_run,
                }));
            } else {
                let deed = if args.dry_run { "would delete" } else { "deleted" };
                app.console.say(format!("{deed} {archive}"));
            }
        }
    }
    Ok(())
}

/// Refuses when an archive that stays needs one that goes.
fn keep_chains(app: &App, going: &Going) -> Outcome {
    let goes = |id: &ArchiveId, name: &str| {
        going.archives.iter().any(|(own, known)| own == name || known.is_some_and(|(own, _)| own == *id))
    };
    for known in going.place.archives(app)? {
        if going.archives.iter().any(|(_, own)| own.is_some_and(|(id, _)| id == known.manifest.id)) {
            continue;
        }
        if let Some(link) = known.manifest.chain.iter().find(|link| goes(&link.id, &link.name)) {
            let needed_by = going.place.label(&known.name);
            return Err(Failure::fatal(format!("{} is needed by {needed_by}", link.name))
                .hint("delete both, or say --break-chains"));
        }
    }
    Ok(())
}
