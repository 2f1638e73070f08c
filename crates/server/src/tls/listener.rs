//! How connections come in: plain, or with TLS, always with the same [`Peer`] for the handlers.
//!
//! ```text
//!  accept ──▶ a task for each handshake (bounded in all and for each address, with a timeout) ──▶ channel ──▶ serving
//! ```
//!
//! The first message of a client names the server it wants. [`AGENTS`] gets the agents' certificate and is asked for its own;
//! everybody else gets the browsers' certificate and is asked for nothing, so no browser pops up a choice of certificates.
//! A peer that connects and is silent holds a place until the timeout, and nobody else up.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::authority::fingerprint_of;
use crate::places::Places;
use backstay_model::link::AGENTS;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const HANDSHAKES: usize = 512;
const HANDSHAKES_OF_ONE_ADDRESS: usize = 32;

/// Who is at the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The address it comes from.
    pub address: SocketAddr,
    /// Whether the connection is encrypted by this server.
    pub tls: bool,
    /// Whether it asked for the name that agents ask for.
    pub agent: bool,
    /// SHA-256 of its verified certificate, in hexadecimal digits: by that a node is known.
    pub certificate: Option<String>,
}

/// Takes connections in.
pub struct Listener {
    accepted: mpsc::Receiver<(Io, Peer)>,
    accepting: tokio::task::JoinHandle<()>,
}

/// The two ways to meet TLS clients.
#[derive(Debug, Clone)]
pub struct TlsSides {
    /// Browsers and programs.
    pub browsers: Arc<ServerConfig>,
    /// Agents.
    pub agents: Arc<ServerConfig>,
}

/// A connection.
#[derive(Debug)]
pub enum Io {
    /// Without TLS.
    Plain(TcpStream),
    /// With TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Listener {
    /// Takes connections in from a bound socket; with TLS when sides are given.
    #[must_use]
    pub fn new(socket: TcpListener, tls: Option<TlsSides>) -> Self {
        let (sender, accepted) = mpsc::channel(64);
        let accepting = match tls {
            None => tokio::spawn(accept_plain(socket, sender)),
            Some(tls) => tokio::spawn(accept_tls(socket, tls, sender)),
        };
        Self { accepted, accepting }
    }

    /// The next connection.
    pub(crate) async fn accept(&mut self) -> (Io, Peer) {
        match self.accepted.recv().await {
            Some(connection) => connection,
            // The accepting task ends only when this listener does.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn next(socket: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match socket.accept().await {
            Ok((stream, address)) => {
                // Answers are small and awaited; a socket that cannot be told so works all the same.
                let _ = stream.set_nodelay(true);
                return (stream, address);
            }
            Err(error) => {
                // Mostly: too many open files. It passes when connections end.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn accept_plain(socket: TcpListener, sender: mpsc::Sender<(Io, Peer)>) {
    loop {
        let (stream, address) = next(&socket).await;
        let peer = Peer { address, tls: false, agent: false, certificate: None };
        if sender.send((Io::Plain(stream), peer)).await.is_err() {
            return;
        }
    }
}

async fn accept_tls(socket: TcpListener, tls: TlsSides, sender: mpsc::Sender<(Io, Peer)>) {
    let places = Places::new(HANDSHAKES, HANDSHAKES_OF_ONE_ADDRESS);
    loop {
        let (stream, address) = next(&socket).await;
        let Some(place) = places.enter(address.ip()) else { continue };
        let (tls, sender) = (tls.clone(), sender.clone());
        tokio::spawn(async move {
            let shaken = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake(stream, address, &tls)).await;
            drop(place);
            match shaken {
                // A receiver that is gone is a server that stops.
                Ok(Ok(connection)) => drop(sender.send(connection).await),
                Ok(Err(error)) => tracing::debug!(%address, %error, "a TLS handshake failed"),
                Err(_) => tracing::debug!(%address, "a TLS handshake took too long"),
            }
        });
    }
}

async fn handshake(stream: TcpStream, address: SocketAddr, tls: &TlsSides) -> io::Result<(Io, Peer)> {
    let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
    let agent = start.client_hello().server_name() == Some(AGENTS);
    let config = if agent { &tls.agents } else { &tls.browsers };
    let stream = start.into_stream(Arc::clone(config)).await?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let certificate = certificate.map(fingerprint_of);
    Ok((Io::Tls(Box::new(stream)), Peer { address, tls: true, agent, certificate }))
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
