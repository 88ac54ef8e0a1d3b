//! A server as a process of its own.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread::JoinHandle,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{ADMIN, Done, PATIENCE, eventually, run, usher};

/// A server that runs, until it is dropped.
pub struct Server {
    child: Child,
    /// What it said when it was ready.
    pub ready: Value,
    said: Arc<Mutex<String>>,
    listeners: Vec<JoinHandle<()>>,
    // Only held, where the server has a folder of its own.
    _folder: Option<TempDir>,
}

impl Server {
    /// A server in a folder of its own.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self::start_in(folder.path());
        server._folder = Some(folder);
        server
    }

    /// A server with the documents of [`super::fixtures`].
    pub fn seeded() -> Self {
        let server = Self::start();
        super::fixtures::seed(&server);
        server
    }

    pub fn start_in(folder: &Path) -> Self {
        Self::spawn(&mut Self::command(folder))
    }

    /// What starts a server on a free port; to be amended.
    pub fn command(folder: &Path) -> Command {
        let mut command = usher(["serve", "--listen", "127.0.0.1:0", "--output", "json", "--data"]);
        command.arg(folder).env("USHER_ADMIN_TOKEN", ADMIN);
        command
    }

    /// Starts it, and waits until it says that it is ready.
    pub fn spawn(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap();
        let said = Arc::<Mutex<String>>::default();
        let (sender, ready) = mpsc::channel();
        let listeners = vec![
            listen(child.stdout.take().unwrap(), Arc::clone(&said), Some(sender)),
            listen(child.stderr.take().unwrap(), Arc::clone(&said), None),
        ];
        let mut server = Self { child, ready: Value::Null, said, listeners, _folder: None };
        match ready.recv_timeout(PATIENCE) {
            Ok(line) => server.ready = serde_json::from_str(&line).unwrap(),
            Err(error) => panic!("the server did not start ({error}): {}", server.said()),
        }
        server
    }

    pub fn url(&self) -> &str {
        self.ready["url"].as_str().unwrap()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it has written so far, to standard output and error.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// A command that talks to this server as its administrator.
    pub fn usher(&self, arguments: &[&str]) -> Command {
        let mut command = usher(arguments);
        command.env("USHER_URL", self.url()).env("USHER_TOKEN", ADMIN);
        command
    }

    /// Runs such a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Done {
        run(&mut self.usher(arguments))
    }

    /// The result of a command that succeeds, as JSON.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        self.run(&[arguments, &["--output", "json"]].concat()).expect(0).json()
    }

    /// The secret of a new key of production.
    pub fn key(&self, kind: &str) -> String {
        let made = self.json(&["key", "create", kind, "--kind", kind, "--environment", "production"]);
        made["secret"].as_str().unwrap().to_owned()
    }

    /// Ends it as a power cut would.
    pub fn kill_nine(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, as an init system would.
    pub fn ask_to_stop(&self) {
        signal(self.child.id(), "TERM");
    }

    /// How it ended, and all that it wrote.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let status = eventually("the server ends", || self.child.try_wait().unwrap());
        // Whoever holds the other end of its output, its own children too, has to be gone as well.
        let heard = || self.listeners.iter().all(JoinHandle::is_finished).then_some(());
        eventually("its output ends", heard);
        (status, self.said())
    }

    /// Asks it to end, and waits for that.
    pub fn stop(self) -> (ExitStatus, String) {
        self.ask_to_stop();
        self.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Sends a signal to one process.
pub fn signal(process: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &process.to_string()]).status().unwrap();
    assert!(status.success());
}

/// Keeps all that is written, and tells the first line.
fn listen(
    from: impl Read + Send + 'static,
    said: Arc<Mutex<String>>,
    first: Option<mpsc::Sender<String>>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut first = first;
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut said = said.lock().unwrap();
            said.push_str(&line);
            said.push('\n');
            if let Some(first) = first.take() {
                // Who started it may have lost patience.
                drop(first.send(line));
            }
        }
    })
}
