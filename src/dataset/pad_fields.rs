//! `PadFields`: stacks records whose named fields are padded, each with its own value and shape.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::batch::Collate;
use super::collate::{collate_keyed, stack_with};
use super::dtype::Dtype;
use super::element_spec::{ElementSpec, FieldSpec};
use super::keys::Keyed;
use super::padding::Padding;
use super::record::Record;
use crate::error::Fault;
use crate::order::Op;

/// A collate function that pads the named fields and stacks all fields: the padded batch of tf.data.
///
/// Each named field has a [`Padding`]: a value, an optional shape, and optional lengths. The other
/// fields must agree in shape, as with [`Stack`](super::Stack). The padding follows a sample's
/// elements along each axis.
///
/// ```
/// use windrow::dataset::{PadFields, Padding, Record, Tensor};
/// use windrow::{Dataset, Fault, Loader, range};
/// let text = |n: u64| {
///     let tokens = Tensor::from_vec([n], vec![n as u32; n as usize])?;
///     Record::new().with("tokens", tokens)?.with("label", Tensor::scalar(n as i64))
/// };
/// let tokens = Padding::new(0.0).to([Some(4)]).truncate().lengths("tokens_lengths");
/// let batches = range(2..6).step_by(3).try_map(text).batch_with(2, PadFields::new([("tokens", tokens)]));
/// let batch = Loader::builder(batches).build()?.next().unwrap()?;
/// assert_eq!(batch["tokens"].shape(), [2, 4]);
/// assert_eq!(batch["tokens"].to_vec::<u32>()?, [2, 2, 0, 0, 5, 5, 5, 5]);
/// assert_eq!(batch["tokens_lengths"].to_vec::<i64>()?, [2, 4]);
/// assert_eq!(batch["label"].to_vec::<i64>()?, [2, 5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PadFields {
    fields: BTreeMap<Arc<str>, Padding>,
}

impl PadFields {
    /// Creates a collate function that pads the named fields.
    #[must_use]
    pub fn new<N: Into<Arc<str>>>(fields: impl IntoIterator<Item = (N, Padding)>) -> Self {
        Self { fields: fields.into_iter().map(|(name, field)| (name.into(), field)).collect() }
    }

    /// Returns the names of the fields with lengths.
    fn lengths(&self) -> impl Iterator<Item = &Arc<str>> {
        self.fields.values().filter_map(|padding| padding.lengths.as_ref())
    }
}

impl Collate<Record> for PadFields {
    type Batch = Record;

    fn collate(&self, records: Vec<Record>) -> Result<Record, Fault> {
        if let Some(first) = records.first() {
            self.fields.keys().try_for_each(|name| first.field(name).map(drop))?;
        }
        let instead = "name the field in `PadFields` to pad it";
        stack_with(records, instead, |name| self.fields.get(name).cloned())
    }

    fn element_spec(
        &self,
        samples: &ElementSpec,
        size: Option<u64>,
    ) -> Result<ElementSpec, String> {
        let mut spec = samples.clone();
        for (name, padding) in &self.fields {
            spec = spec.change_field(name, |field| padding.element_spec(field))?;
        }
        let spec = spec.batched(size)?;
        let mut fields: BTreeMap<Arc<str>, FieldSpec> =
            spec.fields().map(|(name, field)| (name.into(), field.clone())).collect();
        for name in self.lengths() {
            let lengths = FieldSpec::new(Dtype::I64, [size]);
            if fields.insert(name.clone(), lengths).is_some() {
                return Err(format!("the field {name:?} exists; give `lengths` another name"));
            }
        }
        let padded = ElementSpec::new(fields);
        Ok(if spec.is_open() { padded.open() } else { padded })
    }

    fn describe(&self, op: Op) -> Op {
        self.fields.iter().fold(op, |op, (name, padding)| op.with(format!("pad.{name}"), padding))
    }
}

