//! `map`, `try_map`, `map_with_index`, `random_map` and `filter`: closures as transforms.

use super::{ElementSpec, SampleContext, SampleResult, Transform, Transformed};
use crate::error::{BoxError, Fault, Result};
use crate::order::{Op, Rng};

/// A dataset with a closure applied to each sample: see [`Dataset::map`](super::Dataset::map).
pub type Map<D, F> = Transformed<D, MapBy<F>>;
/// A dataset with a closure that may fail applied to each sample: see
/// [`Dataset::try_map`](super::Dataset::try_map).
pub type TryMap<D, F> = Transformed<D, TryMapBy<F>>;
/// A dataset with a closure applied to each index and sample: see
/// [`Dataset::map_with_index`](super::Dataset::map_with_index).
pub type MapWithIndex<D, F> = Transformed<D, MapWithIndexBy<F>>;
/// A dataset of samples with their indices: see [`Dataset::enumerate`](super::Dataset::enumerate).
pub type Enumerate<D, S> = MapWithIndex<D, fn(u64, S) -> (u64, S)>;
/// A dataset with a closure applied to each sample and the sample's random number generator: see
/// [`Dataset::random_map`](super::Dataset::random_map).
pub type RandomMap<D, F> = Transformed<D, RandomMapBy<F>>;
/// A dataset with gaps in place of samples that did not pass: see
/// [`Dataset::filter`](super::Dataset::filter).
pub type Filter<D, F> = Transformed<D, FilterBy<F>>;

/// The transform of [`Map`].
#[derive(Debug, Clone, Copy)]
pub struct MapBy<F>(pub(crate) F);

impl<In, Out, F: Fn(In) -> Out> Transform<In> for MapBy<F> {
    type Sample = Out;

    #[inline]
    fn apply(&self, _: SampleContext, sample: In) -> SampleResult<Out> {
        Ok(Some(self.0(sample)))
    }

    fn op(&self) -> Op {
        Op::new("map")
    }

    fn is_same_each_epoch(&self) -> bool {
        true
    }
}

/// The transform of [`TryMap`].
#[derive(Debug, Clone, Copy)]
pub struct TryMapBy<F>(pub(crate) F);

impl<In, Out, E: Into<BoxError>, F: Fn(In) -> Result<Out, E>> Transform<In> for TryMapBy<F> {
    type Sample = Out;

    #[inline]
    fn apply(&self, _: SampleContext, sample: In) -> SampleResult<Out> {
        self.0(sample).map(Some).map_err(Fault::other)
    }

    fn op(&self) -> Op {
        Op::new("try_map")
    }

    fn is_same_each_epoch(&self) -> bool {
        true
    }
}

/// The transform of [`MapWithIndex`].
#[derive(Debug, Clone, Copy)]
pub struct MapWithIndexBy<F>(pub(super) F);

impl<In, Out, F: Fn(u64, In) -> Out> Transform<In> for MapWithIndexBy<F> {
    type Sample = Out;

    #[inline]
    fn apply(&self, place: SampleContext, sample: In) -> SampleResult<Out> {
        Ok(Some(self.0(place.index, sample)))
    }

    fn op(&self) -> Op {
        Op::new("map_with_index")
    }
}

/// The transform of [`RandomMap`].
#[derive(Debug, Clone, Copy)]
pub struct RandomMapBy<F> {
    pub(super) seed: u64,
    pub(super) f: F,
}

impl<In, Out, F: Fn(In, &mut Rng) -> Out> Transform<In> for RandomMapBy<F> {
    type Sample = Out;

    #[inline]
    fn apply(&self, place: SampleContext, sample: In) -> SampleResult<Out> {
        Ok(Some((self.f)(sample, &mut place.rng(self.seed))))
    }

    fn op(&self) -> Op {
        Op::new("random_map").with("seed", self.seed)
    }
}

/// The transform of [`Filter`].
#[derive(Debug, Clone, Copy)]
pub struct FilterBy<F>(pub(crate) F);

impl<In, F: Fn(&In) -> bool> Transform<In> for FilterBy<F> {
    type Sample = In;

    #[inline]
    fn apply(&self, _: SampleContext, sample: In) -> SampleResult<In> {
        Ok(self.0(&sample).then_some(sample))
    }

    fn element_spec(&self, below: &ElementSpec) -> Result<ElementSpec, String> {
        Ok(below.clone())
    }

    fn op(&self) -> Op {
        Op::new("filter")
    }

    fn is_same_each_epoch(&self) -> bool {
        true
    }

    fn leaves_gaps(&self) -> bool {
        true
    }
}
