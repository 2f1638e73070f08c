//! The answers that documents come in: how large they should be, and how many are held at once.
//!
//! The size of documents is told by the first answer. To ask the server for it (`collStats`) is a command more for each collection, and
//! there are servers that read the whole collection for it.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use mongodb::bson::RawDocument;
use mongodb::raw_batch_cursor::{RawBatch, RawBatchCursor};
use tokio::sync::mpsc::Sender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// About how many bytes an answer should have, and what is as good.
const ANSWER: u64 = 1 << 20;
const LEAST: u64 = ANSWER / 8;
const LARGEST: u64 = 2 * ANSWER;
/// How many bytes a first answer is taken to have.
const FIRST: usize = 4 << 20;
/// How many bytes of answers there may be at once: as many as the largest answer of a server has.
const ROOM: usize = 16 << 20;
/// What room is counted in.
const UNIT: usize = 1 << 10;

/// How many answers in a row may have nothing in them before the last one.
pub(in super::super) const EMPTY: usize = 100;

/// How many documents are asked for at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    documents: u32,
    is_known: bool,
}

impl Default for Size {
    fn default() -> Self {
        Self { documents: 1000, is_known: false }
    }
}

impl Size {
    /// Learns from the first answer, of so many documents and bytes; true when it should have had many more or fewer of them.
    fn learn(&mut self, documents: u64, bytes: u64) -> bool {
        if self.is_known || documents == 0 {
            return false;
        }
        self.is_known = true;
        if (LEAST..=LARGEST).contains(&bytes) {
            return false;
        }
        let fitting = (documents * ANSWER / bytes.max(1)).clamp(1, 100_000);
        let before = self.documents;
        self.documents = u32::try_from(fitting).unwrap_or(before);
        self.documents != before
    }
}

/// Room for what was answered and is not worked on yet, for all who read by one connection.
#[derive(Debug, Clone)]
pub(in super::super) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM / UNIT)))
    }
}

impl Room {
    /// Waits for room for so many bytes, or for all of it. It is never closed.
    async fn of(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.clamp(UNIT, ROOM).div_ceil(UNIT)).unwrap_or(1);
        Arc::clone(&self.0).acquire_many_owned(units).await.ok()
    }
}

/// An answer, with the room that it takes.
pub(super) struct Answer {
    pub(super) documents: RawBatch,
    _room: Option<OwnedSemaphorePermit>,
}

impl Answer {
    fn bytes(&self) -> usize {
        self.documents.as_raw_document().as_bytes().len()
    }
}

/// A cursor with its first answer.
pub(super) struct Reading {
    cursor: RawBatchCursor,
    first: Option<Answer>,
}

/// Opens a cursor by `find`, which is told how many documents to ask for at once. It is opened anew when the first answer says that these
/// are far too many or too few. An answer that takes longer than `patience` is taken to be lost on its way.
pub(super) async fn open<F>(
    room: &Room,
    patience: Duration,
    size: &mut Size,
    find: impl Fn(u32) -> F,
) -> mongodb::error::Result<Reading>
where
    F: Future<Output = mongodb::error::Result<RawBatchCursor>>,
{
    loop {
        let taken = room.of(FIRST).await;
        let mut cursor = within(patience, find(size.documents)).await?;
        let Some(documents) = within(patience, async { cursor.next().await.transpose() }).await? else {
            return Ok(Reading { cursor, first: None });
        };
        let answer = Answer { documents, _room: taken };
        let count = answer.documents.doc_slices()?.into_iter().count() as u64;
        if is_all(answer.documents.as_raw_document()) || !size.learn(count, answer.bytes() as u64) {
            return Ok(Reading { cursor, first: Some(answer) });
        }
    }
}

/// Waits for what a server answers, and no longer than that.
pub(in super::super) async fn within<T>(
    patience: Duration,
    answer: impl Future<Output = mongodb::error::Result<T>>,
) -> mongodb::error::Result<T> {
    tokio::time::timeout(patience, answer).await.unwrap_or_else(|_| {
        let text = format!("no answer came within {} seconds", patience.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, text).into())
    })
}

/// Whether no other answer follows.
fn is_all(answer: &RawDocument) -> bool {
    answer.get_document("cursor").and_then(|cursor| cursor.get_i64("id")).is_ok_and(|id| id == 0)
}

impl Reading {
    /// Sends all answers, one after the other, until nobody takes them.
    pub(super) async fn hand_to(
        mut self,
        room: Room,
        patience: Duration,
        to: Sender<mongodb::error::Result<Answer>>,
    ) {
        let mut next = self.first.take().map(Ok);
        while let Some(answer) = next {
            let bytes = answer.as_ref().map_or(FIRST, Answer::bytes);
            if to.send(answer).await.is_err() {
                return;
            }
            // The next one is taken to be as large.
            let taken = room.of(bytes).await;
            let answer = within(patience, async { self.cursor.next().await.transpose() }).await.transpose();
            next = answer.map(|answer| answer.map(|documents| Answer { documents, _room: taken }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_tells_how_many_documents_make_one_of_a_handy_size() {
        let after = |documents: u64, bytes: u64| {
            let mut size = Size::default();
            let is_other = size.learn(documents, bytes);
            assert!(!size.learn(1, 16 << 20), "only the first one tells");
            (size.documents, is_other)
        };
        assert_eq!(after(1000, 400 << 10), (1000, false));
        assert_eq!(after(1000, 2 << 20), (1000, false));
        assert_eq!(after(1000, 4 << 20), (250, true));
        assert_eq!(after(1, 16 << 20), (1, true));
        assert_eq!(after(1000, 64 << 10), (16_000, true));
        assert_eq!(after(1000, 5), (100_000, true));
        assert!(!Size::default().learn(0, 100));
    }
}
