//! API tokens: `bst_` and a random key, of which only the hash is kept. The prefix lets scanners of code find leaked ones.

use super::extract::Caller;
use super::policy::Principal;
use crate::problem::Problem;
use crate::state::AppState;
use crate::text;

const PREFIX: &str = "bst_";
const TOUCH_EVERY: i64 = 60;

/// A new token's key, to be shown once, and the hash that is kept of it.
pub(crate) fn new_key(state: &AppState) -> (String, String) {
    let key = format!("{PREFIX}{}", text::random_key(&*state.random));
    let hash = text::hash_of(&key);
    (key, hash)
}

/// Whose token it is, if it is still one.
pub(crate) async fn caller(state: &AppState, key: &str, address: String) -> Result<Option<Caller>, Problem> {
    if !key.starts_with(PREFIX) {
        return Ok(None);
    }
    let now = state.now();
    let Some(token) = state.store.token_by_hash(&text::hash_of(key)).await? else { return Ok(None) };
    if token.expires.is_some_and(|expires| expires <= now) {
        return Ok(None);
    }
    let Some(person) = state.store.person(token.person).await?.filter(|person| !person.disabled) else {
        return Ok(None);
    };
    if token.last_used.is_none_or(|used| now.as_second() - used.as_second() >= TOUCH_EVERY) {
        // Who only reads is let in though nothing can be written.
        if let Err(error) = state.store.touch_token(token.id, now).await {
            tracing::warn!(cause = %error, "the use of a token cannot be noted");
        }
    }
    let principal = Principal::Token {
        token: token.id,
        person: person.id,
        grants: person.grants.clone(),
        role: token.role,
        project: token.project,
    };
    Ok(Some(Caller { principal, person, session: None, token: Some(token), address }))
}
