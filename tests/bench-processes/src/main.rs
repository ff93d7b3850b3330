//! Measures worker processes and prints ratios: `cargo run --release` in this folder.
//!
//! All sides make the same samples with the same two workers, in turns, in one run; the best of
//! three rounds counts. Numbers of other machines or runs mean nothing; ratios do.

use std::time::{Duration, Instant};

use windrow::dataset::{Dtype, Tensor};
use windrow::{Backend, Dataset, Loader, Result, WorkerContext, init, range};

const WORKERS: u32 = 2;
const ROUNDS: usize = 3;
const IMAGE: u64 = 224 * 224 * 3;

fn fill(index: u64, out: &mut [u8]) {
    for (place, value) in out.chunks_exact_mut(4).enumerate() {
        value.copy_from_slice(
            &((index as u32).wrapping_mul(31).wrapping_add(place as u32) as f32).to_le_bytes(),
        );
    }
}

fn images(batches: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Tensor> + use<>> {
    Ok(range(0..batches).try_map(|batch| {
        Tensor::build(Dtype::F32, [8, 224, 224, 3], |out| {
            for (image, out) in out.chunks_exact_mut(IMAGE as usize * 4).enumerate() {
                fill(batch * 8 + image as u64, out);
            }
            Ok(())
        })
    }))
}

fn tiny(batches: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Vec<u64>> + use<>> {
    Ok(range(0..batches * 256).map(|x| x * 3).batch(256))
}

fn cpu(samples: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..samples).map(|x| {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(2) {
            std::hint::spin_loop();
        }
        x
    }))
}

/// The time to drain a loader, in seconds, from its first batch on.
macro_rules! drain {
    ($recipe:ident, $count:expr, $backend:expr) => {{
        let mut loader =
            Loader::recipe($recipe, $count).backend($backend).workers(WORKERS).build().unwrap();
        let mut sum = 0;
        // The first batches size the slots and groups.
        for batch in loader.by_ref().take(8) {
            sum += touch(&*batch.unwrap());
        }
        let start = Instant::now();
        for batch in loader {
            sum += touch(&*batch.unwrap());
        }
        std::hint::black_box(sum);
        start.elapsed().as_secs_f64()
    }};
}

trait Touch {
    fn touch(&self) -> u64;
}

impl Touch for Tensor {
    fn touch(&self) -> u64 {
        self.bytes().iter().step_by(4096).map(|&byte| u64::from(byte)).sum()
    }
}

impl Touch for Vec<u64> {
    fn touch(&self) -> u64 {
        self.len() as u64 + self[0]
    }
}

impl Touch for u64 {
    fn touch(&self) -> u64 {
        *self
    }
}

fn touch<T: Touch>(value: &T) -> u64 {
    value.touch()
}

fn best(mut run: impl FnMut() -> f64) -> f64 {
    (0..ROUNDS).map(|_| run()).fold(f64::MAX, f64::min)
}

/// The same work on procspawn's pool, with as many calls ahead as windrow has.
macro_rules! procspawn {
    ($count:expr, $make:expr) => {{
        let pool = procspawn::Pool::new(WORKERS as usize).unwrap();
        let mut ahead = std::collections::VecDeque::new();
        let mut start = Instant::now();
        let mut sum = 0;
        for x in 0..$count {
            ahead.push_back(procspawn::spawn!(in pool, (x) || $make(x)));
            if ahead.len() > 8 {
                sum += ahead.pop_front().unwrap().join().unwrap().touch();
            }
            if x == 7 {
                start = Instant::now();
            }
        }
        while let Some(handle) = ahead.pop_front() {
            sum += handle.join().unwrap().touch();
        }
        std::hint::black_box(sum);
        start.elapsed().as_secs_f64()
    }};
}

fn image_batch(batch: u64) -> Bytes {
    let mut bytes = vec![0; IMAGE as usize * 4 * 8];
    for (image, out) in bytes.chunks_exact_mut(IMAGE as usize * 4).enumerate() {
        fill(batch * 8 + image as u64, out);
    }
    Bytes(bytes)
}

