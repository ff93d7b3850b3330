//! Trains a small regression with candle, and survives being killed.
//!
//! What the example shows:
//! - data made in the code, with noise drawn anew for each epoch (`random_map`)
//! - a split into training and validation, and a validation after each epoch
//! - a checkpoint of the model, the optimiser and windrow's state, in one folder that is renamed whole
//! - a resumed run that prints the same losses, digit by digit, as a run that nobody killed
//!
//! candle's `AdamW` does not give its moments away, so a program could not save them. The example has
//! its own gradient descent with momentum, whose velocities are tensors that are saved with the model.
//!
//! ```sh
//! cargo run -- /tmp/whole                    # a run to the end
//! cargo run -- /tmp/killed --kill-after 57   # a run that kills itself after step 57
//! cargo run -- /tmp/killed                   # resumes from the last checkpoint, at step 50
//! ```

#[path = "../../common/killed.rs"]
mod killed;

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Module, Tensor, Var, safetensors};
use candle_nn::{Linear, loss::mse};
use windrow::order::Rng;
use windrow::{Dataset, Fault, Loader, State, range};

use killed::{arguments, kill_this_process};

const SEED: u64 = 7;
const SAMPLES: u64 = 1_000;
const BATCH: u64 = 32;
const EPOCHS: u64 = 4;
const HIDDEN: usize = 16;
const LEARNING_RATE: f64 = 0.05;
const MOMENTUM: f64 = 0.9;
/// The number of steps between two checkpoints.
const CHECKPOINT_EVERY: u64 = 10;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// A batch: the inputs, and what the model should make of them.
type Batch = (Vec<f32>, Vec<f32>);

fn main() -> Result<()> {
    let (folder, kill_after) = arguments()?;
    fs::create_dir_all(&folder)?;
    let mut model = Model::new()?;

    let points = range(0..SAMPLES).map(|x| x as f32 / SAMPLES as f32);
    let [training, validation] = points.split(SEED, [0.8, 0.2]);
    let training = training.shuffle(SEED).random_map(SEED, noisy).batch_with(BATCH, together);
    let validation = validation.map(|x| (x, wave(x))).batch_with(BATCH, together);

    // Workers are threads, one a core, unless WINDROW_BACKEND and WINDROW_WORKERS say otherwise.
    let mut training = Loader::builder(training).epochs(EPOCHS);
    let mut validation = Loader::builder(validation).epochs_forever().build()?;
    if let Some(number) = checkpoints(&folder)?.into_iter().max() {
        let saved = path(&folder, number);
        model.load(&saved)?;
        let state = fs::read_to_string(saved.join("windrow.json"))?;
        training = training.resume(&State::from_json(&state)?);
    }
    let mut training = training.build()?;

    // A `while let` gives the loader back after each epoch.
    while let Some(epoch) = training.by_epoch().next() {
        let number = epoch.number();
        for batch in epoch {
            let batch = batch?;
            let state = batch.state();
            let loss = model.loss(&batch)?;
            println!("step {}: loss {}", state.batches(), loss.to_scalar::<f32>()?);
            model.step(&loss)?;
            if state.batches() % CHECKPOINT_EVERY == 0 {
                save(&folder, &model, &state)?;
            }
            if kill_after == Some(state.batches()) {
                kill_this_process();
            }
        }
        let mut sum = 0.0;
        for batch in validation.by_epoch().next().expect("the validation loader has no last epoch")
        {
            let batch = batch?;
            sum += f64::from(model.loss(&batch)?.to_scalar::<f32>()?) * batch.0.len() as f64;
        }
        println!("epoch {number}: validation loss {}", sum / (SAMPLES as f64 * 0.2));
        // The state is now the start of the next epoch, so a resumed run does not validate again.
        save(&folder, &model, &training.state())?;
    }
    Ok(())
}

/// What the model has to learn. The triangle has the same bits on every platform, a sine does not.
fn wave(x: f32) -> f32 {
    (x * 2.0 - 1.0).abs() * 2.0 - 1.0
}

/// Measures a point, with an error of up to 0.1.
fn noisy(x: f32, rng: &mut Rng) -> (f32, f32) {
    (x, wave(x) + (rng.unit_f32() - 0.5) * 0.2)
}

