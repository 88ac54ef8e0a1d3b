//! The listening side: actix-web's own server, put together by hand, because only so can WebSockets be taken out of
//! HTTP (see [`crate::socket`]).

use std::{
    io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    rc::Rc,
    time::Duration,
};

use actix_http::{ConnectionType, HttpService, Request};
use actix_server::{Server, ServerBuilder};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, fn_factory, fn_service, map_config,
};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{AppConfig, ServiceResponse},
    rt::net::TcpStream,
};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::{reach, socket::upgrading};

/// Connections that wait to be taken. A venue's phones come back at once.
const BACKLOG: i32 = 4096;
/// How long the head of a request may take to come.
const REQUEST_HEAD: Duration = Duration::from_secs(5);
/// How long the other side may take to notice that a connection ends.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long requests may take to finish once the server stops, in seconds.
const SHUTDOWN_SECONDS: u64 = 10;
/// What the kernel may hold for a client that does not take it, in bytes; besides what is on its way. Without this
/// it would be megabytes for each client that is slow.
const UNSENT_BYTES: u32 = 128 * 1024;

/// A server that listens at `listen` and answers with what `routes` makes, and where it listens. From when it is
/// `leaving`, no connection is used again after an answer: whoever sends a request while theirs is being closed has
/// none.
///
/// # Errors
/// No address can be listened on.
pub(crate) fn serve<F, I, S, B>(
    listen: &str,
    workers: usize,
    unreachable_after: Duration,
    leaving: impl Fn() -> bool + Send + Clone + 'static,
    routes: F,
) -> io::Result<(Server, SocketAddr)>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<
            Request,
            Config = AppConfig,
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let mut builder = Server::build().disable_signals().shutdown_timeout(SHUTDOWN_SECONDS);
    if workers > 0 {
        builder = builder.workers(workers);
    }
    let mut first = None;
    for listener in listeners(listen)? {
        let address = listener.local_addr()?;
        first = first.or(Some(address));
        builder = serve_at(builder, listener, address, unreachable_after, leaving.clone(), routes.clone())?;
    }
    let first = first.ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok((builder.run(), first))
}

fn serve_at<F, I, S, B>(
    builder: ServerBuilder,
    listener: TcpListener,
    address: SocketAddr,
    unreachable_after: Duration,
    leaving: impl Fn() -> bool + Send + Clone + 'static,
    routes: F,
) -> io::Result<ServerBuilder>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<
            Request,
            Config = AppConfig,
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let stopping = builder.graceful_shutdown_signal();
    builder.listen("usher", listener, move || {
        let stopping = stopping.clone();
        let for_upgrades = routes.clone();
        // For requests without `Host`, which no page sends.
        let here = AppConfig::default();
        let leaving = leaving.clone();
        let answers = routes().into_factory().map(move |mut response: ServiceResponse<B>| {
            if leaving() {
                response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
            }
            response
        });
        let upgrade = fn_factory(move || {
            let routes = for_upgrades().into_factory().new_service(AppConfig::default());
            async move {
                let routes = Rc::new(routes.await?);
                Ok::<_, ()>(fn_service(move |request| {
                    let routes = Rc::clone(&routes);
                    async move { upgrading(&*routes, request).await }
                }))
            }
        });
        HttpService::build()
            // Connections that wait for a next request end at once when the server stops.
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .client_request_timeout(REQUEST_HEAD)
            .client_disconnect_timeout(FAREWELL)
            .local_addr(address)
            // Small answers and events go out at once, not with what comes next.
            .tcp_nodelay(true)
            .on_connect_ext(move |stream: &TcpStream, _| {
                reach::give_up_after(SockRef::from(stream), unreachable_after);
                bound_unsent(&SockRef::from(stream));
            })
            .upgrade(upgrade)
            .finish(map_config(answers.map_err(|error| error.error_response()), move |()| here.clone()))
            .tcp()
    })
}

fn bound_unsent(socket: &SockRef<'_>) {
    #[cfg(any(target_os = "android", target_os = "linux"))]
    if let Err(error) = socket.set_tcp_notsent_lowat(UNSENT_BYTES) {
        tracing::debug!(%error, "a connection may hold as much unsent as the system likes");
    }
    #[cfg(not(any(target_os = "android", target_os = "linux")))]
    let _ = socket;
}

/// All addresses that a text stands for; those that can't be listened on are passed over while there are others.
fn listeners(listen: &str) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    let mut refused = None;
    for address in listen.to_socket_addrs()? {
        match listener(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) => refused = Some(error),
        }
    }
    match refused {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Else the address could not be used again right after a stop.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
