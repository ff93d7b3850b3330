//! Fuzzes the property `payload` of `src/backend/process/properties.rs`.
#![no_main]

mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("payload", windrow::backend::properties::seeds("payload")), |bytes: &[u8]| {
    windrow::backend::properties::payload(bytes);
});
