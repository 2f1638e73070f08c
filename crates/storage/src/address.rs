//! Addresses of repositories, as restic writes them.
//!
//! `/srv/backup`, `local:backup`, `s3:s3.amazonaws.com/bucket/prefix`, `s3:http://host:9000/bucket/prefix`.
//! Addresses hold no secrets: user and password in a URL are refused, since addresses are seen in process
//! lists and logs. An address that cannot be read is never repeated in the error, for the same reason.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use url::Url;

use crate::S3Address;

/// The schemes that restic knows and Backstay does not serve yet.
const NOT_BUILT_YET: [&str; 6] = ["sftp", "b2", "azure", "gs", "swift", "rclone"];

/// Where a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// In a folder of this machine.
    Local(PathBuf),
    /// In a bucket of an S3 service.
    S3(S3Address),
    /// Behind restic's REST protocol.
    Rest(RestAddress),
}

/// A place behind restic's REST protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestAddress {
    /// The repository's URL, with a slash at its end, such as `https://backup.example.org:8421/repo/`.
    pub url: String,
}

/// Why an address could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is nothing in it.
    #[error("the repository's address is empty")]
    Empty,
    /// A scheme of restic's that is not built yet.
    #[error(
        "{0}: repositories are not supported yet; supported are folders (a path, or local:PATH), s3: and rest:"
    )]
    NotBuiltYet(&'static str),
    /// A scheme that nobody knows. It may be the beginning of a path.
    #[error(
        "the address begins with a scheme that is not known; supported are folders (a path, or \
         local:PATH), s3: and rest:; put `local:` before a relative path that holds a colon"
    )]
    UnknownScheme,
    /// No bucket is named.
    #[error(
        "an S3 address names host and bucket: s3:HOST/BUCKET/PREFIX or s3:https://HOST:PORT/BUCKET/PREFIX"
    )]
    NoBucket,
    /// The endpoint is not a host.
    #[error("the host of the S3 address is not valid: {0}")]
    Host(String),
    /// User or password in the URL.
    #[error(
        "an address must not hold credentials: give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
         as a profile"
    )]
    Credentials,
    /// A question mark, or `..` in the prefix.
    #[error("the path of the S3 address is not plain: `..`, `?` and `#` have no meaning there")]
    Path,
    /// A REST address that is no URL of HTTP.
    #[error(
        "a REST address is rest:https://HOST:PORT/PATH/, or rest:http://…; it has neither `?` nor `#` in it"
    )]
    Rest,
    /// User or password in a REST address.
    #[error(
        "an address must not hold credentials: give them as RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD"
    )]
    RestCredentials,
}

impl Address {
    /// Reads an address. A path need not be UTF-8.
    ///
    /// # Errors
    /// When the address is empty, of an unknown or unsupported scheme, or incomplete.
    pub fn parse(text: impl AsRef<OsStr>) -> Result<Self, AddressError> {
        let raw = text.as_ref();
        if raw.is_empty() {
            return Err(AddressError::Empty);
        }
        let Some(text) = raw.to_str() else { return Ok(Self::Local(raw.into())) };
        match text.split_once(':') {
            Some(("local", "")) => Err(AddressError::Empty),
            Some(("local", path)) => Ok(Self::Local(path.into())),
            Some(("rest", rest)) => RestAddress::parse(rest).map(Self::Rest),
            Some(("s3", rest)) => parse_s3(rest).map(Self::S3),
            Some((scheme, _)) if !is_path(text) => {
                let known = NOT_BUILT_YET.into_iter().find(|known| *known == scheme);
                Err(known.map_or(AddressError::UnknownScheme, AddressError::NotBuiltYet))
            }
            _ => Ok(Self::Local(text.into())),
        }
    }
}

/// Whether the text can only be a path, though it holds a colon.
fn is_path(text: &str) -> bool {
    let drive = matches!(text.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic());
    drive || ["/", "\\", "./", "../", ".\\", "..\\"].iter().any(|start| text.starts_with(start))
}

impl RestAddress {
    /// Reads what follows `rest:`.
    fn parse(text: &str) -> Result<Self, AddressError> {
        let url = Url::parse(text).map_err(|_| AddressError::Rest)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::RestCredentials);
        }
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.has_host();
        if !matches!(url.scheme(), "http" | "https") || !is_plain {
            return Err(AddressError::Rest);
        }
        Ok(Self { url: format!("{}/", url.as_str().trim_end_matches('/')) })
    }
}

impl fmt::Display for RestAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rest:{}", self.url)
    }
}

/// Reads what follows `s3:`.
fn parse_s3(text: &str) -> Result<S3Address, AddressError> {
    let url = match text.strip_prefix("//") {
        Some(rest) => format!("https://{rest}"),
        None if text.starts_with("http://") || text.starts_with("https://") => text.to_owned(),
        None => format!("https://{text}"),
    };
    let (scheme, rest) = url.split_once("://").ok_or(AddressError::NoBucket)?;
    let (host, path) = rest.split_once('/').ok_or(AddressError::NoBucket)?;
    if host.is_empty() {
        return Err(AddressError::NoBucket);
    }
    if host.contains('@') {
        return Err(AddressError::Credentials);
    }
    // The path stays out of the URL: in a key, everything stands for itself.
    let parsed =
        Url::parse(&format!("{scheme}://{host}")).map_err(|error| AddressError::Host(error.to_string()))?;
    let mut parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    let bucket = parts.next().ok_or(AddressError::NoBucket)?.to_owned();
    let prefix = parts.collect::<Vec<_>>().join("/");
    if path.contains(['?', '#']) || path.split('/').any(|part| part == "..") {
        return Err(AddressError::Path);
    }
    let endpoint = parsed.as_str().trim_end_matches('/').to_owned();
    Ok(S3Address { endpoint, bucket, prefix })
}

