//! Pictures from outside: decoding, resizing, and the golden archives of them.

mod decode;
#[cfg(feature = "gz")]
mod golden;
mod hostile;
mod png;
mod resize;

use sha2::{Digest, Sha256};
use windrow::dataset::{Record, SampleContext, Tensor, Transform};
use windrow::spec::ops::DecodeImage;

/// The pictures of `tests/data/pictures`, by name.
fn pictures() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/pictures");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let pictures = paths.filter(|path| path.extension().is_some_and(|end| end == "jpg"));
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(path).unwrap())
    };
    let mut pictures: Vec<_> = pictures.map(read).collect();
    pictures.sort();
    assert!(pictures.len() >= 5);
    pictures
}

/// Puts one tensor through a transform.
fn through(
    transform: &impl Transform<Record, Sample = Record>,
    tensor: Tensor,
) -> Result<Tensor, String> {
    let record = Record::new().with("x", tensor).unwrap();
    let made = transform.apply(SampleContext::new(0, 1, 1), record);
    made.map(|record| record.unwrap()["x"].clone()).map_err(|fault| fault.message().to_owned())
}

fn decoded(file: &[u8], channels: Option<u8>) -> Result<Tensor, String> {
    let file = Tensor::from_slice([file.len() as u64], file).unwrap();
    let mut decode = DecodeImage::new("x");
    decode.channels = channels;
    through(&decode, file)
}

/// The start of the SHA-256 of shape and bytes.
fn hash(tensor: &Tensor) -> String {
    let mut hash = Sha256::new();
    tensor.shape().iter().for_each(|axis| hash.update(axis.to_le_bytes()));
    hash.update(tensor.bytes());
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}
