//! The way to a server.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mongodb::options::{ClientOptions, ConnectionString, Credential, HostInfo, TlsOptions};

use super::error::{MongoError, Result, Trouble};

/// Looks a host up and gives the addresses that may be connected to. It is asked for each connection that is made, also to members
/// of a replica set that only the server named, and nothing but what it gives is dialled.
pub type Guard = Arc<dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// How a connection is protected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tls {
    /// As the connection string says: `mongodb+srv` with it, `mongodb` without unless it has `tls=true`.
    #[default]
    AsUri,
    /// Always.
    On {
        /// Who vouches for the server, as a PEM file; the well-known authorities when there is none.
        authorities: Option<PathBuf>,
        /// The certificate and key to show, as a PEM file.
        certificate: Option<PathBuf>,
    },
}

/// How to connect to a server.
#[derive(Clone, Default)]
pub struct Access {
    /// `mongodb://…` or `mongodb+srv://…`, without a password.
    pub uri: String,
    /// As whom; without authentication when there is none.
    pub user: Option<String>,
    /// With which password.
    pub password: String,
    /// The database that knows the user; as the connection string says, else `admin`.
    pub auth_database: Option<String>,
    /// How the connection is protected.
    pub tls: Tls,
    /// How long connecting and finding a server may take where the connection string does not say it; half a minute when zero.
    pub patience: Duration,
    /// Judges addresses, where not all are allowed.
    pub guard: Option<Guard>,
}

impl fmt::Debug for Access {
    /// Without the password, and without what the connection string may hide.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Access({} as {:?}, {:?})", self.place(), self.user, self.tls)
    }
}

/// Options of a connection string that name files of this host, secrets, or ways around the guard.
const KEPT_OUT: [&str; 10] = [
    "authmechanismproperties",
    "proxyhost",
    "proxypassword",
    "proxyport",
    "proxyusername",
    "tlsallowinvalidcertificates",
    "tlscafile",
    "tlscertificatekeyfile",
    "tlscertificatekeyfilepassword",
    "tlsinsecure",
];

/// The longest that a connection string may have a server waited for.
const LONGEST: Duration = Duration::from_secs(600);
/// How long one that went away is waited for where it does not say it.
pub(super) const AWAY: Duration = Duration::from_secs(120);

/// How long a connection string says. There zero means for ever, which nothing here waits.
fn told(timeout: Option<Duration>) -> Option<Duration> {
    timeout.map(|timeout| if timeout.is_zero() { LONGEST } else { timeout.min(LONGEST) })
}

