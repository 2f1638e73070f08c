//! What a plan says about the snapshots it keeps.
//!
//! Rules say what to keep, as [`Retention`] does. Limits say what goes all the same: what is older than an age, more
//! than a number, beyond a total size; the oldest go first. Three things stand above both: the newest snapshots
//! (`keep_at_least`), snapshots under a hold, and snapshots with a time in the future. The latter stay and are not
//! counted anywhere, so that forged times, or a clock that ran ahead, never push good snapshots out. A plan that says
//! nothing keeps everything.

use serde::{Deserialize, Serialize};

use crate::calendar::before;
use crate::{Counters, Keep, Kept, Moment, Retention, SnapshotFacts, Span, TagList, Verdict};

/// The rules and limits of a plan. What is left out does not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct PlanRetention {
    /// Keep the newest ones: a number or `unlimited`, as in the next fields.
    #[serde(skip_serializing_if = "Keep::is_off")]
    pub last: Keep,
    /// Keep the newest of each of the last hours that have any.
    #[serde(skip_serializing_if = "Keep::is_off")]
    pub hourly: Keep,
    /// Keep the newest of each day.
    #[serde(skip_serializing_if = "Keep::is_off")]
    pub daily: Keep,
    /// Keep the newest of each ISO week.
    #[serde(skip_serializing_if = "Keep::is_off")]
    pub weekly: Keep,
    /// Keep the newest of each month.
    #[serde(skip_serializing_if = "Keep::is_off")]
    pub monthly: Keep,
    /// Keep the newest of each year.
    #[serde(skip_serializing_if = "Keep::is_off")]
    pub yearly: Keep,
    /// Keep all made within this span before the newest, as `1y6m` (`y`, `m` for months, `d`, `h`).
    #[serde(skip_serializing_if = "Span::is_zero")]
    pub within: Span,
    /// Keep the newest of each hour within this.
    #[serde(skip_serializing_if = "Span::is_zero")]
    pub within_hourly: Span,
    /// Keep the newest of each day within this.
    #[serde(skip_serializing_if = "Span::is_zero")]
    pub within_daily: Span,
    /// Keep the newest of each ISO week within this.
    #[serde(skip_serializing_if = "Span::is_zero")]
    pub within_weekly: Span,
    /// Keep the newest of each month within this.
    #[serde(skip_serializing_if = "Span::is_zero")]
    pub within_monthly: Span,
    /// Keep the newest of each year within this.
    #[serde(skip_serializing_if = "Span::is_zero")]
    pub within_yearly: Span,
    /// Keep all that have all tags of one of these lists, each written `one,two`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<TagList>,
    /// What was made longer ago than this goes, whatever the rules say. Counted back from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Span>,
    /// No more than so many stay; snapshots under a hold are not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_count: Option<u64>,
    /// The oldest go until those that stay have no more bytes than this, snapshots under a hold included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_total_bytes: Option<u64>,
    /// So many of the newest always stay; 1 unless said, and never less.
    pub keep_at_least: u64,
}

impl Default for PlanRetention {
    fn default() -> Self {
        Self {
            last: Keep::None,
            hourly: Keep::None,
            daily: Keep::None,
            weekly: Keep::None,
            monthly: Keep::None,
            yearly: Keep::None,
            within: Span::default(),
            within_hourly: Span::default(),
            within_daily: Span::default(),
            within_weekly: Span::default(),
            within_monthly: Span::default(),
            within_yearly: Span::default(),
            tags: Vec::new(),
            max_age: None,
            max_count: None,
            max_total_bytes: None,
            keep_at_least: 1,
        }
    }
}

/// Why a retention cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanRetentionError {
    /// A span is below zero.
    #[error("a span of the retention is negative; write it as 1y6m, without a sign")]
    NegativeSpan,
    /// A limit of nothing would leave only the minimum.
    #[error("{0} is zero, which would remove all but the newest; leave it out for no limit")]
    ZeroLimit(&'static str),
    /// The minimum is below one.
    #[error("keep_at_least must be at least 1: the newest snapshot always stays")]
    NoMinimum,
    /// A list of tags without any tag.
    #[error("a list of tags is empty; name the tags to keep, or \"\" alone for snapshots without tags")]
    EmptyTags,
}

/// A snapshot with what limits need to know about it.
struct Item<Id> {
    id: Id,
    bytes: u64,
    is_held: bool,
    /// Its place from the newest to the oldest.
    place: usize,
}

