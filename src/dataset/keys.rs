//! `keys`: pairs each sample with its key.

use std::borrow::Cow;
use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::probe::{apart, below};
use super::{Dataset, Record, SampleResult, as_below};
use crate::error::{Error, Fault, Result};
use crate::order::{Description, Op};

/// The number of samples that are asked for a key before the run.
const TRIED: u64 = 64;

/// The identity of a sample in its source, whatever the order, the epoch and the transforms.
///
/// In JSON, a key is a number or a text.
///
/// ```
/// use windrow::dataset::SampleKey;
/// let keys = [SampleKey::from(7), SampleKey::from("cat/0007.png")];
/// assert_eq!(keys.each_ref().map(ToString::to_string), ["7", "cat/0007.png"]);
/// assert_eq!(serde_json::to_string(&keys)?, r#"[7,"cat/0007.png"]"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SampleKey {
    /// The sample's index in the source, from 0.
    Index(u64),
    /// The sample's path or key, if the source has one.
    Name(String),
}

impl From<u64> for SampleKey {
    fn from(index: u64) -> Self {
        Self::Index(index)
    }
}

impl From<&str> for SampleKey {
    fn from(name: &str) -> Self {
        Self::Name(name.into())
    }
}

impl From<String> for SampleKey {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl fmt::Display for SampleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => index.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// A key in formats that do not distinguish a number from a text.
#[derive(Serialize, Deserialize)]
#[serde(rename = "SampleKey")]
enum Told<'a> {
    Index(u64),
    Name(Cow<'a, str>),
}

impl Serialize for SampleKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self, serializer.is_human_readable()) {
            (Self::Index(index), true) => serializer.serialize_u64(*index),
            (Self::Name(name), true) => serializer.serialize_str(name),
            (Self::Index(index), false) => Told::Index(*index).serialize(serializer),
            (Self::Name(name), false) => Told::Name(name.into()).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for SampleKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return deserializer.deserialize_any(Written);
        }
        Ok(match Told::deserialize(deserializer)? {
            Told::Index(index) => Self::Index(index),
            Told::Name(name) => Self::Name(name.into_owned()),
        })
    }
}

struct Written;

impl Visitor<'_> for Written {
    type Value = SampleKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key of a sample: a whole number or a text")
    }

    fn visit_u64<E>(self, index: u64) -> Result<SampleKey, E> {
        Ok(index.into())
    }

    fn visit_str<E>(self, name: &str) -> Result<SampleKey, E> {
        Ok(name.into())
    }
}

/// A sample with its key: see [`Dataset::keys`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyed<T> {
    /// The key of the sample.
    pub key: SampleKey,
    /// The sample.
    pub sample: T,
}

impl From<Keyed<Record>> for Record {
    /// Returns the record with the key in it.
    fn from(keyed: Keyed<Record>) -> Self {
        keyed.sample.with_keys([keyed.key])
    }
}

/// A dataset of samples with their keys: see [`Dataset::keys`].
#[derive(Debug, Clone)]
pub struct Keys<D> {
    dataset: D,
}

impl<D: Dataset> Keys<D> {
    pub(super) fn new(dataset: D) -> Self {
        Self { dataset }
    }
}

impl<D: Dataset> Dataset for Keys<D> {
    type Sample = Keyed<D::Sample>;

    as_below!(has_gaps is_reshuffled is_repeated is_same_each_epoch key element_spec tree);

    #[inline]
    fn len(&self) -> u64 {
        self.dataset.len()
    }

    fn get(&self, index: u64) -> SampleResult<Self::Sample> {
        let Some(sample) = below(0, || self.dataset.get(index))? else { return Ok(None) };
        Ok(Some(Keyed { key: apart(|| key_of(&self.dataset, index))?, sample }))
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        description.push(Op::new("keys"));
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()?;
        // A gap or a fault has no key either, so one of the first samples is enough.
        let mut first = 0..self.len().min(TRIED);
        if self.is_empty() || self.has_gaps() || first.any(|at| self.dataset.key(at).is_some()) {
            return Ok(());
        }
        Err(Error::Setting {
            name: "keys".into(),
            value: "applied to batches, which have no single key".into(),
            allowed: "`keys` before `batch`".into(),
        })
    }
}

