//! The typed API of a pipeline over a source without a length.

use std::sync::Arc;

use super::reader::Reader;
use super::{EPOCH_LEN, IterableSource};
use crate::dataset::{
    Dataset, ElementSpec, Enumerate, Filter, Map, MapWithIndex, PipelineTree, RandomMap,
    SampleResult, Transform, Transformed, TryMap,
};
use crate::error::{BoxError, Result};
use crate::order::{Description, Op, Rng};
use crate::stage::{Bare, Ordered, Pipeline, Reading};

/// Creates a pipeline over a source without a length.
///
/// ```
/// use windrow::iterable::{from_iter, from_iterable};
/// use windrow::Loader;
/// let squares = from_iterable(from_iter(|| 0..5u64)).map(|x| x * x);
/// let squares = Loader::builder(squares).workers(2).build()?.map(|x| Ok(*x?));
/// assert_eq!(squares.collect::<windrow::Result<Vec<_>>>()?, [0, 1, 4, 9, 16]);
/// # Ok::<(), windrow::Error>(())
/// ```
pub fn from_iterable<S: IterableSource>(source: S) -> IterableDataset<Reads<S>> {
    let reader = Arc::new(Reader::new(source));
    IterableDataset { dataset: Reads { reader: reader.clone() }, reading: reader }
}

/// The samples of an [`IterableSource`], and the ops that workers apply to them.
///
/// The ops are those of a [`Dataset`] that need one sample each. Ops that need several samples or
/// their number are stages after [`ordered`](Self::ordered), such as
/// [`batch`](Ordered::batch).
#[derive(Debug)]
pub struct IterableDataset<D> {
    dataset: D,
    reading: Arc<dyn Reading>,
}

impl<D: Dataset> IterableDataset<D> {
    fn with<N: Dataset>(self, op: impl FnOnce(D) -> N) -> IterableDataset<N> {
        IterableDataset { dataset: op(self.dataset), reading: self.reading }
    }

    /// Applies a transform to each sample: see [`Dataset::transform`].
    pub fn transform<T: Transform<D::Sample>>(
        self,
        transform: T,
    ) -> IterableDataset<Transformed<D, T>> {
        self.with(|dataset| dataset.transform(transform))
    }

    /// Applies a function to each sample, in the workers: see [`Dataset::map`].
    pub fn map<U, F: Fn(D::Sample) -> U>(self, f: F) -> IterableDataset<Map<D, F>> {
        self.with(|dataset| dataset.map(f))
    }

    /// Applies a function that may fail to each sample: see [`Dataset::try_map`].
    pub fn try_map<U, E, F>(self, f: F) -> IterableDataset<TryMap<D, F>>
    where
        E: Into<BoxError>,
        F: Fn(D::Sample) -> Result<U, E>,
    {
        self.with(|dataset| dataset.try_map(f))
    }

    /// Applies a function to each sample and its index: see [`Dataset::map_with_index`].
    ///
    /// The index counts the samples of the source, and errors of the source count too. Epoch *e*
    /// begins at index *e* · 2^44.
    ///
    /// ```
    /// use windrow::iterable::{from_iter, from_iterable};
    /// use windrow::Loader;
    /// let words = from_iterable(from_iter(|| ["a", "b"])).map_with_index(|i, word| format!("{i}{word}"));
    /// let words = Loader::builder(words).build()?.map(|word| Ok(word?.into_inner()));
    /// assert_eq!(words.collect::<windrow::Result<Vec<_>>>()?, ["0a", "1b"]);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub fn map_with_index<U, F: Fn(u64, D::Sample) -> U>(
        self,
        f: F,
    ) -> IterableDataset<MapWithIndex<D, F>> {
        self.with(|dataset| dataset.map_with_index(f))
    }

    /// Adds the index to each sample, as [`map_with_index`](Self::map_with_index) counts it.
    pub fn enumerate(self) -> IterableDataset<Enumerate<D, D::Sample>> {
        self.with(Dataset::enumerate)
    }

    /// Applies a function to each sample and the sample's own random number generator: see
    /// [`Dataset::random_map`].
    pub fn random_map<U, F>(self, seed: u64, f: F) -> IterableDataset<RandomMap<D, F>>
    where
        F: Fn(D::Sample, &mut Rng) -> U,
    {
        self.with(|dataset| dataset.random_map(seed, f))
    }

    /// Drops the samples for which a function returns `false`: see [`Dataset::filter`].
    pub fn filter<F: Fn(&D::Sample) -> bool>(self, f: F) -> IterableDataset<Filter<D, F>> {
        self.with(|dataset| dataset.filter(f))
    }

    /// Begins the ordered part of the pipeline, whose stages combine or count samples: see
    /// [`Dataset::ordered`].
    pub fn ordered(self) -> Ordered<D> {
        Ordered::reading(self.dataset, self.reading)
    }
}

impl<D: Dataset> Pipeline for IterableDataset<D> {
    type Sample = D::Sample;
    type Batch = D::Sample;
    type Dataset = D;
    type Stages = Bare;

    fn into_parts(self) -> (D, Bare) {
        (self.dataset, Bare)
    }

    fn reading(&self) -> Option<Arc<dyn Reading>> {
        Some(self.reading.clone())
    }
}

/// The samples that the reader of a source has read, by position.
#[derive(Debug)]
pub struct Reads<S: IterableSource> {
    reader: Arc<Reader<S>>,
}

impl<S: IterableSource> Dataset for Reads<S> {
    type Sample = S::Sample;

    fn len(&self) -> u64 {
        EPOCH_LEN
    }

    fn get(&self, index: u64) -> SampleResult<S::Sample> {
        self.reader.take(index)
    }

    fn describe(&self, description: &mut Description) {
        description.push(self.reader.source.op());
    }

    fn has_gaps(&self) -> bool {
        true
    }

    fn element_spec(&self) -> ElementSpec {
        self.reader.source.element_spec()
    }

    fn tree(&self, ops: &mut dyn Iterator<Item = Op>) -> PipelineTree {
        PipelineTree::new(ops.next(), None, true, self.element_spec(), Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::super::from_iter;
    use super::*;
    use crate::loader::Loader;

    #[test]
    fn the_tree_of_a_source_without_a_length_has_no_lengths() {
        let samples = || from_iterable(from_iter(|| 0..5u64)).map(|x| x + 1);
        let tree = Loader::builder(samples().ordered().batch(2)).describe().unwrap();
        let lines: Vec<_> = tree.to_string().lines().map(str::to_owned).collect();
        assert_eq!(lines, ["iter -> ?", "map -> ?", "batch(size=2,drop_remainder=false) -> ?"]);
        let loader = Loader::builder(samples()).workers(0).build().unwrap();
        assert_eq!((loader.len(), loader.size_hint()), (None, (0, None)));
        assert_eq!(loader.progress().positions, None);
    }
}
