//! Opening a document as a pipeline that a loader runs.

use std::sync::Arc;

use super::call::{Call, Functions, NoFunctions, Remembered};
use super::choice::wrong;
use super::document::{OpSpec, Spec};
use super::keys::WithKeys;
use super::open_stages::RecordStages;
use super::options::{ReverseOptions, ShardOptions};
use super::served::Served;
use super::source_spec::SourceSpec;
use super::stage_options::BatchOptions;
use crate::dataset::{
    Batched, Dataset, Dtype, ElementSpec, FieldSpec, Record, Split, Stack, Tensor,
};
use crate::error::{Error, Fault, Result};
use crate::order::{Description, Parts, Shard};
use crate::source::{Csv, Files, Idx, Images, Jsonl, Npy, Range, Source, Tar, from_source};
use crate::stage::{Bare, Ordered};

/// A dataset of records whose type is known only at run time.
type Records = Box<dyn Dataset<Sample = Record> + Send + Sync>;

/// The pipeline of a document, as [`Spec::open`] returns it.
pub type SpecPipeline = Ordered<Records, RecordStages>;

impl Spec {
    /// Opens the source and builds the pipeline.
    ///
    /// # Errors
    /// Returns the source's error if a file is missing or unsound, or [`Error::Spec`] with the path
    /// of the step that cannot work.
    pub fn open(&self, files: &dyn Files) -> Result<SpecPipeline> {
        self.open_with(files, &NoFunctions)
    }

