//! The gate that all connections of a guarded client go through.
//!
//! The driver looks names up and dials by itself, and it dials whatever members a server names. It can be told to go through a SOCKS5
//! proxy, though: this one, on a port of the loopback interface that only takes those who know a secret made for it. It judges each
//! host where the connection is made and dials exactly the addresses that were judged. TLS goes through it untouched.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mongodb::options::Socks5Proxy;
use rustix::net::sockopt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional_with_sizes};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use super::Guard;

/// A gate that is open until it is dropped.
pub(super) struct Gate {
    port: u16,
    secret: String,
    task: AbortHandle,
}

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
    /// Opens one in the runtime that this is called in.
    pub(super) async fn open(guard: Guard) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let mut random = [0; 24];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let secret: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let expected = secret.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (guard, expected) = (Arc::clone(&guard), expected.clone());
                // Whatever goes wrong ends this connection alone; the client sees it as one that broke.
                tokio::spawn(async move { drop(pass(client, &guard, &expected).await) });
            }
        });
        Ok(Self { port, secret, task: task.abort_handle() })
    }

    /// How the driver finds it.
    pub(super) fn proxy(&self) -> Socks5Proxy {
        Socks5Proxy::builder()
            .host("127.0.0.1".to_owned())
            .port(self.port)
            .authentication((USER.to_owned(), self.secret.clone()))
            .build()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one connection (RFC 1928, with the passwords of RFC 1929).
async fn pass(mut client: TcpStream, guard: &Guard, secret: &str) -> io::Result<()> {
    client.set_nodelay(true)?;
    let (host, port) = tokio::time::timeout(PATIENCE, hear(&mut client, secret)).await??;
    let asked = Arc::clone(guard);
    let looked_up =
        tokio::task::spawn_blocking(move || asked(&host, port)).await.map_err(io::Error::other)?;
    let addresses = match looked_up {
        Ok(addresses) => addresses,
        Err(error) => {
            answer(&mut client, NOT_ALLOWED).await?;
            return Err(error);
        }
    };
    let Ok(Ok(mut server)) = tokio::time::timeout(PATIENCE, dial(&addresses)).await else {
        return answer(&mut client, UNREACHABLE).await;
    };
    server.set_nodelay(true)?;
    keep_alive(&server)?;
    answer(&mut client, 0).await?;
    copy_bidirectional_with_sizes(&mut client, &mut server, ASKED, ANSWERED).await.map(drop)
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
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn only_who_knows_the_secret_goes_through_and_only_to_where_the_guard_says() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let address = server.local_addr().unwrap();
            drop(tokio::spawn(async move {
                let (mut client, _) = server.accept().await.unwrap();
                client.write_all(b"hello").await.unwrap();
            }));
            let asked = Arc::new(AtomicU32::new(0));
            let count = Arc::clone(&asked);
            let guard: Guard = Arc::new(move |host, port| {
                let _ = count.fetch_add(1, Ordering::SeqCst);
                let is_allowed = (host, port) == ("known", 27017);
                if is_allowed { Ok(vec![address]) } else { Err(io::ErrorKind::PermissionDenied.into()) }
            });
            let gate = Gate::open(guard).await.unwrap();
            let secret = gate.secret.clone();
            let ask = async |password: &str, host: &str| -> (u8, Option<u8>, TcpStream) {
                let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, gate.port)).await.unwrap();
                client.write_all(&[VERSION, 1, 2]).await.unwrap();
                let mut method = [0; 2];
                let _ = client.read_exact(&mut method).await.unwrap();
                let mut login = vec![1, USER.len() as u8];
                login.extend(USER.bytes());
                login.push(password.len() as u8);
                login.extend(password.bytes());
                client.write_all(&login).await.unwrap();
                let mut status = [0; 2];
                let _ = client.read_exact(&mut status).await.unwrap();
                let mut request = vec![VERSION, 1, 0, 3, host.len() as u8];
                request.extend(host.bytes());
                request.extend(27017_u16.to_be_bytes());
                // It may have hung up already.
                let _ = client.write_all(&request).await;
                let mut answer = [0; 10];
                let answered = client.read_exact(&mut answer).await.is_ok().then_some(answer[1]);
                (status[1], answered, client)
            };
            let (status, answer, _) = ask("a guess", "known").await;
            assert_eq!((status, answer, asked.load(Ordering::SeqCst)), (1, None, 0));
            let (status, answer, _) = ask(&secret, "inner").await;
            assert_eq!((status, answer), (0, Some(NOT_ALLOWED)));
            let (status, answer, mut client) = ask(&secret, "known").await;
            assert_eq!((status, answer, asked.load(Ordering::SeqCst)), (0, Some(0), 2));
            let mut heard = String::new();
            let _ = client.read_to_string(&mut heard).await.unwrap();
            assert_eq!(heard, "hello");
        });
    }
}
