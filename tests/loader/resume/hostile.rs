//! A state with a number that its pipeline cannot have reached is refused.

use serde_json::Value;
use windrow::stage::Pipeline;
use windrow::{Dataset, Error, Fault, Loader, OnError, State, range};

use super::{LIMIT, Times, within};

/// The paths of all numbers in a state, as JSON pointers.
fn numbers(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.parse::<u64>().is_ok_and(|_| path != "/fingerprint") => {
            found.push(path.to_owned());
        }
        Value::Array(values) => {
            for (number, value) in values.iter().enumerate() {
                numbers(value, &format!("{path}/{number}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                numbers(value, &format!("{path}/{name}"), found);
            }
        }
        _ => {}
    }
}

/// Whether a loader refuses a state, when it is built or with its first item.
fn refused<P>(pipeline: P, state: &State) -> bool
where
    P: Pipeline,
    P::Sample: Send + 'static,
    P::Batch: 'static,
    P::Dataset: Send + Sync + 'static,
    P::Stages: Send + 'static,
{
    match Loader::builder(pipeline).on_error(OnError::Skip).resume(state).build() {
        Err(error) => matches!(error, Error::State { .. }),
        Ok(mut loader) => {
            let first = loader.next();
            let refused = matches!(first, Some(Err(Error::State { .. })));
            assert!(!refused || loader.next().is_none(), "nothing comes of a refused state");
            refused
        }
    }
}

/// Puts numbers into each place of each state of a run, and gives those that were not refused.
fn accepted<P>(make: impl Fn() -> P, wrong: impl Fn(u64) -> u64) -> Vec<String>
where
    P: Pipeline,
    P::Sample: Send + 'static,
    P::Batch: 'static,
    P::Dataset: Send + Sync + 'static,
    P::Stages: Send + 'static,
{
    let mut loader = Loader::builder(make()).on_error(OnError::Skip).workers(0).build().unwrap();
    let mut accepted = Vec::new();
    for _ in 0..5 {
        loader.next().unwrap().unwrap();
        let good: Value = serde_json::from_str(&loader.state().to_json()).unwrap();
        let mut found = Vec::new();
        numbers(&good, "", &mut found);
        assert!(found.len() >= 2, "{good}");
        for path in found {
            let mut bad = good.clone();
            let number = bad.pointer(&path).unwrap().as_str().unwrap().parse().unwrap();
            *bad.pointer_mut(&path).unwrap() = Value::String(wrong(number).to_string());
            if State::from_json(&bad.to_string()).is_ok_and(|state| !refused(make(), &state)) {
                accepted.push(format!("{path} {bad}"));
            }
        }
    }
    accepted
}

fn fails(x: u64) -> Result<u64, Fault> {
    if x % 4 == 1 { Err(Fault::new("no")) } else { Ok(x) }
}

#[test]
fn numbers_that_a_pipeline_cannot_reach_are_refused() {
    within(LIMIT, || {
        for wrong in [|_| u64::MAX, |_| 1 << 63, |_| 1000, |number| number + 90] {
            for accepted in [
                accepted(|| range(0..64).try_map(fails), wrong),
                accepted(|| range(0..64).try_map(fails).ordered().batch(3), wrong),
                accepted(|| range(0..64).try_map(fails).ordered().batch(3).limit(9), wrong),
                accepted(
                    || range(0..64).try_map(fails).ordered().limit(40).batch(2).batch(2),
                    wrong,
                ),
            ] {
                assert!(accepted.is_empty(), "{accepted:#?}");
            }
        }
    });
}

#[test]
fn results_to_drop_that_a_stage_does_not_hold_back_are_refused() {
    let make = || range(0..64).try_map(fails).ordered().then(Times::by(|_| 3)).batch(2);
    within(LIMIT, move || {
        for wrong in [|_| u64::MAX, |number| number + 3] {
            // How many batches come of a stage of one's own is not known, nor what else was skipped.
            let accepted = accepted(make, wrong).into_iter();
            let accepted: Vec<_> = accepted.filter(|path| path.starts_with("/stages")).collect();
            assert!(accepted.is_empty(), "{accepted:#?}");
        }
    });
}

#[test]
fn a_count_of_batches_that_nobody_can_check_does_not_overflow() {
    let make = || Loader::builder(range(0..64).ordered().then(Times::by(|_| 3)));
    let json = make().build().unwrap().state().to_json();
    let state = json.replace("\"batches\":\"0\"", &format!("\"batches\":\"{}\"", u64::MAX));
    let loader = make().resume(&State::from_json(&state).unwrap()).build().unwrap();
    assert_eq!(loader.filter(|batch| batch.is_ok()).count(), 192);
}

#[test]
fn an_epoch_that_no_position_has_room_for_is_refused() {
    let refused = |len: u64, change: fn(String) -> String| {
        let make = move || Loader::builder(range(0..len).batch(2)).epochs_forever();
        let state = change(make().build().unwrap().state().to_json());
        let state = State::from_json(&state).unwrap();
        within(LIMIT, move || match make().resume(&state).build() {
            Ok(mut loader) => loader.next().unwrap().unwrap_err().to_string(),
            Err(error) => error.to_string(),
        })
    };
    let last = |json: String| {
        let epoch = format!(r#""epoch":{{"number":"{}","batches":"0"}},"fingerprint""#, u64::MAX);
        json.replace("\"fingerprint\"", &epoch)
    };
    let far =
        |json: String| json.replace(r#""position":"0""#, &format!(r#""position":"{}""#, u64::MAX));
    assert!(refused(0, last).contains("the pipeline has no samples"));
    assert!(refused(3, last).contains("ends past 2^64"));
    assert!(refused(3, far).contains("is past epoch 0"));
}

#[test]
fn a_field_that_is_there_twice_is_refused() {
    let json = Loader::builder(range(0..9).batch(2)).build().unwrap().state().to_json();
    let twice = json.replace(r#""position":"0""#, r#""position":"0","position":"2""#);
    let message = State::from_json(&twice).unwrap_err().to_string();
    assert!(message.contains("\"position\" appears twice"), "{message}");
}

/// What a stage holds, as a state writes it: numbers from the one before, the first from `position`.
fn held(numbers: &[u64], position: u64) -> String {
    let before = std::iter::once(&position).chain(numbers);
    let steps: Vec<i64> =
        numbers.iter().zip(before).map(|(now, last)| now.wrapping_sub(*last) as i64).collect();
    base64::Engine::encode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        postcard::to_stdvec(&steps).unwrap(),
    )
}

#[test]
fn held_positions_that_a_batch_cannot_hold_are_refused() {
    let fails = |x: u64| if x == 10 { Err(Fault::new("no")) } else { Ok(x) };
    let make = move || Loader::builder(range(0..64).try_map(fails).ordered().batch(4));
    within(LIMIT, move || {
        let mut loader = make().build().unwrap();
        assert_eq!(loader.by_ref().take(3).filter(Result::is_err).count(), 1);
        let good = loader.state().to_json();
        let right = held(&[8, 9], 11);
        assert!(good.contains(&right), "{good}");
        for (numbers, why) in [
            (&[8, 8][..], "stage 0 holds position 8 twice"),
            (&[9, 8], "cursor of batch holds position 8 out of order"),
            (&[8, 11], "stage 0 holds position 11, which is not in"),
            (&[1, 9], "holds position 1, which one of its 2 batches already contains"),
            (&[4, 5, 6, 7], "holds position 4, which one of its 2 batches already contains"),
        ] {
            let state = State::from_json(&good.replace(&right, &held(numbers, 11))).unwrap();
            let error = make().resume(&state).build().err().map(|error| error.to_string());
            assert!(
                error.as_ref().is_some_and(|text| text.contains(why)),
                "{numbers:?}: {error:?}"
            );
        }
    });
}
