//! However often a run is interrupted, and whatever its policy becomes, nothing is told twice and
//! nothing is lost.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use proptest::prelude::*;
use windrow::backend::{Event, ExecutionBackend, Fill, Full, Info, Inline, Task};
use windrow::dataset::{Dataset, Pack, PackBy, SampleContext, SampleResult, Segment, Transform};
use windrow::iterable::{IterableSource, from_iterable};
use windrow::loader::LoaderBuilder;
use windrow::order::Op;
use windrow::stage::{
    Batching, Bucketing, BudgetBatching, ConcatThenSplit, Each, Fit, FlatMapping, Limit, Ordered,
    Packing, Pipeline, Reading, Skip, Stage, Stages,
};
use windrow::{Backend, Batch, Error, Fault, Loader, OnError, State, range};

use super::{LIMIT, Times, within};

/// A backend that answers so many tasks, and then has lost all its workers.
pub struct Breaking<T> {
    inline: Inline<T>,
    left: usize,
    asked: bool,
}

impl<T> Breaking<T> {
    pub fn after(work: Arc<dyn Fill<T>>, left: usize) -> Self {
        Self { inline: Inline::shared(work), left, asked: false }
    }
}

impl<T> ExecutionBackend<T> for Breaking<T> {
    fn info(&self) -> &Info {
        self.inline.info()
    }

    fn workers(&self) -> u32 {
        1
    }

    fn submit(&mut self, task: Task) -> Result<(), Full> {
        self.asked = true;
        self.inline.submit(task)
    }

    fn wait(&mut self, limit: Duration) -> Option<Event<T>> {
        if self.left == 0 && std::mem::take(&mut self.asked) {
            return Some(Event::Broken(Error::Workers { why: "all are gone".into() }));
        }
        let event = self.inline.wait(limit);
        self.left -= usize::from(event.is_some());
        event
    }

    fn activity(&self) -> Vec<Option<u64>> {
        self.inline.activity()
    }

    fn shutdown(&mut self, limit: Duration) -> Vec<u64> {
        self.inline.shutdown(limit)
    }
}

type Samples = Box<dyn Dataset<Sample = Vec<u64>> + Send + Sync>;
type Chain = Box<dyn Stages<Vec<u64>, Out = Vec<u64>> + Send>;

/// A pipeline whose shape is known only at run time.
struct Any(Samples, Chain, Option<Arc<dyn Reading>>);

impl Any {
    fn of<P>(pipeline: P) -> Self
    where
        P: Pipeline<Sample = Vec<u64>, Batch = Vec<u64>>,
        P::Dataset: Send + Sync + 'static,
        P::Stages: Send + 'static,
    {
        let reading = pipeline.reading();
        let (dataset, stages) = pipeline.into_parts();
        Self(Box::new(dataset), Box::new(stages), reading)
    }
}

impl Pipeline for Any {
    type Sample = Vec<u64>;
    type Batch = Vec<u64>;
    type Dataset = Samples;
    type Stages = Chain;

    fn into_parts(self) -> (Samples, Chain) {
        (self.0, self.1)
    }

    fn reading(&self) -> Option<Arc<dyn Reading>> {
        self.2.clone()
    }
}

/// The numbers below a length, and an error for some; which of them have a cursor depends on the
/// kind.
struct Numbers(u8, u64, u64);

impl IterableSource for Numbers {
    type Sample = u64;
    type Cursor = u64;
    type Error = Fault;
    type Iter = Box<dyn Iterator<Item = Result<(u64, Option<u64>), Fault>> + Send>;

    fn open(&self, _: u64, cursor: Option<u64>) -> Result<Self::Iter, Fault> {
        let Self(kind, len, fails) = *self;
        Ok(Box::new((cursor.unwrap_or(0)..len).map(move |x| match x % 11 == fails {
            true => Err(Fault::new("no number")),
            false => {
                let has_cursor = kind == 1 || kind == 2 && x % 5 == 3;
                Ok((x, has_cursor.then_some(x + 1)))
            }
        })))
    }

    fn op(&self) -> Op {
        Op::new("numbers").with("len", self.1)
    }
}

/// Turns a sample round; fails for some, and may leave some out.
struct Change(bool);

impl Transform<Vec<u64>> for Change {
    type Sample = Vec<u64>;

