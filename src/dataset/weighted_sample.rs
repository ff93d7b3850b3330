//! `weighted_sample`: random samples, each as likely as its weight says.

use std::sync::{Arc, PoisonError, RwLock};

use super::{Dataset, RESHUFFLED, as_below, index_in};
use crate::error::{Error, Fault, Result};
use crate::order::{Description, Op, Weights, epoch_of};

/// The number of epochs whose orders are kept: workers may be in two at a time.
const KEPT: usize = 2;

/// Random samples by weight: see [`Dataset::weighted_sample`].
#[derive(Debug, Clone)]
pub struct WeightedSample<D> {
    dataset: D,
    seed: u64,
    weights: Arc<Weights>,
    count: u64,
    below: u64,
    /// The orders of epochs without replacement; `None` with replacement.
    orders: Option<Arc<Orders>>,
}

/// The orders of the last epochs, which all clones share.
#[derive(Debug, Default)]
struct Orders(RwLock<Vec<(u64, Arc<[u64]>)>>);

impl Orders {
    /// Returns the entry of an epoch's order, from a kept order or from one that `make` makes.
    fn get(&self, epoch: u64, offset: u64, make: impl FnOnce() -> Vec<u64>) -> Option<u64> {
        let entry = |orders: &[(u64, Arc<[u64]>)]| {
            let order = orders.iter().find(|(kept, _)| *kept == epoch)?.1.clone();
            Some(usize::try_from(offset).ok().and_then(|offset| order.get(offset).copied()))
        };
        if let Some(found) = entry(&self.0.read().unwrap_or_else(PoisonError::into_inner)) {
            return found;
        }
        // The other threads wait for this order, since they would only make it again.
        let mut orders = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = entry(&orders) {
            return found;
        }
        if orders.len() == KEPT {
            orders.remove(0);
        }
        orders.push((epoch, make().into()));
        entry(&orders).flatten()
    }
}

impl<D: Dataset> WeightedSample<D> {
    pub(super) fn new(dataset: D, seed: u64, weights: &[f64], count: u64) -> Self {
        let (weights, below) = (Arc::new(Weights::new(weights)), dataset.len());
        Self { dataset, seed, weights, count, below, orders: None }
    }

    /// Draws no sample twice in an epoch: each draw is among the samples that are left.
    ///
    /// The first sample that a process makes of an epoch takes the time for the whole order. That
    /// time is O(*n* + `count` · log *n*) for *n* weights. Each sample after it takes O(1). The
    /// orders of two epochs take 16 bytes for each of the `count` samples. While an order is made, 8
    /// more bytes for each weight are in use.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// let drawn = range(0..4).weighted_sample(7, [1.0, 0.0, 5.0, 5.0], 3).without_replacement();
    /// let mut epoch = (0..3).map(|index| drawn.get(index)).collect::<Result<Vec<_>, _>>()?;
    /// epoch.sort();
    /// assert_eq!(epoch, [0, 2, 3].map(Some));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    #[must_use]
    pub fn without_replacement(self) -> Self {
        Self { orders: Some(Arc::default()), ..self }
    }

    /// Returns the index in the dataset below.
    #[inline]
    fn index_below(&self, index: u64) -> Result<u64, Fault> {
        let (epoch, offset) = epoch_of(index, self.count);
        let drawn = match &self.orders {
            None => self.weights.draw(self.seed, epoch, offset),
            Some(orders) => {
                let make = || self.weights.order(self.seed, epoch, self.count);
                orders.get(epoch, offset, make)
            }
        };
        match drawn.filter(|drawn| *drawn < self.below) {
            Some(drawn) => index_in(epoch, drawn, self.below),
            None => Err(Fault::new(format!("index {index}: no sample has a weight above 0"))),
        }
    }

    /// Checks the weights and the number of samples.
    fn check_weights(&self) -> Result<()> {
        let refused = |name: &str, value: String, allowed: &str| {
            let name = format!("weighted_sample{name}");
            Err(Error::Setting { name, value, allowed: allowed.into() })
        };
        if let Some((place, weight)) = self.weights.refused() {
            let value = format!("{weight} at place {place}");
            return refused(".weights", value, "finite weights of 0 or more");
        }
        let (weights, below) = (self.weights.len(), self.below);
        if weights != below {
            let value = format!("a list of {weights} weights for {below} samples");
            return refused(".weights", value, "one weight for each sample");
        }
        let positive = self.weights.positive();
        if positive == 0 {
            let value = "without a weight above 0".into();
            return refused(".weights", value, "at least one weight above 0");
        }
        if self.orders.is_some() && self.count > positive {
            return refused(
                ".count",
                format!("{}, but only {positive} samples have a weight above 0", self.count),
                "at most one draw of each of these samples, or draws with replacement",
            );
        }
        if self.dataset.is_reshuffled() {
            return refused(
                "",
                format!("made of {RESHUFFLED}"),
                "`weighted_sample` without such an op before it; its order is random already",
            );
        }
        Ok(())
    }
}

impl<D: Dataset> Dataset for WeightedSample<D> {
    type Sample = D::Sample;

    as_below!(has_gaps at_index_below element_spec tree);

