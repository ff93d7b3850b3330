//! A loader in a worker, which its owner polls.

use std::panic::AssertUnwindSafe;
use std::task::{Context, Poll, Waker};

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use super::batch::{Taker, give, object};
use super::errors::{failed, thrown};
use super::files::Provided;
use super::functions::{Elsewhere, Served};
use super::settings::{Settings, setting};
use crate::backend::Backend;
use crate::backend::web::{Post, Workers};
use crate::dataset::{Dtype, Record, Tensor};
use crate::error::Error;
use crate::loader::{Batch, Loader};
use crate::order::State;
use crate::spec::{Functions, Spec};

/// A loader that its owner polls, with the message queue of its workers, if any.
#[wasm_bindgen]
#[derive(Debug)]
pub struct WebLoader {
    /// After a panic outside of a sample, JavaScript gives up the whole program.
    loader: AssertUnwindSafe<Loader<Record>>,
    post: Option<Post>,
    /// The layout of the last batch.
    layout: String,
}

#[wasm_bindgen]
impl WebLoader {
    /// Opens a pipeline document with the files provided in this thread.
    ///
    /// # Errors
    /// Throws if the document, its files or the settings are not valid.
    #[wasm_bindgen(constructor)]
    pub fn new(document: &str, settings: JsValue) -> Result<WebLoader, JsValue> {
        let settings = Settings::read(settings)?;
        let spec = Spec::from_json(document).map_err(|error| thrown(&error))?;
        let elsewhere = Elsewhere { lengths: &settings.lengths };
        let functions: &dyn Functions =
            if settings.backend == "workers" { &elsewhere } else { &Served };
        let pipeline = spec.open_with(&Provided, functions).map_err(|error| thrown(&error))?;
        let builder = settings.apply(Loader::builder(pipeline))?;
        let (builder, post) = match &*settings.backend {
            "inline" => (builder.backend(Backend::Inline), None),
            "threads" => (builder.backend(Backend::Threads), None),
            "workers" => {
                let (backend, post) = Workers::new(settings.workers.unwrap_or(1));
                (builder.custom_backend(move |_, _| Ok(Box::new(backend))), Some(post))
            }
            other => return Err(thrown(&setting("backend", other, "inline, threads, workers"))),
        };
        let mut loader = builder.build().map_err(|error| thrown(&error))?;
        loader.stay_open();
        Ok(Self { loader: AssertUnwindSafe(loader), post, layout: String::new() })
    }

    /// Returns the fingerprint of everything that the order depends on.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.loader.state().fingerprint().to_owned()
    }

    /// Returns the tree of the pipeline as text, or as a flowchart in the language of Mermaid.
    #[must_use]
    pub fn describe(&self, mermaid: bool) -> String {
        let tree = self.loader.describe();
        if mermaid { tree.to_mermaid() } else { tree.to_string() }
    }

    /// Passes the next batch to `taker` and returns `true`.
    ///
    /// Returns `undefined` while the batch is not ready, and `false` at the end.
    ///
    /// # Errors
    /// Throws the error that is next in the order. The stream continues after the error.
    pub fn poll(&mut self, taker: &Taker) -> Result<Option<bool>, JsValue> {
        match self.loader.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => Ok(None),
            Poll::Ready(item) => self.give(taker, item).map(Some),
        }
    }

    /// Waits for the next batch, for backends that need no messages: see [`poll`](Self::poll).
    ///
    /// # Errors
    /// Throws the same errors as [`poll`](Self::poll).
    pub fn wait(&mut self, taker: &Taker) -> Result<bool, JsValue> {
        let item = self.loader.next();
        self.give(taker, item)
    }

    /// Returns the next request to carry as `[worker, bytes]`, or `undefined` without a request.
    #[must_use]
    pub fn request(&self) -> JsValue {
        match self.post.as_ref().and_then(Post::take) {
            None => JsValue::UNDEFINED,
            Some((worker, request)) => {
                let bytes = Uint8Array::new_with_length(request.len() as u32);
                bytes.copy_from(&request);
                Array::of2(&worker.into(), &bytes).into()
            }
        }
    }

    /// Records that a worker can take requests.
    pub fn ready(&self, worker: u32) {
        if let Some(post) = &self.post {
            post.ready(worker);
        }
    }

    /// Passes on a worker's answer to the oldest request that the worker has.
    ///
    /// # Errors
    /// Throws if memory for the answer is missing.
    pub fn replied(&self, worker: u32, reply: &Uint8Array) -> Result<(), JsValue> {
        let bytes = Tensor::build(Dtype::U8, [u64::from(reply.length())], |bytes| {
            reply.copy_to(bytes);
            Ok(())
        });
        let bytes = bytes.map_err(|fault| failed("OUT_OF_MEMORY", fault))?;
        if let Some(post) = &self.post {
            post.replied(worker, bytes);
        }
        Ok(())
    }

    /// Records that a worker is lost.
    pub fn lost(&self, worker: u32, how: &str) {
        if let Some(post) = &self.post {
            post.lost(worker, how);
        }
    }

    /// Continues with an epoch, as if the caller had received nothing after a state of this loader.
    ///
    /// # Errors
    /// Throws if the state is not of this loader, or not of this epoch or a later one.
    pub fn leave(&mut self, epoch: u64, state: &str) -> Result<(), JsValue> {
        let state = State::from_json(state).map_err(|error| thrown(&error))?;
        // The batches sent since are dropped, perhaps including one with another layout.
        self.layout.clear();
        self.loader.leave(epoch, &state).map_err(|error| thrown(&error))
    }

    /// Returns the states at the starts of the epochs that began since the last call, as JSON.
    pub fn epoch_starts(&mut self) -> Vec<String> {
        self.loader.take_epoch_starts().iter().map(State::to_json).collect()
    }

    /// Returns the current state of the stream as JSON.
    #[must_use]
    pub fn state(&self) -> String {
        self.loader.state().to_json()
    }

    /// Returns the progress as `{ epoch, epochs, position, positions, batches, batchesPerEpoch,
    /// skipped, digest }`.
    ///
    /// `epochs` and `positions` are `Infinity` for an endless loader.
    ///
    /// # Errors
    /// Never throws unless the JavaScript engine is broken.
    pub fn progress(&self) -> Result<JsValue, JsValue> {
        let progress = self.loader.progress();
        let number = |number: u64| JsValue::from(number as f64);
        let or_endless = |count: Option<u64>| count.map_or(f64::INFINITY.into(), number);
        let per_epoch = self.loader.batches_per_epoch();
        object(&[
            ("epoch", number(progress.epoch)),
            ("epochs", or_endless(progress.epochs)),
            ("position", number(progress.position)),
            ("positions", or_endless(progress.positions)),
            ("batches", number(progress.batches)),
            ("batchesPerEpoch", per_epoch.map_or(JsValue::UNDEFINED, number)),
            ("skipped", number(progress.skipped)),
            ("digest", self.digest().map_or(JsValue::UNDEFINED, Into::into)),
        ])
    }
}

impl WebLoader {
    fn digest(&self) -> Option<String> {
        let digest = self.loader.digest()?;
        Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn give(
        &mut self,
        taker: &Taker,
        item: Option<Result<Batch<Record>, Error>>,
    ) -> Result<bool, JsValue> {
        let Some(batch) = item.transpose().map_err(|error| thrown(&error))? else {
            return Ok(false);
        };
        let (progress, digest) = (self.loader.progress(), self.digest());
        give(taker, &batch, &mut self.layout, &progress, digest)?;
        Ok(true)
    }
}
