//! Epochs: each ends with its stages, and a resume may add some.

use windrow::order::Op;
use windrow::stage::Stage;
use windrow::{Dataset, Error, Fault, Loader, State, range};

use super::{LIMIT, RUNNERS, Runner, assert_same, every_state_of, run, within};
use crate::common::items;

#[test]
fn epochs_end_with_their_stages_and_have_orders_of_their_own() {
    within(LIMIT, || {
        let make = || range(0..10).shuffle(7).random_map(1, |x, rng| (x, rng.next_u64()));
        let batches = |epoch: u64| {
            let samples = (epoch * 10..(epoch + 1) * 10).map(|i| make().get(i).unwrap().unwrap());
            let samples: Vec<_> = samples.collect();
            samples.chunks(4).map(|batch| Ok(batch.to_vec())).collect::<Vec<_>>()
        };
        let expected: Vec<_> = (0..3).flat_map(batches).collect();
        assert_ne!(expected[..3], expected[3..6]);
        for runner in RUNNERS {
            let ordered = run(runner, Loader::builder(make().ordered().batch(4)).epochs(3));
            assert_same(&items(&ordered), &expected, &format!("ordered on {runner:?}"));
            let batched = run(runner, Loader::builder(make().batch(4)).epochs(3));
            assert_same(&items(&batched), &expected, &format!("batches on {runner:?}"));
        }
    });
}

#[test]
fn every_state_of_several_epochs_resumes() {
    let failing = |x: u64| if x % 11 == 3 { Err(Fault::new("no")) } else { Ok(x) };
    within(LIMIT, move || {
        let samples = move || range(0..50).shuffle(5).try_map(failing).filter(|x| x % 3 > 0);
        every_state_of(|| Loader::builder(samples()).epochs(3), 500, "bare");
        every_state_of(|| Loader::builder(samples().ordered().batch(7)).epochs(3), 500, "batch");
        every_state_of(
            || Loader::builder(samples().ordered().batch(3).limit(4)).epochs(5),
            500,
            "a limit that leaves the rest of the epoch out",
        );
    });
}

#[test]
fn a_run_of_three_epochs_goes_on_for_five() {
    within(LIMIT, || {
        let make = |epochs| {
            Loader::builder(range(0..20).shuffle(5).ordered().batch(6)).epochs(epochs).digest()
        };
        let whole = run(Runner::Inline, make(5));
        let three = run(Runner::Threads(2), make(3));
        assert_same(&three, &whole[..12], "three epochs");
        let ended = {
            let mut loader = make(3).build().unwrap();
            assert_eq!(loader.by_ref().count(), 12);
            loader.state()
        };
        assert_eq!((ended.epoch(), ended.position(), ended.epoch_batches()), (3, 60, 0));
        for state in [&ended, &three[11].1] {
            let state = State::from_json(&state.to_json()).unwrap();
            assert_same(&run(Runner::Threads(3), make(5).resume(&state)), &whole[12..], "two more");
            assert_same(&run(Runner::Inline, make(3).resume(&state)), &whole[..0], "no more");
            let message = make(2).resume(&state).build().unwrap_err().to_string();
            assert!(message.starts_with("epochs is 2; allowed: 3 or more"), "{message}");
        }
    });
}

#[test]
fn batches_tell_their_epoch_and_their_number_in_it() {
    within(LIMIT, || {
        let make = || Loader::builder(range(0..10).ordered().batch(4)).epochs(2).workers(2);
        let tell = |loader: Loader<Vec<u64>>| -> Vec<_> {
            let batches = loader.map(Result::unwrap);
            batches.map(|b| (b.epoch(), b.number_in_epoch(), b.number())).collect()
        };
        let expected = [(0, 0, 0), (0, 1, 1), (0, 2, 2), (1, 0, 3), (1, 1, 4), (1, 2, 5)];
        assert_eq!(tell(make().build().unwrap()), expected);
        let state = make().build().unwrap().nth(3).unwrap().unwrap().state();
        assert_eq!(tell(make().resume(&state).build().unwrap()), expected[4..]);
    });
}

