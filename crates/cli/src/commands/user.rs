//! `user`: help for who cannot sign in, from who has the server's own host.

use backstay_server::access::reset::link_for;

use super::up::{self, DataFolder};
use crate::app::App;
use crate::args::User;
use crate::failure::{Explain, Failure, Outcome};

pub(super) fn run(app: &App, args: &User) -> Outcome {
    let User::ResetPassword { email, public_url, data } = args;
    let folder = DataFolder::find(data)?;
    if !up::has_catalog(data, &folder) {
        let text = format!("there is no server in {}", folder.path().display());
        return Err(Failure::fatal(text)
            .hint("name its data folder with --data-dir, or its database with --database"));
    }
    let link = up::runtime()?.block_on(async {
        let store = up::open_catalog(data, &folder).await?;
        let link = link_for(&store, &*app.clock, &*app.random, public_url, email).await;
        store.close().await;
        link.explain("the link cannot be made")
    })?;
    let Some(link) = link else {
        return Err(Failure::fatal(format!("nobody may sign in as {email}")));
    };
    app.console.say("Whoever opens this link chooses a new password. It works once and for an hour:");
    app.console.print(link);
    Ok(())
}
