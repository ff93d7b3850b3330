//! Opening a document as a pipeline that a loader runs.

use super::call::{Functions, NoFunctions};
use super::document::Spec;
use super::open_ops::{Records, step_error};
use super::open_source::Opening;
use super::open_stages::RecordStages;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::source::Files;
use crate::stage::{Bare, Ordered, Stages};

/// The pipeline of a document, as [`Spec::open`] returns it.
pub type SpecPipeline = Ordered<Records, RecordStages>;

impl Spec {
    /// Opens the source and builds the pipeline.
    ///
    /// # Errors
    /// Returns the source's error if a file is missing or unsound, or
    /// [`Error::Spec`](crate::Error::Spec) with the path of the step that cannot work.
    pub fn open(&self, files: &dyn Files) -> Result<SpecPipeline> {
        self.open_with(files, &NoFunctions)
    }

    /// Opens the source and builds the pipeline of a document that calls `functions`.
    ///
    /// # Errors
    /// Returns the errors of [`open`](Self::open), and [`Error::Spec`](crate::Error::Spec) for a
    /// function or a served source that `functions` does not have.
    pub fn open_with(&self, files: &dyn Files, functions: &dyn Functions) -> Result<SpecPipeline> {
        let opening = Opening { files, functions, seed: self.seed, keys: self.keys };
        let dataset = opening.records(&self.source, &self.ops, "$")?.records;
        let spec = dataset.element_spec();
        let mut stages: RecordStages = Box::new(Bare);
        for (number, stage) in self.stages.iter().enumerate() {
            stages = stage.after(stages);
            let checked = stages.check().and_then(|()| stages.element_spec(&spec));
            checked.map_err(|error| step_error(&format!("$.stages[{number}]"), error))?;
        }
        Ok(Ordered::from_parts(dataset, stages, self.epochs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::source::MemoryFiles;

    fn open(ops: &str, stages: &str) -> Result<SpecPipeline> {
        let text = format!(
            r#"{{"version":1,"seed":3,"source":{{"kind":"range","end":20}},"ops":[{ops}],"stages":[{stages}]}}"#
        );
        Spec::from_json(&text)?.open(&MemoryFiles::default())
    }

    #[test]
    fn a_part_that_cannot_work_is_named_by_its_path() {
        let range = r#"{"kind":"range","end":4}"#;
        let pixel = r#"{"op":"reshape","field":"value","shape":[1,1]},{"op":"batch","size":2}"#;
        for (source, rest, says) in [
            (
                format!(
                    r#"{{"kind":"concat","parts":[{{"source":{range},"ops":[{{"op":"slice","step":0}}]}}]}}"#
                ),
                "",
                "$.source.parts[0].ops[0]: slice.step is 0",
            ),
            (
                r#"{"kind":"mix","parts":[{"source":{"kind":"range","start":2,"end":1}}]}"#.into(),
                "",
                "$.source.parts[0].source.end: end 1 is before start 2",
            ),
            (
                format!(r#"{{"kind":"mix","parts":[{{"source":{range},"weight":0}}]}}"#),
                "",
                "$.source: mix is made with weight 0",
            ),
            (
                format!(
                    r#"{{"kind":"concat","parts":[{{"source":{range},"ops":[{{"op":"batch","size":2}}]}}]}}"#
                ),
                r#","keys":true"#,
                "$.source.parts[0].ops[0]: batches of a part have no keys",
            ),
            (
                format!(r#"{{"kind":"concat","parts":[{{"source":{range},"ops":[{pixel}]}}]}}"#),
                r#","ops":[{"op":"random_flip","field":"value"}]"#,
                "$.ops[0]: random_flip takes one picture",
            ),
        ] {
            let text = format!(r#"{{"version":1,"source":{source}{rest}}}"#);
            let opened = Spec::from_json(&text).unwrap().open(&MemoryFiles::default());
            let message = opened.err().unwrap().to_string();
            assert!(message.starts_with(says), "{message}");
        }
    }

    #[test]
    fn a_step_that_cannot_work_is_named_by_its_path() {
        for (ops, stages, path, reason) in [
            (r#"{"op":"shuffle"},{"op":"batch","size":0}"#, "", "$.ops[1]", "batch.size is 0"),
            (r#"{"op":"shard","index":2,"count":2}"#, "", "$.ops[0]", "2 of 2"),
            (
                r#"{"op":"shard","index":0,"count":2,"drop_remainder":true,"pad_remainder":true}"#,
                "",
                "$.ops[0]",
                "exclude each other",
            ),
            (r#"{"op":"slice","step":0}"#, "", "$.ops[0]", "step"),
            (
                r#"{"op":"shuffle"},{"op":"batch","size":2},{"op":"slice","end":8}"#,
                "",
                "$.ops[2]",
                "slice is 0..8 of an order that is new in each epoch, as after `shuffle`",
            ),
            (r#"{"op":"sample","count":3}"#, "", "$.ops[0]", "sample is 3 of an order"),
            (r#"{"op":"subset","indices":[3,20]}"#, "", "$.ops[0]", "subset is 20 at place 1"),
            (r#"{"op":"subset","indices":[3,-1]}"#, "", "$.ops[0].indices[1]", "-1"),
            (
                r#"{"op":"weighted_sample","weights":[1],"count":3}"#,
                "",
                "$.ops[0]",
                "a list of 1 weights for 20 samples",
            ),
            (
                r#"{"op":"weighted_sample","weights":[1,"2"],"count":3}"#,
                "",
                "$.ops[0].weights[1]",
                "a number",
            ),
            (
                r#"{"op":"class_balanced","labels":[1,2],"count":3}"#,
                "",
                "$.ops[0]",
                "a list of 2 labels for 20 samples",
            ),
            (r#"{"op":"shuffle"},{"op":"cache","bytes":9}"#, "", "$.ops[1]", "as after `shuffle`"),
            (r#"{"op":"window_shuffle","window":0}"#, "", "$.ops[0]", "window_shuffle.window is 0"),
            (r#"{"op":"reverse","by":2}"#, "", "$.ops[0].by", "\"by\"; remove it"),
            (
                r#"{"op":"shuffle"},{"op":"split","parts":[1],"part":0}"#,
                "",
                "$.ops[1]",
                "new in each epoch",
            ),
            (r#"{"op":"split","parts":[0.8,0.1],"part":0}"#, "", "$.ops[0]", "[0.8, 0.1]"),
            (r#"{"op":"split","parts":[0.8,0.2],"part":2}"#, "", "$.ops[0]", "split.part is 2"),
            (r#"{"op":"split","parts":[0.8,"x"],"part":0}"#, "", "$.ops[0].parts[1]", "a number"),
            (
                r#"{"op":"filter","field":"value","is":"<","value":3},{"op":"batch","size":2}"#,
                "",
                "$.ops[1]",
                "move it to $.stages as {\"stage\": \"batch\", …}",
            ),
            (
                "",
                r#"{"stage":"limit","count":1},{"stage":"batch","size":0}"#,
                "$.stages[1]",
                "size",
            ),
            (
                "",
                r#"{"stage":"bucket_by_length","field":"value","boundaries":[3,3],"size":1}"#,
                "$.stages[0]",
                "bucket_by_length.boundaries",
            ),
            (
                r#"{"op":"cast","field":"value","dtype":"F32"}"#,
                r#"{"stage":"batch_by_budget","field":"value","budget":1}"#,
                "$.stages[0]",
                "field \"value\": a float is no length",
            ),
            (
                "",
                r#"{"stage":"pack","lengths":{"value":1,"other":2},"open":1}"#,
                "$.stages[0]",
                "no field \"other\"",
            ),
            ("", r#"{"stage":"pack","lengths":{},"open":1}"#, "$.stages[0]", "0 fields"),
            (
                "",
                r#"{"stage":"pack","lengths":{"value":16777217},"open":1}"#,
                "$.stages[0]",
                "pack.lengths of \"value\" is 16777217",
            ),
            (
                "",
                r#"{"stage":"pack","lengths":{"value":-1},"open":1}"#,
                "$.stages[0].lengths.value",
                "-1",
            ),
            (
                r#"{"op":"reshape","field":"value","shape":[1]}"#,
                r#"{"stage":"pack","lengths":{"value":1},"open":1025}"#,
                "$.stages[0]",
                "pack.open is 1025",
            ),
            (
                "",
                r#"{"stage":"concat_then_split","lengths":{"value":3}}"#,
                "$.stages[0]",
                "has no axis to pack along",
            ),
            (
                r#"{"op":"reshape","field":"value","shape":[1,1]},{"op":"batch","size":4},
                   {"op":"random_flip","field":"value"}"#,
                "",
                "$.ops[2]",
                "random_flip takes one picture, but the op `batch` before it stacks the pictures",
            ),
            (
                r#"{"op":"class_balanced","labels":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],"count":3},
                   {"op":"split","parts":[1],"part":0}"#,
                "",
                "$.ops[1]",
                "split is made of an order that is new in each epoch, as after `shuffle`, \
                 `weighted_sample` or `class_balanced`",
            ),
            (
                r#"{"op":"noise","field":"value","lower":-1.7e308,"upper":1.7e308}"#,
                "",
                "$.ops[0]",
                "`lower` is -1.7e308 and `upper` is 1.7e308, which lie too far apart",
            ),
            (
                r#"{"op":"resize","field":"value","height":3.0,"width":1}"#,
                "",
                "$.ops[0].height",
                "expected a whole number of 0 or more, found 3.0",
            ),
            (
                r#"{"op":"decode_image","field":"value","channels":300}"#,
                "",
                "$.ops[0].channels",
                "expected a smaller whole number, found 300",
            ),
            (
                r#"{"op":"random_erase","field":"value","scale":[1]}"#,
                "",
                "$.ops[0].scale",
                "expected a list of 2, found a list of 1",
            ),
            (
                r#"{"op":"random_flip","field":"value","direction":null}"#,
                "",
                "$.ops[0].direction",
                "expected one of horizontal, vertical, found null",
            ),
            ("", r#"{"stage":"unbatch"}"#, "$.stages[0]", "a scalar has no rows"),
            ("", r#"{"stage":"unbatch","by":1}"#, "$.stages[0].by", "remove it"),
            (
                r#"{"op":"filter","field":"value","op_":"<","value":3}"#,
                "",
                "$.ops[0].op_",
                "unknown",
            ),
        ] {
            let error = open(ops, stages).err().unwrap();
            let Error::Spec { path: got, why } = &error else { panic!("{error}") };
            assert_eq!(got, path, "{why}");
            assert!(why.contains(reason), "{why:?} lacks {reason:?}");
            assert!(!why.contains("()") && !why.contains("(.."), "{why:?} speaks of Rust");
        }
    }
}
