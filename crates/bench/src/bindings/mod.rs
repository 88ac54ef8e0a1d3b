//! What a read costs through the bindings, beside the plain Rust call and a call of nothing: all in one run, in turns.
//!
//! The C program and the Python one are beside this file. They load the library that phones get
//! (`target/mobile/stripped/libusher_ffi.so`, made by `sdk/ffi/build`), Python through the wheel that is installed in
//! `sdk/python/.venv` (`sdk/python/build`). All are asked the same flag of the same bootstrap, of which there are a
//! hundred; there is no server. The Kotlin one (`sdk/kotlin/bench`, compiled by `sdk/kotlin/build`) also has a server of
//! its own, `target/release/usher`: what it keeps on its side it keeps while it is live.

use std::{
    collections::BTreeMap,
    hint::black_box,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use usher_sdk::{Bootstrap, Client, Context, Mode};

use crate::table::{Form, Table, figure, median, ratio};

/// Calls of one batch, of which the shortest of a few is taken.
const CALLS: u32 = 100_000;
/// Flags of the bootstrap.
const FLAGS: usize = 100;
/// The call that all others stand beside.
const PLAIN: &str = "Rust: `client.boolean`";

/// Runs all of them in turns, so many times, and prints the medians.
pub fn run(rounds: usize, form: Form) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let folder = tempfile::tempdir()?;
    let bootstrap = bootstrap();
    let file = folder.path().join("bootstrap.json");
    std::fs::write(&file, &bootstrap)?;
    let c = compile(&root, folder.path())?;
    let python = root.join("sdk/python/.venv/bin/python");
    ensure!(python.exists(), "there is no {}: run sdk/python/build first", python.display());
    let script = root.join("crates/bench/src/bindings/reads.py");
    let classpath = std::fs::read_to_string(root.join("sdk/kotlin/target/classpath"))
        .context("there is no sdk/kotlin/target/classpath: run sdk/kotlin/build first")?;

    let client = Client::builder("http://127.0.0.1:1", "uck_bench")
        .mode(Mode::Values)
        .bootstrap(Bootstrap::from_json("production", &bootstrap)?)
        .build()?;
    let context = Context::anonymous();
    let mut taken: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut order = Vec::new();
    for _ in 0..rounds {
        let mut found = vec![
            (PLAIN.to_owned(), time(|| client.boolean("flag-50", &context, false))),
            ("Rust: `client.string`".to_owned(), time(|| client.string("text", &context, "").len())),
        ];
        found.extend(told(Command::new(&c).arg(&file))?);
        found.extend(told(Command::new(&python).arg("-B").arg(&script).arg(&file))?);
        found.extend(told(kotlin(&root, classpath.trim()).arg(&file))?);
        for (name, nanos) in found {
            if !order.contains(&name) {
                order.push(name.clone());
            }
            taken.entry(name).or_default().push(nanos);
        }
    }
    let mut medians = BTreeMap::new();
    for (name, values) in taken {
        medians.insert(name, median(values));
    }
    let plain = medians.get(PLAIN).copied().context("the plain call was measured")?;
    let mut table = Table::new(["a read", "ns a call", "× the plain Rust call"]);
    for name in order {
        let nanos = medians.get(&name).copied().unwrap_or_default();
        table.row([name, figure(nanos), ratio(nanos / plain)]);
    }
    table.print(form);
    Ok(())
}

fn bootstrap() -> String {
    let value = |value: serde_json::Value| json!({"value": value, "variant": "on", "reason": "STATIC"});
    let flags = (0..FLAGS).map(|n| (format!("flag-{n}"), value(true.into())));
    let texts = [("text".to_owned(), value("Gates open at six".into()))];
    let values: serde_json::Map<_, _> = flags.chain(texts).collect();
    json!({"environment": "production", "values": values}).to_string()
}

/// Nanoseconds of a call: of the quickest of nine batches, as nothing makes one quicker than it is.
fn time<T>(call: impl Fn() -> T) -> f64 {
    let batch = || {
        let begun = Instant::now();
        for _ in 0..CALLS {
            black_box(call());
        }
        begun.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    };
    (0..9).map(|_| batch()).fold(f64::INFINITY, f64::min)
}

fn compile(root: &Path, to: &Path) -> Result<PathBuf> {
    let (library, program) = (root.join("target/mobile/stripped"), to.join("reads"));
    let compiled = Command::new("gcc")
        .args(["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-O2", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(root.join("sdk/ffi/include"))
        .arg(root.join("crates/bench/src/bindings/reads.c"))
        .arg(library.join("libusher_ffi.so"))
        .arg(format!("-Wl,-rpath,{}", library.display()))
        .arg("-o")
        .arg(&program)
        .status()
        .context("gcc can't be started")?;
    ensure!(compiled.success(), "the C program can't be compiled: run sdk/ffi/build first");
    Ok(program)
}

fn kotlin(root: &Path, classpath: &str) -> Command {
    let mut program = Command::new("java");
    let settings = [
        ("jna.library.path", root.join("target/mobile/stripped")),
        ("usher.binary", root.join("target/release/usher")),
        ("usher.repository", root.to_owned()),
    ];
    program.args(settings.map(|(name, path)| format!("-D{name}={}", path.display())));
    program.args(["-cp", classpath, "dev.usher.flags.bench.ReadsKt"]);
    program
}

/// What a program has measured: lines of a name, a tab and nanoseconds.
fn told(program: &mut Command) -> Result<Vec<(String, f64)>> {
    let output = program.output()?;
    if !output.status.success() {
        bail!("{program:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    let line = |line: &str| {
        let (name, nanos) = line.split_once('\t').context("a line has no tab")?;
        Ok((name.to_owned(), nanos.parse()?))
    };
    text.lines().map(line).collect()
}
