//! The values that samples add, and their merging.

use proptest::prelude::*;

use super::*;

const COUNT: Reducer<u64> = Reducer::new("count");
const NAMES: Reducer<Vec<String>> = Reducer::new("names");

fn keys() -> Keys {
    [COUNT.key(), NAMES.key()].into()
}

#[test]
fn what_one_sample_adds_is_merged_in_its_order_and_found_by_its_key() {
    let (made, added) = gather(&keys(), || {
        NAMES.add(vec!["a".into()]);
        NAMES.add_with(|| {
            COUNT.add(2);
            vec!["b".into()]
        });
        COUNT.add(300);
        Reducer::<u64>::new("unknown").add(1);
        Ok(Some(()))
    });
    assert_eq!(made, Ok(Some(())));
    let parts = parts(&added).unwrap();
    assert_eq!(postcard::from_bytes::<u64>(parts[0].1).unwrap(), 302);
    assert_eq!(postcard::from_bytes::<Vec<String>>(parts[1].1).unwrap(), ["a", "b"]);
    assert_eq!((parts.len(), parts[0].0, parts[1].0), (2, 0, 1));
}

#[test]
fn a_gap_adds_and_a_fault_does_not() {
    let adding = |outcome: SampleResult<()>| {
        gather(&keys(), || {
            COUNT.add(1);
            outcome
        })
        .1
    };
    assert_eq!(adding(Ok(None)), adding(Ok(Some(()))));
    assert!(!adding(Ok(None)).is_empty());
    assert!(adding(Err(Fault::new("no"))).is_empty());
}

#[test]
fn what_is_added_apart_or_inside_of_another_sample_is_not_this_sample_s() {
    let (_, added) = gather(&keys(), || {
        COUNT.add(1);
        apart(|| COUNT.add(10));
        let inner = gather(&keys(), || {
            COUNT.add(100);
            Ok(Some(()))
        });
        assert!(!inner.1.is_empty());
        _ = caught(|| gather(&keys(), || -> SampleResult<()> { panic!("on purpose") }));
        COUNT.add(1000);
        Ok(Some(()))
    });
    assert_eq!(postcard::from_bytes::<u64>(parts(&added).unwrap()[0].1).unwrap(), 1001);
    COUNT.add(1);
    assert!(GATHERING.with_borrow(Option::is_none));
}

#[test]
fn too_much_and_another_type_are_the_sample_s_fault() {
    let (made, added) = gather(&keys(), || {
        NAMES.add(vec!["x".repeat(ADDED_MAX)]);
        Ok(Some(()))
    });
    let message = made.unwrap_err().to_string();
    assert!(message.contains("\"names\"; 1048576 are allowed"), "{message}");
    assert!(added.is_empty());
    let (made, _) = gather(&keys(), || {
        Reducer::<f64>::new("count").add(1.0);
        Ok(Some(()))
    });
    let message = made.unwrap_err().to_string();
    assert!(message.contains("f64 to the reducer \"count\""), "{message}");
}

#[test]
fn another_build_may_name_types_otherwise_but_adds_one_type_to_a_reducer() {
    let key = Key { name: "count".into(), kind: Some("u64 of another compiler".into()) };
    let add = |keys: &Keys, both: bool| {
        gather(keys, || {
            COUNT.add(2);
            if both {
                Reducer::<f64>::new("count").add(1.0);
            }
            Ok(Some(()))
        })
    };
    let (same, other) =
        [true, false].map(|same| Key::in_worker(std::slice::from_ref(&key), same)).into();
    assert!(add(&same, false).0.is_err());
    let (made, added) = add(&other, false);
    assert_eq!((made, added), (Ok(Some(())), vec![0, 1, 2]));
    assert!(add(&other, true).0.unwrap_err().to_string().contains("f64 to the reducer"));
}

#[test]
fn values_that_panic_when_they_are_dropped_cost_nothing() {
    #[derive(Default, serde::Serialize, serde::Deserialize)]
    struct Bomb(u64);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(self.0 == 0, "dropped");
        }
    }
    impl Reduce for Bomb {
        fn merge(&mut self, later: Self) {
            self.0 += later.0;
            std::mem::forget(later);
        }
    }
    const BOMBS: [Reducer<Bomb>; 2] = [Reducer::new("first"), Reducer::new("second")];
    let keys: Keys = BOMBS.iter().map(Reducer::key).collect();
    let (made, added) = gather(&keys, || {
        BOMBS.iter().for_each(|bomb| bomb.add(Bomb(3)));
        Ok(Some(()))
    });
    assert_eq!((made, added), (Ok(Some(())), vec![0, 1, 3, 1, 1, 3]));
}

proptest! {
    #[test]
    fn any_bytes_are_parts_that_lie_in_them_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(parts) = parts(&bytes) {
            let held: usize = parts.iter().map(|(_, value)| value.len()).sum();
            prop_assert!(held + 2 * parts.len() <= bytes.len());
        }
    }
}

#[test]
fn parts_that_are_cut_short_are_none() {
    for bytes in [&[1][..], &[0, 5, 1], &[255; 12], &[0, 255, 255, 255, 255, 255, 255, 255, 127]] {
        assert!(parts(bytes).is_err(), "{bytes:?}");
    }
    assert!(parts(&[]).unwrap().is_empty());
}

#[test]
fn ready_made_types_merge_as_their_names_say() {
    let mut value = (u64::MAX - 1, 0.5, vec!['a']);
    value.merge((3, 0.25, vec!['b', 'c']));
    assert_eq!(value, (u64::MAX, 0.75, vec!['a', 'b', 'c']));
    let mut value = BTreeMap::from([("x".to_owned(), (1, 1.0))]);
    let later = BTreeMap::from([("y".to_owned(), (2, 2.0)), ("x".to_owned(), (3, 3.0))]);
    Reduce::merge(&mut value, later);
    assert_eq!(value["x"], (4, 4.0));
    assert_eq!(value["y"], (2, 2.0));
}
