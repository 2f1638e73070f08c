//! The gate that all connections of a client go through.
//!
//! The driver looks names up and dials by itself, and it dials whatever members a server names. It can be told to go through a SOCKS5
//! proxy, though: this one, on a port of the loopback interface that only takes those who know a secret made for it. It judges each
//! host where the connection is made and dials exactly the addresses that were judged. It speaks TLS where that is wanted, and looks at
//! whatever a server answers before the driver sees it: see [`watch`].

mod secure;
mod watch;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mongodb::options::{ClientOptions, Socks5Proxy, Tls};
use parking_lot::Mutex;
use rustix::net::sockopt;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

use super::Guard;
use super::error::{MongoError, Result, Trouble};
use watch::Watch;

/// A gate that is open until it is dropped.
pub(super) struct Gate {
    port: u16,
    secret: String,
    task: AbortHandle,
    way: Arc<Way>,
}

/// How servers are reached, and what was seen on the way.
struct Way {
    guard: Guard,
    tls: Option<TlsConnector>,
    secret: String,
    /// Why an answer was not passed on.
    refused: tokio::sync::watch::Sender<Option<String>>,
    /// Why no connection was made last.
    failed: Mutex<Option<String>>,
}

/// What is read from and written to.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

const USER: &str = "backstay";
const VERSION: u8 = 5;
/// How long a client may take to say where it wants to go, and an address to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many bytes are passed on at once, of what a client and what a server says.
const ASKED: usize = 16 << 10;
const ANSWERED: usize = 128 << 10;
const NOT_ALLOWED: u8 = 2;
const UNREACHABLE: u8 = 4;

impl Gate {
    /// Opens one in the runtime that this is called in, and has a client go through it.
    pub(super) async fn open(guard: Guard, options: &mut ClientOptions) -> Result<Self> {
        let tls = match options.tls.replace(Tls::Disabled) {
            Some(Tls::Enabled(wanted)) => Some(secure::connector(&wanted)?),
            _ => None,
        };
        let gate = Self::listen(guard, tls).await;
        let gate = gate.map_err(|error| MongoError::new(Trouble::Storage, "cannot connect", error))?;
        options.socks5_proxy = Some(gate.proxy());
        Ok(gate)
    }

