//! What is backed up: small trees made from a seed, and their next versions.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::ops::Range;
use std::sync::Arc;

use backstay_core::{Content, CutHint, Entry, EntryKind, Folder, Meta, Opener, Sink, SinkError, Timestamp};

use crate::dice::Dice;
use crate::target::{Image, Thing};

/// One version of a tree.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    root: Branch,
    /// How a restore of it has to look.
    pub(crate) image: Image,
}

#[derive(Debug, Clone, Default)]
struct Branch {
    modified: i64,
    items: BTreeMap<Vec<u8>, Item>,
}

#[derive(Debug, Clone)]
enum Item {
    Branch(Branch),
    Leaf(Leaf),
    Link(Vec<u8>),
}

#[derive(Debug, Clone)]
struct Leaf {
    modified: i64,
    inode: u64,
    content: Arc<[u8]>,
    way: Way,
}

/// How the content of a file goes into the sink.
#[derive(Debug, Clone)]
enum Way {
    Lazy(CutHint),
    Pushed(CutHint),
    /// Only what changed since the version before; `base` is how the file looked then.
    Patched {
        base: Arc<[u8]>,
        ranges: Vec<Range<u64>>,
    },
}

/// What makes one version out of another.
struct Maker<'a> {
    dice: &'a mut Dice,
    /// Stretches that several files have in common.
    shared: &'a [Vec<u8>],
    now: i64,
    next_inode: &'a mut u64,
}

/// All versions of one seed, each a mutation of the one before.
pub(crate) fn versions(seed: u64, count: usize) -> Vec<Arc<Version>> {
    let mut dice = Dice::new(seed, &[1]);
    let shared: Vec<Vec<u8>> = (0..4)
        .map(|_| {
            let length = dice.between(200, 2500) as usize;
            dice.bytes(length)
        })
        .collect();
    let mut next_inode = 1;
    let mut root = Branch::default();
    let mut versions = Vec::new();
    for number in 0..count as i64 {
        let now = 1_600_000_000 + number * 1000;
        let mut maker = Maker { dice: &mut dice, shared: &shared, now, next_inode: &mut next_inode };
        if number == 0 {
            root = maker.branch(2);
        } else {
            maker.mutate(&mut root);
        }
        let mut image = Image::new();
        flatten(&root, &[], &mut image);
        versions.push(Arc::new(Version { root: root.clone(), image }));
    }
    versions
}

impl Maker<'_> {
    fn branch(&mut self, depth: u32) -> Branch {
        let mut branch = Branch { modified: self.now, items: BTreeMap::new() };
        for _ in 0..self.dice.between(2, 5) {
            let name = self.name();
            let item = if depth > 0 && self.dice.percent(40) {
                Item::Branch(self.branch(depth - 1))
            } else {
                self.item()
            };
            branch.items.insert(name, item);
        }
        branch
    }

    fn name(&mut self) -> Vec<u8> {
        let odd: &[&[u8]] = &[b"", b" ", b"\xff", b"\"", b"\xc3\xa4"];
        let tail = self.dice.pick(odd).copied().unwrap_or_default();
        [format!("n{}", self.dice.below(40)).as_bytes(), tail].concat()
    }

    fn item(&mut self) -> Item {
        if self.dice.percent(8) {
            return Item::Link(self.name());
        }
        let content = self.content();
        let hint = match self.dice.below(6) {
            0 => CutHint::Fixed(512),
            1 => CutHint::Marks((1..=content.len() as u64 / 300).map(|mark| mark * 300).collect()),
            _ => CutHint::ByContent,
        };
        let way = if self.dice.percent(15) { Way::Pushed(hint) } else { Way::Lazy(hint) };
        self.leaf(content.into(), way)
    }

    fn leaf(&mut self, content: Arc<[u8]>, way: Way) -> Item {
        *self.next_inode += 1;
        Item::Leaf(Leaf { modified: self.now, inode: *self.next_inode, content, way })
    }

    fn content(&mut self) -> Vec<u8> {
        match self.dice.below(10) {
            0 => Vec::new(),
            1..=3 => {
                let length = self.dice.between(1, 63) as usize;
                self.dice.bytes(length)
            }
            4 => vec![0; self.dice.between(100, 3000) as usize],
            5 | 6 => {
                let mut content = self.dice.pick(self.shared).cloned().unwrap_or_default();
                let length = self.dice.between(0, 400) as usize;
                content.extend(self.dice.bytes(length));
                content
            }
            _ => {
                let length = self.dice.between(64, 4000) as usize;
                self.dice.bytes(length)
            }
        }
    }

    /// Changes about a third of what is there.
    fn mutate(&mut self, branch: &mut Branch) {
        let mut changed = false;
        let names: Vec<Vec<u8>> = branch.items.keys().cloned().collect();
        for name in names {
            match branch.items.get_mut(&name) {
                Some(Item::Branch(below)) if self.dice.percent(80) => self.mutate(below),
                Some(Item::Leaf(leaf)) if self.dice.percent(30) => self.edit(leaf),
                Some(Item::Leaf(Leaf { way: way @ Way::Patched { .. }, .. })) => {
                    // What is not read again needs no patch either.
                    *way = Way::Lazy(CutHint::ByContent);
                }
                Some(_) if self.dice.percent(10) => {
                    branch.items.remove(&name);
                    changed = true;
                }
                _ => {}
            }
        }
        if self.dice.percent(60) {
            let name = self.name();
            let item = if self.dice.percent(20) { Item::Branch(self.branch(1)) } else { self.item() };
            branch.items.insert(name, item);
            changed = true;
        }
        if changed {
            branch.modified = self.now;
        }
    }

    fn edit(&mut self, leaf: &mut Leaf) {
        leaf.modified = self.now;
        let mut content = leaf.content.to_vec();
        let length = content.len() as u64;
        let start = self.dice.below(length);
        let end = self.dice.between(start, (start + 300).min(length));
        let (from, to) = (start as usize, end as usize);
        if self.dice.percent(30) && length > 0 {
            let piece = self.dice.bytes(to - from);
            content.splice(from..to, piece);
            let ranges = std::iter::once(start..end).filter(|range| !range.is_empty()).collect();
            leaf.way = Way::Patched { base: Arc::clone(&leaf.content), ranges };
        } else {
            // An insertion shifts what comes after it.
            let length = self.dice.between(1, 200) as usize;
            let piece = self.dice.bytes(length);
            content.splice(from..from, piece);
            if !matches!(leaf.way, Way::Pushed(_)) {
                leaf.way = Way::Lazy(CutHint::ByContent);
            }
        }
        leaf.content = content.into();
    }
}