/// Returns the key at an index, or a fault if the dataset has none.
pub(crate) fn key_of<D: Dataset + ?Sized>(dataset: &D, index: u64) -> Result<SampleKey, Fault> {
    dataset.key(index).ok_or_else(|| Fault::new("the dataset has no key for it").at("keys", index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Stack, Tensor, wire};
    use crate::order::Shard;
    use crate::source::{from_vec, range};

    /// Checks that the key of every sample in two epochs is the sample's number.
    fn keeps_keys<D: Dataset<Sample = u64>>(dataset: D) {
        dataset.check().unwrap();
        let (len, twice) = (dataset.len(), 2 * dataset.len());
        let keyed = dataset.keys();
        keyed.check().unwrap();
        let mut seen = 0;
        for index in 0..twice {
            if let Some(Keyed { key, sample }) = keyed.get(index).unwrap() {
                assert_eq!(key, SampleKey::Index(sample % 1_000), "index {index} of {len}");
                assert_eq!(keyed.key(index), Some(key));
                seen += 1;
            }
        }
        assert!(seen > 0);
    }

    #[test]
    fn every_combinator_passes_on_the_key_of_the_sample_that_it_gives() {
        let numbers = || range(0..100);
        keeps_keys(numbers());
        keeps_keys(numbers().shuffle(1));
        keeps_keys(numbers().shuffle_once(1).repeat(3));
        keeps_keys(numbers().shuffle_like_grain(1));
        keeps_keys(numbers().slice(10..90).step_by(3).shuffle(2));
        keeps_keys(numbers().shuffle(3).sample(7));
        keeps_keys(numbers().window_shuffle(3, 30).reverse());
        keeps_keys(numbers().shuffle(3).repeat(2).same_each_epoch());
        keeps_keys(numbers().subset([90, 3, 3, 41]).subset_by(range(0..3)));
        keeps_keys(numbers().zip(numbers().shuffle(1)).map(|(x, _)| x).enumerate().map(|(_, x)| x));
        keeps_keys(numbers().shuffle(3).shard(Shard::new(1, 3).unwrap()));
        let [_, part] = numbers().split(4, [0.3, 0.7]);
        keeps_keys(part.clone().shuffle(5));
        keeps_keys(numbers().map(|x| x + 1_000).filter(|x| x % 3 == 0).shuffle(1));
        keeps_keys(numbers().keys().map(|keyed| keyed.sample));
        keeps_keys(Box::new(std::sync::Arc::new(numbers().shuffle(1))));
        let boxed: Box<dyn Dataset<Sample = u64>> = Box::new(numbers().shuffle(6));
        keeps_keys(&boxed);
    }

    #[test]
    fn a_batch_has_no_key_and_says_so_before_it_runs() {
        let batches = range(0..9).shuffle(1).batch(2);
        assert_eq!(batches.key(0), None);
        let keyed = batches.keys();
        assert_eq!(
            keyed.check().unwrap_err().to_string(),
            "keys is applied to batches, which have no single key; allowed: `keys` before \
             `batch`"
        );
        assert_eq!(
            keyed.get(1).unwrap_err().to_string(),
            "keys of index 1: the dataset has no key for it"
        );
        assert_eq!((range(0..0).key(3), range(0..0).shuffle(1).key(0)), (None, None));
        assert!(range(0..0).keys().check().is_ok());
    }

    #[test]
    fn batches_of_records_carry_the_keys_of_their_samples() {
        let rows = || {
            let row = |x: u64| Record::new().with("x", Tensor::scalar(x)).unwrap();
            from_vec((0..10).map(row).collect()).shuffle(1)
        };
        let batch = rows().keys().batch_with(4, Stack::new()).get(1).unwrap().unwrap();
        let numbers = batch["x"].to_vec::<u64>().unwrap();
        assert_eq!(batch.keys(), numbers.into_iter().map(SampleKey::Index).collect::<Vec<_>>());
        let whole = rows().keys().map(Record::from).batch_with(2, Stack::new());
        let whole = whole.batch_with(5, Stack::new()).get(0).unwrap().unwrap();
        assert_eq!(whole.keys().len(), 10);
        let without = rows().batch_with(4, Stack::new()).get(1).unwrap().unwrap();
        assert_eq!((without.keys(), &without["x"]), (&[][..], &batch["x"]));
    }

    #[test]
    fn keys_cross_to_other_processes_and_to_json() {
        let keyed = vec![
            Keyed { key: u64::MAX.into(), sample: "one".to_owned() },
            Keyed { key: "a/b.png".into(), sample: String::new() },
        ];
        let wire = wire::encode(&keyed).unwrap();
        assert_eq!(wire::decode::<Vec<Keyed<String>>>(&wire.inline, wire.payloads).unwrap(), keyed);
        let json = serde_json::to_string(&keyed).unwrap();
        assert!(json.starts_with(r#"[{"key":18446744073709551615,"sample":"one"},"#), "{json}");
        assert_eq!(serde_json::from_str::<Vec<Keyed<String>>>(&json).unwrap(), keyed);
        assert!(serde_json::from_str::<SampleKey>("-1").is_err());
    }
}
