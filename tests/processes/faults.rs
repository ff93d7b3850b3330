//! Every way for a worker to end that is not an orderly one: the stream is the same as without.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::common::{system, within};
use windrow::loader::LoaderBuilder;
use windrow::stage::Pipeline;
use windrow::{Backend, Dataset, Error, Fault, Loader, OnError, Result, WorkerContext, range};

const LIMIT: Duration = Duration::from_secs(60);

/// What a sample does to its worker.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Deed {
    Kill(i32),
    Stop,
    Exit(i32),
    Abort,
    Segfault,
    Overflow,
    Hang,
    Panic,
    CloseChannel,
    Garbage,
    Truncated,
    /// Answers a task, by number, before it is done or though it was not given.
    Answer(u8),
    /// Announces more bytes than may be sent.
    Announce,
}

/// Does the deed at this position: the first time only, if there is a file to remember that in.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Plot {
    deed: Deed,
    position: u64,
    once: Option<PathBuf>,
    samples: u64,
}

impl Deed {
    /// Does it, whatever the sample is.
    pub(crate) fn done(self) -> Result<(), Fault> {
        self.run()
    }

    fn on(self, position: u64) -> Plot {
        Plot { deed: self, position, once: None, samples: 50 }
    }
}

impl Plot {
    fn once(self, folder: &tempfile::TempDir) -> Self {
        Self { once: Some(folder.path().join("done")), ..self }
    }
}

fn plotted(plot: Plot, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..plot.samples).try_map(move |x| {
        let fresh = |path: &PathBuf| std::fs::File::create_new(path).is_ok();
        if x == plot.position && plot.once.as_ref().is_none_or(fresh) {
            plot.deed.run()?;
        }
        Ok::<_, Fault>(x * 10)
    }))
}

impl Deed {
    #[allow(unsafe_code)]
    fn run(self) -> Result<(), Fault> {
        match self {
            Self::Kill(number) => system::end_self(number),
            Self::Stop => system::stop_self(),
            Self::Exit(code) => std::process::exit(code),
            Self::Abort => std::process::abort(),
            // SAFETY: it is not; that is the point.
            Self::Segfault => unsafe {
                std::ptr::without_provenance_mut::<u8>(8).write_volatile(1)
            },
            Self::Overflow => _ = std::hint::black_box(endless(1)),
            Self::Hang => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            Self::Panic => panic!("on purpose"),
            Self::CloseChannel => {
                system::close_channel();
                std::thread::sleep(Duration::from_secs(600));
            }
            // Two frames went before: the greeting, and that it is ready.
            Self::Answer(task) => {
                system::write_to_channel(&frame(21, 2, &[task, 1, 0, 0, 9, 9, 9]))
            }
            Self::Announce => {
                let endless = [0, 255, 255, 255, 255, 255, 255, 127];
                system::write_to_channel(&frame(19, 2, &endless));
            }
            Self::Garbage => system::write_to_channel(&[b'x'; 100]),
            Self::Truncated => {
                system::write_to_channel(b"WRW1\x01\0\x15\0\xff\0\0\0");
                system::end_self(9);
            }
        }
        Ok(())
    }
}

/// A frame as a worker would make it.
fn frame(kind: u8, sequence: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = b"WRW1\x01\0".to_vec();
    frame.extend([kind, 0, body.len() as u8, 0, 0, 0]);
    let end = [&[sequence, 0, 0, 0, 0, 0, 0, 0], body].concat();
    let mut sum = crc32fast::Hasher::new();
    sum.update(&frame);
    sum.update(&end);
    frame.extend(sum.finalize().to_le_bytes());
    [frame, end].concat()
}

#[allow(unconditional_recursion)]
fn endless(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 1000]);
    endless(depth + 1) + room[depth as usize % 1000]
}

fn on<P: Pipeline>(builder: LoaderBuilder<P>) -> LoaderBuilder<P> {
    builder.backend(Backend::Processes).workers(2)
}

fn received<P: Pipeline<Batch = u64>>(builder: LoaderBuilder<P>) -> Vec<Result<u64>>
where
    P::Sample: Send + 'static,
    P::Dataset: Send + Sync + 'static,
    P::Stages: Send + 'static,
{
    on(builder).build().unwrap().map(|batch| Ok(batch?.into_inner())).collect()
}

