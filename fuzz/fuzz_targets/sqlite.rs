#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dumpcar_fuzz::fuzzing::sqlite(data));
