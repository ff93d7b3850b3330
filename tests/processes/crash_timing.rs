//! Workers that end at every moment of their lives, also the quiet ones.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize, Serializer};

use crate::common::{system, within};
use crate::faults::Deed;
use windrow::loader::LoaderBuilder;
use windrow::stage::Pipeline;
use windrow::{Backend, Dataset, Error, Fault, Loader, Result, WorkerContext, range};

const LIMIT: Duration = Duration::from_secs(60);

fn on<P: Pipeline>(builder: LoaderBuilder<P>) -> LoaderBuilder<P> {
    builder.backend(Backend::Processes).workers(2)
}

fn die() {
    Deed::Kill(9).done().unwrap();
}

/// When the first process in a worker's place dies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Moment {
    Recipe,
    Sample,
    Encoding,
    /// In what runs at an orderly end.
    Exit,
    PanicAtExit,
    /// When the dataset is dropped, at an orderly end.
    DatasetDrop,
    /// When a sample is dropped, after it was encoded.
    SampleDrop,
    Never,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Sample(u64, #[serde(skip)] Option<Moment>);

impl Serialize for Sample {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.1 == Some(Moment::Encoding) {
            die();
        }
        serializer.serialize_newtype_struct("Sample", &self.0)
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        if self.1 == Some(Moment::SampleDrop) {
            panic!("a sample does not want to go");
        }
    }
}

struct Ends(Option<Moment>);

impl Drop for Ends {
    fn drop(&mut self) {
        if self.0 == Some(Moment::DatasetDrop) {
            panic!("a dataset does not want to go");
        }
    }
}

fn momentary(
    (moment, exits): (Moment, PathBuf),
    context: &'static WorkerContext,
) -> Result<impl Dataset<Sample = Sample>> {
    let here = Some(moment).filter(|_| context.is_process() && context.incarnation() == 0);
    if here == Some(Moment::Recipe) {
        die();
    }
    let died = exits.join("died");
    if context.is_process() {
        let name = format!("{}-{}", context.worker(), context.incarnation());
        context.on_exit(move || std::fs::write(exits.join(name), "").unwrap());
        context.on_exit(move || match here {
            Some(Moment::Exit) => die(),
            Some(Moment::PanicAtExit) => panic!("an exit that is a panic"),
            _ => {}
        });
    }
    let ends = Ends(here);
    Ok(range(0..40).map(move |x| {
        let ends = &ends;
        // Once: a sample that two processes die of is lost.
        let here = ends.0.filter(|_| x == 7 && File::create_new(&died).is_ok());
        if here == Some(Moment::Sample) {
            die();
        }
        Sample(x, here)
    }))
}

#[test]
fn a_worker_killed_at_any_moment_costs_nothing() {
    use Moment::{DatasetDrop, Encoding, Exit, Never, PanicAtExit, Recipe, Sample};
    within(LIMIT, || {
        for moment in [Recipe, Sample, Encoding, Exit, PanicAtExit, DatasetDrop, Never] {
            let folder = tempfile::tempdir().unwrap();
            let recipe = Loader::recipe(momentary, (moment, folder.path().into()));
            let mut loader = on(recipe).max_samples_per_worker(10).build().unwrap();
            for x in 0..40 {
                assert_eq!(loader.next().unwrap().expect("no loss").0, x, "{moment:?}");
            }
            assert!(loader.next().is_none());
            drop(loader);
            // A process that ends in good order says so, whatever panics on the way.
            let ended = ["0-0", "1-0"].iter().any(|name| folder.path().join(name).exists());
            let lost = matches!(moment, Recipe | Sample | Encoding | Exit);
            assert!(ended || lost, "{moment:?}: no first process ended in good order");
        }
    });
}

#[test]
fn a_sample_that_panics_when_it_is_dropped_is_one_error() {
    within(LIMIT, || {
        let folder = tempfile::tempdir().unwrap();
        let recipe = Loader::recipe(momentary, (Moment::SampleDrop, folder.path().into()));
        let loader = on(recipe).workers(1).max_crashes(0).build().unwrap();
        let errors: Vec<_> = loader.filter_map(Result::err).collect();
        let [Error::Sample { position: 7, .. }] = &*errors else { panic!("{errors:?}") };
        assert!(errors[0].to_string().contains("does not want to go"), "{}", errors[0]);
    });
}

fn numbers(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..end))
}

#[test]
fn a_worker_killed_before_it_says_a_word_costs_nothing() {
    within(LIMIT, || {
        let folder = tempfile::tempdir().unwrap();
        let first = folder.path().join("first");
        let script =
            format!("mkdir {} 2> /dev/null && kill -9 $$; exec \"$0\" \"$@\"", first.display());
        let loader = on(Loader::recipe(numbers, 100)).worker_launcher("sh", ["-c".into(), script]);
        assert_eq!(loader.build().unwrap().filter(Result::is_ok).count(), 100);
        assert!(first.exists());
    });
}

fn pids(_: (), _: &WorkerContext) -> Result<impl Dataset<Sample = u32>> {
    Ok(range(0..200).map(|_| std::process::id()))
}

#[test]
fn workers_killed_while_they_have_nothing_to_do_cost_nothing() {
    within(LIMIT, || {
        let mut loader = on(Loader::recipe(pids, ())).prefetch(8).build().unwrap();
        let mut killed = 0;
        while let Some(pid) = loader.next() {
            let pid = pid.expect("no loss").into_inner();
            // Who made this sample may be gone already: samples are ahead of the caller.
            if system::is_child(pid) && killed < 20 {
                wait_until(|| loader.progress().workers.iter().all(Option::is_none));
                assert!(system::kill(pid));
                wait_until(|| !system::is_child(pid));
                killed += 1;
            }
        }
        assert_eq!((killed, loader.progress().position), (20, 200));
    });
}

