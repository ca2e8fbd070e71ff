//! The right edge of the growing tree, and how it is put together from edges that grew side by side.

use super::tree;
use crate::store::evidence::canonical::Hash;

/// Roots of full subtrees, each with the power of two of its leaves: the largest first, where it begins at the tree's
/// first leaf.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    size: i64,
    nodes: Vec<(u32, Hash)>,
}

/// What an edge that began in the middle has at some size.
#[derive(Debug)]
pub(super) struct Part {
    /// Subtrees that may become one with those to their left.
    nodes: Vec<(u32, Hash)>,
    /// The root over what stands to their right.
    rest: Option<Hash>,
}

impl Edge {
    /// An edge to the right of the first `size` leaves.
    pub(super) fn from(size: i64) -> Edge {
        Edge { size: size.max(0), nodes: Vec::new() }
    }

    /// Leaves up to here, with those to the left.
    pub(super) fn size(&self) -> i64 {
        self.size
    }

    pub(super) fn push(&mut self, leaf: Hash) {
        self.add(0, leaf);
    }

    /// Adds a full subtree of `1 << level` leaves; two that lie in the same larger one become it.
    fn add(&mut self, mut level: u32, mut node: Hash) {
        self.size += 1 << level;
        while self.size.trailing_zeros() > level
            && let Some((_, left)) = self.nodes.pop_if(|(l, _)| *l == level)
        {
            node = tree::node(&left, &node);
            level += 1;
        }
        self.nodes.push((level, node));
    }

    /// The root over all leaves, where the edge began with the first.
    pub(super) fn root(&self) -> Hash {
        fold(&self.nodes, None).unwrap_or_else(|| tree::root_of(&[]))
    }

    /// What has to be kept to know a root at this size later.
    pub(super) fn part(&self) -> Part {
        // After the largest, sizes fall: neighbours of equal size would have become one.
        let largest = self.nodes.iter().map(|(level, _)| *level).max().unwrap_or(0);
        let end = self.nodes.iter().rposition(|(level, _)| *level == largest).map_or(0, |at| at + 1);
        let (nodes, rest) = self.nodes.split_at(end);
        Part { nodes: nodes.to_vec(), rest: fold(rest, None) }
    }

    /// The root over this edge's leaves and those of a part to its right.
    pub(super) fn root_with(&self, part: &Part) -> Hash {
        let mut edge = self.clone();
        edge.extend(&part.nodes);
        fold(&edge.nodes, part.rest).unwrap_or_else(|| tree::root_of(&[]))
    }

    /// Adds all leaves of an edge that began where this one ends.
    pub(super) fn append(&mut self, right: &Edge) {
        self.extend(&right.nodes);
    }

    fn extend(&mut self, nodes: &[(u32, Hash)]) {
        for (level, node) in nodes {
            self.add(*level, *node);
        }
    }
}

/// RFC 6962's root over subtrees whose sizes fall, with `right` to the right of all.
fn fold(nodes: &[(u32, Hash)], right: Option<Hash>) -> Option<Hash> {
    nodes.iter().rev().fold(right, |right, (_, left)| match right {
        Some(right) => Some(tree::node(left, &right)),
        None => Some(*left),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn edges_that_grew_side_by_side_make_the_same_roots() {
        let leaves: Vec<Hash> = (0..100_u64).map(|n| Sha256::digest(n.to_be_bytes()).into()).collect();
        for first in 0..=40 {
            let mut left = Edge::from(0);
            leaves[..first].iter().for_each(|leaf| left.push(*leaf));
            assert_eq!(left.root(), tree::root_of(&leaves[..first]));
            let mut right = Edge::from(first as i64);
            for end in first + 1..=leaves.len() {
                right.push(leaves[end - 1]);
                assert_eq!(left.root_with(&right.part()), tree::root_of(&leaves[..end]), "{first} and {end}");
            }
            left.append(&right);
            assert_eq!((left.size(), left.root()), (100, tree::root_of(&leaves)));
        }
    }
}
