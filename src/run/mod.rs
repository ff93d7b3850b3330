//! Runs: a pipeline executed for its effect.
//!
//! A [loader](crate::Loader) brings samples to its caller. A [`run`] makes the sample of every index
//! inside the workers, and gives it to a [`Sink`] there. Only what the sink returns comes back, in
//! the order of indices. So a run converts, exports or measures a data set with all cores, and no
//! sample crosses to the caller.
//!
//! - A worker takes one group of indices at a time, and one more waits for it. The longest groups go
//!   first, each to whichever worker is free.
//! - A group is what [`Sink::partition`] and [`RunConfig::keep_together`] join. By default each
//!   index is a group.
//! - With [`RunConfig::record`], a run that was killed goes on where it ended. The run records a
//!   group after [`Writer::finish`](crate::sink::Writer::finish) has returned, never before.
//! - Each index has an [`Outcome`]: a result, a gap, or the reason of a failure. A failed index does
//!   not end the run.
//! - With [`RunConfig::reduce`], the report has what samples add to a [`Reducer`](crate::Reducer),
//!   merged in the order of indices.
//!
//! A run has one epoch, and takes the random-access part of a pipeline only. A stage needs its
//! samples in order, on the caller's side. A source without a length gives its samples in order too,
//! so a run refuses the source.
//!
//! | function | pipeline and sink | backends |
//! |---|---|---|
//! | [`run`] | values of this process | inline, threads |
//! | [`run_recipe`] | opened by a function, in each worker process too | all |
//! | [`run_spec`] | a [document](crate::spec) and the description of a sink | all |

mod config;
mod driver;
mod groups;
mod opened;
mod outcomes;
mod parts;
mod progress;
mod record;
mod report;
mod rounds;
mod scheduler;
mod union_find;
mod work;

pub use config::{Indices, RunConfig};
pub use progress::Progress;
pub use report::{Outcome, Report};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::backend::process::Launch;
use crate::backend::recipe::encode_config;
use crate::backend::{Factory, WorkerContext};
use crate::dataset::Record;
use crate::error::{Error, Result};
use crate::sink::{OpenSink, Sink};
use crate::source::Folder;
use crate::spec::{Spec, SpecPipeline};
use crate::stage::ParallelPipeline;
use opened::InWorker;
use rounds::Start;

/// Makes the sample of every index of a pipeline, and gives it to a sink inside the workers.
///
/// Runs on threads, or inline. For worker processes, see [`run_recipe`].
///
/// ```
/// use std::sync::Mutex;
/// use windrow::run::RunConfig;
/// use windrow::sink::{Sink, Writer};
/// use windrow::{BoxError, Dataset, Result, range, run};
///
/// /// Writes samples to a table in memory.
/// struct Table<'t>(&'t Mutex<Vec<u64>>);
/// struct Row<'t>(&'t Mutex<Vec<u64>>);
///
/// impl Sink<u64> for Table<'_> {
///     type Output = String;
///     type Writer<'a> = Row<'a> where Self: 'a;
///
///     fn describe(&self) -> String {
///         "table".into()
///     }
///
///     fn begin(&self, _: &[u64], _: u64) -> Result<Row<'_>> {
///         Ok(Row(self.0))
///     }
/// }
///
/// impl Writer<u64> for Row<'_> {
///     type Output = String;
///
///     fn write(&mut self, index: u64, sample: u64) -> Result<String, BoxError> {
///         self.0.lock().unwrap()[index as usize] = sample;
///         Ok(format!("row {index}"))
///     }
///
///     fn finish(self) -> Result<(), BoxError> {
///         Ok(())
///     }
/// }
///
/// static TABLE: Mutex<Vec<u64>> = Mutex::new(Vec::new());
/// TABLE.lock().unwrap().resize(4, 0);
/// let squares = range(0..4).map(|x| x * x);
/// let report = run(squares, Table(&TABLE), RunConfig::new().workers(2))?;
/// assert_eq!(*TABLE.lock().unwrap(), [0, 1, 4, 9]);
/// let rows: Vec<&String> = report.results().map(|(_, row)| row).collect();
/// assert_eq!(rows, ["row 0", "row 1", "row 2", "row 3"]);
/// # Ok::<(), windrow::Error>(())
/// ```
///
/// # Errors
/// Returns the first error in an environment variable, a setting or the pipeline. Returns
/// [`Error::Unsupported`] for a pipeline with stages, with several epochs or without a length.
/// Returns the error of the record, or of the backend. The failure of an index is no error, but an
/// [`Outcome`].
pub fn run<P, K>(pipeline: P, sink: K, config: RunConfig) -> Result<Report<K::Output>>
where
    P: ParallelPipeline,
    K: Sink<P::Sample> + Send + Sync + 'static,
    K::Output: Serialize + DeserializeOwned + Send + 'static,
{
    Start { config, launch: None }.run(move |_| Ok((pipeline, sink)))
}

