//! Tensors that are built where the loader reads them, and code in a worker that keeps them.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::common::within;
use windrow::dataset::{Dtype, Record, Stack, Tensor};
use windrow::{Backend, Dataset, Fault, Loader, Result, WorkerContext, range};

const LIMIT: Duration = Duration::from_secs(60);
const SAMPLES: u64 = 150;
const BYTES: u64 = 300_000;

/// What the code in a worker does with the tensors it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Habit {
    /// Keeps none.
    None,
    /// Keeps them all.
    Hoard,
    /// Keeps the last three.
    Recent,
    /// Keeps one in ten, and gives the last one it kept with each sample.
    Again,
    /// Gives one tensor under two names.
    Twice,
    /// Makes others on the way, before and after.
    Others,
    /// Makes them in another thread.
    Elsewhere,
}

use Habit::{Again, Elsewhere, Hoard, Others, Recent, Twice};

static KEPT: Mutex<VecDeque<(u64, Tensor)>> = Mutex::new(VecDeque::new());

fn pixels(x: u64) -> std::result::Result<Tensor, Fault> {
    Tensor::build(Dtype::U8, [BYTES], |out| {
        assert!(*out == [0; BYTES as usize], "memory of sample {x} is not zero");
        out.fill(x as u8);
        Ok(())
    })
}

fn is_of(tensor: &Tensor, x: u64) -> bool {
    tensor.bytes() == [x as u8; BYTES as usize]
}

fn sample(habit: Habit, x: u64) -> std::result::Result<Record, Fault> {
    let mut kept = KEPT.lock().unwrap();
    let torn = kept.iter().find(|(x, tensor)| !is_of(tensor, *x));
    if let Some((other, _)) = torn {
        return Err(Fault::new(format!("sample {other} has changed before sample {x}")));
    }
    let made = match habit {
        Elsewhere => std::thread::spawn(move || pixels(x)).join().unwrap()?,
        Others => {
            drop(pixels(x + 1)?);
            let made = pixels(x)?;
            drop(pixels(x + 2)?);
            made
        }
        _ => pixels(x)?,
    };
    let keeps = match habit {
        Hoard | Recent => true,
        Again => x.is_multiple_of(10),
        _ => false,
    };
    if keeps {
        kept.push_back((x, made.clone()));
    }
    if habit == Recent && kept.len() > 3 {
        kept.pop_front();
    }
    let second = match kept.back() {
        Some((x, tensor)) if habit == Again => Some((*x, tensor.clone())),
        _ => (habit == Twice).then(|| (x, made.clone())),
    };
    let record = Record::new().with("pixels", made)?;
    match second {
        Some((x, tensor)) => record.with("second", tensor)?.with("of", Tensor::scalar(x)),
        None => Ok(record),
    }
}

fn samples(habit: Habit, _: &WorkerContext) -> Result<impl Dataset<Sample = Record> + use<>> {
    Ok(range(0..SAMPLES).try_map(move |x| sample(habit, x)))
}

fn stacked(habit: Habit, _: &WorkerContext) -> Result<impl Dataset<Sample = Record> + use<>> {
    Ok(range(0..SAMPLES).try_map(move |x| sample(habit, x)).batch_with(4, Stack::new()))
}

#[test]
fn what_a_workers_code_keeps_is_never_written_over() {
    within(LIMIT, || {
        for habit in [Habit::None, Hoard, Recent, Again, Twice, Others, Elsewhere] {
            let loader = Loader::recipe(samples, habit).backend(Backend::Processes).workers(2);
            // The caller has some for a while, too.
            let mut held = VecDeque::new();
            for (x, batch) in loader.build().unwrap().enumerate() {
                let record = batch.unwrap().into_inner();
                if let Some(second) = record.get("second") {
                    let of = record["of"].to_vec::<u64>().unwrap()[0];
                    assert!(is_of(second, of), "{habit:?}: what came with sample {x}");
                }
                held.push_back((x as u64, record));
                if held.len() > 2 {
                    held.pop_front();
                }
                for (x, record) in &held {
                    assert!(is_of(&record["pixels"], *x), "{habit:?}: sample {x}");
                }
            }
            assert_eq!(held.back().map(|(x, _)| *x), Some(SAMPLES - 1), "{habit:?}");
        }
    });
}

