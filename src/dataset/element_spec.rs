//! The element spec: names, dtypes and shapes of the fields of a pipeline's records, before the run.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::dtype::Dtype;
use super::tensor::{RANK_MAX, Tensor};

/// The most fields of a spec that its text shows.
const SHOWN: usize = 16;

/// The dtype and the shape of a field, as far as the pipeline declares them.
///
/// ```
/// use windrow::dataset::{Dtype, FieldSpec, Tensor};
/// let picture = FieldSpec::new(Dtype::U8, [None, None, Some(3)]);
/// assert_eq!(picture.to_string(), "U8 of shape [?, ?, 3]");
/// assert!(picture.matches(&Tensor::from_slice([1, 2, 3], &[0u8; 6])?));
/// assert!(!picture.matches(&Tensor::from_slice([6], &[0u8; 6])?));
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldSpec {
    /// The dtype; `None` if unknown.
    pub dtype: Option<Dtype>,
    /// The length of each axis, `None` for an unknown length; no list at all for an unknown number of
    /// axes.
    pub shape: Option<Vec<Option<u64>>>,
}

impl FieldSpec {
    /// Creates the spec of a field with this dtype and these axes, `None` for an unknown length.
    #[must_use]
    pub fn new(dtype: Dtype, shape: impl Into<Vec<Option<u64>>>) -> Self {
        Self { dtype: Some(dtype), shape: Some(shape.into()) }
    }

    /// Creates the spec of a field of this dtype, whose tensors may have any shape.
    #[must_use]
    pub fn of_dtype(dtype: Dtype) -> Self {
        Self { dtype: Some(dtype), shape: None }
    }

    /// Creates the spec of a field with this dtype and exactly this shape.
    #[must_use]
    pub fn exact(dtype: Dtype, shape: &[u64]) -> Self {
        Self::new(dtype, shape.iter().copied().map(Some).collect::<Vec<_>>())
    }

    /// Returns whether a tensor has the dtype and the shape; unknown parts match everything.
    #[must_use]
    pub fn matches(&self, tensor: &Tensor) -> bool {
        let axes = |shape: &[Option<u64>]| {
            let pairs = shape.iter().zip(tensor.shape());
            shape.len() == tensor.shape().len()
                && pairs.into_iter().all(|(own, axis)| own.is_none_or(|own| own == *axis))
        };
        self.dtype.is_none_or(|dtype| dtype == tensor.dtype())
            && self.shape.as_deref().is_none_or(axes)
    }

    /// Returns whether the number of axes is known and is not one of these.
    pub(crate) fn has_other_rank(&self, ranks: &[usize]) -> bool {
        self.shape.as_ref().is_some_and(|shape| !ranks.contains(&shape.len()))
    }

    /// Returns whether the dtype is known and is another one.
    pub(crate) fn has_other_dtype(&self, dtype: Dtype) -> bool {
        self.dtype.is_some_and(|own| own != dtype)
    }

    /// Returns the number of elements, if all axes are known.
    pub(crate) fn elements(&self) -> Option<u64> {
        let axes: Vec<u64> = self.shape.as_ref()?.iter().copied().collect::<Option<_>>()?;
        if axes.contains(&0) {
            Some(0)
        } else {
            axes.iter().try_fold(1u64, |all, &axis| all.checked_mul(axis))
        }
    }

    /// Returns what two fields have in common.
    fn merged(&self, other: &Self) -> Self {
        let shape = match (&self.shape, &other.shape) {
            (Some(one), Some(two)) if one.len() == two.len() => {
                Some(one.iter().zip(two).map(|(one, two)| one.filter(|_| one == two)).collect())
            }
            _ => None,
        };
        Self { dtype: self.dtype.filter(|_| self.dtype == other.dtype), shape }
    }

    /// Returns the field of a batch of such fields.
    fn batched(&self, size: Option<u64>) -> Result<Self, String> {
        let shape = self.shape.as_ref().map(|shape| [&[size][..], shape].concat());
        match &shape {
            Some(shape) if shape.len() > RANK_MAX => Err(format!(
                "{self} has no room for the axis of the batch; a tensor has at most {RANK_MAX} axes"
            )),
            _ => Ok(Self { dtype: self.dtype, shape }),
        }
    }

    /// Returns the text of the axes, such as `?, ?, 3`, if their number is known.
    fn axes(&self) -> Option<String> {
        let axis = |axis: &Option<u64>| axis.map_or("?".into(), |axis| axis.to_string());
        Some(self.shape.as_ref()?.iter().map(axis).collect::<Vec<_>>().join(", "))
    }

    /// Returns a short text, such as `U8[?, ?, 3]`.
    fn short(&self) -> String {
        let dtype = self.dtype.map_or("?", Dtype::name);
        match self.axes() {
            Some(axes) => format!("{dtype}[{axes}]"),
            None if self.dtype.is_some() => format!("{dtype}[...]"),
            None => "?".into(),
        }
    }
}

