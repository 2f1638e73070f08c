//! Answers questions that may never be answered: a file system whose server is away holds whoever looks at it, for ever.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use backstay_model::command::{CommandError, Refusal};
use tokio::sync::{Semaphore, oneshot};

use crate::asks::{refusal, told};
use crate::work::WorkError;

/// Questions that are looked into at once. One that is never answered holds its place and its thread for ever.
const PLACES: usize = 8;

/// Where questions are looked into, each by a thread of its own. Clones share their places.
#[derive(Clone)]
pub(crate) struct Desk(Arc<Semaphore>);

impl Default for Desk {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PLACES)))
    }
}

impl Desk {
    /// Does work that blocks, and waits for its answer for so long. Work that is not waited for any more goes on to its end,
    /// if it has one.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce() -> Result<T, WorkError> + Send + 'static,
    ) -> Result<T, CommandError> {
        let seconds = patience.as_secs();
        let end = tokio::time::Instant::now() + patience;
        let Ok(Ok(place)) = tokio::time::timeout_at(end, Arc::clone(&self.0).acquire_owned()).await else {
            let text = format!(
                "{PLACES} earlier questions have not been answered yet, and none was within {seconds} s: a file system or \
                 storage does not answer"
            );
            return Err(CommandError { hint: Some(HINT.to_owned()), ..refusal(Refusal::Failed, &text) });
        };
        let (done, answer) = oneshot::channel();
        let spawned = std::thread::Builder::new().name("ask".to_owned()).spawn(move || {
            let answer = std::panic::catch_unwind(AssertUnwindSafe(work));
            drop(place);
            let _ = done.send(answer);
        });
        if let Err(error) = spawned {
            return Err(refusal(Refusal::Failed, &format!("no thread could be started for it: {error}")));
        }
        match tokio::time::timeout_at(end, answer).await {
            Ok(Ok(Ok(done))) => done.map_err(|error| told(&error)),
            Ok(_) => Err(refusal(
                Refusal::Failed,
                "the work broke down, which is a fault of Backstay; the node's log has more",
            )),
            Err(_) => {
                let text = format!("the storage or file system did not answer within {seconds} s");
                Err(CommandError { hint: Some(HINT.to_owned()), ..refusal(Refusal::Failed, &text) })
            }
        }
    }
}

const HINT: &str = "see on the node's host whether a network file system or disk hangs; restarting Backstay frees what waits for it";

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::work::Class;

    #[tokio::test]
    async fn what_never_answers_is_given_up_and_bounded_and_what_it_holds_comes_back() {
        let desk = Desk::default();
        let short = Duration::from_secs(1);
        let (release, held) = channel::<()>();
        let held = Arc::new(parking_lot::Mutex::new(held));
        let hang = || {
            let held = Arc::clone(&held);
            move || -> Result<(), WorkError> {
                let _ = held.lock().recv();
                Ok(())
            }
        };
        let ask = |_| {
            let (desk, work) = (desk.clone(), hang());
            tokio::spawn(async move { desk.ask(short, work).await })
        };
        let asked: Vec<_> = (0..PLACES).map(ask).collect();
        for asked in asked {
            let error = asked.await.unwrap().unwrap_err();
            assert!(error.message.contains("did not answer within 1 s") && error.hint.is_some(), "{error:?}");
        }
        let error = desk.ask(short, || Ok(())).await.unwrap_err();
        assert!(error.message.contains("8 earlier questions"), "{error:?}");
        drop(release);
        desk.ask(Duration::from_secs(20), || Ok(())).await.unwrap();
        let error = desk.ask(short, || Err::<(), _>(WorkError::new(Class::Other, "no such thing"))).await;
        assert_eq!(error.unwrap_err().message, "no such thing");
        assert!(desk.ask(short, || -> Result<(), WorkError> { panic!("broken") }).await.is_err());
    }
}
