//! Lengths and indices up to the largest: every combinator against an oracle in 128 bits.

use proptest::prelude::*;
use windrow::order::{Permutation, Rng, Shard};
use windrow::{Dataset, Fault, Loader, State, range};

/// The numbers of a range, alone or in batches, as a dataset whose kind is known at run time only.
type Numbers = Box<dyn Dataset<Sample = Vec<u64>>>;

/// A combinator.
#[derive(Debug, Clone, Copy)]
enum Op {
    Slice(u64, u64),
    StepBy(u64),
    Shard(u64, u64, bool),
    /// A shard that is padded, and strided or not.
    Padded(u64, u64, bool),
    Repeat(u64),
    Shuffle(u64),
    ShuffleOnce(u64),
    Sample(u64),
    Reverse,
    WindowShuffle(u64, u64),
    RepeatSame(u64),
    /// The second of four parts.
    Split(u64),
    Batch(u64, bool),
}

const MAX: u128 = u64::MAX as u128;
/// No batch of more samples is asked for.
const BATCH_MAX: u128 = 9;
/// Four parts of whole quarters, so that their ends are exact.
const PARTS: [f64; 4] = [0.25, 0.5, 0.0, 0.25];

impl Op {
    fn apply(self, numbers: Numbers) -> Numbers {
        let flat = |parts: Vec<Vec<u64>>| Ok::<_, Fault>(parts.concat());
        match self {
            Self::Slice(start, end) => Box::new(numbers.slice(start..end)),
            Self::StepBy(step) => Box::new(numbers.step_by(step)),
            Self::Shard(index, count, drop) => {
                let shard = Shard::new(index, count).unwrap();
                Box::new(numbers.shard(if drop { shard.drop_remainder() } else { shard }))
            }
            Self::Padded(index, count, strided) => {
                let shard = Shard::new(index, count).unwrap().pad_remainder();
                Box::new(numbers.shard(if strided { shard.strided() } else { shard }))
            }
            Self::Repeat(epochs) => Box::new(numbers.repeat(epochs)),
            Self::Shuffle(seed) => Box::new(numbers.shuffle(seed)),
            Self::ShuffleOnce(seed) => Box::new(numbers.shuffle_once(seed)),
            Self::Sample(count) => Box::new(numbers.sample(count)),
            Self::Reverse => Box::new(numbers.reverse()),
            Self::WindowShuffle(seed, window) => Box::new(numbers.window_shuffle(seed, window)),
            Self::RepeatSame(epochs) => Box::new(numbers.repeat(epochs).same_each_epoch()),
            Self::Split(seed) => Box::new(numbers.split(seed, PARTS)[1].clone()),
            Self::Batch(size, true) => Box::new(numbers.batch_with(size, flat).drop_remainder()),
            Self::Batch(size, false) => Box::new(numbers.batch_with(size, flat)),
        }
    }

    /// The length, from the length below.
    fn len(self, below: u128) -> u128 {
        match self {
            Self::Slice(start, end) => u128::from(end).min(below).saturating_sub(start.into()),
            Self::StepBy(step) => below.div_ceil(step.into()),
            Self::Shard(index, count, drop) => {
                let (index, count) = (u128::from(index), u128::from(count));
                below / count + u128::from(!drop && index < below % count)
            }
            Self::Padded(_, count, _) => below.div_ceil(count.into()),
            // A length has 64 bits; what is beyond is cut off.
            Self::Repeat(epochs) | Self::RepeatSame(epochs) => {
                (below * u128::from(epochs)).min(MAX)
            }
            Self::Shuffle(_) | Self::ShuffleOnce(_) | Self::Reverse | Self::WindowShuffle(..) => {
                below
            }
            Self::Sample(count) => below.min(count.into()),
            Self::Split(_) => (3 * below + 2) / 4 - (below + 2) / 4,
            Self::Batch(size, true) => below / u128::from(size),
            Self::Batch(size, false) => below.div_ceil(size.into()),
        }
    }

