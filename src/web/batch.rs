//! A batch as JavaScript gets it: one `ArrayBuffer` of its own, and what lies where.
//!
//! Never a view of wasm memory, which a growing memory detaches and which cannot be transferred.

use js_sys::{Reflect, Uint8Array};
use serde::Serialize;
use wasm_bindgen::JsValue;

use super::errors::failed;
use crate::dataset::Record;
use crate::loader::Batch;

/// Where fields start, so that any typed array can lie there.
const ALIGN: u64 = 64;

#[derive(Serialize)]
struct Field<'a> {
    name: &'a str,
    dtype: String,
    shape: &'a [u64],
    offset: u64,
    length: u64,
}

/// `{ buffer, fields, state, number }`.
pub(super) fn to_js(batch: &Batch<Record>) -> Result<JsValue, JsValue> {
    let mut end = 0u64;
    let mut fields = Vec::with_capacity(batch.len());
    for (name, tensor) in batch.iter() {
        let (offset, length) = (end.next_multiple_of(ALIGN), tensor.bytes().len() as u64);
        let dtype = tensor.dtype().to_string().to_lowercase();
        fields.push(Field { name, dtype, shape: tensor.shape(), offset, length });
        end = offset + length;
    }
    let end = u32::try_from(end)
        .map_err(|_| failed("OUT_OF_MEMORY", format!("a batch of {end} bytes is too large")))?;
    let bytes = Uint8Array::new_with_length(end);
    for (field, (_, tensor)) in fields.iter().zip(batch.iter()) {
        let (start, stop) = (field.offset as u32, (field.offset + field.length) as u32);
        bytes.subarray(start, stop).copy_from(tensor.bytes());
    }
    let fields = serde_wasm_bindgen::to_value(&fields)?;
    object(&[
        ("buffer", bytes.buffer().into()),
        ("fields", fields),
        ("state", batch.state().to_json().into()),
        ("number", (batch.number() as f64).into()),
    ])
}

/// A plain object of these properties.
pub(super) fn object(properties: &[(&str, JsValue)]) -> Result<JsValue, JsValue> {
    let object = js_sys::Object::new();
    for (name, value) in properties {
        Reflect::set(&object, &(*name).into(), value)?;
    }
    Ok(object.into())
}
