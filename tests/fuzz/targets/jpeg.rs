//! Fuzzes the property `jpeg` of `tests/formats/decoders/properties`.
#![no_main]

mod decoders;
mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("jpeg", decoders::seeds("jpeg")), |bytes: &[u8]| {
    decoders::holds("jpeg", bytes);
});
