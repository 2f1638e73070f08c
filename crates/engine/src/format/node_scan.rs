//! Reading nodes that stand as restic and Backstay write them: every field in its place, no blanks, no escapes.
//!
//! Trees are what most commands read most, and nearly all nodes look like that. Whatever does not is left to the general parser, so that this
//! one never has to say why it understood nothing.

use std::sync::Arc;

use backstay_core::{EntryKind, FileId, Meta, Timestamp};

use super::node::{KINDS, Node, permissions};
use super::time;

/// The nodes of a tree. `None` when it is not written in the usual way; it may be a tree all the same.
pub(super) fn nodes(json: &[u8]) -> Option<Vec<Node>> {
    let mut scan = Scan { rest: json, user: "".into(), group: "".into() };
    scan.skip(b"{\"nodes\":[")?;
    let mut nodes = Vec::with_capacity(json.len() / 400);
    if scan.skip(b"]}\n").is_some() {
        return scan.rest.is_empty().then_some(nodes);
    }
    loop {
        let start = scan.rest;
        let node = match scan.node() {
            Some(node) => node,
            None => {
                let mut parser = serde_json::Deserializer::from_slice(start).into_iter::<Node>();
                let node = parser.next()?.ok()?;
                scan.rest = start.get(parser.byte_offset()..)?;
                node
            }
        };
        nodes.push(node);
        if scan.skip(b",").is_none() {
            scan.skip(b"]}\n")?;
            return scan.rest.is_empty().then_some(nodes);
        }
    }
}

struct Scan<'a> {
    rest: &'a [u8],
    /// The names of owner and group met last: mostly those of the next node too.
    user: Arc<str>,
    group: Arc<str>,
}

impl<'a> Scan<'a> {
    fn node(&mut self) -> Option<Node> {
        self.skip(b"{\"name\":\"")?;
        let name = self.text()?.as_bytes().to_vec();
        self.skip(b",\"type\":\"")?;
        let kind = self.text()?;
        let kind = KINDS.iter().find(|(_, name)| *name == kind)?.0;
        let mode = self.optional_number(b",\"mode\":")?;
        self.skip(b",\"mtime\":\"")?;
        let modified_text = self.text()?;
        let modified = time::parse(modified_text)?;
        let time = |text: &str| -> Option<Timestamp> {
            if text == modified_text { Some(modified) } else { time::parse(text) }
        };
        self.skip(b",\"atime\":\"")?;
        let accessed = time(self.text()?)?;
        self.skip(b",\"ctime\":\"")?;
        let changed = time(self.text()?)?;
        self.skip(b",\"uid\":")?;
        let uid = self.number()?;
        self.skip(b",\"gid\":")?;
        let gid = self.number()?;
        let user = self.optional_text(b",\"user\":\"")?;
        let group = self.optional_text(b",\"group\":\"")?;
        let inode = self.optional_number(b",\"inode\":")?;
        let device_id = self.optional_number(b",\"device_id\":")?;
        let size = self.optional_number(b",\"size\":")?;
        let links = self.optional_number(b",\"links\":")?;
        let target = self.optional_text(b",\"linktarget\":\"")?;
        let device = self.optional_number(b",\"device\":")?;
        let content = self.content()?;
        let subtree = match self.skip(b",\"subtree\":") {
            Some(()) => Some(self.id()?),
            None => None,
        };
        self.skip(b"}")?;
        Some(Node {
            name,
            meta: Meta {
                kind,
                permissions: permissions(u32::try_from(mode).ok()?),
                modified,
                accessed,
                changed,
                uid: u32::try_from(uid).ok()?,
                gid: u32::try_from(gid).ok()?,
                user: shared(&mut self.user, user),
                group: shared(&mut self.group, group),
                inode,
                device_id,
                size,
                links,
                link_target: (kind == EntryKind::Symlink).then(|| target.as_bytes().to_vec()),
                device,
                ..Meta::default()
            },
            content,
            subtree,
            error: String::new(),
        })
    }

    fn skip(&mut self, expected: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(expected)?;
        Some(())
    }

