//! A real server with the reference flags, and real clients of it.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Result, ensure};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use usher_bench::reference::ENVIRONMENT;
use usher_core::model::{CredentialType, Document};
use usher_journal::{Actor, Append, Change};
use usher_sdk::Client;
use usher_server::{Running, Settings, seed::sdk_key};

/// Longer than any client here takes to get its flags.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server of this process, on a folder of its own.
pub struct Workspace {
    runtime: Runtime,
    running: Running,
    key: String,
    _folder: TempDir,
}

impl Workspace {
    /// Starts a server with these documents.
    pub fn start(mut documents: Vec<Document>) -> Result<Self> {
        let runtime = Runtime::new()?;
        let folder = tempfile::tempdir()?;
        let (key, credential) = sdk_key("bench", "Benchmark", CredentialType::Server, ENVIRONMENT)?;
        documents.push(credential);
        let settings = Settings {
            listen: "127.0.0.1:0".to_owned(),
            data: folder.path().to_owned(),
            workers: 1,
            // All questions come from here: so many are looked at, and never refused.
            address_requests_per_second: 1_000_000_000,
            ..Settings::default()
        };
        let running = runtime.block_on(async {
            let running = usher_server::run(settings).await?;
            let append = Append {
                expected: Vec::new(),
                idempotency: None,
                actor: Actor::system("bench"),
                message: "The reference flags".to_owned(),
                at: usher_server::now(),
                changes: documents.into_iter().map(Change::Put).collect(),
            };
            running.app().world.append(append).await?;
            anyhow::Ok(running)
        })?;
        Ok(Self { runtime, running, key, _folder: folder })
    }

    /// A client that is live.
    pub fn client(&self) -> Result<Client> {
        let client = Client::builder(&format!("http://{}", self.running.address()), &self.key).build()?;
        ensure!(self.runtime.block_on(client.wait_until_live(PATIENCE)), "no connection: {client:?}");
        Ok(client)
    }

    /// Where its server listens.
    pub fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// Its server key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What its server runs on.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}
