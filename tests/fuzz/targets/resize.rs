//! Fuzzes the property `resize` of `tests/formats/decoders/properties`.
#![no_main]

mod decoders;
mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("resize", decoders::seeds("resize")), |bytes: &[u8]| {
    decoders::holds("resize", bytes);
});
