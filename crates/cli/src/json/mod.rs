//! The messages of `--json`, with restic's keys in restic's order.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod message;
pub(crate) mod node;
pub(crate) mod restore;
pub(crate) mod snapshot;

use serde::Serialize;

/// One message as one line. Go's encoder escapes `<`, `>` and `&` and the two line separators, so do we.
pub(crate) fn line(message: &impl Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string(message)?;
    if !text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return Ok(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(c)))
            }
            c => escaped.push(c),
        }
    }
    Ok(escaped)
}

/// For `skip_serializing_if`: Go's `omitempty` leaves zeros out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
pub(crate) fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// For `skip_serializing_if`.
pub(crate) fn is_zero_float(number: &f64) -> bool {
    *number == 0.0
}

#[cfg(test)]
mod tests {
    #[test]
    fn html_is_escaped_as_go_does() {
        assert_eq!(super::line(&"a<b>&\u{2028}").unwrap(), r#""a\u003cb\u003e\u0026\u2028""#);
    }
}