impl fmt::Display for FieldSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.dtype {
            Some(dtype) => write!(f, "{dtype}")?,
            None => f.write_str("a tensor")?,
        }
        match self.axes() {
            Some(axes) => write!(f, " of shape [{axes}]"),
            None => f.write_str(" of any shape"),
        }
    }
}

/// The fields of the records of a dataset or a stage, as far as the pipeline declares them.
///
/// A spec may be open: then records may have more fields than the spec names. The default is the
/// spec that knows nothing, which is also that of samples other than records.
///
/// ```
/// use windrow::dataset::{Dtype, ElementSpec, FieldSpec, Record, Tensor};
/// let spec = ElementSpec::new([("x", FieldSpec::new(Dtype::F32, [None]))]);
/// assert_eq!(spec.to_string(), "{x: F32[?]}");
/// let record = Record::new().with("x", Tensor::from_slice([2], &[0.5f32, 1.0])?)?;
/// assert!(record.matches(&spec) && record.matches(&ElementSpec::unknown()));
/// assert!(!Record::new().matches(&spec));
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ElementSpec {
    /// The fields that are known; absent without any.
    fields: Option<Arc<BTreeMap<Arc<str>, FieldSpec>>>,
    /// Whether records have no other fields.
    closed: bool,
}

impl ElementSpec {
    /// Returns the spec that knows nothing.
    #[must_use]
    pub fn unknown() -> Self {
        Self::default()
    }

    /// Creates the spec of records with exactly these fields.
    #[must_use]
    pub fn new<N: Into<Arc<str>>>(fields: impl IntoIterator<Item = (N, FieldSpec)>) -> Self {
        let fields = fields.into_iter().map(|(name, field)| (name.into(), field));
        let fields: BTreeMap<Arc<str>, FieldSpec> = fields.collect();
        Self { fields: (!fields.is_empty()).then(|| Arc::new(fields)), closed: true }
    }

    /// Returns the same spec for records that may have more fields.
    #[must_use]
    pub fn open(self) -> Self {
        Self { closed: false, ..self }
    }

    /// Returns whether records may have more fields than the spec names.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.closed
    }

    /// Returns the fields that the spec names, in byte order of their names.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &FieldSpec)> {
        self.fields.iter().flat_map(|fields| fields.iter()).map(|(name, field)| (&**name, field))
    }

    /// Returns the spec of a field, which is unknown if only an open spec leaves room for the field.
    ///
    /// # Errors
    /// Returns a reason that lists the fields if no record has this field.
    pub fn field(&self, name: &str) -> Result<FieldSpec, String> {
        match self.fields.as_ref().and_then(|fields| fields.get(name)) {
            Some(field) => Ok(field.clone()),
            None if self.closed => Err(lacks(name, self.fields().map(|(name, _)| name))),
            None => Ok(FieldSpec::default()),
        }
    }

    /// Returns the spec after a change of one field.
    ///
    /// # Errors
    /// Returns the reason why no record has this field, or the reason of `change` after the field's
    /// name.
    pub fn change_field(
        &self,
        name: &str,
        change: impl FnOnce(&FieldSpec) -> Result<FieldSpec, String>,
    ) -> Result<Self, String> {
        let changed = change(&self.field(name)?).map_err(|why| format!("field {name:?}: {why}"))?;
        let mut fields = self.fields.clone().unwrap_or_default();
        Arc::make_mut(&mut fields).insert(name.into(), changed);
        Ok(Self { fields: Some(fields), closed: self.closed })
    }

    /// Returns the spec of records with exactly these of the fields.
    ///
    /// # Errors
    /// Returns the reason why no record has one of the fields.
    pub fn select<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let fields = names.into_iter().map(|name| Ok((name, self.field(name)?)));
        Ok(Self::new(fields.collect::<Result<Vec<_>, String>>()?))
    }

    /// Returns the spec of stacked records: each field with a new first axis of `size` samples, `None`
    /// if the size is unknown.
    ///
    /// # Errors
    /// Returns the name of a field that has 8 axes already.
    pub fn batched(&self, size: Option<u64>) -> Result<Self, String> {
        let Some(fields) = &self.fields else { return Ok(self.clone()) };
        let batched = fields.iter().map(|(name, field)| {
            let field = field.batched(size).map_err(|why| format!("field {name:?}: {why}"))?;
            Ok((name.clone(), field))
        });
        let batched = batched.collect::<Result<_, String>>()?;
        Ok(Self { fields: Some(Arc::new(batched)), closed: self.closed })
    }

    /// Returns what several specs have in common, or an unknown spec for none.
    pub(crate) fn merged(specs: impl IntoIterator<Item = Self>) -> Self {
        let merge = |one: Self, two: Self| {
            let same = one.fields().map(|(name, _)| name).eq(two.fields().map(|(name, _)| name));
            let both = one.fields().filter_map(|(name, field)| {
                Some((name, field.merged(two.fields.as_ref()?.get(name)?)))
            });
            Self { closed: same && one.closed && two.closed, ..Self::new(both) }
        };
        specs.into_iter().reduce(merge).unwrap_or_default()
    }
}

