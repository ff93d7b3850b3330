//! The binding for JavaScript, which only converts and forwards values.
//!
//! The binding runs in dedicated workers, where reading may block. [`WebLoader`] is a loader that
//! its owner polls after each message. [`WebWorker`] makes samples for a loader. The JavaScript in
//! `www/package` starts workers, carries messages and watches time limits.

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

/// Installs a hook that keeps the message of a panic, because a trap loses the message.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string();
        LAST_PANIC.with(|last| _ = last.replace(Some(text)));
    }));
}

/// Returns the message of the last panic in this thread, once, for the code that caught the trap.
#[wasm_bindgen(js_name = lastPanic)]
#[must_use]
pub fn last_panic() -> Option<String> {
    LAST_PANIC.take()
}

/// Returns the version of this build, which page and workers must share.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}
