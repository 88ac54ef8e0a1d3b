//! Whatever a hostile server sends, and however much of it, a client in values mode holds no more than a phone can bear,
//! and goes on with the last good values. In a test binary of its own, because the allocator counts for all; the server
//! has a thread of its own, so that only the client is counted.
#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    runtime::{Builder, Handle},
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};
use usher_sdk::{Client, Context, Mode};
use usher_testkit::allocations::{self, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

/// Longer than anything here may take, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a client in values mode may hold at a time, in bytes: what it has, and one frame as it came, read and taken apart.
const BOUND: i64 = 32 * 1024 * 1024;
/// How much is sent of what has no end.
const FLOOD_BYTES: usize = 24 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;

/// What the server does to whoever has said hello and has good values.
#[derive(Clone, Copy, Debug)]
enum Attack {
    Garbage,
    Truncated,
    /// A frame that says it is huge, and is.
    HugeFrame,
    /// A message in pieces, without end.
    EndlessMessage,
    /// More and more values.
    EndlessValues,
    /// Parts of a snapshot, which it did not ask for.
    Snapshot,
    /// Values of another journal, as if they belonged to what it has.
    WrongEpoch,
    PingFlood,
    /// Pings of the WebSocket itself.
    LowPingFlood,
}

const ATTACKS: [Attack; 9] = [
    Attack::Garbage,
    Attack::Truncated,
    Attack::HugeFrame,
    Attack::EndlessMessage,
    Attack::EndlessValues,
    Attack::Snapshot,
    Attack::WrongEpoch,
    Attack::PingFlood,
    Attack::LowPingFlood,
];

type Socket = WebSocketStream<TcpStream>;

fn text(frame: &Value) -> Message {
    Message::text(frame.to_string())
}

fn ready(epoch: u8, seq: u64, intent: &str) -> Message {
    text(
        &json!({"type": "ready", "epoch": format!("{epoch:032x}"), "seq": seq, "schema": 1, "heartbeatSec": 60,
                 "intent": intent, "environment": "production"}),
    )
}

fn values(seq: u64, full: bool, put: Value) -> Message {
    text(&json!({"type": "values", "seq": seq, "at": 0, "put": put, "delete": [], "full": full}))
}

fn value(value: &Value) -> Value {
    json!({"value": value, "variant": "v", "reason": "STATIC"})
}

/// Greets a client, and gives it good values.
async fn greet(stream: TcpStream) -> Option<Socket> {
    #[allow(clippy::result_large_err)] // The crate's own signature.
    let subprotocol = |_: &Request, mut response: Response| {
        response.headers_mut().insert("Sec-WebSocket-Protocol", "usher.v1".parse().unwrap());
        Ok(response)
    };
    let mut socket = accept_hdr_async(stream, subprotocol).await.ok()?;
    socket.next().await?.ok()?;
    socket.send(ready(1, 5, "delta")).await.ok()?;
    socket.send(values(5, true, json!({"good": value(&json!(true))}))).await.ok()?;
    Some(socket)
}

/// Attacks until there is nothing more to send, or the client has left.
async fn attack(socket: &mut Socket, attack: Attack) -> Option<()> {
    let chunk = "x".repeat(CHUNK);
    match attack {
        Attack::Garbage => socket.send(Message::text("\u{0}{]")).await.ok()?,
        Attack::Truncated => {
            socket.send(Message::text(r#"{"type":"values","seq":6,"put":{"good""#)).await.ok()?;
        }
        Attack::HugeFrame => {
            socket.flush().await.ok()?;
            let line = socket.get_mut();
            // A text of 2^40 bytes.
            line.write_all(&[0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0]).await.ok()?;
            for _ in 0..FLOOD_BYTES / CHUNK {
                line.write_all(chunk.as_bytes()).await.ok()?;
            }
        }
        Attack::EndlessMessage => {
            for n in 0..FLOOD_BYTES / CHUNK {
                let opcode = OpCode::Data(if n == 0 { Data::Text } else { Data::Continue });
                let piece = Frame::message(chunk.clone(), opcode, false);
                socket.send(Message::Frame(piece)).await.ok()?;
            }
        }
        Attack::EndlessValues => {
            for n in 0..FLOOD_BYTES / CHUNK {
                let put = json!({format!("flag-{n}"): value(&json!(chunk))});
                socket.send(values(6 + n as u64, false, put)).await.ok()?;
            }
        }
        Attack::Snapshot => {
            let documents = json!([{"kind": "venue", "key": "v", "name": "V", "description": chunk}]);
            for part in 1..=FLOOD_BYTES / CHUNK {
                let frame = json!({"type": "snapshot", "seq": 6, "at": 0, "part": part, "parts": u32::MAX, "documents": documents});
                socket.send(text(&frame)).await.ok()?;
            }
        }
        Attack::WrongEpoch => {
            socket.send(ready(2, 9, "current")).await.ok()?;
            socket.send(values(9, false, json!({"good": value(&json!(false))}))).await.ok()?;
        }
        Attack::PingFlood => {
            for _ in 0..50_000 {
                socket.feed(text(&json!({"type": "ping", "seq": 5}))).await.ok()?;
            }
            socket.flush().await.ok()?;
        }
        Attack::LowPingFlood => {
            for _ in 0..50_000 {
                socket.feed(Message::Ping(vec![7; 125].into())).await.ok()?;
            }
            socket.flush().await.ok()?;
        }
    }
    Some(())
}

/// A server in a thread of its own. It opens no stream before it was polled, which it answers without end; then it makes
/// each attack once, each on a new stream. It tells how far it is.
fn server() -> (String, mpsc::Receiver<Told>) {
    let (tells, told) = mpsc::channel();
    let (address, at) = mpsc::channel();
    thread::spawn(move || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            address.send(listener.local_addr().unwrap()).unwrap();
            let (mut attacks, mut was_polled) = (ATTACKS.iter(), false);
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let mut begins = [0; 4];
                stream.peek(&mut begins).await.unwrap();
                if begins == *b"POST" {
                    let told = if pour(stream).await.is_none() { Told::LeftThePoll } else { Told::TookItAll };
                    tells.send(told).unwrap();
                    was_polled = true;
                    continue;
                }
                if !was_polled {
                    continue;
                }
                let Some(mut socket) = greet(stream).await else { continue };
                let Some(next) = attacks.next() else {
                    tells.send(Told::Over).unwrap();
                    // Whoever has survived is left in peace.
                    tokio::spawn(async move { while socket.next().await.is_some() {} });
                    continue;
                };
                println!("{next:?}: {:?}", attack(&mut socket, *next).await);
                tells.send(Told::Attacked).unwrap();
            }
        });
    });
    (format!("http://{}", at.recv().unwrap()), told)
}

