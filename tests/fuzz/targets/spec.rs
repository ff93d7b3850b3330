//! Fuzzes the property `spec` of `tests/formats/decoders/properties`.
#![no_main]

mod decoders;
mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("spec", decoders::seeds("spec")), |bytes: &[u8]| {
    decoders::holds("spec", bytes);
});
