//! A network that breaks: it passes bytes on, counts them, halts at a byte that it is told, and cuts all connections.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// Bytes that are passed on at once.
const PIECE: usize = 64 << 10;

/// While nothing passes, it is looked after so often.
const NAP: Duration = Duration::from_millis(5);

/// Which way bytes go.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// From the client to the receiver.
    Up,
    /// Back.
    Down,
}

pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    up: Count,
    down: Count,
    /// New connections wait, and what reached its byte goes no further.
    is_halted: AtomicBool,
    /// How often all was cut.
    cuts: AtomicU64,
    /// Connections that are open, to cut them.
    open: Mutex<Vec<TcpStream>>,
    is_over: AtomicBool,
}

/// Bytes that went one way.
#[derive(Default)]
struct Count {
    passed: AtomicU64,
    /// The byte at which everything halts; 0 for none.
    halt_at: AtomicU64,
}

impl State {
    fn count(&self, way: Way) -> &Count {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }

    fn cut(&self) {
        self.is_halted.store(true, Ordering::SeqCst);
        self.cuts.fetch_add(1, Ordering::SeqCst);
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // One that has ended is cut already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Passes bytes on until one side ends, the other does not take them, or all is cut.
    fn pass(&self, way: Way, mut from: TcpStream, mut to: TcpStream) {
        let count = self.count(way);
        let mut piece = vec![0; PIECE];
        while let Ok(read) = from.read(&mut piece) {
            if read == 0 {
                break;
            }
            let halt_at = count.halt_at.load(Ordering::SeqCst);
            let passed = count.passed.load(Ordering::SeqCst);
            let halts = halt_at > 0 && passed + read as u64 >= halt_at;
            let room =
                if halts { usize::try_from(halt_at.saturating_sub(passed)).unwrap_or(0) } else { read };
            let bytes = piece.get(..room).unwrap_or_default();
            let sent = to.write_all(bytes);
            count.passed.fetch_add(bytes.len() as u64, Ordering::SeqCst);
            if halts {
                let cuts = self.cuts.load(Ordering::SeqCst);
                count.halt_at.store(0, Ordering::SeqCst);
                self.is_halted.store(true, Ordering::SeqCst);
                while self.cuts.load(Ordering::SeqCst) == cuts {
                    thread::sleep(NAP);
                }
            }
            if halts || sent.is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Read), to.shutdown(Shutdown::Write));
    }
}

impl Proxy {
    /// Listens on a free port, and passes everything on to `target`.
    pub(crate) fn start(target: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("the proxy cannot listen")?;
        let address = listener.local_addr().context("the proxy has no address")?;
        let state = Arc::new(State::default());
        let (shared, target) = (Arc::clone(&state), target.to_owned());
        thread::spawn(move || {
            for client in listener.incoming() {
                while shared.is_halted.load(Ordering::SeqCst) && !shared.is_over.load(Ordering::SeqCst) {
                    thread::sleep(NAP);
                }
                if shared.is_over.load(Ordering::SeqCst) {
                    return;
                }
                // A client that is gone, or a receiver that is not there, is what the client has to bear.
                let Ok(client) = client else { continue };
                let Ok(receiver) = TcpStream::connect(&target) else { continue };
                let _ = join(&shared, client, receiver);
            }
        });
        Ok(Self { address, state })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes that went this way so far.
    pub(crate) fn passed(&self, way: Way) -> u64 {
        self.state.count(way).passed.load(Ordering::SeqCst)
    }

    /// Has everything halt after so many bytes of this way in all, once.
    pub(crate) fn halt_at(&self, way: Way, bytes: u64) {
        self.state.count(way).halt_at.store(bytes, Ordering::SeqCst);
    }

    /// Whether that byte was reached.
    pub(crate) fn is_halted(&self) -> bool {
        self.state.is_halted.load(Ordering::SeqCst)
    }

    /// Cuts all connections. New ones wait until [`open`](Self::open).
    pub(crate) fn cut(&self) {
        self.state.cut();
    }

    /// Lets connections through again.
    pub(crate) fn open(&self) {
        self.state.is_halted.store(false, Ordering::SeqCst);
    }
}

/// Passes bytes on both ways between two that are connected.
fn join(state: &Arc<State>, client: TcpStream, receiver: TcpStream) -> std::io::Result<()> {
    for stream in [&client, &receiver] {
        stream.set_nodelay(true)?;
        let mut open = state.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push(stream.try_clone()?);
    }
    let (from_client, to_client) = (client.try_clone()?, client);
    let (from_receiver, to_receiver) = (receiver.try_clone()?, receiver);
    let up = Arc::clone(state);
    thread::spawn(move || up.pass(Way::Up, from_client, to_receiver));
    let down = Arc::clone(state);
    thread::spawn(move || down.pass(Way::Down, from_receiver, to_client));
    Ok(())
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        self.state.cut();
        // Wakes it, so that it ends.
        let _ = TcpStream::connect(self.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_pass_until_the_byte_at_which_they_halt() {
        let target = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy::start(&target.local_addr().unwrap().to_string()).unwrap();
        proxy.halt_at(Way::Up, 100_001);
        let mut client = TcpStream::connect(proxy.address()).unwrap();
        let (mut receiver, _) = target.accept().unwrap();
        let writing = thread::spawn(move || client.write_all(&vec![7; 8 << 20]));
        let reading = thread::spawn(move || {
            let mut received = Vec::new();
            let _ = receiver.read_to_end(&mut received);
            received.len()
        });
        while !proxy.is_halted() {
            thread::sleep(NAP);
        }
        assert_eq!(proxy.passed(Way::Up), 100_001);
        proxy.cut();
        assert!(writing.join().unwrap().is_err(), "the client is cut too");
        assert_eq!(reading.join().unwrap(), 100_001);

        // Whoever comes now waits.
        let mut client = TcpStream::connect(proxy.address()).unwrap();
        client.write_all(b"again").unwrap();
        target.set_nonblocking(true).unwrap();
        thread::sleep(Duration::from_millis(50));
        assert!(target.accept().is_err());
        target.set_nonblocking(false).unwrap();
        proxy.open();
        let (mut receiver, _) = target.accept().unwrap();
        let mut answer = [0; 5];
        receiver.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"again");
    }
}