/// Runs a recipe: a function that opens a pipeline and a sink, and its configuration.
///
/// Runs on every backend. With backend `processes`, each worker is this program, started again, and
/// calls the function. So the recipe is a function, not a closure that captures values, and `main`
/// begins with [`windrow::init()`](crate::init). The run also calls the function once in this
/// process, to learn the length and the descriptions. If a worker process ends in the middle of a
/// group, another worker writes the group again.
///
/// ```standalone_crate
/// use windrow::run::{RunConfig, run_recipe};
/// use windrow::sink::{Sink, Writer};
/// use windrow::{Backend, BoxError, Dataset, Result, WorkerContext, range};
///
/// struct Process;
///
/// impl Sink<u64> for Process {
///     type Output = (u64, u32);
///     type Writer<'a> = Self;
///
///     fn describe(&self) -> String {
///         "process".into()
///     }
///
///     fn begin(&self, _: &[u64], _: u64) -> Result<Self> {
///         Ok(Self)
///     }
/// }
///
/// impl Writer<u64> for Process {
///     type Output = (u64, u32);
///
///     fn write(&mut self, _: u64, sample: u64) -> Result<(u64, u32), BoxError> {
///         Ok((sample, std::process::id()))
///     }
///
///     fn finish(self) -> Result<(), BoxError> {
///         Ok(())
///     }
/// }
///
/// fn squares(
///     end: u64,
///     _: &WorkerContext,
/// ) -> Result<(impl Dataset<Sample = u64> + Send + Sync + use<>, Process)> {
///     Ok((range(0..end).map(|x| x * x), Process))
/// }
///
/// fn main() -> Result<()> {
///     windrow::init();
///     let config = RunConfig::new().backend(Backend::Processes).workers(2);
///     let report = run_recipe(squares, 4, config)?;
///     let squares: Vec<u64> = report.results().map(|(_, (square, _))| *square).collect();
///     assert_eq!(squares, [0, 1, 4, 9]);
///     assert!(report.results().all(|(_, (_, process))| *process != std::process::id()));
///     Ok(())
/// }
/// ```
///
/// # Errors
/// Returns the errors of [`run`].
pub fn run_recipe<C, P, K>(
    factory: Factory<C, (P, K)>,
    recipe: C,
    config: RunConfig,
) -> Result<Report<K::Output>>
where
    C: Serialize + DeserializeOwned + Clone + 'static,
    P: ParallelPipeline + 'static,
    K: Sink<P::Sample> + Send + Sync + 'static,
    K::Output: Serialize + DeserializeOwned + Send + 'static,
{
    let own = recipe.clone();
    let launch: rounds::ToLaunch = Box::new(move |order, hooks| {
        let order = encode_config(order)?;
        Launch::by_place::<C, (P, K), InWorker>(factory, &recipe, order, hooks)
    });
    Start { config, launch: Some(launch) }.run(move |context| factory(own, context))
}

/// Runs a pipeline document whose files are in a folder, with a sink that each worker opens.
///
/// ```standalone_crate
/// # use serde::{Deserialize, Serialize};
/// use windrow::dataset::Record;
/// use windrow::run::{RunConfig, run_spec};
/// use windrow::sink::{OpenSink, Sink, Writer};
/// use windrow::spec::Spec;
/// use windrow::{BoxError, Result};
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Names;
///
/// impl OpenSink for Names {
///     type Sink = Self;
///
///     fn open(&self) -> Result<Self> {
///         Ok(Self)
///     }
/// }
///
/// impl Sink<Record> for Names {
///     type Output = Vec<String>;
///     type Writer<'a> = Self;
///
///     fn describe(&self) -> String {
///         "names".into()
///     }
///
///     fn begin(&self, _: &[u64], _: u64) -> Result<Self> {
///         Ok(Self)
///     }
/// }
///
/// impl Writer<Record> for Names {
///     type Output = Vec<String>;
///
///     fn write(&mut self, _: u64, sample: Record) -> Result<Vec<String>, BoxError> {
///         Ok(sample.iter().map(|(name, _)| name.to_string()).collect())
///     }
///
///     fn finish(self) -> Result<(), BoxError> {
///         Ok(())
///     }
/// }
///
/// fn main() -> Result<()> {
///     windrow::init();
///     let spec = Spec::from_json(r#"{"version": 1, "source": {"kind": "range", "end": 2}}"#)?;
///     let report = run_spec(&spec, ".", Names, RunConfig::new().workers(1))?;
///     assert!(report.results().all(|(_, names)| *names == ["value"]));
///     Ok(())
/// }
/// ```
///
/// # Errors
/// Returns the errors of [`run`], of the document and of the sink.
pub fn run_spec<D>(
    spec: &Spec,
    folder: impl Into<Folder>,
    sink: D,
    config: RunConfig,
) -> Result<Report<<D::Sink as Sink<Record>>::Output>>
where
    D: OpenSink,
    D::Sink: Sink<Record> + Send + Sync,
    <D::Sink as Sink<Record>>::Output: Serialize + DeserializeOwned + Send + 'static,
{
    let sink = serde_json::to_string(&sink).map_err(Error::other)?;
    run_recipe(open_spec::<D>, (spec.to_json(), folder.into(), sink), config)
}

/// Opens a document and a sink.
fn open_spec<D: OpenSink>(
    (json, folder, sink): (String, Folder, String),
    _: &WorkerContext,
) -> Result<(SpecPipeline, D::Sink)> {
    let sink: D = serde_json::from_str(&sink).map_err(Error::other)?;
    Ok((Spec::from_own_json(&json)?.open(&folder)?, sink.open()?))
}
