//! Packing resumes at every row, also within a sequence that is cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use windrow::dataset::{AsVec, PackFields, PadFields, Padding, Record, Stack, Tensor};
use windrow::loader::LoaderBuilder;
use windrow::stage::{Fit, ParallelPipeline, Unbatching};
use windrow::{Dataset, Fault, Loader, range};

use super::{LIMIT, every_state_of, within};

/// A text of 1 to 40 tokens, or none.
fn text(x: u64) -> Result<Record, Fault> {
    if x % 9 == 4 {
        return Err(Fault::new("no"));
    }
    let length = 1 + x * x % 40;
    Record::new().with("tokens", Tensor::from_vec([length], vec![x as u32; length as usize])?)
}

fn texts(count: u64) -> impl Dataset<Sample = Record> + Send + Sync {
    range(0..count).shuffle(3).filter(|x| x % 5 > 0).try_map(text)
}

fn tokens(length: u64) -> PackFields {
    PackFields::new([("tokens", length)])
}

#[test]
fn packed_rows_resume_at_every_state() {
    within(LIMIT, || {
        for fit in [Fit::First, Fit::Best] {
            let rows = || texts(120).ordered().pack(fit, 5, tokens(50));
            every_state_of(|| Loader::builder(rows()).epochs(2), 600, "rows");
            let batches = || Loader::builder(rows().batch_with(3, Stack::new())).epochs(2);
            every_state_of(batches, 800, "batches of rows");
        }
    });
}

#[test]
fn cut_sequences_resume_at_every_state() {
    within(LIMIT, || {
        // Shorter and longer rows than sequences.
        for length in [7, 50] {
            let rows = || texts(60).ordered().concat_then_split(tokens(length));
            every_state_of(|| Loader::builder(rows()).epochs(2), 520, "rows");
            let batches = || Loader::builder(rows().batch_with(3, Stack::new())).epochs(2);
            every_state_of(batches, 540, "batches of rows");
        }
    });
}

#[test]
fn rows_of_batches_resume_at_every_state() {
    within(LIMIT, || {
        let rows = || texts(60).ordered().batch_with(4, Stack::padded(0.0)).then(Unbatching::new());
        every_state_of(|| Loader::builder(rows()).epochs(2), 600, "rows of batches");
        let packed = || Loader::builder(rows().pack(Fit::Best, 5, tokens(90))).epochs(2);
        every_state_of(packed, 600, "packed rows of batches");
    });
}

/// At each of these places of a run: the samples that a resume makes before its next result, and the
/// bytes of its state.
fn cost<P: ParallelPipeline<Batch = B>, B>(
    make: impl Fn(Arc<AtomicU64>) -> P,
    places: &[u64],
) -> Vec<(u64, usize)> {
    let builder = |made: &Arc<AtomicU64>| -> LoaderBuilder<P> {
        Loader::builder(make(made.clone())).prefetch(1).workers(0)
    };
    let made = Arc::new(AtomicU64::new(0));
    let mut loader = builder(&made).build().unwrap();
    let resumed = |place: &u64| {
        while made.load(Ordering::Relaxed) < *place {
            loader.next().unwrap().unwrap();
        }
        let (state, again) = (loader.state(), Arc::new(AtomicU64::new(0)));
        let mut resumed = builder(&again).resume(&state).build().unwrap();
        resumed.next().unwrap().unwrap();
        (again.load(Ordering::Relaxed), state.to_json().len())
    };
    places.iter().map(resumed).collect()
}

fn lengths(
    samples: u64,
    made: Arc<AtomicU64>,
) -> impl Dataset<Sample = Record> + Send + Sync + 'static {
    range(0..samples).shuffle(3).try_map(move |x| {
        made.fetch_add(1, Ordering::Relaxed);
        let length = 1 + x * 7 % 600;
        Record::new().with("tokens", Tensor::from_vec([length], vec![0u8; length as usize])?)
    })
}

fn length(record: &Record) -> u64 {
    record["tokens"].len()
}

/// Calls `see` with what a resume of each stage costs, at some places of a run over so many samples.
fn costs(samples: u64, places: &[u64], see: impl Fn(&str, u64, u64, usize)) {
    macro_rules! of {
        ($name:literal, $ordered:ident => $stage:expr) => {
            let make = |made| {
                let $ordered = lengths(samples, made).ordered();
                $stage
            };
            for (place, (made, bytes)) in places.iter().zip(cost(make, places)) {
                see($name, *place, made, bytes);
            }
        };
    }
    of!("pack first, 64 open", x => x.pack(Fit::First, 64, tokens(1024)));
    of!("pack best, 64 open", x => x.pack(Fit::Best, 64, tokens(1024)));
    of!("pack best, then batch", x => {
        x.pack(Fit::Best, 64, tokens(1024)).batch_with(8, Stack::new())
    });
    of!("concat_then_split", x => x.concat_then_split(tokens(1024)));
    of!("concat_then_split, then batch", x => {
        x.concat_then_split(tokens(1024)).batch_with(8, Stack::new())
    });
    let halves = |record: Record| [record.clone(), record];
    of!("flat_map, then pack best", x => {
        x.flat_map(halves).pack(Fit::Best, 64, tokens(1024)).batch_with(8, Stack::new())
    });
    of!("flat_map, then batch_by_budget", x => {
        x.flat_map(halves).batch_by_budget(8192, length, AsVec)
    });
    of!("batch, unbatch, then batch", x => {
        x.batch_with(7, AsVec).unbatch().batch_with(32, AsVec)
    });
    of!("batch_by_budget", x => x.batch_by_budget(8192, length, AsVec));
    of!("bucket_by_length", x => {
        x.bucket_by_length([100, 200, 300, 400, 500], 32, length, AsVec)
    });
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
    println!("{:<32}{:>9}{:>14}{:>16}", "stage", "samples", "made again", "bytes of state");
    let places = [SAMPLES / 10, SAMPLES / 2, SAMPLES / 100 * 99];
    costs(SAMPLES, &places, |stage, place, made, bytes| {
        println!("{stage:<32}{place:>9}{made:>14}{bytes:>16}");
    });
}

#[test]
fn padded_batches_resume_at_every_state() {
    within(LIMIT, || {
        let padding = || Padding::new(0.0).to([Some(20)]).truncate().lengths("lengths");
        let pad = || PadFields::new([("tokens", padding())]);
        let batches = || Loader::builder(texts(60).ordered().batch_with(4, pad())).epochs(2);
        every_state_of(batches, 520, "padded batches");
        let random_access = || range(0..60).shuffle(3).try_map(|x| text(x * 9));
        let batches = || Loader::builder(random_access().batch_with(4, pad())).epochs(2);
        every_state_of(batches, 500, "padded batches of the workers");
    });
}
