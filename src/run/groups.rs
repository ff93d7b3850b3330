//! The groups of a run: the constraints of source and sink, joined, and their layout as positions.
//!
//! A position of a run is a place in the layout. The positions of a group are adjacent, in the order
//! of their indices, and the longest group comes first. So a task of a backend is a group. A layout
//! of all indices needs no memory for the indices that no list names.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::parts::{Key, Parts};
use super::union_find::UnionFind;
use crate::error::{Error, Result};
use crate::sink::Partition;

/// The greatest number of indices in a group.
const GROUP_MAX: u64 = 1 << 24;

/// The layout of a run's indices as positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    /// All indices of the pipeline.
    All(Blocks),
    /// Some indices, group after group.
    Some {
        /// The index at each position.
        indices: Vec<u64>,
        /// The start of each group, and the end of the last one.
        starts: Vec<u64>,
        /// The groups of the indices, in the order of indices.
        groups: Vec<(u64, u64)>,
    },
}

/// All indices in blocks of one size, some of which are merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blocks {
    len: u64,
    block: u64,
    /// The blocks of each merged group, with the position of its first index. Longest group first.
    merged: Vec<(u64, Vec<u64>)>,
    /// The merged blocks in order, each with the number of its group.
    taken: Vec<(u64, u64)>,
    /// The number of positions in merged groups.
    merged_len: u64,
}

impl Layout {
    /// Joins the constraints of source and sink.
    ///
    /// `some` names the indices of a run over a part of the `len` indices, in ascending order.
    /// Indices that do not run join no groups. In strict mode, a group that is neither a group of
    /// the source nor a group of the sink is an error.
    pub(super) fn new(
        len: u64,
        some: Option<&[u64]>,
        source: &Partition,
        sink: &Partition,
        strict: bool,
    ) -> Result<Self> {
        let layout = match some {
            None => Self::All(Blocks::new(len, source, sink, strict)?),
            Some(indices) => {
                let parts = (Parts::new(source, len)?, Parts::new(sink, len)?);
                some_groups(indices, &parts.0, &parts.1, strict)?
            }
        };
        let longest = if layout.groups() > 0 { layout.positions(0) } else { 0..0 };
        match longest.end - longest.start {
            0..=GROUP_MAX => Ok(layout),
            most => Err(Error::Setting {
                name: "partition".into(),
                value: format!("a group of {most} indices"),
                allowed: format!("groups of up to {GROUP_MAX} indices"),
            }),
        }
    }

    /// Returns the number of positions.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::All(blocks) => blocks.len,
            Self::Some { indices, .. } => indices.len() as u64,
        }
    }

    /// Returns the number of groups.
    pub(super) fn groups(&self) -> u64 {
        match self {
            Self::All(blocks) => {
                let all = blocks.len.div_ceil(blocks.block);
                all - blocks.taken.len() as u64 + blocks.merged.len() as u64
            }
            Self::Some { starts, .. } => starts.len() as u64 - 1,
        }
    }

    /// Returns the positions of a group.
    pub(super) fn positions(&self, group: u64) -> Range<u64> {
        match self {
            Self::All(blocks) => blocks.positions(group),
            Self::Some { starts, .. } => starts[group as usize]..starts[group as usize + 1],
        }
    }

    /// Returns the index at a position.
    pub(super) fn index(&self, position: u64) -> u64 {
        match self {
            Self::All(blocks) => blocks.index(position),
            Self::Some { indices, .. } => indices[position as usize],
        }
    }

    /// Returns the group of an index, or `None` if the index does not run.
    pub(super) fn group_of(&self, index: u64) -> Option<u64> {
        match self {
            Self::All(blocks) => (index < blocks.len).then(|| blocks.group_of(index)),
            Self::Some { groups, .. } => {
                let place = groups.binary_search_by_key(&index, |&(index, _)| index).ok()?;
                Some(groups[place].1)
            }
        }
    }
}

