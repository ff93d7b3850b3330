//! The backend `workers`, with workers that are function calls away, and a carrier that does its worst.

use std::collections::{BTreeMap, VecDeque};
use std::task::{Context, Poll, Waker};

use std::time::Duration;

use windrow::backend::Task;
use windrow::backend::web::{Workers, request_of, serve};
use windrow::backend::{Backend, Event, ExecutionBackend, Fill};
use windrow::dataset::{Dataset, Dtype, Record, SampleResult, Tensor, fill};
use windrow::order::Rng;
use windrow::source::MemoryFiles;
use windrow::spec::{Spec, SpecPipeline};
use windrow::stage::Pipeline;
use windrow::{Loader, range};

const DOCUMENT: &str = r#"{
    "version": 1, "seed": 3,
    "source": {"kind": "range", "end": 500},
    "ops": [{"op": "shuffle"}, {"op": "repeat", "epochs": 2},
            {"op": "filter", "field": "value", "is": "<", "value": 400},
            {"op": "cast", "field": "value", "dtype": "F32"}],
    "stages": [{"stage": "batch", "size": 7}]
}"#;

/// Says whether the worker with this request dies of it.
type Deadly<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

fn pipeline() -> SpecPipeline {
    Spec::from_json(DOCUMENT).unwrap().open(&MemoryFiles::default()).unwrap()
}

/// Runs the document with a carrier that picks workers at random.
fn run(workers: u32, seed: u64, deadly: Deadly<'_>) -> Vec<Result<Record, String>> {
    let (backend, post) = Workers::<Record>::new(workers);
    let mut loader = Loader::builder(pipeline())
        .workers(workers)
        .custom_backend(move |_, _| Ok(Box::new(backend)))
        .build()
        .unwrap();
    let others: Vec<_> = (0..workers).map(|_| pipeline().into_parts().0).collect();
    let mut boxes = BTreeMap::<u32, VecDeque<_>>::new();
    let mut rng = Rng::keyed(seed, 0, 0, 0);
    let mut items = Vec::new();
    (0..workers).for_each(|worker| post.ready(worker));
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match loader.poll_next(&mut context) {
            Poll::Ready(None) => return items,
            Poll::Ready(Some(item)) => {
                items.push(item.map(|b| b.into_inner()).map_err(|error| error.to_string()));
            }
            Poll::Pending => {
                while let Some((worker, request)) = post.take() {
                    boxes.entry(worker).or_default().push_back(request);
                }
                let busy: Vec<u32> =
                    boxes.iter().filter(|(_, all)| !all.is_empty()).map(|(&w, _)| w).collect();
                let worker = busy[rng.below(busy.len() as u64) as usize];
                let request = boxes.get_mut(&worker).unwrap().pop_front().unwrap();
                let start = u64::from_le_bytes(request[8..16].try_into().unwrap());
                let count = u64::from_le_bytes(request[16..].try_into().unwrap());
                if deadly(start, count) {
                    boxes.remove(&worker);
                    post.lost(worker, "killed");
                    post.ready(worker);
                } else {
                    let dataset = &others[worker as usize];
                    let work = Boxed(dataset);
                    post.replied(worker, serve(&work, &request).unwrap().to_tensor().unwrap());
                }
            }
        }
    }
}

struct Boxed<'a, D>(&'a D);

impl<D: Dataset + Send + Sync> Fill<D::Sample> for Boxed<'_, D> {
    fn fill(&self, position: u64) -> SampleResult<D::Sample> {
        fill(self.0, position)
    }
}

fn oracle() -> Vec<Result<Record, String>> {
    let loader = Loader::builder(pipeline()).backend(Backend::Inline).build().unwrap();
    loader.map(|item| item.map(|b| b.into_inner()).map_err(|error| error.to_string())).collect()
}

#[test]
fn batches_are_those_of_inline_whoever_answers_first() {
    let oracle = oracle();
    assert!(oracle.len() > 100);
    for (workers, seed) in [(1, 1), (2, 2), (3, 3), (8, 4)] {
        assert_eq!(run(workers, seed, &mut |_, _| false), oracle, "{workers} workers");
    }
}

#[test]
fn workers_lost_once_cost_nothing() {
    let oracle = oracle();
    for workers in [1, 2, 5] {
        let mut seen = std::collections::BTreeSet::new();
        let got = run(workers, 9, &mut |start, _| start % 5 == 0 && seen.insert(start));
        assert_eq!(got, oracle, "{workers} workers");
        assert!(seen.len() > 3);
    }
}

#[test]
fn a_sample_that_kills_its_workers_is_one_error_in_its_place() {
    let got = run(3, 5, &mut |start, count| (start..start + count).contains(&70));
    let errors: Vec<_> = got.iter().filter_map(|item| item.as_ref().err()).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].starts_with("position 70: lost its worker 2 time(s): killed"), "{errors:?}");
    assert!(got[7..].iter().filter(|item| item.is_ok()).count() > 50);
}

