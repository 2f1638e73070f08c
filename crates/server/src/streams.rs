//! How many streams of events may be open.

use std::collections::HashMap;
use std::sync::Arc;

use backstay_model::PersonId;
use parking_lot::Mutex;

/// Streams of one person at most.
const OF_ONE: usize = 16;
/// Streams of all at most.
const OF_ALL: usize = 1000;

/// Counts open streams.
#[derive(Debug, Default)]
pub(crate) struct Streams(Mutex<HashMap<PersonId, usize>>);

/// The leave to have a stream open. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Leave {
    streams: Arc<Streams>,
    person: PersonId,
}

/// Too many streams are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooMany {
    /// Of this person.
    OfOne,
    /// Of all.
    OfAll,
}

impl Streams {
    /// Lets a person open one more stream.
    pub(crate) fn enter(self: &Arc<Self>, person: PersonId) -> Result<Leave, TooMany> {
        let mut open = self.0.lock();
        if open.get(&person).is_some_and(|own| *own >= OF_ONE) {
            return Err(TooMany::OfOne);
        }
        if open.values().sum::<usize>() >= OF_ALL {
            return Err(TooMany::OfAll);
        }
        *open.entry(person).or_default() += 1;
        Ok(Leave { streams: Arc::clone(self), person })
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock();
        if let Some(own) = open.get_mut(&self.person) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn one_person_has_sixteen_and_all_have_a_thousand() {
        let streams = Arc::new(Streams::default());
        let person = |number: u128| PersonId(Uuid::from_u128(number));
        let mut open: Vec<_> = (0..OF_ONE).map(|_| streams.enter(person(0)).unwrap()).collect();
        assert_eq!(streams.enter(person(0)).unwrap_err(), TooMany::OfOne);
        open.pop();
        open.push(streams.enter(person(0)).unwrap());
        open.extend((OF_ONE..OF_ALL).map(|number| streams.enter(person(number as u128)).unwrap()));
        assert_eq!(streams.enter(person(5000)).unwrap_err(), TooMany::OfAll);
        drop(open);
        assert!(streams.0.lock().is_empty());
    }
}
