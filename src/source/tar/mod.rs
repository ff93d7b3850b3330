//! Tar archives of samples, as WebDataset packs them.
//!
//! The source reads the headers once, when it opens an archive, and then reads each sample from its
//! place, in any order. Absent on purpose: packed archives, which cannot be read in any order, and
//! decoding: a field is the bytes of a file.

mod header;
mod index;
mod options;
mod pax;
mod write;

use index::{Member, Sample};
pub use options::{KEY_FIELD, TarOptions};
pub(crate) use write::tar_header;

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Source;
use super::bytes::files::list;
use super::bytes::{ByteSource, Files, identity};
use crate::dataset::{Dtype, ElementSpec, FieldSpec, Record, SampleKey, Tensor};
use crate::error::{Error, Fault, Result};
use crate::order::{Op, short_hash};

/// A source of the samples of one or several tar archives.
///
/// The files of an archive whose paths differ only after the first dot of the base name are one
/// sample. So `a/0001.png` and `a/0001.cls` are the fields `png` and `cls` of the sample with the key
/// `a/0001`. A field is the bytes of its file, a `U8` tensor of shape `[n]`.
///
/// Samples are in the order of their first files, archive after archive; the same key in two
/// archives stands for two samples. The source skips folders, and files without a key or without a
/// field.
/// The source reads ustar, GNU and pax archives, with long names and sizes beyond 8 GiB. Archives
/// of several volumes are an error, and so are links and sparse files that would be fields of
/// samples. An archive must have its end mark, so an archive that was cut short is an error too.
///
/// The source needs some 100 bytes of memory for each file. Without the feature `tar`, opening an
/// archive returns [`Error::Unsupported`].
///
#[cfg_attr(feature = "tar", doc = "```")]
#[cfg_attr(not(feature = "tar"), doc = "```no_run")]
/// use windrow::source::{MemoryFiles, Tar, TarOptions};
/// use windrow::{Dataset, from_source};
///
/// # fn file(name: &str, data: &[u8]) -> Vec<u8> {
/// #     let mut block = vec![0u8; 512];
/// #     block[..name.len()].copy_from_slice(name.as_bytes());
/// #     block[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
/// #     block[148..156].fill(b' ');
/// #     let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
/// #     block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
/// #     block.extend(data);
/// #     block.resize(block.len().next_multiple_of(512), 0);
/// #     block
/// # }
/// // The archive that `tar -cf pets.tar cat.jpg cat.cls dog.jpg dog.cls` packs.
/// let pets = [file("cat.jpg", b"..."), file("cat.cls", b"0"), file("dog.jpg", b"...."),
///     file("dog.cls", b"1"), vec![0; 1024]].concat();
/// let files = MemoryFiles::default().with("pets.tar", pets);
///
/// let tar = from_source(Tar::open(&files, &TarOptions::new(["pets.tar"]))?);
/// assert_eq!(tar.len(), 2);
/// assert_eq!(tar.get(1)?.unwrap()["cls"].bytes(), b"1");
/// assert_eq!(tar.get(1)?.unwrap()["jpg"].shape(), [4]);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tar {
    archives: Vec<Arc<dyn ByteSource>>,
    samples: Arc<[Sample]>,
    fields: Option<Vec<Arc<str>>>,
    content: String,
}

impl Tar {
    /// Opens the archives and reads their headers.
    ///
    /// # Errors
    /// - [`Error::Format`] with the archive and the offset, if a file is no tar archive, is
    ///   packed or broken, or has a link or duplicates.
    /// - [`Error::Format`] also if no archive has a sample.
    /// - [`Error::Setting`] if the options make no sense.
    pub fn open(files: &dyn Files, options: &TarOptions) -> Result<Self> {
        options.check()?;
        let open = |file: &String| files.open(file);
        Self::new(options.files.iter().map(open).collect::<Result<_>>()?, options)
    }

    /// Creates the source from open archives, and ignores the files in the options.
    ///
    /// # Errors
    /// Returns the errors of [`open`](Self::open).
    pub fn new(archives: Vec<Arc<dyn ByteSource>>, options: &TarOptions) -> Result<Self> {
        options.check_fields()?;
        let mut samples = Vec::new();
        let mut hash = Sha256::new();
        for (number, archive) in (0..).zip(&archives) {
            let first = samples.len();
            index::read(&**archive, number, &mut samples)?;
            hash.update(identity(&**archive, options.identity)?);
            add(&mut hash, &samples[first..]);
        }
        if samples.is_empty() {
            let why = "has no sample: no file with a name such as 0001.png".into();
            let name = archives.first().map_or("tar", |archive| archive.name()).into();
            return Err(Error::Format { name, offset: None, why });
        }
        let fields = options.fields.as_ref();
        Ok(Self {
            archives,
            samples: samples.into(),
            fields: fields.map(|fields| fields.iter().map(|name| name.as_str().into()).collect()),
            content: short_hash(hash),
        })
    }

