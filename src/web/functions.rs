//! JavaScript functions over records, and JavaScript sources of records.
//!
//! A function belongs to its thread, so only its name crosses threads. The binding calls a function
//! by name with the fields of a record. A thrown error becomes the sample's fault. For functions
//! that return promises, see [`answers`].

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::{JsCast, JsValue, wasm_bindgen};

use super::answers;
use super::files::text_of;
use crate::dataset::{Dtype, Record, SampleContext, SampleResult, Tensor};
use crate::error::Fault;
use crate::order::Rng;
use crate::spec::{CallOptions, Function, Functions, Made, ServedOptions, ServedSource};

/// The largest integer that JavaScript numbers represent exactly.
const EXACT_MAX: f64 = 9_007_199_254_740_991.0;

#[wasm_bindgen]
extern "C" {
    /// A JavaScript object that calls functions by name.
    #[derive(Debug, Clone)]
    pub type Caller;

    /// Returns `true` if a function has this name.
    #[wasm_bindgen(method, catch)]
    fn has(this: &Caller, name: &str) -> Result<bool, JsValue>;

    /// Calls a function with `[[name, dtype, shape, bytes], …]`, and returns the same kind of list.
    ///
    /// Returns `undefined` for an answer that comes later, with the same op number and index.
    #[wasm_bindgen(method, catch)]
    fn call(
        this: &Caller,
        name: &str,
        options: &str,
        fields: Array,
        random: WebRandom,
        op: f64,
        index: f64,
    ) -> Result<Option<Array>, JsValue>;

    /// Returns the length of a source, or `undefined` if no source has this name.
    #[wasm_bindgen(method, catch)]
    fn length(this: &Caller, name: &str) -> Result<Option<f64>, JsValue>;

    /// Returns a record of a source, as [`Caller::call`] does.
    #[wasm_bindgen(method, catch)]
    fn get(this: &Caller, name: &str, index: f64) -> Result<Option<Array>, JsValue>;
}

thread_local! {
    static CALLER: RefCell<Option<Caller>> = const { RefCell::new(None) };
}

/// Sets the object that calls functions in this thread.
#[wasm_bindgen]
pub fn functions(caller: Caller) {
    CALLER.set(Some(caller));
}

/// The random numbers of one sample, the same numbers that Rust draws.
#[wasm_bindgen]
#[derive(Debug)]
pub struct WebRandom(Rng);

#[wasm_bindgen]
impl WebRandom {
    /// Returns 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Returns an integer below `bound`, or 0 if `bound` is 0.
    pub fn below(&mut self, bound: f64) -> f64 {
        self.0.below(bound.max(0.0) as u64) as f64
    }

    /// Returns a number in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        self.0.unit_f64()
    }
}

/// The functions served in this thread.
pub(super) struct Served;

impl Functions for Served {
    fn get(&self, call: &CallOptions, seed: u64) -> Result<Function, String> {
        let there = CALLER.with_borrow(|caller| match caller {
            Some(caller) => caller.has(&call.name).map_err(|error| text_of(&error)),
            None => Ok(false),
        })?;
        if !there {
            return Err(format!(
                "[NOT_SERVED] no function {:?} is served here; give `worker` a file that serves the function, or \
                 use ops.js({{ module, export }})",
                call.name
            ));
        }
        let (name, options) = (call.name.clone(), call.options.to_string());
        Ok(Arc::new(move |place, record| {
            invoke(&name, &options, seed, place, &record)
                .map_err(|fault| fault.at(name.clone(), place.index_in_epoch()))
        }))
    }

    fn made(&self, _: &CallOptions) -> Option<Made> {
        Some(Arc::new(answers::answered))
    }

    fn source(&self, served: &ServedOptions) -> Result<ServedSource, String> {
        let name = served.name.clone();
        let length = CALLER.with_borrow(|caller| match caller {
            Some(caller) => caller.length(&name).map_err(|error| text_of(&error)),
            None => Ok(None),
        })?;
        let len = whole(&name, length)?;
        let get = move |index| match answers::answer(0, index) {
            Some(answer) => {
                answer?.ok_or_else(|| Fault::new("a source must return a record for every index"))
            }
            None => fetched(&name, index),
        };
        Ok(ServedSource { len, get: Arc::new(get) })
    }
}

