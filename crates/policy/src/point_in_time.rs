//! Backups with the log that was shipped after them: which moments can be gone back to, and by what.
//!
//! A *base* is a backup of one moment. A *piece* is a stretch of the log of the same source, from one [`Mark`] to another. Pieces that follow
//! on a base without a gap bring it to any moment up to their end. The last entry of a piece is the first one of the next, so that a gap
//! shows. Both say what they are in a tag of their snapshot: a repository alone tells what can be restored.
//!
//! Moments are whole seconds: to go back to one means that all that was written until its end is there.

use std::fmt;
use std::str::FromStr;

/// A place in a log, by two numbers of which the first counts more: a time and a counter, or a file and an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(pub u64, pub u64);

/// A backup of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// The place in the log that it reaches to.
    pub at: Mark,
    /// The moment that it is of, in seconds since 1970.
    pub moment: i64,
}

/// A stretch of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Its first entry, which is the last one of what is before it.
    pub from: Mark,
    /// Its last entry.
    pub to: Mark,
    /// The last second that it, with what is before it, has all entries of.
    pub until: i64,
}

/// What a tag that says it of a base begins with.
pub const BASE: &str = "log-base:";
/// What a tag that says it of a piece begins with.
pub const PIECE: &str = "log-piece:";

/// Moments that can be gone back to, both ends included, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The first.
    pub from: i64,
    /// The last.
    pub until: i64,
}

/// A base with all pieces that follow on it without a gap, by their places in what was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The base.
    pub base: usize,
    /// The pieces, in their order.
    pub pieces: Vec<usize>,
    /// The place in the log that they reach to.
    pub to: Mark,
    /// The moments that they make; none, with an end before its begin, while no piece has all of the second that the base is of.
    pub moments: Stretch,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl FromStr for Mark {
    type Err = NoMark;

    fn from_str(text: &str) -> Result<Self, NoMark> {
        let (major, minor) = text.split_once('.').ok_or(NoMark)?;
        Ok(Self(major.parse().map_err(|_| NoMark)?, minor.parse().map_err(|_| NoMark)?))
    }
}

/// A text that is no mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in a log")]
pub struct NoMark;

impl Base {
    /// The tag of its snapshot.
    #[must_use]
    pub fn tag(&self) -> String {
        format!("{BASE}{}:{}", self.at, self.moment)
    }

    /// What the tags of a snapshot say, if it is a base.
    #[must_use]
    pub fn of(tags: &[String]) -> Option<Self> {
        let (at, moment) = tags.iter().find_map(|tag| tag.strip_prefix(BASE))?.split_once(':')?;
        Some(Self { at: at.parse().ok()?, moment: moment.parse().ok()? })
    }
}

impl Piece {
    /// The tag of its snapshot.
    #[must_use]
    pub fn tag(&self) -> String {
        format!("{PIECE}{}:{}:{}", self.from, self.to, self.until)
    }

    /// What the tags of a snapshot say, if it is a piece.
    #[must_use]
    pub fn of(tags: &[String]) -> Option<Self> {
        let mut parts = tags.iter().find_map(|tag| tag.strip_prefix(PIECE))?.split(':');
        let mut mark = || parts.next()?.parse().ok();
        let (from, to) = (mark()?, mark()?);
        Some(Self { from, to, until: parts.next()?.parse().ok()? })
    }
}

/// Whether these are the tags of a piece, which is no backup. A piece whose tag cannot be read is one all the same.
#[must_use]
pub fn is_piece(tags: &[String]) -> bool {
    tags.iter().any(|tag| tag.starts_with(PIECE))
}

/// For each base what follows on it, in the order of the bases.
#[must_use]
pub fn chains(bases: &[Base], pieces: &[Piece]) -> Vec<Chain> {
    let mut order: Vec<(usize, &Piece)> = pieces.iter().enumerate().collect();
    order.sort_by_key(|(_, piece)| (piece.from, piece.to, piece.until));
    let chain = |(number, base): (usize, &Base)| {
        // What was written later in its second is in the pieces.
        let moments = Stretch { from: base.moment, until: base.moment.saturating_sub(1) };
        let mut chain = Chain { base: number, pieces: Vec::new(), to: base.at, moments };
        for (number, piece) in &order {
            let adds = piece.to > chain.to || (piece.to == chain.to && piece.until > chain.moments.until);
            if piece.from <= chain.to && adds {
                chain.pieces.push(*number);
                chain.to = piece.to;
                chain.moments.until = chain.moments.until.max(piece.until);
            }
        }
        chain
    };
    bases.iter().enumerate().map(chain).collect()
}

/// All moments that can be gone back to, the oldest first; more than one stretch where the log has gaps. A base that nothing follows on
/// makes none.
#[must_use]
pub fn stretches(chains: &[Chain]) -> Vec<Stretch> {
    let mut made: Vec<Stretch> =
        chains.iter().map(|chain| chain.moments).filter(|moments| moments.from <= moments.until).collect();
    made.sort_by_key(|stretch| (stretch.from, stretch.until));
    let mut merged: Vec<Stretch> = Vec::new();
    for stretch in made {
        match merged.last_mut() {
            Some(last) if stretch.from <= last.until => last.until = last.until.max(stretch.until),
            _ => merged.push(stretch),
        }
    }
    merged
}

