//! What the command line's tests share: the real binary, run as anybody would run it, and what it said.
// Each test file uses its own part; a broken fixture should fail loudly.
#![allow(dead_code, unused_imports, unreachable_pub, clippy::unwrap_used, clippy::panic)]

pub mod abroad;
pub mod fake;
pub mod fixtures;
pub mod fleet;
pub mod ledger;
mod server;

use std::{
    ffi::OsStr,
    io::Write,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

pub use server::{Server, signal};

/// The administrator's token of every server here.
pub const ADMIN: &str = "uat_test-administrator-0123456789";

/// Longer than anything here may take, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

/// The program, with none of the settings that whoever runs the tests may have.
pub fn usher<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("USHER_")) {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Done {
    let asked = format!("{command:?}");
    Done::new(asked, command.output().unwrap())
}

/// A standard output on a disk that is full.
#[cfg(target_os = "linux")]
pub fn full() -> Stdio {
    std::fs::File::options().write(true).open("/dev/full").unwrap().into()
}

/// Runs a command to its end with this on its standard input.
pub fn run_with_input(command: &mut Command, input: &str) -> Done {
    let asked = format!("{command:?}");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // One that refuses its arguments ends before it reads anything.
    match child.stdin.take().unwrap().write_all(input.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
        written => written.unwrap(),
    }
    Done::new(asked, child.wait_with_output().unwrap())
}

/// A command that has ended.
pub struct Done {
    asked: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    fn new(asked: String, output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let done = Self {
            asked,
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        // A promise of every command, so it is checked at every one.
        assert!(!done.stdout.contains(ADMIN) && !done.stderr.contains(ADMIN), "the token shows: {done:?}");
        done
    }

    /// Itself, if it ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// Itself, if it succeeded and said nothing but its result.
    #[track_caller]
    pub fn ok(self) -> Self {
        let done = self.expect(0);
        assert_eq!(done.stderr, "", "{done:?}");
        done
    }

    /// Its result.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// Itself, if it says all of this on standard output.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stdout.contains(part), "it does not say {part:?}: {self:?}");
        }
        self
    }

    /// Itself, if it says this nowhere.
    #[track_caller]
    pub fn hides(self, secret: &str) -> Self {
        assert!(!self.stdout.contains(secret) && !self.stderr.contains(secret), "it shows {secret:?}");
        self
    }

    /// Itself, if it failed with this code, names all of this, and has given no result.
    #[track_caller]
    pub fn fails(self, code: i32, parts: &[&str]) -> Self {
        let done = self.expect(code);
        for part in parts {
            assert!(done.stderr.contains(part), "it does not name {part:?}: {done:?}");
        }
        assert_eq!(done.stdout, "", "{done:?}");
        done
    }
}

impl std::fmt::Debug for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { asked, code, stdout, stderr } = self;
        write!(f, "{asked}\ncode {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// Waits until there is something.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(POLL);
    }
    panic!("it never came about: {what}");
}

/// A client for asking a server without the command line.
pub fn http() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().build().unwrap()
}
