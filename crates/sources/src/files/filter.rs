//! Patterns that pick paths: for excludes of a backup and includes of a restore, with restic's meaning.
//!
//! - Components are matched one by one: `*` and `?` stop at a slash; `**` stands for any number of components.
//! - A pattern with a leading `/` starts at the root; any other fits wherever its components stand in a row.
//! - What matches, matches with everything below it: `/foo` matches `/foo/bar` too.
//! - `!` takes back what a pattern before it matched. The last word counts.

use std::borrow::Cow;

use super::path;
use super::wildcard::Wildcard;

/// Patterns that cannot be read, as they were given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid pattern(s) provided:\n{}", .0.join("\n"))]
pub struct InvalidPatterns(pub Vec<String>);

/// Whether upper and lower case differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Case {
    /// `A` is not `a`.
    #[default]
    Sensitive,
    /// `A` is `a`, in patterns and in paths.
    Insensitive,
}

/// What a [`List`] says about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdict {
    /// The path matches.
    pub matched: bool,
    /// Something below the path may match.
    pub child_may_match: bool,
}

#[derive(Debug, Clone)]
enum Part {
    /// The slash that a rooted pattern begins with.
    Root,
    /// `**`, and the nothing behind the slash of `/`.
    AnyDepth,
    /// Text without wildcards.
    Plain(Vec<u8>),
    Wild(Wildcard),
}

impl Part {
    fn matches(&self, component: &[u8]) -> bool {
        match self {
            Self::Root => component == b"/",
            Self::AnyDepth => component != b"/",
            Self::Plain(text) => component == text,
            Self::Wild(wildcard) => wildcard.matches(component),
        }
    }
}

#[derive(Debug, Clone)]
struct Pattern {
    parts: Vec<Part>,
    negated: bool,
}

/// Patterns in order.
#[derive(Debug, Clone, Default)]
pub struct List {
    patterns: Vec<Pattern>,
    case: Case,
    any_negated: bool,
}

impl List {
    /// Reads patterns; empty ones are passed over.
    ///
    /// # Errors
    /// All patterns that are malformed.
    pub fn parse<P: AsRef<[u8]>>(
        patterns: impl IntoIterator<Item = P>,
        case: Case,
    ) -> Result<Self, InvalidPatterns> {
        let mut invalid = Vec::new();
        let mut list = Self { case, ..Self::default() };
        for pattern in patterns {
            let raw = pattern.as_ref();
            if raw.is_empty() {
                continue;
            }
            match Pattern::parse(&fold(raw, case)) {
                Some(pattern) => {
                    list.any_negated |= pattern.negated;
                    list.patterns.push(pattern);
                }
                None => invalid.push(String::from_utf8_lossy(raw).into_owned()),
            }
        }
        if invalid.is_empty() { Ok(list) } else { Err(InvalidPatterns(invalid)) }
    }

    /// Whether there are no patterns.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Holds a path, cleaned and normally absolute, against the patterns.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> Verdict {
        self.judge(path, true)
    }

    /// Only whether the path matches; cheaper than [`List::matches`].
    #[must_use]
    pub fn is_match(&self, path: &[u8]) -> bool {
        self.judge(path, false).matched
    }

    fn judge(&self, path: &[u8], children: bool) -> Verdict {
        let mut verdict = Verdict::default();
        if self.patterns.is_empty() || path.is_empty() {
            return verdict;
        }
        let path = fold(path, self.case);
        let components = components(&path);
        for pattern in &self.patterns {
            let matched = pattern.matches(&components);
            if pattern.negated {
                verdict.matched &= !matched;
                verdict.child_may_match &= !matched;
            } else {
                verdict.matched |= matched;
                verdict.child_may_match |= !children || pattern.child_may_match(&components);
                if verdict.matched && verdict.child_may_match && !self.any_negated {
                    break;
                }
            }
        }
        verdict
    }
}

impl Pattern {
    fn parse(raw: &[u8]) -> Option<Self> {
        let (negated, body) = match raw.strip_prefix(b"!") {
            Some(body) => (true, body),
            None => (false, raw),
        };
        let cleaned = path::clean(body);
        let parts = components(&cleaned).into_iter().map(|component| {
            Some(match component {
                b"/" => Part::Root,
                b"" | b"**" => Part::AnyDepth,
                text if !text.iter().any(|byte| b"\\[]*?".contains(byte)) => Part::Plain(text.to_vec()),
                text => Part::Wild(Wildcard::new(text).ok()?),
            })
        });
        Some(Self { parts: parts.collect::<Option<_>>()?, negated })
    }

    fn is_rooted(&self) -> bool {
        matches!(self.parts.first(), Some(Part::Root))
    }

    fn matches(&self, components: &[&[u8]]) -> bool {
        if self.is_rooted() {
            return matches_from(&self.parts, components);
        }
        let skipped = usize::from(components.first() == Some(&&b"/"[..]));
        (skipped..components.len())
            .any(|start| matches_from(&self.parts, components.get(start..).unwrap_or_default()))
    }

    fn child_may_match(&self, components: &[&[u8]]) -> bool {
        if !self.is_rooted() {
            return true;
        }
        // Behind a `**` everything is possible; before it, all there is has to fit.
        self.parts
            .iter()
            .take_while(|part| !matches!(part, Part::AnyDepth))
            .zip(components)
            .all(|(part, component)| part.matches(component))
    }
}

/// Whether the parts fit the first components; more components may follow.
fn matches_from(parts: &[Part], components: &[&[u8]]) -> bool {
    let (mut part, mut component) = (0, 0);
    // Where to go on when nothing fits any more: behind the last `**`, with it grown by one component.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (parts.get(part), components.get(component)) {
            // A pattern of `**` alone still stands for something.
            (None, _) if component > 0 => return true,
            (Some(Part::AnyDepth), _) => {
                retry = Some((part + 1, component));
                part += 1;
                continue;
            }
            (Some(wanted), Some(found)) if wanted.matches(found) => {
                part += 1;
                component += 1;
                continue;
            }
            _ => {}
        }
        match retry {
            Some((behind, grown)) if grown < components.len() => {
                retry = Some((behind, grown + 1));
                part = behind;
                component = grown + 1;
            }
            _ => return false,
        }
    }
}

/// Splits at slashes; the root counts as a component of its own.
fn components(path: &[u8]) -> Vec<&[u8]> {
    let mut parts: Vec<&[u8]> = path.split(|&byte| byte == b'/').collect();
    if let Some(first @ &mut b"") = parts.first_mut() {
        *first = b"/";
    }
    parts
}

fn fold(text: &[u8], case: Case) -> Cow<'_, [u8]> {
    match case {
        Case::Sensitive => Cow::Borrowed(text),
        Case::Insensitive => Cow::Owned(String::from_utf8_lossy(text).to_lowercase().into_bytes()),
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
