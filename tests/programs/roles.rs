//! The programs.

use std::time::Duration;

use crate::system::{children_of, is_wine, open_files, stop_self};
use windrow::loader::LoaderBuilder;
use windrow::spec::Spec;
use windrow::stage::Pipeline;
use windrow::{Backend, Dataset, Loader, Reducer, Result, WorkerContext, init, range};

/// What a worker finds in its environment.
const VARIABLE: &str = "WINDROW_WORKER";

pub fn numbers(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..end))
}

windrow::register!("numbers", numbers);
windrow::register!("twice", numbers);
windrow::register!("twice", busy);

fn slow(millis: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..100).map(move |x| {
        std::thread::sleep(Duration::from_millis(millis));
        x
    }))
}

pub fn busy(_: (), _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..100).map(|x| {
        tell_worker();
        endless(x)
    }))
}

/// Like `busy`, but a worker tells its number before it is ready. A program that sees all workers busy
/// can then end, and no worker is gone before it has told.
#[cfg(unix)]
pub fn told_and_busy(_: (), context: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    if context.is_process() {
        tell_worker();
    }
    Ok(range(0..100).map(endless))
}

/// In one piece, whatever the other worker writes.
fn tell_worker() {
    let line = format!("worker {}\n", std::process::id());
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
}

fn endless(x: u64) -> u64 {
    loop {
        std::hint::black_box(x);
    }
}

fn noisy(_: (), _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..300).map(|x| {
        println!("sample {x} is made {}", "and made ".repeat(50));
        let mut nothing = String::new();
        assert_eq!(std::io::stdin().read_line(&mut nothing).unwrap(), 0, "stdin is empty");
        x
    }))
}

fn nested(_: (), _: &WorkerContext) -> Result<impl Dataset<Sample = String> + use<>> {
    Ok(range(0..1).map(|_| {
        let inner = Loader::recipe(numbers, 3).backend(Backend::Processes).build();
        inner.map_or_else(|error| error.to_string(), |_| "it was built".into())
    }))
}

fn nested_auto(_: (), _: &WorkerContext) -> Result<impl Dataset<Sample = String> + use<>> {
    Ok(range(0..1).map(|_| {
        let inner = Loader::recipe(numbers, 3).workers(2).build();
        inner.map_or_else(|error| error.to_string(), |loader| loader.backend().name.into())
    }))
}

fn large(bytes: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    let memory = vec![7u8; bytes as usize];
    Ok(range(0..8).map(move |x| {
        let pages = memory.iter().step_by(4096);
        assert!(pages.copied().all(|byte| byte == 7), "sample {x}");
        std::thread::sleep(Duration::from_millis(30));
        let shares = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
        let share = shares.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
        share.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }))
}

fn threaded(end: u64, context: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    if context.is_process() {
        std::thread::spawn(|| std::thread::sleep(Duration::from_secs(600)));
    }
    Ok(range(0..end))
}

fn complaining(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..end).map(|x| {
        eprintln!("sample {x}\nis made");
        x
    }))
}

const SUM: Reducer<f64> = Reducer::new("sum");
const ODD: Reducer<Vec<u64>> = Reducer::new("odd");

fn adding(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    let random = range(0..end).shuffle(1).random_map(2, |x, rng| (x, rng.unit_f64()));
    Ok(random.map(|(x, random)| {
        SUM.add(random * x as f64);
        if x % 2 == 1 {
            ODD.add(vec![x]);
        }
        x
    }))
}

pub fn suicidal(_: (), _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..200).map(|x| {
        if x % 20 == 7
            && std::fs::File::create_new(std::env::var("MARK").unwrap() + &x.to_string()).is_ok()
        {
            std::process::abort();
        }
        x
    }))
}

fn hanging(_: (), _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..20).map(|x| {
        if x == 7 {
            std::thread::sleep(Duration::from_secs(600));
        }
        x
    }))
}

fn stopping(_: (), _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..20).map(|x| {
        if x == 7 {
            eprintln!("worker {}", std::process::id());
            stop_self();
        }
        x
    }))
}

