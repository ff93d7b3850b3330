//! Fuzzes the property `messages` of `src/backend/process/properties.rs`.
#![no_main]

mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("messages", windrow::backend::properties::seeds("messages")), |bytes: &[u8]| {
    windrow::backend::properties::messages(bytes);
});
