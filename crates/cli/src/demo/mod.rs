//! The demo: a workspace of real venues, a ticketing app's flags with a history, and simulated devices.

pub mod devices;

use std::{path::PathBuf, process::Stdio, sync::Arc};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use tokio::process::{Child, Command};
use usher_core::model::{CredentialType, Document, Kind, Role, User, parse_strict};
use usher_journal::{Actor, ActorKind, Append, Change};
use usher_server::{
    app::App,
    auth::{password, secret},
    seed::{environment, sdk_key},
};

use crate::venues::parse_csv;

/// What the demo is made of; `assets/README.md` names the sources.
const VENUES: &[u8] = include_bytes!("../../assets/venues.csv");
const HISTORY: &str = include_str!("../../assets/demo.json");

const EMAIL: &str = "demo@usher.example";

/// What one needs to look around.
pub struct Seeded {
    pub email: String,
    pub password: String,
    pub server_key: String,
    pub client_key: String,
}

#[derive(Deserialize)]
struct Past {
    actor: String,
    message: String,
    put: Vec<Value>,
}

/// A fresh folder for a demo that is not told where to stay.
pub fn folder() -> Result<PathBuf> {
    let name = format!("usher-demo-{}", secret::identity().map_err(|error| anyhow::anyhow!("{error}"))?);
    Ok(std::env::temp_dir().join(name))
}

/// Makes the workspace, unless it has flags already; and, at every start, a new sign-in and new keys.
pub async fn seed(app: &Arc<App>) -> Result<Seeded> {
    let state = Arc::clone(&app.world.snapshot().state);
    if state.of_kind(&Kind::Flag).next().is_none() {
        let mut places = vec![environment("training", "Training", false)?];
        for venue in parse_csv(VENUES)? {
            places.push(parse_strict(&Kind::Venue, venue.to_string().as_bytes())?);
        }
        append(app, "Ana Lindqvist", "Import the venues of the season", places).await?;
        for Past { actor, message, put } in serde_json::from_str::<Vec<Past>>(HISTORY)? {
            let documents = put.iter().map(|value| {
                let kind = Kind::from(value["kind"].as_str().unwrap_or_default());
                parse_strict(&kind, value.to_string().as_bytes())
            });
            append(app, &actor, &message, documents.collect::<Result<_, _>>()?).await?;
        }
    }
    let random = || secret::identity().map_err(|error| anyhow::anyhow!("{error}"));
    let password = random()?;
    let now = app.world.snapshot().at();
    let user = User {
        key: "demo".parse().map_err(anyhow::Error::msg)?,
        email: EMAIL.to_owned(),
        name: "Demo".to_owned(),
        password_hash: password::hash(&password).map_err(anyhow::Error::msg)?,
        role: Role::Admin,
        bindings: Vec::new(),
        second_factor: None,
        invitation: None,
        open_id: None,
        created_at: now,
    };
    let (server_key, server) =
        sdk_key("demo-server", "Demo server key", CredentialType::Server, "production")?;
    let (client_key, client) =
        sdk_key("demo-client", "Demo client key", CredentialType::Client, "production")?;
    append(app, "Demo", "A new sign-in for the demo", vec![Document::from_model(&user)?, server, client])
        .await?;
    Ok(Seeded { email: EMAIL.to_owned(), password, server_key, client_key })
}

async fn append(app: &App, who: &str, message: &str, documents: Vec<Document>) -> Result<()> {
    let id = who.to_lowercase().replace(' ', "-");
    let append = Append {
        expected: Vec::new(),
        idempotency: None,
        actor: Actor { kind: ActorKind::User, id, name: who.to_owned() },
        message: message.to_owned(),
        at: usher_server::now(),
        changes: documents.into_iter().map(Change::Put).collect(),
    };
    app.world.append(append).await?;
    Ok(())
}

/// Starts the devices in a process of their own, as real ones would be. They end with this process: when the
/// child is dropped, and, should this process be killed, when their standard input closes.
pub fn start_devices(url: &str, seeded: &Seeded, count: usize) -> Result<Child> {
    let program = std::env::current_exe().context("the program's own file can't be found")?;
    Command::new(program)
        .args(["demo-devices", "--at", url, "--count", &count.to_string()])
        .env("USHER_DEMO_SERVER_KEY", &seeded.server_key)
        .env("USHER_DEMO_CLIENT_KEY", &seeded.client_key)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("the devices can't be started")
}
