//! The Kotlin and Swift sources that are kept in the repository are what UniFFI makes of the library. They are kept so
//! that who uses the packages needs no Rust, and so that a change of theirs can be read. `UPDATE_BINDINGS=1` writes
//! them anew.

#![allow(clippy::unwrap_used)] // A broken fixture should fail loudly.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The library, as it was built for this test: beside it.
fn library() -> PathBuf {
    let name = format!("{}usher_ffi{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    std::env::current_exe().unwrap().with_file_name(name)
}

/// Generates the sources of a language, and compares where each is kept with what it should be.
fn in_step(language: &str, files: &[(&str, &str)]) {
    let made = tempfile::tempdir().unwrap();
    let mut generator = Command::new(env!("CARGO_BIN_EXE_uniffi-bindgen"));
    generator.args(["generate", "--no-format", "--language", language, "--out-dir"]).arg(made.path());
    assert!(generator.arg(library()).status().unwrap().success());
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (from, to) in files {
        let (now, path) = (fs::read_to_string(made.path().join(from)).unwrap(), packages.join(to));
        if std::env::var_os("UPDATE_BINDINGS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &now).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(now == kept, "sdk/{to} is out of step: run this test with UPDATE_BINDINGS=1");
    }
}

#[test]
fn the_kotlin_sources_are_what_uniffi_makes_of_the_library() {
    let name = "dev/usher/flags/ffi/usher_ffi.kt";
    in_step("kotlin", &[(name, &format!("kotlin/src/generated/kotlin/{name}"))]);
}

#[test]
fn the_swift_sources_are_what_uniffi_makes_of_the_library() {
    let header = "usher_ffiFFI.h";
    let files = [
        ("UsherFlagsFFI.swift", "swift/Sources/UsherFlagsFFI/UsherFlagsFFI.swift"),
        (header, "swift/Sources/usher_ffiFFI/include/usher_ffiFFI.h"),
    ];
    in_step("swift", &files);
}
