//! Who has read what out of late, so that looking at the same thing again and again is written down once.

use std::collections::HashMap;
use std::time::Duration;

use backstay_model::Time;
use parking_lot::Mutex;

/// Within this time the same person or token reading the same thing is written down once.
const ONCE_IN: Duration = Duration::from_secs(600);
/// As many are kept in mind at most; past that more is written down than needed, and never less.
const MOST: usize = 10_000;

/// What one server keeps in mind.
#[derive(Debug, Default)]
pub(crate) struct ReadOuts(Mutex<HashMap<String, Time>>);

impl ReadOuts {
    /// Whether this is to be written down; from now on it is not for a while.
    pub(crate) fn is_new(&self, what: String, now: Time) -> bool {
        let mut seen = self.0.lock();
        let is_fresh = |at: &Time| now >= *at && now.duration_since(*at).unsigned_abs() < ONCE_IN;
        if seen.get(&what).is_some_and(is_fresh) {
            return false;
        }
        if seen.len() >= MOST {
            seen.retain(|_, at| is_fresh(at));
            if seen.len() >= MOST {
                seen.clear();
            }
        }
        seen.insert(what, now);
        true
    }

    /// It could not be written down.
    pub(crate) fn forget(&self, what: &str) {
        self.0.lock().remove(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_thing_is_new_again_after_a_while() {
        let at = |seconds: i64| Time::from_second(1_790_000_000 + seconds).unwrap();
        let seen = ReadOuts::default();
        let is_new = |what: &str, seconds| seen.is_new(what.to_owned(), at(seconds));
        assert!(is_new("a", 0) && is_new("b", 1));
        assert!(!is_new("a", 599));
        assert!(is_new("a", 600));
        assert!(!is_new("a", 1199));
        // A clock that was set back hides nothing.
        assert!(is_new("a", 0));
        seen.forget("a");
        assert!(is_new("a", 1));
        (0..MOST).for_each(|number| assert!(is_new(&number.to_string(), 2)));
        assert!(seen.0.lock().len() <= MOST);
    }
}
