//! Several loaders side by side: turns, errors, and a resume at every state on every backend.

use std::time::Duration;

use crate::common::{RUNNERS, Runner, within};
use windrow::loader::{LoaderBuilder, MixStreams, StopAt, StreamsState, ZipStreams};
use windrow::stage::ParallelPipeline;
use windrow::{Dataset, Error, Fault, Loader, State, range};

const LIMIT: Duration = Duration::from_secs(240);

/// What a run gives, with the state right after each item.
type Items<B> = Vec<(Result<B, String>, StreamsState)>;

fn on<P>(
    runner: Runner,
    builder: LoaderBuilder<P>,
    state: Option<&State>,
) -> windrow::Result<Loader<P::Batch>>
where
    P: ParallelPipeline,
    P::Batch: Send,
{
    runner.on(builder.resume_if(state)).build()
}

fn refusing(x: u64) -> Result<u64, Fault> {
    if x % 7 == 3 { Err(Fault::new("no")) } else { Ok(x) }
}

/// A mix of streams with filters, stages, errors and epochs.
fn mix(runner: Runner, stop: StopAt, saved: Option<&StreamsState>) -> MixStreams<Vec<u64>> {
    let odd = range(0..40).filter(|x| x % 2 == 1).ordered().batch(3);
    let refused = range(100..120).shuffle(3).try_map(refusing).ordered().batch(2);
    let buckets = range(200..230).shuffle(9).ordered();
    let buckets = buckets.bucket_by_length([220], 4, |x| *x, windrow::dataset::AsVec);
    MixStreams::builder()
        .stream("odd", 3, |state| on(runner, Loader::builder(odd), state))
        .stream("refused", 2, |state| on(runner, Loader::builder(refused).epochs(2), state))
        .stream("buckets", 4, |state| on(runner, Loader::builder(buckets).epochs(2), state))
        .stop_at(stop)
        .resume_if(saved)
        .build()
        .unwrap()
}

fn mixed(mut mix: MixStreams<Vec<u64>>) -> Items<(String, Vec<u64>)> {
    let mut items = Vec::new();
    while let Some(item) = mix.next() {
        let name = mix.last_stream().unwrap().to_owned();
        let item = item.map(|batch| (name, batch.into_inner())).map_err(|error| error.to_string());
        items.push((item, mix.state()));
    }
    assert!(mix.next().is_none());
    items
}

/// Resumes at each state of a run, through its text, and compares the tails.
fn every_state_resumes<B: PartialEq + std::fmt::Debug>(
    run: impl Fn(Runner, Option<&StreamsState>) -> Items<B>,
) -> Items<B> {
    let whole = run(Runner::Inline, None);
    for (number, (_, state)) in whole.iter().enumerate() {
        let json = state.to_json();
        let read = StreamsState::from_json(&json).unwrap();
        assert_eq!(read.to_json(), json);
        let runner = RUNNERS[number % RUNNERS.len()];
        let tail = run(runner, Some(&read));
        assert_eq!(tail.len(), whole.len() - number - 1, "after item {number} on {runner:?}");
        for ((one, one_state), (other, other_state)) in tail.iter().zip(&whole[number + 1..]) {
            assert_eq!(one, other, "after item {number} on {runner:?}");
            assert_eq!(one_state.to_json(), other_state.to_json(), "after item {number}");
        }
    }
    whole
}

#[test]
fn a_mix_resumes_at_every_state_on_every_backend() {
    within(LIMIT, || {
        for (stop, most) in [(StopAt::FirstEnd, 30), (StopAt::LastEnd, 60)] {
            let whole = every_state_resumes(|runner, saved| mixed(mix(runner, stop, saved)));
            assert!((15..most).contains(&whole.len()), "{} items", whole.len());
            let errors = whole.iter().filter_map(|(item, _)| item.as_ref().err());
            let errors: Vec<_> = errors.collect();
            assert!(errors.iter().all(|e| e.starts_with("stream \"refused\": position ")));
            assert!(!errors.is_empty());
        }
    });
}

