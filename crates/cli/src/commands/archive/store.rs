//! Where archives go on the network: a receiver, or a bucket of an S3 service.

use std::path::Path;
use std::sync::Arc;

use backstay_core::ArchiveStore;
use backstay_storage::archives;

use crate::app::App;
use crate::args::AtReceiver;
use crate::failure::{Failure, Outcome};
#[cfg(feature = "rest")]
use crate::remote::Fingerprint;

/// An address on the network.
pub(super) enum Remote {
    /// A bucket: `s3:https://HOST/BUCKET/PREFIX`.
    #[cfg(feature = "s3")]
    S3(backstay_storage::S3Address),
    /// A receiver: `https://HOST:PORT`, and the folder or file on it.
    #[cfg(feature = "rest")]
    Receiver {
        /// The address without the path.
        url: String,
        /// Folders and a file; empty for the uppermost.
        path: String,
    },
}

/// The address that somebody wrote, if it is one on the network. Everything else is a path of this machine.
pub(super) fn remote(text: &Path) -> Outcome<Option<Remote>> {
    let Some(text) = text.to_str() else { return Ok(None) };
    if text.starts_with("s3:") {
        return s3(text).map(Some);
    }
    if text.starts_with("https://") || text.starts_with("http://") {
        return receiver(text).map(Some);
    }
    Ok(None)
}

#[cfg(feature = "s3")]
fn s3(text: &str) -> Outcome<Remote> {
    match backstay_storage::Address::parse(text) {
        Ok(backstay_storage::Address::S3(address)) => Ok(Remote::S3(address)),
        Ok(_) => Err(Failure::fatal("this is no address of a bucket")),
        Err(error) => Err(Failure::fatal(error)),
    }
}

#[cfg(not(feature = "s3"))]
fn s3(_: &str) -> Outcome<Remote> {
    Err(Failure::fatal("this build has no S3"))
}

#[cfg(feature = "rest")]
fn receiver(text: &str) -> Outcome<Remote> {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.trim_matches('/');
    let path = match path.split_once('/') {
        Some(("archives", below)) => below,
        None if path == "archives" => "",
        _ => path,
    };
    Ok(Remote::Receiver { url: format!("{scheme}://{host}"), path: path.to_owned() })
}

#[cfg(not(feature = "rest"))]
fn receiver(_: &str) -> Outcome<Remote> {
    Err(Failure::fatal("this build knows no receivers"))
}

impl Remote {
    /// Opens the store, and tells the folder in it that is meant; empty for the uppermost.
    pub(super) fn open(&self, app: &App, at: &AtReceiver) -> Outcome<(Arc<dyn ArchiveStore>, String)> {
        match self {
            #[cfg(feature = "s3")]
            Self::S3(address) => {
                let options = crate::repository::storage_options(app)?;
                let store = archives::S3::new(address, &options.s3, &options.http, options.connections)?;
                Ok((Arc::new(store), String::new()))
            }
            #[cfg(feature = "rest")]
            Self::Receiver { url, path } => {
                let credentials = credentials(app, at)?;
                let mut http = app.settings.http.clone();
                if let Some(pinned) = &app.settings.server.fingerprint {
                    http.fingerprint = Some(pinned.parse::<Fingerprint>()?.bytes());
                }
                let store = archives::Receiver::new(url, &credentials, &http)?;
                Ok((Arc::new(store), path.clone()))
            }
            #[cfg(not(any(feature = "rest", feature = "s3")))]
            _ => Err(Failure::fatal("this build knows no addresses on the network")),
        }
    }

    /// The folder that this lies in, and its name there; `None` of what has no name.
    pub(super) fn parent(&self) -> Option<(Self, String)> {
        match self {
            #[cfg(feature = "s3")]
            Self::S3(address) => {
                let (prefix, name) = split(&address.prefix)?;
                Some((Self::S3(backstay_storage::S3Address { prefix, ..address.clone() }), name))
            }
            #[cfg(feature = "rest")]
            Self::Receiver { url, path } => {
                let (path, name) = split(path)?;
                Some((Self::Receiver { url: url.clone(), path }, name))
            }
            #[cfg(not(any(feature = "rest", feature = "s3")))]
            _ => None,
        }
    }
}

#[cfg(any(feature = "rest", feature = "s3"))]
fn split(path: &str) -> Option<(String, String)> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    (!name.is_empty()).then(|| (folder.to_owned(), name.to_owned()))
}

/// Who to be to a receiver.
#[cfg(feature = "rest")]
fn credentials(app: &App, at: &AtReceiver) -> Outcome<backstay_storage::rest::Credentials> {
    use crate::failure::Explain;
    let token = match &at.token_file {
        Some(file) => {
            let text = std::fs::read_to_string(file).explain(format!("cannot read {}", file.display()))?;
            Some(text.trim().to_owned())
        }
        None => crate::environment::variable("RECEIVER_TOKEN"),
    };
    let token = token.map(backstay_storage::Secret::new);
    if token.is_none() && app.settings.http.client_certificate.is_none() {
        return Err(Failure::fatal("a receiver wants to know who asks").hint(
            "give the token that `backstay receiver client add` printed: in a file by --token-file, or in BACKSTAY_RECEIVER_TOKEN; or a \
             certificate by --tls-client-cert",
        ));
    }
    Ok(backstay_storage::rest::Credentials { token, ..Default::default() })
}
