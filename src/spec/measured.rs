//! Steps of documents that tell a profile the bytes of their records.

use crate::dataset::Transform;
use crate::dataset::probe::measured;
use crate::dataset::{Collate, ElementSpec, Record, SampleContext, SampleKey, SampleResult};
use crate::error::{Fault, Result};
use crate::order::Op;
use crate::source::Source;

/// A source, a transform or a collation of records, whose results are measured while a loader
/// profiles.
#[derive(Debug, Clone)]
pub(super) struct Measured<T>(pub(super) T);

fn tell(record: &Record) {
    measured(|| record.byte_len());
}

impl<T: Transform<Record, Sample = Record>> Transform<Record> for Measured<T> {
    type Sample = Record;

    fn apply(&self, context: SampleContext, sample: Record) -> SampleResult<Record> {
        let made = self.0.apply(context, sample);
        made.iter().flatten().for_each(tell);
        made
    }

    fn op(&self) -> Op {
        self.0.op()
    }

    fn leaves_gaps(&self) -> bool {
        self.0.leaves_gaps()
    }

    fn element_spec(&self, samples: &ElementSpec) -> Result<ElementSpec, String> {
        self.0.element_spec(samples)
    }

    fn is_same_each_epoch(&self) -> bool {
        self.0.is_same_each_epoch()
    }
}

impl<T: Source<Sample = Record>> Source for Measured<T> {
    type Sample = Record;
    type Error = T::Error;

    fn len(&self) -> u64 {
        self.0.len()
    }

    fn get(&self, index: u64) -> Result<Record, T::Error> {
        let made = self.0.get(index);
        made.iter().for_each(tell);
        made
    }

    fn key(&self, index: u64) -> SampleKey {
        self.0.key(index)
    }

    fn op(&self) -> Op {
        self.0.op()
    }

    fn element_spec(&self) -> ElementSpec {
        self.0.element_spec()
    }
}

impl<T: Collate<Record, Batch = Record>> Collate<Record> for Measured<T> {
    type Batch = Record;

    fn collate(&self, samples: Vec<Record>) -> Result<Record, Fault> {
        let made = self.0.collate(samples);
        made.iter().for_each(tell);
        made
    }

    fn describe(&self, op: Op) -> Op {
        self.0.describe(op)
    }

    fn element_spec(
        &self,
        samples: &ElementSpec,
        size: Option<u64>,
    ) -> Result<ElementSpec, String> {
        self.0.element_spec(samples, size)
    }
}
