//! The idx files that MNIST and its relatives come as, plain or gzip.
//!
//! Absent on purpose: guessing from file names. Gzip is known by its first bytes.

use std::sync::Arc;

use super::array::{Array, Fields, Layout, byte_size, fields_source};
use super::bytes::{ByteSource, Files, Identity, InMemory, Stream};
use super::fields::FieldFiles;
use crate::dataset::{Dtype, RANK_MAX};
use crate::error::{Error, Result};

/// How much memory an unpacked file takes before any of it is there, in bytes.
const STEP: usize = 64 << 10;

/// The samples of one or several idx files, along their first axis.
///
/// Each field of a sample's record is a row of one file: of MNIST's images, a `U8` tensor of shape
/// `[28, 28]`; of its labels, one of shape `[]`. The format's types are all read: u8, i8, i16, i32,
/// f32 and f64, up to 8 axes. A file must have exactly the bytes that its header says.
///
/// With the feature `gz`, a file may be gzip. It is unpacked into memory when it is opened, never to
/// more than its header says, and beyond 16 MiB not to more than 200 times its size.
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

/// Which idx file is which field of a record.
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
    /// Opens the files and reads their headers, and all of those that are gzip.
    ///
    /// # Errors
    /// [`Error::Format`] with the file and the offset: no idx file, one that is shorter or longer
    /// than its header says, gzip that is broken, or fields of different lengths.
    /// [`Error::Unsupported`] for gzip without the feature `gz`, [`Error::Setting`] without any
    /// field.
    pub fn open(files: &dyn Files, options: &IdxOptions) -> Result<Self> {
        Self::new(options.open(files)?, options.identity)
    }

    /// The fields with bytes that are open already, and how much of them goes into the fingerprint.
    ///
    /// # Errors
    /// As [`open`](Self::open), and a field that is there twice.
    pub fn new(fields: Vec<(String, Arc<dyn ByteSource>)>, how: Identity) -> Result<Self> {
        let array = |(field, bytes)| Ok((field, array(bytes, how)?));
        Ok(Self(Fields::new("idx", fields.into_iter().map(array).collect::<Result<_>>()?)?))
    }
}

fields_source!(Idx);

/// The array of a file, which is unpacked where it is gzip.
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
            let why = format!("is too long: {claim} after the header, {there} are there");
            return Err(wrong(Some(layout.offset + size), why));
        }
        drop(stream);
        return Array::new(bytes, how, layout);
    }
    let most = stream.kept_max();
    if size > most {
        let why = format!("{claim}; gzip of this size may unpack to {most}; unpack it yourself");
        return Err(wrong(None, why));
    }
    let data = unpacked(&mut stream, size, &claim, wrong)?;
    if stream.fill(&mut [0])? > 0 {
        return Err(wrong(None, format!("is too long: {claim} after the header, it has more")));
    }
    let identity = stream.identity()?;
    drop(stream);
    let unpacked = InMemory::new(bytes.name(), data);
    let layout = Layout { offset: 0, ..layout };
    Array::identified(Arc::new(unpacked), identity, layout)
}

/// So many bytes of a packed file. The memory for them grows with what is there of them.
fn unpacked(
    stream: &mut Stream<'_>,
    size: u64,
    claim: &str,
    wrong: impl Fn(Option<u64>, String) -> Error,
) -> Result<Vec<u8>> {
    let more = || wrong(None, format!("{claim}, more memory than there is"));
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
            let why = format!("is cut short: {claim} after the header, it unpacks to {there}");
            return Err(wrong(None, why));
        }
    }
    Ok(data)
}

/// Two zeros, the type, the number of axes, and each axis as a big-endian u32.
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
            format!("is cut short: its {rank} axes take {} bytes, {there} are there", 4 * rank);
        return Err(wrong(Some(4), why));
    }
    let offset = 4 + 4 * rank as u64;
    let axes = axes.iter().map(|&axis| u32::from_be_bytes(axis).into()).collect();
    Ok(Layout { dtype, axes, offset, big_endian: true, column_major: false })
}