impl PlanRetention {
    /// Whether it says nothing, so that everything stays.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.to_retention().is_empty() && !self.has_limits()
    }

    const fn has_limits(&self) -> bool {
        self.max_age.is_some() || self.max_count.is_some() || self.max_total_bytes.is_some()
    }

    /// Whether it can be followed.
    pub fn validate(&self) -> Result<(), PlanRetentionError> {
        let age = self.max_age.unwrap_or_default();
        if self.to_retention().has_negative_span() || age.is_negative() {
            Err(PlanRetentionError::NegativeSpan)
        } else if self.max_age.is_some_and(|age| age.is_zero()) {
            Err(PlanRetentionError::ZeroLimit("max_age"))
        } else if self.max_count == Some(0) {
            Err(PlanRetentionError::ZeroLimit("max_count"))
        } else if self.max_total_bytes == Some(0) {
            Err(PlanRetentionError::ZeroLimit("max_total_bytes"))
        } else if self.keep_at_least == 0 {
            Err(PlanRetentionError::NoMinimum)
        } else if self.tags.iter().any(|list| list.0.is_empty()) {
            Err(PlanRetentionError::EmptyTags)
        } else {
            Ok(())
        }
    }

    /// Its rules, without the limits and the minimum.
    #[must_use]
    pub fn to_retention(&self) -> Retention {
        Retention {
            last: self.last,
            hourly: self.hourly,
            daily: self.daily,
            weekly: self.weekly,
            monthly: self.monthly,
            yearly: self.yearly,
            within: self.within,
            within_hourly: self.within_hourly,
            within_daily: self.within_daily,
            within_weekly: self.within_weekly,
            within_monthly: self.within_monthly,
            within_yearly: self.within_yearly,
            tags: self.tags.clone(),
        }
    }

    /// Decides over the snapshots of one group, as [`Retention::apply`] does.
    ///
    /// `bytes` says what a snapshot takes, as far as known, and is asked only for a limit of size; `held` says which
    /// ones are under a hold. Snapshots later than `now` stay and push nothing out.
    pub fn apply<Id>(
        &self,
        mut snapshots: Vec<SnapshotFacts<Id>>,
        bytes: impl Fn(&SnapshotFacts<Id>) -> u64,
        held: impl Fn(&SnapshotFacts<Id>) -> bool,
        now: Moment,
    ) -> Verdict<Id> {
        snapshots.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.time.instant()));
        let (future, present): (Vec<_>, Vec<_>) =
            snapshots.into_iter().partition(|snapshot| snapshot.time.instant() > now.instant());
        let items = (present.into_iter().enumerate())
            .map(|(place, snapshot)| {
                let bytes = if self.max_total_bytes.is_some() { bytes(&snapshot) } else { 0 };
                let is_held = held(&snapshot);
                snapshot.map_id(|id| Item { id, bytes, is_held, place })
            })
            .collect();

        let mut all = self.by_rules(items, now);
        let minimum = usize::try_from(self.keep_at_least.max(1)).unwrap_or(usize::MAX);
        for (item, fate) in &mut all {
            if item.id.is_held {
                fate.matches.push("under a hold".to_owned());
                fate.is_bound = true;
            }
            if item.id.place < minimum {
                fate.matches.push(format!("one of the newest {minimum}"));
                fate.is_bound = true;
            }
            fate.is_kept |= fate.is_bound;
        }
        self.limit(&mut all, now);

        let ahead = future.into_iter().map(|snapshot| Kept {
            snapshot,
            matches: vec!["in the future".to_owned()],
            counters: Counters::default(),
        });
        let mut verdict = Verdict { keep: ahead.collect(), remove: Vec::new() };
        for (item, Fate { is_kept, matches, counters, .. }) in all {
            let snapshot = item.map_id(|item| item.id);
            match is_kept {
                true => verdict.keep.push(Kept { snapshot, matches, counters }),
                false => verdict.remove.push(snapshot),
            }
        }
        verdict
    }

    /// What the rules alone say, the newest first. Without any rule all stay.
    fn by_rules<Id>(&self, items: Vec<Listed<Id>>, now: Moment) -> Vec<(Listed<Id>, Fate)> {
        let rules = self.to_retention();
        let kept = |matches, counters| Fate { is_kept: true, is_bound: false, matches, counters };
        if rules.is_empty() {
            let why = if self.has_limits() { "within the limits" } else { "no rule is set" };
            let fate = || kept(vec![why.to_owned()], Counters::default());
            return items.into_iter().map(|item| (item, fate())).collect();
        }
        let verdict = rules.apply(items, now);
        let mut all: Vec<_> =
            verdict.keep.into_iter().map(|one| (one.snapshot, kept(one.matches, one.counters))).collect();
        all.extend(verdict.remove.into_iter().map(|snapshot| (snapshot, Fate::default())));
        all.sort_by_key(|(item, _)| item.id.place);
        all
    }

    /// Takes what lies beyond the limits, the oldest first, but nothing that is bound to stay.
    fn limit<Id>(&self, all: &mut [(Listed<Id>, Fate)], now: Moment) {
        if let Some(age) = self.max_age {
            let oldest = before(&now, age);
            for (item, fate) in all.iter_mut() {
                fate.is_kept &= fate.is_bound || item.time.instant() >= oldest;
            }
        }
        if let Some(most) = self.max_count {
            let mut left = most;
            for (_, fate) in all.iter_mut().filter(|(item, fate)| fate.is_kept && !item.id.is_held) {
                fate.is_kept = fate.is_bound || left > 0;
                left = left.saturating_sub(1);
            }
        }
        if let Some(most) = self.max_total_bytes.map(u128::from) {
            let kept = all.iter().filter(|(_, fate)| fate.is_kept);
            let mut total: u128 = kept.map(|(item, _)| u128::from(item.id.bytes)).sum();
            for (item, fate) in all.iter_mut().rev().filter(|(_, fate)| fate.is_kept && !fate.is_bound) {
                if total <= most {
                    break;
                }
                fate.is_kept = false;
                total -= u128::from(item.id.bytes);
            }
        }
    }
}

type Listed<Id> = SnapshotFacts<Item<Id>>;

/// What becomes of a snapshot.
#[derive(Default)]
struct Fate {
    is_kept: bool,
    /// Whether no limit may take it.
    is_bound: bool,
    matches: Vec<String>,
    counters: Counters,
}
