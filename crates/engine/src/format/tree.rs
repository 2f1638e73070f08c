//! A tree: the entries of one folder, in the order of their names' bytes.

use super::node::Node;
use super::node_scan;
use crate::{Error, Result};

/// The entries of one folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    /// The entries, strictly ascending by name.
    pub nodes: Vec<Node>,
}

#[derive(serde::Deserialize)]
struct TreeJson {
    #[serde(default)]
    nodes: Option<Vec<Node>>,
}

impl Tree {
    /// Reads a tree blob.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is no tree, or its names are not strictly ascending.
    pub fn parse(json: &[u8]) -> Result<Self> {
        let nodes = match node_scan::nodes(json) {
            Some(nodes) => nodes,
            None => Self::parse_unusual(json)?,
        };
        if nodes.windows(2).any(|pair| matches!(pair, [a, b] if a.name >= b.name)) {
            return Err(Error::damaged("a tree", "its names are not in order"));
        }
        Ok(Self { nodes })
    }

    fn parse_unusual(json: &[u8]) -> Result<Vec<Node>> {
        let tree: TreeJson = serde_json::from_slice(json).map_err(|error| Error::damaged("a tree", error))?;
        Ok(tree.nodes.unwrap_or_default())
    }

    /// The tree as restic writes it: the same entries give the same bytes.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.nodes.len() * 400);
        write(&self.nodes, &mut out);
        out
    }

    /// The entry of this name.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<&Node> {
        let position = self.nodes.binary_search_by(|node| node.name.as_slice().cmp(name)).ok()?;
        self.nodes.get(position)
    }
}

/// Appends a tree of these nodes, which are in order.
pub fn write<'a>(nodes: impl IntoIterator<Item = &'a Node>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"nodes\":[");
    for (position, node) in nodes.into_iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        node.write(out);
    }
    out.extend_from_slice(b"]}\n");
}
