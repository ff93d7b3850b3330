//! One partition: the group that an index has in it.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::sink::Partition;

/// The identity of a group in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// The index by itself.
    Alone(u64),
    /// The block with this number.
    Block(u64),
    /// The list with this number.
    List(usize),
}

/// A checked partition, for looking up the group of an index.
#[derive(Debug)]
pub(super) struct Parts {
    block: Option<u64>,
    lists: Vec<Vec<u64>>,
    of: BTreeMap<u64, usize>,
}

impl Parts {
    /// Checks a partition of `len` indices.
    pub(super) fn new(partition: &Partition, len: u64) -> Result<Self> {
        let wrong = |value: String, allowed: &str| {
            Err(Error::Setting { name: "partition".into(), value, allowed: allowed.into() })
        };
        let (mut lists, mut of) = (Vec::new(), BTreeMap::new());
        let block = match partition {
            Partition::Each => None,
            Partition::Blocks(size) => Some(size.get()),
            Partition::Groups(groups) => {
                for group in groups {
                    let mut list = group.clone();
                    list.sort_unstable();
                    for &index in &list {
                        if index >= len {
                            let value = format!("a group with index {index} of {len}");
                            return wrong(value, "indices of the pipeline");
                        }
                        if of.insert(index, lists.len()).is_some() {
                            let value = format!("index {index} in two places");
                            return wrong(value, "each index in at most one group, once");
                        }
                    }
                    lists.push(list);
                }
                None
            }
        };
        Ok(Self { block, lists, of })
    }

    /// Returns the lists of the partition, each in ascending order.
    pub(super) fn lists(&self) -> &[Vec<u64>] {
        &self.lists
    }

    /// Returns the group of an index.
    pub(super) fn key(&self, index: u64) -> Key {
        match (self.block, self.of.get(&index)) {
            (Some(size), _) => Key::Block(index / size),
            (None, Some(&list)) => Key::List(list),
            (None, None) => Key::Alone(index),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_past_the_end_and_an_index_in_two_lists_are_refused() {
        let text = |groups| Parts::new(&Partition::Groups(groups), 5).unwrap_err().to_string();
        assert!(text(vec![vec![0, 5]]).contains("index 5 of 5"));
        assert!(text(vec![vec![0, 1], vec![2, 1]]).contains("index 1 in two places"));
        assert!(text(vec![vec![3, 3]]).contains("index 3 in two places"));
        let parts = Parts::new(&Partition::Groups(vec![vec![4, 1], vec![]]), 5).unwrap();
        assert_eq!(
            [0, 1, 4].map(|index| parts.key(index)),
            [Key::Alone(0), Key::List(0), Key::List(0)]
        );
        assert_eq!(parts.lists()[0], [1, 4]);
    }
}
