//! Tests of single limits, lies and ends, and of their exact costs.

use super::super::{Action, Exit, Limits, Page, Pool, Said};
use super::{MS, Process, Step, Told, World, exit, limits};
use crate::engine::Task;
use crate::error::Error;

/// Creates a pool with one ready worker.
fn ready(limits: Limits) -> World {
    let mut world = World::new(1, 0, 9, limits);
    world.take(Step::Start(0));
    world.take(Step::Ready(0));
    world
}

/// Submits a task and gives it to a worker.
fn give(world: &mut World, id: u64) {
    world.pool.submit(Task { id, start: 10 * id, count: 2 });
    world.tasks += 1;
    world.settle();
}

fn actions(pool: &mut Pool<u32>) -> Vec<Action> {
    std::iter::from_fn(|| pool.next()).collect()
}

#[test]
fn only_a_task_that_was_begun_is_lost_with_its_worker() {
    for is_begun in [false, true] {
        let mut world = ready(limits());
        give(&mut world, 0);
        if is_begun {
            world.take(Step::Begin(0));
        }
        world.take(Step::Crash(0));
        assert_eq!(world.told.get(&0), is_begun.then_some(&Told::Lost));
    }
}

#[test]
fn a_task_comes_back_unbegun_three_times_and_is_lost_then() {
    let mut world = ready(Limits { crashes: 99, ..limits() });
    give(&mut world, 0);
    for returned in 0..4 {
        assert_eq!(world.told.get(&0), None, "after {returned} returns");
        world.take(Step::Crash(0));
        world.now += 1000 * MS;
        world.take(Step::Start(0));
        world.take(Step::Ready(0));
    }
    assert_eq!(world.told.get(&0), Some(&Told::Lost));
}

#[test]
fn what_no_worker_says_costs_the_worker_and_nothing_it_says_later_counts() {
    let lies: [fn() -> Said; 8] = [
        || Said::Nonsense("it sent an invalid Hello frame".into()),
        || Said::Hello(Ok(())),
        || Said::Ready(Ok(())),
        || Said::Refused("no".into()),
        || Said::Piece(1),
        || Said::Pieces { task: 0, bytes: u64::MAX },
        || Said::Pieces { task: 7, bytes: 1 },
        || Said::Bye,
    ];
    for lie in lies {
        let mut world = ready(limits());
        give(&mut world, 0);
        world.pool.said(0, lie(), world.now);
        let asked = actions(&mut world.pool);
        assert!(matches!(asked[..], [Action::Kill(0)]), "{:?}: {asked:?}", lie());
        world.pool.said(0, Said::Ready(Ok(())), world.now);
        assert!(
            world.pool.reported(0, 0, false, world.now).is_none(),
            "the report no longer counts"
        );
        assert!(actions(&mut world.pool).is_empty());
        world.end(0, &exit("killed by SIGKILL"));
        let asked = actions(&mut world.pool);
        assert!(
            matches!(&asked[0], Action::Ended { how, is_lost: true, .. } if how.contains("killed by windrow: "))
        );
    }
    let mut world = ready(limits());
    world.pool.said(0, Said::Trouble("why".into()), world.now);
    assert!(actions(&mut world.pool).is_empty(), "a worker may report trouble at any time");
}

#[test]
fn a_worker_says_who_it_is_once_and_first_and_sends_nothing_before_it_is_ready() {
    let lies: [(bool, fn() -> Said); 6] = [
        (false, || Said::Ready(Ok(()))),
        (true, || Said::Hello(Ok(()))),
        (true, || Said::Pieces { task: 0, bytes: 1 }),
        (true, || Said::Piece(1)),
        (true, || Said::Bye),
        (true, || Said::Nonsense("a bad frame".into())),
    ];
    for (greets, lie) in lies {
        let mut world = World::new(1, 1, 0, limits());
        world.pool.started(0, world.now);
        if greets {
            assert!(world.pool.said(0, Said::Hello(Ok(())), world.now));
        }
        assert!(!world.pool.said(0, lie(), world.now), "{:?}", lie());
        assert!(matches!(actions(&mut world.pool)[..], [Action::Kill(0)]), "{:?}", lie());
    }
}

