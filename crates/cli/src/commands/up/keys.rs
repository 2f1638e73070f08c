//! The vault that secrets are sealed in, and the master key that opens it: from the environment, a passphrase or a file.
//!
//! What makes a key of a passphrase lies in a file of its own. A new passphrase gets a new one beside it, which takes the place of
//! the old when the vault is sealed with it. Whoever is cut off in between finds both, and the vault tells which one counts.

use std::path::{Path, PathBuf};

use backstay_core::Random;
use backstay_vault::{KeyId, MasterKey, PassphraseCost, Secret, Vault, VaultError};

use super::DataFolder;
use crate::args;
use crate::environment::variable;
use crate::failure::{Explain, Failure, Outcome};

const PASSPHRASE: &str = "passphrase.json";
/// Of a passphrase that is not in force yet.
const NEXT_PASSPHRASE: &str = "passphrase.next.json";

/// Where a new master key comes from.
pub(crate) enum NewMaster<'a> {
    /// A file, made when it is missing.
    File(&'a Path),
    /// A passphrase.
    Passphrase(Secret),
}

/// Opens the vault of a data folder, or makes it.
pub(crate) fn vault(args: &args::DataFolder, folder: &DataFolder, random: &dyn Random) -> Outcome<Vault> {
    let master = master_key(args, folder, random).map_err(cannot_open)?;
    Vault::open_or_make(&ring(folder), master, random).map_err(cannot_open)
}

/// Seals the vault of a data folder with another master key; gives its id.
pub(crate) fn change_master(
    args: &args::DataFolder,
    folder: &DataFolder,
    new: &NewMaster<'_>,
    random: &dyn Random,
) -> Outcome<KeyId> {
    if !ring(folder).exists() {
        let text = format!("there is no vault in the data folder {}", folder.path().display());
        return Err(Failure::fatal(text).hint("name the server's folder with --data-dir"));
    }
    let master = master_key(args, folder, random).map_err(cannot_open)?;
    let before = master.id();
    let vault = Vault::open_or_make(&ring(folder), master, random).map_err(cannot_open)?;
    let (file, next) = (folder.path().join(PASSPHRASE), folder.path().join(NEXT_PASSPHRASE));
    let new_master = match new {
        NewMaster::File(file) => MasterKey::from_file_or_new(file, random),
        NewMaster::Passphrase(passphrase) => {
            // The present master key opens the vault, so a change that was cut off did not come into force.
            match std::fs::remove_file(&next) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).explain(format!("cannot remove {}", next.display()));
                }
                _ => MasterKey::from_passphrase(passphrase, &next, PassphraseCost::default(), random),
            }
        }
    };
    let new_master = new_master.map_err(|error| failure("the new master key cannot be used", &error))?;
    let id = new_master.id();
    if id == before {
        return Err(Failure::fatal("that is the master key already"));
    }
    vault
        .change_master(new_master, random)
        .map_err(|error| failure("the vault cannot be changed", &error))?;
    if let NewMaster::Passphrase(_) = new {
        std::fs::rename(&next, &file).explain(format!("cannot replace {}", file.display()))?;
    }
    Ok(id)
}

fn ring(folder: &DataFolder) -> PathBuf {
    folder.path().join("vault.json")
}

fn master_key(
    args: &args::DataFolder,
    folder: &DataFolder,
    random: &dyn Random,
) -> Result<MasterKey, VaultError> {
    let named = args.master_key_file.clone().or_else(|| variable("MASTER_KEY_FILE").map(PathBuf::from));
    if let Some(file) = named {
        return MasterKey::from_file_or_new(&file, random);
    }
    if let Some(text) = variable("MASTER_KEY") {
        return MasterKey::from_text(&Secret::new(text));
    }
    if let Some(passphrase) = variable("MASTER_PASSPHRASE") {
        return of_passphrase(&Secret::new(passphrase), folder, random);
    }
    MasterKey::from_file_or_new(&folder.key_file("master.key"), random)
}

fn of_passphrase(
    passphrase: &Secret,
    folder: &DataFolder,
    random: &dyn Random,
) -> Result<MasterKey, VaultError> {
    let (file, next) = (folder.path().join(PASSPHRASE), folder.path().join(NEXT_PASSPHRASE));
    if next.exists()
        && ring(folder).exists()
        && let Ok(master) = MasterKey::from_passphrase(passphrase, &next, PassphraseCost::default(), random)
        && Vault::open_or_make(&ring(folder), master.clone(), random).is_ok()
    {
        // If this fails too, the next start finds both files again.
        let _ = std::fs::rename(&next, &file);
        return Ok(master);
    }
    MasterKey::from_passphrase(passphrase, &file, PassphraseCost::default(), random)
}

fn cannot_open(error: VaultError) -> Failure {
    failure("the vault cannot be opened", &error)
}

fn failure(what: &str, error: &VaultError) -> Failure {
    let failure = Failure::fatal(what).because(error);
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
