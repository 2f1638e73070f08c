//! How to reach a storage, and opening one from its address.

use std::fmt;
use std::time::Duration;

#[cfg(not(all(feature = "rest", feature = "s3")))]
use backstay_core::ErrorKind;
use backstay_core::{Storage, StorageError};

use crate::limit::Rates;
use crate::retry::{OnRetry, Policy};
use crate::s3::{Encryption, Lock, LockMode, Thaw, Tier};
use crate::{Address, Http, Limit, Local, Retry};

/// How to reach a storage. All have defaults that serve.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use backstay_storage::limit::Rates;
/// use backstay_storage::{Address, Options, open};
///
/// let mut options = Options {
///     rates: Rates { upload: Some(2 << 20), ..Rates::default() },
///     ..Options::default()
/// };
/// options.set_extended("local.connections", "4")?;
/// let storage = open(&Address::parse("/srv/backup")?, &options)?;
/// assert_eq!(storage.connections(), 4);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Options {
    /// How many calls at once; the back end's own choice if none.
    pub connections: Option<usize>,
    /// When and how long to try again.
    pub retry: Policy,
    /// Told of each failure that will be tried again.
    pub on_retry: Option<OnRetry>,
    /// How fast bytes may pass.
    pub rates: Rates,
    /// How to speak HTTP.
    pub http: Http,
    /// Credentials and settings for S3.
    pub s3: crate::s3::Settings,
    /// How files are brought back from an archive class once [`Settings::thaw`](crate::s3::Settings::thaw) says that they are.
    pub thaw: Thaw,
    /// Who we are to a service of restic's REST protocol.
    pub rest: crate::rest::Credentials,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("connections", &self.connections)
            .field("retry", &self.retry)
            .field("rates", &self.rates)
            .field("http", &self.http)
            .field("s3", &self.s3)
            .field("rest", &self.rest)
            .finish_non_exhaustive()
    }
}

/// An extended option that does not exist or has a value it cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// An option of another back end, or one that restic has and this program does without.
    #[error("the extended option {0} has no effect here")]
    NoEffect(String),
    /// There is no such option.
    #[error(
        "there is no extended option {0}; there are local.connections, rest.connections, s3.connections, \
             s3.region, s3.bucket-lookup, s3.storage-class, s3.object-lock, s3.encryption, s3.enable-restore, \
             s3.restore-days, s3.restore-tier, s3.restore-timeout, s3.unsafe-anonymous-auth"
    )]
    Unknown(String),
    /// The option is there, the value is not for it.
    #[error("the extended option {key} takes {takes}")]
    Value {
        /// The option's name.
        key: &'static str,
        /// What it takes.
        takes: &'static str,
    },
}

impl Options {
    /// Sets an extended option, named as restic names it (`-o s3.region=…`).
    ///
    /// # Errors
    /// [`OptionError::NoEffect`] when it concerns another back end, others when there is no such option, or it takes no such
    /// value.
    pub fn set_extended(&mut self, key: &str, value: &str) -> Result<(), OptionError> {
        match key {
            "local.connections" | "rest.connections" | "s3.connections" => {
                let number = value.parse().ok().filter(|number| *number > 0);
                self.connections = Some(
                    number.ok_or(OptionError::Value { key: "connections", takes: "a number from 1 up" })?,
                );
            }
            "s3.region" => self.s3.region = Some(value.to_owned()),
            "s3.storage-class" => {
                self.s3.storage_class = Some(value.to_owned()).filter(|class| !class.is_empty())
            }
            "s3.object-lock" => self.s3.lock = Some(lock(value)?),
            "s3.encryption" => self.s3.encryption = Some(encryption(value)?),
            "s3.enable-restore" => {
                let enable = value
                    .parse()
                    .map_err(|_| OptionError::Value { key: "s3.enable-restore", takes: "true or false" })?;
                self.s3.thaw = if enable { Some(self.thaw) } else { None };
            }
            "s3.restore-days" | "s3.restore-timeout" | "s3.restore-tier" => {
                set_thaw(&mut self.thaw, key, value)?;
                // Whichever comes first.
                self.s3.thaw = self.s3.thaw.map(|_| self.thaw);
            }
            "s3.bucket-lookup" => {
                self.s3.style = crate::s3::Style::of(value)
                    .ok_or(OptionError::Value { key: "s3.bucket-lookup", takes: "auto, path or dns" })?;
            }
            "s3.unsafe-anonymous-auth" => {
                self.s3.anonymous = value.parse().map_err(|_| OptionError::Value {
                    key: "s3.unsafe-anonymous-auth",
                    takes: "true or false",
                })?;
            }
            "local.layout" | "s3.layout" | "s3.list-objects-v1" | "s3.retries" => {
                return Err(OptionError::NoEffect(key.to_owned()));
            }
            _ if key.starts_with("local.") || key.starts_with("rest.") || key.starts_with("s3.") => {
                return Err(OptionError::Unknown(key.to_owned()));
            }
            _ => return Err(OptionError::NoEffect(key.to_owned())),
        }
        Ok(())
    }
}

