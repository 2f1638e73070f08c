//! The environment: variables, home folders, time and chance. Only this crate knows them.

use std::path::PathBuf;

use backstay_core::{Clock, Random, Timestamp};

/// A variable by its name after `BACKSTAY_` or, if that is not set, after `RESTIC_`. Empty counts as not set.
pub(crate) fn variable(name: &str) -> Option<String> {
    let read =
        |prefix: &str| std::env::var(format!("{prefix}_{name}")).ok().filter(|value| !value.is_empty());
    read("BACKSTAY").or_else(|| read("RESTIC"))
}

/// A variable that is on or off, with the words that restic takes.
pub(crate) fn switch(name: &str) -> bool {
    variable(name).is_some_and(|value| matches!(value.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True"))
}

/// A folder of the XDG specification, by its variable and its place in the home folder.
fn xdg(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(below_home)))
}

/// Where this program keeps data.
pub(crate) fn data_folder() -> Option<PathBuf> {
    xdg("XDG_DATA_HOME", ".local/share").map(|path| path.join("backstay"))
}

/// Where programs keep what their user may edit.
pub(crate) fn config_home() -> Option<PathBuf> {
    xdg("XDG_CONFIG_HOME", ".config")
}

/// Where this program keeps what its user may edit, and keys.
pub(crate) fn config_folder() -> Option<PathBuf> {
    config_home().map(|path| path.join("backstay"))
}

/// Where this program keeps notes that outlive a run but are no loss.
pub(crate) fn state_folder() -> Option<PathBuf> {
    xdg("XDG_STATE_HOME", ".local/state").map(|path| path.join("backstay"))
}

/// Where caches of repositories are: the folder of restic, whose layout they have.
pub(crate) fn cache_folder() -> Option<PathBuf> {
    variable("CACHE_DIR")
        .map(PathBuf::from)
        .or_else(|| xdg("XDG_CACHE_HOME", ".cache").map(|path| path.join("restic")))
}

/// Credentials and region for S3, from the variables and the file that AWS's own tools use.
pub(crate) fn s3_settings() -> backstay_storage::s3::Settings {
    let home = std::env::home_dir();
    backstay_storage::s3::Settings::from_variables(|name| std::env::var(name).ok(), home.as_deref())
}

/// Who to be to a service of restic's REST protocol, from the variables that restic uses.
pub(crate) fn rest_credentials() -> backstay_storage::rest::Credentials {
    backstay_storage::rest::Credentials::from_variables(variable)
}

/// The name of this host.
pub(crate) fn host_name() -> String {
    hostname::get().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The clock and time zone of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        crate::moment::timestamp(&jiff::Zoned::now())
    }

    fn sleep(&self, duration: std::time::Duration) {
        std::thread::sleep(duration);
    }
}

/// Randomness of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        if getrandom::fill(buffer).is_err() {
            // No key or nonce may be made of anything else, and no caller could do better.
            eprintln!("Fatal: the operating system gives no random bytes");
            std::process::abort();
        }
    }
}
