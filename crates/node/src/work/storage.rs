//! From a connection to the storage that it reaches.
//!
//! A node has time: a run whose storage is away waits and is tried again later. So a call here gives up within half a minute or
//! so, where a person at a terminal would want it to go on trying.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use backstay_core::Storage;
use backstay_model::connection::{BucketStyle, EncryptionMode, LockMode, S3Settings, ThawTier};
use backstay_model::{ConnectionSettings, Level, Limits};
use backstay_storage::limit::Rates;
use backstay_storage::rest::Credentials;
use backstay_storage::retry::Policy;
use backstay_storage::s3::{self, Encryption, Lock, Settings, Style, Thaw, Tier};
use backstay_storage::{Address, Http, Options, Reach, Secret, open, wrapped};

use super::{Class, Report, Result, WorkError, Workshop};
use crate::seals::Opened;

/// For how long a call that fails in passing is tried again.
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// For how long a service may be silent.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

impl Workshop {
    /// Opens the storage that a connection reaches, at a path within it. Nothing is asked of it yet.
    pub(super) fn storage(
        &self,
        settings: &ConnectionSettings,
        path: &str,
        secrets: &Opened,
        limits: &Limits,
        report: &Arc<dyn Report>,
    ) -> Result<Box<dyn Storage>> {
        let report = Arc::clone(report);
        let mut options = Options {
            retry: Policy { longest_pause: LONGEST_PAUSE, give_up_after: GIVE_UP_AFTER, ..Policy::default() },
            rates: Rates { upload: limits.upload, download: limits.download },
            on_retry: Some(Arc::new(move |error, pause| {
                let again = format!("{error}; it is tried again in {:.1} s", pause.as_secs_f64());
                report.log(Level::Warning, "storage", &again);
            })),
            ..Options::default()
        };
        if let ConnectionSettings::GoogleDrive(drive) = settings {
            return Ok(wrapped(Box::new(self.google_drive(drive, path, secrets)?), &options));
        }
        let address = self.prepare(settings, path, secrets, &mut options)?;
        Ok(open(&address, &options)?)
    }

    /// The storage for one try, with nothing tried again.
    pub(super) fn storage_for_probe(
        &self,
        settings: &ConnectionSettings,
        path: &str,
        secrets: &Opened,
    ) -> Result<Box<dyn Storage>> {
        let mut options = Options { retry: Policy::never(), ..Options::default() };
        let address = self.prepare(settings, path, secrets, &mut options)?;
        Ok(open(&address, &options)?)
    }

    fn prepare(
        &self,
        settings: &ConnectionSettings,
        path: &str,
        secrets: &Opened,
        options: &mut Options,
    ) -> Result<Address> {
        match settings {
            ConnectionSettings::Local(local) => {
                let folder = local_folder(&local.path, path);
                Ok(Address::Local(self.policy.check_repository(&folder)?))
            }
            ConnectionSettings::S3(s3) => {
                options.http = self.s3_http(s3);
                options.s3 = s3_settings(s3, secrets);
                s3_address(s3, path)
            }
            ConnectionSettings::Receiver(receiver) => {
                options.http = self.receiver_http(receiver);
                let token = secrets.get("token").or_else(|| receiver.token.expose()).map(Secret::new);
                options.rest = Credentials { token, ..Credentials::default() };
                let slash = if path.is_empty() { "" } else { "/" };
                Address::parse(format!("rest:{}/repo/{path}{slash}", receiver.url())).map_err(|error| {
                    WorkError::new(Class::Other, "the address of the receiver is not valid").because(&error)
                })
            }
            // It has no address of its own; see `google_drive`.
            ConnectionSettings::GoogleDrive(_)
            | ConnectionSettings::Mysql(_)
            | ConnectionSettings::Mongodb(_) => {
                Err(WorkError::new(Class::Other, "no repository can lie in a database")
                    .hint("give the destination a connection to a folder or to a bucket"))
            }
        }
    }

    /// How a service of S3 is spoken to.
    pub(super) fn s3_http(&self, s3: &S3Settings) -> Http {
        Http { reach: self.reach_of(s3.allow_private), patience: Some(PATIENCE), ..Http::default() }
    }

