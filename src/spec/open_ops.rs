//! Opening the ops of a document.

use std::sync::Arc;

use super::call::{Call, Functions, Remembered};
use super::choice::wrong;
use super::measured::Measured;
use super::op_spec::OpSpec;
use super::options::{ReverseOptions, ShardOptions};
use super::stage_options::BatchOptions;
use crate::dataset::{Batched, Dataset, Record, Split, Stack, Transform};
use crate::error::{Error, Result};
use crate::order::{Description, Parts, Shard};

/// A dataset of records whose type is known only at run time.
pub(super) type Records = Box<dyn Dataset<Sample = Record> + Send + Sync>;

/// A transform of records whose type is known only at run time. Compiled code for transformed datasets
/// then exists once, which keeps the WebAssembly small.
type RecordTransform = Box<dyn Transform<Record, Sample = Record> + Send + Sync>;

/// Returns the error of a step at its path in the document.
pub(super) fn step_error(path: &str, error: Error) -> Error {
    match error {
        Error::Spec { why, .. } => wrong(path, why),
        other => wrong(path, other.to_string()),
    }
}

impl OpSpec {
    /// Returns the word of an op that takes one picture. Such an op would take a batch of grey
    /// pictures for one picture with channels.
    pub(super) fn of_one_picture(&self) -> Option<&'static str> {
        match self {
            Self::Resize(_) => Some("resize"),
            Self::RandomCrop(_) => Some("random_crop"),
            Self::RandomFlip(_) => Some("random_flip"),
            Self::RandomRotate90(_) => Some("random_rotate90"),
            Self::RandomContrast(_) => Some("random_contrast"),
            Self::RandomErase(_) => Some("random_erase"),
            _ => None,
        }
    }

    /// Adds the op after others; `path` is the path of the op in the document.
    pub(super) fn apply(
        &self,
        dataset: Records,
        seed: u64,
        functions: &dyn Functions,
        path: &str,
    ) -> Result<Records> {
        macro_rules! each {
            ($transform:expr) => {{
                $transform.validate().map_err(|why| wrong(path, why))?;
                let transform: RecordTransform = Box::new($transform.clone());
                Box::new(dataset.transform(Measured(transform)))
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
                let dataset = dataset.transform(Measured(Call { options, seed, function }));
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

fn batch(dataset: Records, options: &BatchOptions) -> Batched<Records, Measured<Stack>> {
    let batch = dataset.batch_with(options.size, Measured(Stack { pad: options.pad }));
    if options.drop_remainder { batch.drop_remainder() } else { batch }
}
