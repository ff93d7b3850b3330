//! Reads samples of the program's own type from the program's own file format.
//!
//! What the example shows:
//! - the trait `Source`: a length, the sample at an index, a key for people, and a description
//! - a file that windrow opens and reads at any offset, from any thread (`LocalFile`)
//! - a broken record, which is one error with the record's name and costs no other record
//! - a file with other content, for which the loader refuses an older checkpoint
//!
//! ```sh
//! cargo run --example own_source
//! ```

use std::path::Path;

use windrow::dataset::SampleKey;
use windrow::order::Op;
use windrow::source::{ByteSource, Identity, LocalFile, Source, identity};
use windrow::{Dataset, Fault, Loader, OnError, Result, from_source};

/// A sample: what one station measured.
#[derive(Debug, Clone, PartialEq)]
struct Reading {
    station: u16,
    celsius: f32,
}

/// A file of records of 6 bytes, little-endian: the station (u16), and the temperature (f32).
struct Readings {
    file: LocalFile,
    identity: String,
}

const RECORD: u64 = 6;

impl Readings {
    fn open(path: &Path) -> Result<Self> {
        let file = LocalFile::open(path)?;
        let identity = identity(&file, Identity::Blocks)?;
        Ok(Self { file, identity })
    }
}

impl Source for Readings {
    type Sample = Reading;
    type Error = Fault;

    fn len(&self) -> u64 {
        self.file.len() / RECORD
    }

    /// Reads one record. Any worker may ask for any index, in any order, and more than once.
    fn get(&self, index: u64) -> Result<Reading, Fault> {
        let mut record = [0; RECORD as usize];
        self.file.read_at(index * RECORD, &mut record).map_err(Fault::other)?;
        let [a, b, celsius @ ..] = record;
        let celsius = f32::from_le_bytes(celsius);
        if !celsius.is_finite() {
            return Err(Fault::new(format!("the temperature is {celsius}")));
        }
        Ok(Reading { station: u16::from_le_bytes([a, b]), celsius })
    }

    /// Names a sample for people who look for it in the file.
    fn key(&self, index: u64) -> SampleKey {
        SampleKey::Name(format!("byte {}", index * RECORD))
    }

    /// Describes the source. A state resumes only with a source that has the same description.
    fn op(&self) -> Op {
        Op::new("readings").with("len", self.len()).with("identity", &self.identity)
    }
}

fn write(path: &Path, broken: u16) -> Result<()> {
    let record = |station: u16| {
        let celsius = if station == broken { f32::NAN } else { f32::from(station) / 10.0 };
        [&station.to_le_bytes()[..], &celsius.to_le_bytes()].concat()
    };
    Ok(std::fs::write(path, (0..100).flat_map(record).collect::<Vec<u8>>())?)
}

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("readings.bin");
    write(&path, 42)?;
    let pipeline =
        || Ok::<_, windrow::Error>(from_source(Readings::open(&path)?).shuffle(7).keys());

    // By default an error stands in the order where the sample would.
    let mut loader = Loader::builder(pipeline()?.ordered().batch(8)).workers(2).build()?;
    let mut errors = Vec::new();
    let mut samples = 0;
    for batch in loader.by_ref() {
        match batch {
            Ok(batch) => samples += batch.len(),
            Err(error) => errors.push(error.to_string()),
        }
    }
    println!("{samples} samples, and {errors:?}");
    assert_eq!(samples, 99);
    assert!(errors[0].ends_with("readings of index 42: the temperature is NaN"));
    let state = loader.state();

    // Or the loader skips the sample, and counts it.
    let skipping = Loader::builder(pipeline()?.ordered().batch(8)).on_error(OnError::Skip);
    let mut loader = skipping.workers(2).build()?;
    let first = loader.next().expect("there are batches")?;
    println!("the first sample is {:?}, from {}", first[0].sample, first[0].key);
    assert_eq!(loader.by_ref().count(), 12);
    assert_eq!(loader.skips().count(), 1);

    // Another content is another dataset.
    write(&path, 43)?;
    let refused = Loader::builder(pipeline()?.ordered().batch(8)).resume(&state).build();
    let refused = refused.expect_err("the identity differs").to_string();
    println!("{refused}");
    assert!(refused.contains("readings.identity"), "{refused}");
    Ok(())
}
