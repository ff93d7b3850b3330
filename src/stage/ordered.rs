//! The typed API for the ordered part of a pipeline.

use std::sync::Arc;

use super::{
    Bare, Batching, Bucketing, BudgetBatching, ConcatThenSplit, DropRate, Each, Filtering, Fit,
    FlatMapping, Limit, Packing, Pipeline, Reading, Skip, Stage, Stages, Then,
};
use crate::dataset::{
    AsVec, Collate, Dataset, FilterBy, MapBy, Measure, Pack, Transform, TryMapBy,
};
use crate::error::{BoxError, Result};
use crate::order::Epochs;

/// A dataset and the stages after the dataset: see [`Dataset::ordered`].
#[derive(Debug, Clone)]
pub struct Ordered<D, S = Bare> {
    dataset: D,
    stages: S,
    epochs: Option<Epochs>,
    /// The reader of the samples, if the dataset has no length.
    reading: Option<Arc<dyn Reading>>,
}

impl<D: Dataset> Ordered<D> {
    pub(crate) fn new(dataset: D) -> Self {
        Self { dataset, stages: Bare, epochs: None, reading: None }
    }

    /// Combines the dataset of a source without a length with the reader of the source.
    pub(crate) fn reading(dataset: D, reading: Arc<dyn Reading>) -> Self {
        Self { dataset, stages: Bare, epochs: None, reading: Some(reading) }
    }
}

impl<D, S> Ordered<D, S> {
    /// Combines a dataset with existing stages and, optionally, a number of epochs.
    pub(crate) fn from_parts(dataset: D, stages: S, epochs: Option<Epochs>) -> Self {
        Self { dataset, stages, epochs, reading: None }
    }
}

/// A stage after other stages: the type that [`Ordered::then`] returns.
pub type ThenStage<D, S, N> = Ordered<D, Then<S, N>>;
/// A stage that splits batches, after other stages: the type that [`Ordered::unbatch`] returns.
pub type ThenUnbatch<D, S, B> = Ordered<D, Then<S, FlatMapping<fn(B) -> B, B>>>;
/// A batching stage after other stages: the type that [`Ordered::batch_with`] returns.
pub type ThenBatch<D, S, C> =
    Ordered<D, Then<S, Batching<<S as Stages<<D as Dataset>::Sample>>::Out, C>>>;
/// A limit after other stages: the type that [`Ordered::limit`] returns.
pub type ThenLimit<D, S> = Ordered<D, Then<S, Limit<<S as Stages<<D as Dataset>::Sample>>::Out>>>;

impl<D: Dataset, S: Stages<D::Sample>> Ordered<D, S> {
    /// Adds a stage.
    pub fn then<N: Stage<S::Out>>(self, stage: N) -> ThenStage<D, S, N> {
        let Self { dataset, stages, epochs, reading } = self;
        let stages = Then::new(stages, stage);
        Ordered { dataset, stages, epochs, reading }
    }

    /// Combines `size` samples into a `Vec`, across gaps. The last batch of an epoch may be
    /// shorter.
    pub fn batch(self, size: u64) -> ThenBatch<D, S, AsVec> {
        self.then(Batching::new(size, AsVec))
    }

    /// Combines `size` samples with the given [`Collate`].
    pub fn batch_with<C: Collate<S::Out>>(self, size: u64, collate: C) -> ThenBatch<D, S, C> {
        self.then(Batching::new(size, collate))
    }

    /// Combines samples with the given [`Collate`], as long as their costs add up to at most
    /// `budget`.
    ///
    /// With the number of tokens as the cost, `budget` is the most tokens in a batch. A batch ends
    /// before the sample that would exceed the budget. A sample that costs more than the budget is
    /// an error in its place.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, dataset::AsVec, range};
    /// let batches = range(1..7).ordered().batch_by_budget(6, |x| *x, AsVec);
    /// let batches = Loader::builder(batches).build()?.map(|batch| Ok(batch?.into_inner()));
    /// assert_eq!(
    ///     batches.collect::<windrow::Result<Vec<_>>>()?,
    ///     [vec![1, 2, 3], vec![4], vec![5], vec![6]],
    /// );
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub fn batch_by_budget<F, C>(
        self,
        budget: u64,
        cost: F,
        collate: C,
    ) -> ThenStage<D, S, BudgetBatching<S::Out, F, C>>
    where
        F: Fn(&S::Out) -> u64,
        C: Collate<S::Out>,
    {
        self.then(BudgetBatching::new(budget, cost, collate))
    }

