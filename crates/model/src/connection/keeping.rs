//! How a bucket keeps what is written to it: in classes, locked, encrypted.

use serde::{Deserialize, Serialize};

use super::S3Settings;
use crate::Invalid;

/// Until when nobody may delete or change a new object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ObjectLock {
    /// Who may end it before its time.
    pub mode: LockMode,
    /// How many days it lasts from the moment of writing.
    pub days: u32,
}

/// Who may end a lock before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum LockMode {
    /// Those whom the service allows it.
    Governance,
    /// Nobody, the owner of the account included.
    Compliance,
}

/// How a service encrypts new objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BucketEncryption {
    /// With whose keys.
    pub mode: EncryptionMode,
    /// The id of the key at the key service; the account's usual one when left out. For `kms` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// With whose keys a service encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum EncryptionMode {
    /// With keys that it keeps itself (SSE-S3).
    Aes256,
    /// With a key of its key service (SSE-KMS).
    Kms,
}

/// How packs are brought back from an archive class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Thaw {
    /// How quick it has to be: the quicker, the dearer.
    #[serde(default)]
    pub tier: ThawTier,
    /// For how many days they can be read then.
    #[serde(default = "thaw_days")]
    pub days: u32,
}

impl Default for Thaw {
    fn default() -> Self {
        Self { tier: ThawTier::default(), days: thaw_days() }
    }
}

const fn thaw_days() -> u32 {
    7
}

/// How quick packs are brought back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ThawTier {
    /// Within minutes. Not from `DEEP_ARCHIVE`.
    Expedited,
    /// Within 5 hours, or 12 from `DEEP_ARCHIVE`.
    #[default]
    Standard,
    /// Within 12 hours, or 48 from `DEEP_ARCHIVE`.
    Bulk,
}

/// Most days that a lock or a copy may last: a hundred years.
const MOST_DAYS: u32 = 36_500;

impl S3Settings {
    /// Whether objects of the storage class can be read only after they were brought back.
    #[must_use]
    pub fn is_archive(&self) -> bool {
        matches!(self.storage_class.as_deref(), Some("GLACIER" | "DEEP_ARCHIVE"))
    }

    /// How packs are brought back, if they may be.
    #[must_use]
    pub fn thaw(&self) -> Option<Thaw> {
        self.thaw.or_else(|| self.is_archive().then(Thaw::default))
    }

    pub(super) fn validate_keeping(&self) -> Result<(), Invalid> {
        let is_class = |class: &String| {
            let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
            (1..=64).contains(&class.len()) && class.bytes().all(plain)
        };
        if self.storage_class.as_ref().is_some_and(|class| !is_class(class)) {
            let why = "it has to be the name of a class at the service, as STANDARD_IA or DEEP_ARCHIVE";
            return Err(Invalid::new("settings.storage_class", why));
        }
        let days = |field: &str, days: Option<u32>| match days {
            Some(0) => Err(Invalid::new(field, "it has to be at least one day")),
            Some(days) if days > MOST_DAYS => Err(Invalid::new(field, "it has to be at most 36,500 days")),
            _ => Ok(()),
        };
        days("settings.lock.days", self.lock.map(|lock| lock.days))?;
        days("settings.thaw.days", self.thaw.map(|thaw| thaw.days))?;
        if let Some(BucketEncryption { mode, key: Some(key) }) = &self.encryption {
            if *mode != EncryptionMode::Kms {
                return Err(Invalid::new("settings.encryption.key", "only keys of the key service have ids"));
            }
            if !(1..=2048).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                let why = "it has to be the id, the alias or the ARN of a key";
                return Err(Invalid::new("settings.encryption.key", why));
            }
        }
        let expedited = self.thaw.is_some_and(|thaw| thaw.tier == ThawTier::Expedited);
        if expedited && self.storage_class.as_deref() == Some("DEEP_ARCHIVE") {
            let why = "nothing is brought back from DEEP_ARCHIVE within minutes: choose standard or bulk";
            return Err(Invalid::new("settings.thaw.tier", why));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConnectionSettings;

    /// The field that is wrong, of settings with these beside the usual ones.
    fn wrong(extra: &str) -> Option<String> {
        let text = format!(
            r#"{{"type": "s3", "bucket": "bucket", "access_key": "key", "secret_key": "secret", {extra}}}"#
        );
        let settings: ConnectionSettings = serde_json::from_str(&text).unwrap();
        settings.validate().err().map(|invalid| invalid.field)
    }

    #[test]
    fn what_a_bucket_is_to_do_is_looked_at() {
        for fine in [
            r#""storage_class": "STANDARD_IA""#,
            r#""storage_class": "DEEP_ARCHIVE", "thaw": {"tier": "bulk", "days": 3}"#,
            r#""storage_class": "GLACIER", "thaw": {"tier": "expedited"}"#,
            r#""lock": {"mode": "compliance", "days": 30}"#,
            r#""encryption": {"mode": "kms", "key": "arn:aws:kms:eu-central-1:1:key/2"}"#,
            r#""encryption": {"mode": "aes256"}"#,
        ] {
            assert_eq!(wrong(fine), None, "{fine}");
        }
        for (bad, field) in [
            (r#""storage_class": "deep archive""#, "storage_class"),
            (r#""storage_class": """#, "storage_class"),
            (r#""storage_class": "DEEP_ARCHIVE", "thaw": {"tier": "expedited"}"#, "thaw.tier"),
            (r#""thaw": {"days": 0}"#, "thaw.days"),
            (r#""lock": {"mode": "governance", "days": 0}"#, "lock.days"),
            (r#""lock": {"mode": "governance", "days": 99999}"#, "lock.days"),
            (r#""encryption": {"mode": "aes256", "key": "k"}"#, "encryption.key"),
            (r#""encryption": {"mode": "kms", "key": "a\nb"}"#, "encryption.key"),
        ] {
            assert_eq!(wrong(bad), Some(format!("settings.{field}")), "{bad}");
        }
    }

    #[test]
    fn packs_are_brought_back_from_archive_classes_alone_unless_told() {
        let thaw = |class: Option<&str>, thaw: Option<Thaw>| {
            let text = r#"{"bucket": "bucket", "access_key": "key"}"#;
            let mut settings: S3Settings = serde_json::from_str(text).unwrap();
            (settings.storage_class, settings.thaw) = (class.map(str::to_owned), thaw);
            settings.thaw()
        };
        assert_eq!(thaw(None, None), None);
        assert_eq!(thaw(Some("GLACIER_IR"), None), None);
        assert_eq!(thaw(Some("GLACIER"), None), Some(Thaw { tier: ThawTier::Standard, days: 7 }));
        let bulk = Thaw { tier: ThawTier::Bulk, days: 1 };
        assert_eq!(thaw(None, Some(bulk)), Some(bulk));
    }
}
