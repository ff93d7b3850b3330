//! `describe()`: the tree of a pipeline, for builders and loaders.

use super::{Ending, LoaderBuilder, Origin, plan, tree};
use crate::dataset::PipelineTree;
use crate::error::Result;
use crate::loader::Loader;
use crate::stage::Pipeline;

impl<P: Pipeline> LoaderBuilder<P> {
    /// Opens and checks the pipeline, and returns its tree without making a sample.
    ///
    /// No backend starts. The hooks of a recipe run as in a worker.
    ///
    /// ```
    /// use windrow::{Loader, source::MemoryFiles, spec::Spec};
    /// let spec = Spec::from_json(r#"{
    ///     "version": 1,
    ///     "source": {"kind": "range", "end": 100},
    ///     "ops": [
    ///         {"op": "filter", "field": "value", "is": ">", "value": 9},
    ///         {"op": "scale", "field": "value", "factor": 0.5}
    ///     ],
    ///     "stages": [{"stage": "batch", "size": 32, "drop_remainder": true}]
    /// }"#)?;
    /// let tree = Loader::builder(spec.open(&MemoryFiles::default())?).describe()?;
    /// assert_eq!(tree.to_string(), "\
    /// range(start=0,end=100) -> 100 x {value: U64[]}
    /// filter(field=value,is=>,value=9) -> <=100 x {value: U64[]}
    /// scale(field=value,factor=0.5,offset=0.0,dtype=F32) -> <=100 x {value: F32[]}
    /// batch(size=32,drop_remainder=true) -> <=3 x {value: F32[32]}");
    /// # Ok::<(), windrow::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns the errors of the recipe and of the pipeline that [`build`](Self::build) would return.
    pub fn describe(self) -> Result<PipelineTree> {
        let mut ending = Ending::new(!matches!(self.pipeline, Origin::Here(_)), self.hooks, true);
        let pipeline = match self.pipeline {
            Origin::Here(pipeline) => pipeline,
            Origin::InProcess(open) => open(ending.begin()?)?,
            Origin::Recipe(crossing) => crossing.open(ending.begin()?)?,
        };
        let (dataset, stages) = pipeline.into_parts();
        tree(&dataset, &stages, plan(&dataset, &stages)?.description())
    }
}

impl<B> Loader<B> {
    /// Returns the tree of the pipeline: its steps with their lengths and specs.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let loader = Loader::builder(range(0..10).shuffle(7).batch(4)).build()?;
    /// assert_eq!(loader.describe().samples(), Some(3));
    /// # Ok::<(), windrow::Error>(())
    /// ```
    #[must_use]
    pub fn describe(&self) -> &PipelineTree {
        &self.tree
    }
}
