//! The vault that secrets are sealed in, and the master key that opens it: from the environment, a passphrase or a file.

use std::path::PathBuf;

use backstay_core::Random;
use backstay_vault::{MasterKey, PassphraseCost, SecretText, Vault, VaultError};

use super::DataFolder;
use crate::args;
use crate::environment::variable;
use crate::failure::{Failure, Outcome};

/// Opens the vault of a data folder, or makes it.
pub(crate) fn vault(args: &args::DataFolder, folder: &DataFolder, random: &dyn Random) -> Outcome<Vault> {
    let failed = |error: VaultError| {
        let hint = error.hint();
        let failure = Failure::fatal("the vault cannot be opened").because(&error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    };
    let master = master_key(args, folder, random).map_err(failed)?;
    Vault::open_or_make(&folder.path().join("vault.json"), master, random).map_err(failed)
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
        return MasterKey::from_text(&SecretText::new(text));
    }
    if let Some(passphrase) = variable("MASTER_PASSPHRASE") {
        let file = folder.path().join("passphrase.json");
        return MasterKey::from_passphrase(
            &SecretText::new(passphrase),
            &file,
            PassphraseCost::default(),
            random,
        );
    }
    MasterKey::from_file_or_new(&folder.key_file("master.key"), random)
}
