//! The password of a repository: given, stored, asked for or made.

use std::sync::Arc;

use backstay_core::{CallContext, ErrorKind, Handle, Storage};
use backstay_engine::repository::{UnlockedKey, unlock};

use super::Place;
use crate::app::App;
use crate::default_repository;
use crate::failure::{Exit, Failure, Outcome};
use crate::password::{self, Password};

/// The password for a repository that is about to be made.
pub(super) fn new_password(app: &App, place: &Place) -> Outcome<Password> {
    if let Some(password) = place.given_password()? {
        return Ok(password);
    }
    if place.is_default() && !password::can_ask() {
        let (path, password) = default_repository::make_key_file(&*app.random)?;
        app.console.complain(format!(
            "no password was given, so a key was made for the new repository: {}\n\
             hint: keep a copy of this file in another place; without it the backups cannot be read",
            path.display()
        ));
        return Ok(password);
    }
    password::ask_new("enter password for new repository: ")
}

/// What to do about the password of the repository that `copy` and `init` read from.
const OF_THE_OTHER: &str = "this is about the repository to read from: give its password with --from-password-file, \
                            --from-password-command or BACKSTAY_FROM_PASSWORD";

/// The key that the password opens; asks for one where none was given.
pub(super) fn find(app: &App, place: &Place, storage: &Arc<dyn Storage>) -> Outcome<UnlockedKey> {
    let about_other = |failure: &Failure| place.is_secondary() && matches!(failure.exit, Exit::WrongPassword);
    find_key(app, place, storage)
        .map_err(|failure| if about_other(&failure) { failure.hint(OF_THE_OTHER) } else { failure })
}

fn find_key(app: &App, place: &Place, storage: &Arc<dyn Storage>) -> Outcome<UnlockedKey> {
    let hint = place.key_hint();
    if let Some(password) = place.given_password()? {
        return Ok(unlock(storage, &password, hint)?);
    }
    // Nobody is asked for the password of what is not there.
    if let Err(error) = storage.size(&Handle::CONFIG, CallContext::NONE)
        && error.kind == ErrorKind::NotFound
    {
        return Err(backstay_engine::Error::NoRepository { location: storage.location() }.into());
    }
    let mut tries = if password::can_ask() { 3 } else { 1 };
    loop {
        tries -= 1;
        let password = password::ask("enter password for repository: ").map_err(|failure| {
            let empty = matches!(failure.exit, Exit::General);
            if empty && place.is_secondary() { failure.hint(OF_THE_OTHER) } else { failure }
        })?;
        match unlock(storage, &password, hint) {
            Err(error @ backstay_engine::Error::WrongPassword { .. }) if tries > 0 => {
                app.console.complain(format!("{error}. Try again"));
            }
            found => return Ok(found?),
        }
    }
}
