//! Opening the source of a document.

use super::call::Functions;
use super::choice::wrong;
use super::served::Served;
use super::source_spec::SourceSpec;
use crate::dataset::{Dataset, Dtype, ElementSpec, FieldSpec, Record, Tensor};
use crate::error::{Fault, Result};
use crate::source::{Csv, Files, Idx, Images, Jsonl, Npy, Range, Source, Tar, from_source};

/// A dataset of records whose type is known only at run time.
pub(super) type Records = Box<dyn Dataset<Sample = Record> + Send + Sync>;

impl SourceSpec {
    /// Opens the source.
    pub(super) fn open(&self, files: &dyn Files, functions: &dyn Functions) -> Result<Records> {
        Ok(match self {
            Self::Range(options) => {
                if options.end < options.start {
                    let why = format!(
                        "end {} is before start {}; give an end from start on",
                        options.end, options.start
                    );
                    return Err(wrong("$.source.end", why));
                }
                Box::new(from_source(Numbers(Range::new(options.start..options.end))))
            }
            Self::Csv(options) => Box::new(from_source(Csv::open(files, options)?)),
            Self::Npy(options) => Box::new(from_source(Npy::open(files, options)?)),
            Self::Idx(options) => Box::new(from_source(Idx::open(files, options)?)),
            Self::Tar(options) => Box::new(from_source(Tar::open(files, options)?)),
            Self::Jsonl(options) => Box::new(from_source(Jsonl::open(files, options)?)),
            Self::Images(options) => Box::new(from_source(Images::open(files, options)?)),
            Self::Served(options) => {
                let found = functions.source(options).map_err(|why| wrong("$.source", why))?;
                Box::new(from_source(Served { options: options.clone(), source: found }))
            }
        })
    }
}

/// A source of the numbers of a range, as records.
struct Numbers(Range);

impl Source for Numbers {
    type Sample = Record;
    type Error = Fault;

    fn len(&self) -> u64 {
        self.0.len()
    }

    fn get(&self, index: u64) -> Result<Record, Fault> {
        Record::new().with("value", Tensor::scalar(self.0.get(index)?))
    }

    fn op(&self) -> crate::order::Op {
        self.0.op()
    }

    fn element_spec(&self) -> ElementSpec {
        ElementSpec::new([("value", FieldSpec::new(Dtype::U64, []))])
    }
}
