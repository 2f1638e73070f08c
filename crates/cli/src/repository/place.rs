//! Where a repository is, and how it is reached.

use std::sync::Arc;
use std::time::Duration;

use backstay_core::Storage;
use backstay_engine::pack::Compression;
use backstay_engine::repository::{Environment, Identity, Repository, Settings as EngineSettings};
use backstay_storage::limit::Rates;
use backstay_storage::{Address, Cache, OptionError, Options};

use crate::app::App;
use crate::args::CompressionMode;
use crate::default_repository;
use crate::failure::{Failure, Outcome};
use crate::password::{Password, PasswordSource};

/// Which repository, and how to get in.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// `None` is the default repository.
    address: Option<String>,
    password: PasswordSource,
    key_hint: Option<String>,
    /// How many files are read at once; `None` lets the engine choose.
    threads: Option<usize>,
    /// For dry runs: nothing is written, whatever the command does.
    discards: bool,
    /// Whether the local cache is one of this command alone.
    caches_anew: bool,
}

impl Place {
    /// The repository of `-r`, or the default one.
    pub(crate) fn main(app: &App) -> Self {
        Self {
            address: app.settings.repository.clone(),
            password: app.settings.password.clone(),
            key_hint: app.settings.key_hint.clone(),
            threads: None,
            discards: false,
            caches_anew: false,
        }
    }

    /// The repository that `copy` and `init` read from.
    pub(crate) fn secondary(args: &crate::args::Secondary) -> Outcome<Option<Self>> {
        let parts = crate::settings::secondary(args)?;
        Ok(parts.map(|(address, password, key_hint)| Self {
            address: Some(address),
            password,
            key_hint,
            threads: None,
            discards: false,
            caches_anew: false,
        }))
    }

    /// Whether it is the one that `copy` and `init` read from.
    pub(super) fn is_secondary(&self) -> bool {
        !self.password.environment.is_empty()
    }

    /// The same place, with so many files read at once.
    pub(crate) fn reading_with(mut self, threads: Option<usize>) -> Self {
        self.threads = threads;
        self
    }

    /// The same place, but nothing is ever written to it.
    pub(crate) fn discarding_writes(mut self) -> Self {
        self.discards = true;
        self
    }

    /// The same place, read without what is cached already.
    pub(crate) fn caching_anew(mut self) -> Self {
        self.caches_anew = true;
        self
    }

    /// Whether nobody named a repository.
    pub(crate) const fn is_default(&self) -> bool {
        self.address.is_none()
    }

    /// The storage at its address.
    pub(super) fn storage(&self, app: &App) -> Outcome<Box<dyn Storage>> {
        let address = match &self.address {
            Some(text) => Address::parse(text)
                .map_err(|error| Failure::fatal("parsing repository location failed").because(&error))?,
            None => Address::Local(default_repository::location()?),
        };
        let storage = backstay_storage::open(&address, &storage_options(app)?)?;
        Ok(if self.discards { Box::new(crate::commands::Discard(storage)) } else { storage })
    }

    /// The password that somebody gave or that was stored for the default repository; `None` if one has to be asked for.
    pub(super) fn given_password(&self) -> Outcome<Option<Password>> {
        match self.password.given()? {
            None if self.is_default() => default_repository::stored_password(),
            given => Ok(given),
        }
    }

    /// The key to try first.
    pub(super) fn key_hint(&self) -> Option<&str> {
        self.key_hint.as_deref()
    }

    /// The same storage with a local cache, where one helps. Trouble with the cache is told and survived.
    pub(super) fn with_cache(&self, app: &App, repository: &Repository) -> Option<Arc<dyn Storage>> {
        let base = app.settings.cache_folder.as_deref()?;
        let is_local = match &self.address {
            None => true,
            Some(text) => matches!(Address::parse(text), Ok(Address::Local(_))),
        };
        if app.settings.cleanup_cache
            && base.is_dir()
            && let Err(failure) = crate::commands::clean_up_cache(app, base, crate::commands::OLD_CACHE)
        {
            app.console.complain(failure.to_string());
        }
        if is_local {
            return None;
        }
        let open = || -> Result<Arc<dyn Storage>, Box<dyn std::error::Error>> {
            std::fs::create_dir_all(base)?;
            let inner = self.storage(app).map_err(|failure| failure.to_string())?;
            let make = if self.caches_anew { Cache::passing } else { Cache::new };
            Ok(Arc::new(make(inner, base, &repository.config().id.to_hex())?))
        };
        match open() {
            Ok(cached) => Some(cached),
            Err(error) => {
                app.console.complain(format!("unable to open cache: {error}"));
                None
            }
        }
    }

    /// How the engine is to work.
    pub(super) fn engine_settings(&self, app: &App) -> EngineSettings {
        let mut settings = EngineSettings {
            compression: match app.settings.compression {
                CompressionMode::Auto => Compression::Auto,
                CompressionMode::Off => Compression::Off,
                CompressionMode::Fastest => Compression::Fastest,
                CompressionMode::Better => Compression::Better,
                CompressionMode::Max => Compression::Max,
            },
            ..EngineSettings::default()
        };
        if let Some(threads) = self.threads {
            settings.threads = threads.max(1);
        }
        if let Some(size) = app.settings.pack_size {
            settings.pack_size = size as usize;
        }
        settings
    }
}

/// How storages are reached, by flags and environment.
pub(crate) fn storage_options(app: &App) -> Outcome<Options> {
    let mut options = Options {
        rates: Rates { upload: app.settings.upload_limit, download: app.settings.download_limit },
        http: app.settings.http.clone(),
        s3: crate::environment::s3_settings(),
        rest: crate::environment::rest_credentials(),
        ..Options::default()
    };
    for (key, value) in &app.settings.options {
        match options.set_extended(key, value) {
            Ok(()) => {}
            // Tools pass the options of all back ends to every command.
            Err(error @ OptionError::NoEffect(_)) => app.console.complain(format!("warning: {error}")),
            Err(error) => return Err(Failure::fatal(error)),
        }
    }
    options.retry.try_timeout = app.settings.try_timeout;
    let console = Arc::clone(&app.console);
    options.on_retry = Some(Arc::new(move |error, pause| {
        console.complain(format!("{error}, retrying after {:.1}s", pause.as_secs_f64()));
    }));
    Ok(options)
}

/// How long to wait for packs that lie in an archive class, if they may be brought back.
pub(crate) fn patience_for_frozen(app: &App) -> Option<Duration> {
    let mut options = Options::default();
    for (key, value) in &app.settings.options {
        // What is wrong with one was said when the storage was opened.
        let _ = options.set_extended(key, value);
    }
    options.s3.thaw.map(|thaw| thaw.patience)
}

/// The outside world for the engine.
pub(super) fn environment(app: &App) -> Environment {
    Environment { clock: app.clock.clone(), random: app.random.clone(), identity: identity() }
}

/// Who runs this process.
pub(crate) fn identity() -> Identity {
    let uid = rustix::process::getuid().as_raw();
    Identity {
        host: crate::environment::host_name(),
        user: uzers::get_user_by_uid(uid)
            .map(|user| user.name().to_string_lossy().into_owned())
            .unwrap_or_default(),
        uid,
        gid: rustix::process::getgid().as_raw(),
        pid: std::process::id(),
    }
}