fn tiny_batch(batch: u64) -> Vec<u64> {
    (batch * 256..(batch + 1) * 256).map(|x| x * 3).collect()
}

/// Bytes that serde takes at once.
struct Bytes(Vec<u8>);

impl serde::Serialize for Bytes {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> std::result::Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> std::result::Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

impl Touch for Bytes {
    fn touch(&self) -> u64 {
        self.0.iter().step_by(4096).map(|&byte| u64::from(byte)).sum()
    }
}

fn main() {
    init();
    procspawn::init();
    let only = std::env::args().nth(1);
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    if wanted("start") {
        let millis = best(|| {
            let start = Instant::now();
            let mut loader = Loader::recipe(cpu_free, 100)
                .backend(Backend::Processes)
                .workers(WORKERS)
                .build()
                .unwrap();
            loader.next().unwrap().unwrap();
            start.elapsed().as_secs_f64() * 1e3
        });
        println!("start: first batch from 2 fresh processes after {millis:.2} ms (goal 10)");
    }
    if wanted("image") {
        let count = 200;
        let threads = best(|| drain!(images, count, Backend::Threads));
        let processes = best(|| drain!(images, count, Backend::Processes));
        let procspawn = best(|| procspawn!(count, image_batch));
        let bytes = (count - 8) as f64 * 8.0 * IMAGE as f64 * 4.0;
        println!(
            "image: processes {:.2} GB/s, threads {:.2} GB/s: {:.2} of threads (goal 0.80), {:.1} x procspawn (goal 5)",
            bytes / processes / 1e9,
            bytes / threads / 1e9,
            threads / processes,
            procspawn / processes
        );
    }
    if wanted("tiny") {
        let count = 40_000;
        let threads = best(|| drain!(tiny, count, Backend::Threads));
        let processes = best(|| drain!(tiny, count, Backend::Processes));
        let procspawn = best(|| procspawn!(count, tiny_batch));
        let samples = (count - 8) as f64 * 256.0;
        println!(
            "tiny: processes {:.1} M samples/s, threads {:.1} M: {:.2} of threads, {:.1} x procspawn (goal 3)",
            samples / processes / 1e6,
            samples / threads / 1e6,
            threads / processes,
            procspawn / processes
        );
    }
    if wanted("cpu") {
        let count = 800;
        let threads = best(|| drain!(cpu, count, Backend::Threads));
        let processes = best(|| drain!(cpu, count, Backend::Processes));
        println!("cpu: processes take {:.3} of threads (goal 1.03)", processes / threads);
    }
    if wanted("stall") {
        println!("stall: at most {:.1} ms after SIGKILL of one of 2 (goal 2 + 20)", stall());
    }
}

fn cpu_free(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..end))
}

fn killing(samples: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    let first = std::env::temp_dir().join(format!("bench-processes-{}", std::process::id()));
    Ok(range(0..samples).map(move |x| {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(2) {
            std::hint::spin_loop();
        }
        if x % 100 == 50
            && !first.exists()
            && std::env::var_os("BENCH_MARK").is_some_and(|mark| {
                std::fs::File::create_new(std::path::Path::new(&mark).join(x.to_string())).is_ok()
            })
        {
            std::process::abort();
        }
        x
    }))
}

/// The longest wait for a sample while workers die now and then, less the usual one.
fn stall() -> f64 {
    let folder = std::env::temp_dir().join(format!("bench-stall-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    // SAFETY: no other thread runs yet.
    unsafe { std::env::set_var("BENCH_MARK", &folder) };
    let loader = Loader::recipe(killing, 600)
        .backend(Backend::Processes)
        .workers(WORKERS)
        .prefetch(2)
        .build()
        .unwrap();
    let mut last = Instant::now();
    let mut longest = 0.0f64;
    for sample in loader {
        sample.unwrap();
        longest = longest.max(last.elapsed().as_secs_f64() * 1e3);
        last = Instant::now();
    }
    _ = std::fs::remove_dir_all(&folder);
    longest
}