const DEEDS: [Deed; 11] = [
    Deed::Kill(9),
    Deed::Kill(15),
    Deed::Exit(0),
    Deed::Exit(3),
    Deed::Abort,
    Deed::Segfault,
    Deed::Overflow,
    Deed::CloseChannel,
    Deed::Garbage,
    Deed::Truncated,
    Deed::Kill(6),
];

#[test]
fn a_worker_that_ends_in_any_way_costs_nothing() {
    within(LIMIT, || {
        for deed in DEEDS {
            let folder = tempfile::tempdir().unwrap();
            let plot = deed.on(17).once(&folder);
            let got = received(Loader::recipe(plotted, plot));
            let got: Vec<u64> = got.into_iter().map(|x| x.expect("no loss")).collect();
            assert_eq!(got, (0..50).map(|x| x * 10).collect::<Vec<u64>>(), "{deed:?}");
        }
    });
}

#[test]
fn a_sample_that_kills_every_worker_is_given_up_in_its_place() {
    within(LIMIT, || {
        for (deed, how) in [
            (Deed::Kill(9), system::KILLED),
            (Deed::Exit(0), "exited with code 0"),
            (Deed::Exit(3), "exited with code 3"),
            (Deed::Abort, system::ABORTED),
            (Deed::Segfault, system::STRAYED),
            (Deed::Overflow, system::OVERFLOWED),
            (Deed::Garbage, "not a frame"),
            (Deed::CloseChannel, "e"),
        ] {
            let overflow = matches!(deed, Deed::Overflow);
            if overflow && system::leave_to_windows("a stack overflow exits with code 0 there") {
                continue;
            }
            let got = received(Loader::recipe(plotted, deed.on(17)));
            assert_eq!(got.len(), 50, "{deed:?}");
            for (x, outcome) in got.into_iter().enumerate() {
                match outcome {
                    Ok(value) => assert_eq!(value, x as u64 * 10),
                    Err(Error::SampleLost { position: 17, index, attempts }) => {
                        assert!(index == Some(17) || matches!(deed, Deed::Garbage), "{index:?}");
                        assert_eq!((x, attempts.len()), (17, 2), "{deed:?}: {attempts:?}");
                        for loss in attempts {
                            assert!(loss.how.contains(how), "{deed:?}: {loss:?}");
                            let garbage = matches!(deed, Deed::Garbage);
                            assert!(garbage || loss.stage == "computing the sample", "{loss:?}");
                        }
                    }
                    Err(error) => panic!("{deed:?}: {error}"),
                }
            }
        }
    });
}

