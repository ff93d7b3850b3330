//! Every order of small cases, and random orders with losses, duplicates and wrong answers.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use super::{Lost, Scheduler};
use crate::backend::Task;
use crate::order::Rng;
use crate::run::groups::Layout;
use crate::sink::Partition;

fn layout(len: u64, block: u64) -> Layout {
    let sink = Partition::Blocks(NonZeroU64::new(block).unwrap());
    Layout::new(len, None, &Partition::Each, &sink, false).unwrap()
}

/// Hands out all tasks, then continues with each choice of the task that comes back first.
fn every_order(history: &[usize], groups: u64, workers: u64, seen: &mut u64) {
    let mut scheduler = Scheduler::new(layout(groups * 3, 3), BTreeSet::new(), 2);
    scheduler.begin(workers);
    let (mut out, mut done) = (Vec::new(), BTreeSet::new());
    for &choice in history {
        out.extend(std::iter::from_fn(|| scheduler.next_task()));
        let task: Task = out.remove(choice);
        let positions = scheduler.done(task.id, 3).unwrap();
        assert_eq!(positions, task.positions());
        assert!(done.insert(positions.start), "a group ends once");
        assert_eq!(scheduler.done(task.id, 3), Err(Lost::Stale));
    }
    out.extend(std::iter::from_fn(|| scheduler.next_task()));
    assert!(out.len() as u64 <= 2 * workers, "one in progress and one queued for each worker");
    if out.is_empty() {
        assert!(scheduler.is_finished());
        assert_eq!(done.len() as u64, groups);
        *seen += 1;
        return;
    }
    for choice in 0..out.len() {
        every_order(&[history, &[choice]].concat(), groups, workers, seen);
    }
}

#[test]
fn every_completion_order_ends_every_group_once() {
    for workers in 1..=3 {
        let mut seen = 0;
        every_order(&[], 6, workers, &mut seen);
        let orders = [0, 32, 4 * 4 * 4 * 3 * 2, 720];
        assert_eq!(seen, orders[workers as usize]);
    }
}

#[test]
fn settled_groups_are_not_handed_out_and_the_longest_goes_first() {
    let lists = Partition::Groups(vec![vec![1, 2], vec![5, 7, 9]]);
    let layout = Layout::new(10, None, &Partition::Each, &lists, false).unwrap();
    let settled = [layout.group_of(0).unwrap(), layout.group_of(8).unwrap()].into();
    let mut scheduler = Scheduler::new(layout, settled, 2);
    scheduler.begin(100);
    let tasks: Vec<Task> = std::iter::from_fn(|| scheduler.next_task()).collect();
    let indices = |task: &Task| -> Vec<u64> {
        task.positions().map(|position| scheduler.layout().index(position)).collect()
    };
    let groups: Vec<Vec<u64>> = tasks.iter().map(indices).collect();
    assert_eq!(groups, [vec![5, 7, 9], vec![1, 2], vec![3], vec![4], vec![6]]);
}

#[test]
fn an_index_that_kills_its_workers_is_left_out_and_its_group_goes_on_without_it() {
    let mut scheduler = Scheduler::new(layout(4, 2), BTreeSet::new(), 2);
    scheduler.begin(1);
    let first = scheduler.next_task().unwrap();
    assert_eq!(scheduler.lost(first.id, "killed".into(), Some(1)), Lost::Again);
    let again = scheduler.next_task().unwrap();
    assert_eq!((again.start, again.count), (0, 2), "a lost group goes first");
    let losses = vec!["killed".into(), "killed again".into()];
    let told = scheduler.lost(again.id, "killed again".into(), Some(1));
    assert_eq!(told, Lost::LeftOut(1, losses));
    let second = scheduler.next_task().unwrap();
    assert_eq!(second.start, 2);
    assert!(scheduler.next_task().is_none(), "the same workers do not know what to leave out");
    assert_eq!(scheduler.done(second.id, 2), Ok(2..4));
    assert!(scheduler.is_idle() && !scheduler.is_finished());
    assert_eq!(scheduler.left_out(), &[1].into());
    scheduler.begin(1);
    let rest = scheduler.next_task().unwrap();
    assert_eq!(scheduler.done(rest.id, 2), Ok(0..2));
    assert!(scheduler.is_finished());
}

#[test]
fn a_group_of_one_index_or_without_a_culprit_is_given_up() {
    let mut scheduler = Scheduler::new(layout(3, 2), BTreeSet::new(), 1);
    scheduler.begin(2);
    let (pair, one) = (scheduler.next_task().unwrap(), scheduler.next_task().unwrap());
    assert_eq!(scheduler.lost(one.id, "x".into(), Some(2)), Lost::GivenUp(2..3, vec!["x".into()]));
    assert_eq!(scheduler.lost(pair.id, "y".into(), Some(9)), Lost::GivenUp(0..2, vec!["y".into()]));
    assert!(scheduler.is_finished());
}

#[test]
fn random_orders_losses_and_duplicates_end_every_group_once() {
    for seed in 0..300 {
        let mut rng = Rng::keyed(seed, 0, 0, 0);
        let (len, block) = (1 + rng.below(60), 1 + rng.below(7));
        let killer = rng.below(len);
        let mut scheduler = Scheduler::new(layout(len, block), BTreeSet::new(), 3);
        let (mut ended, mut past) = (BTreeMap::new(), Vec::new());
        while !scheduler.is_finished() {
            scheduler.begin(1 + rng.below(4));
            let mut out: Vec<Task> = Vec::new();
            loop {
                while rng.below(4) > 0 {
                    out.extend(scheduler.next_task());
                }
                if out.is_empty() {
                    if scheduler.is_idle() {
                        break;
                    }
                    continue;
                }
                let task = out.swap_remove(rng.below(out.len() as u64) as usize);
                let kills =
                    task.positions().contains(&killer) && !scheduler.left_out().contains(&killer);
                let told = if kills {
                    scheduler.lost(task.id, "killed".into(), Some(killer))
                } else if rng.below(6) == 0 {
                    scheduler.done(task.id, task.count + 1).unwrap_err()
                } else {
                    let positions = scheduler.done(task.id, task.count).unwrap();
                    *ended.entry(positions.start).or_insert(0) += 1;
                    Lost::Stale
                };
                if let Lost::GivenUp(positions, _) = told {
                    *ended.entry(positions.start).or_insert(0) += 1;
                }
                past.push(task.id);
                let old = past[rng.below(past.len() as u64) as usize];
                if !out.iter().any(|task| task.id == old) {
                    assert_eq!(scheduler.lost(old, "late".into(), None), Lost::Stale);
                }
            }
        }
        assert!(ended.values().all(|&times| times == 1), "{ended:?}");
        assert_eq!(ended.len() as u64, len.div_ceil(block));
    }
}
