//! Programs whose fork server or whose workers die at bad moments, and one that lies about itself.

use std::time::Duration;

use rustix::process::{Signal, getppid, kill_process};
use windrow::loader::LoaderBuilder;
use windrow::stage::Pipeline;
use windrow::{Backend, Dataset, Error, Loader, Result, WorkerContext, range};

use crate::roles::{numbers, run_by};
use crate::system::{end_self, is_running};

/// What becomes of the server, and of the openings after the first one.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Plot {
    mark: String,
    /// What the seventh sample does to the parent of its process, by the number of a signal.
    signal: i32,
    /// Whether every try of it does.
    always: bool,
    /// So many openings after the first fail.
    fails: u32,
    /// And the next takes for ever.
    hangs: bool,
    samples: u64,
}

impl Plot {
    fn new(signal: i32) -> Self {
        let mark = std::env::var("MARK").unwrap();
        Self { mark, signal, always: false, fails: 0, hangs: false, samples: 100 }
    }

    /// Whether this is the first call with this name, whatever process it is in.
    fn first(&self, name: &str) -> bool {
        std::fs::File::create_new(format!("{}{name}", self.mark)).is_ok()
    }
}

fn plotted(plot: Plot, context: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    if context.is_process() {
        let number = (0..).find(|number| plot.first(&format!("open-{number}"))).unwrap();
        if (1..=plot.fails).contains(&number) {
            end_self(9);
        }
        if plot.hangs && number == plot.fails + 1 {
            _ = plot.first("hangs");
            std::thread::sleep(Duration::from_secs(600));
        }
    }
    let is_process = context.is_process();
    Ok(range(0..plot.samples).map(move |x| {
        if x == 7 && is_process && (plot.always || plot.first("seventh")) {
            if plot.signal > 0 {
                let signal = Signal::from_named_raw(plot.signal).unwrap();
                kill_process(getppid().unwrap(), signal).unwrap();
            }
            // On Linux its parent's end is its own.
            if plot.signal != libc::SIGKILL {
                end_self(9);
            }
            std::thread::sleep(Duration::from_secs(if cfg!(windrow_portable) { 0 } else { 600 }));
        }
        x
    }))
}

fn printing(end: u64, context: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    if context.is_process() && std::env::var("WINDROW_START_METHOD").unwrap() != "spawn" {
        print!("opened ");
    }
    Ok(range(0..end))
}

/// Each sample says whether its process has the variable that makes one a worker.
fn marked(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..end).map(|_| u64::from(std::env::var_os("WINDROW_WORKER").is_some())))
}

/// Says how many samples of a loader were made in processes with that variable.
fn count_marked() {
    let loader = Loader::recipe(marked, 100).backend(Backend::Processes).workers(2);
    let marked: u64 = loader.build().unwrap().map(|x| *x.unwrap()).sum();
    println!("{marked} of 100 could start more");
}

fn drained<P: Pipeline<Batch = u64>>(builder: LoaderBuilder<P>) -> String
where
    P::Sample: Send + 'static,
    P::Dataset: Send + Sync + 'static,
    P::Stages: Send + 'static,
{
    let batches: Vec<_> = match builder.backend(Backend::Processes).build() {
        Ok(loader) => loader.map(|batch| batch.map(|batch| *batch)).collect(),
        Err(error) => return format!("error: {error}"),
    };
    if let Some(Err(error @ Error::Workers { .. })) = batches.last() {
        return format!("error: {error}");
    }
    let good = (0..).zip(&batches).filter(|(x, batch)| matches!(batch, Ok(y) if x == y)).count();
    format!("{good} of {} are good", batches.len())
}

