#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backstay_fuzz::journal(bytes));
