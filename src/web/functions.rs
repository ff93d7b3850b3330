//! Functions of JavaScript over records.
//!
//! A function is called by name with the fields of a record; it belongs to its thread, so what
//! crosses threads is the name. A thrown error is the sample's fault.

use std::cell::RefCell;
use std::sync::Arc;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::{JsCast, JsValue, wasm_bindgen};

use super::files::text_of;
use crate::dataset::{Dtype, Fetched, Place, Record, Tensor};
use crate::error::Fault;
use crate::order::Rng;
use crate::spec::{CallOptions, Function, Functions};

#[wasm_bindgen]
extern "C" {
    /// What has functions by name.
    #[derive(Debug, Clone)]
    pub type Caller;

    /// Whether there is a function of that name.
    #[wasm_bindgen(method, catch)]
    fn has(this: &Caller, name: &str) -> Result<bool, JsValue>;

    /// Calls it with `[[name, dtype, shape, bytes], …]`, and gives the same kind of list back.
    #[wasm_bindgen(method, catch)]
    fn call(
        this: &Caller,
        name: &str,
        options: &str,
        fields: Array,
        random: WebRandom,
        index: f64,
    ) -> Result<Array, JsValue>;
}

thread_local! {
    static CALLER: RefCell<Option<Caller>> = const { RefCell::new(None) };
}

/// Sets what has functions in this thread.
#[wasm_bindgen]
pub fn functions(caller: Caller) {
    CALLER.set(Some(caller));
}

/// Random numbers of one sample, the same that Rust draws.
#[wasm_bindgen]
#[derive(Debug)]
pub struct WebRandom(Rng);

#[wasm_bindgen]
impl WebRandom {
    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A whole number below a bound; 0 where the bound is 0.
    pub fn below(&mut self, bound: f64) -> f64 {
        self.0.below(bound.max(0.0) as u64) as f64
    }

    /// A number from 0 up to, but not including, 1.
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
            return Err(format!("[NOT_SERVED] no function {:?} is served here", call.name));
        }
        let (name, options) = (call.name.clone(), call.options.to_string());
        Ok(Arc::new(move |place, record| {
            invoke(&name, &options, seed, place, &record)
                .map_err(|fault| fault.at(name.clone(), place.index))
        }))
    }
}

/// Functions that are served in workers and never called here.
pub(super) struct Elsewhere;

impl Functions for Elsewhere {
    fn get(&self, call: &CallOptions, _: u64) -> Result<Function, String> {
        let name = call.name.clone();
        Ok(Arc::new(move |_, _| {
            Err(Fault::new(format!("[NOT_SERVED] {name:?} is served in workers only")))
        }))
    }
}

fn invoke(name: &str, options: &str, seed: u64, place: Place, record: &Record) -> Fetched<Record> {
    let fields = Array::new();
    for (name, tensor) in record.iter() {
        let dtype = tensor.dtype().to_string().to_lowercase();
        let shape = serde_wasm_bindgen::to_value(tensor.shape())
            .map_err(|error| Fault::new(error.to_string()))?;
        let bytes = Uint8Array::from(tensor.bytes());
        fields.push(&Array::of4(&name.into(), &dtype.into(), &shape, &bytes));
    }
    let random = WebRandom(place.rng(seed));
    let caller = CALLER.with_borrow(Clone::clone).ok_or_else(|| Fault::new("no functions here"))?;
    let made = caller
        .call(name, options, fields, random, place.index as f64)
        .map_err(|thrown| Fault::new(text_of(&thrown)))?;
    let mut record = Record::new();
    for field in made.iter() {
        let (name, tensor) = field_of(&field.into())?;
        record.insert(name, tensor)?;
    }
    Ok(Some(record))
}

fn field_of(field: &Array) -> Result<(String, Tensor), Fault> {
    let text = |at| field.get(at).as_string().ok_or_else(|| Fault::new("a field without a name"));
    let (name, dtype) = (text(0)?, text(1)?.to_uppercase().parse::<Dtype>()?);
    let shape: Vec<u64> = serde_wasm_bindgen::from_value(field.get(2))
        .map_err(|error| Fault::new(format!("field {name:?}: its shape: {error}")))?;
    let bytes = field.get(3);
    let bytes = bytes
        .dyn_ref::<Uint8Array>()
        .ok_or_else(|| Fault::new(format!("field {name:?} has no bytes")))?;
    let tensor = Tensor::new(dtype, &shape, &bytes.to_vec());
    Ok((name.clone(), tensor.map_err(|fault| Fault::new(format!("field {name:?}: {fault}")))?))
}
