//! Reading no faster than the work's control allows.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use backstay_core::{Clock, Control};
use parking_lot::Mutex;

/// Whose turn it is to wait. Readers wait one after the other, so that all together keep to the rate.
pub(super) struct Pace {
    control: Control,
    clock: Arc<dyn Clock>,
    turn: Mutex<()>,
}

/// How long a reader sleeps before it looks whether it still has to.
const NAP: Duration = Duration::from_millis(100);

impl Pace {
    pub(super) fn new(control: Control, clock: Arc<dyn Clock>) -> Self {
        Self { control, clock, turn: Mutex::default() }
    }

    /// Waits as long as reading so many bytes may take.
    pub(super) fn wait(&self, bytes: usize) {
        let control = &self.control;
        let Some(rate) = control.read_rate() else { return };
        let _turn = self.turn.lock();
        let mut left = Duration::from_secs_f64(bytes as f64 / rate as f64);
        while !left.is_zero() && control.read_rate().is_some() && !control.is_cancelled() {
            let nap = left.min(NAP);
            self.clock.sleep(nap);
            left -= nap;
        }
    }

    /// The same content, read at the allowed rate.
    pub(super) fn slow(&self, reader: Box<dyn Read + Send>) -> Box<dyn Read + '_> {
        Box::new(Paced { pace: self, reader })
    }
}

struct Paced<'a> {
    pace: &'a Pace,
    reader: Box<dyn Read + Send>,
}

impl Read for Paced<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.pace.wait(count);
        Ok(count)
    }
}
