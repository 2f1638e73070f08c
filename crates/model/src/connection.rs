//! The stored way to reach a service.

mod keeping;

use serde::{Deserialize, Serialize};

pub use self::keeping::{BucketEncryption, EncryptionMode, LockMode, ObjectLock, Thaw, ThawTier};
use crate::mongodb::MongodbSettings;
use crate::secret::HoldsSecrets;
use crate::{ConnectionId, Invalid, NodeId, ProjectId, SecretText, Time};

/// A stored way to reach a service, tried before it is saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its name, unique in the project.
    pub name: String,
    /// The node that uses it, and that tries it.
    pub node: NodeId,
    /// How to reach the service.
    pub settings: ConnectionSettings,
    /// How the last attempt to connect went.
    pub status: ConnectionStatus,
    /// When it was made.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub created: Time,
    /// When it was last changed.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub changed: Time,
    /// Counts its versions, from 1 up.
    pub revision: i64,
}

/// How to reach a service, by its type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ConnectionSettings {
    /// A folder of the node.
    Local(LocalSettings),
    /// A bucket of an S3 service.
    S3(S3Settings),
    /// An instance of MySQL or MariaDB.
    Mysql(MysqlSettings),
    /// A receiver of archives.
    Receiver(ReceiverSettings),
    /// A folder of Google Drive.
    GoogleDrive(GoogleDriveSettings),
    /// A server of MongoDB.
    Mongodb(MongodbSettings),
}

/// A folder of the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LocalSettings {
    /// An absolute path. It is made if it is not there.
    pub path: String,
}

/// A bucket of an S3 service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct S3Settings {
    /// The service, as `https://s3.example.org`; Amazon's own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The region; found out or `us-east-1` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The bucket.
    pub bucket: String,
    /// The access key's id.
    pub access_key: String,
    /// The secret key.
    #[serde(default, skip_serializing_if = "SecretText::is_untold")]
    pub secret_key: SecretText,
    /// How the bucket is named in addresses.
    #[serde(default)]
    pub style: BucketStyle,
    /// Whether addresses of this host and of its private network may be reached; an owner has to say so.
    #[serde(default)]
    pub allow_private: bool,
    /// The storage class, as `STANDARD_IA` or `DEEP_ARCHIVE`, of what is read seldom: packs of data, and archives. All else stays where
    /// the service keeps new objects. The service's choice when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// The lock that all new objects get, but for locks on repositories. The bucket has to be made for it. None when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<ObjectLock>,
    /// How the service encrypts new objects, beside the encryption of repositories and archives; its choice when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<BucketEncryption>,
    /// How restores have packs brought back from an archive class. Where `storage_class` is one, they do so when it is left out too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thaw: Option<Thaw>,
}

/// A receiver of archives: `backstay receiver`, or one inside of `backstay up`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReceiverSettings {
    /// Its host: a name or an address.
    pub host: String,
    /// Its port.
    #[serde(default = "receiver_port")]
    pub port: u16,
    /// The token that `backstay receiver client add` printed.
    #[serde(default, skip_serializing_if = "SecretText::is_untold")]
    pub token: SecretText,
    /// The certificate of its authority, as PEM; the system's authorities when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// The SHA-256 of its certificate or of its authority's, which it prints when it starts: 64 hexadecimal digits. Nobody else is
    /// talked to then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Whether addresses of this host and of its private network may be reached; an owner has to say so.
    #[serde(default)]
    pub allow_private: bool,
}

const fn receiver_port() -> u16 {
    8421
}

/// An instance of MySQL or MariaDB on the node's host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MysqlSettings {
    /// The socket it listens on, as `/run/mysqld/mysqld.sock`; host and port are not used then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<String>,
    /// The host it listens on: `localhost`, `127.0.0.1` or `::1`.
    #[serde(default = "localhost")]
    pub host: String,
    /// Its port.
    #[serde(default = "mysql_port")]
    pub port: u16,
    /// The user. It has to see where files are, the binary log's position, and to check tables.
    pub user: String,
    /// The password.
    #[serde(default, skip_serializing_if = "SecretText::is_untold")]
    pub password: SecretText,
}

fn localhost() -> String {
    "127.0.0.1".to_owned()
}

const fn mysql_port() -> u16 {
    3306
}

