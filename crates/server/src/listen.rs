//! Listening: the HTTP server around a surface, and how it ends.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_web::{App as ActixApp, HttpServer, dev::ServerHandle, web};
use socket2::SockRef;
use tokio::{net::TcpStream, task::JoinHandle};

use crate::{
    reach,
    surface::{self, Surface},
};

/// How long requests may take to finish once the server stops.
const SHUTDOWN_SECONDS: u64 = 10;
/// How long streams have to take their farewell.
const DRAIN: Duration = Duration::from_millis(300);

/// The address can't be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{address} can't be listened on: {cause}")]
pub struct NotListening {
    /// The address.
    address: String,
    /// What the system says.
    cause: std::io::Error,
}

/// A surface that is listened on.
pub struct Listening {
    surface: Arc<Surface>,
    address: SocketAddr,
    handle: ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
}

impl Listening {
    /// Where.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says farewell to streams, finishes requests, and stops listening.
    pub async fn stop(self) {
        self.surface.draining.send_replace(true);
        tokio::time::sleep(DRAIN).await;
        self.handle.stop(true).await;
        drop(self.server.await);
    }
}

/// Listens where the settings say. `more` adds the routes that are not the surface's.
///
/// # Errors
/// The address can't be listened on.
pub fn listen(
    surface: Arc<Surface>,
    more: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> Result<Listening, NotListening> {
    let address = surface.settings.listen.clone();
    let heartbeat = Duration::from_secs(surface.settings.heartbeat_seconds.max(1).into());
    let unreachable_after = heartbeat * reach::HEARTBEATS;
    let data = web::Data::from(Arc::clone(&surface));
    let mut server = HttpServer::new(move || {
        ActixApp::new().app_data(data.clone()).configure(surface::routes).configure(more.clone())
    })
    .on_connect(move |socket, _| {
        if let Some(socket) = socket.downcast_ref::<TcpStream>() {
            reach::give_up_after(SockRef::from(socket), unreachable_after);
        }
    })
    // Small answers and events go out at once, not with what comes next.
    .tcp_nodelay(true)
    .disable_signals()
    .shutdown_timeout(SHUTDOWN_SECONDS);
    if surface.settings.workers > 0 {
        server = server.workers(surface.settings.workers);
    }
    let not = |cause| NotListening { address: address.clone(), cause };
    let server = server.bind(&address).map_err(not)?;
    let address = server.addrs().first().copied().unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = server.run();
    let handle = server.handle();
    Ok(Listening { surface, address, handle, server: tokio::spawn(server) })
}
