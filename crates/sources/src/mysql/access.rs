//! The way to an instance.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use mysql::{Conn, OptsBuilder};

use super::MysqlError;

/// Where an instance listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A socket in the file system of this host.
    Socket(PathBuf),
    /// A host and its port.
    Tcp(String, u16),
}

/// How to connect to an instance.
#[derive(Clone)]
pub struct Access {
    /// Where it listens.
    pub address: Address,
    /// As whom.
    pub user: String,
    /// With which password; empty for none.
    pub password: String,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

impl fmt::Debug for Access {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Access({} as {:?})", self.address, self.user)
    }
}

impl Access {
    /// Connects. No answer takes longer than `patience`. Files of this host are never handed to the instance (`LOAD DATA LOCAL`).
    ///
    /// # Errors
    /// When nobody answers there, or does not let the user in.
    pub(super) fn connect(&self, patience: Duration) -> Result<Conn, MysqlError> {
        let builder = OptsBuilder::new()
            .user(Some(self.user.as_str()))
            .pass(Some(self.password.as_str()).filter(|password| !password.is_empty()))
            .tcp_connect_timeout(Some(patience))
            .read_timeout(Some(patience))
            .write_timeout(Some(patience))
            .local_infile_handler(None)
            .prefer_socket(false);
        let builder = match &self.address {
            Address::Socket(path) => builder.socket(path.to_str()),
            Address::Tcp(host, port) => builder.ip_or_hostname(Some(host.as_str())).tcp_port(*port),
        };
        Conn::new(builder).map_err(|error| {
            MysqlError::of(format!("cannot connect to {} as {:?}", self.address, self.user), &error)
        })
    }
}
