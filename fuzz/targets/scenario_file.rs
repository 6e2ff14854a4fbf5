//! The target `scenario_file`: the reader of scenario files survives any text. What is held is said in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| squall::fuzzing::scenario_file(bytes));
