//! The order is as random as it says, and stays what it is.
//!
//! Statistics over fixed seeds, so that a result never changes from run to run; `measure.rs` says
//! where the thresholds come from. The vectors of `golden/order.json` and `golden/grain.json` are
//! checked by `vectors.rs`.

#[path = "order/lengths.rs"]
mod lengths;
#[path = "order/measure.rs"]
mod measure;
#[path = "order/vectors.rs"]
mod vectors;

use measure::{
    Order, Z_MAX, against_law, against_level, between_samples, deviation, network, permutation,
    reference,
};

/// What makes an order of a seed and an epoch.
trait Make: Fn(u64, u64) -> Order {}
impl<F: Fn(u64, u64) -> Order> Make for F {}

/// The deviation of entries at these positions from being level, over seeds or over epochs.
///
/// Chi-square over all cells; the rows of a permutation matrix are correlated by -1 / (len - 1),
/// which the factor (len - 1) / len undoes for a whole matrix, and which is nothing for a few of
/// many rows.
fn positions(make: impl Make, len: u64, rows: &[u64], draws: u64, over_epochs: bool) -> f64 {
    let mut counts = vec![0u32; rows.len() * len as usize];
    for draw in 0..draws {
        let order = if over_epochs { make(77, draw) } else { make(draw, 3) };
        for (row, &index) in rows.iter().enumerate() {
            counts[row * len as usize + order(index) as usize] += 1;
        }
    }
    let expected = draws as f64 / len as f64;
    let chi: f64 = counts.iter().map(|&c| (f64::from(c) - expected).powi(2) / expected).sum();
    let n = len as f64;
    match rows.len() as u64 == len {
        true => deviation(chi * (n - 1.0) / n, (n - 1.0).powi(2)),
        false => deviation(chi, rows.len() as f64 * (n - 1.0)),
    }
}

/// The deviation of the entries at two positions from all ordered pairs being equally likely.
fn pairs(make: impl Make, len: u64, (one, other): (u64, u64), draws: u64) -> f64 {
    let mut counts = vec![0u32; (len * len) as usize];
    for seed in 0..draws {
        let order = make(seed, 0);
        counts[(order(one) * len + order(other)) as usize] += 1;
    }
    let n = len as usize;
    against_law(&counts, |cell| if cell / n == cell % n { 0.0 } else { 1.0 / (n * (n - 1)) as f64 })
}

/// The deviation of the difference of neighbours, at a place that changes with the seed.
fn steps(make: impl Make, len: u64, lag: u64, draws: u64) -> f64 {
    let mut counts = vec![0u32; len as usize];
    for seed in 0..draws {
        let (order, at) = (make(seed, 1), seed % (len - lag));
        counts[((len + order(at + lag) - order(at)) % len) as usize] += 1;
    }
    against_law(&counts, |step| if step == 0 { 0.0 } else { 1.0 / (len - 1) as f64 })
}

/// The deviation of the exclusive or of four entries, in a length that is a power of two: three
/// different entries leave `len - 3` for the fourth, and one of these makes it 0.
fn fours(make: impl Make, len: u64, four: [u64; 4], draws: u64) -> f64 {
    assert!(len.is_power_of_two());
    let mut counts = vec![0u32; len as usize];
    for seed in 0..draws {
        let order = make(seed, 2);
        counts[four.iter().fold(0, |xor, &index| xor ^ order(index)) as usize] += 1;
    }
    let zero = 1.0 / (len - 3) as f64;
    against_law(&counts, |xor| if xor == 0 { zero } else { (1.0 - zero) / (len - 1) as f64 })
}

/// The deviation of a number taken of whole orders from the same of reference orders.
fn whole(make: impl Make, len: u64, draws: u64, number: impl Fn(&[u64]) -> i64) -> f64 {
    let some = (0..draws).map(|seed| {
        let order = make(seed, 4);
        number(&(0..len).map(&order).collect::<Vec<_>>())
    });
    let others = (0..2 * draws).map(|seed| number(&reference(len, seed)));
    between_samples(&mut some.collect::<Vec<_>>(), &mut others.collect::<Vec<_>>())
}

/// The longest stretch that only rises or only falls.
fn longest_run(entries: &[u64]) -> i64 {
    let (mut longest, mut run) = (1, 1);
    for three in entries.windows(3) {
        run = if (three[0] < three[1]) == (three[1] < three[2]) { run + 1 } else { 1 };
        longest = longest.max(run);
    }
    longest
}

fn rises(entries: &[u64]) -> i64 {
    entries.windows(2).filter(|two| two[0] < two[1]).count() as i64
}

