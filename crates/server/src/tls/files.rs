//! Small files that must be whole and, where they are keys, closed to others.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use backstay_core::Random;

use super::TlsError;

/// Reads a text; `None` when there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<String>, TlsError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TlsError::File { what: "read", path: path.to_owned(), source }),
    }
}

/// Puts a whole, durable file in place, which only its owner may read.
pub(super) fn write(path: &Path, text: &str, random: &dyn Random) -> Result<(), TlsError> {
    let failed = |what, path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::File { what, path, source }
    };
    let folder = path.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    fs::create_dir_all(&folder).map_err(failed("make", &folder))?;
    let temporary = path.with_extension(format!("new-{}", crate::text::random_hex(random, 6)));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| File::open(&folder)?.sync_all());
    if written.is_err() {
        // What is left of a failed attempt is of no use; the attempt's own error is what counts.
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(failed("write", path))
}

/// Refuses a key that others may read.
pub(super) fn check_closed(path: &Path) -> Result<(), TlsError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata = fs::metadata(path).map_err(|source| TlsError::File {
            what: "read",
            path: path.to_owned(),
            source,
        })?;
        if metadata.permissions().mode() & 0o077 != 0 {
            let why = format!("others may read it; close it with: chmod 600 {}", path.display());
            return Err(TlsError::Damaged { path: path.to_owned(), why });
        }
    }
    Ok(())
}
