//! Listening: the HTTP server around a surface, and how it ends.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix_web::{App as ActixApp, dev::ServerHandle, web};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    http, reach,
    surface::{self, Surface},
    tls::{NotUsable, Tls},
};

/// How long those who send clients here have to notice that it is not ready any more, at most.
const NOTICE: Duration = Duration::from_secs(1);
/// How long streams have to take their farewell.
const DRAIN: Duration = Duration::from_millis(300);

/// Why nobody listens.
#[derive(Debug, thiserror::Error)]
pub enum NotListening {
    /// The address.
    #[error("{address} can't be listened on: {cause}")]
    Address {
        /// Which.
        address: String,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] NotUsable),
}

/// A surface that is listened on.
pub struct Listening {
    surface: Arc<Surface>,
    address: SocketAddr,
    handle: ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
    /// Looks after the certificate.
    watching: Option<JoinHandle<()>>,
}

impl Listening {
    /// Where.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as browsers and programs are told it.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.watching.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Gets ready to stop: is not ready any more, so that nobody new is sent here; then sends streams away one by one,
    /// so that they don't meet at the other nodes' doors. Requests are answered all the while.
    pub async fn retire(&self) {
        let surface = &self.surface;
        let begun = Instant::now();
        let window = Duration::from_secs(surface.settings.drain_seconds.into());
        surface.retiring.store(true, Ordering::Release);
        // Who sends clients here has to notice first.
        sleep(NOTICE.min(window / 5)).await;
        let all = surface.connections.all();
        let left = window.saturating_sub(begun.elapsed());
        let each = left / u32::try_from(all.len().max(1)).unwrap_or(u32::MAX);
        for (connection, n) in all.iter().zip(1..) {
            connection.closing.notify_one();
            sleep_until(begun + (window - left) + each * n).await;
        }
    }

    /// Says farewell to streams, finishes requests, and stops listening.
    pub async fn stop(self) {
        self.surface.retiring.store(true, Ordering::Release);
        self.surface.draining.send_replace(true);
        for connection in self.surface.connections.all() {
            connection.closing.notify_one();
        }
        sleep(DRAIN).await;
        self.handle.stop(true).await;
        drop(self.server.await);
        if let Some(watching) = self.watching {
            watching.abort();
            drop(watching.await);
        }
    }
}

/// Listens where the settings say. `more` adds the routes that are not the surface's.
///
/// # Errors
/// The address can't be listened on, or the certificate not be used.
pub fn listen(
    surface: Arc<Surface>,
    more: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> Result<Listening, NotListening> {
    let address = surface.settings.listen.clone();
    let heartbeat = Duration::from_secs(surface.settings.heartbeat_seconds.max(1).into());
    let unreachable_after = heartbeat * reach::HEARTBEATS;
    let data = web::Data::from(Arc::clone(&surface));
    let workers = surface.settings.workers;
    let retiring = Arc::clone(&surface);
    let leaving = move || retiring.is_leaving();
    let tls = Tls::open(&surface.settings)?;
    let (server, address) =
        http::serve(&address, workers, unreachable_after, tls.as_ref(), leaving, move || {
            ActixApp::new().app_data(data.clone()).configure(surface::routes).configure(more.clone())
        })
        .map_err(|cause| NotListening::Address { address: address.clone(), cause })?;
    let handle = server.handle();
    let watching = tls.map(|tls| tokio::spawn(tls.watch()));
    Ok(Listening { surface, address, handle, server: tokio::spawn(server), watching })
}
