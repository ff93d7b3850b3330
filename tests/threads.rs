//! What the backend `threads` promises beyond the samples: bounds, shutdown, no traces.

mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use common::within;
use windrow::backend::{ExecutionBackend, Task, Threads};
use windrow::{Backend, Dataset, Error, Loader, Result, WorkerContext, range};

const LIMIT: Duration = Duration::from_secs(60);

/// Holds samples back until it is opened, and counts those that wait.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    changed: Condvar,
    waiting: AtomicU64,
}

impl Gate {
    fn pass(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut open = self.open.lock().unwrap();
        self.changed.notify_all();
        while !*open {
            open = self.changed.wait(open).unwrap();
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.changed.notify_all();
    }

    /// Waits until so many samples wait.
    fn until(&self, count: u64) {
        let mut open = self.open.lock().unwrap();
        while self.waiting.load(Ordering::SeqCst) < count {
            open = self.changed.wait_timeout(open, Duration::from_millis(10)).unwrap().0;
        }
    }
}

fn threads() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("Threads:")).unwrap_or("0");
    line.trim_start_matches("Threads:").trim().parse().unwrap()
}

#[test]
fn a_stuck_sample_is_named_and_does_not_hold_the_shutdown_up() {
    within(LIMIT, || {
        let gate = Arc::new(Gate::default());
        let theirs = gate.clone();
        let samples = range(0..100).map(move |x| {
            if x == 7 {
                theirs.pass();
            }
            x
        });
        let mut backend = Threads::new(samples, 2).unwrap();
        for (id, start) in [(0, 5), (1, 7), (2, 8)] {
            backend.submit(Task { id, start, count: 1 }).unwrap();
        }
        gate.until(1);
        assert!(backend.activity().contains(&Some(7)));
        assert_eq!(backend.shutdown(Duration::from_millis(50)), [7]);
        gate.open();
    });
}

#[test]
fn a_loader_dropped_in_the_middle_leaves_no_thread() {
    if !cfg!(target_os = "linux") {
        println!("not run: threads are counted in /proc");
        return;
    }
    within(LIMIT, || {
        // Other tests of this binary come and go, so only growth beyond what they use counts.
        let before = threads();
        for _ in 0..200 {
            let samples = range(0..1_000_000).map(|x| x).batch(10);
            let mut loader =
                Loader::builder(samples).backend(Backend::Threads).workers(4).build().unwrap();
            assert!(loader.next().unwrap().is_ok());
        }
        assert!(threads() < before + 100, "{} threads, {before} before", threads());
    });
}

