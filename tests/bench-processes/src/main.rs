//! Measures worker processes and prints ratios: `cargo run --release` in this folder, with the
//! names of cases to run only those.
//!
//! All sides make the same samples with the same two workers, in turns, in one run; the best round
//! of each side counts. Numbers of other machines or runs mean nothing; ratios do.

mod call;
mod own;
mod pipes;
mod work;

use std::time::Instant;

use windrow::dataset::{Record, Tensor};
use windrow::{Backend, Loader, init};

use call::Bytes;

const WORKERS: u32 = 2;
const ROUNDS: usize = 7;
/// The first batches size slots and groups, and start workers; they are not timed.
const WARM: usize = 32;

/// A look at what came, as a training loop would have.
trait Touch {
    fn touch(&self) -> u64;
}

impl Touch for [u8] {
    fn touch(&self) -> u64 {
        self.iter().step_by(4096).map(|&byte| u64::from(byte)).sum()
    }
}

impl Touch for Tensor {
    fn touch(&self) -> u64 {
        self.bytes().touch()
    }
}

impl Touch for Record {
    fn touch(&self) -> u64 {
        self["image"].bytes().touch()
    }
}

impl Touch for Bytes {
    fn touch(&self) -> u64 {
        self.0.touch()
    }
}

impl Touch for own::Floats {
    fn touch(&self) -> u64 {
        self.pixels.iter().step_by(1024).map(|&pixel| pixel as u64).sum::<u64>()
            + u64::from(self.label)
    }
}

