//! Layouts against a brute-force join of the same constraints.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use proptest::prelude::*;

use super::Layout;
use crate::sink::Partition;

fn blocks(size: u64) -> Partition {
    Partition::Blocks(NonZeroU64::new(size).unwrap())
}

/// Returns the groups that a partition makes of some indices.
fn groups_of(partition: &Partition, indices: &[u64]) -> Vec<BTreeSet<u64>> {
    let together = |a: u64, b: u64| match partition {
        Partition::Each => a == b,
        Partition::Blocks(size) => a / size.get() == b / size.get(),
        Partition::Groups(lists) => {
            a == b || lists.iter().any(|list| list.contains(&a) && list.contains(&b))
        }
    };
    let of = |&a: &u64| indices.iter().copied().filter(|&b| together(a, b)).collect();
    let all: BTreeSet<BTreeSet<u64>> = indices.iter().map(of).collect();
    all.into_iter().collect()
}

/// Joins groups that share an index, until none do.
fn joined(mut groups: Vec<BTreeSet<u64>>) -> BTreeSet<BTreeSet<u64>> {
    loop {
        let pair = (0..groups.len())
            .flat_map(|a| (0..a).map(move |b| (a, b)))
            .find(|&(a, b)| !groups[a].is_disjoint(&groups[b]));
        let Some((a, b)) = pair else { return groups.into_iter().collect() };
        let other = groups.remove(a);
        groups[b].extend(other);
    }
}

fn partition(len: u64) -> impl Strategy<Value = Partition> {
    let lists = prop::collection::vec(0..6u8, len as usize).prop_map(|numbers| {
        let list = |number| {
            let places = (0u64..).zip(&numbers).filter(move |(_, of)| **of == number);
            let mut list: Vec<u64> = places.map(|(index, _)| index).collect();
            list.reverse();
            list
        };
        Partition::Groups((0..5).map(list).collect())
    });
    prop_oneof![Just(Partition::Each), (1..20u64).prop_map(blocks), lists]
}

/// Checks a layout against the join of the constraints over these indices.
fn check(len: u64, some: Option<&[u64]>, source: &Partition, sink: &Partition) {
    let all: Vec<u64> = (0..len).collect();
    let indices = some.unwrap_or(&all);
    let (by_source, by_sink) = (groups_of(source, indices), groups_of(sink, indices));
    let expected = joined([by_source.clone(), by_sink.clone()].concat());

    let layout = Layout::new(len, some, source, sink, false).unwrap();
    assert_eq!((layout.len(), layout.groups()), (indices.len() as u64, expected.len() as u64));
    let (mut found, mut end, mut before) = (BTreeSet::new(), 0, u64::MAX);
    for number in 0..layout.groups() {
        let positions = layout.positions(number);
        assert_eq!(positions.start, end, "groups adjoin");
        end = positions.end;
        let group: Vec<u64> = positions.map(|position| layout.index(position)).collect();
        assert!(group.is_sorted(), "{group:?}");
        assert!(group.len() as u64 <= before, "the longest comes first");
        before = group.len() as u64;
        assert!(group.iter().all(|&index| layout.group_of(index) == Some(number)));
        found.insert(group.into_iter().collect());
    }
    assert_eq!(found, expected);
    assert_eq!(layout.group_of(len), None);

    let is_conflict = expected.iter().any(|g| !by_source.contains(g) && !by_sink.contains(g));
    let strict = Layout::new(len, some, source, sink, true);
    assert_eq!(strict.is_err(), is_conflict, "{source:?} {sink:?} {indices:?}: {strict:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn layouts_are_the_join_of_both_constraints_and_no_more(
        (len, source, sink, chosen) in (0..40u64).prop_flat_map(|len| {
            let chosen = prop::option::of(prop::collection::vec(any::<bool>(), len as usize));
            (Just(len), partition(len), partition(len), chosen)
        })
    ) {
        let some: Option<Vec<u64>> = chosen.map(|chosen| {
            (0..len).zip(chosen).filter(|(_, chosen)| *chosen).map(|(index, _)| index).collect()
        });
        check(len, some.as_deref(), &source, &sink);
    }
}

#[test]
fn sizes_that_divide_each_other_are_no_conflict() {
    for (a, b) in [(2, 4), (4, 2), (3, 3), (1, 7), (100, 3)] {
        assert!(Layout::new(10, None, &blocks(a), &blocks(b), true).is_ok(), "{a} {b}");
    }
    let error = Layout::new(10, None, &blocks(2), &blocks(3), true).unwrap_err().to_string();
    assert!(error.contains("a group of 6 indices from index 0 on"), "{error}");
    // The indices that do not run join nothing.
    assert!(Layout::new(10, Some(&[0, 2]), &blocks(2), &blocks(3), true).is_ok());
}

#[test]
fn long_pipelines_need_no_memory_and_too_long_groups_are_refused() {
    let layout = Layout::new(1 << 62, None, &blocks(4), &blocks(6), false).unwrap();
    assert_eq!(layout.groups(), (1u64 << 62).div_ceil(12));
    assert_eq!(layout.group_of((1 << 62) - 1), Some(layout.groups() - 1));
    let error = Layout::new(1 << 62, None, &blocks(1 << 60), &Partition::Each, false).unwrap_err();
    assert!(error.to_string().contains("groups of up to 16777216 indices"), "{error}");
}
