//! More programs: those that treat their workers badly, or that the system treats badly.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use windrow::dataset::{Dtype, Tensor};
use windrow::{Backend, Dataset, Error, Loader, Result, WorkerContext, init, range};

use crate::roles::{begin, busy, children, numbers, suicidal, told_and_busy};
use crate::system::open_files;

fn incarnations(end: u64, context: &WorkerContext) -> Result<impl Dataset<Sample = u32> + use<>> {
    let incarnation = context.incarnation();
    Ok(range(0..end).map(move |_| incarnation))
}

/// Samples of so many bytes, of which the seventh takes so many more to make.
fn hungry(
    (bytes, more): (u64, u64),
    _: &WorkerContext,
) -> Result<impl Dataset<Sample = Tensor> + use<>> {
    Ok(range(0..20).try_map(move |x| {
        let taken = vec![1u8; if x == 7 { more as usize } else { 0 }];
        let pages: u64 = std::hint::black_box(&taken).iter().step_by(4096).map(|&b| b as u64).sum();
        assert_eq!(pages, taken.len().div_ceil(4096) as u64);
        Tensor::build(Dtype::U8, [bytes], |out| {
            out.fill(x as u8);
            Ok(())
        })
    }))
}

/// Samples whose worker dies as if its shared memory were not there, as soon as it has slots.
fn unreachable(_: (), _: &WorkerContext) -> Result<impl Dataset<Sample = Tensor> + use<>> {
    Ok(range(0..20).try_map(move |x| {
        let maps = std::fs::read_to_string("/proc/self/maps")?;
        let size = |line: &str| {
            let (start, end) = line.split(' ').next()?.split_once('-')?;
            Some(u64::from_str_radix(end, 16).ok()? - u64::from_str_radix(start, 16).ok()?)
        };
        if maps.lines().any(|line| is_shared(line) && size(line).unwrap() > 65536) {
            // SAFETY: it ends this process.
            unsafe { libc::raise(libc::SIGBUS) };
        }
        Tensor::from_slice([20_000], &[x as u8; 20_000])
    }))
}

/// Whether a line of a memory map is of memory that windrow shares.
pub fn is_shared(line: &str) -> bool {
    line.contains("memfd:windrow") || line.contains("/dev/shm/wr")
}

/// Drains a loader and says in one line how that went: every error once.
macro_rules! drained {
    ($builder:expr) => {
        match $builder.backend(Backend::Processes).workers(2).build() {
            Ok(loader) => {
                let mut good = 0;
                let mut errors: Vec<String> = Vec::new();
                for outcome in loader {
                    match outcome {
                        Ok(_) => good += 1,
                        Err(error) => errors.push(text(&error)),
                    }
                }
                errors.dedup();
                format!("{good} are good {}", errors.join("; ")).trim_end().to_owned()
            }
            Err(error) => format!("error: {}", text(&error)),
        }
    };
}

fn text(error: &Error) -> String {
    error.to_string().replace('\n', " ")
}

