//! Trains a classifier of handwritten digits with burn, and survives being killed.
//!
//! What the example shows:
//! - samples of the program's own type, from the program's own [`Source`] (`data.rs`)
//! - a split into training and validation, a shuffle and an augmentation drawn anew for each epoch
//! - a validation after each epoch
//! - a checkpoint of the model, the optimiser and windrow's state, in one folder (`checkpoint.rs`)
//! - a resumed run that prints the same losses, digit by digit, as a run that nobody killed
//!
//! ```sh
//! cargo run -- /tmp/whole                    # a run to the end
//! cargo run -- /tmp/killed --kill-after 57   # a run that kills itself after step 57
//! cargo run -- /tmp/killed                   # resumes from the last checkpoint, at step 45
//! WINDROW_BACKEND=threads WINDROW_WORKERS=3 cargo run -- /tmp/other   # the same losses again
//! ```
//!
//! [`Source`]: windrow::source::Source

mod checkpoint;
mod data;
#[path = "../../common/killed.rs"]
mod killed;
mod model;

use std::error::Error;

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::Device;
use windrow::Loader;

use checkpoint::Checkpoints;
use data::Digits;
use killed::{arguments, kill_this_process};
use model::Classifier;

const SEED: u64 = 7;
const EPOCHS: u64 = 3;
const LEARNING_RATE: f64 = 0.01;
/// The number of steps between two checkpoints.
const CHECKPOINT_EVERY: u64 = 15;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    // Worker processes are this program, started again: the call does not return in a worker.
    windrow::init();
    let (folder, kill_after) = arguments()?;
    let device = Device::flex().autodiff();
    device.seed(SEED);
    let mut model = Classifier::new(&device);
    let mut optimizer = AdamConfig::new().init();

    // Recipes run in worker processes, one a core, unless WINDROW_BACKEND and WINDROW_WORKERS say
    // otherwise.
    let mut training = Loader::recipe(data::training, SEED).epochs(EPOCHS);
    let mut validation = Loader::recipe(data::validation, SEED).epochs_forever().build()?;

    let checkpoints = Checkpoints::in_folder(folder)?;
    if let Some(saved) = checkpoints.newest()? {
        model = model.try_load_file(saved.model())?;
        optimizer = optimizer.load(saved.optimizer())?;
        training = training.resume(&saved.state()?);
    }
    let mut training = training.build()?;

    // A `while let` gives the loader back after each epoch.
    while let Some(epoch) = training.by_epoch().next() {
        let number = epoch.number();
        for batch in epoch {
            let batch = batch?;
            let state = batch.state();
            let loss;
            (model, loss) = step(model, &mut optimizer, batch.into_inner(), &device);
            println!("step {}: loss {loss}", state.batches());
            if state.batches() % CHECKPOINT_EVERY == 0 {
                checkpoints.save(&model, &optimizer, &state)?;
            }
            if kill_after == Some(state.batches()) {
                kill_this_process();
            }
        }
        let (loss, accuracy) = validate(&model, &mut validation, &device)?;
        println!("epoch {number}: validation loss {loss}, accuracy {accuracy:.3}");
        // The state is now the start of the next epoch, so a resumed run does not validate again.
        checkpoints.save(&model, &optimizer, &training.state())?;
    }
    Ok(())
}

/// Trains on one batch, and returns the new model and the loss of the old one.
fn step(
    model: Classifier,
    optimizer: &mut ModuleOptimizer,
    batch: Digits,
    device: &Device,
) -> (Classifier, f32) {
    let (loss, _) = model.evaluate(batch, device);
    let value = loss.clone().into_scalar();
    let gradients = GradientsParams::from_grads(loss.backward(), &model);
    (optimizer.step(LEARNING_RATE, model, gradients), value)
}

/// Returns the mean loss and the accuracy over one epoch of the validation loader.
fn validate(
    model: &Classifier,
    loader: &mut Loader<Digits>,
    device: &Device,
) -> Result<(f64, f64)> {
    let (mut loss, mut correct, mut samples) = (0.0, 0, 0);
    for batch in loader.by_epoch().next().expect("the validation loader has no last epoch") {
        let batch = batch?.into_inner();
        let count = batch.labels.len();
        let (mean, right) = model.evaluate(batch, device);
        loss += f64::from(mean.into_scalar::<f32>()) * count as f64;
        correct += right;
        samples += count;
    }
    Ok((loss / samples as f64, correct as f64 / samples as f64))
}
