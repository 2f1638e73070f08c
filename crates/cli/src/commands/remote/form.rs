//! Forms in YAML or JSON, which is YAML too.

use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::failure::{Explain, Failure, Outcome};

/// A form in a file, or on standard input.
pub(crate) fn read(file: &Path) -> Outcome<Value> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).explain("cannot read the form from standard input")?;
        text
    } else {
        std::fs::read_to_string(file).explain(format!("cannot read {}", file.display()))?
    };
    parse(&text, &shown(file))
}

fn parse(text: &str, from: &str) -> Outcome<Value> {
    match serde_saphyr::from_str(text).explain(format!("{from} is neither YAML nor JSON"))? {
        Value::Null => Err(Failure::fatal(format!("{from} holds nothing"))
            .hint("give the fields in YAML or JSON there; `{}` is a form without any")),
        form => Ok(form),
    }
}

fn shown(file: &Path) -> String {
    if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() }
}

/// A record as YAML.
pub(crate) fn to_yaml(record: &Value) -> Outcome<String> {
    serde_saphyr::to_string(record).explain("cannot write YAML")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_holds_nothing_is_told_of() {
        assert_eq!(parse("{}", "x").unwrap(), serde_json::json!({}));
        for text in ["", "\n", "# nothing\n", "null"] {
            let told = parse(text, "standard input").unwrap_err().to_string();
            assert!(told.contains("standard input holds nothing") && told.contains("`{}`"), "{told}");
        }
    }
}