    fn sample(&self, index: u64) -> Option<&Sample> {
        self.samples.get(usize::try_from(index).ok()?)
    }

    fn record(&self, index: u64) -> Result<Record, Fault> {
        let there = self.samples.len();
        let sample = self.sample(index);
        let sample = sample.ok_or_else(|| Fault::new(format!("the source has {there} samples")))?;
        let mut record = Record::new();
        let Some(fields) = &self.fields else {
            for part in &sample.parts {
                record.insert(part.field.clone(), self.read(sample, part)?)?;
            }
            return Ok(record);
        };
        for name in fields {
            let tensor = match sample.parts.iter().find(|part| part.field == *name) {
                Some(part) => self.read(sample, part)?,
                None if **name == *KEY_FIELD => {
                    Tensor::from_slice([sample.key.len() as u64], sample.key.as_bytes())?
                }
                None => return Err(self.lacks(sample, name)),
            };
            record.insert(name.clone(), tensor)?;
        }
        Ok(record)
    }

    /// Reads the bytes of one field.
    fn read(&self, sample: &Sample, part: &Member) -> Result<Tensor, Fault> {
        let archive = &self.archives[sample.archive as usize];
        Tensor::build_overwritten(Dtype::U8, [part.size], |out| {
            Ok(archive.read_at(part.offset, out)?)
        })
    }

    fn lacks(&self, sample: &Sample, field: &str) -> Fault {
        let archive = self.archives[sample.archive as usize].name();
        let there = list(sample.parts.iter().map(|part| &*part.field));
        let key = &sample.key;
        Fault::new(format!("{archive}: sample {key:?} has no field {field:?}; it has {there}"))
    }
}

impl Source for Tar {
    type Sample = Record;
    type Error = Fault;

    fn len(&self) -> u64 {
        self.samples.len() as u64
    }

    fn get(&self, index: u64) -> Result<Record, Fault> {
        self.record(index).map_err(|fault| fault.at("tar", index))
    }

    /// Returns the key of the sample: its path up to the first dot of the base name.
    fn key(&self, index: u64) -> SampleKey {
        self.sample(index).map_or(SampleKey::Index(index), |sample| (&*sample.key).into())
    }

    fn element_spec(&self) -> ElementSpec {
        let bytes = |name: &Arc<str>| (name.clone(), FieldSpec::new(Dtype::U8, [None]));
        if let Some(fields) = &self.fields {
            return ElementSpec::new(fields.iter().map(bytes));
        }
        let Some(first) = self.samples.first() else { return ElementSpec::unknown() };
        let mut common: Vec<_> = first.parts.iter().map(|part| part.field.clone()).collect();
        let mut all_same = true;
        for Sample { parts, .. } in &*self.samples {
            if !parts.iter().map(|part| &part.field).eq(&common) {
                let there: BTreeSet<_> = parts.iter().map(|part| &part.field).collect();
                common.retain(|field| there.contains(field));
                all_same &= there.len() == first.parts.len() && common.len() == there.len();
            }
        }
        let spec = ElementSpec::new(common.iter().map(bytes));
        if all_same { spec } else { spec.open() }
    }

    fn op(&self) -> Op {
        let op = Op::new("tar")
            .with("len", self.len())
            .with("archives", self.archives.len())
            .with("content", &self.content);
        self.fields.iter().flatten().fold(op, |op, field| op.with("field", field))
    }
}

/// Adds the keys, fields, places and sizes of an archive's samples to the hash. So the fingerprint
/// notices a file that is renamed in the middle of a long archive.
fn add(hash: &mut Sha256, samples: &[Sample]) {
    hash.update((samples.len() as u64).to_le_bytes());
    for sample in samples {
        hash.update((sample.key.len() as u64).to_le_bytes());
        hash.update(sample.key.as_bytes());
        hash.update((sample.parts.len() as u64).to_le_bytes());
        for part in &sample.parts {
            hash.update((part.field.len() as u64).to_le_bytes());
            hash.update(part.field.as_bytes());
            hash.update(part.offset.to_le_bytes());
            hash.update(part.size.to_le_bytes());
        }
    }
}
