//! Credential files as the AWS tools write them.

use std::collections::BTreeMap;

/// The settings of one profile: the lines `key = value` below `[name]` (or `[profile name]`).
///
/// Of a profile that is there twice, later lines win. Nothing if there is no such profile.
pub(super) fn read(text: &str, profile: &str) -> Option<BTreeMap<String, String>> {
    let mut found = None;
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.split(']').next()) {
            let name = section.trim();
            inside = name.strip_prefix("profile ").map_or(name, str::trim) == profile;
            if inside {
                found.get_or_insert_with(BTreeMap::new);
            }
        } else if let (true, Some(settings), Some((key, value))) =
            (inside, found.as_mut(), line.split_once('='))
        {
            settings.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# comment
stray = line
[default]
aws_access_key_id = one
aws_secret_access_key=two==

[profile work]
; comment
AWS_ACCESS_KEY_ID = three
region = eu-central-1
[broken
";

    #[test]
    fn each_profile_has_its_own_lines() {
        let default = read(FILE, "default").unwrap();
        assert_eq!(default.get("aws_access_key_id").map(String::as_str), Some("one"));
        assert_eq!(default.get("aws_secret_access_key").map(String::as_str), Some("two=="));
        assert_eq!(default.len(), 2);
        let work = read(FILE, "work").unwrap();
        assert_eq!(work.get("aws_access_key_id").map(String::as_str), Some("three"));
        assert_eq!(work.get("region").map(String::as_str), Some("eu-central-1"));
        assert_eq!(read(FILE, "nobody"), None);
        assert_eq!(read("", "default"), None);
    }
}
