//! What a resume costs: the samples made again, and the bytes of the state, for every stage.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use windrow::dataset::{AsVec, PackFields, PadFields, Padding, Record, Stack, Tensor};
use windrow::loader::{LoaderBuilder, MixStreams, ZipStreams};
use windrow::stage::{DropRate, Fit, ParallelPipeline};
use windrow::{Dataset, Fault, Loader, State, interleave, range};

use super::{LIMIT, within};

/// Counts the samples that a pipeline makes.
type Made = Arc<AtomicU64>;

/// Resumes a run at each of these places, which count the samples made. Returns the samples that the
/// resumed run makes before its next result, and the bytes of the state.
fn costs_of<R: Iterator, S>(
    build: impl Fn(&Made, Option<&S>) -> R,
    state_of: impl Fn(&R) -> S,
    bytes: impl Fn(&S) -> usize,
    places: &[u64],
) -> Vec<(u64, usize)> {
    let made = Made::default();
    let mut run = build(&made, None);
    let resumed = |place: &u64| {
        while made.load(Ordering::Relaxed) < *place {
            run.next().unwrap();
        }
        let (state, again) = (state_of(&run), Made::default());
        build(&again, Some(&state)).next().unwrap();
        (again.load(Ordering::Relaxed), bytes(&state))
    };
    places.iter().map(resumed).collect()
}

/// Workers that make one sample at a time, so that no sample is made in vain.
fn one_by_one<P: ParallelPipeline>(pipeline: P, state: Option<&State>) -> Loader<P::Batch> {
    let builder: LoaderBuilder<P> = Loader::builder(pipeline).prefetch(1).workers(0);
    builder.resume_if(state).build().unwrap()
}

/// The costs of a pipeline.
fn cost<P: ParallelPipeline>(make: impl Fn(Made) -> P, places: &[u64]) -> Vec<(u64, usize)> {
    let build = |made: &Made, state: Option<&State>| one_by_one(make(made.clone()), state);
    costs_of(build, Loader::state, |state| state.to_json().len(), places)
}

fn lengths(samples: u64, made: Made) -> impl Dataset<Sample = Record> + Send + Sync + 'static {
    range(0..samples).shuffle(3).try_map(move |x| {
        made.fetch_add(1, Ordering::Relaxed);
        let length = 1 + x * 7 % 600;
        Record::new().with("tokens", Tensor::from_vec([length], vec![0u8; length as usize])?)
    })
}

fn numbers(samples: u64, made: Made) -> impl Dataset<Sample = u64> + Send + Sync + 'static {
    range(0..samples).shuffle(3).map(move |x| {
        made.fetch_add(1, Ordering::Relaxed);
        x
    })
}

fn length(record: &Record) -> u64 {
    record["tokens"].len()
}

fn tokens(length: u64) -> PackFields {
    PackFields::new([("tokens", length)])
}

