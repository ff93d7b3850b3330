//! The sink of records: files of one format in a folder.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use super::atomic::{create_folder, names_from};
use super::files::SampleFile;
use super::jsonl::row;
use super::lines::LinesShard;
use super::names::{check_field, numbered, stem};
use super::npy::NpyShard;
use super::safetensors::SafetensorsShard;
use super::shard::{FileWriter, Shard, Shards, Written};
use super::spec::{SinkKind, SinkSpec};
use super::tar::TarShard;
use super::{OpenSink, Partition, Sink};
use crate::dataset::Record;
use crate::error::{Fault, Result};
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
/// An index without a sample leaves no trace in a file. A block without samples has no file, and a
/// file that an earlier run wrote for the block is removed. A group with a part of a block replaces
/// the whole file of that block, so a run over some indices takes whole blocks.
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
    /// The path of the folder without links.
    real: PathBuf,
    per_file: NonZeroU64,
}

impl OpenSink for SinkSpec {
    type Sink = RecordSink;

    fn open(&self) -> Result<RecordSink> {
        RecordSink::open(self)
    }
}

impl RecordSink {
    /// Opens the sink of these options, and creates the folder if it is missing.
    ///
    /// # Errors
    /// Returns [`Error::Setting`](crate::Error::Setting) for an option that is not allowed, and
    /// [`Error::Io`](crate::Error::Io) if the folder cannot be created.
    pub fn open(spec: &SinkSpec) -> Result<Self> {
        let per_file = spec.check()?;
        Ok(Self { spec: spec.clone(), real: create_folder(&spec.folder)?, per_file })
    }

    /// Returns the beginning of the names of a block's files.
    fn stem(&self, block: u64, len: u64) -> String {
        match self.spec.kind {
            SinkKind::Files => numbered(block, len),
            _ => stem(block, self.per_file, len),
        }
    }
}

impl Sink<Record> for RecordSink {
    type Output = Written;
    type Writer<'a> = FileWriter<'a, Record>;

    /// Returns the format, the options and the real path of the folder. A record of a run thus never
    /// vouches for files in another folder.
    fn describe(&self) -> String {
        let SinkSpec { kind, field, text, .. } = &self.spec;
        let op = Op::new(kind.name()).with("folder", self.real.display());
        let op = op.with("samples_per_file", self.per_file);
        let op = field.iter().fold(op, |op, field| op.with("field", field));
        text.iter().fold(op, |op, field| op.with("text", field)).to_string()
    }

    fn partition(&self, _: u64) -> Partition {
        Shards::partition(self)
    }

    fn begin(&self, group: &[u64], len: u64) -> Result<FileWriter<'_, Record>> {
        Ok(FileWriter::new(self, group, len))
    }
}

impl Shards<Record> for RecordSink {
    fn op(&self) -> String {
        format!("sink {}", self.spec.kind)
    }

    fn per_file(&self) -> NonZeroU64 {
        self.per_file
    }

    fn shard(&self, block: u64, len: u64) -> Result<Box<dyn Shard<Record> + '_>, Fault> {
        let folder = &*self.spec.folder;
        let stem = self.stem(block, len);
        Ok(match self.spec.kind {
            SinkKind::Tar => Box::new(TarShard::create(folder, &stem, len)?),
            SinkKind::Npy => Box::new(NpyShard::new(folder, stem)),
            SinkKind::Jsonl => {
                let text = &*self.spec.text;
                Box::new(LinesShard::create(folder, &stem, move |sample: &Record| {
                    row(sample, text)
                })?)
            }
            SinkKind::Safetensors => Box::new(SafetensorsShard::new(folder, &stem)),
            SinkKind::Files => Box::new(SampleFile::new(folder, stem, self.spec.field.as_deref())),
        })
    }

    fn names(&self, block: u64, len: u64) -> Result<Vec<String>, Fault> {
        let stem = self.stem(block, len);
        let end = |end: &str| format!("{stem}.{end}");
        Ok(match (self.spec.kind, &self.spec.field) {
            (SinkKind::Npy, _) => {
                // The fields of the earlier samples are unknown.
                let mut names = names_from(&self.spec.folder, &end(""))?;
                names.retain(|name| name.ends_with(".npy"));
                names
            }
            (SinkKind::Files, Some(field)) => match check_field(field) {
                Ok(()) => vec![end(field), end(&format!("{field}.npy"))],
                // No sample of such a field was ever written.
                Err(_) => Vec::new(),
            },
            (SinkKind::Files | SinkKind::Safetensors, _) => vec![end("safetensors")],
            (SinkKind::Tar, _) => vec![end("tar")],
            (SinkKind::Jsonl, _) => vec![end("jsonl")],
        })
    }

    fn folder(&self) -> &Path {
        &self.spec.folder
    }
}
