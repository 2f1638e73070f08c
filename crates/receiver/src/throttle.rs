//! Slows guessing down: after some failures from an address, each further one is answered only after a wait that doubles.
//!
//! Who shows what is right is let in whatever others at its address do: a token of 256 bits is not guessed.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::Timestamp;
use parking_lot::Mutex;

/// Failures that cost nothing.
const FREE: u32 = 20;
/// The longest wait in seconds.
const LONGEST: i64 = 300;
/// Seconds after which a failure is forgotten.
const MEMORY: i64 = 3600;
/// Addresses that are remembered at most.
const MOST: usize = 65_536;

/// The failures of late.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<IpAddr, (u32, i64)>>);

impl Throttle {
    /// Counts a failure; gives the seconds that this address has to wait, if it has to.
    pub(crate) fn failed(&self, address: IpAddr, now: Timestamp) -> Option<u64> {
        let (address, now) = (network(address), now.as_second());
        let mut seen = self.0.lock();
        if seen.len() >= MOST {
            seen.retain(|_, (_, last)| now - *last < MEMORY);
            if seen.len() >= MOST {
                seen.clear();
            }
        }
        let (failures, last) = seen.entry(address).or_insert((0, now));
        if now - *last >= MEMORY {
            *failures = 0;
        }
        let wait = match failures.checked_sub(FREE) {
            None => 0,
            Some(beyond) => 2_i64.checked_pow(beyond).unwrap_or(LONGEST).min(LONGEST),
        };
        let left = wait - now.saturating_sub(*last).max(0);
        if left > 0 {
            return u64::try_from(left).ok();
        }
        (*failures, *last) = (failures.saturating_add(1), now);
        None
    }
}

/// Who has one address of IPv6 has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6((six.to_bits() & !u128::from(u64::MAX)).into()),
        four @ IpAddr::V4(_) => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_beyond_the_free_ones_wait_twice_as_long_each() {
        let throttle = Throttle::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        let (bad, other): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        for _ in 0..FREE {
            assert_eq!(throttle.failed(bad, at(100)), None);
        }
        assert_eq!(throttle.failed(bad, at(100)), Some(1));
        assert_eq!(throttle.failed(bad, at(101)), None);
        assert_eq!(throttle.failed(bad, at(101)), Some(2));
        assert_eq!(throttle.failed(other, at(101)), None);
        assert_eq!(throttle.failed(bad, at(101 + MEMORY)), None);
        assert_eq!(throttle.failed(bad, at(101 + MEMORY)), None, "what is long ago is forgotten");
    }
}