/// The bases that have to stay for one to go back to any moment since then, by their places in what was given: the newest one before it, or
/// the first where there is none, and after each gap the one that the log goes on from. Both are in the order of time, the chains as
/// [`chains`] makes them.
#[must_use]
pub fn needed_bases(bases: &[Base], chains: &[Chain], since: i64) -> Vec<usize> {
    let first = bases.iter().rposition(|base| base.moment <= since).unwrap_or(0);
    let mut needed = Vec::new();
    let mut reach: Option<Mark> = None;
    for (number, (base, chain)) in bases.iter().zip(chains).enumerate().skip(first) {
        // What comes next follows on the last one.
        let leads_on = !chain.pieces.is_empty() || number + 1 == bases.len();
        if reach.is_none_or(|reach| base.at > reach && leads_on) {
            needed.push(number);
            reach = reach.max(Some(chain.to));
        }
    }
    needed
}

/// The way back to a moment: from the newest base that is not after it and whose pieces reach to it.
#[must_use]
pub fn way_to(chains: &[Chain], moment: i64) -> Option<&Chain> {
    let reaches = |chain: &&Chain| (chain.moments.from..=chain.moments.until).contains(&moment);
    let newest = |chain: &&Chain| (chain.moments.from, std::cmp::Reverse(chain.base));
    chains.iter().filter(reaches).max_by_key(newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn base(at: u64) -> Base {
        Base { at: Mark(at, 1), moment: at as i64 }
    }

    const fn piece(from: u64, to: u64) -> Piece {
        Piece { from: Mark(from, 1), to: Mark(to, 1), until: to as i64 }
    }

    const fn stretch(from: i64, until: i64) -> Stretch {
        Stretch { from, until }
    }

    #[test]
    fn tags_say_what_they_were_made_of() {
        let (base, piece) = (base(17), Piece { until: 29, ..piece(17, 30) });
        let tags = ["daily".to_owned(), base.tag()];
        assert_eq!((Base::of(&tags), Piece::of(&tags)), (Some(base), None));
        assert_eq!(Piece::of(&[piece.tag()]), Some(piece));
        for damaged in ["log-piece:1.1:2.1", "log-piece:1:2:3", "log-piece:a.b:2.1:3", "log-base:1.1"] {
            assert_eq!((Piece::of(&[damaged.into()]), Base::of(&[damaged.into()])), (None, None));
        }
    }

    #[test]
    fn pieces_follow_on_a_base_until_one_is_missing() {
        let bases = [base(10), base(35)];
        let pieces = [piece(30, 40), piece(10, 20), piece(20, 30), piece(50, 60)];
        let found = chains(&bases, &pieces);
        assert_eq!(
            (&*found[0].pieces, found[0].to, found[0].moments),
            (&[1, 2, 0][..], Mark(40, 1), stretch(10, 40))
        );
        assert_eq!((&*found[1].pieces, found[1].moments), (&[0][..], stretch(35, 40)));
        assert_eq!(stretches(&found), [stretch(10, 40)]);
    }

    #[test]
    fn a_gap_parts_the_moments() {
        let bases = [base(10), base(45), base(90)];
        let found = chains(&bases, &[piece(10, 30), piece(45, 60)]);
        assert_eq!(stretches(&found), [stretch(10, 30), stretch(45, 60)]);
        let way = |moment| way_to(&found, moment).map(|chain| chain.base);
        assert_eq!(
            [9, 10, 30, 31, 44, 45, 60, 61].map(way),
            [None, Some(0), Some(0), None, None, Some(1), Some(1), None]
        );
        // Nothing follows on the last one: it is a backup like any other.
        assert_eq!(way(90), None);
    }

    #[test]
    fn a_piece_without_anything_new_says_until_when_nothing_was_written() {
        let quiet = Piece { until: 50, ..piece(20, 20) };
        let found = chains(&[base(10)], &[piece(10, 20), quiet]);
        assert_eq!((found[0].to, found[0].moments), (Mark(20, 1), stretch(10, 50)));
    }

    #[test]
    fn the_second_of_a_base_can_be_gone_back_to_once_a_piece_has_all_of_it() {
        let part = Piece { from: Mark(10, 1), to: Mark(30, 5), until: 29 };
        let bases = [base(10), base(30)];
        let found = chains(&bases, &[part]);
        assert_eq!((&*found[1].pieces, found[1].to), (&[0][..], Mark(30, 5)));
        assert_eq!(stretches(&found), [stretch(10, 29)]);
        assert!(way_to(&found, 30).is_none());
        let quiet = Piece { from: part.to, to: part.to, until: 30 };
        let found = chains(&bases, &[part, quiet]);
        assert_eq!(stretches(&found), [stretch(10, 30)]);
        assert_eq!(way_to(&found, 30).map(|chain| chain.base), Some(1));
        // Nothing was written after the base in its second.
        let found = chains(&[base(10)], &[Piece { until: 10, ..piece(10, 10) }]);
        assert_eq!(stretches(&found), [stretch(10, 10)]);
    }

    #[test]
    fn after_a_gap_the_base_that_the_log_goes_on_from_is_needed() {
        let bases = [base(10), base(20), base(45), base(50), base(70), base(80), base(90)];
        let found = chains(&bases, &[piece(10, 30), piece(45, 60), piece(80, 85)]);
        let needed = |since| needed_bases(&bases, &found, since);
        // The one at 70 leads to nothing; what is written next follows on the last one.
        assert_eq!(needed(5), [0, 2, 5, 6]);
        assert_eq!(needed(25), [1, 2, 5, 6]);
        assert_eq!(needed(52), [3, 5, 6]);
        assert_eq!(needed(95), [6]);
        assert!(needed_bases(&[], &[], 5).is_empty());
    }

    #[test]
    fn the_newest_base_is_gone_back_from() {
        let found = chains(&[base(10), base(20), base(30)], &[piece(10, 25), piece(25, 40)]);
        assert_eq!(way_to(&found, 29).map(|chain| chain.base), Some(1));
        assert_eq!(way_to(&found, 30).map(|chain| chain.base), Some(2));
    }
}