#[test]
fn a_worker_that_lies_in_good_form_is_found_out_and_costs_nothing() {
    within(LIMIT, || {
        for (deed, how) in [
            (Deed::Answer(0), "an invalid payload"),
            (Deed::Answer(99), "a task that was not its turn"),
            (Deed::Announce, "bytes; 17179869184 are allowed"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let got = received(Loader::recipe(plotted, deed.on(0).once(&folder)));
            let got: Vec<u64> = got.into_iter().map(|x| x.expect("no loss")).collect();
            assert_eq!(got, (0..50).map(|x| x * 10).collect::<Vec<u64>>(), "{deed:?}");
            let got = received(Loader::recipe(plotted, deed.on(0)).max_losses(1));
            let Err(Error::SampleLost { position: 0, attempts, .. }) = &got[0] else {
                panic!("{deed:?}: {:?}", got[0])
            };
            // The lie has the number of a worker's first answer. Where the worker was not quick enough
            // to be given position 0 first, it is the number that gives it away.
            let number = "it sent frame 2 where";
            let told = &attempts[0].how;
            assert!(told.contains(how) || told.contains(number), "{attempts:?}");
            assert_eq!(got.iter().filter(|x| x.is_ok()).count(), 49);
        }
    });
}

#[test]
fn a_sample_that_was_lost_can_be_skipped() {
    within(LIMIT, || {
        let builder = Loader::recipe(plotted, Deed::Kill(9).on(3)).on_error(OnError::Skip);
        let mut loader = on(builder).build().unwrap();
        let got: Vec<u64> = loader.by_ref().map(|x| x.unwrap().into_inner()).collect();
        assert_eq!(got.len(), 49);
        assert_eq!(loader.skips().count(), 1);
    });
}

#[test]
fn a_stuck_or_stopped_worker_is_killed_after_its_time() {
    within(LIMIT, || {
        for deed in [Deed::Hang, Deed::Stop] {
            let start = Instant::now();
            let timeout = Duration::from_millis(200);
            let got = received(Loader::recipe(plotted, deed.on(5)).sample_timeout(timeout));
            let lost: Vec<_> = got.iter().filter_map(|x| x.as_ref().err()).collect();
            let [Error::SampleLost { position: 5, attempts, .. }] = &*lost else {
                panic!("{deed:?}: {lost:?} of {}", got.len())
            };
            assert!(attempts.iter().all(|loss| loss.how.contains("200ms")), "{attempts:?}");
            assert!(start.elapsed() >= 2 * timeout);
        }
    });
}

#[test]
fn a_panic_is_the_sample_s_own_fault_and_costs_no_worker() {
    within(LIMIT, || {
        let got = received(Loader::recipe(plotted, Deed::Panic.on(5)).max_crashes(0));
        let errors: Vec<_> = got.iter().filter_map(|x| x.as_ref().err()).collect();
        assert!(matches!(&*errors, [Error::Sample { position: 5, .. }]), "{errors:?}");
    });
}

fn always_dies(_: (), _: &WorkerContext) -> Result<impl Dataset<Sample = u64>> {
    Ok(range(0..1000).map(|x| if x < 1000 { std::process::abort() } else { x }))
}

#[test]
fn workers_that_all_die_are_one_error_and_then_the_end() {
    within(LIMIT, || {
        let builder = on(Loader::recipe(always_dies, ())).max_crashes(4).max_losses(1000);
        let mut loader = builder.build().unwrap();
        let error = loader.next().unwrap().unwrap_err();
        let Error::Workers { why } = &error else { panic!("{error}") };
        assert!(
            why.contains("5 workers were lost in a row") && why.contains(system::ABORTED),
            "{why}"
        );
        assert!(loader.next().is_none());
        assert_eq!(loader.progress().position, 0);
    });
}

/// How a recipe fails to open in a worker.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Start {
    Error,
    Panic,
    Exit,
    Kill,
    Sleep,
    Other,
}

fn fails_to_start(
    start: Start,
    context: &WorkerContext,
) -> Result<impl Dataset<Sample = u64> + use<>> {
    let mut end = 10;
    if context.is_process() {
        println!("a recipe may print");
        match start {
            Start::Error => return Err(Error::io("open the data", std::io::Error::other("gone"))),
            Start::Panic => panic!("the recipe panicked on purpose"),
            Start::Exit => std::process::exit(0),
            Start::Kill => Deed::Kill(9).run().unwrap(),
            Start::Sleep => std::thread::sleep(Duration::from_secs(600)),
            Start::Other => end = 11,
        }
    }
    Ok(range(0..end))
}

#[test]
fn a_recipe_that_fails_in_the_worker_is_reported_once_by_build() {
    within(LIMIT, || {
        for (start, part) in [
            (Start::Error, "open the data: gone"),
            (Start::Panic, "the recipe panicked on purpose"),
            (Start::Exit, "without calling windrow::init()"),
            (Start::Kill, system::KILLED),
            (Start::Sleep, "after 300ms"),
            (Start::Other, "11 positions"),
        ] {
            let builder = on(Loader::recipe(fails_to_start, start));
            let limit = if part == "after 300ms" { 300 } else { 20_000 };
            let error = builder.startup_timeout(Duration::from_millis(limit)).build().unwrap_err();
            assert!(matches!(error, Error::Workers { .. }), "{start:?}: {error}");
            assert!(error.to_string().contains(part), "{start:?}: {error}");
            assert_eq!(error.to_string().matches("worker processes").count(), 1, "{error}");
        }
    });
}