/// Plays a role, if it is one of these.
pub fn play(role: &str) -> bool {
    match role {
        "reaps" => {
            init();
            std::thread::spawn(|| {
                loop {
                    let mut status = 0;
                    // SAFETY: it waits for any child, as careless programs do.
                    if unsafe { libc::waitpid(-1, &raw mut status, 0) } < 0 {
                        std::thread::sleep(Duration::from_micros(100));
                    }
                }
            });
            println!("{}", drained!(Loader::recipe(suicidal, ())));
        }
        "moves" => {
            init();
            let build = || {
                let loader = Loader::recipe(incarnations, 2000).backend(Backend::Processes);
                loader.workers(2).max_losses(1).max_crashes(0).prefetch(10).build().unwrap()
            };
            let loader = std::thread::spawn(build).join().unwrap();
            let first = loader.filter(|x| x.as_ref().is_ok_and(|x| **x == 0)).count();
            println!("{first} are of the first workers");
        }
        "panics" | "forgets" => {
            init();
            let loader = Loader::recipe(told_and_busy, ()).backend(Backend::Processes).workers(2);
            let mut loader = loader.shutdown_timeout(Duration::from_millis(200)).build().unwrap();
            begin(&mut loader);
            while loader.progress().workers.contains(&None) {
                std::thread::sleep(Duration::from_millis(1));
            }
            assert_ne!(role, "panics", "on purpose, with a loader in hand");
            std::mem::forget(loader);
        }
        "handles" => {
            static PRESSED: AtomicBool = AtomicBool::new(false);
            extern "C" fn press(_: libc::c_int) {
                PRESSED.store(true, Ordering::SeqCst);
            }
            init();
            let press: extern "C" fn(libc::c_int) = press;
            // SAFETY: the handler only stores to a static.
            unsafe { libc::signal(libc::SIGINT, press as libc::sighandler_t) };
            let loader = Loader::recipe(busy, ()).backend(Backend::Processes).workers(2);
            let mut loader = loader.shutdown_timeout(Duration::from_millis(200)).build().unwrap();
            begin(&mut loader);
            while !PRESSED.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            drop(loader);
            std::process::exit(130);
        }
        "crowded" => {
            init();
            let limit = std::env::var("LIMIT").unwrap().parse().unwrap();
            limit_to(Resource::Nproc, limit);
            println!("{}", drained!(Loader::recipe(numbers, 100)));
        }
        "descriptors" => {
            init();
            println!("{}", drained!(Loader::recipe(hungry, (20_000, 0))));
            for limit in (4..16).chain([24, 48]) {
                limit_to(Resource::Nofile, limit);
                println!("{limit}: {}", drained!(Loader::recipe(hungry, (20_000, 0))));
            }
        }
        "full" => {
            init();
            if let Err(why) = tiny_shared_memory() {
                println!("skipped: {why}");
                return true;
            }
            println!("{}", drained!(Loader::recipe(hungry, (100_000, 0))));
            println!("{}", drained!(Loader::recipe(hungry, (2_000_000, 0))));
            println!("{} left", std::fs::read_dir("/dev/shm").unwrap().count());
        }
        "unreachable" => {
            init();
            println!("{}", drained!(Loader::recipe(unreachable, ()).max_losses(1)));
        }
        "hungry" => {
            init();
            let number = |name: &str| std::env::var(name).unwrap().parse().unwrap();
            println!("{}", drained!(Loader::recipe(hungry, (number("BYTES"), number("MORE")))));
        }
        "another" => {
            init();
            let other = std::env::var("MARK").unwrap();
            std::fs::copy(std::env::current_exe().unwrap(), &other).unwrap();
            change_build(&other);
            let script = format!("exec {other} \"$@\"");
            let loader = Loader::recipe(numbers, 100).worker_launcher("sh", ["-c".into(), script]);
            println!("{}", drained!(loader));
        }
        "renews" => {
            init();
            let run = |samples| {
                let loader = Loader::recipe(numbers, samples).max_samples_per_worker(1);
                drained!(loader)
            };
            println!("{}", run(10));
            let before = held();
            println!("{}", run(std::env::var("SAMPLES").unwrap().parse().unwrap()));
            println!("{:?} and {:?}", before, held());
        }
        "leaves" => {
            init();
            let run = |kept: &mut Vec<Tensor>| {
                let loader = Loader::recipe(hungry, (30_000, 0)).backend(Backend::Processes);
                let mut loader = loader.workers(2).build().unwrap();
                kept.extend(loader.by_ref().take(10).map(|x| x.unwrap().into_inner()));
            };
            run(&mut Vec::new());
            let before = held();
            for _ in 0..50 {
                let mut kept = Vec::new();
                run(&mut kept);
                assert!(kept.iter().zip(0..).all(|(x, byte)| x.bytes() == [byte; 30_000]));
            }
            println!("{:?} and {:?}", before, held());
        }
        other => return crate::suspended::play(other) || crate::strays::play(other),
    }
    true
}

/// What a program has of the system: descriptors, children, threads, mappings, and names.
fn held() -> [usize; 5] {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let named = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("wr");
    [
        open_files(),
        children(),
        std::fs::read_dir("/proc/self/task").unwrap().count(),
        maps.lines().filter(|line| is_shared(line)).count(),
        std::fs::read_dir("/dev/shm").map_or(0, |dir| dir.flatten().filter(named).count()),
    ]
}

fn limit_to(what: Resource, most: u64) {
    let maximum = getrlimit(what).maximum;
    setrlimit(what, Rlimit { current: Some(most), maximum }).unwrap();
}

/// Gives this process and its workers a `/dev/shm` of their own that is soon full.
fn tiny_shared_memory() -> std::io::Result<()> {
    // SAFETY: only this process sees what is mounted, and the texts end with zeros.
    unsafe {
        if libc::unshare(libc::CLONE_NEWNS) != 0
            && libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) != 0
        {
            return Err(std::io::Error::last_os_error());
        }
        let mount =
            |what: &std::ffi::CStr, place: &std::ffi::CStr, flags, data: &std::ffi::CStr| {
                let (what, data) = (what.as_ptr(), data.as_ptr());
                match libc::mount(what, place.as_ptr(), what, flags, data.cast()) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            };
        mount(c"none", c"/", libc::MS_REC | libc::MS_PRIVATE, c"")?;
        mount(c"tmpfs", c"/dev/shm", 0, c"size=64k")
    }
}

/// Makes another build of a program: one bit of its build id, where it has one, and its length.
fn change_build(path: &str) {
    let mut program = std::fs::read(path).unwrap();
    // The name's length, the number's length, the kind of note, and the name.
    let head = [&4u32.to_le_bytes()[..], &20u32.to_le_bytes(), &3u32.to_le_bytes(), b"GNU\0"];
    let head = head.concat();
    if let Some(at) = program.windows(head.len()).position(|bytes| bytes == head) {
        program[at + head.len()] ^= 1;
    }
    program.push(0);
    let mut file = std::fs::File::options().write(true).truncate(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, &program).unwrap();
}
