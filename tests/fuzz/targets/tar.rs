//! Fuzzes the property `tar` of `tests/formats/decoders/properties`.
#![no_main]

mod decoders;
mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("tar", decoders::seeds("tar")), |bytes: &[u8]| {
    decoders::holds("tar", bytes);
});