    /// Combines `size` samples of similar length with the given [`Collate`].
    ///
    /// `boundaries` are the lengths at which the next bucket begins, each larger than the one before.
    /// A batch has samples of one bucket, in order, and comes when its bucket is full. The rest of
    /// each bucket comes at the end of the epoch, from the shortest samples to the longest.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, dataset::AsVec, range};
    /// let batches = range(0..10).ordered().bucket_by_length([3], 3, |x| *x % 5, AsVec);
    /// let batches = Loader::builder(batches).build()?.map(|batch| Ok(batch?.into_inner()));
    /// assert_eq!(
    ///     batches.collect::<windrow::Result<Vec<_>>>()?,
    ///     [vec![0, 1, 2], vec![5, 6, 7], vec![3, 4, 8], vec![9]],
    /// );
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub fn bucket_by_length<F, C>(
        self,
        boundaries: impl Into<Vec<u64>>,
        size: u64,
        length: F,
        collate: C,
    ) -> ThenStage<D, S, Bucketing<S::Out, F, C>>
    where
        F: Fn(&S::Out) -> u64,
        C: Collate<S::Out>,
    {
        self.then(Bucketing::new(boundaries, size, length, collate))
    }

    /// Packs whole sequences into rows of a fixed length, with segment ids and positions.
    ///
    /// A sample goes into an open row with room for it, as `fit` says. If no open row has room, the
    /// sample opens a row. If `open` rows are open already, the fullest one comes out before. A full
    /// row comes out with the next sample, and the other rows at the end of the epoch. A sample that
    /// is longer than a row or has no elements is an error in its place.
    ///
    /// More open rows mean less padding, and more samples held back. At most 1,024 rows are open.
    ///
    /// ```
    /// use windrow::dataset::{PackFields, Record, Tensor};
    /// use windrow::stage::Fit;
    /// use windrow::{Dataset, Loader, from_vec};
    /// let text = |n: u64| Record::new().with("tokens", Tensor::from_vec([n], vec![n; n as usize])?);
    /// let texts = from_vec(vec![5, 3, 2, 1]).try_map(text).ordered();
    /// let rows = texts.pack(Fit::Best, 2, PackFields::new([("tokens", 6)]));
    /// let row = Loader::builder(rows).build()?.next().unwrap()?;
    /// assert_eq!(row["tokens"].to_vec::<u64>()?, [5, 5, 5, 5, 5, 1]);
    /// assert_eq!(row["tokens_segment_ids"].to_vec::<i32>()?, [1, 1, 1, 1, 1, 2]);
    /// assert_eq!(row["tokens_positions"].to_vec::<i32>()?, [0, 1, 2, 3, 4, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pack<P: Pack<S::Out>>(
        self,
        fit: Fit,
        open: u64,
        pack: P,
    ) -> ThenStage<D, S, Packing<S::Out, P>> {
        self.then(Packing::new(fit, open, pack))
    }

    /// Joins sequences one after another, and cuts them into rows of a fixed length.
    ///
    /// Only the last row of an epoch has padding. A sample may begin in one row and go on in the next
    /// ones, with positions from 0 in each. A state names the place of the cut. Stages after this one
    /// do not [track](Stage::tracks) their inputs.
    ///
    /// ```
    /// use windrow::dataset::{PackFields, Record, Tensor};
    /// use windrow::{Dataset, Loader, range};
    /// let text = |n: u64| Record::new().with("tokens", Tensor::from_vec([n], vec![n; n as usize])?);
    /// let rows = range(1..5).try_map(text).ordered();
    /// let rows = rows.concat_then_split(PackFields::new([("tokens", 4)]));
    /// let row = Loader::builder(rows).build()?.nth(1).unwrap()?;
    /// assert_eq!(row["tokens"].to_vec::<u64>()?, [3, 3, 4, 4]);
    /// assert_eq!(row["tokens_positions"].to_vec::<i32>()?, [0, 1, 0, 1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn concat_then_split<P: Pack<S::Out>>(
        self,
        pack: P,
    ) -> ThenStage<D, S, ConcatThenSplit<S::Out, P>> {
        self.then(ConcatThenSplit::new(pack))
    }

    /// Applies a function to each sample, on the caller's side.
    ///
    /// [`Dataset::map`] runs in the workers instead. The function must return the same result for
    /// the same sample, because a resume makes results again.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let sums = range(0..6).ordered().batch(3).map(|batch| batch.iter().sum::<u64>());
    /// let sums = Loader::builder(sums).build()?.map(|sum| Ok(*sum?));
    /// assert_eq!(sums.collect::<windrow::Result<Vec<_>>>()?, [3, 12]);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub fn map<U, F: Fn(S::Out) -> U>(self, f: F) -> ThenStage<D, S, Each<MapBy<F>, U>> {
        self.then(Each::new(MapBy(f)))
    }

    /// Applies a function that may fail to each sample, under the conditions of [`map`](Self::map).
    pub fn try_map<U, E, F>(self, f: F) -> ThenStage<D, S, Each<TryMapBy<F>, U>>
    where
        E: Into<BoxError>,
        F: Fn(S::Out) -> Result<U, E>,
    {
        self.then(Each::new(TryMapBy(f)))
    }

    /// Drops the samples for which a function returns `false`.
    ///
    /// [`drop_rate`](Self::drop_rate) after `filter` tells when too many samples are dropped.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let short = range(0..5).ordered().batch(2).filter(|batch| batch.len() < 2);
    /// assert_eq!(*Loader::builder(short).build()?.next().unwrap()?, [4]);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub fn filter<F>(self, f: F) -> ThenStage<D, S, Filtering<S::Out, FilterBy<F>>>
    where
        F: Fn(&S::Out) -> bool,
    {
        self.then(Filtering::new(f))
    }

    /// Replaces each sample with any number of samples, which a function makes of it.
    ///
    /// A resume makes the samples again whose results are not all given or that later stages hold,
    /// under the conditions of [`map`](Self::map).
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let counted = range(0..4).ordered().flat_map(|x| vec![x; x as usize]);
    /// let counted = Loader::builder(counted).build()?.map(|x| Ok(*x?));
    /// assert_eq!(counted.collect::<windrow::Result<Vec<_>>>()?, [1, 2, 2, 3, 3, 3]);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub fn flat_map<I: IntoIterator, F: Fn(S::Out) -> I>(
        self,
        f: F,
    ) -> ThenStage<D, S, FlatMapping<F, I>> {
        self.then(FlatMapping::new(f))
    }

    /// Splits each batch into its samples, such as for batches of another size.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let rebatched = range(0..10).batch(3).ordered().unbatch().batch(4);
    /// let rebatched = Loader::builder(rebatched).build()?.map(|batch| Ok(batch?.into_inner()));
    /// assert_eq!(
    ///     rebatched.collect::<windrow::Result<Vec<_>>>()?,
    ///     [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]],
    /// );
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub fn unbatch(self) -> ThenUnbatch<D, S, S::Out>
    where
        S::Out: IntoIterator,
    {
        let same: fn(S::Out) -> S::Out = |batch| batch;
        self.then(FlatMapping::named("unbatch", same))
    }

    /// Ends each epoch after `count` results.
    pub fn limit(self, count: u64) -> ThenLimit<D, S> {
        self.then(Limit::new(count))
    }

    /// Drops the first `count` results of each epoch.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let rest = range(0..10).ordered().batch(4).skip(1);
    /// assert_eq!(*Loader::builder(rest).build()?.next().unwrap()?, [4, 5, 6, 7]);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub fn skip(self, count: u64) -> ThenStage<D, S, Skip<S::Out>> {
        self.then(Skip::new(count))
    }
}

