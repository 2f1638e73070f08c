//! Names as restic puts them into JSON: Go's `strconv.Quote` without the quotes, then Go's JSON escapes.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends a name, quoted and escaped, without the surrounding `"`.
pub(super) fn write_name(name: &[u8], out: &mut Vec<u8>) {
    if name.iter().all(|&byte| is_plain(byte)) {
        out.extend_from_slice(name);
        return;
    }
    let mut quoted = Vec::with_capacity(name.len() + 8);
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            quote(character, &mut quoted);
        }
        for &byte in chunk.invalid() {
            quote_byte(byte, &mut quoted);
        }
    }
    write_string(&quoted, out);
}

/// Appends text with Go's JSON escapes, without the surrounding `"`. Bytes that are not UTF-8 become U+FFFD.
pub(super) fn write_string(text: &[u8], out: &mut Vec<u8>) {
    if text.iter().all(|&byte| is_plain(byte)) {
        out.extend_from_slice(text);
        return;
    }
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\u{8}' => out.extend_from_slice(b"\\b"),
                '\u{c}' => out.extend_from_slice(b"\\f"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..' ' => {
                    hex(b"\\u", character as u32, 4, out)
                }
                other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        for _ in chunk.invalid() {
            out.extend_from_slice(b"\\ufffd");
        }
    }
}

/// Undoes the quoting of [`write_name`], after JSON's escapes are undone. `None` when it is not validly quoted.
pub(super) fn unquote(quoted: &str) -> Option<Vec<u8>> {
    if !quoted.contains(['\\', '"', '\n']) {
        return Some(quoted.as_bytes().to_vec());
    }
    let mut name = Vec::with_capacity(quoted.len());
    let mut rest = quoted.chars();
    while let Some(character) = rest.next() {
        match character {
            '"' | '\n' => return None,
            '\\' => match rest.next()? {
                'a' => name.push(7),
                'b' => name.push(8),
                'f' => name.push(12),
                'n' => name.push(b'\n'),
                'r' => name.push(b'\r'),
                't' => name.push(b'\t'),
                'v' => name.push(11),
                '\\' => name.push(b'\\'),
                '"' => name.push(b'"'),
                'x' => name.push(u8::try_from(number(&mut rest, 0, 2, 16)?).ok()?),
                'u' => push(number(&mut rest, 0, 4, 16)?, &mut name)?,
                'U' => push(number(&mut rest, 0, 8, 16)?, &mut name)?,
                first @ '0'..='7' => {
                    let value = number(&mut rest, first.to_digit(8)?, 2, 8)?;
                    name.push(u8::try_from(value).ok()?);
                }
                _ => return None,
            },
            other => name.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Some(name)
}

fn number(rest: &mut std::str::Chars<'_>, start: u32, count: usize, radix: u32) -> Option<u32> {
    (0..count)
        .try_fold(start, |value, _| value.checked_mul(radix)?.checked_add(rest.next()?.to_digit(radix)?))
}

fn push(value: u32, name: &mut Vec<u8>) -> Option<()> {
    name.extend_from_slice(char::from_u32(value)?.encode_utf8(&mut [0; 4]).as_bytes());
    Some(())
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&')
}

fn quote(character: char, out: &mut Vec<u8>) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\u{7}' => out.extend_from_slice(b"\\a"),
        '\u{8}' => out.extend_from_slice(b"\\b"),
        '\u{c}' => out.extend_from_slice(b"\\f"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\u{b}' => out.extend_from_slice(b"\\v"),
        '\0'..' ' | '\u{7f}' => quote_byte(character as u8, out),
        other if is_print(other) => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        other if (other as u32) < 0x1_0000 => hex(b"\\u", other as u32, 4, out),
        other => hex(b"\\U", other as u32, 8, out),
    }
}

fn quote_byte(byte: u8, out: &mut Vec<u8>) {
    hex(b"\\x", u32::from(byte), 2, out);
}

fn hex(prefix: &[u8], value: u32, digits: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(prefix);
    for place in (0..digits).rev() {
        out.push(HEX[(value >> (4 * place) & 15) as usize]);
    }
}

/// Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols and the plain space.
fn is_print(character: char) -> bool {
    use GeneralCategoryGroup::{Letter, Mark, Number, Punctuation, Symbol};
    character == ' '
        || matches!(character.general_category_group(), Letter | Mark | Number | Punctuation | Symbol)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(name: &[u8]) -> String {
        let mut out = Vec::new();
        write_name(name, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_are_quoted_as_go_quotes_them() {
        for (name, expected) in [
            (&b"plain file.txt"[..], "plain file.txt"),
            (b"a\"b", r#"a\\\"b"#),
            (b"a\\b", r"a\\\\b"),
            (b"line\nbreak", r"line\\nbreak"),
            (b"\x07\x08\x0b\x0c\x01\x7f", r"\\a\\b\\v\\f\\x01\\x7f"),
            ("grün 猫".as_bytes(), "grün 猫"),
            (b"\xff\xfe", r"\\xff\\xfe"),
            ("\u{a0}\u{200b}".as_bytes(), r"\\u00a0\\u200b"),
            ("\u{e0001}".as_bytes(), r"\\U000e0001"),
            (b"<&>", r"\u003c\u0026\u003e"),
        ] {
            assert_eq!(written(name), expected);
        }
    }

    proptest! {
        #[test]
        fn names_come_back(name in proptest::collection::vec(any::<u8>(), 0..60)) {
            let json = format!("\"{}\"", written(&name));
            let quoted: String = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(unquote(&quoted), Some(name));
        }

        #[test]
        fn any_text_unquotes_or_not(text in ".{0,40}") {
            let _ = unquote(&text);
        }
    }
}