/// How many cycles there are; with the length, this decides whether an order is even or odd.
fn cycles(entries: &[u64]) -> i64 {
    let mut seen = vec![false; entries.len()];
    let mut cycles = 0;
    for start in 0..entries.len() {
        cycles += i64::from(!seen[start]);
        let mut at = start;
        while !std::mem::replace(&mut seen[at], true) {
            at = entries[at] as usize;
        }
    }
    cycles
}

/// How many different values the exclusive or of entries takes whose indices differ in one bit.
fn flips(bit: usize) -> impl Fn(&[u64]) -> i64 {
    move |entries| {
        let mut values: Vec<u64> = (0..entries.len())
            .filter(|index| index & bit == 0 && index | bit < entries.len())
            .map(|index| entries[index] ^ entries[index | bit])
            .collect();
        values.sort_unstable();
        values.dedup();
        values.len() as i64
    }
}

/// The fourth powers of the Walsh spectrum of the upper bits: how much they are like linear ones.
fn linearity(entries: &[u64]) -> i64 {
    let n = entries.len();
    let mut fourth = 0;
    let lower = 1 << (n.trailing_zeros() / 2);
    for mask in (lower..n as u64).step_by(lower as usize) {
        let sign = |entry: &u64| if (entry & mask).count_ones().is_multiple_of(2) { 1 } else { -1 };
        let mut spectrum: Vec<i64> = entries.iter().map(sign).collect();
        let mut half = 1;
        while half < n {
            for at in (0..n).filter(|at| at & half == 0) {
                let (x, y) = (spectrum[at], spectrum[at | half]);
                (spectrum[at], spectrum[at | half]) = (x + y, x - y);
            }
            half *= 2;
        }
        fourth += spectrum[1..].iter().map(|x| x.pow(4)).sum::<i64>();
    }
    // Coarse enough for classes of a few dozen.
    fourth / (n * n * 8) as i64
}

fn assert_level(what: &str, z: f64) {
    assert!(z.abs() < Z_MAX, "{what}: off by {z:.2} standard deviations, {Z_MAX} is the most");
}

#[test]
fn every_entry_is_as_likely_at_every_position() {
    let all: Vec<u64> = (0..10).collect();
    let some: Vec<u64> = (0..20).map(|row| row * 52 + row % 2).collect();
    for over_epochs in [false, true] {
        let over = if over_epochs { "epochs" } else { "seeds" };
        let z = positions(permutation(10), 10, &all, 12_000, over_epochs);
        assert_level(&format!("10 positions of 10 over {over}"), z);
        let z = positions(permutation(1000), 1000, &some, 20_000, over_epochs);
        assert_level(&format!("20 positions of 1,000 over {over}"), z);
        let z = positions(permutation(131), 131, &(0..131).collect::<Vec<_>>(), 2_000, over_epochs);
        assert_level(&format!("131 positions of 131 over {over}"), z);
    }
}

#[test]
fn every_pair_is_as_likely_at_the_start() {
    for (len, draws) in [(10, 20_000), (17, 12_000), (33, 15_000), (64, 24_000), (129, 85_000)] {
        assert_level(&format!("pairs of {len}"), pairs(permutation(len), len, (0, 1), draws));
    }
    assert_level("pairs of 130, far apart", pairs(permutation(130), 130, (1, 65), 85_000));
}

#[test]
fn neighbours_differ_by_anything() {
    for (len, draws) in [(10, 9_000), (64, 9_000), (129, 9_000), (1000, 30_000), (1 << 10, 30_000)]
    {
        for lag in [1, 4] {
            let z = steps(permutation(len), len, lag, draws);
            assert_level(&format!("differences over {lag} in {len}"), z);
        }
    }
}

#[test]
fn four_entries_do_not_cancel_more_often_than_by_chance() {
    for (len, draws) in [(64, 6_000), (256, 20_000), (1024, 30_000)] {
        for four in [[0, 1, 2, 3], [0, 1, 16, 17], [0, 4, 8, 12], [3, 12, 33, 60]] {
            let z = fours(permutation(len), len, four, draws);
            assert_level(&format!("entries {four:?} of {len}"), z);
        }
    }
}

#[test]
fn runs_cycles_and_steps_are_those_of_random_orders() {
    for (len, draws) in [(17, 2_000), (129, 1_000), (200, 800), (256, 800), (300, 600)] {
        for (what, number) in [
            ("longest run", longest_run as fn(&[u64]) -> i64),
            ("rises", rises),
            ("cycles", cycles),
            ("flips of bit 3", |entries| flips(8)(entries)),
        ] {
            assert_level(&format!("{what} of {len}"), whole(permutation(len), len, draws, number));
        }
    }
}

