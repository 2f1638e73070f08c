//! `vault`: exchanges the keys that secrets are sealed with, by the server, and the master key, on its own host.

use serde_json::{Value, json};

use super::remote;
use super::up::{DataFolder, keys};
use crate::app::App;
use crate::args::{ChangeMaster, Vault};
use crate::environment::variable;
use crate::failure::{Failure, Outcome};
use crate::remote::Client;

pub(super) fn run(app: &App, args: &Vault) -> Outcome {
    match args {
        Vault::Keys => remote::list(app, &remote::VAULT_KEYS, &Client::new(app)?.get("/vault")?),
        Vault::Rotate => rotate(app),
        Vault::ChangeMaster(args) => change_master(app, args),
    }
}

fn rotate(app: &App) -> Outcome {
    let rotated = Client::new(app)?.post("/vault/rotate", &Value::Null)?;
    let text = |name: &str| rotated.get(name).and_then(Value::as_str).unwrap_or_default();
    let failed = rotated.get("failed").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if app.console.is_json() {
        app.console.message(&rotated);
    } else {
        let resealed = rotated.get("resealed").and_then(Value::as_u64).unwrap_or(0);
        app.console.print(format!("key {} seals now; secrets sealed anew: {resealed}", text("primary")));
    }
    for why in failed.iter().filter_map(Value::as_str) {
        app.console.complain(why);
    }
    match failed.len() {
        0 => Ok(()),
        number => Err(Failure::fatal(format!("secrets that could not be sealed anew: {number}"))
            .hint("enter them again; the key that they are sealed with is kept until then")),
    }
}

fn change_master(app: &App, args: &ChangeMaster) -> Outcome {
    let ChangeMaster { new, data } = args;
    let folder = DataFolder::claim(data)?;
    let new = match &new.file {
        Some(file) => keys::NewMaster::File(file),
        None => {
            let missing = || {
                Failure::fatal("there is no new passphrase")
                    .hint("put it into BACKSTAY_NEW_MASTER_PASSPHRASE")
            };
            keys::NewMaster::Passphrase(variable("NEW_MASTER_PASSPHRASE").ok_or_else(missing)?.into())
        }
    };
    let id = keys::change_master(data, &folder, &new, &*app.random)?.to_string();
    if app.console.is_json() {
        app.console.message(&json!({"message_type": "master_key_changed", "master": id}));
        return Ok(());
    }
    app.console.print(format!("master key {id} opens the vault now, and the one before opens it no more"));
    app.console.say(match new {
        keys::NewMaster::File(file) => format!("start the server with --master-key-file {}", file.display()),
        keys::NewMaster::Passphrase(_) => {
            "start the server with the new passphrase in BACKSTAY_MASTER_PASSPHRASE".to_owned()
        }
    });
    Ok(())
}
