//! UniFFI's generator, of the version that the library is built with: the two have to be the same.

fn main() {
    uniffi::uniffi_bindgen_main();
}