    /// Opens the source and builds the pipeline of a document that calls `functions`.
    ///
    /// # Errors
    /// Returns the errors of [`open`](Self::open), and [`Error::Spec`] for a function or a served
    /// source that `functions` does not have.
    pub fn open_with(&self, files: &dyn Files, functions: &dyn Functions) -> Result<SpecPipeline> {
        let mut dataset = self.source.open(files, functions)?;
        let mut attach = self.keys;
        for (number, op) in self.ops.iter().enumerate() {
            let path = format!("$.ops[{number}]");
            if attach && matches!(op, OpSpec::Batch(_)) {
                dataset = Box::new(WithKeys { dataset, attach, describe: false });
                attach = false;
            }
            dataset = op.apply(dataset, self.seed, functions, &path)?;
            dataset.check().map_err(|error| step_error(&path, error))?;
        }
        if self.keys {
            dataset = Box::new(WithKeys { dataset, attach, describe: true });
        }
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

/// Returns the error of a step at its path in the document.
fn step_error(path: &str, error: Error) -> Error {
    match error {
        Error::Spec { why, .. } => wrong(path, why),
        other => wrong(path, other.to_string()),
    }
}

impl SourceSpec {
    fn open(&self, files: &dyn Files, functions: &dyn Functions) -> Result<Records> {
        Ok(match self {
            Self::Range(options) => {
                if options.end < options.start {
                    let why = format!(
                        "end {} is before start {}; give an end from start on",
                        options.end, options.start
                    );
                    return Err(wrong("$.source.end", why));
                }
                Box::new(from_source(Numbers(Range::new(options.start..options.end))))
            }
            Self::Csv(options) => Box::new(from_source(Csv::open(files, options)?)),
            Self::Npy(options) => Box::new(from_source(Npy::open(files, options)?)),
            Self::Idx(options) => Box::new(from_source(Idx::open(files, options)?)),
            Self::Tar(options) => Box::new(from_source(Tar::open(files, options)?)),
            Self::Jsonl(options) => Box::new(from_source(Jsonl::open(files, options)?)),
            Self::Images(options) => Box::new(from_source(Images::open(files, options)?)),
            Self::Served(options) => {
                let found = functions.source(options).map_err(|why| wrong("$.source", why))?;
                Box::new(from_source(Served { options: options.clone(), source: found }))
            }
        })
    }
}

/// A source of the numbers of a range, as records.
struct Numbers(Range);

impl Source for Numbers {
    type Sample = Record;
    type Error = Fault;

    fn len(&self) -> u64 {
        self.0.len()
    }

    fn get(&self, index: u64) -> Result<Record, Fault> {
        Record::new().with("value", Tensor::scalar(self.0.get(index)?))
    }

    fn op(&self) -> crate::order::Op {
        self.0.op()
    }

    fn element_spec(&self) -> ElementSpec {
        ElementSpec::new([("value", FieldSpec::new(Dtype::U64, []))])
    }
}

impl OpSpec {
    fn apply(
        &self,
        dataset: Records,
        seed: u64,
        functions: &dyn Functions,
        path: &str,
    ) -> Result<Records> {
        macro_rules! each {
            ($transform:expr) => {{
                $transform.validate().map_err(|why| wrong(path, why))?;
                Box::new(dataset.transform($transform.clone()))
            }};
        }
        macro_rules! random {
            ($transform:expr) => {{
                let mut own = $transform.clone();
                own.seed.get_or_insert(seed);
                each!(own)
            }};
        }
        Ok(match self {
            Self::Shuffle(options) => Box::new(dataset.shuffle(options.seed.unwrap_or(seed))),
            Self::ShuffleOnce(options) => {
                Box::new(dataset.shuffle_once(options.seed.unwrap_or(seed)))
            }
            Self::GrainShuffle(options) => Box::new(dataset.shuffle_like_grain(options.seed)),
            Self::WindowShuffle(options) => {
                Box::new(dataset.window_shuffle(options.seed.unwrap_or(seed), options.window))
            }
            Self::Subset(options) => Box::new(dataset.subset(&*options.indices)),
            Self::Reverse(ReverseOptions {}) => Box::new(dataset.reverse()),
            Self::Split(options) => {
                let seed = options.seed.unwrap_or(seed);
                let parts = Arc::new(Parts::new(&*options.parts));
                Box::new(Split::new(Arc::new(dataset), seed, parts, options.part))
            }
            Self::WeightedSample(options) => {
                let seed = options.seed.unwrap_or(seed);
                let drawn = dataset.weighted_sample(seed, &options.weights, options.count);
                Box::new(if options.replacement { drawn } else { drawn.without_replacement() })
            }
            Self::ClassBalanced(options) => {
                let seed = options.seed.unwrap_or(seed);
                Box::new(dataset.class_balanced(seed, &options.labels, options.count))
            }
            Self::Sample(options) => Box::new(dataset.sample(options.count)),
            Self::Slice(options) => {
                let end = options.end.unwrap_or(u64::MAX);
                Box::new(dataset.slice(options.start..end).step_by(options.step))
            }
            Self::Repeat(options) => {
                let repeat = dataset.repeat(options.epochs);
                Box::new(if options.same_each_epoch { repeat.same_each_epoch() } else { repeat })
            }
            Self::Cache(options) => Box::new(dataset.cache(options.bytes)),
            Self::Shard(options) => {
                Box::new(dataset.shard(shard(options).map_err(|why| wrong(path, why))?))
            }
            Self::Batch(_) if dataset.has_gaps() => {
                let why = "batches cannot be made over the gaps that an op before this one leaves; \
                           move it to $.stages as {\"stage\": \"batch\", …}, after they are closed";
                return Err(wrong(path, why));
            }
            Self::Batch(options) => Box::new(batch(dataset, options)),
            Self::Select(select) => each!(select),
            Self::Cast(cast) => each!(cast),
            Self::Reshape(reshape) => each!(reshape),
            Self::Scale(scale) => each!(scale),
            Self::OneHot(one_hot) => each!(one_hot),
            Self::Filter(filter) => each!(filter),
            Self::DecodeImage(decode_image) => each!(decode_image),
            Self::DecodeNumber(decode_number) => each!(decode_number),
            Self::Resize(resize) => each!(resize),
            Self::Normalize(normalize) => each!(normalize),
            Self::RandomCrop(crop) => random!(crop),
            Self::RandomFlip(flip) => random!(flip),
            Self::RandomRotate90(rotate) => random!(rotate),
            Self::RandomBrightness(brightness) => random!(brightness),
            Self::RandomContrast(contrast) => random!(contrast),
            Self::RandomErase(erase) => random!(erase),
            Self::Noise(noise) => random!(noise),
            Self::GaussianNoise(noise) => random!(noise),
            Self::Call(options) => {
                let (options, seed) = (options.clone(), options.seed.unwrap_or(seed));
                let function = functions.get(&options, seed).map_err(|why| wrong(path, why))?;
                let made = functions.made(&options);
                let mut below = Description::default();
                dataset.describe(&mut below);
                let dataset = dataset.transform(Call { options, seed, function });
                match made {
                    Some(made) => Box::new(Remembered { dataset, made, op: below.len() as u64 }),
                    None => Box::new(dataset),
                }
            }
        })
    }
}

fn shard(options: &ShardOptions) -> Result<Shard, String> {
    let shard =
        Shard::new(options.index, options.count).map_err(|error: Error| error.to_string())?;
    let shard = if options.strided { shard.strided() } else { shard };
    match (options.drop_remainder, options.pad_remainder) {
        (true, true) => Err("drop_remainder and pad_remainder exclude each other; \
                             remove one of the two"
            .into()),
        (true, false) => Ok(shard.drop_remainder()),
        (false, true) => Ok(shard.pad_remainder()),
        (false, false) => Ok(shard),
    }
}

fn batch(dataset: Records, options: &BatchOptions) -> Batched<Records, Stack> {
    let batch = dataset.batch_with(options.size, Stack { pad: options.pad });
    if options.drop_remainder { batch.drop_remainder() } else { batch }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::MemoryFiles;

    fn open(ops: &str, stages: &str) -> Result<SpecPipeline> {
        let text = format!(
            r#"{{"version":1,"seed":3,"source":{{"kind":"range","end":20}},"ops":[{ops}],"stages":[{stages}]}}"#
        );
        Spec::from_json(&text)?.open(&MemoryFiles::default())
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
                "slice is 0..8 of an order that `shuffle` makes anew for each epoch",
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
            (r#"{"op":"shuffle"},{"op":"split","parts":[1],"part":0}"#, "", "$.ops[1]", "anew"),
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