    /// A string up to its closing quote, which is skipped too.
    fn text(&mut self) -> Option<&'a str> {
        let end = self.rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.strip_prefix(b"\"")?;
        std::str::from_utf8(text).ok()
    }

    fn optional_text(&mut self, key: &[u8]) -> Option<&'a str> {
        match self.skip(key) {
            Some(()) => self.text(),
            None => Some(""),
        }
    }

    fn number(&mut self) -> Option<u64> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at_checked(count)?;
        if digits.is_empty() || (count > 1 && digits.first() == Some(&b'0')) {
            return None;
        }
        self.rest = rest;
        digits
            .iter()
            .try_fold(0_u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
    }

    fn optional_number(&mut self, key: &[u8]) -> Option<u64> {
        match self.skip(key) {
            Some(()) => self.number(),
            None => Some(0),
        }
    }

    fn content(&mut self) -> Option<Option<Vec<FileId>>> {
        self.skip(b",\"content\":")?;
        if self.skip(b"null").is_some() {
            return Some(None);
        }
        self.skip(b"[")?;
        let mut content = Vec::new();
        if self.skip(b"]").is_some() {
            return Some(Some(content));
        }
        loop {
            content.push(self.id()?);
            if self.skip(b",").is_none() {
                self.skip(b"]")?;
                return Some(Some(content));
            }
        }
    }

    fn id(&mut self) -> Option<FileId> {
        self.skip(b"\"")?;
        FileId::from_hex(self.text()?)
    }
}

/// The text, in the memory of the one met last where both are the same.
fn shared(last: &mut Arc<str>, text: &str) -> Arc<str> {
    if **last != *text {
        *last = text.into();
    }
    Arc::clone(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::Tree;

    fn node(seed: u64) -> Node {
        let kind = KINDS[seed as usize % KINDS.len()].0;
        let file = kind == EntryKind::File;
        let at = |nanos: u64| Timestamp {
            seconds: (seed >> 31) as i64,
            nanos: (nanos % 1_000_000_000) as u32,
            offset: 3600,
        };
        let ids =
            |count: u64| (0..count).map(|number| FileId([(seed + number) as u8; 32])).collect::<Vec<_>>();
        Node {
            name: format!("{:03}{}", seed % 1000, ["", "é", "\u{1}", "\"", "\\", " "][seed as usize % 6])
                .into_bytes(),
            meta: Meta {
                kind,
                permissions: seed as u32 & 0o7777,
                modified: at(0),
                accessed: at(seed % 3),
                changed: at(seed.wrapping_mul(77)),
                uid: seed as u32 % 3,
                user: ["", "root", "a\tb"][seed as usize % 3].into(),
                group: ["users", ""][seed as usize % 2].into(),
                size: seed % 5,
                links: seed % 2,
                inode: seed.wrapping_mul(seed),
                link_target: (kind == EntryKind::Symlink)
                    .then(|| vec![b'a' + seed as u8 % 3; seed as usize % 4]),
                ..Meta::default()
            },
            content: file.then(|| ids(seed % 4)),
            subtree: (kind == EntryKind::Folder).then_some(FileId([seed as u8; 32])),
            error: if seed.is_multiple_of(11) { "unreadable".into() } else { String::new() },
        }
    }

    fn parsed(json: &[u8]) -> Option<Vec<Node>> {
        #[derive(serde::Deserialize)]
        struct Json {
            nodes: Vec<Node>,
        }
        Some(serde_json::from_slice::<Json>(json).ok()?.nodes)
    }

    proptest! {
        #[test]
        fn what_is_written_in_the_usual_way_is_understood(seeds in proptest::collection::vec(any::<u64>(), 0..6)) {
            let nodes: Vec<_> = seeds.into_iter().map(node).collect();
            let json = Tree { nodes: nodes.clone() }.to_json();
            prop_assert_eq!(super::nodes(&json), Some(nodes));
        }

        #[test]
        fn whatever_is_understood_is_what_the_general_parser_reads(
            seeds in proptest::collection::vec(any::<u64>(), 1..3), place in any::<prop::sample::Index>(), byte in any::<u8>(),
            doubled in any::<bool>(),
        ) {
            let mut json = Tree { nodes: seeds.into_iter().map(node).collect() }.to_json();
            let place = place.index(json.len());
            const TELLING: &[u8] = b"\"\\,:[]{}0123456789eE.-+ \nuZ";
            let telling = TELLING[usize::from(byte) % TELLING.len()];
            match doubled {
                true => json.insert(place, json[place]),
                false => json[place] = if byte > 40 { telling } else { byte },
            }
            if let Some(nodes) = super::nodes(&json) {
                prop_assert_eq!(parsed(&json), Some(nodes));
            }
        }
    }
}
