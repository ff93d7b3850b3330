//! The permutation, alone and below `shuffle`.

use std::hint::black_box;

use windrow::order::Permutation;
use windrow::{Dataset, range};

use crate::report::{Goal, Report};
use crate::rounds::{contestant, rounds};

/// Few, so that most rounds end before the system gives the core to another job.
const CALLS: u64 = 40_000;
const ROUNDS: usize = 201;
/// Indices in no order: `call` times this, modulo the length.
const STRIDE: u64 = 0x9E37_79B9_7F4A_7C15;

pub fn run(report: &mut Report) {
    for (len, goal) in [(10u64, 200.0), (1_000_000, 25.0)] {
        let order = Permutation::new(len, 7, 0);
        let shuffled = range(0..len).shuffle(7);
        let twice = range(0..len).shuffle(7).shuffle(8);
        let epochs = u64::MAX / len;
        let get = |index: u64| shuffled.get(index).expect("a sample");
        let each = |ask: &dyn Fn(u64) -> u64| (0..CALLS).for_each(|call| _ = black_box(ask(call)));
        let rounds = rounds(
            ROUNDS,
            vec![
                contestant("permutation", || each(&|call| order.get(call % len))),
                contestant("shuffle", || each(&|call| get(call).unwrap_or_default())),
                contestant("random", || {
                    each(&|call| get(call.wrapping_mul(STRIDE) % len).unwrap_or_default());
                }),
                contestant("epochs", || {
                    each(&|call| get(call.wrapping_mul(STRIDE) % epochs * len).unwrap_or_default());
                }),
                contestant("twice", || {
                    each(&|call| twice.get(call).expect("a sample").unwrap_or_default());
                }),
            ],
        );
        let nanos = |name| rounds.rate(name, CALLS as f64).map(|rate| 1e9 / rate);
        let mut row = |what: &str, name, goal| {
            report.row(&format!("n = {len}: {what}"), nanos(name), "ns", goal);
        };
        row("permutation, an index", "permutation", Goal::AtMost(goal));
        row("`shuffle`, index after index", "shuffle", Goal::AtMost(goal));
        row("`shuffle`, any index", "random", Goal::AtMost(goal));
        row("`shuffle`, another epoch each time", "epochs", Goal::None);
        row("`shuffle` of a `shuffle`", "twice", Goal::None);
    }
}