/// Makes one batch of several points.
fn together(points: Vec<(f32, f32)>) -> Result<Batch, Fault> {
    Ok(points.into_iter().unzip())
}

/// Two layers, and the velocity of each of their parameters.
struct Model {
    parameters: Vec<Var>,
    velocities: Vec<Var>,
}

impl Model {
    /// Makes the model, with parameters drawn by windrow's generator: candle cannot seed its own on
    /// the CPU.
    fn new() -> Result<Self> {
        let mut rng = Rng::keyed(SEED, 0, 0, 0);
        let mut parameters = Vec::new();
        for shape in [&[HIDDEN, 1][..], &[HIDDEN], &[1, HIDDEN], &[1]] {
            let numbers = (0..shape.iter().product()).map(|_| rng.unit_f32() * 2.0 - 1.0);
            parameters.push(Var::from_vec(numbers.collect(), shape, &Device::Cpu)?);
        }
        let zeros = |of: &Var| Var::zeros(of.shape(), DType::F32, &Device::Cpu);
        let velocities = parameters.iter().map(zeros).collect::<Result<_, _>>()?;
        Ok(Self { parameters, velocities })
    }

    /// Returns the mean loss of a batch.
    fn loss(&self, (inputs, targets): &Batch) -> Result<Tensor> {
        let column =
            |numbers: &[f32]| Tensor::from_slice(numbers, (numbers.len(), 1), &Device::Cpu);
        let parameter = |at: usize| self.parameters[at].as_tensor().clone();
        let hidden = Linear::new(parameter(0), Some(parameter(1)));
        let output = Linear::new(parameter(2), Some(parameter(3)));
        let guesses = output.forward(&hidden.forward(&column(inputs)?)?.relu()?)?;
        Ok(mse(&guesses, &column(targets)?)?)
    }

    /// Changes the parameters, against the gradient of a loss.
    fn step(&mut self, loss: &Tensor) -> Result<()> {
        let gradients = loss.backward()?;
        for (parameter, velocity) in self.parameters.iter().zip(&self.velocities) {
            let gradient = gradients.get(parameter).ok_or("a parameter has no gradient")?;
            velocity.set(&((velocity.as_tensor() * MOMENTUM)? + gradient)?)?;
            parameter.set(&(parameter.as_tensor() - (velocity.as_tensor() * LEARNING_RATE)?)?)?;
        }
        Ok(())
    }

    /// Lists all that a checkpoint has to hold, by name: the model and the optimiser.
    fn tensors(&self) -> impl Iterator<Item = (String, &Var)> {
        let named = |what: &'static str, vars| {
            let vars: &Vec<Var> = vars;
            vars.iter().enumerate().map(move |(at, var)| (format!("{what}.{at}"), var))
        };
        named("parameter", &self.parameters).chain(named("velocity", &self.velocities))
    }

    fn save(&self, folder: &Path) -> Result<()> {
        let tensors: HashMap<_, _> =
            self.tensors().map(|(name, var)| (name, var.as_tensor().clone())).collect();
        Ok(safetensors::save(&tensors, folder.join("model.safetensors"))?)
    }

    fn load(&mut self, folder: &Path) -> Result<()> {
        let saved = safetensors::load(folder.join("model.safetensors"), &Device::Cpu)?;
        for (name, var) in self.tensors() {
            var.set(saved.get(&name).ok_or_else(|| format!("the checkpoint has no {name}"))?)?;
        }
        Ok(())
    }
}

/// Saves a checkpoint, and then removes the older ones.
///
/// The files are written to a folder of another name, which is renamed when all are there. A process
/// that is killed at any moment leaves the old checkpoint, the new one or both.
fn save(folder: &Path, model: &Model, state: &State) -> Result<()> {
    let older = checkpoints(folder)?;
    let unfinished = folder.join("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    fs::create_dir(&unfinished)?;
    model.save(&unfinished)?;
    fs::write(unfinished.join("windrow.json"), state.to_json())?;
    fs::rename(&unfinished, path(folder, older.iter().max().map_or(0, |newest| newest + 1)))?;
    for number in older {
        fs::remove_dir_all(path(folder, number))?;
    }
    Ok(())
}

/// Returns the numbers of the checkpoints that are whole.
fn checkpoints(folder: &Path) -> Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("checkpoint-"));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    Ok(numbers)
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("checkpoint-{number}"))
}
