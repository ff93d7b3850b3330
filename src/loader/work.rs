//! The work of a loader: its dataset, with the additions of the loader's settings.

use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::digest::Hasher;
use crate::backend::beside::{Additions, Hashes};
use crate::backend::{Fill, Profiler};
use crate::dataset::reduce::gather;
use crate::dataset::wire::{compare, decode, encode};
use crate::dataset::{Dataset, SampleResult, caught, discard, fill};
use crate::error::Fault;

/// A function that returns the bytes of a sample.
pub(super) type Measure<T> = Box<dyn Fn(&T) -> Option<u64> + Send + Sync>;
/// A function that sends a sample through the encoding of worker processes.
pub(super) type RoundTrip<T> = fn(&T) -> Result<T, Fault>;

/// A dataset whose samples are measured and, in strict mode, encoded and decoded.
pub(super) struct Work<D: Dataset> {
    pub(super) dataset: D,
    pub(super) measure: Measure<D::Sample>,
    pub(super) strict: Option<RoundTrip<D::Sample>>,
    pub(super) additions: Arc<Additions>,
    /// The hashes and the function that hashes a sample, if samples are batches.
    pub(super) hashes: Option<(Arc<Hashes>, Hasher<D::Sample>)>,
    pub(super) profiler: Option<Arc<Profiler>>,
}

impl<D: Dataset + Send + Sync> Fill<D::Sample> for Work<D> {
    fn fill(&self, position: u64) -> SampleResult<D::Sample> {
        let Some((hashes, hasher)) = &self.hashes else { return self.made(position) };
        let made = self.made(position);
        let sample = made.as_ref().ok().and_then(Option::as_ref);
        // The loader finds out why a sample has no hash when it hashes the sample itself.
        let hash = sample.and_then(|sample| caught(|| hasher(sample)).ok()?.ok());
        hashes.keep(position, hash);
        made
    }

    fn bytes_beside(&self, positions: Range<u64>) -> u64 {
        self.additions.bytes(positions)
    }

    fn bytes(&self, sample: &D::Sample) -> Option<u64> {
        (self.measure)(sample)
    }

    fn profiler(&self) -> Option<&Profiler> {
        self.profiler.as_deref()
    }
}

/// The work of the loader's own process with backend processes: it only measures samples.
pub(super) struct Measured<T>(pub(super) Measure<T>, pub(super) Option<Arc<Profiler>>);

impl<T> Fill<T> for Measured<T> {
    fn fill(&self, _: u64) -> SampleResult<T> {
        Err(Fault::new("only worker processes make samples of this loader"))
    }

    fn bytes(&self, sample: &T) -> Option<u64> {
        (self.0)(sample)
    }

    fn profiler(&self) -> Option<&Profiler> {
        self.1.as_deref()
    }
}

impl<D: Dataset> Work<D> {
    /// Makes a sample and keeps the values that it adds to reducers.
    fn made(&self, position: u64) -> SampleResult<D::Sample> {
        let reducers = self.additions.keys();
        if reducers.is_empty() {
            return self.checked(fill(&self.dataset, position));
        }
        let (made, added) = gather(reducers, || fill(&self.dataset, position));
        let made = self.checked(made);
        self.additions.keep(position, if made.is_ok() { added } else { Vec::new() });
        made
    }

    /// Returns the sample, after a round trip in strict mode.
    fn checked(&self, made: SampleResult<D::Sample>) -> SampleResult<D::Sample> {
        let Some(round_trip) = self.strict else { return made };
        made?.map(|sample| strictly(sample, round_trip)).transpose()
    }
}

/// Returns the sample after a round trip through the encoding, and drops the original.
fn strictly<T>(sample: T, round_trip: RoundTrip<T>) -> Result<T, Fault> {
    let back = caught(|| round_trip(&sample)).unwrap_or_else(Err);
    match (back, caught(|| drop(sample))) {
        (Ok(back), Err(fault)) => {
            discard(back);
            Err(fault)
        }
        (back, _) => back,
    }
    .map_err(|fault| fault.by("strict mode"))
}

/// Encodes a sample, decodes it again, and checks that the value is the same.
pub(super) fn round_trip<T: Serialize + DeserializeOwned>(sample: &T) -> Result<T, Fault> {
    let wire = encode(sample)?;
    let back = decode(&wire.inline, wire.payloads.clone())?;
    match compare(&back, &wire) {
        Ok(()) => Ok(back),
        Err(fault) => {
            discard(back);
            Err(fault)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::*;
    use crate::source::range;

    /// A sample that panics when it is encoded, decoded or dropped, by its number.
    struct Sample(u64);

    impl Serialize for Sample {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            assert!(self.0 != 1, "encoded");
            self.0.serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for Sample {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let number = u64::deserialize(deserializer)?;
            assert!(number != 2, "decoded");
            Ok(Self(number))
        }
    }

    impl Drop for Sample {
        fn drop(&mut self) {
            assert!(self.0 != 3, "dropped");
        }
    }

    /// Serde counts the skipped variant when writing and not when reading.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Label {
        #[serde(skip)]
        Unknown,
        Cat,
        Dog,
    }

    #[test]
    fn strict_mode_refuses_a_sample_that_comes_back_as_another_one() {
        let work = Work {
            dataset: range(0..3).map(|x| match x {
                0 => Label::Cat,
                1 => Label::Dog,
                _ => Label::Unknown,
            }),
            measure: Box::new(|_| None),
            strict: Some(round_trip),
            additions: Arc::default(),
            hashes: None,
            profiler: None,
        };
        let text = |position| work.fill(position).unwrap_err().to_string();
        assert!(text(0).contains("tests::Label comes back as another value"), "{}", text(0));
        assert!(text(1).contains("tests::Label cannot be read"), "{}", text(1));
        assert!(text(2).contains("tests::Label cannot be encoded"), "{}", text(2));
    }

    #[test]
    fn what_strict_mode_calls_may_panic() {
        let work = Work {
            dataset: range(0..5).map(Sample),
            measure: Box::new(|_| None),
            strict: Some(round_trip),
            additions: Arc::default(),
            hashes: None,
            profiler: None,
        };
        let text = |position| match work.fill(position) {
            Ok(sample) => sample.map(|sample| sample.0.to_string()).unwrap_or_default(),
            Err(fault) => fault.to_string(),
        };
        assert_eq!(
            [0, 1, 2, 3, 4].map(text),
            [
                "0",
                "strict mode panicked: encoded",
                "strict mode panicked: decoded",
                "strict mode panicked: dropped",
                "4"
            ]
        );
    }
}
