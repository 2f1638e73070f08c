//! The global flags joined with the environment: flags win, then `BACKSTAY_*`, then `RESTIC_*`.

use std::path::PathBuf;
use std::time::Duration;

use backstay_storage::Http;

use crate::args::{CompressionMode, Global, Secondary, Server};
use crate::console::Level;
use crate::environment::variable;
use crate::failure::{Explain, Failure, Outcome};
use crate::password::PasswordSource;

/// Everything that holds for the whole run.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The repository; `None` stands for the default one.
    pub(crate) repository: Option<String>,
    pub(crate) password: PasswordSource,
    pub(crate) key_hint: Option<String>,
    pub(crate) level: Level,
    pub(crate) json: bool,
    pub(crate) no_lock: bool,
    pub(crate) retry_lock: Duration,
    /// Where caches are; `None` switches them off.
    pub(crate) cache_folder: Option<PathBuf>,
    pub(crate) cleanup_cache: bool,
    /// Bytes per second.
    pub(crate) upload_limit: Option<u64>,
    /// Bytes per second.
    pub(crate) download_limit: Option<u64>,
    /// In bytes.
    pub(crate) pack_size: Option<u32>,
    pub(crate) compression: CompressionMode,
    /// Longest time for one call to the storage before it is tried again.
    pub(crate) try_timeout: Option<Duration>,
    /// How to speak HTTP and TLS.
    pub(crate) http: Http,
    /// `key=value` pairs for the storage.
    pub(crate) options: Vec<(String, String)>,
    /// The server that is asked.
    pub(crate) server: Server,
}

impl Settings {
    /// Reads the rest from the environment and checks that everything fits together.
    pub(crate) fn resolve(global: &Global) -> Outcome<Self> {
        let repository = repository_name(
            global.repo.clone(),
            global.repository_file.clone(),
            "",
            "-r and --repository-file",
        )?;
        Ok(Self {
            repository,
            password: PasswordSource {
                file: global.password_file.clone(),
                command: global.password_command.clone(),
                environment: "",
                insecure_empty: global.insecure_no_password,
            },
            key_hint: global.key_hint.clone().or_else(|| variable("KEY_HINT")),
            level: level(global)?,
            json: global.json,
            no_lock: global.no_lock,
            retry_lock: global.retry_lock.unwrap_or_default(),
            cache_folder: match (global.no_cache, &global.cache_dir) {
                (true, _) => None,
                (false, Some(folder)) => Some(folder.clone()),
                (false, None) => crate::environment::cache_folder(),
            },
            cleanup_cache: global.cleanup_cache,
            upload_limit: kibibytes(global.limit_upload),
            download_limit: kibibytes(global.limit_download),
            pack_size: pack_size(global.pack_size)?,
            compression: compression(global.compression)?,
            try_timeout: global.stuck_request_timeout,
            http: Http {
                trust: certificates(&global.cacert),
                client_certificate: global
                    .tls_client_cert
                    .clone()
                    .or_else(|| variable("TLS_CLIENT_CERT").map(PathBuf::from)),
                insecure: global.insecure_tls,
                user_agent: global.http_user_agent.clone().or_else(|| variable("HTTP_USER_AGENT")),
                ..Http::default()
            },
            options: global.options.iter().map(|option| key_value(option)).collect::<Outcome<_>>()?,
            server: Server {
                url: global.server.url.clone().or_else(|| variable("SERVER")),
                token_file: global
                    .server
                    .token_file
                    .clone()
                    .or_else(|| variable("TOKEN_FILE").map(PathBuf::from)),
                fingerprint: global.server.fingerprint.clone(),
            },
        })
    }
}

/// The files of trusted certificates: of the flags, else of the variable, which separates them by commas.
fn certificates(flags: &[PathBuf]) -> Vec<PathBuf> {
    match variable("CACERT") {
        Some(files) if flags.is_empty() => files.split(',').map(PathBuf::from).collect(),
        _ => flags.to_vec(),
    }
}

