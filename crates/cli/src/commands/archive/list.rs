//! `archive list`.

use backstay_archive::manifest::{ItemKind, Manifest};
use serde_json::json;

use super::keys;
use super::place::{self, Named, Place};
use crate::app::App;
use crate::args::ListArchives;
use crate::failure::{Failure, Outcome};
use crate::table::Table;
use crate::{format, moment};

pub(super) fn run(app: &App, args: &ListArchives) -> Outcome {
    let Named { place, name } = place::named(app, &args.place, &args.at)?;
    match name {
        Some(name) => items(app, args, &place, &name),
        None => archives(app, &place),
    }
}

fn archives(app: &App, place: &Place) -> Outcome {
    let known = place.archives(app)?;
    if app.console.is_json() {
        for one in &known {
            app.console.message(&json!({
                "message_type": "archive", "path": place.label(&one.name), "manifest": one.manifest,
            }));
        }
        return Ok(());
    }
    let mut table = Table::new(&["Name", "Time", "Type", "Host", "Paths", "Files", "Content", "Size"]);
    for one in &known {
        let Manifest { source, totals, backup_type, created, file, .. } = &one.manifest;
        let paths: Vec<_> = source.paths.iter().map(|path| format::quote(&path.0)).collect();
        table.row(vec![
            one.name.clone(),
            moment::local(created),
            backup_type.to_string(),
            source.host.clone(),
            paths.join("\n"),
            totals.files.to_string(),
            format::bytes(totals.bytes),
            file.map(|file| format::bytes(file.size)).unwrap_or_default(),
        ]);
    }
    table.footer(format!("{} archives", known.len()));
    app.console.print(table.draw());
    Ok(())
}

fn items(app: &App, args: &ListArchives, place: &Place, name: &str) -> Outcome {
    let archive = place.open(name, &keys::identities(&args.identity)?)?;
    let mut failed = None::<Failure>;
    let listed = archive.list(&mut |item| {
        app.control.checkpoint()?;
        let line = if app.console.is_json() {
            let mut message = serde_json::to_value(item).unwrap_or_default();
            if let Some(fields) = message.as_object_mut() {
                fields.insert("message_type".to_owned(), "item".into());
            }
            message.to_string()
        } else {
            let time = moment::local(&item.modified.to_timestamp());
            let mut path = format::quote(&item.path.0);
            if item.kind == ItemKind::Folder {
                path.push('/');
            }
            if let Some(target) = &item.target {
                path.push_str(&format!(" -> {}", format::quote(&target.0)));
            }
            format!("{:>14} {time} {path}", item.size)
        };
        // A reader that has seen enough ends the listing.
        app.console.write_line(&line).map_err(|failure| {
            failed = Some(failure);
            backstay_archive::ArchiveError::Interrupted(backstay_core::Interrupted)
        })
    });
    match (listed, failed) {
        (_, Some(failure)) => Err(failure),
        (Ok(_), None) => Ok(()),
        (Err(error), None) => Err(error.into()),
    }
}
