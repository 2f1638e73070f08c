//! What an S3 service needs to know of us.

use std::path::{Path, PathBuf};

use super::keeping::{Encryption, Lock, Thaw};
use crate::Secret;

/// How requests name the bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Style {
    /// In the host's name at Amazon (unless the bucket's name holds a dot), in the path elsewhere.
    #[default]
    Auto,
    /// In the path: `https://host/bucket/key`.
    Path,
    /// In the host's name: `https://bucket.host/key`.
    Virtual,
}

impl Style {
    /// Reads restic's words for it: `auto`, `path` or `dns`.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "" | "auto" => Some(Self::Auto),
            "path" => Some(Self::Path),
            "dns" | "virtual" => Some(Self::Virtual),
            _ => None,
        }
    }
}

/// Who we are to the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The public part.
    pub access_key_id: String,
    /// The secret part.
    pub secret_access_key: Secret,
    /// The token that belongs to temporary credentials.
    pub session_token: Option<Secret>,
}

/// Settings for S3. Without credentials, a profile's are taken from the credentials file.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Who we are; before any profile.
    pub credentials: Option<Credentials>,
    /// The profile in the credentials file; `default` if none.
    pub profile: Option<String>,
    /// The credentials file in the format of the AWS tools.
    pub credentials_file: Option<PathBuf>,
    /// The service's region; found out from the endpoint or the service if none.
    pub region: Option<String>,
    /// How requests name the bucket.
    pub style: Style,
    /// The storage class of new files that are read seldom: packs of data, and archives; the service's choice if none.
    pub storage_class: Option<String>,
    /// The lock that new files get; none if none.
    pub lock: Option<Lock>,
    /// How the service encrypts new files; its choice if none.
    pub encryption: Option<Encryption>,
    /// How files are brought back that lie in an archive class; they are not if none.
    pub thaw: Option<Thaw>,
    /// Go without any credentials.
    pub anonymous: bool,
}

pub(super) const KEY: &str = "AWS_ACCESS_KEY_ID";
pub(super) const SECRET: &str = "AWS_SECRET_ACCESS_KEY";

impl Settings {
    /// Reads the usual variables, which `get` hands out: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_SESSION_TOKEN`, `AWS_PROFILE`, `AWS_DEFAULT_REGION` (or `AWS_REGION`) and
    /// `AWS_SHARED_CREDENTIALS_FILE`, which is `.aws/credentials` in the home folder otherwise.
    ///
    /// One half of a key without the other is found out when the storage is opened.
    #[must_use]
    pub fn from_variables(get: impl Fn(&str) -> Option<String>, home: Option<&Path>) -> Self {
        let get = |name| get(name).filter(|value| !value.is_empty());
        let (key, secret) = (get(KEY), get(SECRET));
        let credentials = (key.is_some() || secret.is_some()).then(|| Credentials {
            access_key_id: key.unwrap_or_default(),
            secret_access_key: Secret::new(secret.unwrap_or_default()),
            session_token: get("AWS_SESSION_TOKEN").map(Secret::new),
        });
        let file = get("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from);
        Self {
            credentials,
            profile: get("AWS_PROFILE").or_else(|| get("AWS_DEFAULT_PROFILE")),
            credentials_file: file.or_else(|| home.map(|home| home.join(".aws/credentials"))),
            region: get("AWS_DEFAULT_REGION").or_else(|| get("AWS_REGION")),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_by_their_usual_names() {
        let set = [(KEY, "id"), (SECRET, "hidden"), ("AWS_DEFAULT_REGION", "eu-west-1"), ("AWS_PROFILE", "")];
        let get = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let settings = Settings::from_variables(get, None);
        let credentials = settings.credentials.as_ref().unwrap();
        assert_eq!(credentials.access_key_id, "id");
        assert_eq!(credentials.secret_access_key.expose(), "hidden");
        assert_eq!(settings.region.as_deref(), Some("eu-west-1"));
        assert_eq!(settings.profile, None);
        assert!(!format!("{settings:?}").contains("hidden"));
        let home = Settings::from_variables(|_| None, Some(Path::new("/home/me")));
        assert_eq!(home.credentials_file.as_deref(), Some(Path::new("/home/me/.aws/credentials")));
    }
}
