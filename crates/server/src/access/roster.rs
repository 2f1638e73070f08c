//! Changes to people: one at a time, and never so that nobody owns the server.
//!
//! A person's record is read, changed and written back, and whether an owner is left is seen by looking at everybody. So who
//! changes people takes a lease first, which counts for all servers over the same catalog.

use std::time::Duration;

use backstay_model::{Person, PersonId, ProjectId, Role};

use super::reset;
use crate::problem::Problem;
use crate::settings;
use crate::state::AppState;
use crate::text;

const LEASE: &str = "people";
/// Whoever dies in the middle of a change blocks the others for no longer.
const LASTS: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);
const TRIES: u32 = 600;

/// Changes people while nobody else does.
pub(crate) async fn alone<T>(
    state: &AppState,
    change: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let holder = text::random_hex(&*state.random, 8);
    for _ in 0..TRIES {
        let Some(token) = state.store.claim(LEASE, &holder, state.now(), LASTS).await? else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let done = change.await;
        state.store.release(LEASE, token).await?;
        return done;
    }
    Err(Problem::unavailable("others are changing accounts"))
}

/// A person, as it is now.
pub(crate) async fn person(state: &AppState, id: PersonId) -> Result<Person, Problem> {
    state.store.person(id).await?.ok_or_else(|| Problem::not_found("person"))
}

/// Refuses a change, or a removal, after which nobody would own the server.
pub(crate) async fn keep_an_owner(
    state: &AppState,
    changed: PersonId,
    after: Option<&Person>,
) -> Result<(), Problem> {
    let Some(home) = settings::home_project(state).await? else { return Ok(()) };
    if after.is_some_and(|person| owns(person, home)) {
        return Ok(());
    }
    let people = state.store.people().await?;
    if people.iter().any(|person| person.id != changed && owns(person, home))
        || !people.iter().any(|person| person.id == changed && owns(person, home))
    {
        return Ok(());
    }
    Err(Problem::new(
        axum::http::StatusCode::CONFLICT,
        "last_owner",
        "this is the last owner of the server, and somebody has to own it",
    )
    .hint("make somebody else an owner of the home project first"))
}

fn owns(person: &Person, home: ProjectId) -> bool {
    let is_owner = |grant: &backstay_model::Grant| grant.project == home && grant.role == Role::Owner;
    !person.disabled && person.grants.iter().any(is_owner)
}

/// Ends all sessions of a person but one, and takes back links for a new password.
pub(crate) async fn sign_out(
    state: &AppState,
    person: PersonId,
    except: Option<&str>,
) -> Result<(), Problem> {
    state.store.delete_sessions_of(person, except).await?;
    reset::forget(state, person).await
}
