//! Transforms: combinators that turn one sample into one sample.

use super::{Dataset, ElementSpec, SampleResult, as_below, forward, next_op, wrong_spec};
use crate::dataset::fill::Watch;
use crate::dataset::probe::{apart, below};
use crate::error::{Fault, Result};
use crate::order::{Description, Op, Rng, epoch_of};

/// The place of a transform's sample, which names the sample and keys its random numbers.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SampleContext {
    /// The requested index, counted on into later epochs.
    pub index: u64,
    /// The number of samples in an epoch.
    pub len: u64,
    /// The number of ops below this one in the pipeline.
    pub op: u64,
}

impl SampleContext {
    /// Creates the context of an index in a dataset of `len` samples, for tests of a transform.
    ///
    /// `op` is the number of ops below the transform.
    #[must_use]
    pub fn new(index: u64, len: u64, op: u64) -> Self {
        Self { index, len, op }
    }

    /// Returns the random number generator of this sample, keyed by (seed, epoch, op, index).
    ///
    /// ```
    /// use windrow::dataset::SampleContext;
    /// let [third, again] = [SampleContext::new(2, 10, 0); 2].map(|place| place.rng(7).next_u64());
    /// assert_eq!(third, again);
    /// assert_ne!(third, SampleContext::new(12, 10, 0).rng(7).next_u64()); // the next epoch
    /// ```
    #[must_use]
    pub fn rng(&self, seed: u64) -> Rng {
        let (epoch, index) = epoch_of(self.index, self.len);
        Rng::keyed(seed, epoch, self.op, index)
    }

    /// Returns the index of the sample in its epoch, which faults name.
    pub(crate) fn index_in_epoch(&self) -> u64 {
        epoch_of(self.index, self.len).1
    }
}

/// A transform of one sample, with a name and options that are part of the fingerprint.
///
/// [`map`](Dataset::map) takes any closure, but windrow cannot distinguish two closures, so a state
/// saved with one resumes with another. A `Transform` has a description, so windrow can distinguish
/// it from others.
///
/// ```
/// use windrow::{Dataset, Fault, range};
/// use windrow::dataset::{SampleContext, Transform};
/// use windrow::order::Op;
///
/// struct Times(u64);
///
/// impl Transform<u64> for Times {
///     type Sample = u64;
///
///     fn apply(&self, _: SampleContext, x: u64) -> Result<Option<u64>, Fault> {
///         Ok(Some(x * self.0))
///     }
///
///     fn op(&self) -> Op {
///         Op::new("times").with("factor", self.0)
///     }
/// }
///
/// assert_eq!(range(0..10).transform(Times(3)).get(4)?, Some(12));
/// # Ok::<(), Fault>(())
/// ```
pub trait Transform<In> {
    /// The type of the resulting sample.
    type Sample;

    /// Applies the transform to a sample; `None` leaves a gap.
    ///
    /// # Errors
    /// Returns the fault that kept this sample from being made.
    fn apply(&self, context: SampleContext, sample: In) -> SampleResult<Self::Sample>;

    /// Returns the name and the options that affect the result.
    fn op(&self) -> Op;

    /// Returns whether `apply` may leave a gap.
    fn leaves_gaps(&self) -> bool {
        false
    }

    /// Returns the spec of the results, given that of the samples; by default, nothing is known.
    ///
    /// A transform must refuse only what it refuses for every sample of that spec.
    ///
    /// # Errors
    /// Returns the reason why the transform fails for every such sample: an option, or a field that
    /// is missing or has another dtype or shape.
    fn element_spec(&self, samples: &ElementSpec) -> Result<ElementSpec, String> {
        _ = samples;
        Ok(ElementSpec::unknown())
    }

    /// Returns whether equal samples give equal results in each epoch, so that
    /// [`cache`](Dataset::cache) may keep the result.
    ///
    /// The default is `false`, which is right for all transforms. A transform that uses nothing of its
    /// [`SampleContext`] returns `true`.
    fn is_same_each_epoch(&self) -> bool {
        false
    }
}

impl<In, T: Transform<In> + ?Sized> Transform<In> for Box<T> {
    type Sample = T::Sample;

    forward! {
        apply(context: SampleContext, sample: In) -> SampleResult<T::Sample>;
        op() -> Op;
        leaves_gaps() -> bool;
        element_spec(samples: &ElementSpec) -> Result<ElementSpec, String>;
        is_same_each_epoch() -> bool;
    }
}

/// A dataset with a [`Transform`] applied to each sample: see [`Dataset::transform`].
#[derive(Debug, Clone)]
pub struct Transformed<D, T> {
    dataset: D,
    transform: T,
    len: u64,
    op: u64,
    /// The spec, which the transforms after this one ask for again and again.
    spec: Result<ElementSpec, String>,
}

impl<D: Dataset, T: Transform<D::Sample>> Transformed<D, T> {
    pub(super) fn new(dataset: D, transform: T) -> Self {
        let (len, op) = (dataset.len(), next_op(&dataset));
        let spec = transform.element_spec(&dataset.element_spec());
        Self { dataset, transform, len, op, spec }
    }
}

impl<D: Dataset, T: Transform<D::Sample>> Dataset for Transformed<D, T> {
    type Sample = T::Sample;

    as_below!(is_reshuffled is_repeated key tree);

    #[inline]
    fn len(&self) -> u64 {
        self.len
    }

    #[inline]
    fn get(&self, index: u64) -> SampleResult<Self::Sample> {
        let Some(sample) = below(0, || self.dataset.get(index))? else { return Ok(None) };
        let place = SampleContext { index, len: self.len, op: self.op };
        let watch = Watch::over(place);
        let made = apart(|| self.transform.apply(place, sample));
        watch.done();
        made.map_err(|fault| self.named(fault, place))
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        description.push(self.transform.op());
    }

    fn element_spec(&self) -> ElementSpec {
        self.spec.clone().unwrap_or_default()
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()?;
        match &self.spec {
            Ok(_) => Ok(()),
            Err(why) => Err(wrong_spec(self.op, &self.transform.op(), why)),
        }
    }

    fn has_gaps(&self) -> bool {
        self.dataset.has_gaps() || self.transform.leaves_gaps()
    }

    fn is_same_each_epoch(&self) -> bool {
        self.dataset.is_same_each_epoch() && self.transform.is_same_each_epoch()
    }
}

impl<D: Dataset, T: Transform<D::Sample>> Transformed<D, T> {
    #[cold]
    fn named(&self, fault: Fault, place: SampleContext) -> Fault {
        fault.at(self.transform.op().name().to_owned(), place.index_in_epoch())
    }
}
