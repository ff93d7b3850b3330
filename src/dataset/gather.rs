//! What is added to reducers while one sample is made, gathered in the thread that makes it.
//!
//! What a position added is a run of bytes, the same on every backend: for each reducer that was
//! added to, in the order of the keys, the number of its key and the length of its encoded value as
//! varints, and the value. No bytes stand for nothing added. Encoding is done everywhere, so that
//! nothing can depend on where a sample was made.

use std::any::{Any, type_name};
use std::cell::RefCell;
use std::sync::Arc;

use super::reduce::{Key, Reduce};
use super::{SampleResult, caught, discard};
use crate::error::Fault;

/// The reducers that a loader collects.
pub(crate) type Keys = Arc<[Key]>;

/// How many bytes the making of one sample may add.
pub(crate) const ADDED_MAX: usize = 1 << 20;

thread_local! {
    /// What the sample that this thread makes has added; `None` where nobody collects.
    static GATHERING: RefCell<Option<Gathering>> = const { RefCell::new(None) };
}

/// Makes a sample, and gives what was added to these reducers meanwhile. A sample that fails adds
/// nothing, and one that adds what cannot be sent fails.
pub(crate) fn gather<S>(
    keys: &Keys,
    make: impl FnOnce() -> SampleResult<S>,
) -> (SampleResult<S>, Vec<u8>) {
    if keys.is_empty() {
        return (make(), Vec::new());
    }
    let scope = Scope::enter(Some(Gathering::new(keys)));
    let made = make();
    match (made, scope.leave()) {
        (Ok(sample), Some(mut gathered)) => match gathered.encode() {
            Ok(added) => (Ok(sample), added),
            Err(fault) => (Err(fault), Vec::new()),
        },
        (made, _) => (made, Vec::new()),
    }
}

/// Does something that adds nothing to the sample that this thread may be making: what a loader
/// does for itself inside of a sample.
pub(crate) fn apart<R>(work: impl FnOnce() -> R) -> R {
    if GATHERING.with_borrow(Option::is_none) {
        return work();
    }
    let _scope = Scope::enter(None);
    work()
}

/// Adds a value to what this thread gathers.
pub(super) fn add<T: Reduce>(name: &'static str, value: impl FnOnce() -> T) {
    let place = GATHERING.with_borrow(|gathering| gathering.as_ref()?.place(name));
    let Some(place) = place else { return };
    // Outside of the borrow, since the caller's code may add to other reducers.
    let value = value();
    let before = GATHERING.with_borrow_mut(|gathering| {
        let gathering = gathering.as_mut()?;
        if gathering.keys[place].kind.as_ref().is_some_and(|kind| kind != type_name::<T>()) {
            gathering.refuse::<T>(place);
            return None;
        }
        let before: Box<dyn Any> = gathering.held[place].take()?;
        before.downcast::<T>().map_err(|_| gathering.refuse::<T>(place)).ok()
    });
    let merged: Box<dyn Held> = match before {
        Some(mut held) => {
            held.merge(value);
            held
        }
        None => Box::new(value),
    };
    GATHERING.with_borrow_mut(|gathering| {
        if let Some(gathering) = gathering {
            gathering.held[place] = Some(merged);
        }
    });
}

/// The parts of what a position added: the number of a key, and an encoded value.
///
/// # Errors
/// When the bytes are not such parts.
pub(crate) fn parts(mut added: &[u8]) -> Result<Vec<(usize, &[u8])>, Fault> {
    let broken = || Fault::new("what it added to reducers is no such thing");
    let mut parts = Vec::new();
    while !added.is_empty() {
        let ((place, length), rest): ((usize, usize), _) =
            postcard::take_from_bytes(added).map_err(|_| broken())?;
        let value = rest.get(..length).ok_or_else(broken)?;
        added = &rest[length..];
        parts.push((place, value));
    }
    Ok(parts)
}

struct Gathering {
    keys: Keys,
    /// What was added, for each key.
    held: Vec<Option<Box<dyn Held>>>,
    fault: Option<Fault>,
}

/// A value that was added, with its type hidden.
trait Held: Any {
    fn encode(&self) -> postcard::Result<Vec<u8>>;
}

impl<T: Reduce> Held for T {
    fn encode(&self) -> postcard::Result<Vec<u8>> {
        postcard::to_stdvec(self)
    }
}

impl Gathering {
    fn new(keys: &Keys) -> Self {
        Self { keys: keys.clone(), held: keys.iter().map(|_| None).collect(), fault: None }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.keys.iter().position(|key| key.name == name)
    }

    fn refuse<T>(&mut self, place: usize) {
        let Key { name, kind } = &self.keys[place];
        let (added, kind) = (type_name::<T>(), kind.as_deref().unwrap_or("another type"));
        let why = format!(
            "it added a {added} to the reducer {name:?}, of which the loader collects {kind}"
        );
        self.fault.get_or_insert_with(|| Fault::new(why));
    }

    fn encode(&mut self) -> Result<Vec<u8>, Fault> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let mut added = Vec::new();
        for (place, (held, key)) in self.held.iter().zip(&*self.keys).enumerate() {
            let Some(held) = held else { continue };
            let name = &key.name;
            let encoded = caught(|| held.encode())?.map_err(|why| {
                Fault::new(format!(
                    "what it added to the reducer {name:?} cannot be encoded: {why}"
                ))
            })?;
            let bytes = added.len() + encoded.len();
            if bytes > ADDED_MAX {
                return Err(Fault::new(format!(
                    "it added {bytes} bytes to reducers, the last of them {name:?}; {ADDED_MAX} are \
                     allowed a sample"
                )));
            }
            let head = postcard::to_stdvec(&(place, encoded.len())).map_err(Fault::other)?;
            added.extend(head);
            added.extend(encoded);
        }
        Ok(added)
    }
}

impl Drop for Gathering {
    fn drop(&mut self) {
        self.held.drain(..).for_each(discard);
    }
}

/// Sets what this thread gathers for its own lifetime and puts back what was there, also in a panic.
struct Scope {
    before: Option<Gathering>,
}

impl Scope {
    fn enter(gathering: Option<Gathering>) -> Self {
        Self { before: GATHERING.replace(gathering) }
    }

    fn leave(self) -> Option<Gathering> {
        GATHERING.take()
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let own = GATHERING.replace(self.before.take());
        discard(own);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dataset::Reducer;

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
        for bytes in
            [&[1][..], &[0, 5, 1], &[255; 12], &[0, 255, 255, 255, 255, 255, 255, 255, 127]]
        {
            assert!(parts(bytes).is_err(), "{bytes:?}");
        }
        assert!(parts(&[]).unwrap().is_empty());
    }
}
