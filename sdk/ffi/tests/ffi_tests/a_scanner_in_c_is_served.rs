//! `tests/c/usher_test.c`, with all warnings as errors and under the address and the undefined-behaviour sanitizer, against
//! a real server: no error, no leak. The library is this build's; `USHER_FFI_LIBRARY` names another.

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::Command,
    time::timeout,
};

use crate::support::{eventually, fixtures, kill, server};

/// Longer than the program takes.
const PATIENCE: Duration = Duration::from_secs(240);

/// The library beside this test.
fn library() -> PathBuf {
    let own = env::current_exe().unwrap().with_file_name("libusher_ffi.so");
    env::var_os("USHER_FFI_LIBRARY").map_or(own, PathBuf::from)
}

async fn compile(library: &Path, to: &Path) {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let compiled = Command::new("gcc")
        .args(["-std=c11", "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Werror", "-g", "-O1", "-pthread"])
        .args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"])
        .arg("-I")
        .arg(own.join("include"))
        .arg(own.join("tests/c/usher_test.c"))
        .arg(library)
        .arg(format!("-Wl,-rpath,{}", library.parent().unwrap().display()))
        .arg("-o")
        .arg(to)
        .output()
        .await
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
}

#[tokio::test]
async fn it_reads_hears_survives_and_leaks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("usher_test");
    let library = library().canonicalize().unwrap();
    compile(&library, &program).await;
    let server = server().await;
    let mut imported = fixtures::flag("imported", &json!({"default": {"variant": "on"}}));
    imported["variants"]["on"] = json!(null);
    assert_eq!(server.admin().put("/api/v1/flags/imported", &imported).await.status, 201);
    let url = format!("http://{}", server.address());
    let mut running = Command::new(&program)
        .args([&url, &server.key("client").await])
        .arg(folder.path().join("cache"))
        .env("ASAN_OPTIONS", "detect_leaks=1:exitcode=7")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let mut answers = running.stdin.take().unwrap();
    let (mut server, mut said) = (Some(server), Vec::new());
    while let Some(line) = timeout(PATIENCE, lines.next_line()).await.expect("it hangs").unwrap() {
        match (line.as_str(), &server) {
            ("kill", Some(server)) => kill(server, "always").await,
            ("counted", Some(server)) => {
                let counts = &server.running().app().counts;
                eventually("it has arrived", async || counts.exposures("limit", "on") == 1).await;
            }
            ("stop", _) => drop(server.take().unwrap().stop().await),
            ("done", None) => {}
            (other, _) => panic!("it says {other:?}"),
        }
        said.push(line);
        answers.write_all(b"done\n").await.unwrap();
    }
    let ended = timeout(PATIENCE, running.wait()).await.expect("it does not end").unwrap();
    assert!(ended.success(), "{ended}, after {said:?}; what it said is above");
    assert_eq!(said, ["kill", "counted", "stop", "done"]);
}