/// Calls `see` with what a resume of each stage costs, at some places of a run over so many samples.
fn costs(samples: u64, places: &[u64], see: impl Fn(&str, u64, u64, usize)) {
    let told = |name: &str, costs: Vec<(u64, usize)>| {
        for (place, (made, bytes)) in places.iter().zip(costs) {
            see(name, *place, made, bytes);
        }
    };
    macro_rules! of {
        ($name:literal, $source:ident $ordered:ident => $stage:expr) => {
            let make = |made| {
                let $ordered = $source(samples, made).ordered();
                $stage
            };
            told($name, cost(make, places));
        };
    }
    of!("map", numbers x => x.map(|x| x));
    of!("filter with drop_rate", numbers x => {
        x.filter(|x| x % 3 > 0).drop_rate(DropRate::per(1000).fail_above(900))
    });
    of!("flat_map", numbers x => x.flat_map(|x| [x; 3]));
    of!("skip, then limit", numbers x => x.skip(10).limit(u64::MAX));
    of!("batch of 32", numbers x => x.batch(32));
    of!("batch of 32, then unbatch and batch of 50", numbers x => x.batch(32).unbatch().batch(50));
    of!("padded batch of 32", lengths x => {
        let padding = Padding::new(0.0).to([Some(400)]).truncate().lengths("lengths");
        x.batch_with(32, PadFields::new([("tokens", padding)]))
    });
    of!("pack first, 64 open", lengths x => x.pack(Fit::First, 64, tokens(1024)));
    of!("pack best, 64 open", lengths x => x.pack(Fit::Best, 64, tokens(1024)));
    of!("pack best, then batch", lengths x => {
        x.pack(Fit::Best, 64, tokens(1024)).batch_with(8, Stack::new())
    });
    of!("concat_then_split", lengths x => x.concat_then_split(tokens(1024)));
    of!("concat_then_split, then batch", lengths x => {
        x.concat_then_split(tokens(1024)).batch_with(8, Stack::new())
    });
    of!("batch_by_budget", lengths x => x.batch_by_budget(8192, length, AsVec));
    of!("bucket_by_length", lengths x => {
        x.bucket_by_length([100, 200, 300, 400, 500], 32, length, AsVec)
    });
    let halves = |record: Record| [record.clone(), record];
    of!("flat_map, then pack best and batch", lengths x => {
        x.flat_map(halves).pack(Fit::Best, 64, tokens(1024)).batch_with(8, Stack::new())
    });
    of!("flat_map, then batch_by_budget", lengths x => {
        x.flat_map(halves).batch_by_budget(8192, length, AsVec)
    });
    // What keeps random access holds nothing back.
    let turns = |made: Made| {
        let shard = |_| numbers(samples / 10, made.clone());
        interleave((0..10).map(shard), 4).window_shuffle(5, 1000).ordered().batch(32)
    };
    told("interleave, window_shuffle, batch of 32", cost(turns, places));
    let stream = |made: &Made, state: Option<&State>| {
        one_by_one(numbers(samples, made.clone()).ordered().batch(32), state)
    };
    let mix = |made: &Made, saved: Option<&_>| {
        let mix = MixStreams::builder().stream("a", 3, |state| Ok(stream(made, state)));
        let mix = mix.stream("b", 1, |state| Ok(stream(made, state)));
        mix.resume_if(saved).build().unwrap()
    };
    told(
        "mix of two streams of batches",
        costs_of(mix, MixStreams::state, |state| state.to_json().len(), places),
    );
    let zip = |made: &Made, saved: Option<&_>| {
        let zip = ZipStreams::builder(saved).first("a", |state| Ok(stream(made, state))).unwrap();
        zip.second("b", |state| Ok(stream(made, state))).unwrap()
    };
    told(
        "zip of two streams of batches",
        costs_of(zip, ZipStreams::state, |state| state.to_json().len(), places),
    );
    let ahead = |made: &Made, state: Option<&State>| {
        let hook = |batch: windrow::Batch<Vec<u64>>| Ok::<_, Fault>(batch.len());
        stream(made, state).prefetch_to_device(1, hook).unwrap()
    };
    let ahead = costs_of(
        ahead,
        windrow::loader::PrefetchToDevice::state,
        |state| state.to_json().len(),
        places,
    );
    told("batch of 32, prefetch_to_device of 1", ahead);
}

#[test]
fn a_resume_costs_what_is_held_and_not_what_came_before() {
    within(LIMIT, || {
        costs(20_000, &[2_000, 18_000], |stage, place, made, bytes| {
            assert!(made < 600, "{stage} at {place}: {made} samples were made");
            assert!(bytes < 2_500, "{stage} at {place}: {bytes} bytes of state");
        });
    });
}

#[test]
#[ignore = "prints figures, for a million samples"]
fn figures_of_a_resume() {
    const SAMPLES: u64 = 1_000_000;
    println!("{:<42}{:>9}{:>14}{:>16}", "stage", "samples", "made again", "bytes of state");
    let places = [SAMPLES / 10, SAMPLES / 2, SAMPLES / 100 * 99];
    costs(SAMPLES, &places, |stage, place, made, bytes| {
        println!("{stage:<42}{place:>9}{made:>14}{bytes:>16}");
    });
}
