//! A batch for JavaScript: one `ArrayBuffer` for the batch alone, and the layout of the fields.
//!
//! The buffer is never a view of wasm memory, because growing the memory detaches views, and views
//! cannot be transferred.

use js_sys::{ArrayBuffer, Reflect, Uint8Array};
use serde::Serialize;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use super::errors::failed;
use crate::dataset::Record;
use crate::loader::{Batch, Progress};

/// The alignment of fields in bytes, sufficient for every typed array.
const ALIGN: u64 = 64;

#[wasm_bindgen]
extern "C" {
    /// A JavaScript object that takes each batch in one call. Several calls would cost more than a
    /// small batch.
    #[derive(Debug)]
    pub type Taker;

    /// Takes a batch.
    ///
    /// The arguments, in order:
    /// - the batch's bytes
    /// - the layout as JSON, unless unchanged since the batch before
    /// - the state as JSON
    /// - the digest
    /// - the batch's number, epoch and number in the epoch, then the loader's position, batches and
    ///   skipped samples
    /// - the keys of the samples as JSON, if the batch has keys
    #[wasm_bindgen(method, structural)]
    fn batch(
        this: &Taker,
        buffer: ArrayBuffer,
        fields: Option<&str>,
        state: &str,
        digest: Option<String>,
        numbers: &[f64],
        keys: Option<String>,
    );
}

#[derive(Serialize)]
struct Field<'a> {
    name: &'a str,
    dtype: String,
    shape: &'a [u64],
    offset: u64,
    length: u64,
}

/// Passes a batch to `taker`. `layout` is the layout of the batch before.
pub(super) fn give(
    taker: &Taker,
    batch: &Batch<Record>,
    layout: &mut String,
    progress: &Progress,
    digest: Option<String>,
) -> Result<(), JsValue> {
    let mut end = 0u64;
    let mut fields = Vec::with_capacity(batch.len());
    for (name, tensor) in batch.iter() {
        let (offset, length) = (end.next_multiple_of(ALIGN), tensor.bytes().len() as u64);
        let dtype = tensor.dtype().to_string().to_lowercase();
        fields.push(Field { name, dtype, shape: tensor.shape(), offset, length });
        end = offset + length;
    }
    let end = u32::try_from(end).map_err(|_| {
        failed("OUT_OF_MEMORY", format!("a batch of {end} bytes is over the limit of 4 GiB"))
    })?;
    let bytes = Uint8Array::new_with_length(end);
    for (field, (_, tensor)) in fields.iter().zip(batch.iter()) {
        let (start, stop) = (field.offset as u32, (field.offset + field.length) as u32);
        bytes.subarray(start, stop).copy_from(tensor.bytes());
    }
    let fields = serde_json::to_string(&fields).map_err(|error| failed("FAILED", error))?;
    let is_new = fields != *layout;
    *layout = fields;
    let fields = is_new.then_some(&**layout);
    let keys = (!batch.keys().is_empty()).then(|| serde_json::to_string(batch.keys())).transpose();
    let keys = keys.map_err(|error| failed("FAILED", error))?;
    let Progress { position, batches, skipped, .. } = *progress;
    let (epoch, number_in_epoch) = (batch.epoch(), batch.number_in_epoch());
    let numbers = [batch.number(), epoch, number_in_epoch, position, batches, skipped]
        .map(|number| number as f64);
    taker.batch(bytes.buffer(), fields, &batch.state().to_json(), digest, &numbers, keys);
    Ok(())
}

/// Creates a plain object with the given properties.
pub(super) fn object(properties: &[(&str, JsValue)]) -> Result<JsValue, JsValue> {
    let object = js_sys::Object::new();
    for (name, value) in properties {
        Reflect::set(&object, &(*name).into(), value)?;
    }
    Ok(object.into())
}
