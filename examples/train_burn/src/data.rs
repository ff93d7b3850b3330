//! The digits: samples of the program's own type, from the program's own source.

use std::io::Read;

use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};
use windrow::order::{Op, Rng};
use windrow::source::{Identity, InMemory, Source, identity};
use windrow::{Dataset, Error, Fault, Result, WorkerContext, from_source};

/// 1,797 digits of 8 by 8 pixels, a line of 65 numbers each: 64 pixels from 0 to 16, and the digit.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../www/data/digits.csv.gz");
const BATCH: u64 = 32;
/// Pixels in a row, and rows.
pub const SIDE: usize = 8;
pub const PIXELS: usize = SIDE * SIDE;

/// A sample.
struct Digit {
    pixels: Vec<u8>,
    label: u8,
}

/// A batch, one image after another. `Serialize` and `Deserialize` let it cross to worker processes.
#[derive(Serialize, Deserialize)]
pub struct Digits {
    pub pixels: Vec<f32>,
    pub labels: Vec<i32>,
}

/// Opens the training pipeline. Each worker process calls the function once, and opens its own file.
pub fn training(seed: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Digits>> {
    let [training, _] = parts(seed)?;
    Ok(training.shuffle(seed).random_map(seed, shifted).batch_with(BATCH, together))
}

/// Opens the validation pipeline, which is the same in each epoch.
pub fn validation(seed: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Digits>> {
    let [_, validation] = parts(seed)?;
    Ok(validation.batch_with(BATCH, together))
}

/// Returns four fifths of the digits for training, and the others for validation.
fn parts(seed: u64) -> Result<[impl Dataset<Sample = Digit> + use<>; 2]> {
    Ok(from_source(Lines::open()?).split(seed, [0.8, 0.2]))
}

/// The lines of the file, as a source of digits.
struct Lines {
    lines: Vec<String>,
    identity: String,
}

impl Lines {
    fn open() -> Result<Self> {
        let packed =
            std::fs::read(FILE).map_err(|error| Error::io(format!("reading {FILE}"), error))?;
        let mut text = String::new();
        GzDecoder::new(&*packed).read_to_string(&mut text)?;
        let identity = identity(&InMemory::new(FILE, packed), Identity::Full)?;
        Ok(Self { lines: text.lines().map(str::to_owned).collect(), identity })
    }
}

impl Source for Lines {
    type Sample = Digit;
    type Error = Fault;

    fn len(&self) -> u64 {
        self.lines.len() as u64
    }

    fn get(&self, index: u64) -> Result<Digit, Fault> {
        let numbers: Result<Vec<u8>, _> =
            self.lines[index as usize].split(',').map(str::parse).collect();
        let mut pixels = numbers?;
        if pixels.len() != PIXELS + 1 {
            return Err(Fault::new(format!("{} numbers instead of 65", pixels.len())));
        }
        let label = pixels.remove(PIXELS);
        Ok(Digit { pixels, label })
    }

    /// Describes the source. A checkpoint is refused where the content of the file is another one.
    fn op(&self) -> Op {
        Op::new("digits").with("identity", &self.identity)
    }
}

/// Shifts an image by up to one pixel in each direction.
fn shifted(digit: Digit, rng: &mut Rng) -> Digit {
    let (down, right) = (rng.below(3) as usize, rng.below(3) as usize);
    let pixel = |at: usize| {
        let (row, column) = (at / SIDE + 1, at % SIDE + 1);
        let inside = (down..down + SIDE).contains(&row) && (right..right + SIDE).contains(&column);
        if inside { digit.pixels[(row - down) * SIDE + column - right] } else { 0 }
    };
    Digit { pixels: (0..PIXELS).map(pixel).collect(), ..digit }
}

/// Makes one batch of several digits. Workers make it, not the thread that trains.
fn together(digits: Vec<Digit>) -> Result<Digits, Fault> {
    Ok(Digits {
        pixels: digits
            .iter()
            .flat_map(|digit| &digit.pixels)
            .map(|x| f32::from(*x) / 16.0)
            .collect(),
        labels: digits.iter().map(|digit| digit.label.into()).collect(),
    })
}