impl<D, B, T, F: Measure<T>, C: Collate<T>> Ordered<D, Then<B, Bucketing<T, F, C>>> {
    /// Drops the last batch of each bucket if it would be shorter than the others.
    #[must_use]
    pub fn drop_remainder(self) -> Self {
        Self { stages: self.stages.map_stage(Bucketing::drop_remainder), ..self }
    }
}

impl<D, B, T, X: Transform<T, Sample = T>> Ordered<D, Then<B, Filtering<T, X>>> {
    /// Warns or fails if the filter drops too many samples.
    ///
    /// ```
    /// use windrow::stage::DropRate;
    /// use windrow::{Dataset, Loader, range};
    /// let small = range(0..2_000).ordered().filter(|x| *x < 100);
    /// let small = small.drop_rate(DropRate::per(1_000).warn_above(800).fail_above(990));
    /// let errors = Loader::builder(small).build()?.filter_map(Result::err);
    /// let errors: Vec<String> = errors.map(|error| error.to_string()).collect();
    /// assert_eq!(errors.len(), 1);
    /// assert!(errors[0].starts_with("position 1990: filter"));
    /// assert!(errors[0].contains("991 of 991 samples were dropped"));
    /// # Ok::<(), windrow::Error>(())
    /// ```
    #[must_use]
    pub fn drop_rate(self, rate: DropRate) -> Self {
        Self { stages: self.stages.map_stage(|stage| stage.drop_rate(rate)), ..self }
    }
}

impl<D, B, T, P: Pack<T>> Ordered<D, Then<B, ConcatThenSplit<T, P>>> {
    /// Drops the last row of an epoch if it would have padding.
    #[must_use]
    pub fn drop_remainder(self) -> Self {
        Self { stages: self.stages.map_stage(ConcatThenSplit::drop_remainder), ..self }
    }
}

impl<D, B, T, C: Collate<T>> Ordered<D, Then<B, Batching<T, C>>> {
    /// Drops the last batch of an epoch if it would be shorter than the others.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let whole = range(0..10).ordered().batch(4).drop_remainder();
    /// assert_eq!(Loader::builder(whole).build()?.count(), 2);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    #[must_use]
    pub fn drop_remainder(self) -> Self {
        Self { stages: self.stages.map_stage(Batching::drop_remainder), ..self }
    }
}

impl<D: Dataset, S: Stages<D::Sample>> Pipeline for Ordered<D, S> {
    type Sample = D::Sample;
    type Batch = S::Out;
    type Dataset = D;
    type Stages = S;

    fn into_parts(self) -> (D, S) {
        (self.dataset, self.stages)
    }

    fn epochs(&self) -> Option<Epochs> {
        self.epochs
    }

    fn reading(&self) -> Option<Arc<dyn Reading>> {
        self.reading.clone()
    }
}
