//! A content that its producer pushes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use backstay_core::{CutHint, Meta, Pushed, SinkError};

use super::content::ChunkStream;
use super::crew::{Crew, Taker};
use super::guests::Place;

/// A pushed content on its way.
pub(super) struct PushedFile {
    crew: Arc<Crew>,
    name: Vec<u8>,
    /// One for each way to cut.
    streams: Vec<ChunkStream>,
    guests: Vec<(Place, Box<dyn Pushed>)>,
    finished: bool,
}

impl PushedFile {
    pub(super) fn new(
        crew: Arc<Crew>,
        name: Vec<u8>,
        takers: Vec<Taker>,
        guests: &[Place],
        hint: &CutHint,
    ) -> Self {
        let begin = |place: &Place| {
            place.attempt(|folder| folder.begin(&name, hint.clone())).map(|pushed| (place.clone(), pushed))
        };
        let guests = guests.iter().filter_map(begin).collect();
        let streams = crew.streams(takers, hint);
        Self { crew, name, streams, guests, finished: false }
    }

    fn takers(&self) -> Vec<Taker> {
        self.streams.iter().flat_map(|stream| stream.file.takers().to_vec()).collect()
    }
}

impl Pushed for PushedFile {
    fn write(&mut self, data: &[u8]) -> Result<(), SinkError> {
        self.crew.check()?;
        self.crew.pace.wait(data.len());
        self.guests.retain_mut(|(place, pushed)| place.attempt(|_| pushed.write(data)).is_some());
        let crew = Arc::clone(&self.crew);
        self.streams.iter_mut().try_for_each(|stream| crew.push(stream, data, None))
    }

    fn finish(mut self: Box<Self>, meta: Meta) -> Result<(), SinkError> {
        self.finished = true;
        let crew = Arc::clone(&self.crew);
        for stream in &mut self.streams {
            stream.flush(&crew, None)?;
            stream.file.end(self.name.clone(), Meta { size: stream.size, ..meta.clone() });
        }
        for (place, pushed) in self.guests.drain(..) {
            place.attempt(|_| pushed.finish(meta.clone()));
        }
        self.crew.check_failed()
    }
}

impl Drop for PushedFile {
    fn drop(&mut self) {
        self.crew.open_pushes.fetch_sub(1, Ordering::SeqCst);
        if !self.finished {
            let takers = self.takers();
            self.crew.leave_out(&takers, &self.name, "its content ended before it was whole");
        }
    }
}
