#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exchequer_fuzz::run("rows", bytes));
