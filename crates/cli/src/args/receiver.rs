//! `receiver`: archives and repositories of other hosts, and who may bring them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::up::Shown;
use super::values::{duration, size};

/// Take archives and repositories of other hosts in
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Receiver {
    #[command(subcommand)]
    pub(crate) command: Option<ReceiverCommand>,
    #[command(flatten)]
    pub(crate) serve: ReceiverServe,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReceiverCommand {
    /// Operate on the clients of a receiver, on its own host; one that runs notices at once
    #[command(subcommand)]
    Client(ReceiverClient),
}

/// The folder of a receiver.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ReceiverFolder {
    /// Folder that everything is kept in [env: BACKSTAY_RECEIVER_PATH] [default: receiver in your data folder]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) path: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ReceiverServe {
    #[command(flatten)]
    pub(crate) folder: ReceiverFolder,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8421")]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    pub(crate) shown: Shown,
    /// Whether to speak TLS
    #[arg(long, value_enum, default_value_t, value_name = "MODE", conflicts_with = "tls_cert")]
    pub(crate) tls: ReceiverTlsMode,
    /// File of the authorities whose certificates clients may show (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) client_ca: Option<PathBuf>,
    /// No client may remove anything but locks, nor replace anything
    #[arg(long)]
    pub(crate) append_only: bool,
    /// Refuse what would leave less than this free on the disk, as 500M or 10G
    #[arg(long, value_parser = size, value_name = "SIZE", default_value = "1G")]
    pub(crate) min_free: u64,
    /// How long an upload is kept that nobody goes on with
    #[arg(long, value_parser = duration, value_name = "DURATION", default_value = "168h")]
    pub(crate) keep_uploads: Duration,
    /// Uploads that one client may have under way
    #[arg(long, value_name = "NUMBER", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) max_uploads: u16,
}

/// Whether a receiver speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ReceiverTlsMode {
    /// With an authority of its own
    #[default]
    Own,
    /// Not at all; on a loopback address only, behind a proxy that does
    Off,
}

/// Operate on the clients of a receiver
#[derive(Debug, Subcommand)]
pub(crate) enum ReceiverClient {
    /// Let a client in; prints its token, which is shown this once
    Add(Box<AddReceiverClient>),
    /// List the clients, and what each may do
    List {
        #[command(flatten)]
        folder: ReceiverFolder,
    },
    /// Give a client another token, which is shown this once; the one before opens nothing any more
    Renew {
        /// Its name
        name: String,
        #[command(flatten)]
        folder: ReceiverFolder,
    },
    /// Turn a client away from now on; what it has stored stays
    Remove {
        /// Its name
        name: String,
        #[command(flatten)]
        folder: ReceiverFolder,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddReceiverClient {
    /// Its name
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) place: ReceiverFolder,
    /// Folder that it is confined to; {name} stands for its name [default: its name]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<String>,
    /// Most that it may keep there, as 500G
    #[arg(long, value_parser = size, value_name = "SIZE")]
    pub(crate) quota: Option<u64>,
    /// It may remove nothing but locks, nor replace anything
    #[arg(long)]
    pub(crate) append_only: bool,
    /// Turn it away after this time, as 2160h
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub(crate) expires_in: Option<Duration>,
    /// SHA-256 of the certificate that it has to show (64 hexadecimal digits); needs --client-ca on the receiver
    #[arg(long, value_name = "DIGITS")]
    pub(crate) certificate: Option<String>,
    /// Its certificate is enough: make no token
    #[arg(long, requires = "certificate")]
    pub(crate) no_token: bool,
    /// Remove its archives after so many days
    #[arg(long, value_name = "DAYS")]
    pub(crate) keep_days: Option<u64>,
    /// Keep so many of its archives at most, and remove older ones
    #[arg(long, value_name = "NUMBER")]
    pub(crate) keep_count: Option<u64>,
    /// Keep archives of this size at most, and remove older ones
    #[arg(long, value_parser = size, value_name = "SIZE")]
    pub(crate) keep_space: Option<u64>,
    /// Never keep fewer archives than this, whatever the other rules say [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) keep_at_least: Option<u64>,
}
