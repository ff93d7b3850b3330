//! `select`: keeps some of the fields.

use serde::{Deserialize, Serialize};

use crate::dataset::{ElementSpec, Record, SampleContext, SampleResult, Transform};
use crate::order::Op;

/// Keeps the fields of these names and drops the others.
///
/// The fields of the result are in byte order of their names, whatever order the option lists.
///
/// ```
/// use windrow::dataset::{Record, Tensor};
/// use windrow::spec::ops::Select;
/// use windrow::{Dataset, from_vec};
/// let record = Record::new().with("x", Tensor::scalar(1u8))?.with("y", Tensor::scalar(2u8))?;
/// let chosen = from_vec(vec![record]).transform(Select::new(["y"]));
/// assert_eq!(chosen.get(0)?, Some(Record::new().with("y", Tensor::scalar(2u8))?));
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Select {
    /// The names of the fields to keep: at least one, each once.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), extend("uniqueItems" = true)))]
    pub fields: Vec<String>,
}

impl Select {
    /// Creates an op that keeps the fields of these names.
    #[must_use]
    pub fn new<F: Into<String>>(fields: impl IntoIterator<Item = F>) -> Self {
        Self { fields: fields.into_iter().map(Into::into).collect() }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// Returns the reason for an empty list, or for a name that the list has twice.
    pub fn validate(&self) -> Result<(), String> {
        if self.fields.is_empty() {
            return Err("`fields` is empty; give at least one name".into());
        }
        let mut names: Vec<_> = self.fields.iter().collect();
        names.sort();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("`fields` has {:?} twice; give each name once", pair[0])),
            None => Ok(()),
        }
    }
}

impl Transform<Record> for Select {
    type Sample = Record;

    fn is_same_each_epoch(&self) -> bool {
        true
    }

    fn apply(&self, _: SampleContext, mut record: Record) -> SampleResult<Record> {
        for name in &self.fields {
            record.field(name)?;
        }
        record.retain(|name| self.fields.iter().any(|field| field == name));
        Ok(Some(record))
    }

    fn element_spec(&self, samples: &ElementSpec) -> Result<ElementSpec, String> {
        self.validate()?;
        samples.select(self.fields.iter().map(String::as_str))
    }

    fn op(&self) -> Op {
        self.fields.iter().fold(Op::new("select"), |op, name| op.with("field", name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, Tensor};
    use crate::source::from_vec;

    fn select(fields: &[&str]) -> Select {
        Select { fields: fields.iter().map(|&name| name.into()).collect() }
    }

    #[test]
    fn a_field_that_is_not_there_is_named() {
        let record = Record::new().with("x", Tensor::scalar(1u8)).unwrap();
        let fault = from_vec(vec![record]).transform(select(&["x", "z"])).get(0).unwrap_err();
        let want = "select of index 0: the record has no field \"z\"; it has x";
        assert_eq!(fault.to_string(), want);
    }

    #[test]
    fn options_are_checked_and_described() {
        assert!(select(&["a", "b"]).validate().is_ok());
        assert!(select(&[]).validate().unwrap_err().contains("empty"));
        assert!(select(&["a", "b", "a"]).validate().unwrap_err().contains("\"a\" twice"));
        assert_eq!(select(&["a", "b,c"]).op().to_string(), "select(field=a,field=b%2cc)");
        assert!(serde_json::from_str::<Select>(r#"{"fields":[],"field":1}"#).is_err());
    }
}