fn wait_until(mut come: impl FnMut() -> bool) {
    let start = Instant::now();
    while !come() {
        assert!(start.elapsed() < LIMIT / 4, "it does not come");
        std::thread::yield_now();
    }
}

/// Faults of every kind, at random: what the sample at a position does the first time.
fn wild(
    (seed, folder): (u64, PathBuf),
    _: &WorkerContext,
) -> Result<impl Dataset<Sample = Vec<u8>>> {
    const DEEDS: [Option<Deed>; 24] = {
        let mut deeds = [None; 24];
        deeds[0] = Some(Deed::Kill(9));
        deeds[1] = Some(Deed::Exit(0));
        deeds[2] = Some(Deed::Abort);
        deeds[3] = Some(Deed::Garbage);
        deeds[4] = Some(Deed::Truncated);
        deeds[5] = Some(Deed::CloseChannel);
        deeds[6] = Some(Deed::Hang);
        deeds[7] = Some(Deed::Answer(99));
        deeds
    };
    Ok(range(0..150).random_map(seed, |x, rng| (x, rng.below(24))).try_map(move |(x, choice)| {
        let first = || std::fs::File::create_new(folder.join(x.to_string())).is_ok();
        if let Some(deed) = DEEDS[choice as usize].filter(|_| first()) {
            deed.done()?;
        }
        Ok::<_, Fault>(vec![x as u8; (choice * 500) as usize])
    }))
}

#[test]
fn any_mix_of_faults_gives_the_stream_of_none() {
    within(3 * LIMIT, || {
        for seed in 0..2 {
            let folder = tempfile::tempdir().unwrap();
            let config = (seed, folder.path().to_owned());
            // Faults can meet in a group of samples, and a worker that lies may take others' blame.
            let builder = on(Loader::recipe(wild, config.clone())).max_losses(10).digest();
            let mut loader =
                builder.sample_timeout(Duration::from_millis(150)).workers(3).build().unwrap();
            loader.by_ref().for_each(|sample| assert!(sample.is_ok(), "{sample:?}"));
            let deeds = std::fs::read_dir(folder.path()).unwrap().count();
            assert!(deeds > 25, "{deeds} deeds");
            // They are all done by now, so they are not done here.
            let here = Loader::recipe(wild, config).backend(Backend::Inline).digest();
            let mut here = here.build().unwrap();
            assert_eq!(here.by_ref().filter(Result::is_ok).count(), 150);
            assert_eq!(loader.digest(), here.digest(), "seed {seed}");
        }
    });
}

fn poisoned(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..end).map(move |x| {
        if [end / 2, end / 2 + 1, end - 1].contains(&x) {
            std::process::abort();
        }
        x
    }))
}

#[test]
fn neighbours_of_a_poisonous_sample_in_a_large_group_are_not_blamed() {
    within(LIMIT, || {
        let loader = on(Loader::recipe(poisoned, 30_000)).build().unwrap();
        let lost: Vec<_> = loader
            .enumerate()
            .filter_map(|(x, sample)| match sample {
                Ok(sample) => {
                    assert_eq!(*sample, x as u64);
                    None
                }
                Err(Error::SampleLost { position, index, attempts }) => {
                    assert_eq!((index, attempts.len()), (Some(position), 2), "{attempts:?}");
                    Some(position)
                }
                Err(error) => panic!("{error}"),
            })
            .collect();
        assert_eq!(lost, [15_000, 15_001, 29_999]);
    });
}

fn lingering(_: (), context: &WorkerContext) -> Result<impl Dataset<Sample = u64>> {
    if context.is_process() {
        context.on_exit(|| std::thread::sleep(Duration::from_secs(600)));
    }
    Ok(range(0..10))
}

#[test]
fn what_hangs_at_the_end_does_not_keep_a_loader_open() {
    within(LIMIT, || {
        let loader = on(Loader::recipe(lingering, ())).shutdown_timeout(Duration::from_millis(300));
        assert_eq!(loader.build().unwrap().filter(Result::is_ok).count(), 10);
    });
}

fn kept(
    bytes: u64,
    _: &WorkerContext,
) -> Result<impl Dataset<Sample = windrow::dataset::Tensor> + use<>> {
    Ok(range(0..200).try_map(move |x| {
        windrow::dataset::Tensor::from_slice([bytes], &vec![x as u8; bytes as usize])
    }))
}

#[test]
fn samples_may_be_dropped_in_any_order_in_any_thread_after_the_loader() {
    within(LIMIT, || {
        let (sender, receiver) = std::sync::mpsc::sync_channel(50);
        let other = std::thread::spawn(move || {
            let mut held: Vec<(usize, windrow::dataset::Tensor)> = Vec::new();
            let mut number = 7usize;
            for sample in receiver {
                held.push(sample);
                number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if held.len() > 30 {
                    let (x, tensor) = held.swap_remove((number >> 33) % held.len());
                    assert!(tensor.bytes().iter().all(|&byte| byte == x as u8), "{x}");
                }
            }
            held
        });
        let loader = on(Loader::recipe(kept, 30_000)).build().unwrap();
        for (x, sample) in loader.enumerate() {
            sender.send((x, sample.unwrap().into_inner())).unwrap();
        }
        drop(sender);
        // The loader and its workers are gone; what was received is still there.
        for (x, tensor) in other.join().unwrap() {
            assert!(tensor.bytes().iter().all(|&byte| byte == x as u8), "{x}");
        }
    });
}
