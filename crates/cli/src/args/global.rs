//! Flags that every command takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

use super::server::Server;
use super::values::duration;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Repository to back up to or restore from [env: BACKSTAY_REPOSITORY, RESTIC_REPOSITORY]
    #[arg(short, long, global = true, value_name = "REPOSITORY")]
    pub(crate) repo: Option<String>,
    /// File to read the repository location from [env: *_REPOSITORY_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) repository_file: Option<PathBuf>,
    /// File to read the repository password from [env: *_PASSWORD_FILE]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Command to obtain the repository password from [env: *_PASSWORD_COMMAND]
    #[arg(long, global = true, value_name = "COMMAND", allow_hyphen_values = true)]
    pub(crate) password_command: Option<String>,
    /// Use an empty password for the repository; must be passed to every command (insecure)
    #[arg(long, global = true)]
    pub(crate) insecure_no_password: bool,
    /// ID of the key to try first [env: *_KEY_HINT]
    #[arg(long, global = true, value_name = "KEY")]
    pub(crate) key_hint: Option<String>,
    /// Set output mode to JSON for commands that support it
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Do not output a comprehensive progress report
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Be verbose (specify twice or as --verbose=2 for more)
    #[arg(short, long, global = true, action = ArgAction::Append, num_args = 0..=1, require_equals = true,
          default_missing_value = "1", value_name = "LEVEL")]
    pub(crate) verbose: Vec<u8>,
    /// Do not lock the repository; this allows some operations on read-only repositories
    #[arg(long, global = true)]
    pub(crate) no_lock: bool,
    /// Retry to lock the repository if it is already locked, for this long, as 5m or 2h
    #[arg(long, global = true, value_parser = duration, value_name = "DURATION")]
    pub(crate) retry_lock: Option<Duration>,
    /// Set the cache directory [env: *_CACHE_DIR]
    #[arg(long, global = true, value_name = "DIRECTORY")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Do not use a local cache
    #[arg(long, global = true)]
    pub(crate) no_cache: bool,
    /// Remove old cache directories
    #[arg(long, global = true)]
    pub(crate) cleanup_cache: bool,
    /// Limit uploads to this rate in KiB/s
    #[arg(long, global = true, value_name = "RATE")]
    pub(crate) limit_upload: Option<u64>,
    /// Limit downloads to this rate in KiB/s
    #[arg(long, global = true, value_name = "RATE")]
    pub(crate) limit_download: Option<u64>,
    /// Target size of pack files in MiB, 4 to 128; created files may be larger [env: *_PACK_SIZE]
    #[arg(long, global = true, value_name = "SIZE")]
    pub(crate) pack_size: Option<u32>,
    /// Compression mode [env: *_COMPRESSION] [default: auto]
    #[arg(long, global = true, value_name = "MODE")]
    pub(crate) compression: Option<CompressionMode>,
    /// Skip additional verification of data before upload. None is done in any case; restic's scripts pass this
    #[arg(long, global = true, hide_short_help = true)]
    no_extra_verify: bool,
    /// Time after which to retry stuck requests, as 5m [default: the storage's own]
    #[arg(long, global = true, value_parser = duration, value_name = "DURATION")]
    pub(crate) stuck_request_timeout: Option<Duration>,
    /// File of certificates to trust instead of the system's (PEM, can be specified multiple times) [env: *_CACERT]
    #[arg(long, global = true, value_name = "FILE", value_delimiter = ',')]
    pub(crate) cacert: Vec<PathBuf>,
    /// File with a TLS client certificate and its private key (PEM) [env: *_TLS_CLIENT_CERT]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) tls_client_cert: Option<PathBuf>,
    /// Skip the check of the server's TLS certificate (insecure)
    #[arg(long, global = true)]
    pub(crate) insecure_tls: bool,
    /// User agent of HTTP requests
    #[arg(long, global = true, value_name = "TEXT")]
    pub(crate) http_user_agent: Option<String>,
    /// Set an extended option of the storage (key=value, can be specified multiple times)
    #[arg(short, long = "option", global = true, value_name = "KEY=VALUE", value_delimiter = ',')]
    pub(crate) options: Vec<String>,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// How hard to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompressionMode {
    Auto,
    Off,
    Fastest,
    Better,
    Max,
}
