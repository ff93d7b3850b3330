//! How workers live: hooks, replacement, limits, and many deaths at random.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::common::{system, within};
use windrow::dataset::{Dtype, Tensor};
use windrow::{Backend, Dataset, Loader, Result, WorkerContext, range};

const LIMIT: Duration = Duration::from_secs(120);

/// A worker's notes: a file for each of its processes.
fn note(folder: &Path, context: &WorkerContext, word: &str) {
    use std::io::Write;
    let name = format!("{}-{}", context.worker(), context.incarnation());
    let mut file =
        std::fs::File::options().create(true).append(true).open(folder.join(name)).unwrap();
    write!(file, "{word} ").unwrap();
}

fn noting(folder: PathBuf, context: &'static WorkerContext) -> Result<impl Dataset<Sample = u64>> {
    if context.is_process() {
        note(&folder, context, "recipe");
        let exits = folder.clone();
        context.on_exit(move || note(&exits, context, "exit"));
    }
    Ok(range(0..60).map(move |x| {
        note(&folder, context, "sample");
        x
    }))
}

fn hook_folder() -> PathBuf {
    std::env::var_os("WINDROW_TEST_FOLDER").unwrap().into()
}

fn at_start(context: &'static WorkerContext) -> Result<()> {
    note(&hook_folder(), context, "start");
    Ok(())
}

fn at_exit(context: &'static WorkerContext) {
    note(&hook_folder(), context, "end");
}

fn notes(folder: &Path) -> Vec<(String, String)> {
    let mut notes: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|file| {
            let text = std::fs::read_to_string(file.path()).unwrap();
            (file.file_name().into_string().unwrap(), text)
        })
        .collect();
    notes.sort();
    notes
}

#[test]
#[allow(unsafe_code)]
fn hooks_run_at_the_start_and_at_every_orderly_end() {
    within(LIMIT, || {
        let folder = tempfile::tempdir().unwrap();
        // SAFETY: nothing else in this test binary reads this variable or sets another.
        unsafe { std::env::set_var("WINDROW_TEST_FOLDER", folder.path()) };
        let builder = Loader::recipe(noting, folder.path().to_owned());
        let builder = builder.on_worker_start(at_start).on_worker_exit(at_exit);
        let builder = builder.backend(Backend::Processes).workers(2).max_samples_per_worker(7);
        assert_eq!(builder.build().unwrap().filter(Result::is_ok).count(), 60);
        let notes = notes(folder.path());
        assert!(notes.len() > 60 / 7, "{notes:?}");
        let mut samples = 0;
        for (process, words) in notes {
            let words: Vec<&str> = words.split_whitespace().collect();
            assert_eq!(words[..2], ["start", "recipe"], "{process}: {words:?}");
            assert_eq!(words[words.len() - 2..], ["exit", "end"], "{process}: {words:?}");
            assert!(words.len() <= 4 + 7, "{process}: {words:?}");
            samples += words.len() - 4;
        }
        assert_eq!(samples, 60);
    });
}

#[cfg(any(windows, all(target_os = "linux", not(windrow_portable))))]
fn growing(samples: u64, context: &WorkerContext) -> Result<impl Dataset<Sample = u32> + use<>> {
    let kept = std::sync::Mutex::new(Vec::new());
    let incarnation = context.incarnation();
    Ok(range(0..samples).map(move |x| {
        kept.lock().unwrap().push(vec![(x % 255) as u8 + 1; 4 << 20]);
        std::thread::sleep(Duration::from_millis(10));
        incarnation
    }))
}

#[cfg(any(windows, all(target_os = "linux", not(windrow_portable))))]
#[test]
fn a_worker_that_grows_is_replaced_between_samples() {
    within(LIMIT, || {
        // How much of a program's file is in memory under Wine differs.
        let samples = if system::is_wine() { 300 } else { 60 };
        let builder = Loader::recipe(growing, samples)
            .max_rss(system::program_bytes() + (40 << 20))
            .max_crashes(0)
            .max_losses(1);
        let loader = builder.backend(Backend::Processes).workers(1).build().unwrap();
        let incarnations: Vec<u32> = loader.map(|x| x.unwrap().into_inner()).collect();
        assert_eq!(incarnations.len() as u64, samples);
        assert!(incarnations.is_sorted() && *incarnations.last().unwrap() >= 2, "{incarnations:?}");
    });
}

