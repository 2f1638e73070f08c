//! Secrets in a file for `apply`: where they are, not what they are.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};
use crate::password::from_file;

/// Fields that hold secrets.
const FIELDS: [&str; 6] = ["secret_key", "password", "secret", "token", "client_secret", "refresh_token"];

/// A value without its secrets.
pub(super) fn hidden(mut value: Value) -> Value {
    walk(&mut value, &mut |secret| {
        *secret = Value::Null;
        Ok(())
    })
    // Nothing fails that only forgets.
    .ok();
    value
}

/// A value with its secrets put in from where they are.
pub(super) fn fetched(mut value: Value) -> Outcome<Value> {
    walk(&mut value, &mut |secret| {
        let named = |name: &str| secret.get(name).and_then(Value::as_str).map(str::to_owned);
        if let Some(name) = named("env") {
            let text = std::env::var(&name).ok().filter(|text| !text.is_empty());
            let missing = || {
                Failure::fatal(format!("the variable {name} that holds a secret is not set")).hint(format!(
                    "set it with `export {name}=…`, or say in the file where the secret is: {{file: PATH}}"
                ))
            };
            *secret = text.ok_or_else(missing)?.into();
        } else if let Some(file) = named("file") {
            *secret = from_file(file.as_ref())?.as_str().into();
        }
        Ok(())
    })?;
    Ok(value)
}

/// A value that has forgotten where its secrets are, with this put back from what it was made of.
pub(super) fn put_back(mut value: Value, from: &Value) -> Value {
    if let (Value::Object(fields), Value::Object(from)) = (&mut value, from) {
        for (name, from) in from {
            if FIELDS.contains(&name.as_str()) {
                fields.insert(name.clone(), from.clone());
            } else if let Some(field) = fields.get_mut(name) {
                *field = put_back(field.take(), from);
            }
        }
    }
    value
}

/// Whether a value holds secrets.
pub(super) fn any(value: &Value) -> bool {
    let mut found = false;
    let _ = walk(&mut value.clone(), &mut |secret| {
        found |= !secret.is_null();
        Ok(())
    });
    found
}

fn walk(value: &mut Value, visit: &mut dyn FnMut(&mut Value) -> Outcome) -> Outcome {
    match value {
        Value::Object(fields) => fields.iter_mut().try_for_each(|(name, value)| {
            if FIELDS.contains(&name.as_str()) { visit(value) } else { walk(value, visit) }
        }),
        Value::Array(items) => items.iter_mut().try_for_each(|item| walk(item, visit)),
        _ => Ok(()),
    }
}

/// Where records hold secrets: by which field, in what, of which type.
const SECRETS: [(&str, &str, &str); 7] = [
    ("settings", "s3", "secret_key"),
    ("settings", "mongodb", "password"),
    ("settings", "mysql", "password"),
    ("settings", "receiver", "token"),
    ("settings", "google_drive", "client_secret"),
    ("settings", "google_drive", "refresh_token"),
    ("channel", "webhook", "secret"),
];

/// Puts the name of a variable where a record's secret is; no two records share one.
pub(super) fn name_variable(fields: &mut Value, name: &str, taken: &mut BTreeSet<String>) {
    for (place, kind, secret) in SECRETS {
        let Some(holder) = fields.get_mut(place).and_then(Value::as_object_mut) else { continue };
        if holder.get("type").and_then(Value::as_str) != Some(kind) {
            continue;
        }
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let of_name: String = name.chars().map(plain).collect();
        // A variable's name begins with a letter.
        let begin = if of_name.starts_with(|c: char| c.is_ascii_digit()) { "_" } else { "" };
        let variable = format!("{begin}{of_name}_{}", secret.to_ascii_uppercase());
        let mut others = (2..).map(|number| format!("{variable}_{number}"));
        let free = if taken.contains(&variable) { others.find(|other| !taken.contains(other)) } else { None };
        let variable = free.unwrap_or(variable);
        holder.insert(secret.to_owned(), json!({"env": variable}));
        taken.insert(variable);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_fetched_from_where_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "open sesame\n").unwrap();
        let value = json!({"settings": {"bucket": "b", "secret_key": {"file": file}}});
        assert!(any(&value));
        assert_eq!(hidden(value.clone()), json!({"settings": {"bucket": "b", "secret_key": null}}));
        assert_eq!(fetched(value).unwrap()["settings"]["secret_key"], "open sesame");
        assert!(fetched(json!({"secret": {"env": "BACKSTAY_NO_SUCH_VARIABLE"}})).is_err());
        assert!(!any(&json!({"name": "secret"})));
    }

    #[test]
    fn each_secret_has_a_variable_of_its_own() {
        let mut taken = BTreeSet::new();
        let mut named = |name: &str, mut fields: Value| {
            name_variable(&mut fields, name, &mut taken);
            fields
        };
        let bucket = || json!({"settings": {"type": "s3"}});
        assert_eq!(named("off-site", bucket())["settings"]["secret_key"]["env"], "OFF_SITE_SECRET_KEY");
        assert_eq!(named("off site", bucket())["settings"]["secret_key"]["env"], "OFF_SITE_SECRET_KEY_2");
        assert_eq!(named("2nd", bucket())["settings"]["secret_key"]["env"], "_2ND_SECRET_KEY");
        let drive = named("google", json!({"settings": {"type": "google_drive"}}));
        assert_eq!(drive["settings"]["client_secret"]["env"], "GOOGLE_CLIENT_SECRET");
        assert_eq!(drive["settings"]["refresh_token"]["env"], "GOOGLE_REFRESH_TOKEN");
        let hook = json!({"channel": {"type": "webhook", "url": "https://example.org"}});
        assert_eq!(named("ops", hook)["channel"]["secret"]["env"], "OPS_SECRET");
        let mail = json!({"channel": {"type": "email", "to": []}});
        assert_eq!(named("mail", mail.clone()), mail);
    }
}
