//! Opening the source of a document.

use super::call::Functions;
use super::choice::wrong;
use super::keys::WithKeys;
use super::measured::Measured;
use super::op_spec::OpSpec;
use super::open_ops::{Records, step_error};
use super::served::Served;
use super::source_spec::SourceSpec;
use crate::dataset::{Dataset, Dtype, ElementSpec, FieldSpec, Record, Tensor, concat, mix};
use crate::error::{Fault, Result};
use crate::source::{Csv, Files, Idx, Images, Jsonl, Npy, Range, Source, Tar, from_source};

/// What the sources and ops of a document are opened with.
pub(super) struct Opening<'a> {
    pub(super) files: &'a dyn Files,
    pub(super) functions: &'a dyn Functions,
    /// The document's seed.
    pub(super) seed: u64,
    pub(super) keys: bool,
}

/// Records, and whether the op `batch` stacked them.
pub(super) struct Opened {
    pub(super) records: Records,
    batched: bool,
}

impl Opening<'_> {
    /// Opens a source and its ops, which stand at `path` of the document: `$`, or a part.
    pub(super) fn records(
        &self,
        source: &SourceSpec,
        ops: &[OpSpec],
        path: &str,
    ) -> Result<Opened> {
        let whole = path == "$";
        let opened = self.source(source, &format!("{path}.source"))?;
        let Opened { records: mut dataset, mut batched } = opened;
        let mut attach = self.keys && whole;
        for (number, op) in ops.iter().enumerate() {
            let path = format!("{path}.ops[{number}]");
            let is_batch = matches!(op, OpSpec::Batch(_));
            if is_batch && self.keys && !whole {
                let why = "batches of a part have no keys; move `batch` to $.ops, or remove `keys`";
                return Err(wrong(&path, why));
            }
            if attach && is_batch {
                dataset = Box::new(WithKeys { dataset, attach, describe: false });
                attach = false;
            }
            if let (true, Some(word)) = (batched, op.of_one_picture()) {
                return Err(wrong(
                    &path,
                    format!(
                        "{word} takes one picture, but the op `batch` before it stacks the \
                         pictures; move {word} before `batch`"
                    ),
                ));
            }
            dataset = op.apply(dataset, self.seed, self.functions, &path)?;
            // A function may take batches apart.
            batched = is_batch || batched && !matches!(op, OpSpec::Call(_));
            dataset.check().map_err(|error| step_error(&path, error))?;
        }
        if self.keys && whole {
            dataset = Box::new(WithKeys { dataset, attach, describe: true });
        }
        Ok(Opened { records: dataset, batched })
    }

    fn source(&self, source: &SourceSpec, path: &str) -> Result<Opened> {
        let mut batched = false;
        let mut part = |number: usize, source, ops: &[OpSpec]| {
            let part = self.records(source, ops, &format!("{path}.parts[{number}]"))?;
            batched |= part.batched;
            Ok(part.records)
        };
        let records: Records = match source {
            SourceSpec::Concat(options) => {
                let parts = options.parts.iter().enumerate();
                let parts = parts.map(|(number, one)| part(number, &one.source, &one.ops));
                Box::new(concat(parts.collect::<Result<Vec<_>>>()?))
            }
            SourceSpec::Mix(options) => {
                let parts = options.parts.iter().enumerate();
                let parts = parts
                    .map(|(number, one)| Ok((part(number, &one.source, &one.ops)?, one.weight)));
                Box::new(mix(parts.collect::<Result<Vec<_>>>()?))
            }
            other => other.open(self.files, self.functions, path)?,
        };
        records.check().map_err(|error| step_error(path, error))?;
        Ok(Opened { records, batched })
    }
}

impl SourceSpec {
    /// Opens a source without parts.
    fn open(&self, files: &dyn Files, functions: &dyn Functions, path: &str) -> Result<Records> {
        Ok(match self {
            Self::Range(options) => {
                if options.end < options.start {
                    let why = format!(
                        "end {} is before start {}; give an end from start on",
                        options.end, options.start
                    );
                    return Err(wrong(&format!("{path}.end"), why));
                }
                read(Numbers(Range::new(options.start..options.end)))
            }
            Self::Csv(options) => read(Csv::open(files, options)?),
            Self::Npy(options) => read(Npy::open(files, options)?),
            Self::Idx(options) => read(Idx::open(files, options)?),
            Self::Tar(options) => read(Tar::open(files, options)?),
            Self::Jsonl(options) => read(Jsonl::open(files, options)?),
            Self::Images(options) => read(Images::open(files, options)?),
            Self::Concat(_) | Self::Mix(_) => return Err(wrong(path, "the source has parts")),
            Self::Served(options) => {
                let found = functions.source(options).map_err(|why| wrong(path, why))?;
                read(Served { options: options.clone(), source: found })
            }
        })
    }
}

/// Returns the dataset of a source.
fn read<S: Source<Sample = Record> + Send + Sync + 'static>(source: S) -> Records {
    Box::new(from_source(Measured(source)))
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
