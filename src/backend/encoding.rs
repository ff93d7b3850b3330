//! Encoding of samples for another process, and checks that decoding restores the same value.
//!
//! Serde's attributes can make a type decode another value than it encodes. Without a check, worker
//! processes would silently give other samples of that type than threads. Therefore a worker
//! decodes some of its samples again. Out of scope: the comparison of values.

use std::cell::Cell;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::recipe::FillWire;
use crate::dataset::reduce::{Keys, gather};
use crate::dataset::wire::{Variants, Wire, compare, decode, encode_noting};
use crate::dataset::{Dataset, SampleResult, caught, discard, fill, lend};
use crate::error::Fault;

/// The number of first samples that a worker always decodes again.
const FIRST: u64 = 8;
/// The size in bytes of the largest sample that a worker decodes again.
const BYTES_MAX: u64 = 16 << 20;

/// A dataset that returns its samples encoded.
pub(crate) struct Encoding<D> {
    dataset: D,
    checks: Cell<Checks>,
}

impl<D> Encoding<D> {
    pub(crate) fn new(dataset: D) -> Self {
        Self { dataset, checks: Cell::default() }
    }

    /// Returns the source of the samples.
    pub(crate) fn inner(&self) -> &D {
        &self.dataset
    }

    /// Encodes a sample and drops it.
    pub(crate) fn encoded<T>(&self, sample: T) -> Result<Wire, Fault>
    where
        T: Serialize + DeserializeOwned,
    {
        // Encode and drop in separate steps: a sample must not panic in its drop while a panic
        // unwinds.
        let encoded = caught(|| encode_noting(&sample));
        let dropped = caught(|| drop(sample));
        let encoded = encoded.unwrap_or_else(Err).and_then(|wire| dropped.map(|()| wire));
        encoded.and_then(|(wire, variants)| self.checked::<T>(wire, variants))
    }

    /// Returns the encoded sample, or a fault if the sample is checked and decodes to another
    /// value.
    fn checked<T>(&self, wire: Wire, variants: Variants) -> Result<Wire, Fault>
    where
        T: Serialize + DeserializeOwned,
    {
        let mut checks = self.checks.get();
        let is_due = checks.is_due(&wire, variants);
        self.checks.set(checks);
        if is_due && let Err(fault) = lend::without(|| comes_back::<T>(&wire)) {
            self.checks.set(Checks { is_doubted: true, ..checks });
            return Err(fault);
        }
        Ok(wire)
    }
}

impl<D: Dataset> FillWire for Encoding<D>
where
    D::Sample: Serialize + DeserializeOwned,
{
    fn fill(
        &self,
        position: u64,
        reducers: &Keys,
        encoding: &mut dyn FnMut(),
    ) -> (SampleResult<Wire>, Vec<u8>) {
        let (sample, added) = match gather(reducers, || fill(&self.dataset, position)) {
            (Ok(Some(sample)), added) => (sample, added),
            (Ok(None), added) => return (Ok(None), added),
            (Err(fault), _) => return (Err(fault), Vec::new()),
        };
        encoding();
        match self.encoded(sample) {
            Ok(wire) => (Ok(Some(wire)), added),
            Err(fault) => (Err(fault), Vec::new()),
        }
    }
}

/// The choice of samples that a worker decodes again.
#[derive(Debug, Clone, Copy, Default)]
struct Checks {
    made: u64,
    variants: Variants,
    /// Whether a sample has decoded to another value. From then on, the worker checks every sample.
    is_doubted: bool,
}

impl Checks {
    /// Returns whether the worker checks the next sample. The worker checks the first samples,
    /// those with a new variant of an enum, and then every sample whose number is a power of two.
    fn is_due(&mut self, wire: &Wire, variants: Variants) -> bool {
        self.made += 1;
        if wire.byte_len() > BYTES_MAX {
            return self.is_doubted;
        }
        let is_new = self.variants.extend(variants);
        is_new || self.is_doubted || self.made <= FIRST || self.made.is_power_of_two()
    }
}

