//! Places that are bounded, in all and for each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// Places that connections take. It is cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    all: usize,
    of_one: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

/// A place. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    whose: IpAddr,
}

impl Places {
    /// So many places, and so many of them for one address.
    pub(crate) fn new(all: usize, of_one: usize) -> Self {
        Self { all, of_one, taken: Arc::default() }
    }

    /// Takes a place for an address; `None` when there is none left for it.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<Place> {
        let whose = owner(address);
        let mut taken = self.taken.lock();
        let own = taken.of.get(&whose).copied().unwrap_or(0);
        if taken.all >= self.all || own >= self.of_one {
            return None;
        }
        taken.all += 1;
        taken.of.insert(whose, own + 1);
        Some(Place { places: self.clone(), whose })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.all = taken.all.saturating_sub(1);
        if let Some(own) = taken.of.get_mut(&self.whose) {
            *own -= 1;
            if *own == 0 {
                taken.of.remove(&self.whose);
            }
        }
    }
}

/// Who an address counts as: with IPv6 everybody has 2⁶⁴ addresses, so its network counts.
fn owner(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6((six.to_bits() & !u128::from(u64::MAX)).into()),
        four @ IpAddr::V4(_) => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_in_all_and_for_each_address_and_become_free() {
        let places = Places::new(3, 2);
        let (one, other): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let first = places.enter(one).unwrap();
        let _second = places.enter("::ffff:10.0.0.1".parse().unwrap()).unwrap();
        assert!(places.enter(one).is_none());
        let _third = places.enter(other).unwrap();
        assert!(places.enter(other).is_none());
        drop(first);
        let fourth = places.enter(one).unwrap();
        drop((fourth, _second, _third));
        assert_eq!((places.taken.lock().all, places.taken.lock().of.len()), (0, 0));
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let places = Places::new(9, 1);
        let _first = places.enter("2001:db8::1".parse().unwrap()).unwrap();
        assert!(places.enter("2001:db8::2".parse().unwrap()).is_none());
        assert!(places.enter("2001:db8:0:1::1".parse().unwrap()).is_some());
    }
}
