//! What makes any text a name that every file system takes.

/// The most bytes of a name on the file systems in use.
pub(super) const LONGEST: usize = 255;

/// A text as one name: neither empty, nor hidden, nor taken for an option, nor with anything in it that has a meaning in paths.
pub(super) fn component(text: &str) -> String {
    let replaced: String = text.chars().map(|c| if is_unfit(c) { '_' } else { c }).collect();
    let begun = replaced.trim_start_matches(|c: char| matches!(c, '.' | '-') || c.is_whitespace());
    let name = begun.trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    if name.is_empty() { "_".to_owned() } else { name.to_owned() }
}

/// Replaces what would make a folder, in a value that goes into a pattern.
pub(super) fn value(text: &str) -> String {
    text.chars().map(|c| if is_unfit(c) { '_' } else { c }).collect()
}

/// Cuts a name to a number of bytes, between two characters.
pub(super) fn shorten(mut name: String, most: usize) -> String {
    let most = most.max(1);
    if name.len() > most {
        name.truncate(name.floor_char_boundary(most));
        name.truncate(name.trim_end_matches(|c: char| c == '.' || c.is_whitespace()).len());
        if name.is_empty() {
            name.push('_');
        }
    }
    name
}

/// Characters that steer terminals, that Windows does not take, or that turn the direction of what is read.
fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}
