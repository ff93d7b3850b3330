//! Fuzzes the property `wire` of `src/backend/process/properties.rs`.
#![no_main]

mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("wire", windrow::backend::properties::seeds("wire")), |bytes: &[u8]| {
    windrow::backend::properties::wire(bytes);
});
