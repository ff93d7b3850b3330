//! Fuzzes the property `png` of `tests/formats/decoders/properties`.
#![no_main]

mod decoders;
mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("png", decoders::seeds("png")), |bytes: &[u8]| {
    decoders::holds("png", bytes);
});