#[test]
fn the_task_behind_a_lost_one_is_not_to_blame() {
    let (mut backend, post) = Workers::<u64>::new(1);
    post.ready(0);
    for id in 0..2 {
        backend.submit(Task { id, start: id, count: 1 }).unwrap();
        post.take().unwrap();
    }
    post.lost(0, "gone");
    let Some(Event::Lost { task: 0, .. }) = backend.wait(Duration::ZERO) else { panic!() };
    assert!(backend.wait(Duration::ZERO).is_none() && post.take().is_none());
    post.ready(0);
    assert_eq!(post.take().unwrap().1, request_of(Task { id: 1, start: 1, count: 1 }));
}

#[test]
fn what_was_at_a_lost_worker_is_alone_at_the_next_one() {
    let (mut backend, post) = Workers::<u64>::new(2);
    let task = |id: u64, start: u64| Task { id, start, count: 1 };
    post.ready(0);
    for (id, start) in [(0, 6), (1, 7), (2, 8)] {
        backend.submit(task(id, start)).unwrap();
    }
    assert_eq!([post.take().unwrap().0, post.take().unwrap().0], [0, 0]);
    // The reply to position 6 is on its way; position 7 is what the worker died of.
    post.lost(0, "gone");
    let Some(Event::Lost { task: 0, .. }) = backend.wait(Duration::ZERO) else { panic!() };
    backend.submit(task(3, 6)).unwrap();
    post.ready(0);
    assert_eq!(post.take().unwrap(), (0, request_of(task(1, 7))));
    assert_eq!(post.take(), None, "position 7 is alone");
    post.ready(1);
    assert_eq!(post.take().unwrap(), (1, request_of(task(2, 8))));
    assert_eq!(post.take(), None, "position 6 waits for an idle worker");
    let reply = |request: &[u8]| serve(&Boxed(&range(0..9)), request).unwrap().to_tensor().unwrap();
    post.replied(1, reply(&request_of(task(2, 8))));
    assert_eq!(post.take().unwrap(), (1, request_of(task(3, 6))));
    post.replied(1, reply(&request_of(task(3, 6))));
    post.lost(0, "gone");
    assert!(matches!(backend.wait(Duration::ZERO), Some(Event::Done(_))));
    assert!(matches!(backend.wait(Duration::ZERO), Some(Event::Done(_))));
    let Some(Event::Lost { task: 1, .. }) = backend.wait(Duration::ZERO) else { panic!() };
    // Positions that a worker answered are as any others again.
    for (id, start) in [(4, 6), (5, 8)] {
        backend.submit(task(id, start)).unwrap();
        assert_eq!(post.take().unwrap(), (1, request_of(task(id, start))));
    }
}

#[test]
fn a_worker_has_more_tasks_ahead_where_they_are_short() {
    let (mut backend, post) = Workers::<u64>::new(1);
    post.ready(0);
    for id in 0..10 {
        backend.submit(Task { id, start: id, count: 1 }).unwrap();
    }
    let mut given: VecDeque<[u8; 24]> = VecDeque::new();
    // Before the first reply nobody knows; then what it took decides.
    for (nanos, more) in [(None, 2), (Some(1_000), 3), (Some(1_000_000_000), 0), (Some(1_000), 2)] {
        if let Some(nanos) = nanos {
            let mut reply = serve(&range(0..10), &given.pop_front().unwrap()).unwrap();
            reply.set_nanos(nanos);
            post.replied(0, reply.to_tensor().unwrap());
        }
        let before = given.len();
        given.extend(std::iter::from_fn(|| post.take()).map(|(_, request)| request));
        assert_eq!(given.len() - before, more, "after {nanos:?}");
    }
}

#[test]
fn a_reply_that_cannot_be_read_counts_as_lost_and_says_why() {
    let task = Task { id: 4, start: 0, count: 3 };
    let work = range(0..9).map(Tensor::scalar);
    let whole = serve(&work, &request_of(task)).unwrap().to_tensor().unwrap();
    let (mut backend, post) = Workers::<Tensor>::new(1);
    post.ready(0);
    let bytes = whole.bytes();
    let mut changed: Vec<Vec<u8>> = (0..bytes.len()).map(|cut| bytes[..cut].to_vec()).collect();
    for place in 0..bytes.len().min(200) {
        let mut other = bytes.to_vec();
        other[place] = other[place].wrapping_add(0x81);
        changed.push(other);
    }
    for bytes in changed {
        backend.submit(task).unwrap();
        post.take().unwrap();
        let len = bytes.len() as u64;
        post.replied(0, Tensor::new(Dtype::U8, [len], &bytes).unwrap());
        // Never a panic; a changed number inside a sample is a sample all the same.
        match backend.wait(Duration::ZERO) {
            Some(Event::Lost { task: 4, how }) => assert!(!how.how.is_empty()),
            Some(Event::Done(done)) => assert_eq!(done.task, 4),
            other => panic!("{other:?}"),
        }
    }
    assert!(serve(&work, &[0; 23]).is_err() && serve(&work, &[255; 24]).is_err());
}

#[test]
fn an_answer_that_nobody_asked_for_is_dropped() {
    let (mut backend, post) = Workers::<u64>::new(1);
    post.replied(0, Tensor::scalar(1u8));
    post.replied(7, Tensor::scalar(1u8));
    post.lost(7, "who");
    assert!(backend.wait(Duration::ZERO).is_none());
}