#[test]
fn by_epoch_shows_where_epochs_end_also_after_a_resume() {
    within(LIMIT, || {
        let make = || Loader::builder(range(0..10).ordered().batch(4)).epochs(3).workers(2);
        let watch = |loader: &mut Loader<Vec<u64>>| -> Vec<(u64, usize)> {
            loader
                .by_epoch()
                .map(|epoch| (epoch.number(), epoch.map(Result::unwrap).count()))
                .collect()
        };
        let mut loader = make().build().unwrap();
        assert_eq!(watch(&mut loader), [(0, 3), (1, 3), (2, 3)]);
        assert_eq!(watch(&mut loader), []);
        let states: Vec<_> = make().build().unwrap().map(|batch| batch.unwrap().state()).collect();
        let resumed = |state| watch(&mut make().resume(state).build().unwrap());
        assert_eq!(resumed(&states[1]), [(0, 1), (1, 3), (2, 3)]);
        // Whoever saved before the end of an epoch has yet to do what is done there.
        assert_eq!(resumed(&states[2]), [(0, 0), (1, 3), (2, 3)]);
        let mut loader = make().build().unwrap();
        let first = loader.by_epoch().next().unwrap().count();
        assert_eq!((first, resumed(&loader.state())), (3, vec![(1, 3), (2, 3)]));
    });
}

#[test]
fn an_epoch_that_is_left_early_ends_when_the_next_is_asked_for() {
    within(LIMIT, || {
        for runner in RUNNERS {
            let builder = Loader::builder(range(0..1000).shuffle(2).ordered().batch(10)).epochs(3);
            let mut loader = runner.on(builder).build().unwrap();
            let mut firsts = Vec::new();
            for mut epoch in loader.by_epoch() {
                firsts.push(epoch.next().unwrap().unwrap().into_inner());
            }
            let whole =
                run(Runner::Inline, Loader::builder(range(0..1000).shuffle(2).batch(10)).epochs(3));
            for (epoch, first) in firsts.into_iter().enumerate() {
                assert_eq!(Ok(first), whole[100 * epoch].0, "epoch {epoch} on {runner:?}");
            }
        }
    });
}

#[test]
fn an_epoch_that_is_left_early_ends_for_whoever_asks_anew_and_by_hand() {
    within(LIMIT, || {
        let make = || Loader::builder(range(0..10).ordered().batch(2)).epochs(3).workers(2);
        for by_hand in [false, true] {
            let mut loader = make().build().unwrap();
            let mut seen = Vec::new();
            while let Some(mut epoch) = loader.by_epoch().next() {
                let number = epoch.number();
                let count = epoch.by_ref().take(1 + 2 * number as usize).count();
                if by_hand {
                    epoch.end();
                }
                seen.push((number, count, loader.state().epoch()));
            }
            let ended = u64::from(by_hand);
            assert_eq!(seen, [(0, 1, ended), (1, 3, 1 + ended), (2, 5, 2 + ended)]);
            assert!(loader.next().is_none());
        }
        // One that came to its end is not ended twice.
        let mut loader = make().build().unwrap();
        let mut epoch = loader.by_epoch().next().unwrap();
        assert_eq!(epoch.by_ref().count(), 5);
        epoch.end();
        assert_eq!(loader.state().epoch(), 1);
    });
}

#[test]
fn a_stage_knows_its_epoch_also_after_a_resume() {
    /// Gives the epoch in place of each sample.
    #[derive(Default)]
    struct Epoch(u64, Option<u64>);
    impl Stage<u64> for Epoch {
        type Out = u64;
        fn push(&mut self, _: u64) -> Result<(), Fault> {
            self.1 = Some(self.0);
            Ok(())
        }
        fn pop(&mut self) -> Option<u64> {
            self.1.take()
        }
        fn is_clean(&self) -> bool {
            self.1.is_none()
        }
        fn reset(&mut self, epoch: u64) {
            *self = Self(epoch, None);
        }
        fn op(&self) -> Op {
            Op::new("epoch")
        }
    }
    within(LIMIT, || {
        let make = || Loader::builder(range(0..2).ordered().then(Epoch::default())).epochs(3);
        let whole: Vec<_> = make().build().unwrap().map(Result::unwrap).collect();
        assert_eq!(whole.iter().map(|batch| **batch).collect::<Vec<_>>(), [0, 0, 1, 1, 2, 2]);
        for (number, batch) in whole.iter().enumerate() {
            let rest = make().resume(&batch.state()).build().unwrap();
            let rest: Vec<_> = rest.map(|batch| batch.unwrap().into_inner()).collect();
            assert_eq!(rest, [0, 0, 1, 1, 2, 2][number + 1..]);
        }
    });
}

