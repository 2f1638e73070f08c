//! When a place will be full.

use backstay_catalog::StorageDay;
use backstay_model::Time;

/// A disk that fills later than that, in days, is not told of.
const FAR: i64 = 5 * 365;

/// When a repository is full that grows on as it did from the first of these days to the last.
pub(super) fn full(told: &[&StorageDay], free: u64) -> Option<Time> {
    let known = || told.iter().filter_map(|told| Some((told.day, told.stored?)));
    let ((from, before), (to, after)) = (known().next()?, known().next_back()?);
    let grown = after.checked_sub(before).filter(|grown| *grown > 0)?;
    let hours =
        u128::from(to.duration_since(from).as_hours().unsigned_abs()).checked_mul(u128::from(free))?;
    let left = i64::try_from(hours.checked_div(u128::from(grown))?).ok()?;
    if left / 24 > FAR {
        return None;
    }
    to.checked_add(jiff::SignedDuration::from_hours(left)).ok()
}

#[cfg(test)]
mod tests {
    use backstay_model::RepositoryId;

    use super::*;

    fn told(day: i64, stored: Option<u64>) -> StorageDay {
        let day = Time::from_second(day * 86_400).unwrap();
        StorageDay { repository: RepositoryId(uuid::Uuid::nil()), day, stored, free: None }
    }

    fn days_until_full(told: &[StorageDay], free: u64) -> Option<i64> {
        let told: Vec<&StorageDay> = told.iter().collect();
        full(&told, free).map(|full| full.as_second() / 86_400)
    }

    #[test]
    fn a_disk_is_full_when_its_growth_meets_its_room() {
        let grows = [told(0, Some(100)), told(5, None), told(10, Some(200))];
        assert_eq!(days_until_full(&grows, 50), Some(15));
        assert_eq!(days_until_full(&grows, 0), Some(10));
        assert_eq!(days_until_full(&grows, u64::MAX), None);
        assert_eq!(days_until_full(&[told(0, Some(100)), told(9, Some(90))], 50), None);
        assert_eq!(days_until_full(&[told(0, Some(100)), told(9, Some(100))], 50), None);
        assert_eq!(days_until_full(&[told(3, Some(100))], 50), None);
        assert_eq!(days_until_full(&[], 50), None);
    }
}
