//! Samples of the user's own types, which windrow knows through serde only.

use serde::{Deserialize, Serialize};
use windrow::dataset::{Dtype, Tensor};
use windrow::{Dataset, Result, WorkerContext, range};

use crate::work::IMAGE;

/// A picture of floats.
#[derive(Serialize, Deserialize)]
pub struct Floats {
    pub label: u32,
    pub pixels: Vec<f32>,
}

/// A picture of bytes.
#[derive(Serialize, Deserialize)]
pub struct Bytes {
    pub label: u32,
    pub pixels: Vec<u8>,
}

/// Pictures of floats in an own type.
pub fn floats(samples: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Floats> + use<>> {
    Ok(range(0..samples).map(|x| Floats { label: x as u32, pixels: vec![x as f32; IMAGE / 4] }))
}

/// Pictures of bytes in an own type.
pub fn bytes(samples: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Bytes> + use<>> {
    Ok(range(0..samples).map(|x| Bytes { label: x as u32, pixels: vec![x as u8; IMAGE] }))
}

/// The same pictures as tensors.
pub fn tensors(samples: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Tensor> + use<>> {
    Ok(range(0..samples).try_map(|x| {
        Tensor::build(Dtype::U8, [IMAGE as u64], |place| {
            place.fill(x as u8);
            Ok(())
        })
    }))
}
