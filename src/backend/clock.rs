//! The clock that times samples and callers, on every platform that has one.

/// Returns the nanoseconds since a fixed moment; `None` without a clock.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn now() -> Option<u64> {
    use std::{sync::OnceLock, time::Instant};
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).ok()
}

/// Returns the page clock's time in nanoseconds, with the precision that the browser
/// allows.
#[cfg(all(target_arch = "wasm32", feature = "web"))]
pub(crate) fn now() -> Option<u64> {
    use wasm_bindgen::JsCast;
    // Unchecked, because Node has the property but no class of that name.
    let global = js_sys::global().unchecked_into::<web_sys::WorkerGlobalScope>();
    global.performance().map(|clock| (clock.now() * 1e6) as u64)
}

/// Returns `None`: `std` has no clock on `wasm32-unknown-unknown`.
#[cfg(all(target_arch = "wasm32", not(feature = "web")))]
pub(crate) fn now() -> Option<u64> {
    None
}
