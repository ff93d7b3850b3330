//! A folder of pictures, of which each file is a sample.
//!
//! The source lists the folder once, when the source is opened, and reads a picture when a worker
//! asks for its sample. Absent on purpose: decoding, which is the op `decode_image`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Source;
use super::bytes::{Files, Identity, Joined, Listed, identity};
use crate::dataset::{Dtype, ElementSpec, FieldSpec, Record, SampleKey, Tensor};
use crate::error::{Error, Fault, Result};
use crate::order::{Op, short_hash};

/// The ends of the names of pictures, compared without regard to case.
const PICTURES: &[&str] = &[".png", ".jpg", ".jpeg"];

/// The options of the source `images`, which reads the PNG and JPEG files below a folder.
///
/// Each record has the field `image`, the bytes of a file as a `U8` tensor of shape `[n]`. The records
/// are in the byte order of the files' paths.
///
/// ```
/// use windrow::source::ImagesOptions;
/// let options = ImagesOptions::new("pets").label();
/// assert_eq!(serde_json::from_str::<ImagesOptions>(r#"{"folder": "pets", "label": true}"#)?, options);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ImagesOptions {
    /// The path of the folder.
    pub folder: String,
    /// Whether records have the field `label`, a `U32` scalar. The label is the number of the
    /// picture's folder, counted from 0 in the byte order of the folders' names. The default is false.
    #[serde(default)]
    pub label: bool,
    /// Which bytes of the pictures go into the fingerprint, beside their paths and sizes:
    /// `"blocks"` or `"full"`. The pictures count as one file, in their order. The default is
    /// `"blocks"`.
    #[serde(default, skip_serializing_if = "Identity::is_default")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "blocks")))]
    pub identity: Identity,
}

impl ImagesOptions {
    /// Creates the options of the pictures of this folder, without labels.
    #[must_use]
    pub fn new(folder: impl Into<String>) -> Self {
        Self { folder: folder.into(), label: false, identity: Identity::default() }
    }

    /// Adds the field `label`.
    #[must_use]
    pub fn label(self) -> Self {
        Self { label: true, ..self }
    }

    /// Sets which bytes of the pictures go into the fingerprint.
    #[must_use]
    pub fn identity(self, identity: Identity) -> Self {
        Self { identity, ..self }
    }
}

/// A source of the pictures below a folder.
///
/// Every file whose name ends in `.png`, `.jpg` or `.jpeg`, in any case of letters, is a sample.
/// The source skips hidden files, whose names begin with a dot. The samples are in the order of
/// their paths below the folder, compared as bytes, with `/` between the parts on every system.
///
/// The field `image` is the bytes of the file, a `U8` tensor of shape `[n]`, as
/// [`decode_image`](crate::spec::ops::DecodeImage) expects them. With labels, the field `label` is
/// a `U32` scalar: the names of the folders that directly contain pictures, sorted as bytes, are
/// numbered from 0.
/// The paths and sizes go into the fingerprint, and the bytes that [`Identity`] says of one file
/// with all pictures in it. So the fingerprint may miss one of many pictures that is replaced by
/// another of the same size. The source needs some 150 bytes of memory for each file.
///
/// ```
/// use windrow::source::{Images, ImagesOptions, MemoryFiles};
/// use windrow::{Dataset, from_source};
///
/// let files = MemoryFiles::default()
///     .with("pets/dog/2.jpg", *b"...")
///     .with("pets/cat/1.png", *b"....")
///     .with("pets/README", *b".");
/// let pets = from_source(Images::open(&files, &ImagesOptions::new("pets").label())?);
/// assert_eq!(pets.len(), 2);
/// let dog = pets.get(1)?.unwrap();
/// assert_eq!(dog["image"].shape(), [3]);
/// assert_eq!(dog["label"].to_vec::<u32>()?, [1]);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone)]
pub struct Images {
    pictures: Arc<[Listed]>,
    /// The label of each picture; empty without labels.
    labels: Arc<[u32]>,
    names: Arc<[String]>,
    content: String,
}

