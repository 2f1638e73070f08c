//! Which snapshots of a group stay, and why.
//!
//! The snapshots are looked at from the newest to the oldest. A counting rule (`keep-daily 7`) keeps the newest
//! snapshot of each period until its count is used up; a rule with a span does so for everything newer than the span,
//! measured back from the newest snapshot that does not lie in the future. While a rule still has
//! something left when the oldest snapshot comes, it keeps that one too, so that the history is as long as can be.

use std::fmt;

use crate::calendar::{Period, before};
use crate::{Moment, SnapshotFacts, Span, TagList};

/// How many a counting rule keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Keep {
    /// The rule is off.
    #[default]
    None,
    /// So many.
    Count(u64),
    /// All.
    Unlimited,
}

impl Keep {
    /// From a number; zero switches the rule off.
    #[must_use]
    pub const fn count(count: u64) -> Self {
        if count == 0 { Self::None } else { Self::Count(count) }
    }

    const fn is_on(self) -> bool {
        !matches!(self, Self::None)
    }

    /// For `serde`, which leaves rules out that are off.
    pub(crate) const fn is_off(&self) -> bool {
        !self.is_on()
    }

    const fn used_once(self) -> Self {
        match self {
            Self::Count(count) => Self::count(count.saturating_sub(1)),
            other => other,
        }
    }
}

/// A text that says not how many to keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeepError {
    /// Below zero.
    #[error("negative values not allowed, use 'unlimited' instead")]
    Negative,
    /// Not a number.
    #[error("{0:?} is no number; use a number or 'unlimited'")]
    NoNumber(String),
}

impl std::str::FromStr for Keep {
    type Err = KeepError;

    fn from_str(text: &str) -> Result<Self, KeepError> {
        if text == "unlimited" {
            return Ok(Self::Unlimited);
        }
        match text.parse::<i64>() {
            Ok(count) => u64::try_from(count).map(Self::count).map_err(|_| KeepError::Negative),
            Err(_) => Err(KeepError::NoNumber(text.to_owned())),
        }
    }
}

/// A number, or the text `unlimited`; zero when off.
impl serde::Serialize for Keep {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_u64(0),
            Self::Count(count) => serializer.serialize_u64(*count),
            Self::Unlimited => serializer.serialize_str("unlimited"),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Keep {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text_form::read(deserializer, "a number or \"unlimited\"")
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Keep {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
        OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)))
            .item(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["unlimited"])))
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Keep {}

/// The rules for a group of snapshots. A snapshot stays if any of them keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retention {
    /// The newest ones.
    pub last: Keep,
    /// The newest of each of the last hours that have any.
    pub hourly: Keep,
    /// The newest of each day.
    pub daily: Keep,
    /// The newest of each ISO week.
    pub weekly: Keep,
    /// The newest of each month.
    pub monthly: Keep,
    /// The newest of each year.
    pub yearly: Keep,
    /// All that are newer than this.
    pub within: Span,
    /// The newest of each hour within this.
    pub within_hourly: Span,
    /// The newest of each day within this.
    pub within_daily: Span,
    /// The newest of each ISO week within this.
    pub within_weekly: Span,
    /// The newest of each month within this.
    pub within_monthly: Span,
    /// The newest of each year within this.
    pub within_yearly: Span,
    /// All that have all tags of one of these lists.
    pub tags: Vec<TagList>,
}

/// What was left of each counting rule after a snapshot was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Of [`Retention::last`].
    pub last: Keep,
    /// Of [`Retention::hourly`].
    pub hourly: Keep,
    /// Of [`Retention::daily`].
    pub daily: Keep,
    /// Of [`Retention::weekly`].
    pub weekly: Keep,
    /// Of [`Retention::monthly`].
    pub monthly: Keep,
    /// Of [`Retention::yearly`].
    pub yearly: Keep,
}

/// A snapshot that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept<Id> {
    /// The snapshot.
    pub snapshot: SnapshotFacts<Id>,
    /// The rules that keep it, as `daily snapshot`.
    pub matches: Vec<String>,
    /// What was left of the counting rules after it.
    pub counters: Counters,
}

/// What becomes of the snapshots of a group, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict<Id> {
    /// Those that stay.
    pub keep: Vec<Kept<Id>>,
    /// Those that go.
    pub remove: Vec<SnapshotFacts<Id>>,
}

/// A rule at work: what is left of it and the period it last kept something in.
struct Rule<Limit> {
    limit: Limit,
    period: Period,
    reason: &'static str,
    last: Option<i64>,
}

impl<Limit> Rule<Limit> {
    const fn new(limit: Limit, period: Period, reason: &'static str) -> Self {
        Self { limit, period, reason, last: None }
    }

    /// The reason to keep this snapshot, if it is the first of its period or the oldest of all.
    fn take(&mut self, time: &Moment, index: usize, is_oldest: bool) -> Option<String> {
        let number = Some(self.period.number(time, index));
        let is_first = number != self.last;
        self.last = number;
        match (is_first, is_oldest) {
            (true, _) => Some(self.reason.to_owned()),
            (false, true) => Some(format!("oldest {}", self.reason)),
            (false, false) => None,
        }
    }
}