#[test]
fn batches_that_are_stacked_in_a_slot_are_those_of_this_process() {
    within(LIMIT, || {
        for habit in [Habit::None, Others] {
            let here = Loader::recipe(stacked, habit).backend(Backend::Inline).build().unwrap();
            let there = Loader::recipe(stacked, habit).backend(Backend::Processes).workers(2);
            let mut batches = 0;
            for (here, there) in here.zip(there.build().unwrap()) {
                assert!(*here.unwrap() == *there.unwrap(), "{habit:?}: batch {batches}");
                batches += 1;
            }
            assert_eq!(batches, SAMPLES.div_ceil(4));
        }
    });
}

/// Tells this test, started again, that it runs where little shared memory is.
#[cfg(target_os = "linux")]
const LITTLE: &str = "WINDROW_TEST_LITTLE_SHM";

#[test]
#[cfg(target_os = "linux")]
fn a_full_dev_shm_costs_time_and_no_sample() {
    let name = "slots::a_full_dev_shm_costs_time_and_no_sample";
    if std::env::var_os(LITTLE).is_some() {
        let loader = Loader::recipe(samples, Habit::None).backend(Backend::Processes).workers(2);
        for (x, batch) in loader.build().unwrap().enumerate() {
            assert!(is_of(&batch.unwrap()["pixels"], x as u64), "sample {x}");
        }
        return;
    }
    within(LIMIT, move || {
        let run = |size: &str| {
            let mount = format!(
                "mount -t tmpfs -o size={size} tmpfs /dev/shm || exit 77; exec \"$0\" \"$@\""
            );
            let mut again = std::process::Command::new("unshare");
            again.args(["--mount", "sh", "-c", &mount]).arg(std::env::current_exe().unwrap());
            again.args(["--exact", name, "--nocapture"]).env(LITTLE, "1").output()
        };
        let output = match run("512k") {
            Ok(output) if output.status.code() != Some(77) && output.status.code() != Some(1) => {
                output
            }
            other => {
                println!("skipped: no private /dev/shm can be had here: {other:?}");
                return;
            }
        };
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{output:?}");
        // Memory without a name does not lie there.
        let warned = told.contains("no shared memory for samples of 600000 bytes")
            || told.contains("No space left");
        assert_eq!(warned, cfg!(windrow_portable), "{told}");
        if cfg!(windrow_portable) {
            let output = run("4k").unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && told.contains("No space left"), "{output:?}");
        }
    });
}

/// Tells this test, started again, whether it keeps what it receives.
const KEEPS: &str = "WINDROW_TEST_KEEPS";

fn late(first: Duration, _: &WorkerContext) -> Result<impl Dataset<Sample = Tensor> + use<>> {
    Ok(range(0..200).try_map(move |x| {
        if x == 0 {
            std::thread::sleep(first);
        }
        pixels(x)
    }))
}

#[test]
fn only_a_caller_that_keeps_samples_is_told_so() {
    let name = "slots::only_a_caller_that_keeps_samples_is_told_so";
    if let Ok(keeps) = std::env::var(KEEPS) {
        // The others wait for the first one, in slots, and are nobody's fault.
        let first = Duration::from_millis(if keeps == "no" { 1500 } else { 0 });
        let loader = Loader::recipe(late, first).backend(Backend::Processes).workers(2);
        let mut kept = Vec::new();
        for tensor in loader.prefetch_bytes(24 << 20).build().unwrap() {
            kept.extend((keeps == "yes").then_some(tensor));
        }
        return;
    }
    within(LIMIT, move || {
        for keeps in ["no", "yes"] {
            let mut again = std::process::Command::new(std::env::current_exe().unwrap());
            again.args(["--exact", name, "--nocapture"]).env(KEEPS, keeps);
            let output = again.output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{output:?}");
            assert_eq!(told.contains("keeps many samples"), keeps == "yes", "{told}");
        }
    });
}