    async fn listen(guard: Guard, tls: Option<TlsConnector>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let mut random = [0; 24];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let secret: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let refused = tokio::sync::watch::Sender::new(None);
        let way = Way { guard, tls, secret: secret.clone(), refused, failed: Mutex::default() };
        let way = Arc::new(way);
        let ways = Arc::clone(&way);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let way = Arc::clone(&ways);
                // Whatever goes wrong ends this connection alone; the client sees it as one that broke.
                tokio::spawn(async move { drop(way.pass(client).await) });
            }
        });
        Ok(Self { port, secret, task: task.abort_handle(), way })
    }

    /// How the driver finds it.
    fn proxy(&self) -> Socks5Proxy {
        Socks5Proxy::builder()
            .host("127.0.0.1".to_owned())
            .port(self.port)
            .authentication((USER.to_owned(), self.secret.clone()))
            .build()
    }

    /// Waits until a server answers what is not passed on. It is not asked for anything else then.
    pub(super) async fn refused(&self) -> MongoError {
        let mut told = self.way.refused.subscribe();
        let why = match told.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            // The sender is kept for as long as this.
            Err(_) => std::future::pending().await,
        };
        MongoError::new(Trouble::Refused, "the server's answer is not looked at", why)
    }

    /// Why no connection was made, the last time that it was so.
    pub(super) fn failed(&self) -> Option<String> {
        self.way.failed.lock().clone()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Way {
    /// Serves one connection (RFC 1928, with the passwords of RFC 1929).
    async fn pass(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let (host, port) = tokio::time::timeout(PATIENCE, hear(&mut client, &self.secret)).await??;
        let (asked, name) = (Arc::clone(&self.guard), host.clone());
        let looked_up =
            tokio::task::spawn_blocking(move || asked(&name, port)).await.map_err(io::Error::other)?;
        let addresses = match looked_up {
            Ok(addresses) => addresses,
            Err(error) => {
                answer(&mut client, NOT_ALLOWED).await?;
                return Err(error);
            }
        };
        let reached = tokio::time::timeout(PATIENCE, self.reach(&host, &addresses)).await;
        let server = match reached.unwrap_or_else(|error| Err(error.into())) {
            Ok(server) => server,
            Err(error) => {
                *self.failed.lock() = Some(format!("{host}:{port}: {error}"));
                return answer(&mut client, UNREACHABLE).await;
            }
        };
        answer(&mut client, 0).await?;
        self.carry(client, server).await
    }

    async fn reach(&self, host: &str, addresses: &[SocketAddr]) -> io::Result<Box<dyn Stream>> {
        let server = dial(addresses).await?;
        server.set_nodelay(true)?;
        keep_alive(&server)?;
        match &self.tls {
            None => Ok(Box::new(server)),
            Some(tls) => {
                let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
                Ok(Box::new(tls.connect(name, server).await?))
            }
        }
    }

    /// Passes on what both say, until both have said all.
    async fn carry(&self, mut client: TcpStream, server: Box<dyn Stream>) -> io::Result<()> {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = tokio::io::split(server);
        let asking = pass_on(&mut from_client, &mut to_server, ASKED, |_| Ok(()));
        let mut watch = Watch::new();
        let answering = pass_on(&mut from_server, &mut to_client, ANSWERED, |bytes| {
            watch.take(bytes).map_err(|refusal| {
                let _ = self.refused.send_replace(Some(refusal.to_string()));
                io::Error::from(io::ErrorKind::InvalidData)
            })
        });
        tokio::try_join!(asking, answering).map(drop)
    }
}

async fn pass_on(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    at_once: usize,
    mut look: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = vec![0; at_once];
    loop {
        let count = from.read(&mut buffer).await?;
        let bytes = buffer.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            return to.shutdown().await;
        }
        look(bytes)?;
        to.write_all(bytes).await?;
        to.flush().await?;
    }
}

/// Has a connection that is cut without a word end after some two minutes, however long the server may take for an answer.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, Duration::from_secs(60))?;
    sockopt::set_tcp_keepintvl(stream, Duration::from_secs(15))?;
    Ok(sockopt::set_tcp_keepcnt(stream, 4)?)
}

async fn dial(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Hears who is there and where they want to go.
async fn hear(client: &mut TcpStream, secret: &str) -> io::Result<(String, u16)> {
    let wrong = || io::Error::from(io::ErrorKind::InvalidData);
    if client.read_u8().await? != VERSION {
        return Err(wrong());
    }
    let _methods = text(client).await?;
    // Passwords, whatever was offered.
    client.write_all(&[VERSION, 2]).await?;
    let _version = client.read_u8().await?;
    let (user, password) = (text(client).await?, text(client).await?);
    let is_known = user == USER.as_bytes() && same(&password, secret.as_bytes());
    client.write_all(&[1, u8::from(!is_known)]).await?;
    if !is_known {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut request = [0; 4];
    client.read_exact(&mut request).await?;
    let host = match request {
        [VERSION, 1, _, 1] => {
            let mut address = [0; 4];
            client.read_exact(&mut address).await?;
            std::net::IpAddr::from(address).to_string()
        }
        [VERSION, 1, _, 3] => String::from_utf8(text(client).await?).map_err(|_| wrong())?,
        [VERSION, 1, _, 4] => {
            let mut address = [0; 16];
            client.read_exact(&mut address).await?;
            std::net::IpAddr::from(address).to_string()
        }
        _ => return Err(wrong()),
    };
    Ok((host, client.read_u16().await?))
}

async fn answer(client: &mut TcpStream, code: u8) -> io::Result<()> {
    client.write_all(&[VERSION, code, 0, 1, 0, 0, 0, 0, 0, 0]).await
}

/// Bytes with their number before them.
async fn text(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::from(client.read_u8().await?)];
    client.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// Compares in a time that tells nothing.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

#[cfg(test)]
mod tests;
