//! `repair packs`.

use std::io::Write;
use std::path::Path;

use backstay_core::{CallContext, FileId, FileKind, Handle};
use backstay_engine::repair::repair_packs;

use crate::app::App;
use crate::args::RepairPacks;
use crate::failure::{Explain, Failure, Outcome};
use crate::repository::{Access, Opened};
use crate::terminal::StepProgress;

pub(super) fn run(app: &App, args: &RepairPacks) -> Outcome {
    let parse = |text: &String| {
        FileId::from_hex(text).ok_or_else(|| {
            Failure::fatal(format!("unable to parse ID: {text:?}"))
                .hint("`check` tells the whole ids of damaged packs")
        })
    };
    let mut ids = args.packs.iter().map(parse).collect::<Outcome<Vec<_>>>()?;
    ids.sort_unstable();
    ids.dedup();
    let repository = Opened::open(app, Access::Exclusive)?;
    let Some(lock) = repository.lock() else {
        return Err(Failure::fatal("the repository could not be locked"));
    };

    app.console.say("saving backup copies of pack files to current folder");
    for id in &ids {
        save_copy(app, &repository, id)?;
    }
    let progress = StepProgress::start(&app.console);
    let report = repair_packs(repository.engine(), &ids, lock, &progress)
        .map_err(|error| repository.explain(error.into()))?;
    progress.finish();
    for (id, why) in &report.lost {
        app.console.complain(format!("blob {id} is lost: {why}"));
    }
    app.console.say(format!("saved {} blobs, {} are lost", report.saved, report.lost.len()));
    app.console.complain(
        "\nUse `backstay repair snapshots --forget` to remove the corrupted data blobs from all snapshots",
    );
    Ok(())
}

/// Whatever can be read of a pack is kept: a better tool may make more of it one day.
fn save_copy(app: &App, repository: &Opened, id: &FileId) -> Outcome {
    let mut bytes = Vec::new();
    let handle = Handle::new(FileKind::Pack, *id);
    if let Err(error) =
        repository.engine().storage().read(&handle, &mut bytes, CallContext::with(&app.control))
    {
        app.control.checkpoint()?;
        let error = backstay_engine::Error::from(error);
        if !error.is_about_content() {
            return Err(repository.explain(error.into()));
        }
        app.console.complain(format!("will remove pack {id} without a copy: {error}"));
        return Ok(());
    }
    let name = format!("pack-{id}");
    let write = |path: &Path| -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(&bytes)?;
        file.sync_all()
    };
    write(Path::new(&name)).explain(format!("cannot save a copy as {name}"))
}