/// A folder of Google Drive, by an OAuth client of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GoogleDriveSettings {
    /// The id of the OAuth client, as `1234-abcd.apps.googleusercontent.com`.
    pub client_id: String,
    /// Its secret.
    #[serde(default, skip_serializing_if = "SecretText::is_untold")]
    pub client_secret: SecretText,
    /// The refresh token of the account that has signed in. It comes from signing in; who has one may give it.
    #[serde(default, skip_serializing_if = "SecretText::is_untold")]
    pub refresh_token: SecretText,
    /// The folder in the account's Drive, with `/` between folders; it is made if it is not there.
    #[serde(default = "drive_folder")]
    pub folder: String,
    /// The address that all of Google's services are at, where they are not Google's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Whether addresses of this host and of its private network may be reached; an owner has to say so.
    #[serde(default)]
    pub allow_private: bool,
}

fn drive_folder() -> String {
    "Backstay".to_owned()
}

/// How a bucket is named in the addresses of its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum BucketStyle {
    /// By host name with Amazon, else by path.
    #[default]
    Auto,
    /// `https://service/bucket/object`.
    Path,
    /// `https://bucket.service/object`.
    Host,
}

/// Whether a service could be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Health {
    /// Nobody has tried since it was last changed.
    #[default]
    Unchecked,
    /// The last attempt went well.
    Valid,
    /// The last attempt failed.
    Failing,
}

/// How the last attempt to connect went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConnectionStatus {
    /// Its outcome.
    pub health: Health,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub checked: Option<Time>,
    /// Why it failed, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl S3Settings {
    /// Whether both name the same bucket of the same service, as far as their addresses tell.
    #[must_use]
    pub fn is_same_bucket(&self, other: &Self) -> bool {
        let service = |it: &Self| match &it.endpoint {
            Some(endpoint) => endpoint.trim_end_matches('/').to_lowercase(),
            // The names of Amazon's buckets are unique in all regions.
            None => String::new(),
        };
        self.bucket == other.bucket && service(self) == service(other)
    }
}

impl ConnectionSettings {
    /// The type's name, as in `type`.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Local(_) => "local",
            Self::S3(_) => "s3",
            Self::Mysql(_) => "mysql",
            Self::Receiver(_) => "receiver",
            Self::GoogleDrive(_) => "google_drive",
            Self::Mongodb(_) => "mongodb",
        }
    }

    /// Whether the form is filled in sensibly.
    ///
    /// # Errors
    /// The first field that is not.
    pub fn validate(&self) -> Result<(), Invalid> {
        match self {
            Self::Local(local) => check_path("settings.path", &local.path),
            Self::S3(s3) => s3.validate(),
            Self::Mysql(mysql) => mysql.validate(),
            Self::Receiver(receiver) => receiver.validate(),
            Self::GoogleDrive(drive) => drive.validate(),
            Self::Mongodb(mongodb) => mongodb.validate(),
        }
    }

    /// Whether it means another thing on each host.
    #[must_use]
    pub const fn is_of_one_host(&self) -> bool {
        match self {
            Self::Local(_) | Self::Mysql(_) => true,
            Self::S3(_) | Self::Receiver(_) | Self::GoogleDrive(_) | Self::Mongodb(_) => false,
        }
    }

    /// Whether repositories can lie there.
    #[must_use]
    pub const fn is_storage(&self) -> bool {
        match self {
            Self::Local(_) | Self::S3(_) | Self::Receiver(_) | Self::GoogleDrive(_) => true,
            Self::Mysql(_) | Self::Mongodb(_) => false,
        }
    }
}

impl ReceiverSettings {
    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        if self.host.contains(':') {
            format!("https://[{}]:{}", self.host, self.port)
        } else {
            format!("https://{}:{}", self.host, self.port)
        }
    }

    /// Its fingerprint as bytes.
    #[must_use]
    pub fn pin(&self) -> Option<[u8; 32]> {
        let digits: Vec<u8> = self.fingerprint.as_ref()?.bytes().filter(|byte| *byte != b':').collect();
        let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let bytes = digits.chunks(2).map(|pair| match pair {
            [high, low] => Some(value(*high)? << 4 | value(*low)?),
            _ => None,
        });
        bytes.collect::<Option<Vec<u8>>>()?.try_into().ok()
    }

    fn validate(&self) -> Result<(), Invalid> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if self.host.is_empty() || self.host.len() > 253 || !self.host.chars().all(plain) {
            return Err(Invalid::new("settings.host", "name a host or an address, as backup.example.org"));
        }
        if self.port == 0 {
            return Err(Invalid::new("settings.port", "it has to be from 1 to 65535"));
        }
        if !self.token.is_set() {
            return Err(Invalid::new("settings.token", "it must be given"));
        }
        if self.authority.as_ref().is_some_and(|pem| !pem.contains("-----BEGIN CERTIFICATE-----")) {
            return Err(Invalid::new("settings.authority", "it has to be a certificate as PEM"));
        }
        if self.fingerprint.is_some() && self.pin().is_none() {
            return Err(Invalid::new("settings.fingerprint", "it has to be 64 hexadecimal digits"));
        }
        Ok(())
    }
}