impl Images {
    /// Lists the folder and creates the source.
    ///
    /// # Errors
    /// Returns the errors of [`Files::list`], and [`Error::Format`] for a folder without pictures
    /// or, with labels, for a picture that lies in no folder.
    pub fn open(files: &dyn Files, options: &ImagesOptions) -> Result<Self> {
        let mut pictures = files.list(&options.folder)?;
        let listed = pictures.len();
        pictures.retain(|file| is_picture(&file.name));
        pictures.sort_unstable_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        let wrong = |why| Error::Format { name: options.folder.clone(), offset: None, why };
        if pictures.is_empty() {
            let ends = PICTURES.join(", ");
            return Err(wrong(format!("has no picture among {listed} files: none ends in {ends}")));
        }
        let mut hash = Sha256::new();
        for Listed { name, bytes } in &pictures {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name.as_bytes());
            hash.update(bytes.len().to_le_bytes());
        }
        let all = Joined::new(&options.folder, pictures.iter().map(|file| &file.bytes));
        hash.update(identity(&all, options.identity)?);
        let (mut labels, mut names) = (Vec::new(), Vec::new());
        if options.label {
            for Listed { name, .. } in &pictures {
                let folder = folder_of(name).ok_or_else(|| {
                    wrong(format!("has {name} outside of any folder, so the picture has no label"))
                })?;
                names.push(folder.to_owned());
            }
            let all = names.clone();
            names.sort_unstable();
            names.dedup();
            // The labels are fewer than the pictures, which are in memory.
            let number = |folder| names.partition_point(|name| name < folder) as u32;
            labels = all.iter().map(number).collect();
        }
        Ok(Self {
            pictures: pictures.into(),
            labels: labels.into(),
            names: names.into(),
            content: short_hash(hash),
        })
    }

    /// Returns the path of a picture below the folder.
    #[must_use]
    pub fn path(&self, index: u64) -> Option<&str> {
        Some(&self.pictures.get(usize::try_from(index).ok()?)?.name)
    }

    /// Returns the names of the labels, in the order of their numbers; empty without labels.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.names
    }

    fn record(&self, index: u64) -> Result<Record, Fault> {
        let there = self.pictures.len();
        let place = usize::try_from(index).ok().filter(|&place| place < there);
        let place = place.ok_or_else(|| Fault::new(format!("the source has {there} pictures")))?;
        let file = &*self.pictures[place].bytes;
        let image =
            Tensor::build_overwritten(Dtype::U8, [file.len()], |out| Ok(file.read_at(0, out)?))?;
        let record = Record::new().with("image", image)?;
        match self.labels.get(place) {
            Some(&label) => record.with("label", Tensor::scalar(label)),
            None => Ok(record),
        }
    }
}

impl Source for Images {
    type Sample = Record;
    type Error = Fault;

    fn len(&self) -> u64 {
        self.pictures.len() as u64
    }

    fn get(&self, index: u64) -> Result<Record, Fault> {
        self.record(index).map_err(|fault| fault.at("images", index))
    }

    /// Returns the path of the picture below the folder.
    fn key(&self, index: u64) -> SampleKey {
        self.path(index).map_or(SampleKey::Index(index), SampleKey::from)
    }

    fn element_spec(&self) -> ElementSpec {
        let label = (!self.labels.is_empty()).then(|| ("label", FieldSpec::new(Dtype::U32, [])));
        ElementSpec::new([("image", FieldSpec::new(Dtype::U8, [None]))].into_iter().chain(label))
    }

    fn op(&self) -> Op {
        let op = Op::new("images").with("len", self.len()).with("content", &self.content);
        op.with("label", !self.labels.is_empty())
    }
}

fn is_picture(path: &str) -> bool {
    let base = path.rsplit('/').next().unwrap_or(path).as_bytes();
    let ends = |end: &&str| {
        base.len() > end.len()
            && base[base.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
    };
    !base.starts_with(b".") && PICTURES.iter().any(ends)
}

/// Returns the name of the folder that directly contains a file.
fn folder_of(path: &str) -> Option<&str> {
    path.rsplit('/').nth(1)
}