    #[inline]
    fn len(&self) -> u64 {
        self.count
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        let op = Op::new("weighted_sample")
            .with("seed", self.seed)
            .with("count", self.count)
            .with("replacement", self.orders.is_none())
            .with("sha256", self.weights.hash());
        description.push(op);
    }

    fn is_reshuffled(&self) -> bool {
        true
    }

    fn is_repeated(&self) -> bool {
        self.orders.is_none() || self.dataset.is_repeated()
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()?;
        self.check_weights()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::range;

    fn epoch<D: Dataset<Sample = u64>>(dataset: &D, epoch: u64) -> Vec<u64> {
        let indices = epoch * dataset.len()..(epoch + 1) * dataset.len();
        indices.map(|index| dataset.get(index).unwrap().unwrap()).collect()
    }

    #[test]
    fn each_epoch_draws_other_samples_and_any_index_alone() {
        let drawn = || range(10..20).weighted_sample(3, [1.0; 10], 40);
        assert_ne!(epoch(&drawn(), 0), epoch(&drawn(), 1));
        assert_eq!(drawn().get(55).unwrap(), Some(epoch(&drawn(), 1)[15]));
        assert!(drawn().is_reshuffled() && drawn().is_repeated());
        let only = range(0..3).weighted_sample(3, [0.0, 2.0, 0.0], 5);
        assert_eq!((epoch(&only, 7), only.len()), (vec![1; 5], 5));
    }

    #[test]
    fn a_draw_asks_for_the_sample_of_its_own_epoch() {
        let noisy = || range(0..4).random_map(1, |x, rng| (x, rng.next_u64()));
        let drawn = noisy().weighted_sample(3, [1.0; 4], 6);
        for index in 0..18 {
            let (x, noise) = drawn.get(index).unwrap().unwrap();
            assert_eq!(noisy().get(index / 6 * 4 + x).unwrap(), Some((x, noise)));
            assert_eq!(drawn.key(index), Some(x.into()));
        }
    }

    #[test]
    fn without_replacement_no_epoch_has_a_sample_twice() {
        let weights = [1.0, 2.0, 0.0, 4.0, 8.0];
        let drawn = range(0..5).weighted_sample(3, weights, 4).without_replacement();
        let orders: Vec<_> = (0..20).map(|number| epoch(&drawn, number)).collect();
        assert!(orders.iter().any(|order| *order != orders[0]));
        for number in (0..20).rev() {
            let order = &orders[number as usize];
            assert_eq!(*order, epoch(&drawn, number), "again, and backwards");
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 3, 4]);
        }
        assert!(!drawn.is_repeated() && drawn.check().is_ok());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test starts threads")]
    fn threads_share_the_orders_of_epochs() {
        let drawn = range(0..200).weighted_sample(3, [1.0; 200], 200).without_replacement();
        let (expected, drawn) = (epoch(&drawn.clone(), 5), &drawn);
        std::thread::scope(|scope| {
            let all = [5, 6, 5, 7].map(|number| scope.spawn(move || epoch(drawn, number)));
            let all = all.map(|thread| thread.join().unwrap());
            assert!(all[0] == expected && all[2] == expected && all[1] != all[3]);
        });
        assert_eq!(drawn.orders.as_ref().unwrap().0.read().unwrap().len(), KEPT);
    }

    #[test]
    fn what_cannot_be_drawn_is_refused_and_no_panic() {
        let refused = |weights: &[f64], says: &str| {
            let drawn = range(0..3).weighted_sample(1, weights, 2);
            let message = drawn.check().unwrap_err().to_string();
            assert!(message.contains(says), "{message}");
            _ = drawn.get(5);
            _ = drawn.without_replacement().get(5);
        };
        refused(&[1.0, -2.0, 1.0], "weighted_sample.weights is -2 at place 1");
        refused(&[1.0, f64::NAN, 1.0], "NaN at place 1");
        refused(&[1.0; 4], "a list of 4 weights for 3 samples");
        refused(&[], "a list of 0 weights for 3 samples");
        refused(&[0.0; 3], "without a weight above 0");
        let few = range(0..3).weighted_sample(1, [1.0, 0.0, 1.0], 3);
        assert!(few.check().is_ok());
        let message = few.without_replacement().check().unwrap_err().to_string();
        assert!(message.contains("count is 3, but only 2 samples"), "{message}");
        let shuffled = range(0..3).shuffle(1).weighted_sample(1, [1.0; 3], 3);
        assert!(shuffled.check().unwrap_err().to_string().contains("without such an op"));
        assert!(range(0..0).weighted_sample(1, [], 0).get(0).is_err());
    }

    #[test]
    fn descriptions_tell_weights_and_ways_apart() {
        let text = |weights: [f64; 2], once: bool| {
            let drawn = range(0..2).weighted_sample(1, weights, 2);
            let mut description = Description::default();
            if once { drawn.without_replacement() } else { drawn }.describe(&mut description);
            description.to_string()
        };
        let plain = text([1.0, 2.0], false);
        let told = "|weighted_sample(seed=1,count=2,replacement=true,sha256=";
        assert!(plain.contains(told), "{plain}");
        assert_ne!(plain, text([2.0, 1.0], false));
        assert_ne!(plain, text([1.0, 2.0], true));
    }
}
