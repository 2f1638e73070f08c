//! Whether an instance answers, asked by a client of its own all the time.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

/// How often it is asked.
const PACE: Duration = Duration::from_millis(20);
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks until it is finished.
pub(super) struct Probe {
    is_over: Arc<AtomicBool>,
    asking: JoinHandle<Vec<Duration>>,
}

impl Probe {
    pub(super) fn start(port: u16) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let asking = thread::spawn(move || {
            let mut outages = Vec::new();
            let mut silent_since = None::<Instant>;
            while !over.load(Ordering::Relaxed) {
                let asked = Instant::now();
                match (greets(port), silent_since) {
                    (true, Some(since)) => {
                        outages.push(since.elapsed());
                        silent_since = None;
                    }
                    (false, None) => silent_since = Some(asked),
                    (true, None) | (false, Some(_)) => {}
                }
                thread::sleep(PACE.saturating_sub(asked.elapsed()));
            }
            outages.extend(silent_since.map(|since| since.elapsed()));
            outages
        });
        Self { is_over, asking }
    }

    /// For how many seconds there was no answer; fails unless that was once.
    pub(super) fn finish(self) -> Result<f64> {
        self.is_over.store(true, Ordering::Relaxed);
        let outages = self.asking.join().unwrap_or_default();
        ensure!(outages.len() == 1, "the instance was away {} times: {outages:?}", outages.len());
        Ok(outages.iter().map(Duration::as_secs_f64).sum())
    }
}

/// Whether a new connection is greeted: MySQL's servers speak first, and begin with the number 10 of their protocol.
fn greets(port: u16) -> bool {
    let greet = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        Ok(head[4] == 10)
    };
    greet().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_time_without_an_answer_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_away = Arc::new(AtomicBool::new(false));
        let away = Arc::clone(&is_away);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if !away.load(Ordering::Relaxed) {
                    let _ = stream.unwrap().write_all(&[1, 0, 0, 0, 10]);
                }
            }
        });
        let probe = Probe::start(port);
        thread::sleep(Duration::from_millis(200));
        is_away.store(true, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(500));
        is_away.store(false, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(300));
        let outage = probe.finish().unwrap();
        assert!(outage >= 0.4, "{outage}");
    }
}