impl Retention {
    /// Whether no rule is on, so that nothing would be kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a span is negative, which no rule takes.
    #[must_use]
    pub fn has_negative_span(&self) -> bool {
        self.within.is_negative() || self.span_rules().iter().any(|rule| rule.limit.is_negative())
    }

    /// Decides over the snapshots of one group. `now` tells which of them lie in the future.
    #[must_use]
    pub fn apply<Id>(&self, mut snapshots: Vec<SnapshotFacts<Id>>, now: Moment) -> Verdict<Id> {
        snapshots.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.time.instant()));
        let mut verdict = Verdict { keep: Vec::new(), remove: Vec::new() };
        let newest = snapshots.iter().map(|s| s.time).find(|time| time.instant() < now.instant());
        // When all lie in the future every span reaches them.
        let limit = |span| newest.map_or((i64::MIN, 0), |newest| before(&newest, span));
        let mut counting = self.counting_rules();
        let mut spanning = self.span_rules();
        let oldest = snapshots.len().saturating_sub(1);

        for (index, snapshot) in snapshots.into_iter().enumerate() {
            let mut matches: Vec<String> = (self.tags.iter())
                .filter(|list| list.all_in(&snapshot.tags))
                .map(|list| format!("has tags {list}"))
                .collect();
            if !self.within.is_zero() && snapshot.time.instant() > limit(self.within) {
                matches.push(format!("within {}", self.within));
            }
            for rule in counting.iter_mut().filter(|rule| rule.limit.is_on()) {
                if let Some(reason) = rule.take(&snapshot.time, index, index == oldest) {
                    rule.limit = rule.limit.used_once();
                    matches.push(reason);
                }
            }
            for rule in spanning.iter_mut().filter(|rule| !rule.limit.is_zero()) {
                if snapshot.time.instant() > limit(rule.limit)
                    && let Some(reason) = rule.take(&snapshot.time, index, index == oldest)
                {
                    matches.push(format!("{reason} {}", rule.limit));
                }
            }
            if matches.is_empty() {
                verdict.remove.push(snapshot);
            } else {
                let [last, hourly, daily, weekly, monthly, yearly] =
                    counting.each_ref().map(|rule| rule.limit);
                let counters = Counters { last, hourly, daily, weekly, monthly, yearly };
                verdict.keep.push(Kept { snapshot, matches, counters });
            }
        }
        verdict
    }

    const fn counting_rules(&self) -> [Rule<Keep>; 6] {
        [
            Rule::new(self.last, Period::Each, "last snapshot"),
            Rule::new(self.hourly, Period::Hour, "hourly snapshot"),
            Rule::new(self.daily, Period::Day, "daily snapshot"),
            Rule::new(self.weekly, Period::Week, "weekly snapshot"),
            Rule::new(self.monthly, Period::Month, "monthly snapshot"),
            Rule::new(self.yearly, Period::Year, "yearly snapshot"),
        ]
    }

    const fn span_rules(&self) -> [Rule<Span>; 5] {
        [
            Rule::new(self.within_hourly, Period::Hour, "hourly within"),
            Rule::new(self.within_daily, Period::Day, "daily within"),
            Rule::new(self.within_weekly, Period::Week, "weekly within"),
            Rule::new(self.within_monthly, Period::Month, "monthly within"),
            Rule::new(self.within_yearly, Period::Year, "yearly within"),
        ]
    }
}

/// The rules in a sentence, as `keep 7 daily snapshots and all snapshots within 2d of the newest`.
impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> = [
            (self.last, "latest"),
            (self.hourly, "hourly"),
            (self.daily, "daily"),
            (self.weekly, "weekly"),
            (self.monthly, "monthly"),
            (self.yearly, "yearly"),
        ]
        .into_iter()
        .filter_map(|(keep, name)| match keep {
            Keep::None => None,
            Keep::Count(count) => Some(format!("{count} {name}")),
            Keep::Unlimited => Some(format!("all {name}")),
        })
        .collect();
        let spans: Vec<String> = [
            (self.within_hourly, "hourly"),
            (self.within_daily, "daily"),
            (self.within_weekly, "weekly"),
            (self.within_monthly, "monthly"),
            (self.within_yearly, "yearly"),
        ]
        .into_iter()
        .filter(|(span, _)| !span.is_zero())
        .map(|(span, name)| format!("{name} snapshots within {span}"))
        .collect();

        let mut parts = Vec::new();
        if !counts.is_empty() {
            parts.push(format!("{} snapshots", counts.join(", ")));
        }
        parts.extend(spans);
        let mut clauses = Vec::new();
        if !parts.is_empty() {
            clauses.push(parts.join(", "));
        }
        if !self.tags.is_empty() {
            let lists: Vec<String> = self.tags.iter().map(ToString::to_string).collect();
            clauses.push(format!("all snapshots with tags [{}]", lists.join(" ")));
        }
        if !self.within.is_zero() {
            clauses.push(format!("all snapshots within {} of the newest", self.within));
        }
        match clauses.is_empty() {
            true => f.write_str("remove"),
            false => write!(f, "keep {}", clauses.join(" and ")),
        }
    }
}