#[test]
fn an_epoch_may_be_left_before_what_stages_held_back_is_made_again() {
    let failing = |x: u64| if x % 10 == 5 { Err(Fault::new("bad")) } else { Ok(x) };
    within(LIMIT, move || {
        for runner in RUNNERS {
            let make = || {
                runner
                    .on(Loader::builder(range(0..10).try_map(failing).ordered().batch(4)).epochs(3))
            };
            let whole = run(Runner::Inline, make());
            let per_epoch = whole.len() / 3;
            for (_, state) in &whole[..per_epoch] {
                let mut loader = make().resume(state).build().unwrap();
                let mut epochs = loader.by_epoch();
                drop(epochs.next());
                let rest = epochs.flatten().map(|item| match item {
                    Ok(batch) => Ok(batch.into_inner()),
                    Err(error) => Err(error.to_string()),
                });
                assert_eq!(rest.collect::<Vec<_>>(), items(&whole)[per_epoch..], "{runner:?}");
                let mut loader = make().resume(state).build().unwrap();
                assert_eq!(loader.by_epoch().take(2).count(), 2);
                let second = loader.state();
                assert_eq!((second.epoch(), second.position()), (1, 10), "{runner:?}");
                let rest = run(runner, make().resume(&second));
                assert_eq!(items(&rest), items(&whole)[per_epoch..], "{runner:?}");
            }
        }
    });
}

#[test]
fn epochs_that_give_nothing_end_and_do_not_hang() {
    within(LIMIT, || {
        let nothing = || range(0..10).filter(|_| false).ordered().batch(2);
        let mut loader = Loader::builder(nothing()).epochs_forever().build().unwrap();
        let message = loader.next().unwrap().unwrap_err().to_string();
        assert!(message.starts_with("epochs is forever; allowed: a number"), "{message}");
        assert!(loader.next().is_none());
        let mut loader = Loader::builder(nothing()).epochs_forever().build().unwrap();
        let errors: Vec<_> = loader.by_epoch().flatten().map(Result::unwrap_err).collect();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].to_string(), message);
        assert_eq!(Loader::builder(nothing()).epochs(9).build().unwrap().count(), 0);
        let empty = Loader::builder(range(0..0)).epochs(u64::MAX).build().unwrap();
        assert_eq!(empty.filter(|item| item.is_err()).count(), 1);
        let error = Loader::builder(range(0..9)).epochs(0).build().unwrap_err();
        assert!(matches!(&error, Error::Setting { name, .. } if name == "epochs"), "{error}");
    });
}

#[test]
fn the_number_of_batches_is_told_where_it_is_known() {
    let told =
        |loader: Loader<Vec<u64>>| (loader.batches_per_epoch(), loader.len(), loader.size_hint());
    let ordered = |epochs| Loader::builder(range(0..10).ordered().batch(4)).epochs(epochs);
    assert_eq!(told(ordered(2).build().unwrap()), (Some(3), Some(6), (0, None)));
    let whole = Loader::builder(range(0..10).ordered().batch(4).drop_remainder().limit(9));
    assert_eq!(told(whole.build().unwrap()), (Some(2), Some(2), (0, None)));
    let batches = Loader::builder(range(0..10).batch(4)).epochs(3);
    let mut loader = batches.build().unwrap();
    loader.next();
    assert_eq!(told(loader), (Some(3), Some(9), (0, Some(9))));
    let forever = Loader::builder(range(0..10).batch(4)).epochs_forever().build().unwrap();
    assert_eq!((forever.batches_per_epoch(), forever.len()), (Some(3), None));
}