#[test]
fn a_worker_whose_next_task_is_too_long_for_it_is_told_to_end_at_once() {
    let mut world = ready(Limits { samples: Some(3), ..limits() });
    give(&mut world, 0);
    world.take(Step::Begin(0));
    world.take(Step::Finish(0));
    assert!(!world.process(0).is_drained);
    give(&mut world, 1);
    assert!(world.process(0).is_drained, "the drain needs no call of look");
}

#[test]
fn workers_whose_slots_were_at_fault_are_no_crashes() {
    let mut world = ready(Limits { crashes: 0, ..limits() });
    for id in 0..3 {
        give(&mut world, id);
        world.take(Step::Begin(0));
        world.end(0, &Exit { blameless: true, ..exit("killed by SIGBUS") });
        world.now += 1000 * MS;
        world.take(Step::Start(0));
        world.take(Step::Ready(0));
    }
    assert!(world.broken.is_none() && world.told.is_empty());
}

#[test]
fn a_worker_of_another_program_or_pipeline_is_refused_at_once_where_none_was_ready() {
    for said in [Said::Hello(Err("other".into())), Said::Ready(Err("other".into()))] {
        let mut world = World::new(1, 1, 0, limits());
        world.pool.started(0, world.now);
        world.processes[0] = Some(Process::default());
        if matches!(said, Said::Ready(_)) {
            world.pool.said(0, Said::Hello(Ok(())), world.now);
        }
        world.pool.said(0, said, world.now);
        world.settle();
        world.take(Step::End(0));
        assert!(matches!(&world.broken, Some(Error::Workers { why }) if why == "other"));
        world.close();
    }
}

#[test]
fn pieces_must_be_announced_and_whole() {
    for (announced, came, is_whole) in [(10, 10, true), (10, 9, false), (0, 0, true)] {
        let mut world = ready(limits());
        give(&mut world, 0);
        world.pool.said(0, Said::Pieces { task: 0, bytes: announced }, world.now);
        if came > 0 {
            world.pool.said(0, Said::Piece(came), world.now);
        }
        assert_eq!(world.pool.reported(0, 0, true, world.now).is_some(), is_whole);
        assert_eq!(actions(&mut world.pool).is_empty(), is_whole);
    }
    let mut world = ready(limits());
    give(&mut world, 0);
    world.pool.said(0, Said::Pieces { task: 0, bytes: 0 }, world.now);
    assert!(world.pool.reported(0, 0, false, world.now).is_none(), "the pieces belong to no task");
}

#[test]
fn a_payload_that_is_none_costs_the_worker_and_its_task_is_made_again_or_lost() {
    let mut world = ready(limits());
    give(&mut world, 0);
    world.take(Step::Begin(0));
    let given = world.pool.reported(0, 0, false, world.now).unwrap();
    world.pool.delivered(0, given, Err("no table".into()), world.now);
    world.settle();
    world.take(Step::End(0));
    assert_eq!(world.told.get(&0), Some(&Told::Lost));
}

#[test]
fn limits_count_from_what_was_seen_and_a_page_that_goes_back_gives_no_time() {
    let mut world = ready(Limits { sample: Some(100 * MS), ..limits() });
    give(&mut world, 0);
    world.take(Step::Begin(0));
    let mut observe = |at: u32, filling: u64| {
        let page = Page { filling: Some(filling), ..world.process(0).page() };
        world.pool.observe(0, &page, at * MS);
        world.pool.passed(0, at * MS).is_some()
    };
    assert!(!observe(10, 0));
    assert!(!observe(60, 1), "the next sample has its own time");
    assert!(!observe(120, 0), "a step back is no progress");
    assert!(!observe(150, 77), "another task's position is no progress");
    assert!(observe(160, 0));
    world.pool.look(0, 160 * MS);
    assert!(matches!(actions(&mut world.pool)[..], [Action::Kill(0)]));
    world.pool.look(0, 170 * MS);
    assert!(actions(&mut world.pool).is_empty(), "once");
}

