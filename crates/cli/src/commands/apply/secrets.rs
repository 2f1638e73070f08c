//! Secrets in a file for `apply`: where they are, not what they are.

use serde_json::Value;

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
            let missing = || Failure::fatal(format!("the variable {name} that holds a secret is not set"));
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

#[cfg(test)]
mod tests {
    use serde_json::json;

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
}