/// How far the server is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    /// It was polled, and the client has left before the answer had an end.
    LeftThePoll,
    /// The client has taken all of it.
    TookItAll,
    /// An attack is over.
    Attacked,
    /// All of them are.
    Over,
}

/// Answers over plain HTTP without end; none when the other side has left.
async fn pour(mut stream: TcpStream) -> Option<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: private, no-cache\r\n\r\n{\"x\":\"";
    stream.write_all(head.as_bytes()).await.ok()?;
    let chunk = "x".repeat(CHUNK);
    for _ in 0..FLOOD_BYTES / CHUNK {
        stream.write_all(chunk.as_bytes()).await.ok()?;
    }
    Some(())
}

#[tokio::test(flavor = "current_thread")]
async fn a_hostile_server_fills_nothing_and_the_last_good_values_stay() {
    let (url, told) = server();
    let before = allocations::watch_most();
    let builder = Client::builder(&url, "uck_a-phone").mode(Mode::Values).context(Context::new("fan"));
    // Without a cache, whose file is written, and given back to the heap, by another thread.
    let client = builder.runtime(Handle::current()).build().unwrap();
    let (begun, mut heard) = (Instant::now(), Vec::new());
    let (anybody, mut began) = (Context::anonymous(), false);
    while !heard.contains(&Told::Over) {
        let good = client.boolean("good", &anybody, false);
        assert!(good || !began, "the last good value is gone");
        began |= good;
        let most = allocations::most_held(before);
        assert!(most < BOUND, "it holds {most} bytes");
        assert!(begun.elapsed() < PATIENCE, "{:?} {:?}", client.status(), client.diagnostics());
        let news: Vec<Told> = told.try_iter().collect();
        if news.contains(&Told::Attacked) {
            // Who looks at the phone again wants to know now, and not after the pause that a bad server earns.
            client.background();
            tokio::time::sleep(Duration::from_millis(10)).await;
            client.foreground();
        }
        heard.extend(news.into_iter().filter(|told| *told != Told::Attacked));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(heard.contains(&Told::LeftThePoll) && !heard.contains(&Told::TookItAll), "{heard:?}");
    assert!(client.wait_until_live(PATIENCE).await && client.boolean("good", &anybody, false));
    println!("at most {} bytes; {heard:?}; {:?}", allocations::most_held(before), client.diagnostics());
    client.close();
}
