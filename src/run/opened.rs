//! A pipeline and a sink, opened for a run: in the caller's process, and in worker processes.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::config::Indices;
use super::groups::Layout;
use super::parts::Parts;
use super::record::Header;
use super::work::{GroupWork, Order, Runs};
use crate::backend::encoding::Encoding;
use crate::backend::recipe::{Expected, Opened, Opener, decode_config};
use crate::dataset::Dataset;
use crate::dataset::reduce::Key;
use crate::error::{Error, Result};
use crate::loader::plan;
use crate::sink::Sink;
use crate::stage::{Pipeline, Stages};

/// A pipeline and a sink whose settings have been checked.
pub(super) struct Ready<D, K> {
    dataset: D,
    sink: K,
    pub(super) header: Header,
}

impl<D: Dataset, K: Sink<D::Sample>> Ready<D, K> {
    /// Checks a pipeline, which must have no stages and one epoch.
    pub(super) fn new<P>(pipeline: P, sink: K, reducers: &[Key]) -> Result<Self>
    where
        P: Pipeline<Dataset = D, Sample = D::Sample>,
    {
        if pipeline.reading().is_some() {
            return Err(Error::Unsupported {
                what: "a run of a source without a length".into(),
                why: "a run takes the indices of a pipeline in any order".into(),
                instead: "iterate over a loader and write its samples, or use a source with a \
                          length"
                    .into(),
            });
        }
        let epochs = pipeline.epochs().unwrap_or_default();
        let (dataset, stages) = pipeline.into_parts();
        if !stages.is_bare() {
            return Err(Error::Unsupported {
                what: "a run of a pipeline with stages".into(),
                why:
                    "a stage needs its samples in order, and the workers of a run take indices in \
                      any order"
                        .into(),
                instead: "leave out the stages; batches of the random-access part, before \
                          `.ordered()` or in $.ops, are possible"
                    .into(),
            });
        }
        if epochs.count() != Some(1) {
            return Err(Error::Unsupported {
                what: format!("a run of {epochs} epochs"),
                why: "a run takes each index once".into(),
                instead: "set epochs to 1, or add the op `repeat`, whose indices count on".into(),
            });
        }
        let plan = plan(&dataset, &stages)?;
        let header = Header {
            pipeline: plan.description().to_string(),
            sink: sink.describe(),
            len: plan.len(),
            reducers: reducers.iter().map(|key| key.name.clone()).collect(),
        };
        Ok(Self { dataset, sink, header })
    }

    /// Returns the layout of the indices of an order.
    pub(super) fn layout(&self, order: &Order, strict: bool) -> Result<Layout> {
        let len = self.header.len;
        let some = order.some.as_ref().map(Runs::indices);
        Layout::new(len, some.as_deref(), &order.source, &self.sink.partition(len), strict)
    }

    /// Returns the groups of the sink.
    pub(super) fn parts(&self) -> Result<Parts> {
        Parts::new(&self.sink.partition(self.header.len), self.header.len)
    }

    /// Returns the description that workers must have too.
    pub(super) fn expected(&self, layout: &Layout) -> Expected {
        let Header { pipeline, sink, .. } = &self.header;
        Expected { positions: layout.len(), pipeline: format!("{pipeline}|sink {sink}") }
    }

    /// Returns the work of a worker.
    pub(super) fn work(self, layout: Layout, order: Order) -> Result<GroupWork<D, K>> {
        GroupWork::new(Arc::new(self.dataset), Arc::new(self.sink), layout, order)
    }
}

/// Returns the chosen indices of a pipeline; `None` for all.
pub(super) fn chosen(indices: &Indices, len: u64) -> Result<Option<Runs>> {
    let Indices::Some(indices) = indices else { return Ok(None) };
    let mut indices = indices.clone();
    indices.sort_unstable();
    indices.dedup();
    match indices.last() {
        Some(&last) if last >= len => Err(Error::Setting {
            name: "indices".into(),
            value: format!("a list with index {last}"),
            allowed: format!("indices below {len}, the length of the pipeline"),
        }),
        _ => Ok(Some(Runs::new(&indices))),
    }
}

/// An opener in a worker process.
pub(super) struct InWorker;

impl<P, K> Opener<(P, K)> for InWorker
where
    P: Pipeline,
    P::Dataset: 'static,
    K: Sink<P::Sample> + 'static,
    K::Output: Serialize + DeserializeOwned,
{
    fn open((pipeline, sink): (P, K), order: &[u8]) -> Result<Opened> {
        let order: Order = decode_config(order)?;
        let ready = Ready::new(pipeline, sink, &order.reducers)?;
        let layout = ready.layout(&order, false)?;
        let expected = ready.expected(&layout);
        let fill = Box::new(Encoding::new(ready.work(layout, order)?));
        // A run has no profile.
        Ok(Opened { fill, expected, steps: Default::default() })
    }
}