/// Reads a lock as `governance:30`, with its days.
fn lock(value: &str) -> Result<Lock, OptionError> {
    let wrong = OptionError::Value { key: "s3.object-lock", takes: "governance:DAYS or compliance:DAYS" };
    let (mode, days) = value.split_once(':').ok_or_else(|| wrong.clone())?;
    let days = days.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
    match (LockMode::of(mode), days) {
        (Some(mode), Some(days)) => Ok(Lock { mode, days }),
        _ => Err(wrong),
    }
}

/// Reads an encryption: `AES256`, `aws:kms`, or that with the id of a key behind a colon.
fn encryption(value: &str) -> Result<Encryption, OptionError> {
    match value.strip_prefix("aws:kms") {
        Some("") => Ok(Encryption::Kms(None)),
        Some(key) if key.len() > 1 && key.starts_with(':') => {
            Ok(Encryption::Kms(key.get(1..).map(str::to_owned)))
        }
        None if value == "AES256" => Ok(Encryption::Aes256),
        _ => Err(OptionError::Value { key: "s3.encryption", takes: "AES256, aws:kms or aws:kms:KEY" }),
    }
}

fn set_thaw(thaw: &mut Thaw, key: &str, value: &str) -> Result<(), OptionError> {
    match key {
        "s3.restore-days" => {
            let wrong = OptionError::Value { key: "s3.restore-days", takes: "a number from 1 up" };
            thaw.days = value.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days)).ok_or(wrong)?;
        }
        "s3.restore-tier" => {
            let wrong = OptionError::Value { key: "s3.restore-tier", takes: "Standard, Bulk or Expedited" };
            thaw.tier = Tier::of(value).ok_or(wrong)?;
        }
        _ => {
            let wrong = OptionError::Value { key: "s3.restore-timeout", takes: "a time as 24h or 90m" };
            thaw.patience = duration(value).ok_or(wrong)?;
        }
    }
    Ok(())
}

/// The most days that a lock or a copy may last: a hundred years.
const MOST_DAYS: u32 = 36_500;

/// A time as restic's flags have it: numbers with `h`, `m` or `s` behind each.
fn duration(text: &str) -> Option<Duration> {
    let (mut seconds, mut rest) = (0_u64, text);
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, unit) = (rest.get(..end)?.parse::<u64>().ok()?, rest.get(end..=end)?);
        let unit = match unit {
            "h" => 3600,
            "m" => 60,
            "s" => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = rest.get(end + 1..)?;
    }
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// Opens the storage at an address: its back end, behind retries and, where rates are set, limits.
///
/// This does not look whether there is a repository.
///
/// # Errors
/// When an option does not fit, credentials are missing, or the back end was left out of this build.
pub fn open(address: &Address, options: &Options) -> Result<Box<dyn Storage>, StorageError> {
    let backend: Box<dyn Storage> = match address {
        Address::Local(root) => {
            let local = Local::new(root);
            Box::new(match options.connections {
                Some(connections) => local.with_connections(connections),
                None => local,
            })
        }
        #[cfg(feature = "s3")]
        Address::S3(s3) => Box::new(crate::s3::S3::new(s3, &options.s3, &options.http, options.connections)?),
        #[cfg(feature = "rest")]
        Address::Rest(rest) => {
            Box::new(crate::rest::Rest::new(rest, &options.rest, &options.http, options.connections)?)
        }
        #[cfg(not(feature = "rest"))]
        Address::Rest(_) => {
            return Err(StorageError::new(ErrorKind::Config, "open", address, "built without REST"));
        }
        #[cfg(not(feature = "s3"))]
        Address::S3(_) => {
            return Err(StorageError::new(ErrorKind::Config, "open", address, "built without S3"));
        }
    };
    Ok(wrapped(backend, options))
}

/// A back end behind retries and, where rates are set, limits.
#[must_use]
pub fn wrapped(backend: Box<dyn Storage>, options: &Options) -> Box<dyn Storage> {
    let mut retry = Retry::new(backend, options.retry.clone());
    if let Some(report) = &options.on_retry {
        retry = retry.on_retry(report.clone());
    }
    if options.rates.is_unlimited() {
        return Box::new(retry);
    }
    Box::new(Limit::new(Box::new(retry), options.rates))
}
