//! The repository that is used when none is named, and its key file.
//!
//! It lies in the user's data folder. Its key file, made only where nobody can be asked for a password, lies in the
//! configuration folder, so that who copies the one does not carry off the other.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use backstay_core::Random;
use zeroize::Zeroizing;

use crate::failure::{Explain, Failure, Outcome};
use crate::password::{Password, from_file};

/// Where the default repository is.
pub(crate) fn location() -> Outcome<PathBuf> {
    let data = crate::environment::data_folder().ok_or_else(|| {
        Failure::fatal("Please specify repository location (-r or --repository-file)")
            .hint("there is no home folder for a default one")
    })?;
    Ok(data.join("repository"))
}

/// The name of its key file.
pub(crate) const KEY_FILE: &str = "repository.key";

/// Where its key file is, if there is one.
fn key_file() -> Outcome<PathBuf> {
    let config = crate::environment::config_folder().ok_or_else(|| {
        Failure::fatal("there is no home folder to keep a key in")
            .hint("give a password with --password-file")
    })?;
    Ok(config.join(KEY_FILE))
}

/// The password in the key file; `None` if there is no key file.
pub(crate) fn stored_password() -> Outcome<Option<Password>> {
    stored_password_in(&key_file()?)
}

/// The password in a key file; `None` if there is no such file.
pub(crate) fn stored_password_in(path: &Path) -> Outcome<Option<Password>> {
    match path.try_exists() {
        Ok(true) => from_file(path).map(Some),
        _ => Ok(None),
    }
}

/// Whether the default repository is there and has no key file, so that its password has to be typed.
pub(crate) fn is_locked_by_password() -> Outcome<bool> {
    Ok(location()?.join("config").exists() && !key_file()?.exists())
}

/// Makes a key file with a password of 256 random bits and says where it is.
pub(crate) fn make_key_file(random: &dyn Random) -> Outcome<(PathBuf, Password)> {
    let path = key_file()?;
    let password = make_key_file_at(&path, random)?;
    Ok((path, password))
}

/// Makes a key file with a password of 256 random bits at this place.
pub(crate) fn make_key_file_at(path: &Path, random: &dyn Random) -> Outcome<Password> {
    let password = random_password(random);
    write_key_file(path, &password).explain(format!("cannot make the key file {}", path.display()))?;
    Ok(password)
}

fn random_password(random: &dyn Random) -> Password {
    let mut bytes = Zeroizing::new([0u8; 32]);
    random.fill(bytes.as_mut());
    let mut text = Password::new(String::with_capacity(64));
    backstay_core::FileId(*bytes).push_hex(&mut text);
    text
}

fn write_key_file(path: &Path, password: &str) -> std::io::Result<()> {
    let Some(folder) = path.parent() else { return Err(std::io::ErrorKind::InvalidInput.into()) };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(password.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    // The repository is worthless without it: the name must last too.
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_file_is_private_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backstay/repository.key");
        let password = random_password(&crate::environment::SystemRandom);
        write_key_file(&path, &password).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(*from_file(&path).unwrap(), *password);
        assert_eq!(password.len(), 64);
        assert!(write_key_file(&path, "other").is_err());
        assert_eq!(*from_file(&path).unwrap(), *password);
    }
}
