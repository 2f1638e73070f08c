//! A real receiver over a folder, on a port of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backstay_core::{Clock, Random, Timestamp};
use backstay_receiver::{NewClient, Settings};
use backstay_storage::Secret;
use backstay_storage::rest::Credentials;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::proxy::{Proxy, Way};

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
    _runtime: Runtime,
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
            _runtime: runtime,
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
        Proxy::start(self.address, Way { after, times, garbles, ..Way::default() })
    }
}