    /// Which addresses may be connected to, where private ones are allowed or not by who set it up.
    pub(super) fn reach_of(&self, allow_private: bool) -> Reach {
        if allow_private && self.policy.allows_private_addresses() { Reach::Private } else { Reach::Public }
    }
}

/// The folder of a repository on this host.
pub(super) fn local_folder(base: &str, path: &str) -> PathBuf {
    if path.is_empty() { PathBuf::from(base) } else { Path::new(base).join(path) }
}

pub(super) fn s3_settings(s3: &S3Settings, secrets: &Opened) -> Settings {
    let secret = secrets.get("secret_key").or_else(|| s3.secret_key.expose()).unwrap_or_default();
    Settings {
        credentials: Some(s3::Credentials {
            access_key_id: s3.access_key.clone(),
            secret_access_key: Secret::new(secret),
            session_token: None,
        }),
        region: s3.region.clone().filter(|region| !region.is_empty()),
        style: match s3.style {
            BucketStyle::Auto => Style::Auto,
            BucketStyle::Path => Style::Path,
            BucketStyle::Host => Style::Virtual,
        },
        storage_class: s3.storage_class.clone(),
        lock: s3.lock.map(|lock| Lock {
            mode: match lock.mode {
                LockMode::Governance => s3::LockMode::Governance,
                LockMode::Compliance => s3::LockMode::Compliance,
            },
            days: lock.days,
        }),
        encryption: s3.encryption.as_ref().map(|encryption| match encryption.mode {
            EncryptionMode::Aes256 => Encryption::Aes256,
            EncryptionMode::Kms => Encryption::Kms(encryption.key.clone()),
        }),
        thaw: s3.thaw().map(|thaw| Thaw {
            days: thaw.days,
            tier: match thaw.tier {
                ThawTier::Expedited => Tier::Expedited,
                ThawTier::Standard => Tier::Standard,
                ThawTier::Bulk => Tier::Bulk,
            },
            ..Thaw::default()
        }),
        ..Settings::default()
    }
}

pub(super) fn s3_address(s3: &S3Settings, path: &str) -> Result<Address> {
    let amazon = || match s3.region.as_deref().filter(|region| !region.is_empty()) {
        Some(region) => format!("https://s3.{region}.amazonaws.com"),
        None => "https://s3.amazonaws.com".to_owned(),
    };
    let endpoint = s3.endpoint.clone().unwrap_or_else(amazon);
    let endpoint = endpoint.trim_end_matches('/');
    let wrong = |why: &str| {
        WorkError::new(Class::Other, format!("the endpoint of the connection is not valid: {why}"))
            .hint("give it as https://s3.example.org, with a port if needed, and nothing behind it")
    };
    // The bucket is what follows the host, so nothing else may.
    if endpoint.split_once("://").is_none_or(|(_, host)| host.is_empty() || host.contains('/')) {
        return Err(wrong("it is no plain address of a host"));
    }
    let text = match path {
        "" => format!("s3:{endpoint}/{}", s3.bucket),
        path => format!("s3:{endpoint}/{}/{path}", s3.bucket),
    };
    Address::parse(text).map_err(|error| wrong(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use backstay_model::SecretText;

    fn settings(endpoint: Option<&str>, region: Option<&str>) -> S3Settings {
        S3Settings {
            endpoint: endpoint.map(str::to_owned),
            region: region.map(str::to_owned),
            bucket: "bucket".to_owned(),
            access_key: "key".to_owned(),
            secret_key: SecretText::default(),
            style: BucketStyle::Auto,
            allow_private: false,
            storage_class: None,
            lock: None,
            encryption: None,
            thaw: None,
        }
    }

    #[test]
    fn buckets_are_found_by_their_form() {
        let address =
            |endpoint, region, path| s3_address(&settings(endpoint, region), path).unwrap().to_string();
        assert_eq!(address(None, None, ""), "s3:s3.amazonaws.com/bucket");
        assert_eq!(address(None, Some("eu-central-1"), "a/b"), "s3:s3.eu-central-1.amazonaws.com/bucket/a/b");
        assert_eq!(address(Some("http://host:9000/"), None, "x"), "s3:http://host:9000/bucket/x");
        for endpoint in ["https://host/other", "host", "https://", "https://user@host"] {
            assert!(s3_address(&settings(Some(endpoint), None), "").is_err(), "{endpoint}");
        }
    }
}
