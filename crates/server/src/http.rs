//! The listening side: actix-web's own server, put together by hand, because only so can WebSockets be taken out of
//! HTTP (see [`crate::socket`]).

use std::{
    future::ready,
    io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix_codec::{AsyncRead, AsyncWrite};
use actix_http::{ConnectionType, HttpService, Protocol, Request, error::DispatchError};
use actix_server::{GracefulShutdownSignal, Server, ServerBuilder};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, fn_factory, fn_service, map_config,
};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{AppConfig, ServiceResponse},
    rt::net::TcpStream,
};
use socket2::{Domain, SockRef, Socket, Type};

use crate::{
    reach,
    socket::{Stream, upgrading},
    tls::Tls,
};

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

/// A server that listens at `listen`, inside TLS if there is `tls`, and answers with what `routes` makes, and where it
/// listens. From when it is
/// `leaving`, no connection is used again after an answer: whoever sends a request while theirs is being closed has
/// none.
///
/// # Errors
/// No address can be listened on.
pub(crate) fn serve<F, I, S, B>(
    listen: &str,
    workers: usize,
    unreachable_after: Duration,
    tls: Option<&Arc<Tls>>,
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
        let (leaving, routes) = (leaving.clone(), routes.clone());
        builder = serve_at(builder, listener, address, unreachable_after, tls, leaving, routes)?;
    }
    let first = first.ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok((builder.run(), first))
}

fn serve_at<F, I, S, B>(
    builder: ServerBuilder,
    listener: TcpListener,
    address: SocketAddr,
    unreachable_after: Duration,
    tls: Option<&Arc<Tls>>,
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
    let Some(tls) = tls.map(Arc::clone) else {
        return builder.listen("usher", listener, move || {
            let come = move |stream: TcpStream| {
                let peer = settled(&stream, unreachable_after);
                ready(Ok((stream, Protocol::Http1, peer)))
            };
            fn_service(come).and_then(http(address, stopping.clone(), leaving.clone(), routes.clone()))
        });
    };
    builder.listen("usher", listener, move || {
        let tls = Arc::clone(&tls);
        let come = move |stream: TcpStream| {
            let tls = Arc::clone(&tls);
            async move {
                let peer = settled(&stream, unreachable_after);
                // Each has a task of its own: nobody waits for who is slow here.
                let stream = tls.accept(stream).await.map_err(DispatchError::Io)?;
                Ok((stream, Protocol::Http1, peer))
            }
        };
        fn_service(come).and_then(http(address, stopping.clone(), leaving.clone(), routes.clone()))
    })
}

/// HTTP on connections of one kind.
fn http<T, F, I, S, B>(
    address: SocketAddr,
    stopping: GracefulShutdownSignal,
    leaving: impl Fn() -> bool + Clone + 'static,
    routes: F,
) -> impl ServiceFactory<
    (T, Protocol, Option<SocketAddr>),
    Config = (),
    Response = (),
    Error = DispatchError,
    InitError = (),
>
where
    T: AsyncRead + AsyncWrite + Into<Stream> + Unpin + 'static,
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
    let for_upgrades = routes.clone();
    // For requests without `Host`, which no page sends.
    let here = AppConfig::default();
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
        .upgrade(upgrade)
        .finish(map_config(answers.map_err(|error| error.error_response()), move |()| here.clone()))
}

/// Sets a connection up that has come; from where.
fn settled(stream: &TcpStream, unreachable_after: Duration) -> Option<SocketAddr> {
    // Small answers and events go out at once, not with what comes next. Where that can't be, they come later.
    drop(stream.set_nodelay(true));
    reach::give_up_after(SockRef::from(stream), unreachable_after);
    bound_unsent(&SockRef::from(stream));
    stream.peer_addr().ok()
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
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(socket2::Protocol::TCP))?;
    // Else the address could not be used again right after a stop.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
