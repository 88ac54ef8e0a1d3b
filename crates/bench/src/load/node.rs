//! A server as a process of its own.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    Usage, Workspace,
    api::{ADMIN, ask, status},
    workspace::KILLED,
};

/// How long convergence may take to count everybody.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that runs, with a folder of its own, until it is dropped.
pub struct Node {
    program: PathBuf,
    folder: TempDir,
    child: Child,
    address: SocketAddr,
    /// A server key and a client key of production.
    keys: [String; 2],
}

impl Node {
    /// Starts the program `usher` with a workspace.
    ///
    /// # Errors
    /// A program that does not start, or a server that does not take the workspace.
    pub async fn start(program: &Path, workspace: &Workspace) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (child, address) = spawn(program, folder.path(), "127.0.0.1:0")?;
        let mut node = Self { program: program.to_owned(), folder, child, address, keys: Default::default() };
        let commit = json!({"message": "The workspace of the load driver", "changes": workspace.changes});
        node.ask("POST", "/api/v1/commits", Some(&commit)).await?;
        for (key, kind) in ["server", "client"].into_iter().enumerate() {
            let spec = json!({"name": kind, "type": kind, "environment": "production"});
            let made = node.ask("POST", "/api/v1/keys", Some(&spec)).await?;
            node.keys[key] = made["secret"].as_str().context("a new key has a secret")?.to_owned();
        }
        Ok(node)
    }

    /// The program beside this one, or the one that `USHER_BIN` names.
    ///
    /// # Errors
    /// There is none.
    pub fn program() -> Result<PathBuf> {
        if let Some(path) = std::env::var_os("USHER_BIN") {
            return Ok(path.into());
        }
        let path = std::env::current_exe()?.with_file_name("usher");
        ensure!(
            path.exists(),
            "{} is missing: build it, with `cargo build --release -p usher`",
            path.display()
        );
        Ok(path)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has taken so far.
    ///
    /// # Errors
    /// It is gone.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.child.id())
    }

    pub(super) fn keys(&self) -> &[String; 2] {
        &self.keys
    }

    /// Ends it as a power cut would.
    ///
    /// # Errors
    /// The system refuses.
    pub fn kill_nine(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop, as a service manager does.
    ///
    /// # Errors
    /// The system refuses.
    pub fn ask_to_stop(&self) -> Result<()> {
        let process = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        Ok(kill_process(process.context("it has no identity")?, Signal::TERM)?)
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// It does not end in time, or not well.
    pub async fn ended(&mut self, patience: Duration) -> Result<()> {
        let end = tokio::time::Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "it ended badly: {status}");
                return Ok(());
            }
            ensure!(tokio::time::Instant::now() < end, "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether it says that it is ready.
    ///
    /// # Errors
    /// It does not say anything.
    pub async fn is_ready(&self) -> Result<bool> {
        Ok(status(self.address, "/readyz").await? == 200)
    }

    /// A server key of production.
    #[must_use]
    pub fn server_key(&self) -> &str {
        &self.keys[0]
    }

    /// Starts it again after it has ended, at the same address and with the same data.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&mut self) -> Result<()> {
        let (child, _) = spawn(&self.program, self.folder.path(), &self.address.to_string())?;
        self.child = child;
        Ok(())
    }

    /// Kills a flag, or revives it; gives back the commit.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn turn(&self, kill: bool) -> Result<u64> {
        let action = if kill { "kill" } else { "revive" };
        let path = format!("/api/v1/flags/{KILLED}/environments/production/{action}");
        let commit = self.ask("POST", &path, Some(&json!({}))).await?;
        commit["seq"].as_u64().context("a commit has a number")
    }

    /// What the server says of a commit, once it counts everybody that it expected as converged or gone.
    ///
    /// # Errors
    /// Somebody is still missing after a minute.
    pub async fn converged(&self, seq: u64) -> Result<Value> {
        let started = tokio::time::Instant::now();
        loop {
            let report = self.ask("GET", &format!("/api/v1/convergence?seq={seq}"), None).await?;
            let count = |name: &str| report[name].as_u64().unwrap_or_default();
            if count("expected") == count("converged") + count("left") {
                return Ok(report);
            }
            ensure!(started.elapsed() < PATIENCE, "commit {seq} does not converge: {report:.1000}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A counter or gauge of `/metrics`, summed up over its labels.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn metric(&self, name: &str) -> Result<f64> {
        let text = self.ask("GET", "/metrics", None).await?;
        let lines = text.as_str().unwrap_or_default().lines();
        let values = lines.filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            rest.starts_with([' ', '{']).then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
        });
        Ok(values.sum())
    }

    async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        ask(self.address, method, path, body).await
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn spawn(program: &Path, folder: &Path, listen: &str) -> Result<(Child, SocketAddr)> {
    let mut child = Command::new(program)
        .args(["serve", "--output", "json", "--listen", listen, "--data"])
        .arg(folder)
        .env("USHER_ADMIN_TOKEN", ADMIN)
        .env("USHER_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} can't be started", program.display()))?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("it says nothing")?).read_line(&mut line)?;
    let ready: Value = serde_json::from_str(&line).context("the server did not start")?;
    let url = ready["url"].as_str().unwrap_or_default();
    let address = url.trim_start_matches("http://").parse().context("the server has no address")?;
    Ok((child, address))
}