#[test]
fn even_and_odd_orders_are_equally_likely() {
    for (len, draws) in [(32, 2_000), (255, 1_500), (256, 1_500), (512, 800)] {
        let mut counts = [0u32; 2];
        for seed in 0..draws {
            let order = permutation(len)(seed, 0);
            let entries: Vec<u64> = (0..len).map(&order).collect();
            counts[(len as i64 - cycles(&entries)) as usize % 2] += 1;
        }
        assert_level(&format!("even and odd orders of {len}"), against_level(&counts));
    }
}

#[test]
fn an_order_is_not_nearly_linear() {
    for (len, draws) in [(64, 800), (256, 700)] {
        let z = whole(permutation(len), len, draws, linearity);
        assert_level(&format!("Walsh spectrum of {len}"), z);
    }
}

#[test]
fn the_next_seed_and_the_next_epoch_know_nothing_of_this_one() {
    for (len, classes) in [(10, 10), (256, 16)] {
        for (what, by_seed, by_epoch) in [("seed", 1, 0), ("epoch", 0, 1), ("both", 1, 1)] {
            let mut counts = vec![0u32; classes * classes];
            for draw in 0..12_000 {
                let one = permutation(len)(draw * 2, 8);
                let next = permutation(len)(draw * 2 + by_seed, 8 + by_epoch);
                let class = |entry: u64| (entry as usize * classes) / len as usize;
                counts[class(one(5)) * classes + class(next(5))] += 1;
            }
            assert_level(&format!("entry 5 of {len}, next {what}"), against_level(&counts));
        }
    }
}

#[test]
fn orders_of_neighbouring_seeds_are_uncorrelated() {
    const LEN: u64 = 1000;
    let entries = |seed| {
        let order = permutation(LEN)(seed, 0);
        (0..LEN).map(|index| order(index) as f64).collect::<Vec<_>>()
    };
    let (n, pairs) = (LEN as f64, 120);
    let mut chi = 0.0;
    for seed in 0..pairs {
        let (one, next) = (entries(2 * seed), entries(2 * seed + 1));
        let apart: f64 = one.iter().zip(next).map(|(x, y)| (x - y).powi(2)).sum();
        // Spearman's coefficient; its variance over random orders is 1 / (n - 1).
        let coefficient = 1.0 - 6.0 * apart / (n * (n * n - 1.0));
        chi += coefficient.powi(2) * (n - 1.0);
    }
    assert_level("correlation of orders", deviation(chi, pairs as f64));
}

#[test]
fn the_network_written_again_gives_the_same_orders() {
    for len in [129, 256, 1000, (1 << 40) + 1, 1 << 63] {
        for (seed, epoch) in [(0, 0), (42, 3), (u64::MAX, u64::MAX)] {
            let (order, again) =
                (permutation(len)(seed, epoch), network(len, 8, true)(seed, epoch));
            for index in (0..100).chain([len / 2, len - 1]) {
                assert_eq!(order(index), again(index), "{index} of {len}, seed {seed}");
            }
        }
    }
}

/// What would come out with fewer rounds, or without the spreading step: the reason for both, and
/// the proof that the statistics above can fail.
#[test]
fn weaker_networks_are_seen_through() {
    let seen = |what: &str, z: f64| assert!(z > 1.5 * Z_MAX, "{what} passes unseen: {z:.2}");
    let all: Vec<u64> = (0..131).collect();
    seen("2 rounds: positions", positions(network(131, 2, true), 131, &all, 2_000, false));
    seen("2 rounds: pairs", pairs(network(129, 2, true), 129, (0, 1), 85_000));
    seen("2 rounds: differences", steps(network(1024, 2, true), 1024, 1, 30_000));
    seen("2 rounds: cycles", whole(network(256, 2, true), 256, 400, cycles));
    seen("2 rounds: longest run", whole(network(256, 2, true), 256, 400, longest_run));
    seen("2 rounds: rises", whole(network(256, 2, true), 256, 400, rises));
    seen("4 rounds: fours", fours(network(256, 4, true), 256, [0, 1, 16, 17], 20_000));
    seen("4 rounds: flips", whole(network(256, 4, true), 256, 600, flips(8)));
    seen("6 rounds: Walsh spectrum", whole(network(256, 6, true), 256, 700, linearity));
    seen("8 rounds unspread: Walsh spectrum", whole(network(256, 8, false), 256, 300, linearity));
}
