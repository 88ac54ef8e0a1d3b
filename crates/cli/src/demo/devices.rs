//! Simulated devices: real SDK clients, a few hundred of them, spread over venues as people would be.

use std::time::Duration;

use anyhow::Result;
use tokio::io::AsyncReadExt;
use usher_core::Context;
use usher_sdk::{Client, Mode};

use crate::args::DemoDevices;

/// Where the devices are, and how many parts of them.
const PLACES: &[(&str, usize)] = &[
    ("wembley-stadium", 12),
    ("camp-nou", 9),
    ("stade-de-france", 7),
    ("signal-iduna-park", 6),
    ("old-trafford", 6),
    ("allianz-arena", 5),
    ("maracana", 5),
    ("estadio-azteca", 4),
    ("stadio-san-siro", 4),
    ("johan-cruijff-arena", 3),
    ("croke-park", 3),
    ("principality-stadium", 3),
    ("melbourne-cricket-ground", 3),
    ("celtic-park", 2),
    ("estadio-da-luz", 2),
    ("nissan-stadium", 1),
];
const APP_VERSIONS: [&str; 3] = ["3.2.0", "3.1.4", "3.3.1"];
const TIERS: [&str; 4] = ["basic", "season", "basic", "founder"];
/// Pause between two devices that connect, so that a demo begins like doors opening.
const BETWEEN: Duration = Duration::from_millis(3);

/// Connects devices, and keeps them until standard input closes.
pub async fn run(devices: DemoDevices) -> Result<()> {
    let mut clients = Vec::with_capacity(devices.count);
    for n in 0..devices.count {
        clients.push(connect(&devices, n)?);
        tokio::time::sleep(BETWEEN).await;
    }
    // The server holds the other end: nothing is ever written, but it closes when the server is gone.
    let mut rest = Vec::new();
    tokio::io::stdin().read_to_end(&mut rest).await?;
    for client in &clients {
        client.close();
    }
    Ok(())
}

/// Scanners (every second device) have rules and decide by themselves; phones get values.
fn connect(devices: &DemoDevices, n: usize) -> Result<Client> {
    let parts: usize = PLACES.iter().map(|(_, parts)| parts).sum();
    let mut place = n % parts;
    let mut venue = PLACES[0].0;
    for (key, parts) in PLACES {
        venue = key;
        if place < *parts {
            break;
        }
        place -= parts;
    }
    let is_scanner = n.is_multiple_of(2);
    let builder = if is_scanner {
        Client::builder(&devices.at, &devices.server_key).mode(Mode::Ruleset)
    } else {
        let context = Context::new(&format!("attendee-{n}"))
            .with("venue", venue)
            .with("tier", TIERS[n / 2 % TIERS.len()])
            .with("appVersion", APP_VERSIONS[n / 2 % APP_VERSIONS.len()]);
        Client::builder(&devices.at, &devices.client_key).mode(Mode::Values).context(context)
    };
    let version = APP_VERSIONS[n / 2 % APP_VERSIONS.len()];
    Ok(builder.venue(venue).app_version(version).runtime(tokio::runtime::Handle::current()).build()?)
}