impl Blocks {
    fn new(len: u64, source: &Partition, sink: &Partition, strict: bool) -> Result<Self> {
        let block = joined_block(block_of(source, len), block_of(sink, len), len);
        let whole =
            |block| Self { len, block, merged: Vec::new(), taken: Vec::new(), merged_len: 0 };
        let mut lists: Vec<(Vec<u64>, u64)> = Vec::new();
        for partition in [source, sink] {
            // Checks the lists too.
            for list in Parts::new(partition, len)?.lists() {
                let blocks: BTreeSet<u64> = list.iter().map(|index| index / block).collect();
                lists.push((blocks.into_iter().collect(), list.len() as u64));
            }
        }
        let is_joined = block > block_of(source, len) && block > block_of(sink, len);
        if strict && is_joined {
            return Err(conflict(0, block.min(len)));
        }
        let touched: BTreeSet<u64> = lists.iter().flat_map(|(blocks, _)| blocks).copied().collect();
        let touched: Vec<u64> = touched.into_iter().collect();
        let at = |block: &u64| touched.binary_search(block).unwrap_or_default();
        let mut sets = UnionFind::new(touched.len());
        for (blocks, _) in &lists {
            for pair in blocks.windows(2) {
                sets.union(at(&pair[0]), at(&pair[1]));
            }
        }
        // The longest list of each set: a list covers its set if it has as many indices.
        let mut longest: BTreeMap<usize, u64> = BTreeMap::new();
        for (blocks, count) in lists.iter().filter(|(blocks, _)| !blocks.is_empty()) {
            let most = longest.entry(sets.find(at(&blocks[0]))).or_default();
            *most = (*most).max(*count);
        }
        let mut found: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for (place, &block) in touched.iter().enumerate() {
            found.entry(sets.find(place)).or_default().push(block);
        }
        found.retain(|_, blocks| blocks.len() > 1);
        let mut this = whole(block);
        let size = |blocks: &[u64]| -> u64 { blocks.iter().map(|&b| this.range(b).1).sum() };
        let mut sized: Vec<(u64, Vec<u64>)> = Vec::new();
        for (root, blocks) in found {
            let indices = size(&blocks);
            if strict && longest.get(&root) != Some(&indices) {
                return Err(conflict(this.range(blocks[0]).0, indices));
            }
            sized.push((indices, blocks));
        }
        sized.sort_by_key(|(indices, blocks)| (std::cmp::Reverse(*indices), blocks[0]));
        for (number, (indices, blocks)) in sized.into_iter().enumerate() {
            this.taken.extend(blocks.iter().map(|&block| (block, number as u64)));
            this.merged.push((this.merged_len, blocks));
            this.merged_len += indices;
        }
        this.taken.sort_unstable();
        Ok(this)
    }

    /// Returns the first index of a block, and the number of its indices.
    fn range(&self, block: u64) -> (u64, u64) {
        let start = block * self.block;
        (start, self.block.min(self.len - start))
    }

    fn positions(&self, group: u64) -> Range<u64> {
        let merged = self.merged.len() as u64;
        if group < merged {
            let end = self.merged.get(group as usize + 1).map_or(self.merged_len, |next| next.0);
            return self.merged[group as usize].0..end;
        }
        let start = self.merged_len + (group - merged) * self.block;
        start..start.saturating_add(self.block).min(self.len)
    }

    fn index(&self, position: u64) -> u64 {
        if position < self.merged_len {
            let number = self.merged.partition_point(|(start, _)| *start <= position) - 1;
            let (start, blocks) = &self.merged[number];
            let offset = position - start;
            return blocks[(offset / self.block) as usize] * self.block + offset % self.block;
        }
        let offset = position - self.merged_len;
        // The block with this number among those that are not merged.
        let number = offset / self.block;
        let (mut low, mut high) = (0, self.taken.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.taken[middle].0 - middle as u64 <= number {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (number + low as u64) * self.block + offset % self.block
    }

    fn group_of(&self, index: u64) -> u64 {
        let block = index / self.block;
        match self.taken.binary_search_by_key(&block, |&(block, _)| block) {
            Ok(place) => self.taken[place].1,
            Err(before) => self.merged.len() as u64 + block - before as u64,
        }
    }
}

/// Returns the size of a partition's blocks; 1 for lists.
fn block_of(partition: &Partition, len: u64) -> u64 {
    match partition {
        Partition::Blocks(size) => size.get().min(len.max(1)),
        _ => 1,
    }
}

/// Returns the size of the blocks that two sizes join to: the boundaries are those of both.
fn joined_block(a: u64, b: u64, len: u64) -> u64 {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    a.max(b).max((a / x).saturating_mul(b).min(len))
}

/// Returns the layout of some indices.
fn some_groups(indices: &[u64], source: &Parts, sink: &Parts, strict: bool) -> Result<Layout> {
    let mut sets = UnionFind::new(indices.len());
    for parts in [source, sink] {
        let mut first: BTreeMap<Key, usize> = BTreeMap::new();
        for (place, &index) in indices.iter().enumerate() {
            sets.union(place, *first.entry(parts.key(index)).or_insert(place));
        }
    }
    let mut found: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for (place, &index) in indices.iter().enumerate() {
        found.entry(sets.find(place)).or_default().push(index);
    }
    let mut sorted: Vec<Vec<u64>> = found.into_values().collect();
    sorted.sort_by_key(|group| (std::cmp::Reverse(group.len()), group[0]));
    let (mut order, mut starts, mut groups) = (Vec::new(), vec![0], Vec::new());
    for (number, group) in sorted.into_iter().enumerate() {
        let is_one = |parts: &Parts| {
            let key = parts.key(group[0]);
            group.iter().all(|&index| parts.key(index) == key)
        };
        if strict && !is_one(source) && !is_one(sink) {
            return Err(conflict(group[0], group.len() as u64));
        }
        groups.extend(group.iter().map(|&index| (index, number as u64)));
        order.extend(group);
        starts.push(order.len() as u64);
    }
    groups.sort_unstable();
    Ok(Layout::Some { indices: order, starts, groups })
}

fn conflict(first: u64, count: u64) -> Error {
    Error::Setting {
        name: "partition".into(),
        value: format!(
            "a group of {count} indices from index {first} on, which neither the source nor the \
             sink asks for alone"
        ),
        allowed: "in strict mode, groups of the source that lie inside groups of the sink, or the \
                  other way round; choose sizes that divide each other, or leave strict mode"
            .into(),
    }
}

#[cfg(test)]
mod tests;