#[test]
fn a_worker_that_does_not_start_or_end_in_time_is_killed_and_one_that_cannot_be_is_abandoned() {
    let mut world = World::new(1, 1, 0, limits());
    world.take(Step::Start(0));
    world.pool.look(0, 999 * MS);
    assert!(actions(&mut world.pool).is_empty());
    world.pool.look(0, 1000 * MS);
    assert!(matches!(actions(&mut world.pool)[..], [Action::Kill(0)]));
    world.pool.look(0, 6000 * MS);
    assert!(actions(&mut world.pool).is_empty());
    world.pool.look(0, 6001 * MS);
    let asked = actions(&mut world.pool);
    assert!(asked.iter().any(|action| matches!(action, Action::Abandon(0))), "{asked:?}");
    assert!(world.pool.is_empty());
}

#[test]
fn a_worker_that_closed_its_channel_has_a_moment_to_end() {
    let mut world = ready(limits());
    world.pool.hung_up(0, 10 * MS);
    give(&mut world, 0);
    assert!(world.process(0).tasks.is_empty(), "the worker gets no more tasks");
    world.pool.look(0, 209 * MS);
    assert!(actions(&mut world.pool).is_empty());
    world.pool.look(0, 210 * MS);
    assert!(matches!(actions(&mut world.pool)[..], [Action::Kill(0)]));
}

#[test]
fn a_worker_is_replaced_after_its_samples_and_one_too_heavy_is_killed_at_twice_its_limit() {
    let mut world = ready(Limits { samples: Some(4), ..limits() });
    for id in 0..2 {
        give(&mut world, id);
        world.take(Step::Begin(0));
        world.take(Step::Finish(0));
    }
    assert!(world.process(0).is_drained, "after four samples");
    world.take(Step::End(0));
    assert_eq!((world.pool.incarnation(0), world.pool.crashes), (1, 0));

    let mut world = ready(Limits { rss: Some(1000), ..limits() });
    give(&mut world, 0);
    world.pool.weighed(0, Some(1500), world.now);
    assert!(actions(&mut world.pool).is_empty(), "the worker may finish its task");
    world.pool.weighed(0, Some(2001), world.now);
    assert!(matches!(actions(&mut world.pool)[..], [Action::Kill(0)]));
}

#[test]
fn workers_that_end_with_their_fork_server_are_one_loss() {
    let mut world = World::new(4, 0, 0, limits());
    for number in 0..4 {
        world.take(Step::Start(number));
        world.take(Step::Ready(number));
    }
    for number in 0..4 {
        world.end(number, &Exit { with_server: true, ..exit("ended") });
    }
    assert_eq!(world.pool.crashes, 0);
    world.pool.server_failed("killed by SIGKILL".into(), false);
    assert_eq!((world.pool.crashes, world.pool.with_server), (1, 0));
}

#[test]
fn a_worker_without_init_ends_all_where_none_was_ready_and_counts_where_one_was() {
    for was_ready in [false, true] {
        let mut world = if was_ready { ready(limits()) } else { World::new(1, 0, 9, limits()) };
        if was_ready {
            world.take(Step::Crash(0));
            world.now += 1000 * MS;
        }
        world.take(Step::Start(0));
        world.end(0, &Exit { no_init: Some("it ran main()".into()), ..exit("exited") });
        world.settle();
        assert_eq!(world.broken.is_some(), !was_ready);
    }
}

#[test]
fn a_closed_pool_gives_a_starting_worker_a_moment_and_hands_nothing_out() {
    let mut world = World::new(2, 3, 0, limits());
    world.take(Step::Start(0));
    world.pool.close(world.now);
    world.settle();
    assert!(world.process(0).is_drained && world.pool.start_at(1).is_none());
    world.pool.look(0, 500 * MS);
    assert!(actions(&mut world.pool).is_empty());
    world.pool.look(0, 501 * MS);
    assert!(matches!(actions(&mut world.pool)[..], [Action::Kill(0)]));
}