    fn apply(&self, _: SampleContext, part: Vec<u64>) -> SampleResult<Vec<u64>> {
        if part.first() == Some(&5) {
            return Err(Fault::new("a five"));
        }
        let keeps = !self.0 || part.iter().sum::<u64>() % 3 != 1;
        Ok(keeps.then(|| part.into_iter().rev().collect()))
    }

    fn op(&self) -> Op {
        Op::new("change").with("leaves_out", self.0)
    }

    fn leaves_gaps(&self) -> bool {
        self.0
    }
}

/// What a pipeline is made of.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// 0 for a dataset; otherwise a source without a length, with all, some or no cursors.
    source: u8,
    kind: u8,
    len: u64,
    seed: u64,
    fails: u64,
    gaps: u64,
    size: u64,
    outer: u64,
    limit: u64,
    /// The stages of the last kind, as `any_stage` numbers them.
    chain: [u8; 3],
}

impl Shape {
    fn pipeline(self) -> Any {
        let Self { source, len, seed, fails, gaps, .. } = self;
        let failing = move |x| if x % fails == 2 { Err(Fault::new("no")) } else { Ok(vec![x]) };
        if source > 0 {
            let samples = from_iterable(Numbers(source, 2 * len, seed % 16));
            let samples = samples.filter(move |x| x % gaps != 1).try_map(failing);
            return self.staged(
                samples
                    .random_map(seed, |mut part, rng| {
                        part.push(rng.below(9));
                        part
                    })
                    .ordered(),
            );
        }
        let samples = range(0..len).shuffle(seed).filter(move |x| x % gaps != 1).try_map(failing);
        self.staged(samples.repeat(2).ordered())
    }

    /// The pipeline with the stages of its kind.
    fn staged<D>(self, samples: Ordered<D>) -> Any
    where
        D: Dataset<Sample = Vec<u64>> + Send + Sync + 'static,
    {
        let Self { kind, size, outer, limit, chain, .. } = self;
        let flat = |parts: Vec<Vec<u64>>| Ok::<_, Fault>(parts.concat());
        let picky = |parts: Vec<Vec<u64>>| match parts[0][0] % 5 {
            4 => Err(Fault::new("these do not go together")),
            _ => Ok(parts.concat()),
        };
        let times = || Times::by(|part: &Vec<u64>| part.iter().sum());
        match kind {
            0 => Any::of(samples),
            1 => Any::of(samples.batch_with(size, flat)),
            2 => Any::of(samples.batch_with(size, flat).limit(limit)),
            3 => Any::of(samples.then(times()).batch_with(size, flat)),
            4 => Any::of(samples.then(times()).limit(limit)),
            5 => Any::of(samples.limit(limit).then(times()).batch_with(size, flat)),
            6 => Any::of(samples.batch_with(size, picky).then(times()).batch_with(outer, flat)),
            7 => Any::of(
                samples.then(times()).batch_with(size, flat).limit(limit).batch_with(outer, picky),
            ),
            8 => Any::of(samples.then(times()).batch_with(size, flat).then(times())),
            _ => {
                let [first, second, third] = chain.map(|number| self.any_stage(number));
                Any::of(samples.then(first).then(second).then(third))
            }
        }
    }

    /// One of the stages that the library has, or one that holds results back.
    fn any_stage(self, number: u8) -> Box<dyn Stage<Vec<u64>, Out = Vec<u64>> + Send> {
        let Self { size, outer, limit, .. } = self;
        let sum = |part: &Vec<u64>| part.iter().sum::<u64>();
        let flat = |parts: Vec<Vec<u64>>| match parts.concat() {
            part if part.len() > 40 => Err(Fault::new("these are too many")),
            part => Ok(part),
        };
        match number {
            0 => Box::new(Each::new(Change(false))),
            1 => Box::new(Each::new(Change(true))),
            2 => Box::new(FlatMapping::new(move |part: Vec<u64>| {
                (0..sum(&part) % 4).map(move |place| [part.clone(), vec![place]].concat())
            })),
            3 => Box::new(Skip::new(limit % 7)),
            4 => Box::new(BudgetBatching::new(
                size * 4,
                move |part: &Vec<u64>| sum(part) % (size * 4 + 2),
                flat,
            )),
            5 => {
                Box::new(Bucketing::new([3, 9], outer, move |part: &Vec<u64>| sum(part) % 12, flat))
            }
            6 => Box::new(
                Bucketing::new([6], size, move |part: &Vec<u64>| sum(part) % 12, flat)
                    .drop_remainder(),
            ),
            7 => Box::new(Batching::new(size, flat)),
            8 => Box::new(Limit::new(limit)),
            9 => Box::new(Packing::new(Fit::First, outer, rows(size * 2))),
            10 => Box::new(Packing::new(Fit::Best, outer + 1, rows(size + 4))),
            11 => Box::new(ConcatThenSplit::new(rows(size))),
            12 => Box::new(ConcatThenSplit::new(rows(size + 3)).drop_remainder()),
            _ => Box::new(Times::by(|part: &Vec<u64>| part.iter().sum())),
        }
    }

