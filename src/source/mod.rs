//! Sources: random access to the samples of a file, a folder, memory or a program.
//!
//! A source returns samples for indices below its length only; [`from_source`] turns a source into
//! a [`Dataset`]. Absent on purpose: shuffling, epochs, batches.

mod array;
pub(crate) mod bytes;
mod csv;
mod fields;
mod idx;
mod images;
mod jsonl;
mod memory;
mod npy;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod number;
mod refusal;
mod tar;

pub use bytes::*;
pub use csv::{Column, Columns, Csv, CsvField, CsvOptions};
pub use fields::FieldFiles;
pub use idx::{Idx, IdxOptions};
pub use images::{Images, ImagesOptions};
pub use jsonl::{Jsonl, JsonlField, JsonlOptions};
pub use memory::{Range, Values, from_vec, range};
pub use npy::{Npy, NpyOptions};
pub use tar::{KEY_FIELD, Tar, TarOptions};

pub(crate) use npy::npy_header;
pub(crate) use tar::tar_header;

use crate::dataset::{
    Dataset, ElementSpec, PipelineTree, SampleContext, SampleKey, SampleResult, Watch, reading,
    step,
};
use crate::error::{BoxError, Fault, Result};
use crate::order::{Description, Op, epoch_of};

/// A store of samples that returns the sample at an index.
///
/// ```
/// use windrow::order::Op;
/// use windrow::{Dataset, Fault, source::Source};
///
/// struct Squares;
///
/// impl Source for Squares {
///     type Sample = u64;
///     type Error = Fault;
///
///     fn len(&self) -> u64 {
///         5
///     }
///
///     fn get(&self, index: u64) -> Result<u64, Fault> {
///         Ok(index * index)
///     }
///
///     fn op(&self) -> Op {
///         Op::new("squares").with("len", 5)
///     }
/// }
///
/// assert_eq!(windrow::from_source(Squares).get(8)?, Some(9)); // index 3 of the second epoch
/// # Ok::<(), Fault>(())
/// ```
pub trait Source {
    /// The type of the samples.
    type Sample;
    /// The error of a sample that the source cannot return: [`Fault`], [`BoxError`] or any error
    /// type.
    type Error: Into<BoxError>;

    /// Returns the number of samples.
    fn len(&self) -> u64;

    /// Returns the sample at `index`, which is below [`len`](Self::len).
    ///
    /// # Errors
    /// Returns the reason why the source cannot return this sample.
    fn get(&self, index: u64) -> Result<Self::Sample, Self::Error>;

    /// Returns the key by which a user finds the sample again: a path, a name. The default is the
    /// index.
    fn key(&self, index: u64) -> SampleKey {
        SampleKey::Index(index)
    }

    /// Returns the description of the source: its name, its length, and all else that tells its
    /// content from another.
    fn op(&self) -> Op;

    /// Returns the spec of the samples, as far as it is known: by default, nothing.
    ///
    /// Every sample must match the spec.
    fn element_spec(&self) -> ElementSpec {
        ElementSpec::unknown()
    }

    /// Returns true if the source has no sample.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Creates a dataset of a source's samples.
pub fn from_source<S: Source>(source: S) -> FromSource<S> {
    let (len, spec) = (source.len(), source.element_spec());
    FromSource { source, len, spec }
}

/// A dataset of a source's samples, as [`from_source`] returns it.
#[derive(Debug, Clone)]
pub struct FromSource<S> {
    source: S,
    len: u64,
    spec: ElementSpec,
}

impl<S: Source> Dataset for FromSource<S> {
    type Sample = S::Sample;

    #[inline]
    fn len(&self) -> u64 {
        self.len
    }

    #[inline]
    fn get(&self, index: u64) -> SampleResult<S::Sample> {
        if self.len == 0 {
            return Err(Fault::new(format!("index {index}: the source is empty")));
        }
        let index = epoch_of(index, self.len).1;
        reading(index);
        let watch = Watch::over(SampleContext::new(index, self.len, 0));
        let sample = self.source.get(index);
        watch.done();
        sample.map(Some).map_err(|error| self.named(error, index))
    }

    fn key(&self, index: u64) -> Option<SampleKey> {
        (self.len > 0).then(|| self.source.key(epoch_of(index, self.len).1))
    }

    fn is_same_each_epoch(&self) -> bool {
        true
    }

    fn describe(&self, description: &mut Description) {
        description.push(self.source.op());
    }

    fn element_spec(&self) -> ElementSpec {
        self.spec.clone()
    }

    fn tree(&self, ops: &mut dyn Iterator<Item = Op>) -> PipelineTree {
        step(self, ops, Vec::new())
    }
}

impl<S: Source> FromSource<S> {
    #[cold]
    fn named(&self, error: S::Error, index: u64) -> Fault {
        Fault::other(error).at(self.source.op().name().to_owned(), index)
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    type Sample = S::Sample;
    type Error = S::Error;

    fn len(&self) -> u64 {
        (**self).len()
    }

    fn get(&self, index: u64) -> Result<S::Sample, S::Error> {
        (**self).get(index)
    }

    fn key(&self, index: u64) -> SampleKey {
        (**self).key(index)
    }

    fn op(&self) -> Op {
        (**self).op()
    }

    fn element_spec(&self) -> ElementSpec {
        (**self).element_spec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::fill;

    /// A source that fails at index 3 and panics at index 5.
    struct Broken;

    impl Source for Broken {
        type Sample = u64;
        type Error = String;

        fn len(&self) -> u64 {
            10
        }

        fn get(&self, index: u64) -> Result<u64, String> {
            assert!(index != 5, "five");
            if index == 3 { Err("three".into()) } else { Ok(index) }
        }

        fn op(&self) -> Op {
            Op::new("broken")
        }
    }

    #[test]
    fn what_fails_in_a_source_is_named_by_the_sources_own_index() {
        let shuffled = from_source(Broken).shuffle(7);
        let at =
            |index| (0..10).find(|at| shuffled.key(*at) == Some(SampleKey::Index(index))).unwrap();
        let fault = fill(&shuffled, at(3)).unwrap_err();
        assert_eq!(fault.to_string(), "broken of index 3: three");
        assert_eq!(fill(&shuffled, at(5)).unwrap_err().index(), Some(5));
        assert_eq!(
            fill(&shuffled.batch(10), 0).unwrap_err().index().map(|x| x == 3 || x == 5),
            Some(true)
        );
    }
}
