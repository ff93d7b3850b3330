//! The model: one hidden layer.

use burn::module::Module;
use burn::nn::loss::CrossEntropyLoss;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};

use crate::data::{Digits, PIXELS};

const HIDDEN: usize = 48;
const CLASSES: usize = 10;

#[derive(Module, Debug)]
pub struct Classifier {
    hidden: Linear,
    output: Linear,
}

impl Classifier {
    pub fn new(device: &Device) -> Self {
        Self {
            hidden: LinearConfig::new(PIXELS, HIDDEN).init(device),
            output: LinearConfig::new(HIDDEN, CLASSES).init(device),
        }
    }

    /// Returns the mean loss of a batch, and how many of its digits the model recognises.
    pub fn evaluate(&self, batch: Digits, device: &Device) -> (Tensor<1>, usize) {
        let count = batch.labels.len();
        let labels = batch.labels.clone();
        // Neither `Vec` is copied.
        let images = TensorData::new(batch.pixels, [count, PIXELS]);
        let targets = TensorData::new(batch.labels, [count]);
        let images = Tensor::<2>::from_data(images, device);
        let targets = Tensor::<1, Int>::from_data(targets, device);

        let logits = self.output.forward(activation::relu(self.hidden.forward(images)));
        let guesses = logits.clone().argmax(1).into_data();
        let right = guesses.iter::<i32>().zip(labels).filter(|(guess, label)| guess == label);
        let right = right.count();
        (CrossEntropyLoss::new(None, device).forward(logits, targets), right)
    }
}
