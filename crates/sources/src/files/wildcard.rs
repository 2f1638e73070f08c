//! One component of a pattern: `*`, `?`, `[a-z]`, `[^a-z]` and `\` as Go's `filepath.Match` reads them.
//!
//! A pattern is taken apart once into the runs between its stars; matching then finds each run at the
//! first place where it fits.

/// The pattern is malformed: an open bracket, an empty class or range, or a backslash at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Byte(u8),
    AnyChar,
    Class { negated: bool, ranges: Vec<(u32, u32)> },
}

/// A compiled component pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wildcard {
    /// Runs of tokens; the flag says that a star stands before the run.
    runs: Vec<(bool, Vec<Token>)>,
}

impl Wildcard {
    /// Takes a pattern apart.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn new(pattern: &[u8]) -> Result<Self, Malformed> {
        let mut runs = Vec::new();
        let mut star = false;
        let mut run = Vec::new();
        let mut rest = pattern;
        while let Some((&first, tail)) = rest.split_first() {
            rest = tail;
            match first {
                b'*' => {
                    if star || !run.is_empty() {
                        // Stars in a row are one star.
                        if !run.is_empty() {
                            runs.push((star, std::mem::take(&mut run)));
                        }
                    }
                    star = true;
                }
                b'?' => run.push(Token::AnyChar),
                b'[' => {
                    let (class, after) = parse_class(rest)?;
                    run.push(class);
                    rest = after;
                }
                b'\\' => {
                    let (&literal, after) = rest.split_first().ok_or(Malformed)?;
                    run.push(Token::Byte(literal));
                    rest = after;
                }
                byte => run.push(Token::Byte(byte)),
            }
        }
        if star || !run.is_empty() {
            runs.push((star, run));
        }
        Ok(Self { runs })
    }

    /// Whether the whole name fits.
    #[must_use]
    pub fn matches(&self, mut name: &[u8]) -> bool {
        for (at, (star, run)) in self.runs.iter().enumerate() {
            let last = at + 1 == self.runs.len();
            if *star && run.is_empty() {
                return !name.contains(&b'/');
            }
            let fits = |text: &[u8]| match_run(run, text).filter(|left| !last || *left == 0);
            let mut start = 0;
            loop {
                let text = name.get(start..).unwrap_or_default();
                if let Some(left) = fits(text) {
                    name = name.get(name.len() - left..).unwrap_or_default();
                    break;
                }
                // A star steps over one byte at a time, but over no slash.
                match name.get(start) {
                    Some(&byte) if *star && byte != b'/' => start += 1,
                    _ => return false,
                }
            }
        }
        name.is_empty()
    }
}

/// Fits a run at the start of the text; gives how many bytes are left behind it.
fn match_run(run: &[Token], text: &[u8]) -> Option<usize> {
    let mut rest = text;
    for token in run {
        let (&first, tail) = rest.split_first()?;
        rest = match token {
            Token::Byte(byte) if *byte == first => tail,
            Token::Byte(_) => return None,
            Token::AnyChar if first == b'/' => return None,
            Token::AnyChar => decode(rest).1,
            Token::Class { negated, ranges } => {
                let (char, after) = decode(rest);
                if ranges.iter().any(|(low, high)| (*low..=*high).contains(&char)) == *negated {
                    return None;
                }
                after
            }
        };
    }
    Some(rest.len())
}

/// Reads the class behind a `[`.
fn parse_class(mut rest: &[u8]) -> Result<(Token, &[u8]), Malformed> {
    let negated = rest.first() == Some(&b'^');
    if negated {
        rest = rest.get(1..).unwrap_or_default();
    }
    let mut ranges = Vec::new();
    loop {
        if rest.first() == Some(&b']') && !ranges.is_empty() {
            return Ok((Token::Class { negated, ranges }, rest.get(1..).unwrap_or_default()));
        }
        let (low, after) = parse_bound(rest)?;
        rest = after;
        let mut high = low;
        if rest.first() == Some(&b'-') {
            (high, rest) = parse_bound(rest.get(1..).unwrap_or_default())?;
        }
        ranges.push((low, high));
    }
}

/// Reads one end of a range. Something has to follow it, if only the closing bracket.
fn parse_bound(rest: &[u8]) -> Result<(u32, &[u8]), Malformed> {
    let rest = match rest.split_first() {
        None | Some((b'-' | b']', _)) => return Err(Malformed),
        Some((b'\\', [])) => return Err(Malformed),
        Some((b'\\', tail)) => tail,
        Some(_) => rest,
    };
    let (char, after) = decode(rest);
    let invalid = char == REPLACEMENT && rest.len() - after.len() == 1;
    if invalid || after.is_empty() { Err(Malformed) } else { Ok((char, after)) }
}

const REPLACEMENT: u32 = char::REPLACEMENT_CHARACTER as u32;

/// Takes one character off; a byte that begins none counts as a replacement character.
fn decode(text: &[u8]) -> (u32, &[u8]) {
    let longest = text.get(..4).unwrap_or(text);
    let valid = match std::str::from_utf8(longest) {
        Ok(valid) => valid,
        Err(error) => {
            std::str::from_utf8(longest.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or("")
        }
    };
    match valid.chars().next() {
        Some(char) => (u32::from(char), text.get(char.len_utf8()..).unwrap_or_default()),
        None => (REPLACEMENT, text.get(1..).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of Go's own tests for `filepath.Match`.
    #[test]
    fn components_match_as_in_go() {
        for (pattern, name, expected) in [
            ("abc", "abc", true),
            ("*", "abc", true),
            ("*c", "abc", true),
            ("a*", "a", true),
            ("a*", "abc", true),
            ("a*", "ab/c", false),
            ("a*b*c*d*e*", "axbxcxdxe", true),
            ("a*b*c*d*e*", "axbxcxdxexxx", true),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("ab[c]", "abc", true),
            ("ab[b-d]", "abc", true),
            ("ab[e-g]", "abc", false),
            ("ab[^c]", "abc", false),
            ("ab[^e-g]", "abc", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "ab", false),
            ("a?b", "a☺b", true),
            ("a[^a]b", "a☺b", true),
            ("a???b", "a☺b", false),
            ("[a-ζ]*", "α", true),
            ("*[a-ζ]", "A", false),
            ("a?b", "a/b", false),
            ("[\\]a]", "]", true),
            ("[\\-]", "-", true),
            ("[x\\-]", "-", true),
            ("[\\-x]", "a", false),
            ("*x", "xxx", true),
            ("", "", true),
            ("*", "", true),
            ("**", "abc", true),
        ] {
            let wildcard = Wildcard::new(pattern.as_bytes()).unwrap();
            assert_eq!(wildcard.matches(name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for pattern in
            ["[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[", "[^", "[^bc", "a[", "a\\", "[a-", "[\\"]
        {
            assert_eq!(Wildcard::new(pattern.as_bytes()), Err(Malformed), "{pattern}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_count_one_by_one() {
        assert!(Wildcard::new(b"a??").unwrap().matches(b"a\xff\xfe"));
        assert!(Wildcard::new(b"*\xff").unwrap().matches(b"a\xff"));
    }
}
