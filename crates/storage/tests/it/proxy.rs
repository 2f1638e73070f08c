//! A bad way to a server: one that breaks, garbles, is slow, or loses answers. TLS passes through it as it is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// How bad a way is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Way {
    /// The byte of the client's in a connection at which it goes wrong.
    pub(crate) after: u64,
    /// How often it goes wrong in all.
    pub(crate) times: u64,
    /// Whether that byte is changed; else the connection is cut before it.
    pub(crate) garbles: bool,
    /// Whether it is the answers that go wrong there.
    pub(crate) answers: bool,
    /// How many bytes of the client's pass in a second; all that come when 0.
    pub(crate) rate: u64,
    /// How long each piece takes to get there, either way.
    pub(crate) delay: Duration,
}

/// A bad way to a server. It is gone when dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    /// How often it will still go wrong.
    pub(crate) left: Arc<AtomicU64>,
    _runtime: Runtime,
}

impl Proxy {
    pub(crate) fn start(to: SocketAddr, way: Way) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let left = Arc::new(AtomicU64::new(way.times));
        runtime.spawn({
            let left = Arc::clone(&left);
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(between(client, to, way, Arc::clone(&left)));
                }
            }
        });
        Self { address, left, _runtime: runtime }
    }

    /// The same address by another scheme.
    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://localhost:{}", self.address.port())
    }
}

async fn between(client: TcpStream, to: SocketAddr, way: Way, left: Arc<AtomicU64>) {
    let Ok(server) = TcpStream::connect(to).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let good = Way { after: u64::MAX, delay: way.delay, ..Way::default() };
    let (there, back) = match way.answers {
        true => (Way { rate: way.rate, ..good }, way),
        false => (way, good),
    };
    // Whichever is cut ends both.
    tokio::select! {
        () = pass(from_client, to_server, there, Arc::clone(&left)) => {}
        () = pass(from_server, to_client, back, left) => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: Way, left: Arc<AtomicU64>) {
    let size = if way.rate == 0 { 16 << 10 } else { (way.rate / 20).clamp(1, 16 << 10) };
    let (mut passed, mut buffer) = (0, vec![0; size as usize]);
    while let Ok(count) = from.read(&mut buffer).await {
        if count == 0 {
            let _ = to.shutdown().await;
            // The other direction ends by itself, or is cut with this one.
            return std::future::pending().await;
        }
        tokio::time::sleep(way.delay).await;
        if let Some(millis) = (count as u64 * 1000).checked_div(way.rate) {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        let reaches = passed <= way.after && way.after < passed + count as u64;
        let goes_wrong =
            || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if reaches && goes_wrong() {
            let place = usize::try_from(way.after - passed).unwrap();
            if !way.garbles {
                let _ = to.write_all(&buffer[..place]).await;
                return;
            }
            buffer[place] ^= 0x20;
        }
        passed += count as u64;
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