/// Has the workers run by the command in `LAUNCHER` or `WORKER`, an argument a line.
pub fn run_by<P: Pipeline>(builder: LoaderBuilder<P>) -> LoaderBuilder<P> {
    let command = |name| {
        let text = std::env::var(name).ok()?;
        let mut arguments = text.lines().map(ToOwned::to_owned);
        Some((arguments.next()?, arguments.collect::<Vec<_>>()))
    };
    let builder = match command("LAUNCHER") {
        Some((path, arguments)) => builder.worker_launcher(path, arguments),
        None => builder,
    };
    match command("WORKER") {
        Some((path, arguments)) => builder.worker_program(path, arguments),
        None => builder,
    }
}

/// Builds a loader on processes, drains it, and says how that went.
macro_rules! drain {
    ($builder:expr) => {
        match run_by($builder).backend(Backend::Processes).workers(2).build() {
            Ok(loader) => {
                let batches: Vec<_> = loader.collect();
                let good = batches.iter().filter(|batch| batch.is_ok()).count();
                println!("{good} of {} are good", batches.len());
            }
            Err(error) => println!("error: {error}"),
        }
    };
}

pub fn play(role: &str) {
    match role {
        "well" => {
            init();
            init();
            drain!(Loader::recipe(numbers, 100));
        }
        "auto" => {
            init();
            choose(Backend::Auto);
        }
        "auto without init" => choose(Backend::Auto),
        "processes without init" => choose(Backend::Processes),
        "never" => drain!(Loader::recipe(numbers, 100)),
        "conditionally" => {
            if std::env::var_os(VARIABLE).is_none() {
                init();
            }
            drain!(Loader::recipe(numbers, 100));
        }
        "returns" => {
            if std::env::var_os(VARIABLE).is_some() {
                return;
            }
            init();
            drain!(Loader::recipe(numbers, 100));
        }
        "blocks" => {
            if std::env::var_os(VARIABLE).is_some() {
                std::thread::sleep(Duration::from_secs(600));
            }
            init();
            drain!(Loader::recipe(numbers, 100).startup_timeout(Duration::from_millis(200)));
        }
        "late" => {
            drain!(Loader::recipe(numbers, 100));
            init();
            drain!(Loader::recipe(numbers, 100));
        }
        "named" => {
            init();
            let limit = Duration::from_millis(300);
            drain!(Loader::recipe(numbers, 100).registered_as("numbers").startup_timeout(limit));
            println!("{} children", children());
        }
        "twice" => {
            init();
            drain!(Loader::recipe(numbers, 100).registered_as("twice"));
        }
        "misnamed" => {
            init();
            drain!(Loader::recipe(busy, ()).registered_as("numbers"));
        }
        "hooked" => {
            init();
            let loader = Loader::recipe(numbers, 100).registered_as("numbers");
            drain!(loader.on_worker_exit(|_| ()));
        }
        "document" => {
            let spec = r#"{"version": 1, "source": {"kind": "range", "end": 100}}"#;
            drain!(Loader::spec(&Spec::from_json(spec).unwrap(), "."));
        }
        "hangs" => {
            init();
            drain!(Loader::recipe(hanging, ()).sample_timeout(Duration::from_millis(300)));
            println!("{} children", children());
        }
        "stops" => {
            init();
            drain!(Loader::recipe(stopping, ()).sample_timeout(Duration::from_millis(300)));
        }
        "nested" => {
            init();
            let loader = Loader::recipe(nested, ()).backend(Backend::Processes).build().unwrap();
            loader.for_each(|text| println!("{}", text.unwrap().into_inner()));
        }
        "nested auto" => {
            init();
            let loader = Loader::recipe(nested_auto, ()).workers(1).build().unwrap();
            loader.for_each(|text| println!("{}", text.unwrap().into_inner()));
        }
        "busy" => {
            init();
            drain!(Loader::recipe(busy, ()));
        }
        "exits" => {
            init();
            let mut loader = Loader::recipe(busy, ()).backend(Backend::Processes).workers(2);
            loader = loader.warn_after(Duration::from_millis(200));
            let mut loader = loader.build().unwrap();
            begin(&mut loader);
            std::thread::sleep(Duration::from_millis(300));
            std::process::exit(9);
        }
        "noisy" => {
            init();
            drain!(Loader::recipe(noisy, ()));
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).unwrap();
            println!("stdin: {line}");
        }
        #[cfg(unix)]
        "ignores" => {
            // SAFETY: ignoring a signal installs no code.
            unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
            init();
            drain!(Loader::recipe(suicidal, ()));
        }
        "suicidal" => {
            init();
            drain!(Loader::recipe(suicidal, ()));
        }
        "replaced" => {
            init();
            let own = std::env::current_exe().unwrap();
            // Windows lets nobody remove a program that runs, but rename it.
            std::fs::rename(&own, own.with_extension("old")).unwrap();
            std::fs::write(&own, "another program").unwrap();
            drain!(Loader::recipe(suicidal, ()));
        }
        #[cfg(unix)]
        "few" => {
            init();
            let limit = libc::rlimit { rlim_cur: 7, rlim_max: 7 };
            // SAFETY: it only lowers a limit.
            unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
            drain!(Loader::recipe(numbers, 100));
        }
        "many" => {
            init();
            drain!(Loader::recipe(numbers, 100));
            let before = open_files();
            // Wine takes its time to start a process.
            for _ in 0..if is_wine() { 20 } else { 1000 } {
                let loader = Loader::recipe(numbers, 100).backend(Backend::Processes).workers(2);
                assert_eq!(loader.build().unwrap().take(3).count(), 3);
            }
            println!("{} more files, {} children", open_files() as i64 - before as i64, children());
        }
        "stuck" => {
            init();
            let loader = Loader::recipe(busy, ()).backend(Backend::Processes).workers(2);
            let loader = loader.shutdown_timeout(Duration::from_millis(300));
            let mut loader = loader.build().unwrap();
            begin(&mut loader);
            std::thread::sleep(Duration::from_millis(300));
            let start = std::time::Instant::now();
            let stuck = loader.close();
            println!(
                "{} stuck, {} ms, {} children",
                stuck.len(),
                start.elapsed().as_millis(),
                children()
            );
        }
        "large" => {
            init();
            let bytes = 200 << 20;
            // Without a copy of its own, this process would be counted as another one that shares.
            let open: windrow::backend::Factory<u64, _> =
                |bytes, context| large(if context.is_process() { bytes } else { 0 }, context);
            let loader = Loader::recipe(open, bytes).backend(Backend::Processes).workers(2);
            let shares: Vec<u64> =
                loader.build().unwrap().map(|x| x.unwrap().into_inner()).collect();
            println!("a worker's share is {} MiB at most", shares.iter().max().unwrap());
        }
        "threaded" => {
            init();
            drain!(Loader::recipe(threaded, 10));
        }
        "prefixed" => {
            init();
            drain!(Loader::recipe(complaining, 10).prefix_stderr());
        }
        "adding" => {
            init();
            let builder = Loader::recipe(adding, 1000).reduce(SUM).reduce(ODD);
            let mut loader = builder.build().unwrap();
            for samples in [300, 700] {
                assert_eq!(loader.by_ref().take(samples).count(), samples);
                let sum = loader.reduced(SUM).unwrap();
                let odd = loader.reduced(ODD).unwrap();
                println!("{:?} {:x} {odd:?}", sum.positions(), sum.to_bits());
            }
        }
        "effects" => crate::effects::play(),
        "ranks" => crate::ranks::play(),
        "slow" => {
            init();
            drain!(Loader::recipe(slow, 20));
        }
        other => assert!(crate::hosts::play(other), "no role {other}"),
    }
}

fn marking(mark: String, context: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    if context.is_process() {
        std::fs::write(mark + "started", "").unwrap();
    }
    Ok(range(0..100))
}

/// Builds a loader whose workers leave a mark, drains it, and says what made the samples.
fn choose(backend: Backend) {
    let mark = std::env::var("MARK").unwrap();
    let mut loader = Loader::recipe(marking, mark.clone()).backend(backend).workers(2);
    if cfg!(unix) {
        let script = "touch \"$0started\" && exec \"$@\"".to_owned();
        loader = loader.worker_launcher("/bin/sh", ["-c".into(), script, mark]);
    }
    match loader.build() {
        Ok(mut loader) => {
            let good = loader.by_ref().filter(Result::is_ok).count();
            println!("{} made {good}", loader.backend().name);
        }
        Err(error) => println!("error: {error}"),
    }
}

/// Has the workers begin, and waits until both are at it.
pub fn begin(loader: &mut Loader<u64>) {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(loader.poll_next(&mut context).is_pending());
    while loader.progress().workers.iter().flatten().count() < 2 {
        std::thread::sleep(Duration::from_millis(1));
        assert!(loader.poll_next(&mut context).is_pending());
    }
}

pub fn children() -> usize {
    children_of(std::process::id()).len()
}
