//! Counts and measures what a pipeline does, beside its samples, the same to the bit on every backend.
//!
//! What the example shows:
//! - a count of what a filter leaves out, and why (`BTreeMap`)
//! - a mean and a variance of a field: the program's own type, with `Reduce`
//! - the same bits inline, on threads and in worker processes, although sums of floats depend on
//!   their order
//! - a run that stops and resumes, and goes on with what it had counted (`reduce_from`)
//!
//! ```sh
//! cargo run --example reducers
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use windrow::dataset::Reduce;
use windrow::loader::Reduced;
use windrow::stage::ParallelPipeline;
use windrow::{Backend, Dataset, Loader, Reducer, Result, WorkerContext, range};

/// The samples that the pipeline rejects, by reason.
const REJECTED: Reducer<BTreeMap<String, u64>> = Reducer::new("rejected");
/// The mean and the variance of the samples that pass.
const HEIGHT: Reducer<Moments> = Reducer::new("height");

/// A count, a mean, and the sum of the squared differences from the mean.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(value: f64) -> Self {
        Self { count: 1.0, mean: value, squares: 0.0 }
    }

    fn variance(&self) -> f64 {
        self.squares / self.count
    }
}

/// Merges by the formula of Chan, Golub and LeVeque.
impl Reduce for Moments {
    fn merge(&mut self, later: Self) {
        let count = self.count + later.count;
        if count > 0.0 {
            let difference = later.mean - self.mean;
            self.mean += difference * later.count / count;
            self.squares +=
                later.squares + difference * difference * self.count * later.count / count;
        }
        self.count = count;
    }
}

/// Makes heights in metres, and leaves out those that nobody has.
fn heights(
    people: u64,
    _: &WorkerContext,
) -> Result<impl ParallelPipeline<Sample = f64, Batch = Vec<f64>>> {
    let heights = range(0..people).random_map(7, |_, rng| 0.5 + 2.0 * rng.unit_f64());
    let plausible = heights.filter(|height| {
        let reason = match height {
            ..0.6 => "too small",
            2.3.. => "too tall",
            _ => {
                HEIGHT.add(Moments::of(*height));
                return true;
            }
        };
        REJECTED.add(BTreeMap::from([(reason.to_owned(), 1)]));
        false
    });
    Ok(plausible.ordered().batch(64))
}

/// What a run counts.
type Counts = (Reduced<BTreeMap<String, u64>>, Reduced<Moments>);

/// Receives a number of batches, and returns what all batches until now have counted.
fn receive(loader: &mut Loader<Vec<f64>>, batches: usize) -> Result<Counts> {
    for batch in loader.by_ref().take(batches) {
        batch?;
    }
    Ok((loader.reduced(REJECTED)?.clone(), loader.reduced(HEIGHT)?.clone()))
}

fn main() -> Result<()> {
    windrow::init(); // first line of main; a worker process does not return from it

    let mut runs = Vec::new();
    for backend in [Backend::Inline, Backend::Threads, Backend::Processes] {
        let builder = Loader::recipe(heights, 10_000).reduce(REJECTED).reduce(HEIGHT);
        let mut loader = builder.backend(backend).workers(3).build()?;
        let (rejected, height) = receive(&mut loader, usize::MAX)?;
        let (mean, variance) = (height.mean, height.variance());
        println!("{backend}: rejected {:?}, mean {mean} m, variance {variance}", *rejected);
        runs.push((rejected, height));
    }
    assert!(runs.iter().all(|run| *run == runs[0]), "a backend counts something else");

    // A run stops halfway. Its state holds no reducers, so the program saves the three together.
    let builder = Loader::recipe(heights, 10_000).reduce(REJECTED).reduce(HEIGHT);
    let mut stopped = builder.backend(Backend::Inline).build()?;
    let (rejected, height) = receive(&mut stopped, 70)?;
    let state = stopped.state();

    // Another run goes on, on another backend.
    let builder = Loader::recipe(heights, 10_000).resume(&state);
    let builder = builder.reduce_from(REJECTED, rejected).reduce_from(HEIGHT, height);
    let mut resumed = builder.backend(Backend::Threads).workers(2).build()?;
    assert_eq!(
        receive(&mut resumed, usize::MAX)?,
        runs[0],
        "the resumed run counts something else"
    );
    println!("stopped and resumed: the same");
    Ok(())
}
