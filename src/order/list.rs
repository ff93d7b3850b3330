//! A list whose clones share their common entries.

use std::sync::Arc;

/// The number of entries in a node. `BITS` is the number of bits of a place that choose an entry.
const WIDTH: usize = 1 << BITS;
const BITS: u32 = 5;

/// A list with a clone that takes constant time.
///
/// The list is a tree of nodes that clones share, plus the last entries outside the tree. A change
/// of an entry copies the nodes on the entry's path that another clone shares.
#[derive(Debug, Clone)]
pub struct List<T> {
    tree: Arc<Node<T>>,
    /// The number of levels of nodes above the leaves.
    height: u32,
    /// The number of entries in the tree, in whole leaves.
    rooted: usize,
    /// The last entries, at most one leaf of them.
    tail: Vec<T>,
}

#[derive(Debug, Clone)]
enum Node<T> {
    Leaf(Vec<T>),
    Inner(Vec<Arc<Node<T>>>),
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { tree: Arc::new(Node::Inner(Vec::new())), height: 1, rooted: 0, tail: Vec::new() }
    }
}

impl<T: Clone> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        let mut list = Self::default();
        entries.into_iter().for_each(|entry| list.push(entry));
        list
    }
}

impl<T: Clone> List<T> {
    pub(crate) fn len(&self) -> u64 {
        (self.rooted + self.tail.len()) as u64
    }

    /// Adds an entry at the end.
    pub(crate) fn push(&mut self, entry: T) {
        if self.tail.len() == WIDTH {
            let leaf = std::mem::replace(&mut self.tail, Vec::with_capacity(WIDTH));
            self.take_root(leaf);
        }
        self.tail.push(entry);
    }

    fn take_root(&mut self, leaf: Vec<T>) {
        if self.rooted == WIDTH << (BITS * self.height) {
            self.tree = Arc::new(Node::Inner(vec![self.tree.clone()]));
            self.height += 1;
        }
        let (mut node, mut height) = (&mut self.tree, self.height);
        while let Node::Inner(children) = Arc::make_mut(node) {
            let child = (self.rooted >> (BITS * height)) % WIDTH;
            height -= 1;
            if child == children.len() && height > 0 {
                children.push(Arc::new(Node::Inner(Vec::new())));
            } else if child == children.len() {
                children.push(Arc::new(Node::Leaf(leaf)));
                break;
            }
            node = &mut children[child];
        }
        self.rooted += WIDTH;
    }

    /// Removes and returns the last entry.
    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.tail.is_empty() && self.rooted > 0 {
            self.tail = uprooted(&mut self.tree)?;
            self.rooted -= WIDTH;
        }
        self.tail.pop()
    }

    /// Returns the entries of the leaf that contains a place, or of the tail.
    fn leaf(&self, place: usize) -> &[T] {
        if place >= self.rooted {
            return &self.tail;
        }
        let (mut node, mut height) = (&self.tree, self.height);
        loop {
            match &**node {
                Node::Leaf(entries) => return entries,
                Node::Inner(children) => node = &children[(place >> (BITS * height)) % WIDTH],
            }
            height = height.saturating_sub(1);
        }
    }

    pub(crate) fn get(&self, place: u64) -> Option<&T> {
        let place = usize::try_from(place).ok()?;
        self.leaf(place).get(place % WIDTH).filter(|_| place < self.rooted + self.tail.len())
    }

    /// Returns the entry at a place, for changes.
    pub(crate) fn get_mut(&mut self, place: u64) -> Option<&mut T> {
        let place = usize::try_from(place).ok()?;
        if place >= self.rooted {
            return self.tail.get_mut(place - self.rooted);
        }
        let (mut node, mut height) = (&mut self.tree, self.height);
        loop {
            match Arc::make_mut(node) {
                Node::Leaf(entries) => return entries.get_mut(place % WIDTH),
                Node::Inner(children) => node = &mut children[(place >> (BITS * height)) % WIDTH],
            }
            height = height.saturating_sub(1);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let leaves = (0..self.rooted).step_by(WIDTH);
        leaves.flat_map(|place| self.leaf(place)).chain(&self.tail)
    }

    /// Returns the number of entries at the start for which `is_before` is true. `is_before` must
    /// be true for a first part of the list and false for the rest.
    pub(crate) fn count_before(&self, is_before: impl Fn(&T) -> bool) -> u64 {
        let (mut start, mut end) = (0, self.len());
        while start < end {
            let middle = start + (end - start) / 2;
            if self.get(middle).is_some_and(&is_before) { start = middle + 1 } else { end = middle }
        }
        start
    }

    /// Calls `see` with each entry that differs from the entry of `other` in the same place.
    ///
    /// May call `see` with equal entries too. Clones that share most of their entries compare fast.
    pub(crate) fn differing(&self, other: &Self, see: &mut impl FnMut(&T))
    where
        T: PartialEq,
    {
        let (mut theirs, mut height) = (Some(&other.tree), other.height);
        while height > self.height {
            theirs = theirs.and_then(|node| node.child(0));
            height -= 1;
        }
        differing(&self.tree, self.height, theirs, height, see);
        for (number, entry) in self.tail.iter().enumerate() {
            if other.get((self.rooted + number) as u64) != Some(entry) {
                see(entry);
            }
        }
    }
}