collate_keyed!(PadFields);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dataset::{Dataset, Tensor};
    use crate::source::from_vec;

    fn row(shape: &[u64]) -> Record {
        let count = shape.iter().product::<u64>();
        let x = Tensor::from_vec(shape, (1..=count as i32).collect::<Vec<_>>()).unwrap();
        Record::new().with("x", x).unwrap()
    }

    fn padded(padding: Padding, shapes: &[&[u64]]) -> Result<Record, Fault> {
        let records = shapes.iter().map(|shape| row(shape)).collect();
        Collate::<Record>::collate(&PadFields::new([("x", padding)]), records)
    }

    fn refused(padding: Padding, shapes: &[&[u64]]) -> String {
        padded(padding, shapes).unwrap_err().to_string()
    }

    #[test]
    fn a_sample_too_long_is_named_with_its_field_and_both_lengths() {
        let four = || Padding::new(0.0).to([Some(4)]);
        assert_eq!(
            refused(four(), &[&[4], &[7]]),
            "field \"x\": sample 1 of the batch has shape [7], whose axis 0 has 7 elements, more \
             than the 4 of `to`; give a larger shape, or `truncate` longer samples"
        );
        assert!(refused(four(), &[&[1, 2]]).contains("which has 2 axes, but `to` has 1"));
        assert!(refused(Padding::new(0.5), &[&[1], &[2]]).contains("`pad` is 0.5, which I32"));
        assert!(refused(Padding::new(0.0).lengths("n"), &[&[]]).contains("no axis"));
        let batch = padded(four().truncate(), &[&[7], &[2]]).unwrap();
        assert_eq!(batch["x"].to_vec::<i32>().unwrap(), [1, 2, 3, 4, 1, 2, 0, 0]);
        let huge = Padding::new(0.0).to([Some(u64::MAX)]);
        assert!(refused(huge, &[&[1]]).contains("take more than"));
    }

    #[test]
    fn lengths_count_elements_without_padding() {
        let lengths = |padding: Padding, shapes: &[&[u64]]| {
            let batch = padded(padding.lengths("n"), shapes).unwrap();
            batch["n"].to_vec::<i64>().unwrap()
        };
        assert_eq!(lengths(Padding::new(0.0), &[&[3], &[0], &[5]]), [3, 0, 5]);
        let cut = || Padding::new(0.0).to([Some(4), None]).truncate();
        assert_eq!(lengths(cut(), &[&[3, 1], &[9, 2]]), [3, 4]);
        // Also where nothing needs padding.
        assert_eq!(lengths(Padding::new(0.0), &[&[2], &[2]]), [2, 2]);
        let taken = refused(Padding::new(0.0).lengths("x"), &[&[2]]);
        assert!(taken.contains("the field \"x\" exists"), "{taken}");
    }

    #[test]
    fn what_is_not_named_is_not_padded_and_what_is_named_must_exist() {
        let pad = PadFields::new([("y", Padding::new(0.0))]);
        let message = Collate::<Record>::collate(&pad, vec![row(&[1])]).unwrap_err().to_string();
        assert!(message.contains("no field \"y\""), "{message}");
        let rows = [1, 2].map(|n| row(&[n]).with("y", Tensor::scalar(n)).unwrap());
        let message = Collate::<Record>::collate(&pad, rows.to_vec()).unwrap_err().to_string();
        assert!(message.contains("name the field in `PadFields`"), "{message}");
    }

    #[test]
    fn the_spec_is_that_of_the_batches() {
        let padding = Padding::new(-1.0).to([Some(4), None]).lengths("n");
        let pad = PadFields::new([("x", padding)]);
        let spec = |shape: &[Option<u64>], size| {
            let samples = ElementSpec::new([("x", FieldSpec::new(Dtype::I32, shape))]);
            Collate::<Record>::element_spec(&pad, &samples, size).map(|spec| spec.to_string())
        };
        assert_eq!(spec(&[None, Some(3)], Some(8)).unwrap(), "{n: I64[8], x: I32[8, 4, 3]}");
        assert_eq!(spec(&[Some(1), None], None).unwrap(), "{n: I64[?], x: I32[?, 4, ?]}");
        assert!(spec(&[Some(5), None], None).unwrap_err().contains("more than the 4 of `to`"));
        assert!(spec(&[None], None).unwrap_err().contains("1 axes"));
        let named = ElementSpec::new([("y", FieldSpec::default())]);
        assert!(Collate::<Record>::element_spec(&pad, &named, None).is_err());
    }

    #[test]
    fn the_options_are_part_of_the_description() {
        let padding = Padding::new(0.0).to([Some(4), None]).truncate().lengths("n");
        let batches = from_vec(vec![row(&[1, 1])]).batch_with(1, PadFields::new([("x", padding)]));
        let mut description = crate::order::Description::default();
        batches.describe(&mut description);
        assert!(
            description.to_string().ends_with("pad.x=0.0 to 4 by longest truncated lengths n)"),
            "{description}"
        );
    }

    proptest! {
        /// Compares with a copy element by element.
        #[test]
        fn padding_and_truncation_copy_the_low_corner(
            shapes in proptest::collection::vec([0u64..4, 0..4, 0..4], 1..5),
            to in [proptest::option::of(0u64..5), proptest::option::of(0u64..5), proptest::option::of(9u64..10)],
        ) {
            let slices: Vec<&[u64]> = shapes.iter().map(|shape| &shape[..]).collect();
            let batch = padded(Padding::new(-7.0).to(to).truncate(), &slices).unwrap();
            let most = [0, 1, 2].map(|axis| {
                to[axis].unwrap_or_else(|| shapes.iter().map(|shape| shape[axis]).max().unwrap())
            });
            let mut want = Vec::new();
            for own in &shapes {
                for i in 0..most[0] { for j in 0..most[1] { for k in 0..most[2] {
                    let inside = i < own[0] && j < own[1] && k < own[2];
                    let at = (i * own[1] + j) * own[2] + k;
                    want.push(if inside { at as i32 + 1 } else { -7 });
                }}}
            }
            prop_assert_eq!(&batch["x"].shape()[1..], &most[..]);
            prop_assert_eq!(batch["x"].to_vec::<i32>().unwrap(), want);
        }
    }
}