impl std::str::FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => write!(f, "{}", path.display()),
            Self::S3(s3) => s3.fmt(f),
            Self::Rest(rest) => rest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s3(text: &str) -> (String, String, String) {
        match Address::parse(text) {
            Ok(Address::S3(address)) => (address.endpoint, address.bucket, address.prefix),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn folders_are_paths_with_or_without_a_scheme() {
        for (text, path) in [
            ("/srv/backup", "/srv/backup"),
            ("backup", "backup"),
            ("local:backup", "backup"),
            ("local:a:b", "a:b"),
            ("/a:b", "/a:b"),
            ("./a:b", "./a:b"),
            ("../a:b", "../a:b"),
            ("C:\\backup", "C:\\backup"),
            ("c:/backup", "c:/backup"),
        ] {
            assert_eq!(Address::parse(text), Ok(Address::Local(path.into())), "{text}");
        }
    }

    #[test]
    fn buckets_are_named_in_restics_ways() {
        let of = |endpoint: &str, bucket: &str, prefix: &str| {
            (endpoint.to_owned(), bucket.to_owned(), prefix.to_owned())
        };
        let amazon = "https://s3.amazonaws.com";
        assert_eq!(s3("s3:s3.amazonaws.com/bucket"), of(amazon, "bucket", ""));
        assert_eq!(s3("s3:s3.amazonaws.com/bucket/"), of(amazon, "bucket", ""));
        assert_eq!(s3("s3://s3.amazonaws.com/bucket/a/b"), of(amazon, "bucket", "a/b"));
        assert_eq!(s3("s3:https://host/bucket//a/./b/"), of("https://host", "bucket", "a/b"));
        assert_eq!(s3("s3:http://127.0.0.1:9000/bucket/a b"), of("http://127.0.0.1:9000", "bucket", "a b"));
        assert_eq!(s3("s3:host:9000/bucket"), of("https://host:9000", "bucket", ""));
        assert_eq!(s3("s3:https://host/bucket/100%"), of("https://host", "bucket", "100%"));
        assert_eq!(s3("s3:http://[::1]:9000/bucket").0, "http://[::1]:9000");
    }

    #[test]
    fn rest_addresses_are_urls_without_credentials() {
        let rest = |text: &str| match Address::parse(text) {
            Ok(Address::Rest(address)) => Ok(address.url),
            Ok(other) => panic!("{text}: {other:?}"),
            Err(error) => Err(error),
        };
        assert_eq!(rest("rest:https://host:8421/repo/a").unwrap(), "https://host:8421/repo/a/");
        assert_eq!(rest("rest:http://[::1]:8000/").unwrap(), "http://[::1]:8000/");
        assert_eq!(rest("rest:https://me:secret@host/"), Err(AddressError::RestCredentials));
        for bad in ["rest:", "rest:host/x", "rest:ftp://host/", "rest:https://host/?a=secret", "rest:/srv/x"]
        {
            assert_eq!(rest(bad), Err(AddressError::Rest), "{bad}");
        }
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        for text in [
            "rest:https://host:8421/repo/a/",
            "/srv/backup",
            "s3:s3.amazonaws.com/bucket/a/b",
            "s3:http://127.0.0.1:9000/bucket",
            "s3:host:9000/bucket/prefix",
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn bad_addresses_are_told_apart_and_not_repeated() {
        for scheme in NOT_BUILT_YET {
            let error = Address::parse(format!("{scheme}:https://me:secret@host/")).unwrap_err();
            assert_eq!(error, AddressError::NotBuiltYet(scheme));
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        for (text, expected) in [
            ("", AddressError::Empty),
            ("local:", AddressError::Empty),
            ("foo:secret", AddressError::UnknownScheme),
            ("s3:", AddressError::NoBucket),
            ("s3:host", AddressError::NoBucket),
            ("s3:https:///bucket", AddressError::NoBucket),
            ("s3:host//", AddressError::NoBucket),
            ("s3:https://me:secret@host/bucket", AddressError::Credentials),
            ("s3:host/bucket/../other", AddressError::Path),
            ("s3:host/bucket?secret=1", AddressError::Path),
        ] {
            let error = Address::parse(text).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        assert!(matches!(Address::parse("s3:ho st:x/bucket"), Err(AddressError::Host(_))));
    }

    #[cfg(unix)]
    #[test]
    fn a_path_need_not_be_utf8() {
        use std::os::unix::ffi::OsStrExt;
        let raw = OsStr::from_bytes(b"/srv/\xff:x");
        assert_eq!(Address::parse(raw), Ok(Address::Local(raw.into())));
    }
}