/// Decodes a sample and compares it. Ignores a decode error, because the loader decodes the sample
/// too and reports the error.
fn comes_back<T: Serialize + DeserializeOwned>(wire: &Wire) -> Result<(), Fault> {
    let read = caught(|| decode::<T>(&wire.inline, wire.payloads.clone()));
    let Ok(Ok(back)) = read else { return Ok(()) };
    let compared = compare(&back, wire);
    discard(back);
    compared
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;

    use super::*;
    use crate::dataset::Tensor;
    use crate::source::range;

    /// Serde counts a skipped variant when it serializes, but not when it deserializes.
    #[derive(Debug, Serialize, Deserialize)]
    enum Label {
        Background,
        #[serde(skip)]
        Unknown,
        Cat,
        Dog,
    }

    fn label(x: u64) -> Label {
        match x {
            0..100 => Label::Background,
            100..200 => Label::Cat,
            200..300 => Label::Dog,
            _ => Label::Unknown,
        }
    }

    /// Returns the error texts for the samples at these positions; an empty text for no error.
    fn said<D: Dataset>(dataset: D, positions: impl IntoIterator<Item = u64>) -> Vec<String>
    where
        D::Sample: Serialize + DeserializeOwned,
    {
        let encoding = Encoding::new(dataset);
        let fill = |position| encoding.fill(position, &Keys::default(), &mut || {}).0;
        positions
            .into_iter()
            .map(|x| fill(x).err().map(|fault| fault.to_string()))
            .map(Option::unwrap_or_default)
            .collect()
    }

    #[test]
    fn a_variant_that_comes_back_as_another_is_refused_whenever_it_comes_first() {
        let said = said(range(0..400).map(label), (0..150).chain([200, 300]));
        assert_eq!(said[..100], [""; 100]);
        for said in &said[100..150] {
            assert!(said.contains("tests::Label comes back as another value"), "{said}");
        }
        // The loader reports the decode error of sample 150; the worker reports the encode error of
        // 151.
        assert_eq!(said[150], "");
        assert!(said[151].contains("tests::Label cannot be encoded"), "{said:?}");
    }

    #[test]
    fn a_field_that_is_read_and_not_written_is_refused() {
        #[derive(PartialEq, Serialize, Deserialize)]
        struct Uneven {
            first: u8,
            #[serde(skip_serializing, default)]
            cached: u8,
            second: u8,
            others: Vec<u8>,
        }
        let uneven = |_| Uneven { first: 1, cached: 9, second: 3, others: vec![4, 7, 9] };
        for said in said(range(0..20).map(uneven), 0..20) {
            assert!(said.contains("Uneven comes back as another value"), "{said}");
        }
    }

    #[test]
    fn maps_without_an_order_tensors_and_nan_come_back() {
        let value = |x| {
            let entry = |word: u64| {
                let tensor = Tensor::from_slice([word], &vec![word as u8; word as usize]);
                (format!("word {}", word * 7919), (word * x, tensor.unwrap()))
            };
            let map: HashMap<String, (u64, Tensor)> = (0..50).map(entry).collect();
            (map, f32::NAN, vec![f64::NAN; 500])
        };
        assert_eq!(said(range(0..20).map(value), 0..20), [""; 20]);
    }

    #[test]
    fn what_is_read_again_takes_nothing_from_the_thread_s_lender() {
        use std::cell::RefCell;
        use std::rc::Rc;
        use std::sync::Arc;

        /// A value that counts how often it is serialized.
        struct Asked(u32);

        impl lend::Lender for Asked {
            fn lend(&mut self, _: usize) -> Option<Arc<dyn lend::Lent>> {
                self.0 += 1;
                None
            }

            fn elsewhere(&mut self, _: &[u8]) {}
        }

        let lender = Rc::new(RefCell::new(Asked(0)));
        lend::borrow_from(Some(lender.clone()));
        let said = said(range(0..4).map(|_| vec![1.5f32; 100_000]), 0..4);
        lend::borrow_from(None);
        assert_eq!((said, lender.borrow().0), (vec![String::new(); 4], 4));
    }

    #[test]
    fn fewer_and_fewer_samples_are_read_again() {
        let wire = Wire { inline: vec![1], payloads: vec![] };
        let mut checks = Checks::default();
        let due = (1..100).filter(|_| checks.is_due(&wire, Variants::default())).count();
        assert_eq!(due, 8 + 3);
        checks.is_doubted = true;
        assert!((0..100).all(|_| checks.is_due(&wire, Variants::default())));
    }
}
