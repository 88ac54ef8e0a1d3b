//! A real `redis-server`, in a folder and on a port of its own; or another one that speaks as it does, Valkey say, which
//! the variable `USHER_REDIS_SERVER` gives the file of.
// A fixture that breaks should fail loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::authority::Authority;

/// Longer than a server takes to be there, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(10);
/// Ports that are tried: another process may take one in between.
const TRIES: usize = 5;

/// What makes a server have every commit on its disk before it answers.
const DURABLE: [&str; 2] = ["--appendonly yes", "--appendfsync always"];
/// Runs a program, tells its id, and kills it when whoever started this is gone, however that came about.
/// A file that may not grow is an error that is told, as on a full disk, and not a signal.
const GUARD: &str = "trap '' XFSZ; \"$@\" & id=$!; echo $id; exec 3<&0; (cat <&3 >/dev/null; kill -9 $id) 2>/dev/null & wait $id";

/// A server that runs until it is dropped.
pub struct RedisServer {
    /// What starts it, and its own id.
    child: Option<(Child, String)>,
    port: u16,
    folder: TempDir,
    options: Vec<String>,
    /// A file of settings that it writes to, which a Sentinel needs.
    settings: Option<PathBuf>,
    /// The port on which it is spoken to over TLS.
    tls: Option<u16>,
}

