//! `init`: a new repository.

use backstay_engine::repository::InitOptions;

use crate::app::App;
use crate::args::Init;
use crate::failure::{Failure, Outcome};
use crate::json::message::Initialized;
use crate::repository::{Access, Opened, Place, create};

pub(super) fn run(app: &App, args: &Init) -> Outcome {
    let version = match args.repository_version.as_str() {
        "latest" | "stable" | "" => None,
        number => Some(number.parse().map_err(|_| Failure::fatal("invalid repository version"))?),
    };
    let polynomial = match (Place::secondary(&args.from)?, args.copy_chunker_params) {
        (Some(from), true) => {
            Some(Opened::open_at(app, &from, Access::Unlocked)?.engine().config().polynomial)
        }
        (None, true) => {
            return Err(Failure::fatal(
                "Please specify a source repository location (--from-repo or --from-repository-file)",
            ));
        }
        (Some(_), false) => {
            return Err(Failure::fatal(
                "Secondary repository must only be specified when copying the chunker parameters",
            ));
        }
        (None, false) => None,
    };
    let made = create(app, &Place::main(app), InitOptions { version, polynomial })?;
    let (id, location) = (made.engine().config().id.to_hex(), made.engine().location());
    if app.console.is_json() {
        app.console.message(&Initialized { message_type: "initialized", id: &id, repository: &location });
        return Ok(());
    }
    let short = id.get(..10).unwrap_or(&id);
    app.console.say(format!("created repository {short} at {location}"));
    if args.copy_chunker_params {
        app.console.say(" with chunker parameters copied from the source repository");
    }
    app.console.say(
        "\nKeep the password safe: without it the backups cannot be read. Nobody can restore it for you.",
    );
    Ok(())
}
