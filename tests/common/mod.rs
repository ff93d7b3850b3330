//! The code that several integration tests share: backends, runs of loaders, and a time limit.
#![allow(dead_code)]

pub mod system;

use std::fmt::Debug;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use windrow::backend::{Completion, Task};
use windrow::backend::{Event, ExecutionBackend, Fill, Full, Info, Inline};
use windrow::loader::LoaderBuilder;
use windrow::order::Rng;
use windrow::stage::Pipeline;
use windrow::{Backend, State};

/// The backends, with worker counts, on which the tests check every promise.
pub const RUNNERS: [Runner; 8] = [
    Runner::Inline,
    Runner::Threads(1),
    Runner::Threads(2),
    Runner::Threads(3),
    Runner::Threads(8),
    Runner::Unruly(1),
    Runner::Unruly(2),
    Runner::Unruly(3),
];

/// A backend on which a test runs a loader.
#[derive(Debug, Clone, Copy)]
pub enum Runner {
    Inline,
    Threads(u32),
    /// Worker processes, only for loaders of recipes.
    Processes(u32),
    /// A backend that answers in random order, loses tasks and answers twice; the number is its seed.
    Unruly(u64),
}

impl Runner {
    /// Sets the backend of a loader.
    pub fn on<P: Pipeline>(self, builder: LoaderBuilder<P>) -> LoaderBuilder<P>
    where
        P::Sample: Send + 'static,
    {
        match self {
            Self::Inline => builder.backend(Backend::Inline),
            Self::Threads(workers) => builder.backend(Backend::Threads).workers(workers),
            Self::Processes(workers) => builder.backend(Backend::Processes).workers(workers),
            Self::Unruly(seed) => builder
                .custom_backend(move |work, _| Ok(Box::new(Unruly::new(work, seed)) as Box<_>))
                .workers(4),
        }
    }
}

/// The outcome of a run: each batch or error in order, with the state right after it.
pub type Run<B> = Vec<(Result<B, String>, State)>;

/// Runs a loader to its end, on a backend.
pub fn run<P>(runner: Runner, builder: LoaderBuilder<P>) -> Run<P::Batch>
where
    P: Pipeline,
    P::Sample: Send + 'static,
    P::Batch: 'static + Send,
    P::Dataset: Send + Sync + 'static,
    P::Stages: Send + 'static,
{
    let mut loader = runner.on(builder).build().unwrap();
    let mut items = Vec::new();
    while let Some(item) = loader.next() {
        let state = loader.state();
        if let Ok(batch) = &item {
            assert_eq!(batch.state(), state, "a batch carries the loader's state");
        }
        let item = item.map(|batch| batch.into_inner()).map_err(|error| error.to_string());
        items.push((item, state));
    }
    items
}

/// Returns the batches and errors of a run, without the states.
pub fn items<B: Clone>(run: &Run<B>) -> Vec<Result<B, String>> {
    run.iter().map(|(item, _)| item.clone()).collect()
}

/// Runs a test in a thread of its own and fails when it takes longer than `PATIENCE` times the limit.
pub fn within<T: Send + 'static>(limit: Duration, test: impl FnOnce() -> T + Send + 'static) -> T {
    let limit = system::PATIENCE * limit;
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || sender.send(test()));
    match receiver.recv_timeout(limit) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("still running after {limit:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(_) => unreachable!("the thread sent nothing and did not panic"),
        },
    }
}

/// A backend that does everything that a backend may do, as badly as it may.
struct Unruly<T> {
    inline: Inline<T>,
    tasks: Vec<Task>,
    answered: Vec<u64>,
    rng: Rng,
    info: Info,
}

impl<T> Unruly<T> {
    fn new(work: Arc<dyn Fill<T>>, seed: u64) -> Self {
        let mut info = *windrow::backend::registry()[0];
        info.name = "unruly";
        let rng = Rng::keyed(seed, 0, 0, 0);
        Self { inline: Inline::shared(work), tasks: Vec::new(), answered: Vec::new(), rng, info }
    }

    fn pick(&mut self) -> Task {
        let choice = self.rng.below(self.tasks.len() as u64) as usize;
        self.tasks.swap_remove(choice)
    }
}

impl<T> ExecutionBackend<T> for Unruly<T> {
    fn info(&self) -> &Info {
        &self.info
    }

    fn workers(&self) -> u32 {
        4
    }

    fn submit(&mut self, task: Task) -> Result<(), Full> {
        if self.tasks.len() >= 7 {
            return Err(Full);
        }
        self.tasks.push(task);
        Ok(())
    }

    fn wait(&mut self, _: Duration) -> Option<Event<T>> {
        if self.tasks.is_empty() {
            return None;
        }
        let task = self.pick();
        match self.rng.below(10) {
            // Loses groups only, since the engine gives up a position that is lost twice alone.
            0 if task.count > 1 => Some(Event::Lost { task: task.id, how: "killed".into() }),
            1 if task.count > 1 => {
                let results = Vec::new();
                Some(Event::Done(Completion { task: task.id, results, bytes: None, nanos: 1 }))
            }
            2 if !self.answered.is_empty() => {
                self.tasks.push(task);
                let old = self.answered[self.rng.below(self.answered.len() as u64) as usize];
                let results = vec![];
                Some(Event::Done(Completion { task: old, results, bytes: None, nanos: 1 }))
            }
            _ => {
                self.answered.push(task.id);
                self.inline.submit(task).ok()?;
                self.inline.wait(Duration::ZERO)
            }
        }
    }

    fn activity(&self) -> Vec<Option<u64>> {
        vec![None; 4]
    }

    fn shutdown(&mut self, _: Duration) -> Vec<u64> {
        self.tasks.clear();
        Vec::new()
    }
}

/// Asserts equality and shows the first difference only.
pub fn assert_same<T: PartialEq + Debug>(got: &[T], expected: &[T], what: &str) {
    for (number, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert_eq!(got, expected, "{what}: item {number}");
    }
    assert_eq!(got.len(), expected.len(), "{what}: number of items");
}
