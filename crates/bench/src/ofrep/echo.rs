//! The floor of an HTTP answer: actix-web that reads a request and gives bytes that it has already.

use std::net::SocketAddr;

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::ServerHandle,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
    web::{self, Bytes},
};
use anyhow::{Context as _, Result};
use tokio::runtime::Runtime;

use super::exchange::Exchange;

/// Headers that actix-web writes by itself.
const OWN: [&str; 3] = ["date", "content-length", "connection"];

#[derive(Clone)]
struct Reply {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

/// A server that gives one answer.
pub struct Echo {
    address: SocketAddr,
    handle: ServerHandle,
}

impl Echo {
    /// Starts one that answers as Usher did, with one worker.
    pub fn start(runtime: &Runtime, exchange: &Exchange) -> Result<Self> {
        let headers = exchange.headers()?.map(|(name, value)| {
            Ok((HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?))
        });
        let mut headers = headers.collect::<Result<Vec<_>>>()?;
        headers.retain(|(name, _)| !OWN.contains(&name.as_str()));
        let reply = Reply {
            status: StatusCode::from_u16(exchange.status()?)?,
            headers,
            body: Bytes::copy_from_slice(exchange.body()),
        };
        runtime.block_on(async {
            let app =
                move || App::new().app_data(web::Data::new(reply.clone())).default_service(web::to(answer));
            let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0))?;
            let address = server.addrs().first().copied().context("the echo has no address")?;
            let server = server.run();
            let handle = server.handle();
            tokio::spawn(server);
            Ok(Self { address, handle })
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it.
    pub fn stop(self, runtime: &Runtime) {
        runtime.block_on(self.handle.stop(false));
    }
}

async fn answer(_: Bytes, reply: web::Data<Reply>) -> HttpResponse {
    let mut response = HttpResponse::build(reply.status);
    for (name, value) in &reply.headers {
        response.insert_header((name.clone(), value.clone()));
    }
    response.body(reply.body.clone())
}
