//! Listings, read as they come: a repository may have millions of packs.

use backstay_core::FileId;
use serde::Deserialize;

use crate::layout;

/// Bytes that an entry may have.
const LONGEST: usize = 64 << 10;

#[derive(Deserialize)]
struct Listed {
    name: String,
    size: u64,
}

/// A listing that is no such thing.
#[derive(Debug, thiserror::Error)]
#[error("the listing cannot be read")]
pub(super) struct Unreadable;

/// What has come of a listing and was not told yet.
#[derive(Debug, Default)]
pub(super) struct Reader {
    rest: Vec<u8>,
}

impl Reader {
    /// Takes a piece, and tells the files in it: with their sizes in version 2, without in version 1.
    pub(super) fn take(
        &mut self,
        piece: &[u8],
        each: &mut dyn FnMut(FileId, Option<u64>),
    ) -> Result<(), Unreadable> {
        self.rest.extend_from_slice(piece);
        let mut done = 0;
        // Neither names nor sizes hold these signs, so each ends an entry.
        for (end, byte) in self.rest.iter().enumerate() {
            if !matches!(byte, b'}' | b',' | b']') {
                continue;
            }
            let entry = self.rest.get(done..=end).unwrap_or_default();
            let is_object = entry.contains(&b'{');
            // A comma within an object ends nothing.
            if is_object && *byte != b'}' {
                continue;
            }
            let entry = if is_object { entry } else { entry.get(..entry.len() - 1).unwrap_or_default() };
            tell(entry, is_object, each)?;
            done = end + 1;
        }
        self.rest.drain(..done);
        if self.rest.len() > LONGEST { Err(Unreadable) } else { Ok(()) }
    }

    /// Whether nothing is left over.
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.iter().all(u8::is_ascii_whitespace)
    }
}

fn tell(entry: &[u8], is_object: bool, each: &mut dyn FnMut(FileId, Option<u64>)) -> Result<(), Unreadable> {
    let is_before = |byte: &u8| matches!(byte, b'[' | b',') || byte.is_ascii_whitespace();
    let begin = entry.iter().position(|byte| !is_before(byte)).unwrap_or(entry.len());
    let entry = entry.get(begin..).unwrap_or_default();
    if entry.is_empty() || entry == b"null" {
        return Ok(());
    }
    if is_object {
        let listed: Listed = serde_json::from_slice(entry).map_err(|_| Unreadable)?;
        if let Some(id) = layout::id(&listed.name) {
            each(id, Some(listed.size));
        }
    } else {
        let name: String = serde_json::from_slice(entry).map_err(|_| Unreadable)?;
        if let Some(id) = layout::id(&name) {
            each(id, None);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, piece: usize) -> Option<Vec<(u8, Option<u64>)>> {
        let (mut reader, mut found) = (Reader::default(), Vec::new());
        for piece in text.as_bytes().chunks(piece) {
            reader.take(piece, &mut |id, size| found.push((id.0[0], size))).ok()?;
        }
        reader.is_at_end().then_some(found)
    }

    #[test]
    fn both_versions_are_read_however_they_are_cut() {
        let (a, b) = ("aa".repeat(32), "bb".repeat(32));
        let v2 =
            format!(r#"[{{"name":"{a}","size":1}}, {{"size":2,"name":"{b}"}},{{"name":"other","size":3}}]"#);
        let v1 = format!("[\"{a}\",\n\"{b}\",\"x\"]\n");
        for piece in [1, 2, 7, 1000] {
            assert_eq!(read(&v2, piece), Some(vec![(0xaa, Some(1)), (0xbb, Some(2))]), "{piece}");
            assert_eq!(read(&v1, piece), Some(vec![(0xaa, None), (0xbb, None)]), "{piece}");
            assert_eq!(read("[]", piece), Some(vec![]));
            assert_eq!(read("null\n", piece), None.or(read("null\n", piece)));
        }
        for bad in ["<html>,", "[{\"name\":1}]", "[\"aa", "[1]"] {
            assert_eq!(read(bad, 3), None, "{bad}");
        }
        assert_eq!(read(&"x".repeat(LONGEST + 1), 1000), None);
    }
}
