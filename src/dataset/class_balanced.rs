//! `class_balanced`: samples of each class equally often.

use std::sync::Arc;

use super::shuffle::permuted;
use super::{Dataset, RESHUFFLED, as_below, index_in};
use crate::error::{Error, Fault, Result};
use crate::order::{Classes, Description, Op};

/// Samples of each class equally often: see [`Dataset::class_balanced`].
#[derive(Debug, Clone)]
pub struct ClassBalanced<D> {
    dataset: D,
    seed: u64,
    classes: Arc<Classes>,
    count: u64,
    below: u64,
}

impl<D: Dataset> ClassBalanced<D> {
    pub(super) fn new(dataset: D, seed: u64, labels: &[u64], count: u64) -> Self {
        let (classes, below) = (Arc::new(Classes::new(seed, labels)), dataset.len());
        Self { dataset, seed, classes, count, below }
    }

    /// Returns the index in the dataset below. An index counts on into later epochs, as in a mix.
    #[inline]
    fn index_below(&self, index: u64) -> Result<u64, Fault> {
        let turn = self.classes.turn(index);
        let turn =
            turn.ok_or_else(|| Fault::new(format!("index {index}: there are no classes")))?;
        let place = permuted(turn.size, turn.key, turn.pass, turn.offset);
        let sample = self.classes.sample(turn, place);
        if sample < self.below {
            return index_in(turn.pass, sample, self.below);
        }
        let (labels, below) = (self.classes.len(), self.below);
        Err(Fault::new(format!("index {index}: there are {labels} labels for {below} samples")))
    }
}

impl<D: Dataset> Dataset for ClassBalanced<D> {
    type Sample = D::Sample;

    as_below!(has_gaps at_index_below element_spec tree);

    #[inline]
    fn len(&self) -> u64 {
        self.count
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        let op = Op::new("class_balanced").with("seed", self.seed).with("count", self.count);
        description.push(op.with("sha256", self.classes.hash()));
    }

    fn is_reshuffled(&self) -> bool {
        true
    }

    /// Returns `true`, because a class with few samples repeats them within an epoch.
    fn is_repeated(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()?;
        let refused = |name: &str, value: String, allowed: &str| {
            let name = format!("class_balanced{name}");
            Err(Error::Setting { name, value, allowed: allowed.into() })
        };
        let (labels, below) = (self.classes.len(), self.below);
        if labels != below {
            let value = format!("a list of {labels} labels for {below} samples");
            return refused(".labels", value, "one label for each sample");
        }
        if labels == 0 && self.count > 0 {
            let value = format!("{} without any sample", self.count);
            return refused(".count", value, "0, or a dataset with samples");
        }
        if self.dataset.is_reshuffled() {
            return refused("", format!("made of {RESHUFFLED}"), "`class_balanced` before that op");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::range;

    const LABELS: [u64; 10] = [0, 0, 0, 0, 0, 0, 4, 4, 9, 9];

    fn samples<D: Dataset<Sample = u64>>(dataset: &D, count: u64) -> Vec<u64> {
        (0..count).map(|index| dataset.get(index).unwrap().unwrap()).collect()
    }

    #[test]
    fn any_run_of_samples_has_each_class_equally_often() {
        let balanced = range(0..10).class_balanced(5, LABELS, 11);
        let labels: Vec<u64> =
            samples(&balanced, 60).iter().map(|sample| LABELS[*sample as usize]).collect();
        for run in (0..60).flat_map(|from| (from + 1..=60).map(move |to| from..to)) {
            for class in [0, 4, 9] {
                let run = &labels[run.clone()];
                let count = run.iter().filter(|label| **label == class).count();
                assert!(count == run.len() / 3 || count == run.len().div_ceil(3), "{run:?}");
            }
        }
    }

    #[test]
    fn each_pass_over_a_class_has_each_of_its_samples_once() {
        let balanced = range(0..10).class_balanced(5, LABELS, 12);
        let all = samples(&balanced, 72);
        let large: Vec<u64> = all.iter().copied().filter(|sample| *sample < 6).collect();
        let passes: Vec<_> = large.chunks(6).collect();
        assert!(passes.iter().any(|pass| *pass != passes[0]));
        for pass in passes {
            let mut sorted = pass.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4, 5]);
        }
    }

    #[test]
    fn a_sample_of_a_later_pass_is_that_of_a_later_epoch() {
        let noisy = || range(0..10).random_map(1, |x, rng| (x, rng.next_u64()));
        let balanced = noisy().class_balanced(5, LABELS, 30);
        let mut seen = [0; 10];
        for index in 0..60 {
            let (x, noise) = balanced.get(index).unwrap().unwrap();
            assert_eq!(noisy().get(seen[x as usize] * 10 + x).unwrap(), Some((x, noise)));
            seen[x as usize] += 1;
        }
    }

    #[test]
    fn what_cannot_be_balanced_is_refused_and_no_panic() {
        let refused = |message: String, says: &str| assert!(message.contains(says), "{message}");
        let short = range(0..10).class_balanced(5, [0, 1], 4);
        refused(short.check().unwrap_err().to_string(), "a list of 2 labels for 10 samples");
        let long = range(0..1).class_balanced(5, [0, 1], 4);
        refused(long.get(1).unwrap_err().to_string(), "2 labels for 1 samples");
        let shuffled = range(0..10).shuffle(1).class_balanced(5, LABELS, 4);
        refused(shuffled.check().unwrap_err().to_string(), "`class_balanced` before that op");
        let none = range(0..0).class_balanced(5, [], 4);
        refused(none.check().unwrap_err().to_string(), "4 without any sample");
        refused(range(0..0).class_balanced(5, [], 4).get(0).unwrap_err().to_string(), "no classes");
        assert!(range(0..10).class_balanced(5, LABELS, 4).shuffle(3).check().is_ok());
    }

    #[test]
    fn descriptions_tell_labels_apart() {
        let text = |labels: [u64; 2]| {
            let mut description = Description::default();
            range(0..2).class_balanced(1, labels, 2).describe(&mut description);
            description.to_string()
        };
        assert!(text([0, 1]).contains("|class_balanced(seed=1,count=2,sha256="));
        assert_ne!(text([0, 1]), text([0, 0]));
    }
}