#[test]
fn a_loader_that_is_closed_has_ended_its_threads_with_what_they_kept() {
    struct Kept(Arc<AtomicU64>);
    impl Drop for Kept {
        fn drop(&mut self) {
            for _ in 0..100 {
                std::thread::yield_now();
            }
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    thread_local! {
        static KEPT: std::cell::OnceCell<Kept> = const { std::cell::OnceCell::new() };
    }
    within(LIMIT, || {
        for _ in 0..20 {
            let kept = Arc::new(AtomicU64::new(0));
            let theirs = kept.clone();
            let samples = range(0..1_000).map(move |x| {
                KEPT.with(|place| {
                    place.get_or_init(|| {
                        theirs.fetch_add(1, Ordering::SeqCst);
                        Kept(theirs.clone())
                    });
                });
                x
            });
            let mut loader =
                Loader::builder(samples).backend(Backend::Threads).workers(3).build().unwrap();
            assert_eq!(loader.by_ref().count(), 1_000);
            assert!(loader.close().is_empty());
            assert_eq!(kept.load(Ordering::SeqCst), 0);
        }
    });
}

#[test]
fn no_more_samples_are_ahead_than_asked() {
    within(LIMIT, || {
        let made = Arc::new(AtomicU64::new(0));
        let counted = made.clone();
        let samples = range(0..2_000).map(move |x| {
            counted.fetch_add(1, Ordering::SeqCst);
            x
        });
        let loader = Loader::builder(samples)
            .backend(Backend::Threads)
            .workers(4)
            .prefetch(6)
            .build()
            .unwrap();
        for (received, sample) in loader.enumerate() {
            assert_eq!(*sample.unwrap(), received as u64);
            let ahead = made.load(Ordering::SeqCst) - received as u64;
            assert!(ahead <= 7, "{ahead} samples are made, of which one was received");
        }
    });
}

#[test]
fn no_more_bytes_are_ahead_than_asked() {
    const BYTES: u64 = 100_000;
    within(LIMIT, || {
        let made = Arc::new(AtomicU64::new(0));
        let counted = made.clone();
        let samples = range(0..500).map(move |x| {
            counted.fetch_add(1, Ordering::SeqCst);
            vec![x as u8; BYTES as usize]
        });
        let loader = Loader::builder(samples)
            .backend(Backend::Threads)
            .workers(2)
            .prefetch_bytes(10 * BYTES)
            .build()
            .unwrap();
        let mut most = 0;
        for (received, sample) in loader.enumerate() {
            assert_eq!(sample.unwrap().len() as u64, BYTES);
            most = most.max(made.load(Ordering::SeqCst) - received as u64);
        }
        // Ten, and the one that was just received.
        assert!(most <= 11, "{most} samples of {BYTES} bytes were ahead");
    });
}

#[test]
fn dropping_a_loader_does_not_make_the_samples_that_are_left() {
    within(LIMIT, || {
        let made = Arc::new(AtomicU64::new(0));
        let counted = made.clone();
        let samples = range(0..u64::MAX).map(move |x| counted.fetch_add(1, Ordering::SeqCst) + x);
        let mut loader =
            Loader::builder(samples).backend(Backend::Threads).workers(2).build().unwrap();
        assert!(loader.next().unwrap().is_ok());
        assert!(loader.close().is_empty());
        let after = made.load(Ordering::SeqCst);
        std::thread::yield_now();
        assert_eq!(made.load(Ordering::SeqCst), after);
    });
}

#[test]
fn a_loader_can_move_to_another_thread_and_its_parts_too() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    let mut loader = send(Loader::builder(range(0..4).batch(2)).build().unwrap());
    let batch = std::thread::spawn(move || loader.next().unwrap().unwrap()).join().unwrap();
    assert_eq!(send(batch).into_inner(), [0, 1]);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let wrong = |builder: windrow::loader::LoaderBuilder<_>| match builder.build() {
        Err(Error::Setting { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    let builder = || Loader::builder(range(0..3));
    assert_eq!(wrong(builder().prefetch(0)), "prefetch");
    assert_eq!(wrong(builder().prefetch_bytes(0)), "prefetch_bytes");
    assert_eq!(wrong(builder().workers(1025)), "workers");
    assert_eq!(wrong(builder().backend(Backend::Threads).workers(0)), "workers");
    assert_eq!(builder().workers(0).build().unwrap().backend().name, "inline");
    let error = builder().backend(Backend::Processes).build().unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
}

/// What the loaders of this program log.
struct Lines(Mutex<Vec<(String, String)>>);

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }

    fn log(&self, record: &log::Record) {
        let line = (record.target().to_owned(), record.args().to_string());
        self.0.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

#[test]
fn a_program_with_a_logger_gets_what_loaders_log() {
    static LINES: Lines = Lines(Mutex::new(Vec::new()));
    log::set_logger(&LINES).unwrap();
    log::set_max_level(log::LevelFilter::Debug);
    let loader = Loader::builder(range(0..3)).backend(Backend::Threads).workers(2);
    assert_eq!(loader.build().unwrap().count(), 3);
    let lines = LINES.0.lock().unwrap();
    let logged =
        |target: &str, text: &str| lines.iter().any(|line| line.0 == target && line.1 == text);
    assert!(logged("windrow::threads", "started 2 threads"), "{lines:?}");
    assert!(logged("windrow::loader", "threads, 2 workers, from position 0"), "{lines:?}");
}

/// A sample that no other process could be sent.
struct Local(u64);

fn local(end: u64, context: &WorkerContext) -> Result<impl Dataset<Sample = Local> + use<>> {
    assert!(end > 0, "nothing to load");
    assert!(!context.is_process());
    Ok(range(0..end).map(Local))
}

#[test]
fn recipes_of_this_process_need_no_serde() {
    static HOOKS: AtomicU64 = AtomicU64::new(0);
    for (backend, name) in
        [(Backend::Auto, "threads"), (Backend::Threads, "threads"), (Backend::Inline, "inline")]
    {
        let loader = Loader::recipe_in_process(local, 5).backend(backend).workers(2);
        let loader = loader.on_worker_start(|_| {
            HOOKS.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        let loader = loader.on_worker_exit(|_| _ = HOOKS.fetch_add(100, Ordering::SeqCst));
        let loader = loader.build().unwrap();
        assert_eq!(loader.backend().name, name);
        assert!(loader.map(|sample| sample.unwrap().0).eq(0..5));
        assert_eq!(HOOKS.swap(0, Ordering::SeqCst), 101, "{name}");
    }
    let refused =
        |builder: windrow::loader::LoaderBuilder<_>| builder.build().unwrap_err().to_string();
    let message = refused(Loader::recipe_in_process(local, 5).backend(Backend::Processes));
    assert!(message.contains("Loader::recipe"), "{message}");
    let message = refused(Loader::recipe_in_process(local, 0));
    assert!(message.contains("the recipe") && message.contains("nothing to load"), "{message}");
}