impl Access {
    /// The hosts alone, for messages.
    #[must_use]
    pub fn place(&self) -> String {
        let Some((_, rest)) = self.uri.split_once("://") else {
            return "an address without a scheme".to_owned();
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (hosts, beyond) = rest.split_at(end);
        // A password that was not encoded may hold a slash: what is after the last `@` is no secret.
        let hosts = if beyond.contains('@') { beyond.rsplit('@').next().unwrap_or_default() } else { hosts };
        let hosts = hosts.rsplit('@').next().unwrap_or_default();
        hosts.split(['/', '?']).next().unwrap_or_default().to_owned()
    }

    /// How long a server that went away is waited for: `serverSelectionTimeoutMS` of the connection string, else two minutes.
    pub(super) fn away(&self) -> Duration {
        let parsed = ConnectionString::parse(&self.uri).ok();
        told(parsed.and_then(|parsed| parsed.server_selection_timeout)).unwrap_or(AWAY)
    }

    /// The driver's options, but for the guard. A `mongodb+srv` name is looked up here.
    pub(super) async fn options(&self) -> Result<ClientOptions> {
        let trouble = |cause: String| {
            MongoError::new(Trouble::Settings, format!("cannot use the address of {}", self.place()), cause)
        };
        let rest = self.uri.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
        if rest.rsplit_once('@').is_some_and(|(credentials, _)| credentials.contains(':')) {
            return Err(trouble("it holds a password, which has to be given apart".to_owned()));
        }
        let query = self.uri.split_once('?').map(|(_, query)| query.to_lowercase()).unwrap_or_default();
        let names = query.split('&').filter_map(|pair| pair.split('=').next());
        if let Some(name) = names.into_iter().find(|name| KEPT_OUT.contains(name)) {
            return Err(trouble(format!("the option {name} cannot be part of it")));
        }
        // The parser's own messages may repeat what it was given.
        let parsed = ConnectionString::parse(&self.uri).map_err(|_| {
            trouble("it is no connection string of MongoDB, or has an option that is not known".to_owned())
        })?;
        let is_several = matches!(&parsed.host_info, HostInfo::HostIdentifiers(hosts) if hosts.len() > 1);
        let is_named = parsed.replica_set.is_some() || matches!(parsed.host_info, HostInfo::DnsRecord(_));
        let direct = parsed.direct_connection;
        let from_uri = parsed.credential.clone();
        let mut options = ClientOptions::parse(parsed)
            .await
            .map_err(|error| MongoError::of(format!("cannot look up {}", self.place()), &error))?;
        // A single host is taken at its word: members of its replica set may have names that only they know.
        if direct.is_none() && !is_several && !is_named {
            options.direct_connection = Some(true);
        }
        let patience = if self.patience.is_zero() { Duration::from_secs(30) } else { self.patience };
        for timeout in [&mut options.connect_timeout, &mut options.server_selection_timeout] {
            *timeout = Some(told(*timeout).unwrap_or(patience));
        }
        options.app_name = Some("backstay".to_owned());
        if let Some(user) =
            self.user.clone().or_else(|| from_uri.as_ref().and_then(|from| from.username.clone()))
        {
            let mut credential = from_uri.unwrap_or_else(|| Credential::builder().build());
            credential.username = Some(user);
            credential.password = Some(self.password.clone()).filter(|password| !password.is_empty());
            credential.source = self.auth_database.clone().or(credential.source);
            options.credential = Some(credential);
        }
        if let Tls::On { authorities, certificate } = &self.tls {
            let mut tls = TlsOptions::builder().build();
            tls.ca_file_path.clone_from(authorities);
            tls.cert_key_file_path.clone_from(certificate);
            options.tls = Some(tls.into());
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(uri: &str) -> Result<ClientOptions> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let access = Access { uri: uri.to_owned(), password: "s3cret".to_owned(), ..Access::default() };
        assert!(!format!("{access:?}").contains("s3cret"));
        runtime.block_on(access.options())
    }

    #[test]
    fn secrets_and_files_have_no_place_in_an_address() {
        for uri in [
            "mongodb://bob:s3cret@host/",
            "mongodb://bob:s3/cret@host/",
            "mongodb://host/?tls=true&tlsCAFile=/etc/shadow",
            "mongodb://host/?proxyHost=inner",
            "mongodb://host/?tlsAllowInvalidCertificates=true",
            "s3cret://host",
            "s3cret",
        ] {
            let error = options(uri).unwrap_err();
            assert_eq!(error.trouble, Trouble::Settings, "{uri}");
            assert!(uri == "s3cret" || !error.to_string().contains("s3"), "{error}");
        }
        assert_eq!(options("mongodb://bob@host/").unwrap().direct_connection, Some(true));
        assert_eq!(options("mongodb://a,b/?replicaSet=x").unwrap().direct_connection, None);
    }

    #[test]
    fn the_address_says_how_long_a_server_is_waited_for_but_never_for_ever() {
        let of = |query: &str| {
            let uri = format!("mongodb://host/?{query}");
            let options = options(&uri).unwrap();
            let away = Access { uri, ..Access::default() }.away();
            let seconds = |timeout: Option<Duration>| timeout.unwrap().as_secs();
            (seconds(options.connect_timeout), seconds(options.server_selection_timeout), away.as_secs())
        };
        assert_eq!(of(""), (30, 30, 120));
        assert_eq!(of("connectTimeoutMS=2000&serverSelectionTimeoutMS=5000"), (2, 5, 5));
        assert_eq!(of("connectTimeoutMS=0&serverSelectionTimeoutMS=86400000"), (600, 600, 600));
    }

    #[test]
    fn a_place_is_told_without_what_is_before_it() {
        for (uri, place) in [
            ("mongodb://bob:pw@a:1,b:2/db?x=y", "a:1,b:2"),
            ("mongodb+srv://bob:p/w?@cluster.example/", "cluster.example"),
            ("mongodb://[::1]:27017", "[::1]:27017"),
        ] {
            let access = Access { uri: uri.to_owned(), ..Access::default() };
            assert_eq!(access.place(), place);
        }
    }
}
