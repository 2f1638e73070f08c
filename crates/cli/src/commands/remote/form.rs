//! Forms in YAML or JSON, which is YAML too.

use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::failure::{Explain, Outcome};

/// A form in a file, or on standard input.
pub(crate) fn read(file: &Path) -> Outcome<Value> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).explain("cannot read the form from standard input")?;
        text
    } else {
        std::fs::read_to_string(file).explain(format!("cannot read {}", file.display()))?
    };
    serde_saphyr::from_str(&text).explain(format!("{} is neither YAML nor JSON", file.display()))
}

/// A record as YAML.
pub(crate) fn to_yaml(record: &Value) -> Outcome<String> {
    serde_saphyr::to_string(record).explain("cannot write YAML")
}
