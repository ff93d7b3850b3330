//! The worker's side: the random-access part of a pipeline, which answers requests.

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

/// A worker that makes the samples of a pipeline for a loader elsewhere.
#[wasm_bindgen]
pub struct WebWorker {
    /// After a panic outside of a sample, JavaScript gives up the whole program.
    work: AssertUnwindSafe<Awaiting>,
    fingerprint: String,
}

#[wasm_bindgen]
impl WebWorker {
    /// Opens a pipeline document with the files provided in this thread.
    ///
    /// # Errors
    /// Throws if the document or its files are not valid.
    #[wasm_bindgen(constructor)]
    pub fn new(document: &str) -> Result<WebWorker, JsValue> {
        let spec = Spec::from_json(document).map_err(|error| thrown(&error))?;
        let pipeline = spec.open_with(&Provided, &Served).map_err(|error| thrown(&error))?;
        let taken = Rc::new(OnceCell::new());
        let place = taken.clone();
        // The loader checks the pipeline and computes its fingerprint; only the loader's work is
        // used here.
        let loader = Loader::builder(pipeline)
            .custom_backend(move |work, _| {
                _ = place.set(work.clone());
                Ok(Box::new(Inline::shared(work)))
            })
            .workers(1)
            .build()
            .map_err(|error| thrown(&error))?;
        let work =
            taken.get().cloned().ok_or_else(|| failed("WORKER", "the loader has no work"))?;
        Ok(Self {
            work: AssertUnwindSafe(Awaiting(work)),
            fingerprint: loader.state().fingerprint().to_owned(),
        })
    }

    /// Returns the fingerprint of the order in this worker, which must equal the loader's.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    /// Answers a request with a new buffer of bytes, ready for transfer.
    ///
    /// Returns `undefined` while functions wait for promises. Call `answer` again when the promises
    /// are settled.
    ///
    /// # Errors
    /// Throws if the request is malformed.
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
            // Samples that wait together share the time, so that many of them make up a task.
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