impl fmt::Display for ElementSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.fields().map(|(name, field)| format!("{name}: {}", field.short()));
        let mut texts: Vec<_> = fields.take(SHOWN).collect();
        if !self.closed || self.fields().nth(SHOWN).is_some() {
            texts.push("...".into());
        }
        write!(f, "{{{}}}", texts.join(", "))
    }
}

/// Returns the reason why a record with these fields lacks a field.
pub(super) fn lacks<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    format!("the record has no field {name:?}; it has {}", listed(names))
}

/// Returns the names for messages, of which it shows the first ones.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 20;
    let mut names: Vec<_> = names.take(SHOWN + 1).collect();
    if names.len() > SHOWN {
        names[SHOWN] = "…";
    }
    if names.is_empty() { "no fields".into() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Record;

    fn spec(fields: &[(&str, FieldSpec)]) -> ElementSpec {
        ElementSpec::new(fields.iter().cloned())
    }

    fn pixels() -> FieldSpec {
        FieldSpec::exact(Dtype::U8, &[8, 8])
    }

    #[test]
    fn a_record_matches_by_names_dtypes_and_known_axes() {
        let record = Record::new().with("x", Tensor::from_slice([2], &[1u8, 2]).unwrap()).unwrap();
        for (field, matches) in [
            (FieldSpec::exact(Dtype::U8, &[2]), true),
            (FieldSpec::new(Dtype::U8, [None]), true),
            (FieldSpec::of_dtype(Dtype::U8), true),
            (FieldSpec::default(), true),
            (FieldSpec::exact(Dtype::U8, &[3]), false),
            (FieldSpec::new(Dtype::U8, [None, None]), false),
            (FieldSpec::new(Dtype::U8, []), false),
            (FieldSpec::of_dtype(Dtype::I8), false),
        ] {
            assert_eq!(record.matches(&spec(&[("x", field.clone())])), matches, "{field}");
        }
        assert!(
            !record.matches(&spec(&[("x", FieldSpec::default()), ("y", FieldSpec::default())]))
        );
        assert!(!record.matches(&spec(&[])));
        let open = ElementSpec::unknown().change_field("y", |y| Ok(y.clone())).unwrap();
        assert!(!record.matches(&open));
    }

    #[test]
    fn an_open_spec_learns_what_ops_declare() {
        let open = ElementSpec::unknown();
        assert_eq!((open.to_string(), open.field("x")), ("{...}".into(), Ok(FieldSpec::default())));
        let known = open.change_field("x", |_| Ok(pixels())).unwrap();
        assert_eq!(known.to_string(), "{x: U8[8, 8], ...}");
        let one = known.select(["x", "y"]).unwrap();
        assert_eq!(one.to_string(), "{x: U8[8, 8], y: ?}");
        assert_eq!(one.field("z").unwrap_err(), "the record has no field \"z\"; it has x, y");
        assert_eq!(one.select(["z"]).unwrap_err(), one.field("z").unwrap_err());
    }

    #[test]
    fn a_batch_has_an_axis_in_front_and_room_for_it() {
        let batch = spec(&[("x", pixels())]).batched(None).unwrap();
        assert_eq!(batch.batched(Some(4)).unwrap().to_string(), "{x: U8[4, ?, 8, 8]}");
        let full = spec(&[("x", FieldSpec::exact(Dtype::U8, &[1; RANK_MAX]))]);
        let why = full.batched(None).unwrap_err();
        assert!(why.contains("field \"x\": U8 of shape [1, 1, 1, 1, 1, 1, 1, 1] has no"), "{why}");
        assert_eq!(ElementSpec::unknown().batched(None), Ok(ElementSpec::unknown()));
    }

    #[test]
    fn members_have_in_common_what_agrees() {
        let merged = |one: FieldSpec, two: FieldSpec| {
            ElementSpec::merged([spec(&[("x", one)]), spec(&[("x", two)])]).to_string()
        };
        assert_eq!(merged(pixels(), pixels()), "{x: U8[8, 8]}");
        assert_eq!(merged(pixels(), FieldSpec::exact(Dtype::I8, &[8, 9])), "{x: ?[8, ?]}");
        assert_eq!(merged(pixels(), FieldSpec::exact(Dtype::U8, &[8])), "{x: U8[...]}");
        let (one, two) = (spec(&[("x", pixels()), ("y", pixels())]), spec(&[("x", pixels())]));
        assert_eq!(
            ElementSpec::merged([one.clone(), two.clone()]).to_string(),
            "{x: U8[8, 8], ...}"
        );
        assert_eq!(ElementSpec::merged([two, one]).to_string(), "{x: U8[8, 8], ...}");
        for other in [spec(&[]), ElementSpec::unknown()] {
            let merged = ElementSpec::merged([ElementSpec::unknown(), other]);
            assert_eq!(merged, ElementSpec::unknown());
        }
        assert_eq!(spec(&[]).to_string(), "{}");
    }

    #[test]
    fn many_fields_are_cut_short() {
        let many = ElementSpec::new((0..1000).map(|n| (format!("{n:04}"), pixels())));
        assert!(many.to_string().ends_with("0015: U8[8, 8], ...}"), "{many}");
    }
}
