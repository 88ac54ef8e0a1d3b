//! The floors of a fan-out, in a process of their own: the same bytes sent to as many WebSockets by a server that
//! does nothing else.
//!
//! `sockets` writes to plain sockets, one after the other, from as many threads as there are processors: less than
//! that a server can't do. `actix-ws` is a bare echo as its documentation has it, that also sends what is broadcast;
//! its memory is what a connection costs there.
//!
//! The process says its address on standard output. A line on standard input that is JSON, `["…", "…"]`, sets what is
//! sent to clients of `/0` and `/1`; an empty line sends it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use actix_ws::AggregatedMessage;
use anyhow::{Context as _, Result};
use bytestring::ByteString;
use clap::ValueEnum;
use futures_util::StreamExt as _;
use tokio::sync::watch;

use usher_bench::load::Usage;

/// Threads that send.
const THREADS: usize = 2;

/// Which floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Plain sockets.
    Sockets,
    /// An echo of actix-ws.
    ActixWs,
}

/// A floor's process, until it is dropped.
pub struct Floor {
    child: Child,
    input: ChildStdin,
    pub address: SocketAddr,
}

impl Floor {
    /// Starts one that sends these texts.
    pub fn start(kind: Kind, texts: &[String; 2]) -> Result<Self> {
        let name = kind.to_possible_value().context("every floor has a name")?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["floor", name.get_name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut input = child.stdin.take().context("the floor listens to nobody")?;
        writeln!(input, "{}", serde_json::to_string(texts)?)?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("the floor says nothing")?).read_line(&mut line)?;
        Ok(Self { child, input, address: line.trim().parse().context("the floor has no address")? })
    }

    /// Sends to all.
    pub fn send(&mut self) -> Result<()> {
        Ok(writeln!(self.input)?)
    }

    /// What it has taken so far.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.child.id())
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The process's own side: `usher-bench floor KIND`.
pub fn run(kind: Kind) -> Result<()> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let texts: [String; 2] = serde_json::from_str(&line)?;
    match kind {
        Kind::Sockets => sockets(&texts),
        Kind::ActixWs => rt::System::new().block_on(actix_ws_echo(texts.map(Into::into))),
    }
}

/// Calls this for each empty line.
fn each_time(mut send: impl FnMut()) -> Result<()> {
    for line in std::io::stdin().lines() {
        if line?.is_empty() {
            send();
        }
    }
    Ok(())
}

fn sockets(texts: &[String; 2]) -> Result<()> {
    let frames = Arc::new([frame(&texts[0]), frame(&texts[1])]);
    let all: Arc<Vec<Mutex<Vec<(TcpStream, usize)>>>> =
        Arc::new((0..THREADS).map(|_| Mutex::default()).collect());
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let joined = Arc::clone(&all);
    thread::spawn(move || {
        for (n, stream) in listener.incoming().flatten().enumerate() {
            if let Ok(accepted) = shake_hands(stream) {
                let threads = &joined[n % THREADS];
                threads.lock().unwrap_or_else(PoisonError::into_inner).push(accepted);
            }
        }
    });
    each_time(|| {
        thread::scope(|scope| {
            for part in all.iter() {
                let frames = &frames;
                scope.spawn(move || {
                    for (stream, which) in part.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
                        // Who has gone is not missed here.
                        drop(stream.write_all(&frames[*which]));
                    }
                });
            }
        });
    })
}

fn shake_hands(mut stream: TcpStream) -> Result<(TcpStream, usize)> {
    stream.set_nodelay(true)?;
    let mut head = Vec::new();
    let mut byte = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        let read = stream.read(&mut byte)?;
        anyhow::ensure!(read > 0, "closed");
        head.extend_from_slice(&byte[..read]);
    }
    stream.write_all(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    )?;
    Ok((stream, usize::from(head.starts_with(b"GET /1"))))
}

/// A whole text from a server.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u16::try_from(text.len()) {
        Ok(length @ 0..126) => frame.push(length.to_be_bytes()[1]),
        Ok(length) => {
            frame.push(126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        Err(_) => {
            frame.push(127);
            frame.extend_from_slice(&(text.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(text.as_bytes());
    frame
}

type News = watch::Receiver<u64>;

async fn actix_ws_echo(texts: [ByteString; 2]) -> Result<()> {
    let (sender, news) = watch::channel(0_u64);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new((texts.clone(), news.clone())))
            .route("/{which}", web::get().to(echo))
    })
    .tcp_nodelay(true)
    .workers(THREADS)
    .disable_signals()
    .bind(("127.0.0.1", 0))?;
    println!("{}", server.addrs().first().context("it has no address")?);
    thread::spawn(move || each_time(|| sender.send_modify(|nth| *nth += 1)));
    Ok(server.run().await?)
}

async fn echo(
    request: HttpRequest,
    body: web::Payload,
    which: web::Path<usize>,
    shared: web::Data<([ByteString; 2], News)>,
) -> Result<HttpResponse, actix_web::Error> {
    let (response, mut session, messages) = actix_ws::handle(&request, body)?;
    let mut messages = messages.aggregate_continuations();
    let text = shared.0[which.into_inner().min(1)].clone();
    let mut news = shared.1.clone();
    rt::spawn(async move {
        loop {
            let sent = tokio::select! {
                message = messages.next() => match message {
                    Some(Ok(AggregatedMessage::Text(text))) => session.text(text).await,
                    Some(Ok(AggregatedMessage::Ping(bytes))) => session.pong(&bytes).await,
                    Some(Ok(_)) => Ok(()),
                    Some(Err(_)) | None => return,
                },
                changed = news.changed() => match changed {
                    Ok(()) => session.text(text.clone()).await,
                    Err(_) => return,
                },
            };
            if sent.is_err() {
                return;
            }
        }
    });
    Ok(response)
}
