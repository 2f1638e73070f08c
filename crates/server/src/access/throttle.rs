//! Slows guessing down.
//!
//! Each attempt counts as a failure before it is looked at, so that many at once gain nothing; success takes the account's
//! count back, and never the address's, which one valid account must not be able to clear. After a number of free attempts
//! each further one has to wait twice as long as the one before. The store keeps the counts, so a restart helps nobody.

use std::net::IpAddr;
use std::time::Duration;

use backstay_catalog::ServerStore;
use backstay_model::Time;
use tokio::sync::Mutex;

use crate::problem::Problem;

const MEMORY: Duration = Duration::from_secs(24 * 3600);

/// How attempts of one kind of subject are slowed down.
#[derive(Debug, Clone, Copy)]
struct Pace {
    free: i64,
    longest: u64,
}

const ACCOUNT: Pace = Pace { free: 5, longest: 300 };
const ADDRESS: Pace = Pace { free: 30, longest: 3600 };

/// Counts attempts, one at a time.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<()>);

impl Throttle {
    /// Counts an attempt on an account from an address. `what` keeps kinds of attempts apart.
    ///
    /// # Errors
    /// 429 when there were too many of late.
    pub async fn attempt(
        &self,
        store: &ServerStore,
        what: &str,
        account: &str,
        address: IpAddr,
        now: Time,
    ) -> Result<(), Problem> {
        let subjects = [(account_of(what, account), ACCOUNT), (address_of(what, address), ADDRESS)];
        // Between looking and counting nobody else may count.
        let _one = self.0.lock().await;
        for (subject, pace) in &subjects {
            if let Some(seen) = store.failures(subject).await?
                && let Some(wait) = pace.wait(seen.failures, seconds_between(seen.last, now))
            {
                return Err(Problem::too_many(wait));
            }
        }
        for (subject, _) in &subjects {
            store.count_failure(subject, now, MEMORY).await?;
        }
        Ok(())
    }

    /// Takes the account's count back: the attempt went well.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn succeeded(&self, store: &ServerStore, what: &str, account: &str) -> Result<(), Problem> {
        Ok(store.clear_failures(&account_of(what, account)).await?)
    }

    /// Takes the address's count back too. It is for what succeeds once and never again, so that nobody can clear their own
    /// failures by repeating a success.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn used_up(
        &self,
        store: &ServerStore,
        what: &str,
        account: &str,
        address: IpAddr,
    ) -> Result<(), Problem> {
        self.succeeded(store, what, account).await?;
        Ok(store.clear_failures(&address_of(what, address)).await?)
    }
}

impl Pace {
    /// The seconds that are still to wait after this many failures, the last of them this many seconds ago.
    fn wait(self, failures: i64, ago: i64) -> Option<u64> {
        if ago >= 24 * 3600 {
            return None;
        }
        let beyond = failures.checked_sub(self.free).filter(|beyond| *beyond >= 0)?;
        let delay = u32::try_from(beyond).ok().and_then(|beyond| 2_u64.checked_pow(beyond));
        let delay = delay.unwrap_or(u64::MAX).min(self.longest);
        // A clock that was set back must not lock anybody out for longer than the delay itself.
        let ago = u64::try_from(ago).unwrap_or(0);
        delay.checked_sub(ago).filter(|left| *left > 0)
    }
}

/// An account's name may be anything; what is stored is its hash.
fn account_of(what: &str, account: &str) -> String {
    format!("{what}:account:{}", crate::text::hash_of(&account.trim().to_lowercase()))
}

/// Who has one address of IPv6 has 2^64 of them.
fn address_of(what: &str, address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("{what}:address:{address}"),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{what}:address:{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

fn seconds_between(earlier: Time, later: Time) -> i64 {
    later.as_second() - earlier.as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attempt_beyond_the_free_ones_waits_twice_as_long() {
        let waits: Vec<_> = (0..16).map(|failures| ACCOUNT.wait(failures, 0)).collect();
        assert_eq!(waits[..5], [None; 5]);
        assert_eq!(waits[5..9], [Some(1), Some(2), Some(4), Some(8)]);
        assert_eq!(waits[15], Some(300));
        assert_eq!(ACCOUNT.wait(i64::MAX, 0), Some(300));
        assert_eq!(ACCOUNT.wait(70, 299), Some(1));
        assert_eq!(ACCOUNT.wait(70, 300), None);
        assert_eq!(ACCOUNT.wait(8, -1000), Some(8));
    }

    #[test]
    fn addresses_of_one_network_count_as_one() {
        let of = |text: &str| address_of("x", text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::5"), of("2001:db8:1:2:9::1"));
        assert_ne!(of("2001:db8:1:2::5"), of("2001:db8:1:3::5"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
