//! Values of records, as text for people.

use serde_json::Value;

/// A text at a place of a record; empty where there is none.
pub(crate) fn text(record: &Value, place: &str) -> String {
    match record.pointer(place) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The same, short enough for a table.
pub(crate) fn cell(record: &Value, place: &str) -> String {
    match record.pointer(place) {
        Some(Value::Array(items)) => {
            let items: Vec<_> = items.iter().map(|item| text(item, "")).collect();
            items.join("\n")
        }
        Some(Value::Object(fields)) => {
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| format!("{name} {}", text(value, ""))).collect();
            fields.join(", ")
        }
        Some(Value::Number(number)) if place.contains("bytes") => {
            number.as_u64().map_or_else(|| number.to_string(), crate::format::bytes)
        }
        // Down to the second is enough to read.
        Some(Value::String(time)) if is_moment(time) => {
            time.chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect()
        }
        _ => text(record, place),
    }
}

fn is_moment(text: &str) -> bool {
    text.len() >= 20 && text.parse::<jiff::Timestamp>().is_ok()
}
