//! Simulated devices: real SDK clients, a few hundred of them, spread over venues as people would be. One after the
//! other they show somebody what flags give them, so that there is something to count.

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
/// What devices show.
const SHOWN: [&str; 3] = ["resale-guard", "queue-throttle", "express-checkout"];
/// Pause between two devices that show something.
const SHOWN_EVERY: Duration = Duration::from_millis(200);
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
    let (mut held, mut rest) = (tokio::io::stdin(), Vec::new());
    let ended = tokio::select! {
        ended = held.read_to_end(&mut rest) => ended,
        () = show(&clients) => Ok(0),
    };
    for (client, _) in &clients {
        client.close();
    }
    ended?;
    Ok(())
}

/// Shows what flags give, one device after the other, for ever.
async fn show(clients: &[(Client, Context)]) {
    for (n, (client, context)) in clients.iter().enumerate().cycle() {
        tokio::time::sleep(SHOWN_EVERY).await;
        client.expose(SHOWN[n % SHOWN.len()], context);
    }
    // Without devices there is nothing to show.
    std::future::pending::<()>().await;
}

/// Scanners (every second device) have rules and decide by themselves; phones get values.
fn connect(devices: &DemoDevices, n: usize) -> Result<(Client, Context)> {
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
    let version = APP_VERSIONS[n / 2 % APP_VERSIONS.len()];
    let context = Context::new(&format!("attendee-{n}"))
        .with("venue", venue)
        .with("tier", TIERS[n / 2 % TIERS.len()])
        .with("appVersion", version);
    let builder = if is_scanner {
        Client::builder(&devices.at, &devices.server_key).mode(Mode::Ruleset)
    } else {
        let builder = Client::builder(&devices.at, &devices.client_key).mode(Mode::Values);
        builder.context(context.clone())
    };
    let builder = builder.venue(venue).app_version(version).runtime(tokio::runtime::Handle::current());
    Ok((builder.build()?, context))
}
