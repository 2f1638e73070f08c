//! Changes in hand: they are brought to their end, also when the caller is gone.
//!
//! The future of a request is dropped when its connection ends. In the middle of a change that would leave half of it, or all of
//! it without its entry in the audit. So requests that change something run in tasks of their own.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;

use crate::link::http::SYNC;
use crate::problem::{self, Problem};
use crate::state::AppState;

/// Changes in hand at most: they outlive their connections, which are bounded for themselves.
const MOST: usize = 1024;

/// Counts the changes in hand.
#[derive(Debug, Default)]
pub(crate) struct InHand(watch::Sender<usize>);

/// A change in hand, until this is dropped.
struct One(AppState);

impl InHand {
    /// Returns when no change is in hand.
    pub(crate) async fn done(&self) {
        // The sender is here, so it is not gone.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl One {
    fn new(state: AppState) -> Option<Self> {
        let begun = state.in_hand.0.send_if_modified(|count| {
            let free = *count < MOST;
            *count += usize::from(free);
            free
        });
        begun.then_some(Self(state))
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.in_hand.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Runs what changes something to its end. What nodes send again until it is acknowledged is no change in hand, and must not go
/// on after its connection: it would take what is meant for the next one.
pub(crate) async fn to_the_end(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if request.method().is_safe() || request.uri().path() == SYNC {
        return next.run(request).await;
    }
    let Some(one) = One::new(state) else {
        return Problem::unavailable("too many changes are in hand").into_response();
    };
    let task = tokio::spawn(async move {
        let response = next.run(request).await;
        drop(one);
        response
    });
    // Panics of handlers are caught within; a task that is stopped is one of a server that ends.
    task.await.unwrap_or_else(|_| problem::ending())
}
