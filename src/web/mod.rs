//! The binding for JavaScript: converts and forwards, decides nothing.
//!
//! It is for dedicated workers, where reading may block. [`WebLoader`] is a loader that its owner
//! polls whenever a message has come in; [`WebWorker`] makes samples for one. Who starts workers,
//! carries messages and watches over time limits is JavaScript beside it, in `www/package`.

mod answers;
mod batch;
mod errors;
mod files;
mod functions;
mod loader;
mod settings;
mod worker;

pub use batch::Taker;
pub use files::provide;
pub use functions::{WebRandom, functions, settle};
pub use loader::WebLoader;
#[cfg(target_feature = "atomics")]
pub use wasm_bindgen_rayon::init_thread_pool;
pub use worker::WebWorker;

use std::cell::RefCell;

use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps the message of a panic, which a trap loses.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string();
        LAST_PANIC.with(|last| _ = last.replace(Some(text)));
    }));
}

/// The message of the last panic in this thread, once; for the one who caught the trap.
#[wasm_bindgen(js_name = lastPanic)]
#[must_use]
pub fn last_panic() -> Option<String> {
    LAST_PANIC.take()
}

/// The version of this build, which the page's side and the worker's must share.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}
