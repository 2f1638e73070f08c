//! What a node's own words tell of trouble on its host, with a margin between bad and good so that nobody is told again and
//! again.

use backstay_model::Time;
use backstay_model::link::SyncRequest;

/// Said of two processes with one identity, until one of them joins anew or is not heard of any more.
pub(super) const DOUBLED: &str = "two processes use this node's identity: its data folder was copied to another host, or is used \
                                  twice. Let one of them join anew.";
/// How all that is said of a clock begins.
const CLOCK: &str = "the clock of this node";
/// How all that is said of space begins.
const DISK: &str = "the disk with this node's data folder";

/// Seconds by which a clock may be off.
const OFF: u64 = 300;
/// Seconds by which it may be off to be right again.
const OFF_NO_MORE: u64 = 60;

/// Seconds after which of two processes with one identity one is gone.
const GONE: i64 = 15 * 60;

/// There is too little space below this share of the file system …
const LOW_PERCENT: u64 = 5;
/// … or below this many bytes.
const LOW_BYTES: u64 = 1 << 30;
/// There is enough again from both of these on.
const ENOUGH_PERCENT: u64 = 7;
const ENOUGH_BYTES: u64 = 3 << 29;

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// In words for people.
    Bad(String),
    /// Neither: what was said before stays.
    Between,
    /// It is well, or well again.
    Good,
}

/// All that is judged of a node that is listened to, each by how it begins when it is told. `doubled` is when two processes with
/// its identity may last have been there.
pub(super) fn judge(request: &SyncRequest, doubled: Time, now: Time) -> [(&'static str, Verdict); 3] {
    let host = &request.host;
    let one = if now.as_second() - doubled.as_second() > GONE { Verdict::Good } else { Verdict::Between };
    [(CLOCK, of_clock(request.now, now)), (DISK, of_disk(host.disk_free, host.disk_total)), (DOUBLED, one)]
}

/// Of a clock that is far off: schedules and logs then tell wrong times.
fn of_clock(told: Time, now: Time) -> Verdict {
    let off = told.as_second() - now.as_second();
    match off.unsigned_abs() {
        seconds if seconds > OFF => {
            let way = if off > 0 { "ahead of" } else { "behind" };
            Verdict::Bad(format!("{CLOCK} is {seconds} s {way} the server's; set it right, as with NTP"))
        }
        seconds if seconds <= OFF_NO_MORE => Verdict::Good,
        _ => Verdict::Between,
    }
}

/// Of space that runs out: a node without any can keep no journal and tell of no run.
fn of_disk(free: u64, total: u64) -> Verdict {
    let share = |percent: u64| total / 100 * percent;
    if total == 0 {
        // The host does not tell.
        Verdict::Between
    } else if free < LOW_BYTES.min(total / 2) || free < share(LOW_PERCENT) {
        let mib = |bytes: u64| bytes >> 20;
        Verdict::Bad(format!(
            "{DISK} has {} MiB left of {} MiB; free some space there, or move the folder",
            mib(free),
            mib(total)
        ))
    } else if free >= ENOUGH_BYTES.min(total / 2) && free >= share(ENOUGH_PERCENT) {
        Verdict::Good
    } else {
        Verdict::Between
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn space_is_low_by_share_or_by_bytes_and_enough_only_well_above() {
        let is_bad = |free, total| matches!(of_disk(free, total), Verdict::Bad(_));
        assert!(is_bad(4 * GIB, 100 * GIB));
        assert!(is_bad(GIB - 1, 10 * GIB));
        assert_eq!(of_disk(6 * GIB, 100 * GIB), Verdict::Between);
        assert_eq!(of_disk(GIB + 1, 10 * GIB), Verdict::Between);
        assert_eq!(of_disk(7 * GIB, 100 * GIB), Verdict::Good);
        assert_eq!(of_disk(2 * GIB, 10 * GIB), Verdict::Good);
        // A file system of less than that can still be well.
        assert_eq!(of_disk(GIB / 2, GIB), Verdict::Good);
        assert_eq!(of_disk(0, 0), Verdict::Between);
        assert!(is_bad(0, u64::MAX));
    }

    #[test]
    fn a_clock_is_wrong_from_five_minutes_and_right_within_one() {
        let at = |seconds: i64| Time::from_second(1_790_000_000 + seconds).unwrap();
        assert!(matches!(of_clock(at(301), at(0)), Verdict::Bad(text) if text.contains("301 s ahead")));
        assert!(matches!(of_clock(at(0), at(301)), Verdict::Bad(text) if text.contains("behind")));
        assert_eq!(of_clock(at(300), at(0)), Verdict::Between);
        assert_eq!(of_clock(at(-60), at(0)), Verdict::Good);
    }
}