#[test]
fn turns_follow_the_weights_and_no_error_takes_one() {
    within(LIMIT, || {
        let names = |items: Items<(String, Vec<u64>)>| -> String {
            let names = items.into_iter().filter_map(|(item, _)| item.ok());
            names.take(9).map(|(name, _)| name[..1].to_owned()).collect()
        };
        assert_eq!(names(mixed(mix(Runner::Inline, StopAt::FirstEnd, None))), "bobrobbor");
        let same = |name: &str, weight| {
            let stream = || Loader::builder(range(0..4).batch(1)).build();
            MixStreams::builder()
                .stream("m", 1, |_| stream())
                .stream(name.to_owned(), weight, |_| stream())
                .stop_at(StopAt::LastEnd)
                .build()
                .unwrap()
        };
        assert_eq!(names(mixed(same("z", 1))), "mzmzmzmz");
        assert_eq!(names(mixed(same("a", 1))), "amamamam");
        assert_eq!(names(mixed(same("z", u64::MAX))), "zzzzmmmm");
    });
}

#[test]
fn a_run_resumes_with_other_weights_and_streams() {
    let numbers = |from: u64| {
        move |state: Option<&State>| {
            Loader::builder(range(from..from + 50)).resume_if(state).build()
        }
    };
    let mut first = MixStreams::builder()
        .stream("a", 1, numbers(100))
        .stream("b", 1, numbers(200))
        .build()
        .unwrap();
    let got: Vec<u64> = first.by_ref().take(6).map(|x| *x.unwrap()).collect();
    assert_eq!(got, [100, 200, 101, 201, 102, 202]);
    let state = first.state();
    assert_eq!(state.names().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(state.stream("b").map(State::batches), Some(3));
    let weights = MixStreams::builder()
        .stream("b", 3, numbers(200))
        .stream("a", 1, numbers(100))
        .resume_if(Some(&state));
    let got: Vec<u64> = weights.build().unwrap().take(8).map(|x| *x.unwrap()).collect();
    assert_eq!(got, [203, 204, 103, 205, 206, 207, 104, 208]);
    let streams = MixStreams::builder()
        .stream("b", 1, numbers(200))
        .stream("c", 1, numbers(300))
        .resume_if(Some(&state));
    let got: Vec<u64> = streams.build().unwrap().take(4).map(|x| *x.unwrap()).collect();
    assert_eq!(got, [203, 300, 204, 301]);
}

fn message<T>(result: windrow::Result<T>) -> String {
    result.map(drop).unwrap_err().to_string()
}

#[test]
fn what_makes_no_mix_is_refused_with_its_name() {
    let one = |_: Option<&State>| Loader::builder(range(0..9)).build();
    let builder = || MixStreams::builder().stream("a", 1, one);
    let none: windrow::Result<MixStreams<u64>> = MixStreams::builder().build();
    assert_eq!(message(none), "mix_streams is made of 0 streams; allowed: 1 to 1024");
    assert!(message(builder().stream("a", 2, one).build()).contains("two streams \"a\""));
    assert!(message(builder().stream("b", 0, one).build()).contains("weight of stream \"b\" is 0"));
    assert!(message(builder().stream("", 1, one).build()).contains("a name of 0 bytes"));
    let broken = |_: Option<&State>| Loader::builder(range(0..9).batch(0)).build();
    let broken = MixStreams::builder().stream("x", 1, broken).build();
    assert_eq!(message(broken), "stream \"x\": batch.size is 0; allowed: 1 or more");
    // A closure that forgets the state.
    let mut mix = builder().build().unwrap();
    mix.next();
    let state = mix.state();
    let forgot = message(builder().resume_if(Some(&state)).build());
    assert!(forgot.starts_with("stream \"a\": ") && forgot.contains("`resume_if`"), "{forgot}");
    let other = |state: Option<&State>| Loader::builder(range(0..8)).resume_if(state).build();
    let other = MixStreams::builder().stream("a", 1, other).resume_if(Some(&state)).build();
    assert!(message(other).starts_with("stream \"a\": state was saved with range.end 9"));
    let zip = ZipStreams::builder(Some(&state)).first("a", one);
    assert!(message(zip).contains("state was saved with kind mix_streams"));
}

#[test]
fn a_state_of_streams_that_is_damaged_is_refused() {
    let one = |_: Option<&State>| Loader::builder(range(0..9)).build();
    let mix = MixStreams::builder().stream("a", 1, one).stream("b", 2, one).build().unwrap();
    let json = mix.state().to_json();
    assert_eq!(StreamsState::from_json(&json).unwrap(), mix.state());
    for (from, to, says) in [
        ("\"version\":1,\"kind\"", "\"version\":2,\"kind\"", "version 2"),
        ("mix_streams", "mixed", "mixed"),
        ("\"weight\":\"2\"", "\"weight\":2", "expected a string"),
        ("\"weight\":\"2\"", "\"weight\":\"02\"", "stream \"b\": weight is \"02\""),
        ("\"name\":\"b\"", "\"name\":\"a\"", "not in order"),
        ("\"position\":\"0\"", "\"position\":\"x\"", "stream \"a\": not a usable windrow state"),
        ("\"taken\":\"0\",", "", "missing field `taken`"),
        ("{", "", "not JSON"),
    ] {
        let damaged = json.replacen(from, to, 1);
        assert_ne!(damaged, json, "{from}");
        let told = message(StreamsState::from_json(&damaged));
        assert!(told.contains(says), "{from}: {told}");
    }
    let loader = one(None).unwrap();
    assert!(message(StreamsState::from_json(&loader.state().to_json())).contains("of one loader"));
}

/// Pairs of a stream with errors and one with a stage; the second stream has so many samples.
fn zip(runner: Runner, len: u64, saved: Option<&StreamsState>) -> ZipStreams<u64, Vec<u64>> {
    let refused = range(0..30).shuffle(4).try_map(refusing);
    let batches = range(0..len).try_map(refusing).ordered().batch(2);
    ZipStreams::builder(saved)
        .first("one", |state| on(runner, Loader::builder(refused), state))
        .unwrap()
        .second("two", |state| on(runner, Loader::builder(batches), state))
        .unwrap()
}

fn zipped(mut zip: ZipStreams<u64, Vec<u64>>) -> Items<(u64, Vec<u64>)> {
    let mut items = Vec::new();
    while let Some(item) = zip.next() {
        let item = item.map(|(one, two)| (one.into_inner(), two.into_inner()));
        items.push((item.map_err(|error: Error| error.to_string()), zip.state()));
    }
    assert!(zip.next().is_none());
    items
}

#[test]
fn a_zip_resumes_at_every_state_on_every_backend() {
    within(LIMIT, || {
        let whole = every_state_resumes(|runner, saved| zipped(zip(runner, 40, saved).shortest()));
        assert_eq!(whole.iter().filter(|(item, _)| item.is_ok()).count(), 17);
        let errors = whole.iter().filter_map(|(item, _)| item.clone().err()).collect::<String>();
        assert!(errors.contains("stream \"one\"") && errors.contains("stream \"two\""));
    });
}

#[test]
fn a_zip_says_which_stream_is_shorter() {
    let last = |len: u64| {
        let items = zipped(zip(Runner::Inline, len, None));
        items.last().unwrap().0.clone()
    };
    assert_eq!(
        last(40).unwrap_err(),
        "stream \"two\": the stream ended before \"one\"; give streams of one length, or `shortest`"
    );
    assert!(last(90).unwrap_err().starts_with("stream \"one\": the stream ended before \"two\""));
    // 26 samples without an error, and as many batches.
    assert!(last(60).is_ok());
    let twice = ZipStreams::builder(None)
        .first("a", |_| Loader::builder(range(0..1)).build())
        .unwrap()
        .second("a", |_| Loader::builder(range(0..1)).build());
    assert!(message(twice).contains("two streams \"a\""));
}