    /// The indices below that an index is made of.
    fn below(self, epoch: u128, offset: u128, below: u128) -> std::ops::Range<u128> {
        let one = |offset: u128| epoch * below + offset..epoch * below + offset + 1;
        match self {
            Self::Slice(start, _) => one(u128::from(start) + offset),
            Self::StepBy(step) => one(offset * u128::from(step)),
            Self::Shard(index, count, drop) => {
                let (index, count) = (u128::from(index), u128::from(count));
                let longer = if drop { 0 } else { (below % count).min(index) };
                one(below / count * index + longer + offset)
            }
            Self::Padded(index, count, strided) => {
                let (index, count) = (u128::from(index), u128::from(count));
                let place = match strided {
                    true => index + offset * count,
                    false => below.div_ceil(count) * index + offset,
                };
                one(place % below)
            }
            Self::Repeat(_) => unreachable!("an index of it is the index below"),
            Self::Shuffle(seed) => {
                let order = Permutation::new(below as u64, seed, epoch as u64);
                one(order.get(offset as u64).into())
            }
            Self::ShuffleOnce(seed) => {
                one(Permutation::new(below as u64, seed, 0).get(offset as u64).into())
            }
            Self::Sample(_) => one(offset),
            Self::Reverse => one(below - 1 - offset),
            Self::WindowShuffle(seed, window) => {
                let window = u128::from(window);
                let (start, epoch) = (offset / window * window, epoch as u64);
                let size = window.min(below - start) as u64;
                let seed = Rng::keyed(seed, epoch, 0, (offset / window) as u64).next_u64();
                let order = Permutation::new(size, seed, epoch);
                one(start + u128::from(order.get((offset - start) as u64)))
            }
            Self::RepeatSame(_) => offset % below..offset % below + 1,
            Self::Split(seed) => {
                let place = (below + 2) / 4 + offset;
                one(Permutation::new(below as u64, seed, 0).get(place as u64).into())
            }
            Self::Batch(size, _) => {
                let from = offset * u128::from(size);
                let to = (from + u128::from(size)).min(below);
                epoch * below + from..epoch * below + to
            }
        }
    }
}

/// What is at an index, in 128 bits; none where an index below it does not fit in 64.
fn oracle(range: &std::ops::Range<u64>, ops: &[Op], index: u128) -> Option<Vec<u64>> {
    if index > MAX {
        return None;
    }
    let Some((op, below)) = ops.split_last() else {
        let offset = index % u128::from(range.end - range.start);
        return Some(vec![range.start + offset as u64]);
    };
    if let Op::Repeat(_) = op {
        return oracle(range, below, index);
    }
    let len_below = len(range, below);
    let len = op.len(len_below);
    let parts = op.below(index / len, index % len, len_below);
    assert!(parts.end - parts.start <= BATCH_MAX);
    parts.map(|index| oracle(range, below, index)).collect::<Option<Vec<_>>>().map(|p| p.concat())
}

fn len(range: &std::ops::Range<u64>, ops: &[Op]) -> u128 {
    ops.iter().fold(u128::from(range.end - range.start), |len, op| op.len(len))
}