/// Returns the length of a source, if JavaScript numbers represent the length exactly.
fn whole(name: &str, length: Option<f64>) -> Result<u64, String> {
    let length = length.ok_or_else(|| format!("[NOT_SERVED] no source {name:?} is served here; serve the source in the file for `worker`"))?;
    if length.fract() == 0.0 && (0.0..=EXACT_MAX).contains(&length) {
        return Ok(length as u64);
    }
    Err(format!(
        "the source {name:?} has length {length}; return a whole number from 0 to 2^53 - 1"
    ))
}

fn fetched(name: &str, index: u64) -> Result<Record, Fault> {
    let caller = CALLER
        .with_borrow(Clone::clone)
        .ok_or_else(|| Fault::new("this thread serves no sources"))?;
    let made = caller.get(name, index as f64).map_err(|thrown| Fault::new(text_of(&thrown)))?;
    record_of(&made.ok_or_else(answers::wait)?)
}

/// Functions and sources that workers serve, and that this thread never calls.
pub(super) struct Elsewhere<'a> {
    /// The lengths of sources, as a worker reported them.
    pub(super) lengths: &'a HashMap<String, f64>,
}

impl Functions for Elsewhere<'_> {
    fn get(&self, call: &CallOptions, _: u64) -> Result<Function, String> {
        let name = call.name.clone();
        Ok(Arc::new(move |_, _| {
            Err(Fault::new(format!("[NOT_SERVED] {name:?} is served in workers only")))
        }))
    }

    fn source(&self, served: &ServedOptions) -> Result<ServedSource, String> {
        let name = served.name.clone();
        let len = whole(&name, self.lengths.get(&name).copied())?;
        let why = format!("[NOT_SERVED] the source {name:?} is served in workers only");
        Ok(ServedSource { len, get: Arc::new(move |_| Err(Fault::new(why.clone()))) })
    }
}

/// Accepts a later answer: the fields that the function returned, or the reason for a failure.
#[wasm_bindgen]
pub fn settle(name: &str, op: f64, index: f64, made: Option<Array>, why: Option<String>) {
    let record = match (made, why) {
        (Some(made), _) => record_of(&made),
        (None, why) => Err(Fault::new(why.unwrap_or_default())),
    };
    let record = record.map_err(|fault| fault.at(name.to_owned(), index as u64));
    answers::keep(op as u64, index as u64, record.map(Some));
}

fn invoke(
    name: &str,
    options: &str,
    seed: u64,
    place: SampleContext,
    record: &Record,
) -> SampleResult<Record> {
    let fields = Array::new();
    for (name, tensor) in record.iter() {
        let dtype = tensor.dtype().to_string().to_lowercase();
        let shape = serde_wasm_bindgen::to_value(tensor.shape())
            .map_err(|error| Fault::new(error.to_string()))?;
        let bytes = Uint8Array::from(tensor.bytes());
        fields.push(&Array::of4(&name.into(), &dtype.into(), &shape, &bytes));
    }
    let random = WebRandom(place.rng(seed));
    let caller = CALLER
        .with_borrow(Clone::clone)
        .ok_or_else(|| Fault::new("this thread serves no functions"))?;
    let made = caller
        .call(name, options, fields, random, place.op as f64, place.index as f64)
        .map_err(|thrown| Fault::new(text_of(&thrown)))?;
    record_of(&made.ok_or_else(answers::wait)?).map(Some)
}

fn record_of(fields: &Array) -> Result<Record, Fault> {
    let mut record = Record::new();
    for field in fields.iter() {
        let (name, tensor) = field_of(&field.into())?;
        record.insert(name, tensor)?;
    }
    Ok(record)
}

fn field_of(field: &Array) -> Result<(String, Tensor), Fault> {
    let text =
        |at| field.get(at).as_string().ok_or_else(|| Fault::new("a field has no name or dtype"));
    let (name, dtype) = (text(0)?, text(1)?.to_uppercase().parse::<Dtype>()?);
    let shape: Vec<u64> = serde_wasm_bindgen::from_value(field.get(2))
        .map_err(|error| Fault::new(format!("field {name:?}: wrong shape: {error}")))?;
    let bytes = field.get(3);
    let bytes = bytes
        .dyn_ref::<Uint8Array>()
        .ok_or_else(|| Fault::new(format!("field {name:?} has no bytes")))?;
    let tensor = Tensor::new(dtype, &shape, &bytes.to_vec());
    Ok((name.clone(), tensor.map_err(|fault| Fault::new(format!("field {name:?}: {fault}")))?))
}
