//! Idx files, the format of MNIST and its relatives, plain or gzip.
//!
//! Absent on purpose: guessing from file names. The first bytes of a file tell whether it is gzip.

use std::sync::Arc;

use super::array::{Array, Fields, Layout, byte_size, fields_source};
use super::bytes::{ByteSource, Files, Identity, InMemory, Stream};
use super::fields::FieldFiles;
use crate::dataset::{Dtype, RANK_MAX};
use crate::error::{Error, Result};

/// The first piece of memory for an unpacked file, in bytes.
const STEP: usize = 64 << 10;

/// The samples of one or several idx files, along their first axis.
///
/// Each field of a sample's record is a row of one file. A row of MNIST's images is a `U8` tensor
/// of shape `[28, 28]`, a row of its labels one of shape `[]`. The source reads all types of the
/// format, which are u8, i8, i16, i32, f32 and f64, and up to 8 axes. A file must have exactly the
/// bytes that its header says.
///
/// With the feature `gz`, a file may be gzip. The source unpacks a gzip file into memory when it
/// opens the file, never to more bytes than the header says. Beyond 16 MiB, a file may not unpack
/// to more than 200 times its size.
///
/// ```
/// use windrow::source::{Idx, IdxOptions, MemoryFiles};
/// use windrow::{Dataset, from_source};
///
/// let images = [0, 0, 0x0b, 2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 1, 0, 2, 0, 3, 0, 4];
/// let labels = [0, 0, 0x08, 1, 0, 0, 0, 2, 7, 9];
/// let files = MemoryFiles::default().with("images.idx", images).with("labels.idx", labels);
///
/// let options = IdxOptions::from([("image", "images.idx"), ("label", "labels.idx")]);
/// let idx = from_source(Idx::open(&files, &options)?);
/// let second = idx.get(1)?.unwrap();
/// assert_eq!(second["image"].to_vec::<i16>()?, [3, 4]);
/// assert_eq!(second["label"].to_vec::<u8>()?, [9]);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone)]
pub struct Idx(Fields);

/// The options of the source `idx`, which reads idx files, plain or gzip: the file of each field of
/// a record.
///
/// ```
/// use windrow::source::IdxOptions;
/// let json = r#"{"fields": {"label": "train-labels-idx1-ubyte.gz"}}"#;
/// let options = IdxOptions::from([("label", "train-labels-idx1-ubyte.gz")]);
/// assert_eq!(serde_json::from_str::<IdxOptions>(json)?, options);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub type IdxOptions = FieldFiles;

impl Idx {
    /// Opens the files and reads their headers, and all bytes of gzip files.
    ///
    /// # Errors
    /// - [`Error::Format`] with the file and the offset, if a file is no idx file, differs in
    ///   length from its header, or is broken gzip.
    /// - [`Error::Format`] also if the fields have different lengths.
    /// - [`Error::Unsupported`] for gzip without the feature `gz`.
    /// - [`Error::Setting`] if the options have no field.
    pub fn open(files: &dyn Files, options: &IdxOptions) -> Result<Self> {
        Self::new(options.open(files)?, options.identity)
    }

    /// Creates the source from open files, given by their fields; `how` says which bytes go into
    /// the fingerprint.
    ///
    /// # Errors
    /// Returns the errors of [`open`](Self::open), and [`Error::Setting`] for a field that appears
    /// twice.
    pub fn new(fields: Vec<(String, Arc<dyn ByteSource>)>, how: Identity) -> Result<Self> {
        let array = |(field, bytes)| Ok((field, array(bytes, how)?));
        Ok(Self(Fields::new("idx", fields.into_iter().map(array).collect::<Result<_>>()?)?))
    }
}

fields_source!(Idx);