/// A number near 0, 2^32, 2^63 or 2^64, or any.
fn extreme() -> impl Strategy<Value = u64> {
    let near =
        |middle: u64| (0u64..6).prop_map(move |off| middle.wrapping_add(off).wrapping_sub(3));
    prop_oneof![
        3 => 1u64..9, 1 => near(1 << 32), 3 => near(1 << 63), 2 => near(u64::MAX - 3),
        1 => any::<u64>(),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (extreme(), extreme()).prop_map(|(a, b)| Op::Slice(a.min(b), a.max(b))),
        (0u64..9, extreme()).prop_map(|(start, end)| Op::Slice(start, end)),
        extreme().prop_map(|step| Op::StepBy(step.max(1))),
        (extreme(), extreme(), any::<bool>()).prop_map(|(index, count, drop)| Op::Shard(
            index % count.max(1),
            count.max(1),
            drop
        )),
        (extreme(), extreme(), any::<bool>()).prop_map(|(index, count, strided)| Op::Padded(
            index % count.max(1),
            count.max(1),
            strided
        )),
        extreme().prop_map(Op::Repeat),
        any::<u64>().prop_map(Op::Shuffle),
        any::<u64>().prop_map(Op::ShuffleOnce),
        any::<u64>().prop_map(Op::Split),
        extreme().prop_map(Op::Sample),
        Just(Op::Reverse),
        (any::<u64>(), extreme()).prop_map(|(seed, window)| Op::WindowShuffle(seed, window.max(1))),
        (any::<u64>(), 1u64..200).prop_map(|(seed, window)| Op::WindowShuffle(seed, window)),
        extreme().prop_map(Op::RepeatSame),
        (1u64..4, any::<bool>()).prop_map(|(size, drop)| Op::Batch(size, drop)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn every_length_and_index_is_that_of_an_oracle(
        start in extreme(), end in extreme(), ops in prop::collection::vec(op(), 0..5),
        indices in prop::collection::vec(extreme(), 3),
    ) {
        let range = start.min(end)..start.max(end);
        // At most two batches, so that nothing large is made.
        let mut batches = 0;
        let ops = ops.into_iter().filter(|op| {
            batches += u32::from(matches!(op, Op::Batch(..)));
            !matches!(op, Op::Batch(..)) || batches <= 2
        });
        let ops: Vec<Op> = ops.collect();
        let plain: Numbers = Box::new(windrow::range(range.clone()).map(|x| vec![x]));
        let numbers = ops.iter().fold(plain, |numbers, op| op.apply(numbers));
        if numbers.check().is_ok() {
            let len = len(&range, &ops);
            prop_assert_eq!(u128::from(numbers.len()), len);
            let ends = [0, 1, 2, 3].map(|back| len.saturating_sub(back));
            let epochs = (1..4).flat_map(|epoch| ends.map(|end| epoch * len + end));
            let indices = indices.iter().map(|index| u128::from(*index)).chain(ends).chain(epochs);
            for index in indices.filter(|index| len > 0 && *index <= MAX) {
                match oracle(&range, &ops, index) {
                    Some(made) => prop_assert_eq!(numbers.get(index as u64), Ok(Some(made))),
                    None => {
                        let why = numbers.get(index as u64).unwrap_err().to_string();
                        prop_assert!(why.contains("beyond 2^64"), "{}", why);
                    }
                }
            }
        }
    }
}

#[test]
fn the_last_batches_of_the_longest_streams_are_whole() {
    for len in [(1 << 63) - 1, 1 << 63, (1 << 63) + 1, u64::MAX - 4, u64::MAX - 1, u64::MAX] {
        for size in [5, 7, 1 << 20] {
            let make = || Loader::builder(range(0..len).batch(size).repeat(2)).workers(0);
            let json = make().build().unwrap().state().to_json();
            let at = |position: u64| {
                let json =
                    json.replace("\"position\":\"0\"", &format!("\"position\":\"{position}\""));
                make().resume(&State::from_json(&json).unwrap()).build().unwrap()
            };
            let batches = len.div_ceil(size);
            let last = at(batches - 1).next().unwrap().unwrap().into_inner();
            let from = (batches - 1) * size;
            assert!(last.iter().copied().eq(from..len), "{size} of {len}: {}", last.len());
            let mut end = at(batches * 2 - 1);
            match end.next().unwrap() {
                Ok(batch) => assert_eq!(batch.into_inner(), last, "{size} of {len}"),
                Err(why) => {
                    let beyond = u128::from(len) * 2 > 1 << 64;
                    assert!(beyond && why.to_string().contains("beyond 2^64"), "{why}");
                }
            }
            assert!(end.next().is_none());
        }
    }
}
