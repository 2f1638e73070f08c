//! `key`: the passwords of a repository.

use backstay_core::FileKind;
use backstay_engine::repository::{add_key, list_keys, remove_key};

use crate::app::App;
use crate::args::{Key, NewKey};
use crate::failure::{Failure, Outcome};
use crate::json::message::KeyInfo;
use crate::password::{self, Password};
use crate::repository::{Access, Opened};
use crate::table::Table;
use crate::{json, moment};

pub(super) fn run(app: &App, key: &Key) -> Outcome {
    match key {
        Key::List => list(app),
        Key::Add(new) => {
            let repository = Opened::open(app, Access::Append)?;
            let id = add(&repository, new)?;
            app.console.say(format!("saved new key with ID {id}"));
            Ok(())
        }
        Key::Passwd(new) => {
            let repository = Opened::open(app, Access::Exclusive)?;
            let id = add(&repository, new)?;
            // The new key was opened with its password before the old one goes. It is the old one that this session holds.
            repository.remove_own_key()?;
            app.console.say(format!("saved new key as {id}"));
            Ok(())
        }
        Key::Remove { id } => {
            let repository = Opened::open(app, Access::Exclusive)?;
            let id = repository.find_id(FileKind::Key, id)?;
            repository.confirm_lock()?;
            remove_key(repository.engine(), id)?;
            app.console.say(format!("removed key {id}"));
            Ok(())
        }
    }
}

fn list(app: &App) -> Outcome {
    let repository = Opened::open(app, Access::Read)?;
    let mut keys = Vec::new();
    for key in list_keys(repository.engine())? {
        match key {
            Ok(key) => keys.push(KeyInfo {
                current: key.current,
                id: key.id.to_hex(),
                user_name: key.file.username.clone(),
                host_name: key.file.hostname.clone(),
                created: moment::local(&key.file.created),
            }),
            Err(error) => app.console.complain(format!("cannot read a key: {error}")),
        }
    }
    if app.console.is_json() {
        return app.console.write_line(&json::line(&keys)?);
    }
    let mut table = Table::new(&[" ID", "User", "Host", "Created"]);
    for key in keys {
        let mark = if key.current { '*' } else { ' ' };
        let id = key.id.get(..8).unwrap_or(&key.id);
        table.row(vec![format!("{mark}{id}"), key.user_name, key.host_name, key.created]);
    }
    app.console.write_line(&table.draw())
}

fn add(repository: &Opened, new: &NewKey) -> Outcome<backstay_core::FileId> {
    let password = new_password(new)?;
    repository.confirm_lock()?;
    Ok(add_key(repository.engine(), &password, new.user.as_deref(), new.host.as_deref())?)
}

fn new_password(new: &NewKey) -> Outcome<Password> {
    match &new.new_password_file {
        _ if new.new_insecure_no_password => Ok(Password::default()),
        Some(file) => password::from_file(file),
        None if password::can_ask() => password::ask_new("enter new password: "),
        None => password::ask_new("enter new password: ")
            .map_err(|failure| failure.hint("give the new password with --new-password-file")),
    }
    .map_err(|failure: Failure| failure.context("no new password"))
}
