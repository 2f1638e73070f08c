//! Which credentials to use: those of the settings, or a profile's from the credentials file.

use std::path::PathBuf;
use std::{fs, io};

use super::profile;
use super::settings::{Credentials, KEY, SECRET, Settings};
use crate::Secret;

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

impl Settings {
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