/// Plays a role, if it is one of these.
pub fn play(role: &str) -> bool {
    match role {
        "server dies" => {
            let plot = Plot { fails: 5, ..Plot::new(libc::SIGKILL) };
            println!("{}", drained(Loader::recipe(plotted, plot).workers(2)));
        }
        "server dies once" => {
            // One loss, however many workers it takes along.
            let builder = Loader::recipe(plotted, Plot::new(libc::SIGKILL)).workers(4);
            println!("{}", drained(builder.max_crashes(1)));
        }
        "server stops" => {
            let plot = Plot::new(libc::SIGSTOP);
            // Another worker could make the rest before this one is replaced.
            println!("{}", drained(Loader::recipe(plotted, plot).workers(1)));
        }
        "server opens" => {
            let plot = Plot { hangs: true, ..Plot::new(libc::SIGKILL) };
            let hangs = format!("{}hangs", plot.mark);
            let builder = Loader::recipe(plotted, plot).backend(Backend::Processes).workers(2);
            let mut loader = builder.startup_timeout(Duration::from_secs(600)).build().unwrap();
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            while !std::path::Path::new(&hangs).exists() {
                _ = loader.poll_next(&mut context);
                std::thread::sleep(Duration::from_millis(1));
            }
            loader.close();
            println!("it was closed in time");
        }
        "server always dies" => {
            let plot = Plot { always: true, samples: 20, ..Plot::new(libc::SIGKILL) };
            let builder = Loader::recipe(plotted, plot).workers(2).max_losses(1);
            let batches: Vec<_> = builder.backend(Backend::Processes).build().unwrap().collect();
            let good = batches.iter().filter(|batch| batch.is_ok()).count();
            let lost = batches.iter().find_map(|batch| match batch {
                Err(Error::SampleLost { position: 7, attempts, .. }) => {
                    Some(attempts[0].how.clone())
                }
                _ => None,
            });
            let how = lost.unwrap_or_else(|| format!("{batches:?}"));
            let right = how.contains("its fork server is gone") && !how.contains("SIGCHLD");
            let how = if right { "killed with its fork server" } else { &how };
            println!("{good} of {} are good: {how}", batches.len());
        }
        "starts fail" => {
            let plot = Plot { fails: 5, ..Plot::new(0) };
            if std::env::var("WINDROW_START_METHOD").is_ok_and(|method| method != "spawn") {
                // There the server opens the pipeline, not the worker.
                let plot = Plot { signal: libc::SIGKILL, ..plot };
                println!("{}", drained(Loader::recipe(plotted, plot.clone()).workers(1)));
                let plot = Plot { mark: plot.mark + "again-", ..plot };
                println!("{}", drained(Loader::recipe(plotted, plot).workers(1).max_crashes(3)));
                return true;
            }
            println!("{}", drained(Loader::recipe(plotted, plot.clone()).workers(1)));
            let plot = Plot { mark: plot.mark + "again-", ..plot };
            println!("{}", drained(Loader::recipe(plotted, plot).workers(1).max_crashes(3)));
        }
        "prints" => {
            print!("loading ");
            let said = drained(Loader::recipe(printing, 100).workers(3));
            assert_eq!(said, "100 of 100 are good");
            if std::env::var("WINDROW_START_METHOD").unwrap() == "spawn" {
                print!("opened ");
            }
        }
        "alone" => count_marked(),
        "sealed" => {
            forbid_death_signals();
            println!("{}", drained(Loader::recipe(numbers, 100).workers(2)));
        }
        "bystander" => {
            let mut bystander = std::process::Command::new("sleep").arg("600").spawn().unwrap();
            // SAFETY: no other thread is there yet.
            unsafe { std::env::set_var("BYSTANDER", bystander.id().to_string()) };
            let builder = Loader::recipe(numbers, 10).registered_as("numbers").workers(1);
            let builder = run_by(builder).startup_timeout(Duration::from_millis(500));
            println!("{}", drained(builder));
            let lives = is_running(bystander.id());
            println!("the bystander {}", if lives { "lives" } else { "is dead" });
            _ = bystander.kill();
            _ = bystander.wait();
        }
        _ => return false,
    }
    true
}

/// Starts a thread before `init`.
pub fn has_threads() -> bool {
    std::thread::spawn(|| std::thread::sleep(Duration::from_secs(600)));
    windrow::init();
    count_marked();
    true
}

/// Greets as a worker does and names another process as itself, started by this one.
pub fn imposes() -> bool {
    fn text(body: &mut Vec<u8>, text: &str) {
        number(body, text.len() as u64);
        body.extend(text.as_bytes());
    }
    fn number(body: &mut Vec<u8>, mut number: u64) {
        while number > 127 {
            body.push(number as u8 | 128);
            number >>= 7;
        }
        body.push(number as u8);
    }
    let mut body = Vec::new();
    let (arch, os, bits) = (std::env::consts::ARCH, std::env::consts::OS, usize::BITS);
    number(&mut body, 1);
    text(&mut body, env!("CARGO_PKG_VERSION"));
    text(&mut body, &format!("{arch}-{os}-{bits}"));
    text(&mut body, "");
    number(&mut body, std::env::var("BYSTANDER").unwrap().parse().unwrap());
    number(&mut body, std::process::id().into());
    let mut frame = b"WRW1\x01\0\x10\0".to_vec();
    frame.extend((body.len() as u32).to_le_bytes());
    let end = [&[0; 8], &*body].concat();
    let mut sum = crc32fast::Hasher::new();
    sum.update(&frame);
    sum.update(&end);
    frame.extend(sum.finalize().to_le_bytes());
    frame.extend(end);
    rustix::io::write(rustix::stdio::stdin(), &frame).unwrap();
    std::thread::sleep(Duration::from_secs(600));
    true
}

/// Lets no process ask from now on to be ended with its parent.
fn forbid_death_signals() {
    let rule = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let end = libc::BPF_RET | libc::BPF_K;
    let mut rules = [
        rule(load, 0, 0, 0),
        rule(equal, 0, 3, libc::SYS_prctl as u32),
        rule(load, 0, 0, if cfg!(target_endian = "big") { 20 } else { 16 }),
        rule(equal, 0, 1, libc::PR_SET_PDEATHSIG as u32),
        rule(end, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        rule(end, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: rules.len() as u16, filter: rules.as_mut_ptr() };
    // SAFETY: the rules are read by the call and only make one other call fail.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let filter = libc::SECCOMP_MODE_FILTER;
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, filter, &raw const program), 0);
    }
}
