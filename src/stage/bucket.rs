//! `bucket_by_length`: batches of samples of similar length.

use super::{Held, Stage};
use crate::dataset::{Collate, ElementSpec, Measure, at_least_one};
use crate::error::{Error, Fault, Result};
use crate::order::Op;

/// The largest number of buckets.
const BUCKETS_MAX: usize = 1024;

/// A stage for batches of samples of similar length: see
/// [`Ordered::bucket_by_length`](super::Ordered::bucket_by_length).
#[derive(Debug)]
pub struct Bucketing<T, F, C: Collate<T>> {
    /// The lengths at which the next bucket begins.
    boundaries: Vec<u64>,
    size: u64,
    drop_remainder: bool,
    length: F,
    collate: C,
    /// The samples held back in each bucket, with the numbers of the inputs that they were.
    buckets: Vec<Vec<(u64, T)>>,
    ready: Option<C::Batch>,
    /// The number of inputs so far. `last` has the inputs in the last batch.
    pushed: u64,
    last: Vec<u64>,
}

impl<T, F: Measure<T>, C: Collate<T>> Bucketing<T, F, C> {
    /// Creates a stage for batches of `size` samples whose lengths lie between two boundaries.
    #[must_use]
    pub fn new(boundaries: impl Into<Vec<u64>>, size: u64, length: F, collate: C) -> Self {
        let boundaries = boundaries.into();
        let buckets = (0..=boundaries.len().min(BUCKETS_MAX)).map(|_| Vec::new()).collect();
        Self {
            boundaries,
            size,
            drop_remainder: false,
            length,
            collate,
            buckets,
            ready: None,
            pushed: 0,
            last: Vec::new(),
        }
    }

    /// Drops the last batch of a bucket if it would be shorter than the others.
    #[must_use]
    pub fn drop_remainder(self) -> Self {
        Self { drop_remainder: true, ..self }
    }

    /// Returns the bucket of a sample.
    fn bucket(&mut self, sample: &T) -> Result<&mut Vec<(u64, T)>, Fault> {
        let length = self.length.measure(sample)?;
        let place = self.boundaries.partition_point(|boundary| *boundary <= length);
        Ok(&mut self.buckets[place])
    }

    fn collate(&mut self, samples: Vec<(u64, T)>) -> Result<(), Fault> {
        let (last, samples): (Vec<u64>, Vec<T>) = samples.into_iter().unzip();
        self.last = last;
        self.ready = Some(self.collate.collate(samples)?);
        Ok(())
    }
}

impl<T, F: Measure<T>, C: Collate<T>> Stage<T> for Bucketing<T, F, C> {
    type Out = C::Batch;

    fn push(&mut self, sample: T) -> Result<(), Fault> {
        let (number, size) = (self.pushed, self.size);
        self.pushed += 1;
        let bucket = self.bucket(&sample)?;
        bucket.push((number, sample));
        if (bucket.len() as u64) < size {
            return Ok(());
        }
        let samples = std::mem::take(bucket);
        self.collate(samples)
    }

    fn pop(&mut self) -> Option<C::Batch> {
        self.ready.take()
    }

    fn finish(&mut self) -> Result<(), Fault> {
        if self.drop_remainder {
            self.buckets.iter_mut().for_each(Vec::clear);
        }
        let rest = self.buckets.iter_mut().find(|bucket| !bucket.is_empty());
        match rest.map(std::mem::take) {
            Some(samples) => self.collate(samples),
            None => Ok(()),
        }
    }

    fn is_clean(&self) -> bool {
        self.ready.is_none() && self.buckets.iter().all(Vec::is_empty)
    }

    fn reset(&mut self, _: u64) {
        self.buckets.iter_mut().for_each(Vec::clear);
        (self.ready, self.pushed) = (None, 0);
    }

    fn results_of(&self, inputs: u64) -> Option<u64> {
        Some(inputs)
    }

    fn tracks(&self) -> bool {
        true
    }

    fn held(&self) -> Held {
        self.buckets.iter().flatten().map(|(number, _)| *number).collect()
    }

    fn take_back(&mut self, inputs: Vec<T>) -> Option<()> {
        self.pushed = inputs.len() as u64;
        for (number, sample) in (0..).zip(inputs) {
            self.bucket(&sample).ok()?.push((number, sample));
        }
        self.buckets.iter().all(|bucket| (bucket.len() as u64) < self.size).then_some(())
    }

    fn made_of(&self) -> Vec<u64> {
        self.last.clone()
    }

    fn remake(&self, inputs: Vec<T>) -> Result<C::Batch, Fault> {
        let count = inputs.len() as u64;
        if !(1..=self.size).contains(&count) {
            let size = self.size;
            return Err(Fault::new(format!("no batch of at most {size} has {count} samples")));
        }
        self.collate.collate(inputs)
    }

    fn inputs(&self) -> u64 {
        self.size
    }

    fn element_spec(&self, inputs: &ElementSpec) -> Result<ElementSpec, String> {
        self.length.check_spec(inputs)?;
        self.collate.element_spec(inputs, self.drop_remainder.then_some(self.size))
    }

    fn op(&self) -> Op {
        let boundaries: Vec<String> = self.boundaries.iter().map(u64::to_string).collect();
        let op = self
            .length
            .describe(Op::new("bucket_by_length"))
            .with("boundaries", boundaries.join(";"));
        let op = op.with("size", self.size).with("drop_remainder", self.drop_remainder);
        self.collate.describe(op)
    }

    fn check(&self) -> Result<()> {
        at_least_one("bucket_by_length.size", self.size)?;
        let boundaries = &self.boundaries;
        if boundaries.len() <= BUCKETS_MAX && boundaries.windows(2).all(|two| two[0] < two[1]) {
            return Ok(());
        }
        Err(Error::Setting {
            name: "bucket_by_length.boundaries".into(),
            value: format!("a list of {}", boundaries.len()),
            allowed: format!("at most {BUCKETS_MAX} lengths, each larger than the one before"),
        })
    }
}
