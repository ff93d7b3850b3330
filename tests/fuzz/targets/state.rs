//! Fuzzes the property `state` of `tests/formats/decoders/properties`.
#![no_main]

mod decoders;
mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("state", decoders::seeds("state")), |bytes: &[u8]| {
    decoders::holds("state", bytes);
});
