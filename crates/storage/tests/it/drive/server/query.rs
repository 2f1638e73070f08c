//! Questions after files, as the parameter `q` has them.

use super::{Item, ROOT};

/// A word of a question.
#[derive(Debug, Clone, PartialEq)]
enum Word {
    Text(String),
    Plain(String),
}

/// What a question asks of a file.
pub(super) enum Question {
    All(Vec<Question>),
    Any(Vec<Question>),
    In(String),
    Name(String),
    Kind(String, bool),
    Noted(String, String),
    Trashed(bool),
}

impl Question {
    /// Reads a question; none when it is one that Google would not take either.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let words = words(text)?;
        let mut rest = words.as_slice();
        let question = any(&mut rest)?;
        rest.is_empty().then_some(question)
    }

    pub(super) fn fits(&self, item: &Item) -> bool {
        match self {
            Self::All(all) => all.iter().all(|one| one.fits(item)),
            Self::Any(any) => any.iter().any(|one| one.fits(item)),
            Self::In(id) => item.parent == if id == "root" { ROOT } else { id },
            Self::Name(name) => item.name == *name,
            Self::Kind(kind, is) => (item.kind == *kind) == *is,
            Self::Noted(key, value) => item.notes.get(key) == Some(value),
            Self::Trashed(trashed) => !trashed,
        }
    }
}

fn words(text: &str) -> Option<Vec<Word>> {
    let (mut words, mut chars) = (Vec::new(), text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            ' ' => {}
            '\'' => {
                let mut inside = String::new();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        '\\' => inside.push(chars.next().filter(|c| matches!(c, '\'' | '\\'))?),
                        other => inside.push(other),
                    }
                }
                words.push(Word::Text(inside));
            }
            '(' | ')' | '{' | '}' | '=' => words.push(Word::Plain(c.to_string())),
            '!' => {
                chars.next().filter(|c| *c == '=')?;
                words.push(Word::Plain("!=".to_owned()));
            }
            c if c.is_ascii_alphabetic() => {
                let mut word = c.to_string();
                while let Some(c) = chars.next_if(char::is_ascii_alphabetic) {
                    word.push(c);
                }
                words.push(Word::Plain(word));
            }
            _ => return None,
        }
    }
    Some(words)
}

fn next<'a>(rest: &mut &'a [Word]) -> Option<&'a Word> {
    let (first, tail) = rest.split_first()?;
    *rest = tail;
    Some(first)
}

fn take(rest: &mut &[Word], plain: &str) -> bool {
    let is_it = matches!(rest.first(), Some(Word::Plain(word)) if word == plain);
    if is_it {
        *rest = &rest[1..];
    }
    is_it
}

fn text(rest: &mut &[Word]) -> Option<String> {
    match next(rest)? {
        Word::Text(text) => Some(text.clone()),
        Word::Plain(_) => None,
    }
}

fn any(rest: &mut &[Word]) -> Option<Question> {
    let mut parts = vec![all(rest)?];
    while take(rest, "or") {
        parts.push(all(rest)?);
    }
    Some(Question::Any(parts))
}

fn all(rest: &mut &[Word]) -> Option<Question> {
    let mut parts = vec![one(rest)?];
    while take(rest, "and") {
        parts.push(one(rest)?);
    }
    Some(Question::All(parts))
}

fn one(rest: &mut &[Word]) -> Option<Question> {
    if take(rest, "(") {
        let inner = any(rest)?;
        return take(rest, ")").then_some(inner);
    }
    match next(rest)?.clone() {
        Word::Text(id) => (take(rest, "in") && take(rest, "parents")).then_some(Question::In(id)),
        Word::Plain(word) => match word.as_str() {
            "name" if take(rest, "=") => Some(Question::Name(text(rest)?)),
            "mimeType" if take(rest, "=") => Some(Question::Kind(text(rest)?, true)),
            "mimeType" if take(rest, "!=") => Some(Question::Kind(text(rest)?, false)),
            "trashed" if take(rest, "=") => match next(rest)? {
                Word::Plain(word) if word == "false" => Some(Question::Trashed(false)),
                Word::Plain(word) if word == "true" => Some(Question::Trashed(true)),
                _ => None,
            },
            "appProperties"
                if take(rest, "has") && take(rest, "{") && take(rest, "key") && take(rest, "=") =>
            {
                let key = text(rest)?;
                let goes_on = take(rest, "and") && take(rest, "value") && take(rest, "=");
                let value = text(rest)?;
                (goes_on && take(rest, "}")).then_some(Question::Noted(key, value))
            }
            _ => None,
        },
    }
}
