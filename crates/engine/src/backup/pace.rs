//! Reading no faster than the work's control allows.

use std::io::Read;
use std::time::Duration;

use parking_lot::Mutex;

use crate::repository::Repository;

/// Whose turn it is to wait. Readers wait one after the other, so that all together keep to the rate.
#[derive(Default)]
pub(super) struct Pace(Mutex<()>);

/// How long a reader sleeps before it looks whether it still has to.
const NAP: Duration = Duration::from_millis(100);

impl Pace {
    /// Waits as long as reading so many bytes may take.
    pub(super) fn wait(&self, repository: &Repository, bytes: usize) {
        let control = repository.control();
        let Some(rate) = control.read_rate() else { return };
        let _turn = self.0.lock();
        let mut left = Duration::from_secs_f64(bytes as f64 / rate as f64);
        while !left.is_zero() && control.read_rate().is_some() && !control.is_cancelled() {
            let nap = left.min(NAP);
            repository.environment().clock.sleep(nap);
            left -= nap;
        }
    }

    /// The same content, read at the allowed rate.
    pub(super) fn slow<'a>(
        &'a self,
        repository: &'a Repository,
        reader: Box<dyn Read + Send>,
    ) -> Box<dyn Read + 'a> {
        Box::new(Paced { pace: self, repository, reader })
    }
}

struct Paced<'a> {
    pace: &'a Pace,
    repository: &'a Repository,
    reader: Box<dyn Read + Send>,
}

impl Read for Paced<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.pace.wait(self.repository, count);
        Ok(count)
    }
}
