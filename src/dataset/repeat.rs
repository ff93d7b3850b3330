//! `repeat`: the same dataset for several epochs.

use super::{Dataset, as_below};
use crate::error::{Fault, Result};
use crate::order::{Description, Op, epoch_of};

/// A dataset repeated several times: see [`Dataset::repeat`].
#[derive(Debug, Clone)]
pub struct Repeat<D> {
    dataset: D,
    epochs: u64,
    len: u64,
    same: bool,
}

impl<D: Dataset> Repeat<D> {
    pub(super) fn new(dataset: D, epochs: u64) -> Self {
        let len = dataset.len().saturating_mul(epochs);
        Self { dataset, epochs, len, same: false }
    }

    /// Repeats the first epoch each time: with the same order, and the same random numbers.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// let twice = range(0..100).shuffle(7).repeat(2).same_each_epoch();
    /// assert_eq!(twice.get(3)?, twice.get(103)?);
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    #[must_use]
    pub fn same_each_epoch(self) -> Self {
        Self { same: true, ..self }
    }

    /// Returns the index in the dataset below.
    #[inline]
    fn index_below(&self, index: u64) -> Result<u64, Fault> {
        if !self.same {
            return Ok(index); // One past the end of the dataset below is already its next epoch.
        }
        // Where `new` cut the length, it is no multiple of the length below.
        let index = epoch_of(index, self.len).1;
        Ok(epoch_of(index, self.dataset.len()).1)
    }
}

impl<D: Dataset> Dataset for Repeat<D> {
    type Sample = D::Sample;

    as_below!(has_gaps check at_index_below element_spec tree);

    #[inline]
    fn len(&self) -> u64 {
        self.len
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        let op = Op::new("repeat").with("epochs", self.epochs);
        description.push(if self.same { op.with("same", true) } else { op });
    }

    fn is_reshuffled(&self) -> bool {
        !self.same && self.dataset.is_reshuffled()
    }

    fn is_same_each_epoch(&self) -> bool {
        // A length that `new` cut is no multiple of the length below.
        let whole = || self.dataset.len().checked_mul(self.epochs).is_some();
        self.same || (self.dataset.is_same_each_epoch() && whole())
    }

    fn is_repeated(&self) -> bool {
        self.epochs > 1 || self.dataset.is_repeated()
    }
}

#[cfg(test)]
mod tests {
    use crate::dataset::Dataset;
    use crate::source::range;

    #[test]
    fn an_order_is_new_for_each_time_or_the_same() {
        let all = |dataset: &dyn Dataset<Sample = u64>| {
            let len = dataset.len();
            (0..len * 2).map(|index| dataset.get(index).unwrap().unwrap()).collect::<Vec<_>>()
        };
        let shuffled = || range(0..50).shuffle(1);
        let (anew, same) = (shuffled().repeat(2), shuffled().repeat(2).same_each_epoch());
        let (anew, all_same) = (all(&anew), all(&same));
        assert_ne!(anew[..50], anew[50..100]);
        let parts: Vec<&[u64]> = all_same.chunks(50).collect();
        assert_eq!((parts.len(), parts.windows(2).all(|pair| pair[0] == pair[1])), (4, true));
        assert_eq!(parts[0], &anew[..50]);
        // A part is the same in each epoch, and has some samples twice.
        assert!(same.clone().slice(..60).check().is_ok());
        assert!(same.is_repeated() && !same.is_reshuffled());
    }
}
