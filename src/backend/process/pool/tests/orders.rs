//! Every order of small cases, and random orders of large ones.

use super::{Limits, World, limits};
use crate::order::Rng;

/// Continues with each possible event, and counts the schedules.
fn every_order(world: &World, depth: u32, seen: &mut u64) {
    if depth == 0 {
        return;
    }
    let steps = world.steps();
    if steps.is_empty() {
        world.check_rest();
        world.clone().close();
        *seen += 1;
    }
    for step in steps {
        let mut next = world.clone();
        next.take(step);
        every_order(&next, depth - 1, seen);
    }
}

#[test]
fn in_every_order_each_task_is_told_once() {
    let cases: &[(u32, u64, u32)] =
        if cfg!(miri) { &[(1, 1, 2)] } else { &[(1, 2, 2), (2, 2, 1), (1, 1, 3), (2, 1, 1)] };
    for &(workers, tasks, faults) in cases {
        let mut seen = 0;
        every_order(&World::new(workers, tasks, faults, limits()), 40, &mut seen);
        assert!(seen > 10, "{seen} schedules of {workers} workers, {tasks} tasks, {faults} faults");
    }
}

#[test]
fn in_random_orders_with_many_faults_each_task_is_told_once_and_every_pool_can_be_closed() {
    let (runs, tasks) = if cfg!(miri) { (4, 10) } else { (5000, 60) };
    for seed in 0..runs {
        let mut rng = Rng::keyed(seed, 0, 0, 0);
        let samples = (rng.below(2) == 0).then(|| 2 + rng.below(9));
        let limits = Limits { crashes: rng.below(6) as u32, samples, ..limits() };
        let faults = rng.below(30) as u32;
        let mut world = World::new(1 + rng.below(5) as u32, tasks, faults, limits);
        let closed_at = (rng.below(3) == 0).then(|| rng.below(200));
        for number in 0.. {
            let steps = world.steps();
            if steps.is_empty() {
                world.check_rest();
                break;
            }
            if closed_at == Some(number) {
                break;
            }
            world.take(steps[rng.below(steps.len() as u64) as usize]);
        }
        world.close();
    }
}
