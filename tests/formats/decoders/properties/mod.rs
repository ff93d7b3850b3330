//! What holds whatever bytes a file or a document has: for the fuzzers in `tests/fuzz`, and for the
//! tests beside this.
//!
//! Each property takes any bytes, panics if it does not hold, and says whether the bytes went all the
//! way in; each has seeds that do. That reading never takes more memory than its bound is part of
//! each, so the program needs the allocator of `spy.rs`.

mod documents;
mod files;
mod pictures;

use std::sync::Arc;

use windrow::dataset::Record;
use windrow::source::{ByteSource, InMemory, Source};

use super::spy::most_in_use;

/// A property, after its name and before its seeds.
pub(crate) type Property = (&'static str, fn(&[u8]) -> bool, fn() -> Vec<Vec<u8>>);

/// All of them.
pub(crate) const PROPERTIES: [Property; 13] = [
    ("csv", files::csv, files::csv_seeds),
    ("csv_gz", files::csv_gz, || files::packed(files::csv_seeds())),
    ("gzip", files::gzip, || files::packed(vec![b"oats".repeat(100), Vec::new()])),
    ("idx", files::idx, files::idx_seeds),
    ("idx_gz", files::idx_gz, || files::packed(files::idx_seeds())),
    ("jpeg", pictures::jpeg, pictures::jpeg_seeds),
    ("jsonl", files::jsonl, files::jsonl_seeds),
    ("npy", files::npy, files::npy_seeds),
    ("png", pictures::png, pictures::png_seeds),
    ("resize", pictures::resize, pictures::resize_seeds),
    ("spec", documents::spec, documents::spec_seeds),
    ("state", documents::state, documents::state_seeds),
    ("tar", files::tar, files::tar_seeds),
];

/// What every reading may take besides what is said where it is used: buffers and tables.
const FREE: usize = 2 << 20;
/// The most samples that are looked at.
const SAMPLES: u64 = 50;
/// The most bytes that go in: more of them say nothing that fewer do not.
const BYTES_MAX: usize = 64 << 10;

/// Runs something that has a bound.
fn bounded<T>(bound: usize, run: impl FnOnce() -> T) -> T {
    let mut made = None;
    let most = most_in_use(|| made = Some(run()));
    assert!(most <= bound, "{most} bytes in use, {bound} are the bound");
    made.expect("it was run")
}

/// Some bytes as a source.
fn source(bytes: &[u8]) -> Arc<dyn ByteSource> {
    Arc::new(InMemory::new("x", bytes[..bytes.len().min(BYTES_MAX)].to_vec()))
}

/// Looks at samples of a source, the same twice; `bound` is of opening it.
fn samples<S: Source<Sample = Record, Error = windrow::Fault>>(
    bound: usize,
    open: impl FnOnce() -> windrow::Result<S>,
) -> bool {
    let opened = bounded(bound, || open().map_err(|error| assert!(!error.to_string().is_empty())));
    let Ok(opened) = opened else { return false };
    assert!(opened.op() == opened.op());
    let mut good = opened.is_empty();
    for index in (0..opened.len().min(SAMPLES)).chain([opened.len(), u64::MAX]) {
        let sample = bounded(bound, || opened.get(index));
        assert!(sample.is_err() || index < opened.len(), "there is no sample {index}");
        good |= sample.is_ok();
        match (sample, opened.get(index)) {
            (Ok(one), Ok(other)) => assert!(one == other, "sample {index} is another one"),
            (Err(one), Err(other)) => assert_eq!(one.to_string(), other.to_string()),
            _ => panic!("sample {index} is there only once"),
        }
    }
    good
}