fn flatten(branch: &Branch, path: &[u8], image: &mut Image) {
    image.insert(path.to_vec(), (branch.modified, Thing::Folder));
    for (name, item) in &branch.items {
        let path = if path.is_empty() { name.clone() } else { [path, name].join(&b'/') };
        match item {
            Item::Branch(below) => flatten(below, &path, image),
            Item::Leaf(leaf) => {
                image.insert(path, (leaf.modified, Thing::File(Arc::clone(&leaf.content))));
            }
            Item::Link(target) => {
                image.insert(path, (0, Thing::Link(target.clone())));
            }
        }
    }
    if path.is_empty() {
        // Nobody restores the root's own metadata.
        image.remove(path);
    }
}

impl Version {
    /// Hands the tree to a sink. Files that are told as patches need `parent`, the version that the sink compares with.
    pub(crate) fn feed(&self, sink: &dyn Sink, parent: Option<&Self>) -> Result<(), SinkError> {
        feed(sink.root()?, &self.root, parent.map(|parent| &parent.root))
    }
}

fn feed(folder: Box<dyn Folder>, branch: &Branch, parent: Option<&Branch>) -> Result<(), SinkError> {
    for (name, item) in &branch.items {
        let before = parent.and_then(|parent| parent.items.get(name));
        match item {
            Item::Branch(below) => {
                let before = match before {
                    Some(Item::Branch(before)) => Some(before),
                    _ => None,
                };
                feed(folder.folder(name)?, below, before)?;
            }
            Item::Link(target) => {
                let kind = EntryKind::Symlink;
                let meta = Meta { kind, link_target: Some(target.clone()), links: 1, ..meta(0) };
                folder.add(Entry { name: name.clone(), meta, content: Content::None })?;
            }
            Item::Leaf(leaf) => leaf.feed(&*folder, name, before)?,
        }
    }
    folder.close(Meta { kind: EntryKind::Folder, ..meta(branch.modified) })
}

impl Leaf {
    fn feed(&self, folder: &dyn Folder, name: &[u8], before: Option<&Item>) -> Result<(), SinkError> {
        let size = self.content.len() as u64;
        let meta = Meta { size, inode: self.inode, links: 1, ..meta(self.modified) };
        let whole = |hint: &CutHint| Content::Lazy(Box::new(Bytes(self.content.to_vec())), hint.clone());
        let content = match &self.way {
            Way::Pushed(hint) => {
                let mut pushed = folder.begin(name, hint.clone())?;
                for piece in self.content.chunks(700) {
                    pushed.write(piece)?;
                }
                return pushed.finish(meta);
            }
            Way::Lazy(hint) => whole(hint),
            Way::Patched { base, ranges } => match before {
                Some(Item::Leaf(before)) if before.content == *base => {
                    let pieces = ranges
                        .iter()
                        .filter_map(|range| self.content.get(range.start as usize..range.end as usize));
                    let opener = Box::new(Bytes(pieces.flatten().copied().collect()));
                    Content::Patched { opener, ranges: ranges.clone() }
                }
                _ => whole(&CutHint::ByContent),
            },
        };
        folder.add(Entry { name: name.to_vec(), meta, content })
    }
}

fn meta(modified: i64) -> Meta {
    let time = Timestamp::utc(modified, 0);
    Meta { permissions: 0o640, modified: time, accessed: time, changed: time, ..Meta::default() }
}

struct Bytes(Vec<u8>);

impl Opener for Bytes {
    fn open(self: Box<Self>) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.0)))
    }
}