    fn any() -> impl Strategy<Value = Self> {
        (
            (0u8..4, 0u8..24, 0u64..40, any::<u64>()),
            (3u64..9, 2u64..9),
            (1u64..6, 1u64..4, 0u64..20),
            prop::array::uniform3(0u8..14),
        )
            .prop_map(
                |((source, kind, len, seed), (fails, gaps), (size, outer, limit), chain)| Self {
                    source,
                    kind,
                    len,
                    seed,
                    fails,
                    gaps,
                    size,
                    outer,
                    limit,
                    chain,
                },
            )
    }
}

/// Joins parts of samples into rows of `length`, and refuses some rows.
fn rows(length: u64) -> impl Pack<Vec<u64>, Row = Vec<u64>> {
    PackBy::new(
        length,
        |part: &Vec<u64>| part.len() as u64,
        |parts: &[Segment<'_, Vec<u64>>]| {
            let elements = |part: &Segment<'_, Vec<u64>>| {
                let Segment { sample, range } = part;
                sample[range.start as usize..range.end as usize].to_vec()
            };
            let row: Vec<u64> = parts.iter().flat_map(elements).collect();
            if row.iter().sum::<u64>() % 7 == 3 { Err(Fault::new("no such row")) } else { Ok(row) }
        },
    )
}

/// A part of a run: from a state to the next interruption.
#[derive(Debug, Clone, Copy)]
struct Part {
    policy: OnError,
    runner: u8,
    /// Interrupted after so many batches and errors, or never.
    items: usize,
    /// With the backend that breaks: after so many tasks.
    tasks: usize,
}

impl Part {
    fn any() -> impl Strategy<Value = Self> {
        let policy = prop_oneof![Just(OnError::Raise), Just(OnError::Skip)];
        (policy, 0u8..4, 0usize..9, 0usize..20).prop_map(|(policy, runner, items, tasks)| Self {
            policy,
            runner,
            items,
            tasks,
        })
    }

    fn whole(policy: OnError) -> Self {
        Self { policy, runner: 0, items: usize::MAX, tasks: 0 }
    }

