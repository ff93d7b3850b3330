//! `flat_map`: a bounded number of samples for each sample.

use super::fill::Watch;
use super::probe;
use super::{Dataset, SampleContext, SampleKey, SampleResult, as_below, at_least_one};
use crate::error::{Error, Fault, Result};
use crate::order::{Description, Op, epoch_of};

/// A dataset of several samples for each sample: see [`Dataset::flat_map`].
#[derive(Debug, Clone)]
pub struct FlatMap<D, F> {
    dataset: D,
    fan_out: u64,
    f: F,
}

impl<D: Dataset, F> FlatMap<D, F> {
    pub(super) fn new(dataset: D, fan_out: u64, f: F) -> Self {
        Self { dataset, fan_out, f }
    }

    /// Returns the index below, and the place among the samples made of that one.
    #[inline]
    fn place(&self, index: u64) -> (u64, u64) {
        epoch_of(index, self.fan_out)
    }
}

impl<D, F, I> Dataset for FlatMap<D, F>
where
    D: Dataset,
    F: Fn(D::Sample) -> I,
    I: IntoIterator,
{
    type Sample = I::Item;

    as_below!(is_reshuffled is_repeated is_same_each_epoch tree);

    #[inline]
    fn len(&self) -> u64 {
        self.dataset.len().saturating_mul(self.fan_out)
    }

    fn get(&self, index: u64) -> SampleResult<I::Item> {
        let (below, place) = self.place(index);
        let asked = probe::below(0, || self.dataset.get(below))?;
        let Some(sample) = asked else { return Ok(None) };
        let context = SampleContext::new(below, self.dataset.len(), 0);
        let watch = Watch::over(context);
        // `Iterator::nth` takes a `usize`; a place beyond the platform's is beyond any `fan_out`
        // whose samples anyone waits for.
        let (sample, has_more) = probe::apart(|| {
            let mut made = (self.f)(sample).into_iter();
            let sample = usize::try_from(place).ok().and_then(|place| made.nth(place));
            // The first place alone tells of a sample beyond the last place.
            let last = usize::try_from(self.fan_out.saturating_sub(1)).ok();
            let beyond = last.filter(|_| place == 0 && sample.is_some());
            let has_more = beyond.is_some_and(|beyond| made.nth(beyond).is_some());
            (sample, has_more)
        });
        watch.done();
        if !has_more {
            return Ok(sample);
        }
        let why = format!("it made more than {} samples; raise fan_out", self.fan_out);
        Err(Fault::new(why).at("flat_map", context.index_in_epoch()))
    }

    /// Returns the key of the sample below, and the place among the samples made of that one:
    /// `42/1`.
    fn key(&self, index: u64) -> Option<SampleKey> {
        let (below, place) = self.place(index);
        let key = self.dataset.key(below)?;
        Some(SampleKey::Name(format!("{key}/{place}")))
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        description.push(Op::new("flat_map").with("fan_out", self.fan_out));
    }

    fn has_gaps(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()?;
        at_least_one("flat_map.fan_out", self.fan_out)?;
        if self.dataset.len().checked_mul(self.fan_out).is_some() {
            return Ok(());
        }
        Err(Error::Setting {
            name: "flat_map.fan_out".into(),
            value: self.fan_out.to_string(),
            allowed: "so few that the samples number at most 2^64 - 1".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::dataset::Dataset;
    use crate::loader::Loader;
    use crate::source::{from_vec, range};

    #[test]
    fn samples_come_in_order_without_the_gaps() {
        let parts = [0..4, 0..0, 4..6, 6..10, 0..0, 10..13].map(|part| part.collect::<Vec<u64>>());
        let flat = from_vec(parts.to_vec()).flat_map(4, |part| part);
        assert_eq!((flat.len(), flat.has_gaps()), (24, true));
        let all = Loader::builder(flat.ordered()).epochs(2).build().unwrap();
        let all: Vec<u64> = all.map(|sample| sample.unwrap().into_inner()).collect();
        assert_eq!(all, [(0..13), (0..13)].into_iter().flatten().collect::<Vec<_>>());
    }

    #[test]
    fn a_sample_that_makes_too_many_is_one_fault_even_without_an_end() {
        let endless = range(0..3).flat_map(2, |x| x..);
        assert!(endless.get(0).unwrap_err().to_string().contains("more than 2 samples"));
        assert_eq!(endless.get(3), Ok(Some(2)));
        let flat = range(0..3).flat_map(2, |x| vec![x; x as usize + 1]);
        let all: Vec<_> = (0..6).map(|index| flat.get(index)).collect();
        assert_eq!(all[..4], [Ok(Some(0)), Ok(None), Ok(Some(1)), Ok(Some(1))]);
        assert_eq!(
            all[4].as_ref().unwrap_err().to_string(),
            "flat_map of index 2: it made more than 2 samples; raise fan_out"
        );
        assert_eq!(all[5], Ok(Some(2)));
        assert!(range(0..3).flat_map(0, Some).check().is_err());
        assert!(range(0..u64::MAX).flat_map(2, Some).check().is_err());
    }

    #[test]
    fn keys_have_the_place() {
        let flat = range(0..3).shuffle(1).flat_map(2, |x| [x, x]);
        for index in 0..6 {
            let sample = flat.get(index).unwrap().unwrap();
            assert_eq!(flat.key(index).unwrap().to_string(), format!("{sample}/{}", index % 2));
        }
    }
}
