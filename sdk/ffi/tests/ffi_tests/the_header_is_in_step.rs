//! `include/usher.h` says what the library has. `UPDATE_HEADER=1` writes it anew.

use std::{fs, path::Path};

#[test]
fn the_header_is_what_cbindgen_makes_of_the_sources() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(crate_folder.join("cbindgen.toml")).unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in ["types", "text", "client", "listener"] {
        builder = builder.with_src(crate_folder.join(format!("src/c/{file}.rs")));
    }
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let (made, path) = (String::from_utf8(made).unwrap(), crate_folder.join("include/usher.h"));
    if std::env::var_os("UPDATE_HEADER").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(made == kept, "include/usher.h is out of step: run this test with UPDATE_HEADER=1");
}