    fn on(self, builder: LoaderBuilder<Any>) -> LoaderBuilder<Any> {
        let builder = builder.digest().on_error(self.policy);
        match self.runner {
            0 => builder.backend(Backend::Inline),
            3 => builder.custom_backend(move |work, _| {
                Ok(Box::new(Breaking::after(work, self.tasks)) as Box<_>)
            }),
            _ => builder.backend(Backend::Threads).workers(2),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Item {
    Batch(Vec<u64>),
    Raised(u64),
    Refused(String),
}

/// What came, each with the state after it, and how it ended.
struct Came {
    items: Vec<(Item, State)>,
    state: State,
    ended: bool,
    broke: bool,
}

/// Runs one part of a run.
fn go_on(shape: Shape, from: Option<&State>, part: Part) -> Came {
    let builder = part.on(Loader::builder(shape.pipeline()));
    let builder = from.into_iter().fold(builder, |builder, state| builder.resume(state));
    let mut loader = builder.build().unwrap();
    let (mut items, mut ended, mut broke) = (Vec::new(), false, false);
    while items.len() < part.items && !ended && !broke {
        let item = match next(&mut loader, part.runner == 2) {
            None => {
                ended = true;
                continue;
            }
            Some(Ok(batch)) => Item::Batch(batch.into_inner()),
            Some(Err(Error::Sample { position, fault, .. }))
                if matches!(fault.op(), Some("try_map" | "numbers")) =>
            {
                Item::Raised(position)
            }
            Some(Err(Error::Workers { .. })) => {
                broke = true;
                continue;
            }
            Some(Err(error)) => Item::Refused(error.to_string()),
        };
        items.push((item, stored(&loader.state())));
    }
    if ended {
        assert_eq!(loader.skips(), loader.state().skips(), "the loader and its state agree");
    }
    Came { items, state: stored(&loader.state()), ended, broke }
}

/// A state as it comes back from a file, where a long pipeline is shortened.
fn stored(state: &State) -> State {
    State::from_json(&state.to_json()).unwrap()
}

/// The next item, waited for or polled for; waiting leaves no trace in the state.
fn next(loader: &mut Loader<Vec<u64>>, polls: bool) -> Option<windrow::Result<Batch<Vec<u64>>>> {
    if !polls {
        return loader.next();
    }
    let before = loader.state();
    loop {
        match loader.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(item) => return item,
            Poll::Pending => assert_eq!(loader.state(), before),
        }
        std::thread::yield_now();
    }
}

/// Interrupts a run and resumes it, again and again, and asserts that it comes to the same.
fn interrupted(shape: Shape, parts: &[Part]) {
    let whole =
        [OnError::Raise, OnError::Skip].map(|policy| go_on(shape, None, Part::whole(policy)));
    let last = parts.last().map_or(OnError::Raise, |part| part.policy);
    let parts = parts.iter().copied().chain([Part::whole(last), Part::whole(OnError::Skip)]);
    let (mut state, mut items, mut policies) = (None, Vec::new(), Vec::new());
    for part in parts {
        let came = go_on(shape, state.as_ref(), part);
        policies.push(part.policy);
        items.extend(came.items.iter().map(|(item, _)| item.clone()));
        if policies.iter().all(|policy| *policy == part.policy) && !came.broke {
            let uninterrupted = &whole[usize::from(part.policy == OnError::Skip)];
            if came.ended {
                assert_eq!(came.state, uninterrupted.state);
            } else if !came.items.is_empty() {
                assert_eq!(came.state, uninterrupted.items[items.len() - 1].1);
            }
        }
        state = Some(came.state);
    }
    let state = state.expect("there was a part at least");
    let raised = |item: &Item| match item {
        Item::Raised(position) => Some(*position),
        _ => None,
    };
    let others = |items: &[Item]| -> Vec<Item> {
        items.iter().filter(|item| raised(item).is_none()).cloned().collect()
    };
    let all: Vec<Item> = whole[0].items.iter().map(|(item, _)| item.clone()).collect();
    assert_eq!(others(&items), others(&all), "batches, and what stages refused");
    assert_eq!(state.digest(), whole[0].state.digest());
    assert_eq!(state.batches(), whole[0].state.batches());
    let told: Vec<u64> = items.iter().filter_map(raised).collect();
    let skipped: Vec<u64> =
        all.iter().filter_map(raised).filter(|position| !told.contains(position)).collect();
    let failed = all.iter().filter_map(raised).filter(|position| told.contains(position));
    assert_eq!(told, failed.collect::<Vec<_>>(), "errors that were raised, each once, in order");
    assert_eq!(state.skips().count(), skipped.len() as u64, "raised {told:?} of {all:?}");
    assert_eq!(state.skips().first(), &skipped[..skipped.len().min(4)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn interruptions_and_policies_change_nothing(
        shape in Shape::any(), parts in prop::collection::vec(Part::any(), 0..7),
    ) {
        within(LIMIT, move || interrupted(shape, &parts));
    }
}

#[test]
fn every_place_of_a_run_is_one_to_stop_at() {
    let (kind, chain) = (0, [0; 3]);
    let shape = Shape {
        source: 0,
        kind,
        len: 19,
        seed: 1,
        fails: 4,
        gaps: 5,
        size: 3,
        outer: 2,
        limit: 7,
        chain,
    };
    within(LIMIT, move || {
        for (source, kind) in (0..4).flat_map(|source| (0..9).map(move |kind| (source, kind))) {
            let shape = Shape { source, kind, ..shape };
            let count = go_on(shape, None, Part::whole(OnError::Raise)).items.len();
            for (first, second) in [
                (OnError::Raise, OnError::Raise),
                (OnError::Raise, OnError::Skip),
                (OnError::Skip, OnError::Raise),
                (OnError::Skip, OnError::Skip),
            ] {
                for items in 0..=count + 1 {
                    let part = |policy, runner, items| Part { policy, runner, items, tasks: items };
                    let stop = part(first, 1, items);
                    let breaks = part(second, 3, usize::from(items % 3 == 0));
                    interrupted(shape, &[stop, breaks, part(first, 0, 1), part(second, 2, 2)]);
                }
            }
        }
    });
}

/// Fails at 2, 10 and 18, holds results back, and ends in the middle of them.
fn held_back(limit: u64) -> Any {
    let fails = |x: u64| if x % 8 == 2 { Err(Fault::new("no")) } else { Ok(vec![x]) };
    let samples = range(0..20).try_map(fails).ordered();
    let pairs = samples.batch_with(2, |parts: Vec<Vec<u64>>| Ok::<_, Fault>(parts.concat()));
    Any::of(pairs.then(Times::by(|_| 3)).limit(limit))
}

/// Holds a sample back when its second one fails.
fn half_a_batch()
-> LoaderBuilder<impl Pipeline<Sample = u64, Batch = Vec<u64>, Dataset: Send + Sync, Stages: Send>>
{
    let fails = |x: u64| if x == 1 { Err(Fault::new("no")) } else { Ok(x) };
    Loader::builder(range(0..9).try_map(fails).ordered().batch(3))
}

/// The state of that after its error.
fn after_the_error() -> State {
    let mut loader = half_a_batch().build().unwrap();
    assert!(loader.next().unwrap().is_err());
    loader.state()
}

#[test]
fn an_error_raised_before_all_workers_were_lost_is_not_raised_again() {
    let state = after_the_error();
    for tasks in 0..3 {
        let breaks = half_a_batch()
            .resume(&state)
            .custom_backend(move |work, _| Ok(Box::new(Breaking::after(work, tasks)) as Box<_>));
        let mut broken = breaks.build().unwrap();
        assert!(matches!(broken.next(), Some(Err(Error::Workers { .. }))));
        assert_eq!(broken.state(), state, "nothing was received");
        assert!(broken.next().is_none());
        let rest = half_a_batch().resume(&broken.state()).build().unwrap();
        let batches =
            rest.map(|batch| Ok(batch?.into_inner())).collect::<windrow::Result<Vec<_>>>();
        assert_eq!(batches.unwrap(), [vec![0, 2, 3], vec![4, 5, 6], vec![7, 8]]);
    }
}

#[test]
fn the_end_of_a_limited_stream_stays_what_it_is() {
    for policy in [OnError::Raise, OnError::Skip] {
        for limit in 0..20 {
            let make = || Loader::builder(held_back(limit)).on_error(policy);
            let mut whole = make().build().unwrap();
            whole.by_ref().for_each(drop);
            let end = whole.state();
            for other in [OnError::Raise, OnError::Skip] {
                let mut again = make().on_error(other).resume(&end).build().unwrap();
                assert_eq!(again.skips(), whole.skips(), "limit {limit}, {policy:?}, {other:?}");
                assert!(again.next().is_none());
                assert_eq!(again.state(), end, "limit {limit}, {policy:?}, {other:?}");
            }
        }
    }
}

#[test]
fn an_error_that_was_raised_is_not_counted_as_skipped() {
    let skips = half_a_batch().on_error(OnError::Skip).resume(&after_the_error());
    let mut skips = skips.build().unwrap();
    assert_eq!(skips.by_ref().filter(|batch| batch.is_ok()).count(), 3);
    assert_eq!((skips.skips().count(), skips.state().skips().count()), (0, 0));
}

/// A number that cannot be encoded when it is 3.
#[derive(Debug, PartialEq)]
struct Picky(u64);

impl serde::Serialize for Picky {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.0 == 3 {
            return Err(serde::ser::Error::custom("three"));
        }
        to.serialize_u64(self.0)
    }
}

#[test]
fn a_batch_that_has_no_digest_is_one_error_and_not_another_one_after_a_resume() {
    let make = || Loader::builder(range(0..6).map(Picky)).digest().workers(0);
    let mut loader = make().build().unwrap();
    while let Some(batch) = loader.next() {
        let was_three = batch.is_err();
        let again = make().resume(&loader.state()).build().unwrap();
        let rest: Vec<_> = again.map(|batch| batch.is_err()).collect();
        assert!(!was_three || rest == [false, false], "{rest:?}");
    }
    assert_eq!(loader.state().batches(), 5);
}