impl Touch for own::Bytes {
    fn touch(&self) -> u64 {
        self.pixels.touch() + u64::from(self.label)
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

/// The seconds that it takes to drain this, from the first batches on.
fn drain<T: Touch>(mut batches: impl Iterator<Item = T>) -> f64 {
    let mut sum = 0;
    for batch in batches.by_ref().take(WARM) {
        sum += batch.touch();
    }
    let start = Instant::now();
    for batch in batches {
        sum += batch.touch();
    }
    std::hint::black_box(sum);
    start.elapsed().as_secs_f64()
}

/// The seconds that a recipe takes on a backend.
macro_rules! ours {
    ($recipe:expr, $count:expr, $backend:expr) => {{
        let loader = Loader::recipe($recipe, $count).backend($backend).workers(WORKERS);
        drain(loader.build().unwrap().map(|batch| batch.unwrap().into_inner()))
    }};
}

/// The work of the pool over pipes, by name.
fn pipe_work(name: &str) -> pipes::Work {
    match name {
        "image" => work::write_images,
        "tiny" => |batch, out| work::numbers(batch).for_each(|x| out.extend(x.to_le_bytes())),
        _ => |x, out| out.extend(work::spin(x).to_le_bytes()),
    }
}

fn by_pipes(name: &str, count: u64) -> f64 {
    let results = pipes::Pool::new(WORKERS, name, count).unwrap();
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    match name {
        "image" => drain(results.map(Bytes)),
        "tiny" => drain(results.map(|bytes| bytes.chunks(8).map(word).collect::<Vec<u64>>())),
        _ => drain(results.map(|bytes| word(&bytes))),
    }
}

/// One way to do the work of a case, which gives the seconds that it took.
type Side<'a> = (&'static str, &'a dyn Fn() -> f64);

/// The best time of each side. Each round begins with another side. Only those that `BENCH_SIDES`
/// names take part, if it is set; to be profiled, say.
fn best<const N: usize>(sides: [Side<'_>; N]) -> [f64; N] {
    let only = std::env::var("BENCH_SIDES").ok();
    let mut best = [f64::MAX; N];
    for round in 0..ROUNDS {
        for turn in 0..N {
            let place = (round + turn) % N;
            let (name, run) = sides[place];
            if only.as_ref().is_none_or(|only| only.split(',').any(|own| own == name)) {
                best[place] = best[place].min(run());
            }
        }
    }
    best
}

fn image() {
    images("image");
}

fn stacked() {
    images("stacked");
}

fn images(name: &str) {
    let count = 1_000;
    let ours = |backend| match name {
        "image" => ours!(work::images, count, backend),
        _ => ours!(work::stacked, count, backend),
    };
    let [processes, threads, procspawn, pipes] = best([
        ("processes", &|| ours(Backend::Processes)),
        ("threads", &|| ours(Backend::Threads)),
        ("procspawn", &|| drain(call::results(count, call::image))),
        ("pipes", &|| by_pipes("image", count)),
    ]);
    let rate = |seconds: f64| (count - WARM as u64) as f64 * work::BATCH as f64 / seconds / 1e9;
    println!(
        "{name}: processes {:.2} GB/s, threads {:.2} GB/s: {:.2} of threads (goal 0.80), {:.1} x procspawn \
             (goal 5), {:.1} x pipes",
        rate(processes),
        rate(threads),
        threads / processes,
        procspawn / processes,
        pipes / processes,
    );
}

fn tiny() {
    let count = 40_000;
    let [processes, threads, procspawn, pipes] = best([
        ("processes", &|| ours!(work::tiny, count, Backend::Processes)),
        ("threads", &|| ours!(work::tiny, count, Backend::Threads)),
        ("procspawn", &|| drain(call::results(count, call::tiny))),
        ("pipes", &|| by_pipes("tiny", count)),
    ]);
    let rate = |seconds: f64| (count - WARM as u64) as f64 * work::NUMBERS as f64 / seconds / 1e6;
    println!(
        "tiny: processes {:.1} M samples/s, threads {:.1} M: {:.2} of threads, {:.1} x procspawn (goal 3), {:.1} x pipes",
        rate(processes),
        rate(threads),
        threads / processes,
        procspawn / processes,
        pipes / processes,
    );
}

/// Own types of 600 KB against the same bytes in tensors.
fn own() {
    let count = 10_000;
    macro_rules! sides {
        ($recipe:expr) => {
            best([
                ("processes", &|| ours!($recipe, count, Backend::Processes)),
                ("threads", &|| ours!($recipe, count, Backend::Threads)),
            ])
        };
    }
    let all = [
        ("Tensor", sides!(own::tensors)),
        ("struct { Vec<f32> }", sides!(own::floats)),
        ("struct { Vec<u8> }", sides!(own::bytes)),
    ];
    let rate = |seconds: f64| (count - WARM as u64) as f64 / seconds;
    for (name, [processes, threads]) in all {
        println!(
            "own: {name} of 600 KB: processes {:.0} samples/s, threads {:.0}: {:.2} of threads (goal 0.60)",
            rate(processes),
            rate(threads),
            threads / processes,
        );
    }
}

fn cpu() {
    let count = 400;
    let [processes, threads, procspawn, pipes] = best([
        ("processes", &|| ours!(work::cpu, count, Backend::Processes)),
        ("threads", &|| ours!(work::cpu, count, Backend::Threads)),
        ("procspawn", &|| drain(call::results(count, work::spin))),
        ("pipes", &|| by_pipes("cpu", count)),
    ]);
    println!(
        "cpu: processes take {:.3} of threads (goal 1.03), {:.3} of procspawn, {:.3} of pipes",
        processes / threads,
        processes / procspawn,
        processes / pipes,
    );
}

fn start() {
    let [millis] = best([("processes", &|| {
        let start = Instant::now();
        let loader = Loader::recipe(work::free, 100).backend(Backend::Processes).workers(WORKERS);
        loader.build().unwrap().next().unwrap().unwrap();
        start.elapsed().as_secs_f64() * 1e3
    })]);
    println!("start: first batch from 2 fresh processes after {millis:.2} ms (goal 10)");
}

/// The longest wait for a sample while workers die now and then.
fn stall() {
    let folder = std::env::temp_dir().join(format!("bench-stall-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    // SAFETY: no other thread runs yet.
    unsafe { std::env::set_var(work::MARKS, &folder) };
    let loader = Loader::recipe(work::killing, 600)
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
    println!("stall: at most {longest:.1} ms after SIGKILL of one of 2 (goal 2 + 20)");
}

fn main() {
    init();
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = &arguments[..]
        && flag == pipes::WORKER
    {
        return pipes::serve(pipe_work(name)).unwrap();
    }
    procspawn::init();
    let cases: [(&str, fn()); 7] = [
        ("stall", stall),
        ("start", start),
        ("image", image),
        ("stacked", stacked),
        ("tiny", tiny),
        ("cpu", cpu),
        ("own", own),
    ];
    if arguments.is_empty() {
        arguments = cases.iter().map(|(name, _)| (*name).into()).collect();
    }
    for (_, run) in cases.iter().filter(|(name, _)| arguments.iter().any(|own| own == name)) {
        run();
    }
}