impl GoogleDriveSettings {
    fn validate(&self) -> Result<(), Invalid> {
        self.validate_client()?;
        if !self.refresh_token.is_set() {
            let why = "sign in first: with the button beside it, or by `backstay connections sign-in`";
            return Err(Invalid::new("settings.refresh_token", why));
        }
        Ok(())
    }

    /// Whether all is there but the sign-in, and sensible.
    ///
    /// # Errors
    /// The first field that is not.
    pub fn validate_client(&self) -> Result<(), Invalid> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if self.client_id.is_empty() || self.client_id.len() > 255 || !self.client_id.bytes().all(plain) {
            let why = "give the client's id, as 1234-abcd.apps.googleusercontent.com";
            return Err(Invalid::new("settings.client_id", why));
        }
        if !self.client_secret.is_set() {
            return Err(Invalid::new("settings.client_secret", "it must be given"));
        }
        let is_plain = |part: &str| {
            !part.is_empty() && !matches!(part, "." | "..") && !part.chars().any(char::is_control)
        };
        if self.folder.len() > 1000 || !self.folder.split('/').all(is_plain) {
            let why = "name a folder, as Backstay/db1, without `/` at its ends and without `..`";
            return Err(Invalid::new("settings.folder", why));
        }
        if let Some(endpoint) = &self.endpoint {
            let host = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
            if host.is_none_or(|host| host.is_empty() || host.contains(['@', '?', '#', ' '])) {
                return Err(Invalid::new(
                    "settings.endpoint",
                    "it has to be an address as https://example.org",
                ));
            }
        }
        Ok(())
    }
}

impl MysqlSettings {
    fn validate(&self) -> Result<(), Invalid> {
        if let Some(socket) = &self.socket {
            check_path("settings.socket", socket)?;
        } else if !["localhost", "127.0.0.1", "::1"].contains(&self.host.as_str()) {
            let why = "name the node's own host, as 127.0.0.1: its files are copied there";
            return Err(Invalid::new("settings.host", why));
        }
        if self.port == 0 {
            return Err(Invalid::new("settings.port", "it has to be from 1 to 65535"));
        }
        if self.user.trim().is_empty() {
            return Err(Invalid::new("settings.user", "it must not be empty"));
        }
        if !self.password.is_set() {
            return Err(Invalid::new("settings.password", "it must be given; an empty text is no password"));
        }
        Ok(())
    }
}

impl S3Settings {
    fn validate(&self) -> Result<(), Invalid> {
        self.validate_keeping()?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if !(3..=255).contains(&self.bucket.len()) || !self.bucket.bytes().all(plain) {
            let why = "a bucket's name has 3 to 255 letters, digits, dots, hyphens or underscores";
            return Err(Invalid::new("settings.bucket", why));
        }
        if self.access_key.trim().is_empty() {
            return Err(Invalid::new("settings.access_key", "it must not be empty"));
        }
        if !self.secret_key.is_set() {
            return Err(Invalid::new("settings.secret_key", "it must be given"));
        }
        if let Some(endpoint) = &self.endpoint {
            let host = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
            if host.is_none_or(|host| host.is_empty() || host.contains(['@', '?', '#', ' '])) {
                let why = "it has to be an address as https://s3.example.org, without credentials";
                return Err(Invalid::new("settings.endpoint", why));
            }
        }
        Ok(())
    }
}

/// Refuses a path that is not absolute, or walks upwards.
///
/// # Errors
/// When it is such a path.
pub fn check_path(field: &str, path: &str) -> Result<(), Invalid> {
    if !path.starts_with('/') {
        return Err(Invalid::new(field, "it has to be an absolute path, as /srv/backup"));
    }
    if path.contains('\0') || path.split('/').any(|part| part == "..") {
        return Err(Invalid::new(field, "it must not hold `..` or NUL"));
    }
    Ok(())
}

impl HoldsSecrets for ConnectionSettings {
    fn secrets(&mut self) -> Vec<(&'static str, &mut SecretText)> {
        match self {
            Self::Local(_) => Vec::new(),
            Self::S3(s3) => vec![("secret_key", &mut s3.secret_key)],
            Self::Mysql(mysql) => vec![("password", &mut mysql.password)],
            Self::Mongodb(mongodb) => vec![("password", &mut mongodb.password)],
            Self::Receiver(receiver) => vec![("token", &mut receiver.token)],
            Self::GoogleDrive(drive) => {
                vec![("client_secret", &mut drive.client_secret), ("refresh_token", &mut drive.refresh_token)]
            }
        }
    }
}
