//! A loader in a worker, polled by its owner.

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

/// A loader that is polled, with the post of its workers where it has some.
#[wasm_bindgen]
#[derive(Debug)]
pub struct WebLoader {
    /// After a panic outside of a sample JavaScript gives the whole program up.
    loader: AssertUnwindSafe<Loader<Record>>,
    post: Option<Post>,
    /// What lay where in the last batch.
    layout: String,
}

#[wasm_bindgen]
impl WebLoader {
    /// Opens a pipeline document; its files are those provided in this thread.
    ///
    /// # Errors
    /// What the document, its files or the settings have wrong.
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

    /// What the order depends on.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.loader.state().fingerprint().to_owned()
    }

    /// Gives the next batch away: `true`; `undefined` while it is not there yet, `false` at the end.
    ///
    /// # Errors
    /// The error that stands next in the order; the stream goes on after it.
    pub fn poll(&mut self, taker: &Taker) -> Result<Option<bool>, JsValue> {
        match self.loader.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => Ok(None),
            Poll::Ready(item) => self.give(taker, item).map(Some),
        }
    }

    /// The same as [`poll`](Self::poll), waiting for it: for backends that need no messages.
    ///
    /// # Errors
    /// As [`poll`](Self::poll).
    pub fn wait(&mut self, taker: &Taker) -> Result<bool, JsValue> {
        let item = self.loader.next();
        self.give(taker, item)
    }

    /// The next request to carry as `[worker, bytes]`; `undefined` when there is none now.
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

    /// A worker can take requests.
    pub fn ready(&self, worker: u32) {
        if let Some(post) = &self.post {
            post.ready(worker);
        }
    }

    /// A worker has answered the oldest request that it has.
    ///
    /// # Errors
    /// When there is no memory for the answer.
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

    /// A worker is gone.
    pub fn lost(&self, worker: u32, how: &str) {
        if let Some(post) = &self.post {
            post.lost(worker, how);
        }
    }

    /// Goes on with an epoch, as if nothing had been received after a state of this loader.
    ///
    /// # Errors
    /// When the state is not one of this loader, or of that epoch or a later one.
    pub fn leave(&mut self, epoch: u64, state: &str) -> Result<(), JsValue> {
        let state = State::from_json(state).map_err(|error| thrown(&error))?;
        // What went out since is dropped, and with it perhaps a batch with another layout.
        self.layout.clear();
        self.loader.leave(epoch, &state).map_err(|error| thrown(&error))
    }

    /// The states at the starts of the epochs that began since this was asked, as JSON.
    pub fn epoch_starts(&mut self) -> Vec<String> {
        self.loader.take_epoch_starts().iter().map(State::to_json).collect()
    }

    /// Where the stream stands, as JSON.
    #[must_use]
    pub fn state(&self) -> String {
        self.loader.state().to_json()
    }

    /// How far it is: `{ epoch, epochs, position, positions, batches, batchesPerEpoch, skipped, digest }`;
    /// `epochs` and `positions` are `Infinity` where there is no end.
    ///
    /// # Errors
    /// Never in a sound engine.
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
