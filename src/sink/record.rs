//! The sink of records: files of one format in a folder.

use std::num::NonZeroU64;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::atomic::create_folder;
use super::files::SampleFile;
use super::jsonl::JsonlShard;
use super::names::numbered;
use super::npy::NpyShard;
use super::safetensors::SafetensorsShard;
use super::shard::Shard;
use super::spec::{SinkKind, SinkSpec};
use super::tar::TarShard;
use super::{OpenSink, Partition, Sink, Writer};
use crate::dataset::Record;
use crate::error::{BoxError, Fault, Result};
use crate::order::Op;

/// A sink that writes records to files of a folder.
///
/// Every block of [`samples_per_file`](SinkSpec::samples_per_file) consecutive indices is a file, or
/// one file for each field with kind `npy`. The number of the block is in the name, with as many
/// digits as the last block of the run has, at least five. So the order of the names is the order of
/// the samples.
///
/// | kind | files | a sample in it |
/// |---|---|---|
/// | `tar` | `shard-00012.tar` | the members `12003.png` and `12003.x.npy` |
/// | `npy` | `shard-00012.x.npy` for each field | a row of each file |
/// | `jsonl` | `shard-00012.jsonl` | a line with an object |
/// | `safetensors` | `shard-00012.safetensors` | a row of each tensor |
/// | `files` | `12003.safetensors` | the whole file |
/// | `files` with the field `png` | `12003.png` | the whole file |
///
/// The bytes of a file depend on the samples and the options alone. Times, owners and hosts do not
/// appear in a file.
///
/// # Formats
/// - In `tar`, the key of a sample is its index. A `U8` field of one axis is a member of these
///   bytes, named by the key, a dot and the field. Any other field is an `.npy` file with the end
///   `.npy` after that. The source [`Tar`](crate::source::Tar) and WebDataset read such archives.
/// - In `npy` and `safetensors`, a field has one dtype and one shape in a file. The samples lie along
///   a new first axis, and wait in memory until the file ends, with at most 1 GiB a file.
/// - In `jsonl`, a field is a number or nested lists. The fields of [`SinkSpec::text`] are texts. Keys
///   stand in the member `__keys__`; the other formats leave keys out.
/// - `npy` and `tar` have no `BF16`, and JSON has no NaN or infinity. A field with one of these is an
///   error.
/// - In `tar` and `npy`, and in `files` with a field, the name of the field becomes part of a file's
///   name. These formats refuse a name with a slash, with a dot at an end, or of more than 200
///   bytes. Names that begin with `__`, and names that differ in case alone, are errors too.
///
/// # Durability
/// A file is written under its name with `.partial` after it, synced, and renamed; then the folder is
/// synced. So a file that has its name is complete. A run that was killed leaves `.partial` files. The
/// next writer of the same file removes them, and anyone may delete them. A complete file with
/// the same name is replaced, and other files stay. Two runs at a time must not share a folder.
///
/// An index without a sample leaves no trace in a file. A block without samples has no file.
///
/// ```
/// use windrow::dataset::{Record, Tensor};
/// use windrow::sink::{RecordSink, Sink, SinkKind, SinkSpec, Writer};
///
/// let folder = tempfile::tempdir()?;
/// let sink = RecordSink::open(&SinkSpec::new(SinkKind::Jsonl, folder.path()))?;
/// let mut writer = sink.begin(&[0, 1], 2)?;
/// for (index, x) in [(0, 2.5f32), (1, -1.0)] {
///     let written = writer.write(index, Record::new().with("x", Tensor::scalar(x))?)?;
///     assert_eq!((&*written.file, written.row), ("shard-00000.jsonl", index));
/// }
/// writer.finish()?;
/// let text = std::fs::read_to_string(folder.path().join("shard-00000.jsonl"))?;
/// assert_eq!(text, "{\"x\":2.5}\n{\"x\":-1.0}\n");
/// # Ok::<(), windrow::BoxError>(())
/// ```
#[derive(Debug, Clone)]
pub struct RecordSink {
    spec: SinkSpec,
    folder: PathBuf,
    per_file: NonZeroU64,
}

impl OpenSink for SinkSpec {
    type Sink = RecordSink;

    fn open(&self) -> Result<RecordSink> {
        RecordSink::open(self)
    }
}

/// The place of a sample among the files of a [`RecordSink`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Written {
    /// The name of the file in the folder. If each field has a file, `*` stands for the field.
    pub file: String,
    /// The number of the sample in the file, from 0.
    pub row: u64,
}