/// Returns the array of a file, which is unpacked if it is gzip.
fn array(bytes: Arc<dyn ByteSource>, how: Identity) -> Result<Array> {
    let wrong = |offset, why| Error::Format { name: bytes.name().into(), offset, why };
    let mut stream = Stream::open(&*bytes)?;
    let layout = header(&mut stream, wrong)?;
    let size = byte_size(layout.dtype, &layout.axes).ok_or_else(|| {
        wrong(Some(4), format!("claims the shape {:?}, which is beyond 2^63 bytes", layout.axes))
    })?;
    let claim = format!("its shape {:?} of {} takes {size} bytes", layout.axes, layout.dtype);
    if !stream.packed() {
        if bytes.len() > layout.offset + size {
            let there = bytes.len() - layout.offset;
            let why = format!("is too long: {claim} after the header, but {there} follow");
            return Err(wrong(Some(layout.offset + size), why));
        }
        drop(stream);
        return Array::new(bytes, how, layout);
    }
    let most = stream.kept_max();
    if size > most {
        let why = format!(
            "{claim}; a gzip file of this size may unpack to at most {most}; unpack the file first"
        );
        return Err(wrong(None, why));
    }
    let data = unpacked(&mut stream, size, &claim, wrong)?;
    if stream.fill(&mut [0])? > 0 {
        return Err(wrong(None, format!("is too long: {claim} after the header, but more follow")));
    }
    let identity = stream.identity()?;
    drop(stream);
    let unpacked = InMemory::new(bytes.name(), data);
    let layout = Layout { offset: 0, ..layout };
    Array::identified(Arc::new(unpacked), identity, layout)
}

/// Unpacks `size` bytes of a gzip file. The memory grows with the bytes that the file really has.
fn unpacked(
    stream: &mut Stream<'_>,
    size: u64,
    claim: &str,
    wrong: impl Fn(Option<u64>, String) -> Error,
) -> Result<Vec<u8>> {
    let more = || wrong(None, format!("{claim}, more memory than the system has"));
    let size = usize::try_from(size).map_err(|_| more())?;
    let mut data = Vec::new();
    while data.len() < size {
        let there = data.len();
        let step = there.max(STEP).min(size - there);
        data.try_reserve_exact(step).map_err(|_| more())?;
        data.resize(there + step, 0);
        let came = stream.fill(&mut data[there..])?;
        if came < step {
            let there = there + came;
            let why = format!("is cut short: {claim} after the header, but it unpacks to {there}");
            return Err(wrong(None, why));
        }
    }
    Ok(data)
}

/// Reads the header: two zeros, the type, the number of axes, and each axis as a big-endian u32.
fn header(stream: &mut Stream<'_>, wrong: impl Fn(Option<u64>, String) -> Error) -> Result<Layout> {
    let mut start = [0; 4];
    let there = stream.fill(&mut start)?;
    let [0, 0, kind, rank] = start else {
        return Err(wrong(Some(0), "is not an idx file: it does not start with two zeros".into()));
    };
    if there < 4 {
        let why = format!("is not an idx file: it has {there} bytes, the header takes 4 or more");
        return Err(wrong(Some(0), why));
    }
    let dtype = match kind {
        0x08 => Dtype::U8,
        0x09 => Dtype::I8,
        0x0b => Dtype::I16,
        0x0c => Dtype::I32,
        0x0d => Dtype::F32,
        0x0e => Dtype::F64,
        _ => {
            let why = format!("has the type {kind:#04x}; idx has 0x08, 0x09 and 0x0b to 0x0e");
            return Err(wrong(Some(2), why));
        }
    };
    let rank = usize::from(rank);
    if !(1..=RANK_MAX).contains(&rank) {
        let why = format!("has {rank} axes; 1 to {RANK_MAX} can be read");
        return Err(wrong(Some(3), why));
    }
    let mut axes = [[0; 4]; RANK_MAX];
    let axes = &mut axes[..rank];
    let there = stream.fill(axes.as_flattened_mut())?;
    if there < 4 * rank {
        let why =
            format!("is cut short: its {rank} axes take {} bytes, only {there} follow", 4 * rank);
        return Err(wrong(Some(4), why));
    }
    let offset = 4 + 4 * rank as u64;
    let axes = axes.iter().map(|&axis| u32::from_be_bytes(axis).into()).collect();
    Ok(Layout { dtype, axes, offset, big_endian: true, column_major: false })
}