impl<T> Node<T> {
    fn child(&self, number: usize) -> Option<&Arc<Self>> {
        match self {
            Self::Inner(children) => children.get(number),
            Self::Leaf(_) => None,
        }
    }
}

/// Removes and returns the last leaf of a tree.
fn uprooted<T: Clone>(node: &mut Arc<Node<T>>) -> Option<Vec<T>> {
    let children = match Arc::make_mut(node) {
        Node::Leaf(entries) => return Some(std::mem::take(entries)),
        Node::Inner(children) => children,
    };
    let leaf = uprooted(children.last_mut()?)?;
    let is_empty = |node: &Node<T>| match node {
        Node::Leaf(entries) => entries.is_empty(),
        Node::Inner(children) => children.is_empty(),
    };
    children.pop_if(|last| is_empty(last));
    Some(leaf)
}

fn differing<T: PartialEq>(
    ours: &Arc<Node<T>>,
    height: u32,
    theirs: Option<&Arc<Node<T>>>,
    their_height: u32,
    see: &mut impl FnMut(&T),
) {
    if theirs.is_some_and(|theirs| height == their_height && Arc::ptr_eq(ours, theirs)) {
        return;
    }
    match (&**ours, theirs.map(|theirs| &**theirs)) {
        (Node::Leaf(ours), Some(Node::Leaf(theirs))) => {
            let pairs = ours.iter().zip(theirs).filter(|(ours, theirs)| ours != theirs);
            pairs.for_each(|(ours, _)| see(ours));
            ours.iter().skip(theirs.len()).for_each(see);
        }
        (Node::Leaf(ours), _) => ours.iter().for_each(see),
        (Node::Inner(children), _) => {
            for (number, child) in children.iter().enumerate() {
                // A lower tree corresponds to the first child of a tree as high as ours.
                let (theirs, their_height) = if height > their_height {
                    (theirs.filter(|_| number == 0), their_height)
                } else {
                    (theirs.and_then(|theirs| theirs.child(number)), height - 1)
                };
                differing(child, height - 1, theirs, their_height, see);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::order::Rng;

    #[test]
    #[cfg_attr(miri, ignore = "long, and safe code")]
    fn a_list_is_a_vec_whose_copies_stay_as_they_were() {
        let mut rng = Rng::keyed(1, 0, 0, 0);
        let (mut list, mut vec) = (List::default(), Vec::new());
        let mut copies: Vec<(List<u64>, Vec<u64>)> = Vec::new();
        for step in 0..30_000 {
            // The list grows beyond two levels, and then shrinks to nothing.
            match rng.below(10) {
                0..=2 => assert_eq!(list.pop(), vec.pop()),
                3 | 4 if step > 15_000 => assert_eq!(list.pop(), vec.pop()),
                5 | 6 if step > 15_000 => assert_eq!(list.pop(), vec.pop()),
                7 if !vec.is_empty() => {
                    let place = rng.below(vec.len() as u64);
                    *list.get_mut(place).unwrap() = step;
                    vec[place as usize] = step;
                }
                _ => {
                    list.push(step);
                    vec.push(step);
                }
            }
            assert_eq!(list.len(), vec.len() as u64);
            assert_eq!(list.get(vec.len() as u64), None);
            let place = rng.below(vec.len().max(1) as u64);
            assert_eq!(list.get(place), vec.get(place as usize));
            if step % 1000 == 0 {
                copies.push((list.clone(), vec.clone()));
            }
        }
        for (list, vec) in &copies {
            assert!(list.iter().eq(vec));
            for (other, others) in &copies {
                let mut seen = BTreeSet::new();
                list.differing(other, &mut |entry| _ = seen.insert(*entry));
                let missing = |(place, entry): &(usize, &u64)| others.get(*place) != Some(entry);
                let expected = vec.iter().enumerate().filter(missing);
                assert!(expected.map(|(_, entry)| entry).all(|entry| seen.contains(entry)));
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "long, and safe code")]
    fn copies_with_few_differences_are_compared_fast() {
        let old: List<u64> = (0..50_000).collect();
        let mut new = old.clone();
        *new.get_mut(777).unwrap() = 1;
        new.push(2);
        let mut seen = Vec::new();
        new.differing(&old, &mut |entry| seen.push(*entry));
        assert_eq!(seen, [1, 2]);
    }
}
