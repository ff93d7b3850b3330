//! A worker's side: the random-access part of a pipeline, and requests to answer.

use std::cell::OnceCell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use js_sys::Uint8Array;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use super::answers::{self, Awaiting, Tried};
use super::errors::{failed, thrown};
use super::files::Provided;
use super::functions::Served;
use crate::backend::Inline;
use crate::backend::web::{Reply, serve};
use crate::loader::Loader;
use crate::spec::Spec;

/// Makes the samples of a pipeline for a loader elsewhere.
#[wasm_bindgen]
pub struct WebWorker {
    /// After a panic outside of a sample JavaScript gives the whole program up.
    work: AssertUnwindSafe<Awaiting>,
    fingerprint: String,
}

#[wasm_bindgen]
impl WebWorker {
    /// Opens a pipeline document; its files are those provided in this thread.
    ///
    /// # Errors
    /// What the document or its files have wrong.
    #[wasm_bindgen(constructor)]
    pub fn new(document: &str) -> Result<WebWorker, JsValue> {
        let spec = Spec::from_json(document).map_err(|error| thrown(&error))?;
        let pipeline = spec.open_with(&Provided, &Served).map_err(|error| thrown(&error))?;
        let taken = Rc::new(OnceCell::new());
        let place = taken.clone();
        // A loader checks the pipeline and says its fingerprint; its work is what is wanted here.
        let loader = Loader::builder(pipeline)
            .custom_backend(move |work, _| {
                _ = place.set(work.clone());
                Ok(Box::new(Inline::shared(work)))
            })
            .workers(1)
            .build()
            .map_err(|error| thrown(&error))?;
        let work = taken.get().cloned().ok_or_else(|| failed("WORKER", "there is no work"))?;
        Ok(Self {
            work: AssertUnwindSafe(Awaiting(work)),
            fingerprint: loader.state().fingerprint().to_owned(),
        })
    }

    /// What the order depends on here; the loader's must be the same.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    /// Answers a request with bytes in a buffer of their own, to be transferred; `undefined` while
    /// functions have promised answers: to be asked again when they are settled.
    ///
    /// # Errors
    /// A request that is none.
    pub fn answer(&self, request: &[u8]) -> Result<Option<Uint8Array>, JsValue> {
        let reply = loop {
            let reply = serve(&*self.work, request);
            let nanos = reply.as_ref().map_or(0, Reply::nanos);
            match answers::tried() {
                Tried::Whole => break reply,
                Tried::Again => answers::spend(nanos),
                Tried::Waits => {
                    answers::spend(nanos);
                    return Ok(None);
                }
            }
        };
        let waited = answers::done();
        let mut reply = reply.map_err(|fault| failed("WORKER", fault))?;
        if let Some(spent) = waited {
            // Samples that wait together cost a part of it each, so that many make up a task.
            reply.set_nanos((reply.nanos() + spent).div_ceil(answers::TOGETHER));
        }
        let len = u32::try_from(reply.len()).map_err(|error| failed("OUT_OF_MEMORY", error))?;
        let bytes = Uint8Array::new_with_length(len);
        reply.write(&mut |start, piece| {
            let start = start as u32;
            bytes.subarray(start, start + piece.len() as u32).copy_from(piece);
        });
        Ok(Some(bytes))
    }
}

impl std::fmt::Debug for WebWorker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebWorker").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}