/// The writer of one group of a [`RecordSink`].
#[derive(Debug)]
pub struct RecordWriter<'a> {
    sink: &'a RecordSink,
    len: u64,
    open: Option<OpenShard<'a>>,
    /// Why a file could not be finished; then the group has failed.
    failed: Option<Fault>,
}

#[derive(Debug)]
struct OpenShard<'a> {
    block: u64,
    rows: u64,
    shard: Box<dyn Shard + 'a>,
}

impl RecordSink {
    /// Opens the sink of these options, and creates the folder if it is missing.
    ///
    /// # Errors
    /// Returns [`Error::Setting`](crate::Error::Setting) for an option that is not allowed, and
    /// [`Error::Io`](crate::Error::Io) if the folder cannot be created.
    pub fn open(spec: &SinkSpec) -> Result<Self> {
        let per_file = spec.check()?;
        create_folder(&spec.folder)?;
        Ok(Self { spec: spec.clone(), folder: spec.folder.clone(), per_file })
    }

    /// Begins the files of a block of indices, in a run over `len` indices.
    fn shard(&self, block: u64, len: u64) -> Result<Box<dyn Shard + '_>, Fault> {
        let folder = &*self.folder;
        let number = numbered(block, len.div_ceil(self.per_file.get()));
        let stem = format!("shard-{number}");
        Ok(match self.spec.kind {
            SinkKind::Tar => Box::new(TarShard::create(folder, &stem, len)?),
            SinkKind::Npy => Box::new(NpyShard::new(folder, stem)),
            SinkKind::Jsonl => Box::new(JsonlShard::create(folder, &stem, &self.spec.text)?),
            SinkKind::Safetensors => Box::new(SafetensorsShard::new(folder, &stem)),
            SinkKind::Files => {
                Box::new(SampleFile::new(folder, number, self.spec.field.as_deref()))
            }
        })
    }
}

impl Sink<Record> for RecordSink {
    type Output = Written;
    type Writer<'a> = RecordWriter<'a>;

    /// Returns the format and the options, without the folder.
    fn describe(&self) -> String {
        let SinkSpec { kind, field, text, .. } = &self.spec;
        let op = Op::new(kind.name()).with("samples_per_file", self.per_file);
        let op = field.iter().fold(op, |op, field| op.with("field", field));
        text.iter().fold(op, |op, field| op.with("text", field)).to_string()
    }

    fn partition(&self, _: u64) -> Partition {
        match self.per_file {
            NonZeroU64::MIN => Partition::Each,
            per_file => Partition::Blocks(per_file),
        }
    }

    fn begin(&self, _: &[u64], len: u64) -> Result<RecordWriter<'_>> {
        Ok(RecordWriter { sink: self, len, open: None, failed: None })
    }
}

impl RecordWriter<'_> {
    fn add(&mut self, index: u64, sample: &Record) -> Result<Written, Fault> {
        let block = index / self.sink.per_file;
        // A group has several blocks if something else keeps their indices together.
        if self.open.as_ref().is_some_and(|open| open.block != block) {
            self.close();
        }
        if let Some(fault) = &self.failed {
            return Err(fault.clone());
        }
        if sample.is_empty() {
            return Err(Fault::new("the sample has no field; filter samples without fields"));
        }
        let open = match &mut self.open {
            Some(open) => open,
            none => {
                let shard = self.sink.shard(block, self.len)?;
                none.insert(OpenShard { block, rows: 0, shard })
            }
        };
        open.shard.add(index, sample)?;
        open.rows += 1;
        Ok(Written { file: open.shard.name(), row: open.rows - 1 })
    }

    /// Finishes the files of the open block, unless no sample came.
    fn close(&mut self) {
        let Some(open) = self.open.take().filter(|open| open.rows > 0) else { return };
        if let Err(fault) = open.shard.finish() {
            self.failed.get_or_insert(fault);
        }
    }
}

impl Writer<Record> for RecordWriter<'_> {
    type Output = Written;

    fn write(&mut self, index: u64, sample: Record) -> Result<Written, BoxError> {
        let sink = self.sink.spec.kind.name();
        self.add(index, &sample).map_err(|fault| fault.at(format!("sink {sink}"), index).into())
    }

    fn finish(mut self) -> Result<(), BoxError> {
        self.close();
        match self.failed {
            Some(fault) => Err(fault.by(format!("sink {}", self.sink.spec.kind)).into()),
            None => Ok(()),
        }
    }
}
