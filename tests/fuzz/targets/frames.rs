//! Fuzzes the property `frames` of `src/backend/process/properties.rs`.
#![no_main]

mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("frames", windrow::backend::properties::seeds("frames")), |bytes: &[u8]| {
    windrow::backend::properties::frames(bytes);
});
