//! A schedule made ready: when runs are due, with windows and jitter.
//!
//! Three steps lead from what is written to when a run starts. *Slots* are the instants the schedule names. A slot
//! outside of the windows moves to the next opening; slots that meet there are one. What results are *marks*.
//! A run is *due* a little after its mark, by the jitter. The jitter ends before the next mark and before the
//! window closes. So marks and dues are in one order, each due belongs to one mark, and
//! all lie in a window.
//!
//! All of it rests on one question, "which mark comes first after this second?". Going back is done by halving,
//! so that a year of missed seconds costs a few dozen questions.

use std::cell::RefCell;
use std::rc::Rc;

use jiff::tz::TimeZone;

use super::slots::Slots;
use super::window::{Openings, Window};
use crate::spread::spread;

/// A schedule that was found valid, with its zone and its slots at hand. All times are seconds since 1970.
#[derive(Debug)]
pub(super) struct Timetable<'a> {
    pub(super) slots: Slots,
    pub(super) zone: TimeZone,
    pub(super) windows: &'a [Window],
    /// The longest jitter in seconds.
    pub(super) jitter: i64,
    pub(super) seed: u64,
    /// The windows that were looked at last, and around which second they lie.
    pub(super) seen: RefCell<Option<(i64, Rc<Openings>)>>,
}

/// How far from their centre windows may be looked up, in seconds: two weeks lie beyond on both sides.
const REUSE: u64 = 6 * 86_400;

/// A mark and when the run that belongs to it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) mark: i64,
    pub(super) due: i64,
}

impl Timetable<'_> {
    fn openings(&self, second: i64) -> Option<Rc<Openings>> {
        let mut seen = self.seen.borrow_mut();
        match &*seen {
            Some((centre, openings)) if centre.abs_diff(second) <= REUSE => Some(Rc::clone(openings)),
            _ => {
                let openings = Rc::new(Openings::around(self.windows, &self.zone, second)?);
                *seen = Some((second, Rc::clone(&openings)));
                Some(openings)
            }
        }
    }

    /// Whether runs may start at a second, or when they next may.
    pub(super) fn next_open(&self, second: i64) -> Option<i64> {
        if self.windows.is_empty() {
            return Some(second);
        }
        self.openings(second)?.at_or_after(second).map(|(opens, _)| opens.max(second))
    }

    /// The first mark after a second.
    pub(super) fn mark_after(&self, second: i64) -> Option<i64> {
        if self.windows.is_empty() {
            return self.slots.after(&self.zone, second);
        }
        // While it is closed, slots since the closing are still to come.
        let closed = self.openings(second)?.closed_since(second);
        let slot = self.slots.after(&self.zone, closed.map_or(second, |closed| closed - 1))?;
        self.next_open(slot)
    }

    /// The last mark not after a second, given one that is not.
    fn last_mark(&self, mark: i64, second: i64) -> i64 {
        // No mark lies behind `high` up to `second`; `low` is one.
        let (mut low, mut high) = (mark, second);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.mark_after(middle) {
                Some(later) if later <= second => low = later,
                _ => high = middle,
            }
        }
        low
    }

    fn run_at(&self, mark: i64) -> Run {
        if self.jitter == 0 {
            return Run { mark, due: mark };
        }
        let mut room = self.jitter;
        if let Some(next) = self.mark_after(mark) {
            room = room.min(next - mark - 1);
        }
        if !self.windows.is_empty()
            && let Some((_, closes)) = self.openings(mark).and_then(|openings| openings.at_or_after(mark))
        {
            room = room.min(closes - mark - 1);
        }
        let late = spread(self.seed, mark.cast_unsigned(), u64::try_from(room).unwrap_or(0));
        Run { mark, due: mark.saturating_add_unsigned(late) }
    }

    /// The first run that is due after a second.
    pub(super) fn run_after(&self, second: i64) -> Option<Run> {
        // The last mark up to now may be due yet, by its jitter.
        let first = self.mark_after(second.checked_sub(self.jitter)?.checked_sub(1)?)?;
        if first <= second {
            let run = self.run_at(self.last_mark(first, second));
            if run.due > second {
                return Some(run);
            }
        }
        self.mark_after(second).map(|mark| self.run_at(mark))
    }

    /// The last run that is due not after a second, given one that is not.
    pub(super) fn last_run(&self, run: Run, second: i64) -> Run {
        let last = self.run_at(self.last_mark(run.mark, second));
        if last.due <= second { last } else { self.run_at(self.last_mark(run.mark, last.mark - 1)) }
    }

    /// How many runs there are from one up to another, without the latter; no more than `most` are counted.
    pub(super) fn count(&self, from: Run, to: Run, most: u64) -> u64 {
        let marks = std::iter::successors(Some(from.mark), |mark| self.mark_after(*mark));
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        marks.take_while(|mark| *mark < to.mark).take(most).count().try_into().unwrap_or(u64::MAX)
    }
}
