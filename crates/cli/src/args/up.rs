//! `up`, and what goes with it.

use std::net::SocketAddr;
use std::path::PathBuf;

use backstay_server::TrustedProxy;
use clap::{Args, ValueEnum};

/// Where everything of a server and a node lies.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct DataFolder {
    /// Folder of the catalog, keys, certificates and the local repository [env: BACKSTAY_DATA_DIR]
    /// [default: your data folder]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    /// File of the master key that secrets are sealed under; made when it is missing. Instead of a file, BACKSTAY_MASTER_KEY
    /// may hold the key, or BACKSTAY_MASTER_PASSPHRASE a passphrase [env: BACKSTAY_MASTER_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) master_key_file: Option<PathBuf>,
    /// Catalog in PostgreSQL instead of a file in the data folder, as postgres://USER@HOST/DATABASE; the variable
    /// keeps a password out of the list of processes [env: BACKSTAY_DATABASE]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) database: Option<String>,
}

/// What a server shows of itself over TLS, and the names that it is called by.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Shown {
    /// Certificate chain to show (PEM), instead of one that is made here; needs --tls-key
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Host name or address that it is called by (can be specified multiple times)
    #[arg(long = "host-name", value_name = "NAME")]
    pub(crate) host_names: Vec<String>,
}

impl Shown {
    /// The files of the certificate chain and its key, where they were given.
    pub(crate) fn given(&self) -> Option<(PathBuf, PathBuf)> {
        self.tls_cert.clone().zip(self.tls_key.clone())
    }
}

/// Start the server and a node for this computer
#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) data: DataFolder,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8420")]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    pub(crate) shown: Shown,
    /// Whether to speak TLS when no certificate is given
    #[arg(long, value_enum, default_value_t, value_name = "MODE", conflicts_with = "tls_cert")]
    pub(crate) tls: TlsMode,
    /// Where people find the server, as https://backup.example.org; for links and behind a proxy
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) public_url: Option<String>,
    /// Proxy, or network of proxies, whose X-Forwarded-For is believed, as 10.0.0.7 or 10.0.0.0/24 (can be specified multiple
    /// times)
    #[arg(long = "trusted-proxy", value_name = "ADDRESS")]
    pub(crate) trusted_proxies: Vec<TrustedProxy>,
    /// How many runs this computer executes at once
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) pool: u16,
    /// Take archives and repositories of other hosts in too, below /archives/ and /repo/, and keep them in this folder; its
    /// clients are managed with `backstay receiver client`
    #[arg(long, value_name = "FOLDER")]
    pub(crate) receiver: Option<PathBuf>,
    /// Only serve: this computer gets no node
    #[arg(long)]
    pub(crate) no_node: bool,
}

/// Whether to speak TLS when no certificate is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum TlsMode {
    /// With a self-signed certificate, except on loopback
    #[default]
    Auto,
    /// With a self-signed certificate, on loopback too
    SelfSigned,
    /// Never; agents cannot join then
    Off,
}
