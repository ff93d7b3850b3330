//! Fuzzes the property `idx` of `tests/formats/decoders/properties`.
#![no_main]

mod decoders;
mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("idx", decoders::seeds("idx")), |bytes: &[u8]| {
    decoders::holds("idx", bytes);
});
