//! What an S3 service needs to know of us.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fs, io};

use crate::options::{OptionError, Secret};
use crate::s3::profile;

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

impl FromStr for Style {
    type Err = OptionError;

    /// Reads restic's words for it: `auto`, `path` or `dns`.
    fn from_str(text: &str) -> Result<Self, OptionError> {
        match text.to_ascii_lowercase().as_str() {
            "" | "auto" => Ok(Self::Auto),
            "path" => Ok(Self::Path),
            "dns" | "virtual" => Ok(Self::Virtual),
            _ => Err(OptionError::Value { key: "s3.bucket-lookup", takes: "auto, path or dns" }),
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
    /// The storage class of new files; the service's choice if none.
    pub storage_class: Option<String>,
    /// Go without any credentials.
    pub anonymous: bool,
    /// A file of certificates (PEM) to trust besides those of the system.
    pub trust: Option<PathBuf>,
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoCredentials {
    #[error(
        "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write a profile to the \
         credentials file, or ask for anonymous access (-o s3.unsafe-anonymous-auth=true)"
    )]
    None,
    #[error("{0} is set but {1} is not")]
    Half(&'static str, &'static str),
    #[error("there is no profile {name} in {}", file.display())]
    NoProfile { name: String, file: PathBuf },
    #[error("the credentials file {}: {cause}", file.display())]
    File { file: PathBuf, cause: io::Error },
}

const KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";

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

    /// The credentials to use, and the region that their profile names; none for anonymous access.
    pub(super) fn resolve(&self) -> Result<(Option<Credentials>, Option<String>), NoCredentials> {
        if self.anonymous {
            return Ok((None, None));
        }
        if let Some(credentials) = &self.credentials {
            return complete(credentials.clone(), KEY, SECRET).map(|found| (Some(found), None));
        }
        let name = self.profile.as_deref().unwrap_or("default");
        let Some(file) = &self.credentials_file else { return Err(NoCredentials::None) };
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.profile.is_none() => {
                return Err(NoCredentials::None);
            }
            Err(error) => return Err(NoCredentials::File { file: file.clone(), cause: error }),
        };
        let mut profile = profile::read(&text, name)
            .ok_or_else(|| NoCredentials::NoProfile { name: name.to_owned(), file: file.clone() })?;
        let found = Credentials {
            access_key_id: profile.remove("aws_access_key_id").unwrap_or_default(),
            secret_access_key: Secret::new(profile.remove("aws_secret_access_key").unwrap_or_default()),
            session_token: profile.remove("aws_session_token").map(Secret::new),
        };
        let found = complete(found, "aws_access_key_id", "aws_secret_access_key")?;
        Ok((Some(found), profile.remove("region")))
    }
}

fn complete(
    found: Credentials,
    key: &'static str,
    secret: &'static str,
) -> Result<Credentials, NoCredentials> {
    match (found.access_key_id.is_empty(), found.secret_access_key.expose().is_empty()) {
        (false, false) => Ok(found),
        (true, true) => Err(NoCredentials::None),
        (true, false) => Err(NoCredentials::Half(secret, key)),
        (false, true) => Err(NoCredentials::Half(key, secret)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(set: &[(&str, &str)]) -> Settings {
        let get = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Settings::from_variables(get, None)
    }

    #[test]
    fn variables_are_read_by_their_usual_names() {
        let settings = variables(&[(KEY, "id"), (SECRET, "hidden"), ("AWS_DEFAULT_REGION", "eu-west-1")]);
        let (credentials, _) = settings.resolve().unwrap();
        let credentials = credentials.unwrap();
        assert_eq!(credentials.access_key_id, "id");
        assert_eq!(credentials.secret_access_key.expose(), "hidden");
        assert_eq!(settings.region.as_deref(), Some("eu-west-1"));
        assert!(!format!("{settings:?}").contains("hidden"));
        let home = Settings::from_variables(|_| None, Some(Path::new("/home/me")));
        assert_eq!(home.credentials_file.as_deref(), Some(Path::new("/home/me/.aws/credentials")));
    }

    #[test]
    fn half_of_a_key_is_not_enough() {
        let error = variables(&[(KEY, "id")]).resolve().unwrap_err().to_string();
        assert_eq!(error, "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not");
        let error = variables(&[(SECRET, "hidden")]).resolve().unwrap_err().to_string();
        assert_eq!(error, "AWS_SECRET_ACCESS_KEY is set but AWS_ACCESS_KEY_ID is not");
        assert!(matches!(variables(&[]).resolve(), Err(NoCredentials::None)));
        let anonymous = Settings { anonymous: true, ..Settings::default() };
        assert_eq!(anonymous.resolve().unwrap(), (None, None));
    }

    #[test]
    fn profiles_come_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("credentials");
        let profile = |name: Option<&str>| Settings {
            profile: name.map(str::to_owned),
            credentials_file: Some(file.clone()),
            ..Settings::default()
        };
        assert!(matches!(profile(None).resolve(), Err(NoCredentials::None)));
        assert!(matches!(profile(Some("work")).resolve(), Err(NoCredentials::File { .. })));
        fs::write(
            &file,
            "[work]\naws_access_key_id=a\naws_secret_access_key=b\nregion=r\n[half]\naws_access_key_id=a\n",
        )
        .unwrap();
        let (credentials, region) = profile(Some("work")).resolve().unwrap();
        assert_eq!(credentials.unwrap().access_key_id, "a");
        assert_eq!(region.as_deref(), Some("r"));
        assert!(matches!(profile(Some("half")).resolve(), Err(NoCredentials::Half(..))));
        assert!(matches!(profile(None).resolve(), Err(NoCredentials::NoProfile { .. })));
    }
}
