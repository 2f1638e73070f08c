//! A real receiver over a folder, on a port of its own, and a way in between that can be cut and garbled.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backstay_core::{Clock, Random, Timestamp};
use backstay_receiver::{NewClient, Settings};
use backstay_storage::Secret;
use backstay_storage::rest::Credentials;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

struct System;

impl Clock for System {
    fn now(&self) -> Timestamp {
        Timestamp::utc(jiff::Timestamp::now().as_second(), 0)
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

impl Random for System {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).unwrap();
    }
}

/// A receiver that runs; it ends when dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    address: SocketAddr,
    receiver: backstay_receiver::Receiver,
    folder: tempfile::TempDir,
    runtime: Runtime,
    clients: AtomicU64,
}

impl Server {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { min_free: 0, ..Settings::new(folder.path()) };
        let receiver =
            backstay_receiver::Receiver::open(settings, Arc::new(System), Arc::new(System)).unwrap();
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let router = receiver.router();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            url: format!("http://{address}"),
            address,
            receiver,
            folder,
            runtime,
            clients: AtomicU64::new(0),
        }
    }

    /// A new client, and who to be to be taken for it.
    pub(crate) fn client(&self) -> (String, Credentials) {
        let name = format!("client{}", self.clients.fetch_add(1, Ordering::Relaxed));
        self.client_with(NewClient { name, ..NewClient::default() })
    }

    pub(crate) fn client_with(&self, new: NewClient) -> (String, Credentials) {
        let (client, token) = self.receiver.clients().add(new, jiff::Timestamp::now(), &System).unwrap();
        let password = token.map(Secret::new);
        (client.name.clone(), Credentials { user: Some(client.name), password, token: None })
    }

    /// The same client by its token alone.
    pub(crate) fn by_token(credentials: &Credentials) -> Credentials {
        Credentials { user: None, password: None, token: credentials.password.clone() }
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// A way to it that breaks each connection after so many bytes of the client's, the first `times` times, or changes the byte there.
    pub(crate) fn behind(&self, after: u64, times: u64, garbles: bool) -> Proxy {
        let listener = self.runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (left, to) = (Arc::new(AtomicU64::new(times)), self.address);
        let task = self.runtime.spawn({
            let left = Arc::clone(&left);
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(pass(client, to, after, Arc::clone(&left), garbles));
                }
            }
        });
        Proxy { url, left, task }
    }
}

/// A bad way to a server.
pub(crate) struct Proxy {
    pub(crate) url: String,
    /// How often it will still break or garble.
    pub(crate) left: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(client: TcpStream, to: SocketAddr, after: u64, left: Arc<AtomicU64>, garbles: bool) {
    let Ok(server) = TcpStream::connect(to).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let back = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let (mut passed, mut buffer) = (0, vec![0; 16 << 10]);
    while let Ok(count) = from_client.read(&mut buffer).await {
        if count == 0 {
            break;
        }
        let reaches = passed <= after && after < passed + count as u64;
        if reaches
            && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
        {
            if !garbles {
                let until = usize::try_from(after - passed).unwrap();
                let _ = to_server.write_all(&buffer[..until]).await;
                back.abort();
                return;
            }
            buffer[usize::try_from(after - passed).unwrap()] ^= 0x20;
        }
        passed += count as u64;
        if to_server.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
    let _ = to_server.shutdown().await;
    let _ = back.await;
}