impl RedisServer {
    /// A server that has every commit on its disk before it answers.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&DURABLE)
    }

    /// A server with these options, each as in `--appendonly yes`.
    ///
    /// # Panics
    /// When there is no `redis-server`, or it does not start.
    #[must_use]
    pub fn start_with(options: &[&str]) -> Self {
        // Without snapshots of its own: what it has is what it was told to keep. Replicas need not wait for others.
        let options: Vec<String> = ["--save ", "--repl-diskless-sync-delay 0"]
            .iter()
            .chain(options)
            .map(|option| (*option).to_owned())
            .collect();
        for _ in 0..TRIES {
            let folder = tempfile::tempdir().unwrap();
            let mut server = Self {
                child: None,
                port: free_port(),
                folder,
                options: options.clone(),
                settings: None,
                tls: None,
            };
            if server.try_start() {
                return server;
            }
        }
        panic!("redis-server does not start: {options:?}");
    }

    /// The same, which can be spoken to over TLS too: [`Self::url`] says so.
    #[must_use]
    pub fn start_over_tls(authority: &Authority) -> Self {
        let port = free_port();
        let file = |path: &Path| path.display().to_string();
        let mut server = Self::start_with(&[
            DURABLE[0],
            DURABLE[1],
            &format!("--tls-port {port}"),
            "--tls-auth-clients no",
            &format!("--tls-cert-file {}", file(&authority.server)),
            &format!("--tls-key-file {}", file(&authority.key)),
            &format!("--tls-ca-cert-file {}", file(&authority.certificate)),
        ]);
        server.tls = Some(port);
        server
    }

    /// A replica of this one, in a folder of its own, which has caught up.
    #[must_use]
    pub fn replica(&self) -> Self {
        let of = format!("--replicaof 127.0.0.1 {}", self.port);
        let replica = Self::start_with(&[DURABLE[0], DURABLE[1], &of]);
        let is_up = || replica.command(&["INFO", "replication"]).contains("master_link_status:up");
        wait("the replica has caught up", is_up);
        replica
    }

    /// A Sentinel that watches a server under a name, and alone decides that it is gone, after a second.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn sentinel(name: &str, of: &Self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = format!(
            "sentinel monitor {name} 127.0.0.1 {} 1\nsentinel down-after-milliseconds {name} 1000\n\
             sentinel failover-timeout {name} 5000\n",
            of.port
        );
        let file = folder.path().join("sentinel.conf");
        std::fs::write(&file, settings).unwrap();
        let options = vec!["--sentinel".to_owned()];
        let mut sentinel =
            Self { child: None, port: free_port(), folder, options, settings: Some(file), tls: None };
        assert!(sentinel.try_start(), "redis-server does not start as a Sentinel");
        sentinel
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        match self.tls {
            Some(port) => format!("rediss://localhost:{port}"),
            None => format!("redis://127.0.0.1:{}", self.port),
        }
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it keeps its files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends it as a power cut would.
    pub fn kill_nine(&mut self) {
        if let Some((mut child, _)) = self.child.take() {
            // The guard hears it, and ends with the server.
            drop(child.stdin.take());
            drop(child.wait());
        }
    }

    /// Starts it again on the same port and folder, with all that is in it.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.kill_nine();
        assert!(self.try_start(), "redis-server does not start again");
    }

    /// Starts it again on the same port, with nothing.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart_empty(&mut self) {
        self.kill_nine();
        self.folder = tempfile::tempdir().unwrap();
        self.restart();
    }

    /// Starts it again on the same port, with a copy of these files: those that it had earlier, or another one's.
    ///
    /// # Panics
    /// When they can't be copied, or it does not start.
    pub fn restart_with_files(&mut self, files: &Path) {
        self.kill_nine();
        self.folder = tempfile::tempdir().unwrap();
        let copied = Command::new("cp").arg("-r").arg(files.join(".")).arg(self.folder.path()).status();
        assert!(copied.unwrap().success());
        self.restart();
    }

    /// Stops its process, as a stalled machine would, or lets it go on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn signal(&self, name: &str) {
        let (_, id) = self.child.as_ref().unwrap();
        assert!(Command::new("kill").args(["-s", name, id]).status().unwrap().success());
    }

    /// Lets its disk be full: no file of its may grow any more. Started again, it has room.
    ///
    /// # Panics
    /// When it does not run.
    pub fn fill_disk(&self) {
        let (_, id) = self.child.as_ref().unwrap();
        let files = std::fs::read_dir(self.folder.path().join("appendonlydir")).unwrap();
        let sizes = files.filter_map(|file| file.ok()?.metadata().ok()).map(|file| file.len());
        let limit = format!("--fsize={}:", sizes.max().unwrap_or_default());
        assert!(Command::new("prlimit").args(["--pid", id, &limit]).status().unwrap().success());
    }

    /// What it answers to a command, as it comes over the wire.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> String {
        ask(self.port, words).unwrap_or_else(|error| panic!("redis-server: {error}"))
    }

    /// Whether it answers to a command, and with this in it. One that is being made another's replica may not.
    #[must_use]
    pub fn says(&self, words: &[&str], part: &str) -> bool {
        ask(self.port, words).is_ok_and(|answer| answer.contains(part))
    }

    /// Whether it is there.
    #[must_use]
    pub fn answers(&self) -> bool {
        ask(self.port, &["PING"]).is_ok_and(|answer| answer.starts_with("+PONG"))
    }

    fn try_start(&mut self) -> bool {
        let program = std::env::var_os("USHER_REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "sh"]).arg(program).args(&self.settings);
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--logfile", "log", "--dir"]);
        command.arg(self.folder.path());
        for option in &self.options {
            command.args(option.split(' '));
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut id = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut id).unwrap();
        self.child = Some((child, id.trim().to_owned()));
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            // It ends at once where there is no such program, or its port is taken.
            if self
                .child
                .as_mut()
                .is_none_or(|(child, _)| child.try_wait().is_ok_and(|ended| ended.is_some()))
            {
                return false;
            }
            // One that wants a password is there, too; one that is still reading its file is not.
            let is_there = |answer: String| answer.starts_with("+PONG") || answer.starts_with("-NOAUTH");
            if ask(self.port, &["PING"]).is_ok_and(is_there) {
                return true;
            }
            std::thread::sleep(POLL);
        }
        false
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill_nine();
    }
}

/// Waits until something holds.
///
/// # Panics
/// When it does not within two minutes: a Sentinel on a busy machine does nothing for half a minute at a time.
pub fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "it never came about: {what}");
        std::thread::sleep(POLL);
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Sends one command, and reads its answer.
fn ask(port: u16, words: &[&str]) -> std::io::Result<String> {
    // What is answered to this marks the end; who may not ask it is sent away, which a Sentinel does not do.
    const END: &str = "$3\r\nend\r\n";
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut request = String::new();
    for command in [words, &["PING", "end"], &["QUIT"]] {
        request.push_str(&format!("*{}\r\n", command.len()));
        for word in command {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
    }
    socket.write_all(request.as_bytes())?;
    let (mut answer, mut bytes) = (String::new(), [0; 4096]);
    loop {
        let count = socket.read(&mut bytes)?;
        answer.push_str(&String::from_utf8_lossy(&bytes[..count]));
        if let Some((answer, _)) = answer.split_once(END) {
            return Ok(answer.to_owned());
        }
        if count == 0 {
            return Ok(answer);
        }
    }
}
