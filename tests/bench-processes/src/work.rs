//! What is made, the same for all sides.

use std::time::{Duration, Instant};

use windrow::dataset::{Dtype, Tensor};
use windrow::{Dataset, Result, WorkerContext, range};

/// The bytes of an image.
pub const IMAGE: usize = 224 * 224 * 3 * 4;
/// Images in a batch.
const IMAGES: usize = 8;
/// The bytes of a batch of images.
pub const BATCH: usize = IMAGES * IMAGE;
/// Numbers in a tiny batch.
pub const NUMBERS: u64 = 256;

fn fill(index: u64, out: &mut [u8]) {
    for (place, value) in out.chunks_exact_mut(4).enumerate() {
        let number = (index as u32).wrapping_mul(31).wrapping_add(place as u32);
        value.copy_from_slice(&(number as f32).to_le_bytes());
    }
}

fn fill_batch(batch: u64, out: &mut [u8]) {
    for (image, out) in out.chunks_exact_mut(IMAGE).enumerate() {
        fill(batch * IMAGES as u64 + image as u64, out);
    }
}

/// Adds a batch of images to bytes.
pub fn write_images(batch: u64, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + BATCH, 0);
    fill_batch(batch, &mut out[start..]);
}

/// The numbers of a tiny batch.
pub fn numbers(batch: u64) -> impl Iterator<Item = u64> {
    (batch * NUMBERS..(batch + 1) * NUMBERS).map(|x| x * 3)
}

/// Computes for 2 ms.
pub fn spin(x: u64) -> u64 {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(2) {
        std::hint::spin_loop();
    }
    x
}

/// Batches of images, each made as one tensor.
pub fn images(batches: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Tensor> + use<>> {
    Ok(range(0..batches).try_map(|batch| {
        Tensor::build(Dtype::F32, [IMAGES as u64, 224, 224, 3], |out| {
            fill_batch(batch, out);
            Ok(())
        })
    }))
}

/// Batches of images, each image a tensor that is stacked with the others.
pub fn stacked(
    batches: u64,
    _: &WorkerContext,
) -> Result<impl Dataset<Sample = windrow::dataset::Record> + use<>> {
    use windrow::dataset::{Record, Stack};
    let images = range(0..batches * IMAGES as u64).try_map(|index| {
        let image = Tensor::build(Dtype::F32, [224, 224, 3], |out| {
            fill(index, out);
            Ok(())
        })?;
        Record::new().with("image", image)
    });
    Ok(images.batch_with(IMAGES as u64, Stack::new()))
}

/// Batches of numbers.
pub fn tiny(batches: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Vec<u64>> + use<>> {
    Ok(range(0..batches * NUMBERS).map(|x| x * 3).batch(NUMBERS))
}

/// Samples of 2 ms.
pub fn cpu(samples: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..samples).map(spin))
}

/// Samples that cost nothing.
pub fn free(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..end))
}

/// The variable that names the folder in which [`killing`] notes who died.
pub const MARKS: &str = "BENCH_MARKS";

/// Samples of 2 ms, of which one in a hundred kills its worker, once.
pub fn killing(samples: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    let marks = std::env::var_os(MARKS);
    Ok(range(0..samples).map(move |x| {
        let x = spin(x);
        let mark =
            |marks| std::fs::File::create_new(std::path::Path::new(marks).join(x.to_string()));
        if x % 100 == 50 && marks.as_deref().is_some_and(|marks| mark(marks).is_ok()) {
            use rustix::process::{Signal, getpid, kill_process};
            _ = kill_process(getpid(), Signal::KILL);
        }
        x
    }))
}