#[cfg(any(windows, all(target_os = "linux", not(windrow_portable))))]
fn huge(_: (), _: &WorkerContext) -> Result<impl Dataset<Sample = u64>> {
    Ok(range(0..4).map(|x| {
        if x == 2 {
            let mut kept = Vec::new();
            for _ in 0..600 {
                kept.push(vec![1u8; 1 << 20]);
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        x
    }))
}

#[cfg(any(windows, all(target_os = "linux", not(windrow_portable))))]
#[test]
fn a_sample_that_takes_far_too_much_memory_is_lost_with_its_size() {
    within(LIMIT, || {
        let builder = Loader::recipe(huge, ()).max_rss(system::program_bytes() + (60 << 20));
        let loader = builder.backend(Backend::Processes).workers(2).build().unwrap();
        let outcomes: Vec<_> = loader.map(|x| x.map(|x| x.into_inner())).collect();
        let Err(windrow::Error::SampleLost { position: 2, attempts, .. }) = &outcomes[2] else {
            panic!("{outcomes:?}")
        };
        for loss in attempts {
            assert!(loss.how.contains("more than twice its limit"), "{loss:?}");
            assert!(loss.rss.unwrap() > 100 << 20, "{loss:?}");
        }
        assert_eq!(outcomes.iter().filter(|x| x.is_ok()).count(), 3);
    });
}

fn steady(pids: PathBuf, context: &WorkerContext) -> Result<impl Dataset<Sample = Tensor> + use<>> {
    let is_process = context.is_process();
    let known = std::sync::Once::new();
    Ok(range(0..5000).try_map(move |x| {
        // Not before it has started: three starts in a row that fail are an error.
        known.call_once(|| {
            if is_process {
                std::fs::write(pids.join(std::process::id().to_string()), "").unwrap();
            }
        });
        let start = Instant::now();
        while start.elapsed() < Duration::from_micros(500) {
            std::hint::spin_loop();
        }
        Tensor::build(Dtype::U8, [if x % 2 == 0 { 8 } else { 20_000 }], |out| {
            out.fill(x as u8);
            Ok(())
        })
    }))
}

#[test]
fn five_hundred_kills_over_five_thousand_samples_change_nothing() {
    within(4 * LIMIT, || {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().to_owned();
        let (killed, kills) = mpsc::sync_channel(1);
        let builder = Loader::recipe(steady, pids.clone()).max_losses(50).prefetch(30);
        let loader = builder.backend(Backend::Processes).workers(3).build().unwrap();
        std::thread::spawn(move || {
            let mut number = 12_345u64;
            loop {
                number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                std::thread::sleep(Duration::from_micros(500 + (number >> 33) % 4000));
                let Ok(files) = std::fs::read_dir(&pids) else { return };
                let files: Vec<_> = files.flatten().collect();
                let Some(file) = files.get((number >> 40) as usize % files.len().max(1)) else {
                    continue;
                };
                _ = std::fs::remove_file(file.path());
                let pid = file.file_name().to_str().unwrap().parse().unwrap();
                if system::kill(pid) && killed.send(()).is_err() {
                    return;
                }
            }
        });
        let mut expected = 0u64;
        // A process takes long to start there.
        let enough = if system::leave_to_windows("9 of 10 kills") { 500 } else { 5000 };
        for tensor in loader.take(enough) {
            let tensor = tensor.unwrap();
            assert_eq!(tensor.len(), if expected.is_multiple_of(2) { 8 } else { 20_000 });
            assert!(tensor.bytes().iter().all(|&byte| byte == expected as u8), "{expected}");
            expected += 1;
            // One kill for every ten samples, however fast the machine is. Workers that have made no
            // sample yet are not to be found, and while nobody takes samples they make none.
            let anyone = || std::fs::read_dir(&folder).unwrap().next().is_some();
            if expected.is_multiple_of(10) {
                while kills.recv_timeout(Duration::from_millis(20)).is_err() && anyone() {}
            }
        }
        assert_eq!(expected, enough as u64);
    });
}