/// The second repository of `copy` and `init`: its name, password and key hint.
pub(crate) fn secondary(args: &Secondary) -> Outcome<Option<(String, PasswordSource, Option<String>)>> {
    let name = repository_name(
        args.from_repo.clone(),
        args.from_repository_file.clone(),
        "FROM_",
        "--from-repo and --from-repository-file",
    )?;
    let password = PasswordSource {
        file: args.from_password_file.clone(),
        command: args.from_password_command.clone(),
        environment: "FROM_",
        insecure_empty: args.from_insecure_no_password,
    };
    let key_hint = args.from_key_hint.clone().or_else(|| variable("FROM_KEY_HINT"));
    Ok(name.map(|name| (name, password, key_hint)))
}

/// The repository by flag or environment; a flag of either kind hides the environment's other kind.
fn repository_name(
    name: Option<String>,
    file: Option<PathBuf>,
    prefix: &str,
    flags: &str,
) -> Outcome<Option<String>> {
    let (name, file) = match (name.filter(|name| !name.is_empty()), file) {
        (None, None) => (
            variable(&format!("{prefix}REPOSITORY")),
            variable(&format!("{prefix}REPOSITORY_FILE")).map(PathBuf::from),
        ),
        flags => flags,
    };
    match (name, file) {
        (Some(_), Some(_)) => {
            Err(Failure::fatal(format!("Options {flags} are mutually exclusive, please specify only one")))
        }
        (name, None) => Ok(name),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(&file)
                .explain(format!("cannot read the repository's location from {}", file.display()))?;
            let text = text.trim_start_matches('\u{feff}').trim();
            if text.is_empty() {
                return Err(Failure::fatal(format!("{} names no repository", file.display())));
            }
            Ok(Some(text.to_owned()))
        }
    }
}

fn level(global: &Global) -> Outcome<Level> {
    let verbose: u32 = global.verbose.iter().map(|level| u32::from(*level)).sum();
    match (global.quiet, verbose) {
        (true, 1..) => Err(Failure::fatal("--quiet and --verbose cannot be specified at the same time")),
        (true, 0) => Ok(Level::Quiet),
        (false, 0) => Ok(Level::Normal),
        (false, 1) => Ok(Level::Verbose),
        (false, _) => Ok(Level::Debug),
    }
}

fn kibibytes(rate: Option<u64>) -> Option<u64> {
    rate.filter(|rate| *rate > 0).map(|rate| rate.saturating_mul(1024))
}

fn pack_size(flag: Option<u32>) -> Outcome<Option<u32>> {
    let mebibytes = match (flag, variable("PACK_SIZE")) {
        (Some(size), _) => Some(size),
        (None, None) => None,
        (None, Some(text)) => {
            Some(text.parse().explain(format!("invalid value for RESTIC_PACK_SIZE {text:?}"))?)
        }
    };
    match mebibytes.filter(|size| *size > 0) {
        Some(size @ 4..=128) => Ok(Some(size << 20)),
        None => Ok(None),
        Some(size) => Err(Failure::fatal(format!("pack size of {size} MiB is not possible"))
            .hint("give a size from 4 to 128 MiB with --pack-size")),
    }
}

fn compression(flag: Option<CompressionMode>) -> Outcome<CompressionMode> {
    use clap::ValueEnum;
    match (flag, variable("COMPRESSION")) {
        (Some(mode), _) => Ok(mode),
        (None, None) => Ok(CompressionMode::Auto),
        (None, Some(text)) => CompressionMode::from_str(&text, false).map_err(|_| {
            Failure::fatal(format!("invalid value for RESTIC_COMPRESSION {text:?}"))
                .hint("use one of auto, off, fastest, better, max")
        }),
    }
}

fn key_value(option: &str) -> Outcome<(String, String)> {
    match option.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_lowercase(), value.trim().to_owned()))
        }
        _ => Err(Failure::fatal(format!("invalid extended option {option:?}")).hint("write it as key=value")),
    }
}
