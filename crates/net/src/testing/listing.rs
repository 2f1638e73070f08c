//! Lists of keys and of versions: sorted by their bytes, in pages, with folders folded where a delimiter says so.

use std::ops::Bound;

use super::store::{Bucket, Object, Version};

/// What is listed.
#[derive(Debug, Default)]
pub(super) struct Wanted<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: &'a str,
    /// Where to go on: behind this key, or this folder.
    pub(super) after: &'a str,
    pub(super) most: usize,
}

/// A page of a list.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) folders: Vec<String>,
    /// The last key or folder of the page, if there is more behind it.
    pub(super) next: Option<String>,
}

/// The objects that are there.
pub(super) fn objects<'b>(bucket: &'b Bucket, wanted: &Wanted<'_>) -> Page<(&'b str, &'b Object)> {
    let newest = |versions: &'b [Version]| versions.last().and_then(Version::object);
    walk(
        bucket,
        wanted,
        |versions| newest(versions).is_some(),
        |key, versions, items| items.extend(newest(versions).map(|object| (key, object))),
    )
}

/// A version with its key, and whether it is the newest.
pub(super) type Listed<'b> = (&'b str, &'b Version, bool);

/// All versions, the newest of each key first. The versions of one key stay in one page.
pub(super) fn versions<'b>(bucket: &'b Bucket, wanted: &Wanted<'_>) -> Page<Listed<'b>> {
    walk(
        bucket,
        wanted,
        |_| true,
        |key, versions, items| {
            let newest = versions.len().saturating_sub(1);
            items.extend(versions.iter().enumerate().rev().map(|(place, it)| (key, it, place == newest)));
        },
    )
}

fn walk<'b, T>(
    bucket: &'b Bucket,
    wanted: &Wanted<'_>,
    is_shown: impl Fn(&'b [Version]) -> bool,
    mut take: impl FnMut(&'b str, &'b [Version], &mut Vec<T>),
) -> Page<T> {
    let Wanted { prefix, delimiter, after, most } = *wanted;
    let (mut items, mut folders, mut last) = (Vec::new(), Vec::new(), None);
    if most == 0 {
        return Page { items, folders, next: None };
    }
    let mut from = if after.is_empty() || after < prefix {
        Bound::Included(prefix.to_owned())
    } else if !delimiter.is_empty() && after.ends_with(delimiter) && after.len() > prefix.len() {
        // Behind a folder is behind all that is in it.
        beyond(after)
    } else {
        Bound::Excluded(after.to_owned())
    };
    while let Some((key, versions)) = bucket.objects.range((from, Bound::Unbounded)).next() {
        let Some(rest) = key.strip_prefix(prefix) else { break };
        let end = if delimiter.is_empty() { None } else { rest.find(delimiter) };
        let folder = end.map(|end| &key[..prefix.len() + end + delimiter.len()]);
        let shown = match folder {
            Some(folder) => {
                let mut inside = bucket.objects.range(folder.to_owned()..);
                let mut inside = inside.by_ref().take_while(|(key, _)| key.starts_with(folder));
                inside.any(|(_, versions)| is_shown(versions))
            }
            None => is_shown(versions),
        };
        if shown && items.len() + folders.len() >= most {
            return Page { items, folders, next: last };
        }
        if let Some(folder) = folder {
            if shown {
                folders.push(folder.to_owned());
                last = Some(folder.to_owned());
            }
            from = beyond(folder);
        } else {
            if shown {
                take(key, versions, &mut items);
                last = Some(key.clone());
            }
            from = Bound::Excluded(key.clone());
        }
    }
    Page { items, folders, next: None }
}

/// Behind all keys that begin so.
fn beyond(prefix: &str) -> Bound<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        let next = (u32::from(last) + 1..=0x10_ffff).find_map(char::from_u32);
        if let Some(next) = next {
            text.push(next);
            return Bound::Included(text);
        }
    }
    Bound::Excluded(prefix.to_owned())
}

/// A key as listings write it that are not encoded.
pub(super) fn plain(key: &str, mangles: bool) -> String {
    let is_lost = |character: char| mangles && character < ' ' && !matches!(character, '\t' | '\n' | '\r');
    key.chars().map(|character| if is_lost(character) { '\u{fffd}' } else { character }).collect()
}

/// A key as listings write it that were asked to encode them.
pub(super) fn encoded(key: &str) -> String {
    let mut text = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
                text.push(byte.into())
            }
            b' ' => text.push('+'),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::ops::Bound;

    use super::{beyond, encoded};

    #[test]
    fn what_is_behind_a_folder_comes_after_all_in_it() {
        assert_eq!(beyond("a/"), Bound::Included("a0".to_owned()));
        assert_eq!(beyond("a\u{10ffff}"), Bound::Included("b".to_owned()));
        assert_eq!(beyond("\u{d7ff}"), Bound::Included("\u{e000}".to_owned()));
    }

    #[test]
    fn keys_are_encoded_as_forms_are_and_the_slash_stays() {
        assert_eq!(encoded("a b/ü+\u{1}"), "a+b/%C3%BC%2B%01");
    }
}
